//! Units of work that administer: one after the other, each with the rights that stand when its turn has come. Whoever waited while a unit
//! was moved, or a post ended, is judged by what came of that.

use std::sync::Arc;

use entity::{SessionId, UserId};
use sea_orm::DbBackend;
use sea_orm::sea_query::{Expr, Query as Sql};

use super::Scoped;
use super::rights::GROUP;
use crate::access::action::OrganisationAdminister;
use crate::access::{Permit, Permits, Viewer};
use crate::error::Error;

/// The number of the lock is ours to choose: `branch_t` in ASCII.
const TURN_LOCK: i64 = 0x6272_616e_6368_5f74;

impl Scoped {
    /// Runs `work` in one transaction in its turn, as the same viewer with the rights that stand by then. The turn is taken before anything
    /// else: rows of units, posts and accounts, and the counter of epochs, may be held in whatever order then. The counter alone would do as
    /// the one lock, but then nobody could sign out while a region of a hundred thousand customers moves. Errors: UNAUTHENTICATED for
    /// whoever was disabled or signed out meanwhile; those of [`Scoped::transaction`].
    pub async fn in_turn<T, F, Fut>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(Scoped) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let _place = self.place_to_administer().await;
        self.transaction(move |tx| async move {
            tx.wait_for_turn().await?;
            let tx = tx.anew().await?;
            work(tx).await
        })
        .await
    }

    /// The same for whoever administers. Errors: FORBIDDEN, without waiting for whoever administers nothing.
    pub async fn administer<T, F, Fut>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(Scoped, Permit<OrganisationAdminister>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.viewer().permit::<OrganisationAdminister>()?;
        let work = move |tx: Scoped| async move {
            let permit = tx.viewer().permit::<OrganisationAdminister>()?;
            work(tx, permit).await
        };
        self.in_turn(work).await
    }

    /// The same unit of work as a user sees it, with the rights that stand in it, for what that user has planned or begun. None: no such
    /// user, or disabled.
    pub async fn as_user(&self, id: UserId) -> Result<Option<Self>, Error> {
        Ok(self.compiled(id, None).await?.map(|viewer| self.seen_by(viewer)))
    }

    async fn wait_for_turn(&self) -> Result<(), Error> {
        // On SQLite a unit of work is alone anyway.
        if self.conn.backend() == DbBackend::Postgres {
            let mut hold = Sql::select();
            hold.expr(Expr::cust(format!("pg_advisory_xact_lock({TURN_LOCK})")));
            self.conn.all(&hold).await?;
        }
        Ok(())
    }

    /// The same with the rights that stand in this unit of work: compiled again only where something has changed that they depend on.
    /// Errors: UNAUTHENTICATED for whoever was disabled or signed out.
    pub async fn anew(self) -> Result<Self, Error> {
        let Some(id) = self.viewer().user_id() else { return Ok(self) };
        let viewer = self.viewer();
        let changed = self.conn.epochs_unscoped(viewer.epoch()).await?;
        let concerned: Vec<String> = viewer.lenders().iter().chain([&id]).map(|user| user.0.to_string()).collect();
        let stands = !changed.iter().any(|(scope, _)| scope == GROUP || concerned.contains(scope));
        if stands && viewer.valid_until().is_none_or(|until| self.now() < until) {
            return Ok(self);
        }
        let viewer = self.compiled(id, viewer.session()).await?.ok_or(Error::Unauthenticated)?;
        Ok(self.seen_by(viewer))
    }

    async fn compiled(&self, id: UserId, session: Option<SessionId>) -> Result<Option<Arc<Viewer>>, Error> {
        let ground = self.conn.ground(self.viewer().policy_in_force()).await?;
        Ok(self.conn.compile(id, session, &ground, self.now()).await?.map(Arc::new))
    }
}
