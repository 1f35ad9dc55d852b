//! Vouches for audit rows: a stamp when one is written, a link of the chain when it is sealed. Whoever can write the database but has not
//! the secret can make neither.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::{AuditId, Timestamp};

use super::{Key, mac};
use crate::error::Error;

/// Stamps rows and links them.
pub struct Notary {
    rows: Key,
    chain: Key,
}

impl Notary {
    pub(super) fn new(rows: Key, chain: Key) -> Self {
        Self { rows, chain }
    }

    /// The keyed hash of a row's content. One that was stamped when it was written has another than one that was not.
    pub fn digest(&self, content: &[u8], stamped: bool) -> Result<String, Error> {
        Ok(URL_SAFE_NO_PAD.encode(mac(&self.rows, &[&[u8::from(stamped)], content])?))
    }

    /// The value of the chain at `position`, where `before` is the one at the position before; of the first: nothing.
    pub fn link(&self, before: &str, position: i64, row: AuditId, sealed_at: Timestamp, digest: &str) -> Result<String, Error> {
        // The texts are of one length, but for the first's: no two chains come to the same bytes.
        let parts: [&[u8]; 5] =
            [&position.to_be_bytes(), row.0.as_bytes(), &sealed_at.0.to_be_bytes(), digest.as_bytes(), before.as_bytes()];
        Ok(URL_SAFE_NO_PAD.encode(mac(&self.chain, &parts)?))
    }
}
