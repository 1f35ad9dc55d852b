//! Who asks.

use async_graphql::{Context, ID, Object, Result};

use super::post::Post;
use super::session::Session;
use crate::access::Who;
use crate::graphql::context::Ask;
use crate::graphql::id::to_global;
use crate::graphql::limits::words::About;
use crate::graphql::words::{Action, Resource};

/// You, as the gateway knows you.
pub struct Viewer;

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

    /// The posts that count now. Without one you may do nothing but look after your sessions and your password.
    #[graphql(directive = About::apply(5))]
    async fn posts(&self, ctx: &Context<'_>) -> Result<Vec<Post>> {
        Ok(ctx.scoped()?.viewer().posts().iter().map(Post::from).collect())
    }

    /// Where you are signed in: your live sessions, those used last first; of more than 100 the first 100.
    #[graphql(directive = About::apply(20))]
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        Session::own(ctx).await
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
