//! The database that is configured.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::db::DbConfig;

/// The database.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `sqlite://path?mode=rwc` or `postgres://user@host/name`.
    pub url: String,
    /// Most connections at once.
    pub max_connections: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout_ms: u64,
    /// After how long PostgreSQL cancels a statement.
    pub statement_timeout_s: u64,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        let url = "sqlite://branchwise.db?mode=rwc".to_owned();
        Self { url, max_connections: 8, acquire_timeout_ms: 2000, statement_timeout_s: 30 }
    }
}

impl DatabaseConfig {
    /// What `Db::connect` takes.
    pub fn to_db(&self) -> DbConfig {
        DbConfig {
            url: self.url.clone(),
            max_connections: self.max_connections,
            acquire_timeout: Duration::from_millis(self.acquire_timeout_ms),
            statement_timeout: Duration::from_secs(self.statement_timeout_s),
            bulk: false,
        }
    }
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        f.debug_struct("DatabaseConfig")
            .field("kind", &self.url.split(':').next())
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout_ms", &self.acquire_timeout_ms)
            .field("statement_timeout_s", &self.statement_timeout_s)
            .finish()
    }
}
