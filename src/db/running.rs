//! What a statement runs on: connections for reading, one transaction, or the unit of work of a field, which is either.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use sea_orm::sea_query::SelectStatement;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement, StatementBuilder,
};

use uuid::Uuid;

use super::pools::of_pool;
use super::readers::Readers;
use super::statement::written;
use super::unit::Unit;
use crate::error::Error;

/// A transaction, and whether a statement in it has failed: PostgreSQL takes back all of such a one, and calls that a good commit.
pub(super) struct Open {
    pub(super) transaction: DatabaseTransaction,
    broken: AtomicBool,
    /// The first record that the audit was told of.
    told: OnceLock<(&'static str, Uuid)>,
}

impl Open {
    pub(super) fn new(transaction: DatabaseTransaction) -> Arc<Self> {
        Arc::new(Self { transaction, broken: AtomicBool::new(false), told: OnceLock::new() })
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    fn noted<T>(&self, done: Result<T, DbErr>) -> Result<T, Error> {
        done.map_err(|error| {
            self.broken.store(true, Ordering::Release);
            error.into()
        })
    }

    async fn all(&self, select: &SelectStatement) -> Result<Vec<QueryResult>, Error> {
        if self.transaction.get_database_backend() == DbBackend::Postgres {
            let (sql, values) = written(select);
            return self.noted(self.transaction.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await);
        }
        self.noted(self.transaction.query_all(select).await)
    }
}

/// What a statement runs on.
#[derive(Clone)]
pub(super) struct Conn {
    pub(super) on: On,
    pub(super) statements: Arc<AtomicU64>,
    /// Rights were changed in this unit of work.
    pub(super) rights_touched: Arc<AtomicBool>,
}

#[derive(Clone)]
pub(super) enum On {
    Pool(DatabaseConnection),
    Readers(Arc<Readers>),
    Transaction(Arc<Open>),
    /// A transaction once something has been written, connections for reading before that.
    Unit(Arc<Unit>),
}

impl On {
    /// What it is by now.
    fn now(&self) -> Self {
        match self {
            Self::Unit(unit) => unit.on(),
            other => other.clone(),
        }
    }
}

impl Conn {
    pub(super) async fn all(&self, select: &SelectStatement) -> Result<Vec<QueryResult>, Error> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        match self.on.now() {
            On::Pool(pool) => pool.query_all(select).await.map_err(|error| of_pool(error, &pool)),
            On::Readers(readers) => {
                let (sql, values) = written(select);
                Ok(readers.all(sql, values).await.map_err(|error| readers.failed(error))?.into_iter().map(QueryResult::from).collect())
            }
            On::Transaction(open) => open.all(select).await,
            On::Unit(_) => Err(Error::internal("a unit of work within a unit of work")),
        }
    }

    /// A write that tells what it has written.
    pub(super) async fn returning<S: StatementBuilder>(&self, statement: &S) -> Result<Vec<QueryResult>, Error> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        match &self.on {
            On::Pool(_) | On::Readers(_) | On::Unit(_) => Err(outside()),
            On::Transaction(open) => open.noted(open.transaction.query_all(statement).await),
        }
    }

    pub(super) async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<ExecResult, Error> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        match &self.on {
            On::Pool(pool) => pool.execute(statement).await.map_err(|error| of_pool(error, pool)),
            On::Readers(_) | On::Unit(_) => Err(outside()),
            On::Transaction(open) => open.noted(open.transaction.execute(statement).await),
        }
    }

    /// Remembers what the audit is told of: the first record is what a unit of work is about.
    pub(super) fn tell(&self, kind: &'static str, id: Uuid) {
        if let On::Transaction(open) = &self.on {
            open.told.get_or_init(|| (kind, id));
        }
    }

    /// What this unit of work is about, as far as it has come.
    pub(super) fn told(&self) -> Option<(&'static str, Uuid)> {
        match &self.on {
            On::Transaction(open) => open.told.get().copied(),
            _ => None,
        }
    }

    pub(super) fn rights_touched(&self) -> &Arc<AtomicBool> {
        &self.rights_touched
    }

    pub(super) fn is_transaction(&self) -> bool {
        matches!(self.on, On::Transaction(_))
    }

    pub(super) fn backend(&self) -> DbBackend {
        match self.on.now() {
            On::Pool(pool) => pool.get_database_backend(),
            On::Transaction(open) => open.transaction.get_database_backend(),
            On::Readers(_) | On::Unit(_) => DbBackend::Postgres,
        }
    }
}

fn outside() -> Error {
    Error::internal("a write outside a unit of work")
}
