//! Connecting, migrating, and the pool itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, SqlxPostgresConnector, TransactionTrait};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use super::readers::{Readers, Turn};
use super::running::{Conn, On, Open};
use crate::clock::Clock;
use crate::error::Error;

/// The number of the lock is ours to choose: `branchw` in ASCII.
const MIGRATION_LOCK: i64 = 0x0062_7261_6e63_6877;
/// How long a rehearsal waits for its turn.
const REHEARSAL_WAIT: Duration = Duration::from_secs(2);

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backend {
    /// Embedded.
    Sqlite,
    /// In production.
    Postgres,
}

/// How to connect.
#[derive(Clone, Debug)]
pub struct DbConfig {
    /// `sqlite://path?mode=rwc` or `postgres://user@host/name`.
    pub url: String,
    /// Most connections at once; on SQLite readers, beside one writer.
    pub max_connections: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    /// After how long PostgreSQL cancels a statement.
    pub statement_timeout: Duration,
    /// For imports: SQLite's writer holds more of the indexes in memory.
    pub bulk: bool,
}

impl DbConfig {
    /// Defaults for this address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(30),
            bulk: false,
        }
    }
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    read: DatabaseConnection,
    write: DatabaseConnection,
    /// The same connections on PostgreSQL, for single statements.
    readers: Option<Arc<Readers>>,
    backend: Backend,
    clock: Clock,
    statements: Arc<AtomicU64>,
    rehearsal: bool,
    /// One rehearsal at a time.
    rehearsals: Arc<Semaphore>,
    /// One who administers on this instance holds or waits for the turn, and a connection with it.
    administering: Arc<Mutex<()>>,
    /// Rights were changed on this instance and have yet to be taken in.
    rights_touched: Arc<AtomicBool>,
    /// Vouches for audit rows; none: a program without the secret.
    pub(super) notary: Option<Arc<crate::secrets::Notary>>,
}

/// A step of the schema and whether it was taken.
pub type Migration = (String, MigrationState);

/// Whether a step was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationState {
    /// Taken.
    Applied,
    /// Not yet.
    Pending,
}

impl Db {
    /// Connects. Errors: UNAVAILABLE where nothing answers, BAD_USER_INPUT for an address of another kind.
    pub async fn connect(config: DbConfig, clock: Clock) -> Result<Self, Error> {
        let statements = Arc::new(AtomicU64::new(0));
        let mut readers = None;
        let (read, write, backend) = if config.url.starts_with("sqlite:") {
            let write = open(sqlite(&config, 1, if config.bulk { "-65536" } else { CACHE_KIB })).await?;
            (open(sqlite(&config, config.max_connections, CACHE_KIB)).await?, write, Backend::Sqlite)
        } else if config.url.starts_with("postgres:") || config.url.starts_with("postgresql:") {
            let pool = open(postgres(&config)).await?;
            readers = Some(Arc::new(Readers::new(pool.get_postgres_connection_pool().clone())));
            (pool.clone(), pool, Backend::Postgres)
        } else {
            return Err(Error::invalid(crate::error::Violation::form(
                "DATABASE_URL",
                "must begin with sqlite:// or postgres://",
                "必须以 sqlite:// 或 postgres:// 开头",
            )));
        };
        Ok(Self {
            read,
            write,
            readers,
            backend,
            clock,
            statements,
            rehearsal: false,
            rehearsals: Arc::new(Semaphore::new(1)),
            administering: Arc::default(),
            rights_touched: Arc::default(),
            notary: None,
        })
    }

    /// The same database, on which every unit of work is done and then taken back.
    #[must_use]
    pub fn rehearsing(self) -> Self {
        Self { rehearsal: true, ..self }
    }

    pub(super) fn is_rehearsal(&self) -> bool {
        self.rehearsal
    }

