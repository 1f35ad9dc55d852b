//! Units of work. Each runs in a task of its own: a client that hangs up, or a deadline, cannot cut it in half, and no connection goes
//! back to the pool inside somebody's transaction.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sea_orm::{DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use tracing::Instrument;

use super::pools::of_pool;
use super::{Db, Scoped};
use crate::access::Viewer;
use crate::error::Error;

impl Db {
    /// Runs `work` in one transaction: all of it or nothing. Errors: those of `work`; OUTCOME_UNKNOWN when the commit gave no answer.
    pub async fn transaction<T, F, Fut>(&self, viewer: &Arc<Viewer>, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(Scoped) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let db = self.clone();
        let viewer = viewer.clone();
        let unit = async move {
            // IMMEDIATE: a write that reads first must not lose the race for SQLite's one writer half-way.
            let options = TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
            let _turn = db.turn().await?;
            let begun = db.writer().begin_with_options(options).await;
            let transaction = Arc::new(begun.map_err(|error| of_pool(error, db.writer()))?);
            let conn = db.within(transaction.clone());
            let touched = conn.rights_touched().clone();
            let outcome = work(Scoped::new(db.clone(), conn, viewer)).await;
            let done = finish(transaction, outcome, db.is_rehearsal()).await;
            // Not before the commit: somebody else's look would take the mark away and see nothing.
            if touched.load(Ordering::Acquire) {
                db.rights_touched().store(true, Ordering::Release);
            }
            done
        };
        match tokio::spawn(unit.in_current_span()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::internal("a unit of work panicked")),
        }
    }
}

async fn finish<T>(transaction: Arc<DatabaseTransaction>, outcome: Result<T, Error>, rehearsal: bool) -> Result<T, Error> {
    let Ok(transaction) = Arc::try_unwrap(transaction) else {
        return Err(Error::internal("a unit of work kept its transaction"));
    };
    match outcome {
        Ok(value) if rehearsal => {
            transaction.rollback().await?;
            Ok(value)
        }
        Ok(value) => match transaction.commit().await {
            Ok(()) => Ok(value),
            Err(error) => match Error::from(error) {
                Error::Unavailable | Error::Timeout { .. } => Err(Error::OutcomeUnknown),
                other => Err(other),
            },
        },
        Err(error) => {
            if transaction.rollback().await.is_err() {
                tracing::warn!("a rollback failed; the connection is given up");
            }
            Err(error)
        }
    }
}
