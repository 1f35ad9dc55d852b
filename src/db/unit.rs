//! The unit of work of one field of a mutation. Everything that the field writes, and what its answer shows of it, happens in one
//! transaction, which begins with the first write and is committed when the answer is known: either the client gets its answer and
//! everything stands, or an error and nothing does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use sea_orm::{SqliteTransactionMode, TransactionOptions, TransactionTrait};
use tracing::Instrument;

use super::conn::Db;
use super::first_answer::Key;
use super::pools::of_pool;
use super::readers::Turn;
use super::running::{Conn, On, Open};
use super::{Scoped, transaction};
use crate::access::Viewer;
use crate::error::Error;

/// What a unit of work has begun.
struct Begun {
    open: Arc<Open>,
    turn: Option<Turn>,
}

/// The inside of a unit of work: what statements run on.
pub(super) struct Unit {
    db: Db,
    reading: On,
    begun: Mutex<Option<Begun>>,
    /// One begins, whoever else writes waits for it.
    beginning: tokio::sync::Mutex<()>,
    failed: AtomicBool,
    repeated: Arc<AtomicBool>,
    rights_touched: Arc<AtomicBool>,
    key: Option<Key>,
}

/// A unit of work, to be ended once.
pub struct UnitOfWork {
    unit: Arc<Unit>,
    scoped: Scoped,
}

impl Scoped {
    /// The database as `viewer` sees it, in a unit of work that ends when it is told to. With a key it runs once: see
    /// [`UnitOfWork::repeated`]. Errors: INTERNAL_SERVER_ERROR within another one, which would be waited for without an end.
    pub fn unit_of_work(&self, viewer: Arc<Viewer>, key: Option<Key>) -> Result<UnitOfWork, Error> {
        if self.unit().is_some() || self.is_rehearsal() {
            return Err(Error::internal("a unit of work within another"));
        }
        let db = self.db().clone();
        let reading = db.reading();
        let unit = Arc::new(Unit {
            db: db.clone(),
            reading: reading.on,
            begun: Mutex::default(),
            beginning: tokio::sync::Mutex::default(),
            failed: AtomicBool::new(false),
            repeated: Arc::default(),
            rights_touched: Arc::default(),
            key,
        });
        let conn = Conn { on: On::Unit(unit.clone()), statements: reading.statements, rights_touched: unit.rights_touched.clone() };
        Ok(UnitOfWork { unit, scoped: Scoped::new(db, conn, viewer) })
    }
}

impl UnitOfWork {
    /// The database within it.
    pub fn scoped(&self) -> &Scoped {
        &self.scoped
    }

    /// Whether somebody else's unit of work, that came first or runs now, has the same key of the same user: nothing is done then. For after
    /// the end.
    pub fn repeated(&self) -> Arc<AtomicBool> {
        self.unit.repeated.clone()
    }

    /// Keeps everything, and `answer` under its key. Errors: OUTCOME_UNKNOWN when the commit gave no answer; OVERLOADED
    /// ([`Error::Collided`]) where others were in the way; nothing is kept then.
    pub async fn commit(self, answer: Option<&[u8]>) -> Result<(), Error> {
        let kept = match answer {
            Some(answer) => self.keep(answer).await,
            None => Ok(()),
        };
        let Self { unit, scoped } = self;
        drop(scoped);
        let ended = unit.end(kept).await;
        // Also where the commit gave no answer.
        if unit.rights_touched.load(Ordering::Acquire) {
            unit.db.rights_touched().store(true, Ordering::Release);
        }
        ended
    }

    /// Takes everything back.
    pub async fn take_back(self) {
        let Self { unit, scoped } = self;
        drop(scoped);
        // The error is ours.
        let _ = unit.end(Err(Error::Collided)).await;
    }

    /// Also of a field that had nothing to write.
    async fn keep(&self, answer: &[u8]) -> Result<(), Error> {
        let Some(key) = &self.unit.key else { return Ok(()) };
        let open = self.unit.begin(self.scoped.viewer()).await?;
        let within = Scoped::new(self.unit.db.clone(), self.unit.within(open), self.scoped.viewer().clone());
        within.keep_answer(key, answer).await
    }
}

impl Unit {
    /// What statements run on by now.
    pub(super) fn on(&self) -> On {
        self.open().map_or_else(|| self.reading.clone(), On::Transaction)
    }

    fn open(&self) -> Option<Arc<Open>> {
        self.begun.lock().ok()?.as_ref().map(|begun| begun.open.clone())
    }

    fn within(&self, open: Arc<Open>) -> Conn {
        Conn { on: On::Transaction(open), statements: self.db.statements().clone(), rights_touched: self.rights_touched.clone() }
    }

    /// Runs `work` as a part of the unit, in a task of its own: what comes before it stands on the stack already.
    pub(super) async fn run<T, F, Fut>(self: &Arc<Self>, viewer: &Arc<Viewer>, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(Scoped) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let (unit, viewer) = (self.clone(), viewer.clone());
        let part = async move {
            let open = unit.begin(&viewer).await?;
            work(Scoped::new(unit.db.clone(), unit.within(open), viewer)).await
        };
        let done = match tokio::spawn(part.in_current_span()).await {
            Ok(done) => done,
            Err(_) => Err(Error::internal("a unit of work panicked")),
        };
        if done.is_err() {
            self.failed.store(true, Ordering::Release);
        }
        done
    }

    /// The transaction, begun now or before. Its first statement takes the key.
    async fn begin(&self, viewer: &Arc<Viewer>) -> Result<Arc<Open>, Error> {
        let _one = self.beginning.lock().await;
        if let Some(open) = self.open() {
            return Ok(open);
        }
        let turn = self.db.turn().await?;
        let begun = self.db.writer().begin_with_options(immediate()).await;
        let open = Open::new(begun.map_err(|error| of_pool(error, self.db.writer()))?);
        if let Ok(mut begun) = self.begun.lock() {
            *begun = Some(Begun { open: open.clone(), turn });
        }
        if let Some(key) = &self.key {
            let within = Scoped::new(self.db.clone(), self.within(open.clone()), viewer.clone());
            if !within.take_key(key).await? {
                self.repeated.store(true, Ordering::Release);
                return Err(Error::Overloaded);
            }
        }
        Ok(open)
    }

    async fn end(&self, outcome: Result<(), Error>) -> Result<(), Error> {
        let begun = self.begun.lock().ok().and_then(|mut begun| begun.take());
        let Some(Begun { open, turn }) = begun else { return outcome };
        let outcome = match outcome {
            Ok(()) if self.failed.load(Ordering::Acquire) => Err(Error::internal("a field answered although its unit of work had failed")),
            other => other,
        };
        let ended = transaction::finish(open, outcome, false).await;
        drop(turn);
        ended
    }
}

/// IMMEDIATE: a write that reads first must not lose the race for SQLite's one writer half-way.
pub(super) fn immediate() -> TransactionOptions {
    TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() }
}
