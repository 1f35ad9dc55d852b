//! Seals short texts that clients carry: cursors, refresh tokens, one-time links. Sealed for one purpose, a text is refused for any other.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Key, mac};
use crate::error::Error;

const TAG: usize = 16;

/// Seals and opens.
pub struct Seal {
    key: Key,
}

impl Seal {
    pub(super) fn new(key: Key) -> Self {
        Self { key }
    }

    fn tag(&self, purpose: &str, text: &[u8]) -> Result<Vec<u8>, Error> {
        let length = (purpose.len() as u64).to_be_bytes();
        Ok(mac(&self.key, &[&length, purpose.as_bytes(), text])?[..TAG].to_vec())
    }

    /// The text with its tag, in letters that need no quoting.
    pub fn seal(&self, purpose: &str, text: &[u8]) -> Result<String, Error> {
        Ok(URL_SAFE_NO_PAD.encode([self.tag(purpose, text)?.as_slice(), text].concat()))
    }

    /// The text again; none where it was not sealed here for this purpose.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (tag, text) = bytes.split_at_checked(TAG)?;
        let right = self.tag(purpose, text).ok()?;
        // Every byte is compared, so that time tells nothing of the tag.
        let same = tag.iter().zip(&right).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0;
        same.then(|| text.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_what_it_sealed_for_the_same_purpose() {
        let seal = Seal::new([7; 32]);
        let sealed = seal.seal("customers by name", b"x").unwrap();
        assert_eq!(seal.open("customers by name", &sealed), Some(b"x".to_vec()));
        assert_eq!(seal.open("customers by age", &sealed), None);
        assert_eq!(Seal::new([8; 32]).open("customers by name", &sealed), None);
        assert_eq!(seal.open("customers by name", &sealed[1..]), None);
        assert_eq!(seal.open("customers by name", "?"), None);
    }
}
