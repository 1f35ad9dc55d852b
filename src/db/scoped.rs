//! The database as one viewer sees it.

use std::sync::Arc;

use entity::Timestamp;
use sea_orm::sea_query::{Expr, Func, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, DbBackend};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit};
use uuid::Uuid;

use super::running::{Conn, On};
use super::unit::Unit;
use super::{Db, Query, ScopedSql};
use crate::access::visible::{RowArm, Visible, Writes};
use crate::access::{Arm, Viewer, action::Acts};
use crate::clock::Clock;
use crate::error::Error;
use crate::secrets::Notary;

/// The database as one viewer sees it. Cheap to clone.
///
/// The connection stays inside:
///
/// ```compile_fail,E0616
/// fn take(scoped: &branchwise::db::Scoped) {
///     let _ = &scoped.conn;
/// }
/// ```
#[derive(Clone)]
pub struct Scoped {
    db: Db,
    pub(super) conn: Conn,
    viewer: Arc<Viewer>,
}

impl Db {
    /// The database as `viewer` sees it.
    pub fn seen_by(&self, viewer: Arc<Viewer>) -> Scoped {
        Scoped::new(self.clone(), self.reading(), viewer)
    }
}

impl Scoped {
    pub(super) fn new(db: Db, conn: Conn, viewer: Arc<Viewer>) -> Self {
        Self { db, conn, viewer }
    }

    /// The same connection, and the same unit of work if it is one, as `viewer` sees it.
    pub fn seen_by(&self, viewer: Arc<Viewer>) -> Self {
        Self { viewer, ..self.clone() }
    }

    /// The same viewer outside the unit of work that this is: what is written there stays, whatever becomes of that. Ask before the unit of
    /// work has written anything: SQLite has one writer.
    pub fn apart(&self) -> Self {
        self.db.seen_by(self.viewer.clone())
    }

    /// Who looks.
    pub fn viewer(&self) -> &Arc<Viewer> {
        &self.viewer
    }

    pub(super) fn db(&self) -> &Db {
        &self.db
    }

    /// The unit of work that writes here are a part of; none: each is one of its own.
    pub(super) fn unit(&self) -> Option<&Arc<Unit>> {
        match &self.conn.on {
            On::Unit(unit) if !self.is_rehearsal() => Some(unit),
            _ => None,
        }
    }

    /// Remembers that the audit is told of a record.
    pub fn tell(&self, kind: &'static str, id: Uuid) {
        self.conn.tell(kind, id);
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        self.db.clock()
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.db.clock().now()
    }

    /// Vouches for audit rows; none: in a program without the secret.
    pub fn notary(&self) -> Option<&Arc<Notary>> {
        self.db.notary.as_ref()
    }

    /// The same, on which every unit of work is done and then taken back.
    pub(super) fn rehearsing(&self) -> Self {
        Self { db: self.db.clone().rehearsing(), ..self.clone() }
    }

    /// The right to rehearse. Errors: OVERLOADED where others rehearse for long.
    pub(super) async fn place_to_administer(&self) -> OwnedMutexGuard<()> {
        self.db.place_to_administer().await
    }

    pub(super) async fn turn_to_rehearse(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.db.turn_to_rehearse().await
    }

    /// Will this unit of work be taken back?
    pub(super) fn is_rehearsal(&self) -> bool {
        self.db.is_rehearsal()
    }

    /// The rows of `E` that the viewer sees.
    pub fn find<E: Visible>(&self) -> Query<E> {
        Query::new(self.clone())
    }

    /// Totals over the rows of `E` that the viewer sees.
    pub fn sql<E: Visible>(&self) -> ScopedSql<E> {
        ScopedSql::new(self.clone())
    }

    /// "There is a row of `Child` that the viewer sees at `floor`, linked so and fulfilling this": the only way to filter across a relation.
    pub fn exists<Child: Visible>(&self, link: SimpleExpr, filter: Condition, floor: crate::access::Level) -> Condition {
        let mut select = sea_orm::sea_query::Query::select();
        select.expr(Expr::val(1)).from(Child::default()).and_where(link).cond_where(filter).cond_where(either(self.ways::<Child>(floor)));
        Condition::all().add(Expr::exists(select))
    }

    /// The text of a column with the letters a to z in lower case, and nothing else changed: all that SQLite can do, and what PostgreSQL
    /// does by the collation C alone.
    pub fn lower_a_to_z<C: ColumnTrait>(&self, column: C) -> SimpleExpr {
        let text = Expr::col(column.as_column_ref());
        match self.conn.backend() {
            DbBackend::Postgres => Func::lower(Expr::cust_with_expr("$1 COLLATE \"C\"", text)).into(),
            _ => Func::lower(text).into(),
        }
    }

    /// The rows that an action reaches, for lists that show more to whoever may do more. What is added to it narrows it.
    pub fn reached_by<E: Visible, A: Writes<E>>(&self) -> Condition {
        Condition::all().add(either(A::ways(self.viewer.arms(A::RESOURCE, A::ACTION), &self.viewer, self.now())))
    }

    /// The ways to the rows of `E` at `floor` or above.
    pub(super) fn ways<E: Visible>(&self, floor: crate::access::Level) -> Vec<RowArm> {
        let arms = self.viewer.arms(<E::Read as Acts>::RESOURCE, <E::Read as Acts>::ACTION);
        E::ways(&Arm::needed(arms, self.viewer.tree(), floor.max(E::FLOOR)), &self.viewer, self.now())
    }

    /// The row rule of `E` as one condition.
    pub(super) fn rule<E: Visible>(&self) -> Condition {
        either(self.ways::<E>(E::FLOOR))
    }
}

/// Any of the ways; none: nothing.
pub(super) fn either(ways: Vec<RowArm>) -> Condition {
    if ways.is_empty() {
        return Condition::all().add(Expr::cust("1 = 0"));
    }
    // The whole group: no condition at all, rather than an OR that the planner has to see through.
    if ways.iter().any(|way| way.condition.is_empty()) {
        return Condition::all();
    }
    ways.into_iter().fold(Condition::any(), |any, way| any.add(way.condition))
}
