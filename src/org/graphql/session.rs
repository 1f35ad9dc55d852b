//! One's own sessions and password, and links for those who have lost theirs.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use entity::session;
use time::OffsetDateTime;

use super::sign_in::Tried;
use crate::error::Error;
use crate::graphql::context::Ask;
use crate::graphql::id::{from_global, to_global};
use crate::org::SignIn;
use crate::org::passwords::{self, Link};
use crate::org::repo::{self, Which};

/// A stretch of being signed in on one device.
pub struct Session {
    row: session::Model,
    current: bool,
}

impl Session {
    /// The caller's own live sessions, those used last first.
    pub async fn own(ctx: &Context<'_>) -> Result<Vec<Self>> {
        let scoped = ctx.scoped()?;
        let current = scoped.viewer().session();
        let rows = repo::live_sessions(scoped).await?;
        Ok(rows.into_iter().map(|row| Self { current: Some(row.id) == current, row }).collect())
    }
}

/// A stretch of being signed in on one device.
#[Object]
impl Session {
    /// The session's id, for `endSession`.
    pub async fn id(&self) -> ID {
        to_global(self.row.id)
    }

    /// What the user called the device when signing in; null where nothing was said.
    async fn device(&self) -> Option<&str> {
        self.row.device.as_deref()
    }

    /// When they signed in.
    async fn started_at(&self) -> OffsetDateTime {
        self.row.started_at.into()
    }

    /// When it was last refreshed.
    async fn used_at(&self) -> OffsetDateTime {
        self.row.used_at.into()
    }

    /// When it ends unless it is refreshed.
    async fn expires_at(&self) -> OffsetDateTime {
        self.row.expires_at.into()
    }

    /// Is it the one of this request?
    async fn current(&self) -> bool {
        self.current
    }
}

/// Sessions that ended. Their tokens are refused from the next request on.
#[derive(SimpleObject)]
pub struct EndedSessionsPayload {
    /// How many ended now.
    ended_sessions: i32,
}

impl From<usize> for EndedSessionsPayload {
    fn from(ended: usize) -> Self {
        Self { ended_sessions: i32::try_from(ended).unwrap_or(i32::MAX) }
    }
}

/// Which session ends.
#[derive(InputObject)]
pub struct EndSessionInput {
    /// One of `viewer { sessions { id } }`.
    id: ID,
}

/// The caller's own password.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The one that holds now. A wrong one counts as a failed sign-in.
    #[graphql(secret)]
    current_password: String,
    /// The one that shall hold: 10 to 200 characters, not the current one.
    #[graphql(secret)]
    new_password: String,
}

/// Whose password is to be set.
#[derive(InputObject)]
pub struct CreatePasswordLinkInput {
    /// The user, whom you must be entitled to manage; not yourself.
    user_id: ID,
}

/// A link by which its user sets a password, once. It is shown this one time: hand it to nobody but the user.
#[derive(SimpleObject)]
pub struct PasswordLinkPayload {
    /// What `setPassword` takes, for apps of your own.
    token: String,
    /// The page of this server that takes it.
    link: String,
    /// When it stops working: 24 hours from now.
    expires_at: OffsetDateTime,
}

impl From<Link> for PasswordLinkPayload {
    fn from(link: Link) -> Self {
        Self { token: link.token, link: link.url, expires_at: link.expires_at.into() }
    }
}

/// Sessions and passwords.
#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Signs out here: ends the session of this request.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<EndedSessionsPayload> {
        let scoped = ctx.scoped()?;
        let session = scoped.viewer().session().ok_or(Error::Unauthenticated)?;
        Ok(ctx.given::<SignIn>()?.sign_out(scoped, Which::One(session)).await?.into())
    }

    /// Signs out everywhere: ends all your sessions, this one too.
    async fn sign_out_everywhere(&self, ctx: &Context<'_>) -> Result<EndedSessionsPayload> {
        Ok(ctx.given::<SignIn>()?.sign_out(ctx.scoped()?, Which::Others(None)).await?.into())
    }

    /// Ends one of your sessions, as on a device that was lost. NOT_FOUND where it has ended or is none of yours.
    async fn end_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session ends.")] input: EndSessionInput,
    ) -> Result<EndedSessionsPayload> {
        let session = Which::One(from_global(&input.id, "input.id")?);
        Ok(ctx.given::<SignIn>()?.sign_out(ctx.scoped()?, session).await?.into())
    }

    /// Changes your password and ends all your other sessions. A wrong current password: BAD_USER_INPUT; after 10 of them RATE_LIMITED.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Both passwords.")] input: ChangePasswordInput,
    ) -> Result<EndedSessionsPayload> {
        let scoped = ctx.scoped()?;
        ctx.given::<Arc<Tried>>()?.once("changePassword")?;
        Ok(ctx.given::<SignIn>()?.change_password(scoped, input.current_password, input.new_password).await?.into())
    }

    /// Makes a link by which a user sets a new password: once, within 24 hours. Older links of the user stop working; sessions go on until
    /// the password is set. Needs the power to give every post that the user holds.
    async fn create_password_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose password is to be set.")] input: CreatePasswordLinkInput,
    ) -> Result<PasswordLinkPayload> {
        let scoped = ctx.scoped()?;
        let user = from_global(&input.user_id, "input.userId")?;
        Ok(passwords::create_link(scoped, user, ctx.given::<SignIn>()?.links()).await?.into())
    }
}
