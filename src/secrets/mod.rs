//! What is signed, sealed, hashed or drawn at random. One secret of the operator's; every use has a key of its own derived from it.

mod cipher;
mod identity;
mod notary;
mod password;
mod seal;
mod subject;
mod tokens;

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

pub use cipher::Cipher;
pub use identity::Identity;
pub use notary::Notary;
pub use password::{Passwords, hash_password};
pub use seal::Seal;
pub use subject::Subjects;
pub use tokens::{Bearer, Token, Tokens};

use crate::error::Error;

/// Shorter secrets are refused.
pub const SHORTEST_SECRET: usize = 32;

/// Everything that is made from the operator's secret.
#[derive(Clone)]
pub struct Secrets {
    /// Access tokens.
    pub tokens: Arc<Tokens>,
    /// Identity numbers at rest.
    pub identity: Arc<Identity>,
    /// Cursors.
    pub cursors: Arc<Seal>,
    /// Refresh tokens.
    pub refresh: Arc<Seal>,
    /// Links by which a password is set once.
    pub links: Arc<Seal>,
    /// First answers, kept for whoever asks again.
    pub answers: Arc<Cipher>,
    /// Cursors of the copies that clients keep.
    pub copies: Arc<Cipher>,
    /// Whom failed sign-ins are counted for.
    pub subjects: Arc<Subjects>,
    /// Audit rows.
    pub notary: Arc<Notary>,
}

impl Secrets {
    /// Derives the keys. Errors: INTERNAL_SERVER_ERROR when a key cannot be set up.
    pub fn try_new(secret: &SecretString) -> Result<Self, Error> {
        Ok(Self {
            tokens: Arc::new(Tokens::new(&derive(secret, "access tokens")?)),
            identity: Arc::new(Identity::new(&derive(secret, "identity numbers")?, derive(secret, "identity index")?)),
            cursors: Arc::new(Seal::new(derive(secret, "cursors")?)),
            refresh: Arc::new(Seal::new(derive(secret, "refresh tokens")?)),
            links: Arc::new(Seal::new(derive(secret, "password links")?)),
            answers: Arc::new(Cipher::new(&derive(secret, "first answers")?)),
            copies: Arc::new(Cipher::new(&derive(secret, "copies of clients")?)),
            subjects: Arc::new(Subjects::new(derive(secret, "failed sign-ins")?)),
            notary: Arc::new(Notary::new(derive(secret, "audit rows")?, derive(secret, "audit chain")?)),
        })
    }
}

type Key = [u8; 32];

fn derive(secret: &SecretString, purpose: &str) -> Result<Key, Error> {
    mac(secret.expose_secret().as_bytes(), &[b"branchwise ", purpose.as_bytes()])
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32], Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::internal("a key of no length"))?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac.finalize().into_bytes().into())
}

/// A random text of letters and digits, of 24 random bytes: a first password, a demo's secret.
pub fn random_text() -> Result<String, Error> {
    use base64::Engine;
    let mut bytes = [0_u8; 24];
    fill(&mut bytes)?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

#[expect(clippy::disallowed_methods, reason = "the one place that draws random bytes")]
fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|_| Error::internal("no random bytes"))
}
