//! Deleting under a permit, from the few tables whose rows are not ended or archived instead.
//!
//! A customer is archived, never deleted:
//!
//! ```compile_fail,E0277
//! use branchwise::{access::{Permit, action::CustomerArchive}, db::Scoped};
//! async fn remove(scoped: &Scoped, permit: &Permit<CustomerArchive>, row: &entity::customer::Model) {
//!     let _ = scoped.remove::<entity::customer::Entity, _>(permit, row).await;
//! }
//! ```
//!
//! ```no_run
//! use branchwise::{access::{Permit, action::OrganisationAdminister}, db::Scoped};
//! async fn remove(scoped: &Scoped, permit: &Permit<OrganisationAdminister>, row: &entity::role::Model) {
//!     let _ = scoped.remove::<entity::role::Entity, _>(permit, row).await;
//! }
//! ```

use sea_orm::sea_query::{Expr, ExprTrait, Query as Sql};
use sea_orm::{EntityTrait, Iterable, ModelTrait, PrimaryKeyToColumn};

use super::scoped::{Scoped, either};
use crate::access::Permit;
use crate::access::visible::{Removable, Visible, Writes};
use crate::error::Error;

impl Scoped {
    /// Deletes a row. Returns 1, or 0 where there is no such row, it is not seen, or the permit does not reach it.
    pub async fn remove<E: Visible + Removable, A: Writes<E>>(&self, permit: &Permit<A>, row: &E::Model) -> Result<u64, Error> {
        let mut delete = Sql::delete();
        delete.from_table(E::default());
        for key in <E as EntityTrait>::PrimaryKey::iter() {
            let column = key.into_column();
            delete.and_where(Expr::col((E::default(), column)).eq(row.get(column)));
        }
        let reached = either(A::ways(permit.arms(), self.viewer(), self.now()));
        delete.cond_where(self.rule::<E>()).cond_where(reached);
        Ok(self.conn.execute(&delete).await?.rows_affected())
    }
}
