//! Writing under a permit. UPDATEs carry the row rules of reading and of their own action; INSERTs check the unit that they go to.
//!
//! A permit for one action does not write another's table:
//!
//! ```compile_fail,E0277
//! use branchwise::{access::{Permit, action::ContactUpdate}, db::Scoped};
//! async fn write(scoped: &Scoped, permit: &Permit<ContactUpdate>) {
//!     let _ = scoped.update::<entity::customer::Entity, _>(permit, Default::default(), sea_orm::Condition::all()).await;
//! }
//! ```
//!
//! ```no_run
//! use branchwise::{access::{Permit, action::CustomerUpdate}, db::Scoped};
//! async fn write(scoped: &Scoped, permit: &Permit<CustomerUpdate>) {
//!     let _ = scoped.update::<entity::customer::Entity, _>(permit, Default::default(), sea_orm::Condition::all()).await;
//! }
//! ```

use sea_orm::sea_query::{Query as Sql, SimpleExpr, Value};
use sea_orm::{ActiveModelTrait, ActiveValue, Condition, Iterable};

use super::scoped::{Scoped, either};
use crate::access::Permit;
use crate::access::visible::{Attendant, Place, Visible, Writes};
use crate::error::Error;

/// Rows in one INSERT: well below the bind limits of both databases for our widest table.
const ROWS_AT_ONCE: usize = 500;

impl Scoped {
    /// Does the permit reach a row that stands there?
    pub fn reaches<A: crate::access::action::Acts>(&self, permit: &Permit<A>, place: Place) -> bool {
        permit.arms().iter().any(|arm| arm.reaches(self.viewer().tree(), place.unit, place.owner))
    }

    /// Adds rows, each at its place. Errors: FORBIDDEN where the permit does not reach one of them; nothing is added then.
    pub async fn insert<E: Visible, A: Writes<E>>(&self, permit: &Permit<A>, rows: Vec<(Place, E::ActiveModel)>) -> Result<(), Error> {
        for (place, row) in &rows {
            let stands = E::unit().is_none_or(|unit| row.get(unit).into_value() == Some(Value::from(place.unit.0)));
            if !stands || !self.reaches(permit, *place) {
                return Err(Error::forbidden());
            }
        }
        self.add::<E>(rows.into_iter().map(|(_, row)| row).collect()).await
    }

    /// Adds rows of a table that is only ever written beside another.
    pub async fn insert_beside<E: Attendant>(&self, rows: Vec<E::ActiveModel>) -> Result<(), Error> {
        self.add::<E>(rows).await
    }

    async fn add<E: sea_orm::EntityTrait>(&self, rows: Vec<E::ActiveModel>) -> Result<(), Error> {
        for some in rows.chunks(ROWS_AT_ONCE) {
            let mut insert = Sql::insert();
            insert.into_table(E::default()).columns(E::Column::iter());
            for row in some {
                let values = E::Column::iter().map(|column| match row.get(column) {
                    ActiveValue::Set(value) | ActiveValue::Unchanged(value) => SimpleExpr::from(value),
                    ActiveValue::NotSet => SimpleExpr::Keyword(sea_orm::sea_query::Keyword::Null),
                });
                insert.values_panic(values);
            }
            self.conn.execute(&insert).await?;
        }
        Ok(())
    }

    /// Changes the rows that fulfil `which`, are seen, and are reached by the permit. Returns how many.
    pub async fn update<E: Visible, A: Writes<E>>(
        &self,
        permit: &Permit<A>,
        changes: E::ActiveModel,
        which: Condition,
    ) -> Result<u64, Error> {
        let mut update = Sql::update();
        update.table(E::default());
        for column in E::Column::iter() {
            if let ActiveValue::Set(value) = changes.get(column) {
                update.value(column, value);
            }
        }
        let reached = either(A::ways(permit.arms(), self.viewer(), self.now()));
        update.cond_where(which).cond_where(self.rule::<E>()).cond_where(reached);
        Ok(self.conn.execute(&update).await?.rows_affected())
    }
}
