//! Who asks.

use async_graphql::{Context, ID, Object, Result};
use time::OffsetDateTime;

use super::unit::OrgUnit;
use crate::access::{ActivePost, Who};
use crate::graphql::context::Ask;
use crate::graphql::id::to_global;
use crate::graphql::words::{Action, Resource};

/// You, as the gateway knows you.
pub struct Viewer;

/// A role that you hold at a unit, for a time.
pub struct Post(ActivePost);

/// Who asks.
#[derive(Default)]
pub struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// You, as the gateway knows you: name, posts, and what you may do.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        ctx.scoped()?;
        Ok(Viewer)
    }
}

/// You, as the gateway knows you.
#[Object]
impl Viewer {
    /// Your global id.
    async fn id(&self, ctx: &Context<'_>) -> Result<Option<ID>> {
        Ok(ctx.scoped()?.viewer().user_id().map(to_global))
    }

    /// The name that others see.
    async fn name<'a>(&self, ctx: &Context<'a>) -> Result<&'a str> {
        Ok(match ctx.scoped()?.viewer().who() {
            Who::User { name, .. } => name,
            Who::System { reason } => reason,
        })
    }

    /// The name that you sign in by.
    async fn username<'a>(&self, ctx: &Context<'a>) -> Result<Option<&'a str>> {
        Ok(match ctx.scoped()?.viewer().who() {
            Who::User { username, .. } => Some(username),
            Who::System { .. } => None,
        })
    }

    /// The posts that count now. Without one you may do nothing else.
    async fn posts(&self, ctx: &Context<'_>) -> Result<Vec<Post>> {
        Ok(ctx.scoped()?.viewer().posts().iter().cloned().map(Post).collect())
    }

    /// May you do this on some record at least? For menus: whether you may do it on a given record, that record's answer tells.
    async fn can(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is done to.")] resource: Resource,
        #[graphql(desc = "What is done.")] action: Action,
    ) -> Result<bool> {
        Ok(ctx.scoped()?.viewer().can(resource.into(), action.into()))
    }
}

/// A role that you hold at a unit, for a time.
#[Object]
impl Post {
    /// The post's id.
    async fn id(&self) -> ID {
        to_global(self.0.held.id)
    }

    /// The role's code.
    async fn role(&self) -> &str {
        &self.0.held.role
    }

    /// The role's title.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// Where you hold it.
    async fn unit(&self, ctx: &Context<'_>) -> Result<Option<OrgUnit>> {
        OrgUnit::load(ctx, self.0.held.unit).await
    }

    /// Its first moment.
    async fn valid_from(&self) -> OffsetDateTime {
        self.0.held.valid_from.into()
    }

    /// The first moment without it; null: open.
    async fn valid_to(&self) -> Option<OffsetDateTime> {
        self.0.held.valid_to.map(Into::into)
    }
}
