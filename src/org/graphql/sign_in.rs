//! Signing in.

use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use time::OffsetDateTime;

use crate::error::{Error, Violation};
use crate::graphql::context::Ask;
use crate::org::SignIn;

/// Who signs in.
#[derive(InputObject)]
pub struct SignInInput {
    /// The user name.
    username: String,
    /// The password.
    #[graphql(secret)]
    password: String,
}

/// A token to go on with.
#[derive(SimpleObject)]
pub struct SignInPayload {
    /// Send it as `Authorization: Bearer <accessToken>`.
    access_token: String,
    /// When it stops working: 15 minutes from now.
    expires_at: OffsetDateTime,
}

/// Whether a request has tried to sign in: once is enough, or one request could try a thousand passwords.
#[derive(Default)]
pub struct TriedToSignIn(AtomicBool);

/// Signing in.
#[derive(Default)]
pub struct SignInMutation;

#[Object]
impl SignInMutation {
    /// Signs in by name and password. Needs no token. A wrong name and a wrong password give the same UNAUTHENTICATED.
    async fn sign_in(&self, ctx: &Context<'_>, #[graphql(desc = "Who signs in.")] input: SignInInput) -> Result<SignInPayload> {
        if ctx.given::<TriedToSignIn>()?.0.swap(true, Ordering::Relaxed) {
            return Err(Error::invalid(Violation::new("signIn", "once", "may stand in a request once", "每个请求只能出现一次")).into());
        }
        let token = ctx.given::<SignIn>()?.sign_in(&input.username, input.password).await?;
        Ok(SignInPayload { access_token: token.text, expires_at: token.expires_at.into() })
    }
}
