//! Identity numbers: encrypted at rest, found by a keyed hash of their normalised form, never compared in clear.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::{Key, fill, mac};
use crate::error::Error;

const NONCE: usize = 24;

/// Encrypts and indexes identity numbers.
pub struct Identity {
    cipher: XChaCha20Poly1305,
    index: Key,
}

impl Identity {
    pub(super) fn new(key: &Key, index: Key) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.into()), index }
    }

    /// Nonce and ciphertext.
    pub fn encrypt(&self, number: &str) -> Result<Vec<u8>, Error> {
        let mut nonce = [0_u8; NONCE];
        fill(&mut nonce)?;
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), number.as_bytes()).map_err(|_| Error::internal("encryption failed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The number again. Errors: INTERNAL_SERVER_ERROR when it was sealed by another secret.
    pub fn decrypt(&self, sealed: &[u8]) -> Result<String, Error> {
        let wrong = || Error::internal("an identity number cannot be opened: was the secret changed?");
        let (nonce, text) = sealed.split_at_checked(NONCE).ok_or_else(wrong)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| wrong())?;
        let number = self.cipher.decrypt(&nonce, text).map_err(|_| wrong())?;
        String::from_utf8(number).map_err(|_| wrong())
    }

    /// What equal numbers share and unequal ones do not: upper case, letters and digits alone.
    pub fn index(&self, number: &str) -> Result<Vec<u8>, Error> {
        let plain: String = number.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_uppercase).collect();
        Ok(mac(&self.index, &[plain.as_bytes()])?.to_vec())
    }
}
