//! How many connections there are: for operators, and for who gets none.

use sea_orm::{DatabaseConnection, DbBackend, DbErr};

use super::Db;
use super::error::is_without_connection;
use crate::error::Error;

/// An error of a statement that takes a connection of its own from this pool. Who waits for one in vain is told how many there are.
pub(super) fn of_pool(error: DbErr, pool: &DatabaseConnection) -> Error {
    if !is_without_connection(&error) {
        return error.into();
    }
    let most = match pool.get_database_backend() {
        DbBackend::Postgres => pool.get_postgres_connection_pool().options().get_max_connections(),
        _ => pool.get_sqlite_connection_pool().options().get_max_connections(),
    };
    Error::Crowded { what: "connections to the database", limit: most.into() }
}

/// The state of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Which one it is.
    pub name: &'static str,
    /// Its connections.
    pub open: usize,
    /// Those that nobody uses now.
    pub idle: usize,
}

impl Db {
    /// The pools: on SQLite the readers and the one writer, on PostgreSQL one for both.
    pub fn pools(&self) -> Vec<Pool> {
        let size = |open: u32| usize::try_from(open).unwrap_or(usize::MAX);
        if self.is_postgres() {
            let pool = self.writer().get_postgres_connection_pool();
            return vec![Pool { name: "all", open: size(pool.size()), idle: pool.num_idle() + self.at_hand() }];
        }
        let of = |name, pool: &sqlx::SqlitePool| Pool { name, open: size(pool.size()), idle: pool.num_idle() };
        vec![of("read", self.reader().get_sqlite_connection_pool()), of("write", self.writer().get_sqlite_connection_pool())]
    }
}
