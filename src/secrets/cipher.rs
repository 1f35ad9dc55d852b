//! Encryption at rest, with XChaCha20-Poly1305 and a random nonce for each text.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::{Key, fill};
use crate::error::Error;

const NONCE: usize = 24;

/// Encrypts under one key.
pub struct Cipher(XChaCha20Poly1305);

impl Cipher {
    pub(super) fn new(key: &Key) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Nonce and ciphertext.
    pub fn encrypt(&self, text: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0_u8; NONCE];
        fill(&mut nonce)?;
        let sealed = self.0.encrypt(&XNonce::from(nonce), text).map_err(|_| Error::internal("encryption failed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The text again; none where it was encrypted by another secret, or changed.
    pub fn decrypt(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_at_checked(NONCE)?;
        self.0.decrypt(&XNonce::try_from(nonce).ok()?, text).ok()
    }
}
