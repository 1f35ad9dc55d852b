//! Sessions: a stretch of being signed in on one device. Access tokens name their session and count as long as it lives; its refresh token
//! is exchanged for the next one each time, and using an older one again ends it: somebody else has a copy.

use entity::{SessionId, Timestamp, UnitId, UserId, session};
use serde_json::json;

use super::repo::{self, Which};
use crate::access::Permit;
use crate::access::action::OrganisationAdminister;
use crate::audit::{self, Changes, Entry, RecordType, note};
use crate::db::{Scoped, Touched};
use crate::error::{Error, Violation};
use crate::secrets::Seal;
use crate::text::text_violation;

/// How long a session lasts without being refreshed.
pub const SESSION_SECONDS: i64 = 30 * 24 * 3_600;
/// What a user may call a device, in characters.
const LONGEST_DEVICE: usize = 100;
const REFRESH: &str = "refresh";

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its user signed out.
    SignedOut,
    /// An old refresh token was used again.
    Reused,
    /// The password was changed.
    Password,
    /// An administrator ended it.
    Administrator,
}

impl Ending {
    /// The word in the table and in the audit.
    pub fn word(self) -> &'static str {
        match self {
            Self::SignedOut => "SIGNED_OUT",
            Self::Reused => "REUSED",
            Self::Password => "PASSWORD",
            Self::Administrator => "ADMINISTRATOR",
        }
    }
}

/// What a user calls a device; none where nothing is said. Errors: BAD_USER_INPUT.
pub fn device_of(said: Option<String>) -> Result<Option<String>, Error> {
    let said = said.map(|said| said.trim().to_owned()).filter(|said| !said.is_empty());
    let wrong = said.as_deref().and_then(|said| {
        let breaks = said.contains(['\n', '\t']).then(|| Violation::form("input.device", "must be one line", "必须为一行"));
        text_violation("input.device", said, LONGEST_DEVICE).or(breaks)
    });
    wrong.map_or(Ok(said), |wrong| Err(Error::invalid(wrong)))
}

/// Where somebody works: by their oldest post, so that auditors in scope see what happens to their account.
pub(super) async fn workplace(tx: &Scoped, user: UserId) -> Result<Option<UnitId>, Error> {
    let posts = repo::active_posts(tx, vec![user]).await?;
    Ok(posts.first().map(|post| post.unit_id))
}

/// Starts a session of a user; the viewer is that user, or the system.
pub async fn start(tx: &Scoped, user: UserId, device: Option<String>, expires_at: Timestamp) -> Result<session::Model, Error> {
    let now = tx.now();
    let started = session::Model {
        id: tx.clock().id(),
        user_id: user,
        device,
        generation: 0,
        started_at: now,
        used_at: now,
        expires_at,
        ended_at: None,
        ended_by: None,
    };
    tx.insert_own::<session::Entity>(started.clone()).await?;
    let mut changes = Changes::new();
    note(&mut changes, "device", json!(null), json!(started.device));
    let entry = Entry::event(RecordType::Session, started.id, "started", changes);
    audit::record(tx, vec![entry.standing_at(workplace(tx, user).await?)]).await?;
    Ok(started)
}

/// Ends sessions of a user; the viewer is that user, or the system. Tells how many.
pub async fn end(tx: &Scoped, user: UserId, which: Which, why: Ending) -> Result<usize, Error> {
    tx.touch_rights(Touched::User(user)).await?;
    let ended = repo::end_own_sessions(tx, user, which, why.word()).await?;
    tell(tx, user, &ended, why).await?;
    Ok(ended.len())
}

/// Ends all sessions of a user whom the permit reaches. Tells how many.
pub async fn end_all_of(tx: &Scoped, permit: &Permit<OrganisationAdminister>, user: UserId, why: Ending) -> Result<usize, Error> {
    tx.touch_rights(Touched::User(user)).await?;
    let ended = repo::end_sessions_of(tx, permit, user, why.word()).await?;
    tell(tx, user, &ended, why).await?;
    Ok(ended.len())
}

async fn tell(tx: &Scoped, user: UserId, ended: &[SessionId], why: Ending) -> Result<(), Error> {
    if ended.is_empty() {
        return Ok(());
    }
    let place = workplace(tx, user).await?;
    let entries = ended.iter().map(|id| {
        let mut changes = Changes::new();
        note(&mut changes, "endedBy", json!(null), json!(why.word()));
        Entry::event(RecordType::Session, *id, "ended", changes).standing_at(place)
    });
    audit::record(tx, entries.collect()).await
}

/// What a refresh token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refresh {
    pub(super) session: SessionId,
    pub(super) generation: i64,
}

impl Refresh {
    pub(super) fn sealed(self, seal: &Seal) -> Result<String, Error> {
        seal.seal(REFRESH, &[self.session.0.as_bytes().as_slice(), &self.generation.to_be_bytes()].concat())
    }

    /// None: we did not seal it.
    pub(super) fn opened(seal: &Seal, token: &str) -> Option<Self> {
        let text = seal.open(REFRESH, token)?;
        let (session, generation) = text.split_at_checked(16)?;
        let session = SessionId(uuid::Uuid::from_slice(session).ok()?);
        Some(Self { session, generation: i64::from_be_bytes(generation.try_into().ok()?) })
    }
}

/// What a refresh token came to.
pub(super) enum Refreshed {
    /// The session goes on, until then.
    On(session::Model),
    /// The session is over: because this token was used before, or already.
    Over,
}

/// Exchanges a refresh token of ours, as the system: whoever holds it has not signed in.
pub(super) async fn refresh(tx: &Scoped, token: Refresh) -> Result<Refreshed, Error> {
    let on = repo::rotate_session(tx, token.session, token.generation, tx.now().plus_seconds(SESSION_SECONDS)).await?;
    let Some(stands) = repo::session(tx, token.session).await? else { return Ok(Refreshed::Over) };
    if on {
        return Ok(Refreshed::On(stands));
    }
    if token.generation < stands.generation {
        end(tx, stands.user_id, Which::One(stands.id), Ending::Reused).await?;
    }
    Ok(Refreshed::Over)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use uuid::Uuid;

    use super::*;
    use crate::secrets::Secrets;

    #[test]
    fn a_refresh_token_is_good_for_nothing_else() {
        let secrets = Secrets::try_new(&SecretString::from("0123456789abcdef0123456789abcdef")).unwrap();
        let token = Refresh { session: SessionId(Uuid::from_u128(7)), generation: 3 };
        let sealed = token.sealed(&secrets.refresh).unwrap();
        assert_eq!(Refresh::opened(&secrets.refresh, &sealed), Some(token));
        assert_eq!(Refresh::opened(&secrets.links, &sealed), None);
        assert_eq!(Refresh::opened(&secrets.refresh, &secrets.refresh.seal("other", b"x").unwrap()), None);
        let short = secrets.refresh.seal(REFRESH, b"short").unwrap();
        assert_eq!(Refresh::opened(&secrets.refresh, &short), None);
    }

    #[test]
    fn devices_have_one_short_line() {
        assert_eq!(device_of(Some("  My phone ".to_owned())), Ok(Some("My phone".to_owned())));
        assert_eq!(device_of(Some(" ".to_owned())), Ok(None));
        for wrong in ["a\nb", "a\tb", "a\u{0}b", &"x".repeat(101)] {
            assert!(device_of(Some(wrong.to_owned())).is_err(), "{wrong}");
        }
    }
}
