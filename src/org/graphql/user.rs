//! Users as others see them.

use async_graphql::{Context, ID, Object, Result};
use entity::UserId;

use crate::graphql::context::Ask;
use crate::graphql::id::to_global;
use crate::graphql::loader::Loader;
use crate::org::repo::UserRow;

/// Somebody who works in the group.
pub struct User(pub UserRow);

impl User {
    /// The user of this id; none where the caller sees no such user.
    pub async fn load(ctx: &Context<'_>, id: UserId) -> Result<Option<Self>> {
        ctx.scoped()?;
        Ok(ctx.given::<Loader<UserId, UserRow>>()?.load(id).await?.map(Self))
    }
}

/// The titles of users, apart from anything else that is loaded by user.
pub type Titles = Loader<UserId, String>;

/// Somebody who works in the group.
#[Object]
impl User {
    /// The global id.
    pub async fn id(&self) -> ID {
        to_global(self.0.model.id)
    }

    /// The name.
    async fn name(&self) -> &str {
        &self.0.model.name
    }

    /// The title of the post held longest; null without one.
    async fn title(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(ctx.given::<Titles>()?.load(self.0.model.id).await?)
    }
}
