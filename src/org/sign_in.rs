//! Signing in by name and password, going on by refresh token, and one's own password. A wrong name, a wrong password and a disabled user
//! answer alike, in text, in what is read and written, and in time. Failures are counted by account and by address, whether or not there
//! is such a user; too many of them lock it before any password is looked at.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use entity::{Timestamp, UserId, session};
use uuid::Uuid;

use super::passwords::{self, Links};
use super::repo::{self, Which};
use super::rules::password_violation;
use super::sessions::{self, Ending, Refresh, Refreshed, SESSION_SECONDS, workplace};
use crate::access::Who;
use crate::audit::{self, Changes, Entry, RecordType};
use crate::db::{Counted, Db, Limit, Rights, Scoped, Touched, system_unscoped};
use crate::error::{Error, Violation};
use crate::secrets::{Bearer, Passwords, Secrets, Token};

/// How long an access token lasts.
pub const TOKEN_SECONDS: i64 = 15 * 60;
/// Failures that lock an account.
pub const OF_ACCOUNT: Limit = Limit { failures: 10, within_s: 15 * 60, locked_s: 15 * 60 };
/// Failures that lock an address, behind which a whole branch may sit.
pub const OF_ADDRESS: Limit = Limit { failures: 100, within_s: 15 * 60, locked_s: 15 * 60 };
/// How long sessions and links that are over stay in their tables.
const KEPT_SECONDS: i64 = 30 * 24 * 3_600;
const HOUR_SECONDS: i64 = 3_600;
const LONGEST: usize = 1_000;

/// From where a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What somebody signs in by.
pub struct Given {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
    /// What they call their device.
    pub device: Option<String>,
}

/// What somebody who has signed in goes on with.
pub struct Opened {
    /// For requests.
    pub access: Token,
    /// For the next of these.
    pub refresh: String,
    /// From when it cannot be refreshed any more.
    pub session_expires_at: Timestamp,
}

/// Signs users in and out, and keeps their passwords.
pub struct SignIn {
    db: Db,
    rights: Arc<Rights>,
    secrets: Secrets,
    links: Links,
    passwords: Passwords,
    /// When rows that nobody needs any more were last deleted.
    tidied: AtomicI64,
}

impl SignIn {
    /// Over this database, with these keys.
    pub fn try_new(db: Db, rights: Arc<Rights>, secrets: Secrets, links: Links) -> Result<Self, Error> {
        Ok(Self { db, rights, secrets, links, passwords: Passwords::try_new()?, tidied: AtomicI64::new(i64::MIN) })
    }

    /// What makes links.
    pub fn links(&self) -> &Links {
        &self.links
    }

    fn system(&self, reason: &'static str) -> Scoped {
        self.db.seen_by(system_unscoped(&self.rights, reason))
    }

    /// Starts a session. Errors: UNAUTHENTICATED for a wrong name, a wrong password and a disabled user; RATE_LIMITED where account or
    /// address are locked; BAD_USER_INPUT for a device's name.
    pub async fn sign_in(&self, given: Given, peer: Peer) -> Result<Opened, Error> {
        let Given { username, password, device } = given;
        let device = sessions::device_of(device)?;
        self.rights.confirmed()?;
        if username.len() > LONGEST || password.len() > LONGEST {
            return Err(Error::Unauthenticated);
        }
        self.tidy();
        let account = self.secrets.subjects.account(&username)?;
        let address = self.secrets.subjects.address(peer.0)?;
        let subjects = [account.clone(), address.clone()];
        let system = self.system("sign-in");
        unlocked(&system, &subjects).await?;
        // A name that no user can have is asked for as one that nobody has.
        let name = if username.contains('\0') { String::new() } else { username.to_lowercase() };
        let known = self.db.credentials_unscoped(&name).await?;
        let somebody = known.as_ref().map(|known| known.id);
        let hash = known.filter(|known| !known.disabled).and_then(|known| known.password_hash);
        let verified = self.passwords.verify(password, hash.clone()).await?;
        let (Some(user), Some(hash), true) = (somebody, hash, verified) else {
            count(&system, account, Some(address), somebody, "sign_in_failed").await?;
            return Err(Error::Unauthenticated);
        };
        let viewer = self.rights.viewer(user).await?.ok_or(Error::Unauthenticated)?;
        let started = self.db.transaction(&viewer, move |tx| async move {
            // Whoever changes the password or disables the user meanwhile comes before or after this, and ends the session then.
            let stands = repo::own_account_held(&tx, user).await?.filter(|stands| stands.disabled_at.is_none());
            // Others may have failed while this password was looked at.
            unlocked(&tx, &subjects).await?;
            if stands.is_none_or(|stands| stands.password_hash != Some(hash)) {
                return Err(Error::Unauthenticated);
            }
            tx.forget_failures(account).await?;
            sessions::start(&tx, user, device, tx.now().plus_seconds(SESSION_SECONDS)).await
        });
        self.open(started.await?)
    }

