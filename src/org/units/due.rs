//! What falls due, done at its moment: in order, each in a unit of work of its own, as whoever planned it and with the rights of that
//! moment. Of several instances one does it; what fell due while none ran is done before an instance serves.

use std::sync::Arc;
use std::time::Duration;

use entity::{DueWorkId, due_work};

use super::moving::{DONE, Move, REFUSED, finish, move_within, parent_of};
use super::repo;
use crate::access::Permits;
use crate::access::action::OrganisationAdminister;
use crate::db::{Db, Rights, Scoped, system_unscoped};
use crate::error::Error;

/// What the audit gives as the reason.
const REASON: &str = "due work";
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Does what falls due until the process ends.
pub async fn watch(db: Db, rights: Arc<Rights>) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = catch_up(&db, &rights).await {
            tracing::warn!(%error, "what falls due could not be read");
        }
    }
}

/// Does everything that is due by now. What cannot be done for want of the database is left for the next time.
pub async fn catch_up(db: &Db, rights: &Arc<Rights>) -> Result<(), Error> {
    let mut left = Vec::new();
    while let Some(next) = repo::next_due(&db.seen_by(system_unscoped(rights, REASON)), &left).await? {
        let id = next.id;
        match complete(db, rights, id).await {
            Ok(Some(outcome)) => tracing::info!(due_work = %id.0, outcome, "done at its moment"),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(due_work = %id.0, %error, "left for the next time");
                left.push(id);
            }
        }
        rights.refresh().await?;
    }
    Ok(())
}

/// Does one thing, unless somebody else has meanwhile. Returns what became of it.
async fn complete(db: &Db, rights: &Arc<Rights>, id: DueWorkId) -> Result<Option<&'static str>, Error> {
    let system = db.seen_by(system_unscoped(rights, REASON));
    let work = move |tx: Scoped| async move {
        let Some(planned) = repo::due_now(&tx, id).await? else { return Ok(None) };
        let planner = match planned.planned_by {
            Some(user) => tx.as_user(user).await?,
            None => Some(tx.clone()),
        };
        let outcome = outcome(planner.as_ref(), &planned).await?;
        let actor = planner.unwrap_or_else(|| tx.clone());
        finish(&tx, &actor, &tx.viewer().permit::<OrganisationAdminister>()?, &planned, outcome).await?;
        Ok(Some(outcome))
    };
    system.in_turn(work).await
}

async fn outcome(planner: Option<&Scoped>, planned: &due_work::Model) -> Result<&'static str, Error> {
    let (Some(planner), Some(unit), Some(parent)) = (planner, planned.unit_id, parent_of(planned)) else { return Ok(REFUSED) };
    let Ok(permit) = planner.viewer().permit::<OrganisationAdminister>() else { return Ok(REFUSED) };
    let to = Move { unit, parent, expected_version: None };
    match move_within(planner, &permit, to, planned.due_at).await {
        Ok(()) => Ok(DONE),
        // Said before anything was written.
        Err(Error::Forbidden { .. } | Error::NotFound { .. } | Error::Invalid(_)) => Ok(REFUSED),
        Err(error) => Err(error),
    }
}
