//! What needs no token: signing in, going on by refresh token, setting a password by a link.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use time::OffsetDateTime;

use crate::error::{Error, Violation};
use crate::graphql::context::Ask;
use crate::org::sign_in::{Given, Opened};
use crate::org::{Peer, SignIn};

/// Who signs in.
#[derive(InputObject)]
pub struct SignInInput {
    /// The user name.
    username: String,
    /// The password.
    #[graphql(secret)]
    password: String,
    /// What the user calls this device, at most 100 characters: it stands in the list of their sessions.
    device: Option<String>,
}

/// What to go on with.
#[derive(SimpleObject)]
pub struct SignInPayload {
    /// Send it as `Authorization: Bearer <accessToken>`.
    access_token: String,
    /// When it stops working: 15 minutes from now. Refresh some seconds before, or when a request answers UNAUTHENTICATED.
    expires_at: OffsetDateTime,
    /// Good for `refreshSession`, once. Keep it where the device keeps secrets.
    refresh_token: String,
    /// Until when the session lasts without being refreshed: 30 days from now. After that, sign in again.
    session_expires_at: OffsetDateTime,
}

impl From<Opened> for SignInPayload {
    fn from(opened: Opened) -> Self {
        Self {
            access_token: opened.access.text,
            expires_at: opened.access.expires_at.into(),
            refresh_token: opened.refresh,
            session_expires_at: opened.session_expires_at.into(),
        }
    }
}

/// What a session goes on by.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// The `refreshToken` that came last.
    #[graphql(secret)]
    refresh_token: String,
}

/// A password by a one-time link.
#[derive(InputObject)]
pub struct SetPasswordInput {
    /// The token of the link: what stands behind its `#`.
    #[graphql(secret)]
    token: String,
    /// The new password: 10 to 200 characters.
    #[graphql(secret)]
    password: String,
}

/// What came of it.
#[derive(SimpleObject)]
pub struct SetPasswordPayload {
    /// The password is set: sign in with it.
    is_set: bool,
}

/// What a request has tried already: once is enough, or one request could try a thousand passwords.
#[derive(Default)]
pub struct Tried(Mutex<HashSet<&'static str>>);

impl Tried {
    /// Takes a field back that is tried again as a whole.
    pub fn forget(&self, field: &str) {
        if let Ok(mut tried) = self.0.lock() {
            tried.remove(field);
        }
    }

    /// Errors: BAD_USER_INPUT the second time.
    pub fn once(&self, field: &'static str) -> Result<(), Error> {
        let first = self.0.lock().is_ok_and(|mut tried| tried.insert(field));
        let wrong = || Error::invalid(Violation::new(field, "once", "may stand in a request once", "每个请求只能出现一次"));
        if first { Ok(()) } else { Err(wrong()) }
    }
}

/// What needs no token.
#[derive(Default)]
pub struct SignInMutation;

#[Object]
impl SignInMutation {
    /// Signs in by name and password: starts a session. Needs no token. A wrong name and a wrong password give the same UNAUTHENTICATED. After
    /// 10 failures for a user name, or 100 from an address, within 15 minutes: RATE_LIMITED for 15 minutes, with `retryAfterSeconds`.
    async fn sign_in(&self, ctx: &Context<'_>, #[graphql(desc = "Who signs in.")] input: SignInInput) -> Result<SignInPayload> {
        ctx.given::<Arc<Tried>>()?.once("signIn")?;
        let given = Given { username: input.username, password: input.password, device: input.device };
        Ok(ctx.given::<SignIn>()?.sign_in(given, *ctx.given::<Peer>()?).await?.into())
    }

    /// Goes on with a session: a new access token, and a new refresh token in place of the one that was sent. Needs no token: leave the
    /// Authorization header out. A refresh token works once. One that comes a second time ends the session at once, since somebody else
    /// has a copy: so refresh from one place, one after the other, and store the new token before using it. UNAUTHENTICATED: sign in again.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the session goes on by.")] input: RefreshSessionInput,
    ) -> Result<SignInPayload> {
        ctx.given::<Arc<Tried>>()?.once("refreshSession")?;
        Ok(ctx.given::<SignIn>()?.refresh(&input.refresh_token).await?.into())
    }

    /// Sets a password by a link that an administrator made. Needs no token. The link works once and for 24 hours; all sessions of the user
    /// end. A link that was used, has run out or was replaced by a newer one: BAD_USER_INPUT.
    async fn set_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link and the password.")] input: SetPasswordInput,
    ) -> Result<SetPasswordPayload> {
        ctx.given::<Arc<Tried>>()?.once("setPassword")?;
        ctx.given::<SignIn>()?.set_password(&input.token, input.password).await?;
        Ok(SetPasswordPayload { is_set: true })
    }
}