    /// The right to rehearse. Errors: OVERLOADED where others rehearse for long.
    pub(super) async fn turn_to_rehearse(&self) -> Result<OwnedSemaphorePermit, Error> {
        match tokio::time::timeout(REHEARSAL_WAIT, self.rehearsals.clone().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Error::Crowded { what: "rehearsals", limit: 1 }),
        }
    }

    /// The place from which the turn to administer is waited for. Others wait before it, without a connection: readers go on.
    pub(super) async fn place_to_administer(&self) -> OwnedMutexGuard<()> {
        self.administering.clone().lock_owned().await
    }

    pub(super) fn rights_touched(&self) -> &AtomicBool {
        &self.rights_touched
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How many statements have run since the start.
    pub fn statements_run(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Takes all pending steps. Of several instances that start at once, one does and the others wait.
    pub async fn migrate_up(&self) -> Result<(), Error> {
        let turn = match self.backend {
            Backend::Postgres => {
                let turn = self.pool().begin().await?;
                turn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
                Some(turn)
            }
            Backend::Sqlite => None,
        };
        Migrator::up(&self.write, None).await?;
        match turn {
            Some(turn) => Ok(turn.commit().await?),
            None => Ok(()),
        }
    }

    /// Takes back the latest `steps`; none: all.
    pub async fn migrate_down(&self, steps: Option<u32>) -> Result<(), Error> {
        Migrator::down(self.pool(), steps).await.map_err(Error::from)
    }

    /// Every step, in order.
    pub async fn migrations(&self) -> Result<Vec<Migration>, Error> {
        let steps = Migrator::get_migration_with_status_read_only(self.pool()).await?;
        Ok(steps
            .into_iter()
            .map(|step| {
                let state = match step.status() {
                    migration::MigrationStatus::Applied => MigrationState::Applied,
                    migration::MigrationStatus::Pending => MigrationState::Pending,
                };
                (step.name().to_owned(), state)
            })
            .collect())
    }

    /// Closes every connection.
    pub async fn close(self) {
        self.pool();
        for pool in [self.read, self.write] {
            if let Err(error) = pool.close().await {
                tracing::warn!(kind = error_kind(&error), "closing the database");
            }
        }
    }

    /// A connection of its own on PostgreSQL, beside those that requests queue for.
    pub(super) fn apart(&self) -> Conn {
        if self.backend == Backend::Sqlite {
            return self.reading();
        }
        let shared = self.write.get_postgres_connection_pool();
        let options = PgPoolOptions::new().max_connections(1).acquire_timeout(shared.options().get_acquire_timeout());
        let pool = options.connect_lazy_with(shared.connect_options().as_ref().clone());
        let on = On::Pool(SqlxPostgresConnector::from_sqlx_postgres_pool(pool));
        Conn { on, statements: self.statements.clone(), rights_touched: self.rights_touched.clone() }
    }

    pub(super) fn reading(&self) -> Conn {
        let on = self.readers.clone().map_or_else(|| On::Pool(self.read.clone()), On::Readers);
        Conn { on, statements: self.statements.clone(), rights_touched: self.rights_touched.clone() }
    }

    /// The right to begin a transaction on a connection of [`Db::writer`]; none needed on SQLite.
    pub(super) async fn turn(&self) -> Result<Option<Turn>, Error> {
        match &self.readers {
            Some(readers) => Ok(Some(readers.turn_at_pool().await.map_err(|error| readers.failed(error))?)),
            None => Ok(None),
        }
    }

    /// The connections that write, all of them there to be had.
    fn pool(&self) -> &DatabaseConnection {
        if let Some(readers) = &self.readers {
            readers.release();
        }
        &self.write
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.backend == Backend::Postgres
    }

    pub(super) fn writer(&self) -> &DatabaseConnection {
        &self.write
    }

    pub(super) fn reader(&self) -> &DatabaseConnection {
        &self.read
    }

    /// Connections that are handed on, and that nobody uses now.
    pub(super) fn at_hand(&self) -> usize {
        self.readers.as_ref().map_or(0, |readers| readers.at_hand())
    }

    pub(super) fn within(&self, open: Arc<Open>) -> Conn {
        Conn { on: On::Transaction(open), statements: self.statements.clone(), rights_touched: Arc::default() }
    }

    pub(super) fn statements(&self) -> &Arc<AtomicU64> {
        &self.statements
    }
}

fn error_kind(error: &DbErr) -> &'static str {
    match error {
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => "connection",
        _ => "other",
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that connects")]
async fn open(options: ConnectOptions) -> Result<DatabaseConnection, Error> {
    Ok(Database::connect(options).await?)
}

fn common(config: &DbConfig, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(config.url.clone());
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(config.acquire_timeout)
        .connect_timeout(config.acquire_timeout)
        .sqlx_logging(false)
        .test_before_acquire(false);
    options
}

/// Negative: in KiB, not in pages.
const CACHE_KIB: &str = "-8192";

fn sqlite(config: &DbConfig, connections: u32, cache: &'static str) -> ConnectOptions {
    let mut options = common(config, connections);
    options.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("cache_size", cache)
            .pragma("temp_store", "memory")
    });
    options
}

fn postgres(config: &DbConfig) -> ConnectOptions {
    // Two at least: whoever migrates holds a lock on one and works on the other.
    let mut options = common(config, config.max_connections.max(2));
    options
        .test_before_acquire_if_idle_for(Duration::from_secs(15))
        .statement_timeout(config.statement_timeout)
        .set_application_name("branchwise");
    options
}

/// The file behind a SQLite address, for messages.
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    Some(PathBuf::from(path.split('?').next().unwrap_or(path)))
}
