//! Units of work. Each runs in a task of its own: a client that hangs up, or a deadline, cannot cut it in half, and no connection goes
//! back to the pool inside somebody's transaction.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sea_orm::TransactionTrait;
use tracing::Instrument;

use super::pools::of_pool;
use super::running::Open;
use super::unit::immediate;
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
            let _turn = db.turn().await?;
            let begun = db.writer().begin_with_options(immediate()).await;
            let open = Open::new(begun.map_err(|error| of_pool(error, db.writer()))?);
            let conn = db.within(open.clone());
            let touched = conn.rights_touched().clone();
            let outcome = work(Scoped::new(db.clone(), conn, viewer)).await;
            let done = finish(open, outcome, db.is_rehearsal()).await;
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

impl Scoped {
    /// Runs `work` in one transaction as the same viewer: in one of its own, or as a part of the unit of work that this is. Errors: those
    /// of [`Db::transaction`].
    pub async fn transaction<T, F, Fut>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(Scoped) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send + 'static,
    {
        match self.unit() {
            Some(unit) => unit.run(self.viewer(), work).await,
            None => self.db().transaction(self.viewer(), work).await,
        }
    }
}

pub(super) async fn finish<T>(open: Arc<Open>, outcome: Result<T, Error>, rehearsal: bool) -> Result<T, Error> {
    let Some(open) = Arc::into_inner(open) else {
        return Err(Error::internal("a unit of work kept its transaction"));
    };
    let broken = open.is_broken();
    let transaction = open.transaction;
    match outcome {
        Ok(_) if broken => {
            transaction.rollback().await?;
            Err(Error::internal("a unit of work went on after a statement of it had failed"))
        }
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
