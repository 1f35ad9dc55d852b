//! Users: as others see them, and as those who administer them do.

use async_graphql::{Context, ID, Object, Result};
use entity::{UserId, post, user};
use time::OffsetDateTime;

use super::post::Post;
use crate::access::Permits;
use crate::access::action::UserRead;
use crate::error::Error;
use crate::graphql::connection::connection;
use crate::graphql::context::Ask;
use crate::graphql::id::to_global;
use crate::graphql::limits::words::{About, Paged};
use crate::graphql::listing::page;
use crate::graphql::loader::Loader;
use crate::graphql::page::{PageArgs, Paging};
use crate::history::graphql::{HistoryConnection, UserHistories, history_of};
use crate::org::filter::{UserFilter, UserSort, user_order};
use crate::org::repo::UserRow;

/// Somebody who works in the group.
pub struct User(pub UserRow);

connection!(UserConnection, UserEdge, User, "users");

impl User {
    /// The user of this id; none where the caller sees no such user.
    pub async fn load(ctx: &Context<'_>, id: UserId) -> Result<Option<Self>> {
        ctx.scoped()?;
        Ok(ctx.given::<Loader<UserId, UserRow>>()?.load(id).await?.map(Self))
    }

    /// Does the caller administer this user? What only administrators see is null for everybody else.
    async fn is_administered(&self, ctx: &Context<'_>) -> Result<bool, Error> {
        Ok(ctx.given::<Administered>()?.load(self.0.model.id).await?.is_some())
    }
}

/// The titles of users, apart from anything else that is loaded by user.
pub type Titles = Loader<UserId, String>;
/// Whom the caller administers.
pub type Administered = Loader<UserId, ()>;
/// Posts of users, of those that the caller administers.
pub type Posts = Loader<UserId, Vec<post::Model>>;

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
    #[graphql(directive = Paged::apply())]
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

    /// The name for signing in; null unless you administer this user.
    async fn username(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        Ok(self.is_administered(ctx).await?.then_some(self.0.model.username.as_str()))
    }

    /// The e-mail address; null where there is none, and unless you administer this user.
    async fn email(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        let email = self.0.model.email.as_deref();
        Ok(if self.is_administered(ctx).await? { email } else { None })
    }

    /// By what the issuer of OpenID Connect knows the user; null where it does not, and unless you administer this user.
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        let subject = self.0.model.subject.as_deref();
        Ok(if self.is_administered(ctx).await? { subject } else { None })
    }

    /// Every post at the units that you administer, past and to come too, oldest first; null unless you administer this user.
    #[graphql(directive = About::apply(5))]
    async fn posts(&self, ctx: &Context<'_>) -> Result<Option<Vec<Post>>> {
        if !self.is_administered(ctx).await? {
            return Ok(None);
        }
        let posts = ctx.given::<Posts>()?.load(self.0.model.id).await?.unwrap_or_default();
        Ok(Some(posts.into_iter().map(Post::from).collect()))
    }

    /// Since when the user may not sign in; null where they may, and unless you administer this user.
    async fn disabled_at(&self, ctx: &Context<'_>) -> Result<Option<OffsetDateTime>> {
        let at = self.0.model.disabled_at.map(Into::into);
        Ok(if self.is_administered(ctx).await? { at } else { None })
    }

    /// The version, as in `expectedVersion`; null unless you administer this user.
    async fn version(&self, ctx: &Context<'_>) -> Result<Option<i64>> {
        Ok(self.is_administered(ctx).await?.then_some(self.0.model.version))
    }
}

/// Reading users.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The users that you see, by name: colleagues at your units and below, owners of customers that you see, and whom you administer;
    /// whoever administers the whole group sees everybody.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    #[graphql(directive = Paged::apply())]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which users.")] filter: Option<UserFilter>,
        #[graphql(desc = "In which order; by name.")] sort: Option<UserSort>,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<UserConnection> {
        let scoped = ctx.scoped()?;
        scoped.viewer().permit::<UserRead>()?;
        let paging = Paging::try_new(ctx, PageArgs { first, after, last, before }, None)?;
        let query = scoped.find::<user::Entity>().filter(filter.unwrap_or_default().condition(scoped, sort)?);
        Ok(UserConnection(page(query, &user_order(sort), &paging, User).await?))
    }
}
