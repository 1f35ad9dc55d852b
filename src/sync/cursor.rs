//! Where a client's copy stands: until which change, of what, and of which sight. Encrypted, so that it tells nothing of how much changes
//! elsewhere, and good for its user alone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Kind;
use crate::error::Error;
use crate::secrets::Cipher;

/// For so long a cursor is good, in seconds.
const GOOD: i64 = 30 * 86_400;

/// Where a client's copy stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    user: Uuid,
    made_at: i64,
    /// What the viewer could see.
    sight: [u8; 32],
    /// What the copy holds.
    pub kinds: Vec<Kind>,
    /// The change that it has taken in. As wide whatever it is: the length of a cursor tells nothing either.
    #[serde(with = "wide")]
    pub position: i64,
    /// How far the first copy has come; none: it is whole.
    pub copying: Option<Copying>,
}

mod wide {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(position: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{position:016x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        i64::from_str_radix(&String::deserialize(from)?, 16).map_err(D::Error::custom)
    }
}

/// How far a first copy has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copying {
    /// What is being copied.
    pub kind: Kind,
    /// Time of creation and id of the last row that was copied.
    pub from: Option<(i64, Uuid)>,
}

impl Cursor {
    /// Before anything: changes from `position` on will come after the first copy.
    pub fn beginning(user: UserId, sight: [u8; 32], kinds: Vec<Kind>, position: i64) -> Self {
        let copying = kinds.first().map(|kind| Copying { kind: *kind, from: None });
        Self { user: user.0, made_at: 0, sight, kinds, position, copying }
    }

    /// Is it still good: young enough, and of the same sight?
    pub fn is_good(&self, sight: &[u8; 32], now: Timestamp) -> bool {
        self.sight == *sight && now < Timestamp(self.made_at).plus_seconds(GOOD)
    }

    /// As clients carry it.
    pub fn written(&self, cipher: &Cipher, now: Timestamp) -> Result<String, Error> {
        let made = Self { made_at: now.0, ..self.clone() };
        let text = serde_json::to_vec(&made).map_err(|_| Error::internal("a cursor cannot be written"))?;
        Ok(URL_SAFE_NO_PAD.encode(cipher.encrypt(&text)?))
    }

    /// From what a client carries; none: it is no cursor of this user.
    pub fn read(cipher: &Cipher, user: UserId, text: &str) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let cursor: Self = serde_json::from_slice(&cipher.decrypt(&sealed)?).ok()?;
        (cursor.user == user.0).then_some(cursor)
    }
}
