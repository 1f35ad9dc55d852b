//! Users as others see them.

use async_graphql::{Context, ID, Object, Result};
use entity::UserId;

use crate::graphql::context::Ask;
use crate::graphql::id::to_global;
use crate::graphql::loader::Loader;
use crate::graphql::page::PageArgs;
use crate::history::graphql::{HistoryConnection, UserHistories, history_of};
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

    /// What was done to the user and the posts held, newest first; null unless you administer a unit at which the user holds a post.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<Option<HistoryConnection>> {
        let id = self.0.model.id;
        let history = ctx.given::<UserHistories>()?.load(id).await?;
        history_of(ctx, id.0, history, PageArgs { first, after, last, before }).await
    }
}
