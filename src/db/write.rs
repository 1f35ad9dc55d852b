//! Writing under a permit. UPDATEs carry the row rules of reading and of their own action; INSERTs check the unit that they go to.
//!
//! A permit for one action does not write another's table:
//!
//! ```compile_fail,E0277
//! use branchwise::{access::{Permit, action::ContactUpdate}, db::Scoped};
//! async fn write(scoped: &Scoped, permit: &Permit<ContactUpdate>, row: &entity::customer::Model) {
//!     let _ = scoped.save::<entity::customer::Entity, _>(permit, row, row).await;
//! }
//! ```
//!
//! ```no_run
//! use branchwise::{access::{Permit, action::CustomerUpdate}, db::Scoped};
//! async fn write(scoped: &Scoped, permit: &Permit<CustomerUpdate>, row: &entity::customer::Model) {
//!     let _ = scoped.save::<entity::customer::Entity, _>(permit, row, row).await;
//! }
//! ```

use sea_orm::sea_query::{Expr, ExprTrait, Query as Sql, UpdateStatement};
use sea_orm::{Condition, EntityTrait, IntoActiveModel, Iterable, ModelTrait};

use super::page::{id_column, name};
use super::scoped::{Scoped, either};
use crate::access::Permit;
use crate::access::visible::{Attendant, Place, Visible, Writes};
use crate::error::Error;

const VERSION: &str = "version";

impl Scoped {
    /// Does the permit reach a row that stands there?
    pub fn reaches<A: crate::access::action::Acts>(&self, permit: &Permit<A>, place: Place) -> bool {
        permit.arms().iter().any(|arm| arm.reaches(self.viewer().tree(), place.unit, place.owner))
    }

    /// Does the permit reach this row, which was read and stands there?
    pub fn reaches_row<E: EntityTrait, A: Writes<E>>(&self, permit: &Permit<A>, row: &E::Model, stands: Option<Place>) -> bool {
        A::place(row, stands).is_some_and(|place| self.reaches(permit, place))
    }

    /// Adds rows, each at its place. Errors: FORBIDDEN where the permit does not reach one of them; nothing is added then.
    pub async fn insert<E: Visible, A: Writes<E>>(&self, permit: &Permit<A>, rows: Vec<(Place, E::Model)>) -> Result<(), Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel>,
    {
        if !rows.iter().all(|(told, row)| self.reaches(permit, E::goes_to(row, *told))) {
            return Err(Error::forbidden());
        }
        self.add::<E>(rows.into_iter().map(|(_, row)| row).collect()).await
    }

    /// Adds rows of a table that is only ever written beside another, in the same unit of work.
    pub async fn insert_beside<E: Attendant>(&self, rows: Vec<E::Model>) -> Result<(), Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel>,
    {
        if !self.conn.is_transaction() {
            return Err(Error::internal("a row beside another was written outside a unit of work"));
        }
        self.add::<E>(rows).await
    }

    /// Changes what differs between two states of one row, where it still stands at the version of `before`; the permit must reach the place
    /// that it moves to, if it moves. Returns 1, or 0 where there is no such row, it has moved on, is not seen, or the permit does not reach
    /// it.
    pub async fn save<E: Visible, A: Writes<E>>(&self, permit: &Permit<A>, before: &E::Model, after: &E::Model) -> Result<u64, Error> {
        let (from, to) = (A::place(before, E::place(before, None)), A::place(after, E::place(after, None)));
        if to.is_some_and(|to| from.is_none_or(|from| from.unit != to.unit) && !self.reaches(permit, to)) {
            return Err(Error::forbidden());
        }
        let Some(mut update) = changed::<E>(before, after) else { return Ok(0) };
        let reached = either(A::ways(permit.arms(), self.viewer(), self.now()));
        update.cond_where(self.rule::<E>()).cond_where(reached);
        Ok(self.conn.execute(&update).await?.rows_affected())
    }

    /// Which of these texts stand in a column already, whosever row it is: names are unique beyond anybody's sight. For whoever may write
    /// such rows; ask only for names that the caller may create.
    pub async fn taken_unscoped<E: Visible, A: Writes<E>>(
        &self,
        _: &Permit<A>,
        column: E::Column,
        texts: Vec<String>,
        which: Condition,
    ) -> Result<Vec<String>, Error> {
        let mut select = Sql::select();
        select
            .expr_as(Expr::col((E::default(), column)), "taken")
            .from(E::default())
            .and_where(Expr::col((E::default(), column)).is_in(texts))
            .cond_where(which);
        let rows = self.conn.all(&select).await?;
        Ok(rows.iter().map(|row| row.try_get("", "taken")).collect::<Result<_, _>>()?)
    }
}

/// An UPDATE of what differs between two states of one row, where it still stands at the version of `before`.
fn changed<E: EntityTrait>(before: &E::Model, after: &E::Model) -> Option<UpdateStatement> {
    let id = id_column::<E>()?;
    let mut update = Sql::update();
    update.table(E::default()).and_where(Expr::col((E::default(), id)).eq(before.get(id)));
    for column in E::Column::iter() {
        let (was, is) = (before.get(column), after.get(column));
        if name(column) == VERSION {
            update.and_where(Expr::col((E::default(), column)).eq(was.clone()));
        }
        if was != is {
            update.value(column, is);
        }
    }
    Some(update)
}
