//! Signing in by name and password. A wrong name and a wrong password answer alike, in text and in time.

use std::sync::Arc;

use crate::db::Db;
use crate::error::Error;
use crate::secrets::{Passwords, Token, Tokens};

/// How long an access token lasts.
pub const TOKEN_SECONDS: i64 = 15 * 60;
const LONGEST: usize = 1_000;

/// Signs users in.
pub struct SignIn {
    db: Db,
    passwords: Passwords,
    tokens: Arc<Tokens>,
}

impl SignIn {
    /// Over this database, with these keys.
    pub fn try_new(db: Db, tokens: Arc<Tokens>) -> Result<Self, Error> {
        Ok(Self { db, passwords: Passwords::try_new()?, tokens })
    }

    /// A token for the user of this name. Errors: UNAUTHENTICATED for a wrong name, a wrong password, and a disabled user.
    pub async fn sign_in(&self, username: &str, password: String) -> Result<Token, Error> {
        if username.len() > LONGEST || password.len() > LONGEST {
            return Err(Error::Unauthenticated);
        }
        // A name that no user can have is asked for as one that nobody has.
        let name = if username.contains('\0') { String::new() } else { username.to_lowercase() };
        let found = self.db.credentials_unscoped(&name).await?.filter(|found| !found.disabled);
        let hash = found.as_ref().and_then(|found| found.password_hash.clone());
        let verified = self.passwords.verify(password, hash).await?;
        let user = found.filter(|_| verified).ok_or(Error::Unauthenticated)?;
        self.tokens.issue(user.id, self.db.clock().now(), TOKEN_SECONDS)
    }
}