    /// Exchanges a refresh token for the next. The audit tells of the session's start and end, not of this: it happens several times an hour
    /// and changes nobody's rights. Errors: UNAUTHENTICATED for one that was used before, which ends the session, and for one that
    /// is not ours, has run out, or is of a session that is over.
    pub async fn refresh(&self, token: &str) -> Result<Opened, Error> {
        let token = Refresh::opened(&self.secrets.refresh, token).ok_or(Error::Unauthenticated)?;
        let refreshed = self.system("refresh token").transaction(move |tx| async move { sessions::refresh(&tx, token).await }).await?;
        match refreshed {
            Refreshed::On(session) => self.open(session),
            Refreshed::Over => Err(Error::Unauthenticated),
        }
    }

    fn open(&self, session: session::Model) -> Result<Opened, Error> {
        let bearer = Bearer { user: session.user_id, session: session.id };
        Ok(Opened {
            access: self.secrets.tokens.issue(bearer, self.db.clock().now(), TOKEN_SECONDS)?,
            refresh: Refresh { session: session.id, generation: session.generation }.sealed(&self.secrets.refresh)?,
            session_expires_at: session.expires_at,
        })
    }

    /// Ends sessions of the viewer's own; tells how many. Errors: NOT_FOUND for one that is not live, is somebody else's or never was.
    pub async fn sign_out(&self, scoped: &Scoped, which: Which) -> Result<usize, Error> {
        let me = scoped.viewer().user_id().ok_or_else(Error::forbidden)?;
        let work = move |tx: Scoped| async move {
            match (sessions::end(&tx, me, which, Ending::SignedOut).await?, which) {
                // Taken back, and so nobody's rights are touched.
                (0, Which::One(_)) => Err(Error::not_found()),
                (ended, _) => Ok(ended),
            }
        };
        scoped.transaction(work).await
    }

    /// Changes the viewer's own password and ends their other sessions; tells how many. Errors: BAD_USER_INPUT for a wrong current password,
    /// which counts as a failed sign-in, and for a new one that will not do; RATE_LIMITED where the account is locked.
    pub async fn change_password(&self, scoped: &Scoped, current: String, new: String) -> Result<usize, Error> {
        let (Some(me), Who::User { username, .. }) = (scoped.viewer().user_id(), scoped.viewer().who()) else {
            return Err(Error::forbidden());
        };
        let same = || Violation::new("input.newPassword", "same", "must differ from the current one", "必须与当前密码不同");
        let wrong = password_violation("input.newPassword", &new).or_else(|| (new == current).then(same));
        Error::unless_empty(wrong.into_iter().collect())?;
        let account = self.secrets.subjects.account(username)?;
        unlocked(scoped, std::slice::from_ref(&account)).await?;
        let refused =
            || Error::invalid(Violation::new("input.currentPassword", "wrong", "is not your current password", "不是您当前的密码"));
        let hash = repo::own_account(scoped, me).await?.and_then(|stands| stands.password_hash);
        if current.len() > LONGEST || !self.passwords.verify(current, hash.clone()).await? {
            // Apart: it is counted although nothing else comes of it.
            count(&scoped.apart(), account, None, Some(me), "password_refused").await?;
            return Err(refused());
        }
        let new = self.passwords.hash(new).await?;
        let keep = scoped.viewer().session();
        let ended = scoped.transaction(move |tx| async move {
            tx.touch_rights(Touched::User(me)).await?;
            unlocked(&tx, std::slice::from_ref(&account)).await?;
            let stands = repo::own_account_held(&tx, me).await?.filter(|stands| stands.password_hash == hash);
            let stands = stands.ok_or_else(refused)?;
            tx.forget_failures(account).await?;
            passwords::set(&tx, &stands, &new, keep, "password_changed").await
        });
        ended.await
    }

