//! Administering users.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use entity::{UnitId, UserId};
use time::OffsetDateTime;

use super::user::User;
use crate::access::Permits;
use crate::access::action::OrganisationAdminister;
use crate::error::Error;
use crate::graphql::context::Ask;
use crate::graphql::id::from_global;
use crate::graphql::patch::patch;
use crate::org::federation::{Federation, Subject};
use crate::org::posts::NewPost;
use crate::org::rules;
use crate::org::users::{self, NewUser, UserChange};
use crate::patch::Patch;

/// A user's first post.
#[derive(InputObject)]
pub struct FirstPostInput {
    /// The code of the role, one that a post of yours may give.
    role: String,
    /// The unit, one that you administer.
    unit_id: ID,
    /// Its first moment; now where omitted.
    valid_from: Option<OffsetDateTime>,
    /// The first moment without it; open where omitted.
    valid_to: Option<OffsetDateTime>,
}

/// A user to be.
#[derive(InputObject)]
pub struct CreateUserInput {
    /// The name for signing in: a lower-case letter or digit, then lower-case letters, digits, - _ . and @, at most 64.
    username: String,
    /// The name that others see.
    name: String,
    /// E-mail address.
    email: Option<String>,
    /// The first post.
    post: FirstPostInput,
}

/// What changes of a user. An omitted field stays as it is; null empties it.
#[derive(InputObject)]
pub struct UpdateUserInput {
    /// The user.
    id: ID,
    /// The version that you have seen: CONFLICT where the user has changed since.
    expected_version: Option<i64>,
    /// The name that others see.
    name: MaybeUndefined<String>,
    /// E-mail address.
    email: MaybeUndefined<String>,
    /// By what the issuer of OpenID Connect that is configured here knows the user: the `sub` of its tokens, at most 255 characters. Whoever
    /// holds a token of it with that `sub` is this user then. CONFLICT where it is another user's.
    subject: MaybeUndefined<String>,
}

/// Which user.
#[derive(InputObject)]
pub struct DisableUserInput {
    /// The user.
    id: ID,
    /// The version that you have seen: CONFLICT where the user has changed since.
    expected_version: Option<i64>,
}

/// What became of the user.
#[derive(SimpleObject)]
pub struct UserPayload {
    /// The user as they stand and you see them; null where they are out of your sight now.
    user: Option<User>,
}

async fn payload(ctx: &Context<'_>, id: UserId) -> Result<UserPayload> {
    Ok(UserPayload { user: User::load(ctx, id).await? })
}

async fn set_disabled(ctx: &Context<'_>, input: DisableUserInput, disabled: bool) -> Result<UserPayload> {
    let scoped = ctx.scoped()?;
    scoped.viewer().permit::<OrganisationAdminister>()?;
    let id = from_global::<UserId>(&input.id, "input.id")?;
    users::set_disabled(scoped, id, disabled, input.expected_version).await?;
    payload(ctx, id).await
}

/// Administering users.
#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Adds a user with a first post. It takes a post that administers the unit and whose role may give that role. The user has no password
    /// yet and sets one by a link: `createPasswordLink`. CONFLICT where the user name is in use.
    async fn create_user(&self, ctx: &Context<'_>, #[graphql(desc = "The user to be.")] input: CreateUserInput) -> Result<UserPayload> {
        let scoped = ctx.scoped()?;
        scoped.viewer().permit::<OrganisationAdminister>()?;
        let id: UserId = scoped.clock().id();
        let post = NewPost {
            user: id,
            role: input.post.role,
            unit: from_global::<UnitId>(&input.post.unit_id, "input.post.unitId")?,
            valid_from: input.post.valid_from.map_or_else(|| scoped.now(), Into::into),
            valid_to: input.post.valid_to.map(Into::into),
            acting_for: None,
        };
        users::create(scoped, NewUser { username: input.username, name: input.name, email: input.email, subject: None }, post).await?;
        payload(ctx, id).await
    }

    /// Changes name, e-mail and subject of a user. It takes the power to give every post that the user holds; a user without an open post is for
    /// those who administer the whole group.
    async fn update_user(&self, ctx: &Context<'_>, #[graphql(desc = "What changes.")] input: UpdateUserInput) -> Result<UserPayload> {
        let scoped = ctx.scoped()?;
        scoped.viewer().permit::<OrganisationAdminister>()?;
        let id = from_global::<UserId>(&input.id, "input.id")?;
        let issuer = ctx.given::<Arc<Federation>>()?.issuer();
        let subject = match (patch(input.subject), issuer) {
            (Patch::Keep, _) => Patch::Keep,
            (Patch::Clear, _) => Patch::Clear,
            (Patch::Set(subject), Some(issuer)) => Patch::Set(Subject { issuer: issuer.to_owned(), subject }),
            (Patch::Set(_), None) => return Err(Error::invalid(rules::no_issuer("input.subject")).into()),
        };
        let (name, email) = (patch(input.name), patch(input.email));
        let change = UserChange { id, name, email, subject, expected_version: input.expected_version };
        users::update(scoped, change).await?;
        payload(ctx, id).await
    }

    /// Shuts a user out from the next request on, whatever posts and tokens they have. Takes the same as changing them; nobody disables
    /// oneself, nor the last who administers the group (CONFLICT, rule `last_administrator`).
    async fn disable_user(&self, ctx: &Context<'_>, #[graphql(desc = "Which user.")] input: DisableUserInput) -> Result<UserPayload> {
        set_disabled(ctx, input, true).await
    }

    /// Lets a disabled user in again.
    async fn enable_user(&self, ctx: &Context<'_>, #[graphql(desc = "Which user.")] input: DisableUserInput) -> Result<UserPayload> {
        set_disabled(ctx, input, false).await
    }
}
