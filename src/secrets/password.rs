//! Passwords: argon2id, off the async threads, a few at a time.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::error::Error;

/// Hashing takes 19 MiB and a core for some hundredths of a second.
const AT_ONCE: usize = 2;
/// Others wait, but not so many that they hold every place of the server.
const WAITING: usize = 32;
/// More are sent away.
const CROWDED: Error = Error::Crowded { what: "passwords at once", limit: (AT_ONCE + WAITING) as u64 };

/// Hashes with argon2id at its recommended cost, as a PHC string.
pub fn hash_password(password: &str) -> Result<String, Error> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| Error::internal("hashing failed"))?;
    Ok(hash.to_string())
}

/// Verifies passwords, in the same time whether or not there is such a user.
pub struct Passwords {
    nobodys: String,
    lanes: Semaphore,
    places: Semaphore,
}

impl Passwords {
    /// Hashes once, to have something to verify against for names that nobody has.
    pub fn try_new() -> Result<Self, Error> {
        Ok(Self {
            nobodys: hash_password(&super::random_text()?)?,
            lanes: Semaphore::new(AT_ONCE),
            places: Semaphore::new(AT_ONCE + WAITING),
        })
    }

    /// Hashes beside the async threads. Errors: OVERLOADED when too many wait already.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        let _place = self.places.try_acquire().map_err(|_| CROWDED)?;
        let _lane = self.lanes.acquire().await.map_err(|_| CROWDED)?;
        let hash = tokio::task::spawn_blocking(move || hash_password(&password)).await;
        hash.map_err(|_| Error::internal("hashing a password panicked"))?
    }

    /// Is it the password of this hash? Without a hash: no, as slowly. Errors: OVERLOADED when too many wait already.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        let _place = self.places.try_acquire().map_err(|_| CROWDED)?;
        let _lane = self.lanes.acquire().await.map_err(|_| CROWDED)?;
        let somebody = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobodys.clone());
        let same = tokio::task::spawn_blocking(move || {
            PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(same.await.map_err(|_| Error::internal("verifying a password panicked"))? && somebody)
    }
}
