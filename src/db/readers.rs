//! Connections to PostgreSQL for single statements, handed from one to the next. A connection that goes back to sqlx's pool is asked there
//! by a task of its own whether it still lives: a round trip as dear as a small statement. So a connection stays at hand for a moment, and
//! goes through the pool, which looks after its health and age, only then; and at once where its statement was cut off or failed.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sea_orm::sea_query::Values;
use sea_orm::{DbErr, RuntimeErr};
use sea_query_sqlx::SqlxValues;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, PgRow, Postgres};
use sqlx::{AssertSqlSafe, Error};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error::Crowded;

/// For so long a connection is handed on.
const AT_HAND: Duration = Duration::from_secs(1);

struct Taken {
    connection: PoolConnection<Postgres>,
    /// When it was taken from the pool.
    since: Instant,
}

/// The right to use one connection. There are as many as connections, so that whoever has one finds a connection at hand or in the pool.
pub(super) struct Turn(#[expect(dead_code, reason = "ends the turn when it goes")] OwnedSemaphorePermit);

/// Connections that are handed on.
pub(super) struct Readers {
    pool: PgPool,
    turns: Arc<Semaphore>,
    at_hand: Mutex<Vec<Taken>>,
}

impl Readers {
    pub(super) fn new(pool: PgPool) -> Self {
        let connections = usize::try_from(pool.options().get_max_connections()).unwrap_or(Semaphore::MAX_PERMITS);
        Self { pool, turns: Arc::new(Semaphore::new(connections)), at_hand: Mutex::default() }
    }

    /// All that a statement finds.
    pub(super) async fn all(&self, sql: String, values: Values) -> Result<Vec<PgRow>, Error> {
        let turn = self.turn().await?;
        let mut taken = match self.next() {
            Some(taken) => taken,
            None => Taken { connection: self.pool.acquire().await?, since: Instant::now() },
        };
        let rows = sqlx::query_with(AssertSqlSafe(sql), SqlxValues(values)).fetch_all(&mut *taken.connection).await?;
        if let Ok(mut at_hand) = self.at_hand.lock() {
            at_hand.push(taken);
        }
        drop(turn);
        Ok(rows)
    }

    /// What went wrong, in the words of the contract.
    pub(super) fn failed(&self, error: Error) -> crate::error::Error {
        match error {
            Error::PoolTimedOut => Crowded { what: "connections to the database", limit: self.pool.options().get_max_connections().into() },
            error => DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))).into(),
        }
    }

    /// A turn for somebody who takes the connection from the pool.
    pub(super) async fn turn_at_pool(&self) -> Result<Turn, Error> {
        let turn = self.turn().await?;
        drop(self.next());
        Ok(turn)
    }

    /// Gives every connection back to the pool.
    pub(super) fn release(&self) {
        if let Ok(mut at_hand) = self.at_hand.lock() {
            at_hand.clear();
        }
    }

    /// Connections that nobody uses now, and that the pool does not know of.
    pub(super) fn at_hand(&self) -> usize {
        self.at_hand.lock().map_or(0, |at_hand| at_hand.len())
    }

    async fn turn(&self) -> Result<Turn, Error> {
        let waiting = tokio::time::timeout(self.pool.options().get_acquire_timeout(), self.turns.clone().acquire_owned());
        match waiting.await {
            Ok(Ok(permit)) => Ok(Turn(permit)),
            Ok(Err(_)) => Err(Error::PoolClosed),
            Err(_) => Err(Error::PoolTimedOut),
        }
    }

    /// The next one at hand. One that was at hand for long goes back to the pool here, by being dropped.
    fn next(&self) -> Option<Taken> {
        let taken = self.at_hand.lock().ok()?.pop()?;
        (taken.since.elapsed() < AT_HAND).then_some(taken)
    }
}
