//! Identity numbers: encrypted at rest, found by a keyed hash of their normalised form, never compared in clear.

use super::{Cipher, Key, mac};
use crate::error::Error;

/// Encrypts and indexes identity numbers.
pub struct Identity {
    cipher: Cipher,
    index: Key,
}

impl Identity {
    pub(super) fn new(key: &Key, index: Key) -> Self {
        Self { cipher: Cipher::new(key), index }
    }

    /// Nonce and ciphertext.
    pub fn encrypt(&self, number: &str) -> Result<Vec<u8>, Error> {
        self.cipher.encrypt(number.as_bytes())
    }

    /// The number again. Errors: INTERNAL_SERVER_ERROR when it was sealed by another secret.
    pub fn decrypt(&self, sealed: &[u8]) -> Result<String, Error> {
        let number = self.cipher.decrypt(sealed).and_then(|number| String::from_utf8(number).ok());
        number.ok_or_else(|| Error::internal("an identity number cannot be opened: was the secret changed?"))
    }

    /// What equal numbers share and unequal ones do not: upper case, letters and digits alone.
    pub fn index(&self, number: &str) -> Result<Vec<u8>, Error> {
        let plain: String = number.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_uppercase).collect();
        Ok(mac(&self.index, &[plain.as_bytes()])?.to_vec())
    }
}