    /// Sets a password by a one-time link, ends all sessions of its user, and unlocks the account. The link is worth what its maker may do by
    /// now: whoever has lost the power over its user has made it in vain. Errors: BAD_USER_INPUT for a password that will not do, and alike
    /// for every link that cannot be used.
    pub async fn set_password(&self, token: &str, password: String) -> Result<(), Error> {
        Error::unless_empty(password_violation("input.password", &password).into_iter().collect())?;
        let unusable = || {
            let en = "is of no link that can still be used: ask your administrator for a new one";
            Error::invalid(Violation::new("input.token", "link", en, "不是仍可使用的链接：请向管理员索取新的链接"))
        };
        let link = self.links.opened(token).ok_or_else(unusable)?;
        let system = self.system("password link");
        let user = repo::open_link(&system, link).await?.ok_or_else(unusable)?.user_id;
        let hash = self.passwords.hash(password).await?;
        let subjects = self.secrets.subjects.clone();
        let done = system.in_turn(move |tx| async move {
            tx.touch_rights(Touched::User(user)).await?;
            let stands = repo::own_account_held(&tx, user).await?.filter(|stands| stands.disabled_at.is_none());
            let stands = stands.ok_or_else(unusable)?;
            let made = repo::open_link(&tx, link).await?.ok_or_else(unusable)?;
            if !passwords::still_stands(&tx, &made, &stands).await? || !repo::use_link(&tx, link).await? {
                return Err(unusable());
            }
            tx.forget_failures(subjects.account(&stands.username)?).await?;
            passwords::set(&tx, &stands, &hash, None, "password_set").await
        });
        done.await.map(|_| ())
    }

    /// Deletes what nobody needs any more, beside the request and once an hour at most.
    fn tidy(&self) {
        let (now, last) = (self.db.clock().now(), self.tidied.load(Ordering::Relaxed));
        let is_due = Timestamp(last).plus_seconds(HOUR_SECONDS) <= now;
        if !is_due || self.tidied.compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let system = self.system("tidying");
        let system_changes = system.clone();
        tokio::spawn(async move {
            let work = system.transaction(move |tx| async move {
                repo::remove_sessions_over_before(&tx, now.plus_seconds(-KEPT_SECONDS)).await?;
                repo::remove_links_over_before(&tx, now.plus_seconds(-KEPT_SECONDS)).await?;
                tx.forget_uses_before_yesterday().await?;
                tx.forget_first_answers().await?;
                tx.forget_failures_before(now.plus_seconds(-24 * HOUR_SECONDS)).await
            });
            if let Err(error) = work.await.and(system_changes.forget_changes().await) {
                tracing::warn!(%error, "what is over was not deleted");
            }
        });
    }
}

/// Errors: RATE_LIMITED where any of these is locked.
async fn unlocked(scoped: &Scoped, subjects: &[String]) -> Result<(), Error> {
    match scoped.locked_until(subjects).await? {
        None => Ok(()),
        Some(until) => {
            let wait = until.0.saturating_sub(scoped.now().0);
            let retry_after = Duration::from_micros(u64::try_from(wait).unwrap_or_default());
            // Which of them is locked is nobody's business.
            Err(Error::RateLimited { what: "failed sign-ins", limit: None, retry_after })
        }
    }
}

/// Counts a failure and tells of it; the same statements whether or not there is such a user. Errors: RATE_LIMITED where others, at the same
/// time, have locked account or address: the right password would have met the same.
async fn count(scoped: &Scoped, account: String, address: Option<String>, user: Option<UserId>, what: &'static str) -> Result<(), Error> {
    let subjects: Vec<String> = std::iter::once(account.clone()).chain(address.clone()).collect();
    let beyond = scoped.transaction(move |tx| async move {
        let of_account = tx.count_failure(account, OF_ACCOUNT).await?;
        let of_address = match address {
            Some(address) => tx.count_failure(address, OF_ADDRESS).await?,
            None => Counted::Below,
        };
        let record = user.map_or(Uuid::nil(), Uuid::from);
        let place = workplace(&tx, UserId(record)).await?;
        let event = |what, record: Uuid| Entry::event(RecordType::Session, record, what, Changes::new());
        let mut entries = vec![event(what, record).standing_at(place)];
        if of_account == Counted::Locks {
            entries.push(event("account_locked", record).standing_at(place));
        }
        if of_address == Counted::Locks {
            entries.push(event("address_locked", Uuid::nil()));
        }
        audit::record(&tx, entries).await?;
        Ok(of_account == Counted::Beyond || of_address == Counted::Beyond)
    });
    if beyond.await? { unlocked(scoped, &subjects).await } else { Ok(()) }
}
