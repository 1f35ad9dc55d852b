//! How many connections there are, for operators.

use super::Db;

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
