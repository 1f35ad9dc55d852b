//! Passwords: changed by their user, or set once by a link that an administrator made. Whatever sets one ends the sessions of its user and
//! voids older links.

use std::sync::Arc;

use entity::{PasswordLinkId, SessionId, Timestamp, UserId, password_link, user};
use serde_json::json;
use uuid::Uuid;

use super::repo::{self, Which};
use super::sessions::{self, Ending, workplace};
use super::users::may_manage;
use crate::access::action::OrganisationAdminister;
use crate::access::{Permit, Permits};
use crate::audit::{self, Changes, Entry, RecordType, note};
use crate::db::Scoped;
use crate::error::{Error, Violation};
use crate::secrets::{Seal, Secrets};

/// How long a link lasts.
pub const LINK_SECONDS: i64 = 24 * 3_600;
const PURPOSE: &str = "password link";

/// Makes links by which a password is set, and reads them.
#[derive(Clone)]
pub struct Links {
    seal: Arc<Seal>,
    page: String,
}

/// A link, as it is handed to its user: once.
#[derive(Clone)]
pub struct Link {
    /// What `setPassword` takes.
    pub token: String,
    /// The page that takes it, with the token behind the `#`, which browsers send to nobody.
    pub url: String,
    /// From when it can no longer be used.
    pub expires_at: Timestamp,
}

impl Links {
    /// To the page at this address of ours.
    pub fn new(secrets: &Secrets, public_url: &str) -> Self {
        Self { seal: secrets.links.clone(), page: format!("{}/password", public_url.trim_end_matches('/')) }
    }

    fn link(&self, id: PasswordLinkId, expires_at: Timestamp) -> Result<Link, Error> {
        let token = self.seal.seal(PURPOSE, id.0.as_bytes())?;
        Ok(Link { url: format!("{}#{token}", self.page), token, expires_at })
    }

    /// None: we did not make it.
    pub(super) fn opened(&self, token: &str) -> Option<PasswordLinkId> {
        Some(PasswordLinkId(Uuid::from_slice(&self.seal.open(PURPOSE, token)?).ok()?))
    }
}

/// A link for a user whom the permit reaches. Older ones of the user are void from now on. Errors: FORBIDDEN.
async fn new_link(tx: &Scoped, permit: &Permit<OrganisationAdminister>, user: UserId, links: &Links) -> Result<Link, Error> {
    let now = tx.now();
    repo::void_links_of(tx, permit, user).await?;
    let made = password_link::Model {
        id: tx.clock().id(),
        user_id: user,
        created_at: now,
        expires_at: now.plus_seconds(LINK_SECONDS),
        used_at: None,
        made_by: tx.viewer().user_id(),
    };
    tx.insert_for::<password_link::Entity, _>(permit, user, made.clone()).await?;
    let mut changes = Changes::new();
    note(&mut changes, "passwordLink", json!(null), json!({ "expiresAt": made.expires_at.rfc3339() }));
    tell(tx, user, "password_link_made", changes).await?;
    links.link(made.id, made.expires_at)
}

/// A link for a user whom the caller may manage, for as long as the caller may. Errors: FORBIDDEN, NOT_FOUND, BAD_USER_INPUT for a
/// disabled user.
pub async fn create_link(scoped: &Scoped, user: UserId, links: &Links) -> Result<Link, Error> {
    let links = links.clone();
    scoped
        .administer(move |tx, permit| async move {
            let account = repo::user(&tx, user).await?.ok_or_else(|| Error::not_found_field("input.userId"))?.model;
            if Some(account.id) == tx.viewer().user_id() || !may_manage(&tx, &permit, &account).await? {
                return Err(Error::forbidden());
            }
            if account.disabled_at.is_some() {
                let wrong = Violation::new("input.userId", "disabled", "is disabled and may not sign in", "已停用，不能登录");
                return Err(Error::invalid(wrong));
            }
            new_link(&tx, &permit, user, &links).await
        })
        .await
}

/// May whoever made this link still manage its user, in this unit of work of the system's?
pub(super) async fn still_stands(tx: &Scoped, link: &password_link::Model, account: &user::Model) -> Result<bool, Error> {
    let Some(maker) = link.made_by else { return Ok(true) };
    let Some(maker) = tx.as_user(maker).await? else { return Ok(false) };
    match maker.viewer().permit::<OrganisationAdminister>() {
        Ok(permit) => may_manage(&maker, &permit, account).await,
        Err(_) => Ok(false),
    }
}

/// Sets the password of an account as it was read in this unit of work, as its user or as the system; ends its sessions but `keep`, tells
/// how many, and voids its links.
pub(super) async fn set(tx: &Scoped, account: &user::Model, hash: &str, keep: Option<SessionId>, what: &str) -> Result<usize, Error> {
    if !repo::set_own_password(tx, account, hash).await? {
        return Err(Error::internal("an account changed while it was held"));
    }
    repo::void_own_links(tx, account.id).await?;
    let ended = sessions::end(tx, account.id, Which::Others(keep), Ending::Password).await?;
    tell(tx, account.id, what, Changes::new()).await?;
    Ok(ended)
}

/// Tells in the audit what happened to somebody's account.
async fn tell(tx: &Scoped, user: UserId, what: &str, changes: Changes) -> Result<(), Error> {
    let entry = Entry::event(RecordType::User, user, what, changes).standing_at(workplace(tx, user).await?);
    audit::record(tx, vec![entry]).await
}
