//! The tree: units are hung, moved and closed here and nowhere else, so that closure, history and region columns agree at every moment.
//! Whoever does so takes a turn first: [`Scoped::in_turn`].
//!
//! No other unit of work writes the closure or the history:
//!
//! ```compile_fail,E0277
//! async fn write(scoped: &branchwise::db::Scoped, path: entity::org_path::Model) {
//!     let _ = scoped.insert_beside::<entity::org_path::Entity>(vec![path]).await;
//! }
//! ```
//!
//! ```no_run
//! async fn write(scoped: &branchwise::db::Scoped, party: entity::party::Model) {
//!     let _ = scoped.insert_beside::<entity::party::Entity>(vec![party]).await;
//! }
//! ```

use entity::{OrgParentId, Timestamp, UnitId, customer, org_parent, org_path, org_unit, post};
use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query as Sql, SelectStatement, UnionType};
use sea_orm::{ColumnTrait, Condition, DbBackend, EntityTrait};

use super::Scoped;
use crate::access::action::OrganisationAdminister;
use crate::access::visible::{Place, open_posts, regional};
use crate::access::{OrgTree, Permit};
use crate::error::Error;

const ABOVE: &str = "above";
const BELOW: &str = "below";

/// The units at or below one.
fn subtree(unit: UnitId) -> SelectStatement {
    Sql::select().column(org_path::Column::DescendantId).from(org_path::Entity).and_where(org_path::Column::AncestorId.eq(unit)).to_owned()
}

impl Scoped {
    /// The tree as it stands in this unit of work: that of the system's viewer may be a moment older.
    pub async fn current_tree(&self) -> Result<OrgTree, Error> {
        self.conn.tree_unscoped().await
    }

    /// Adds a unit under the one that it names, with its closure and the first line of its history. `place` is what stood above it before
    /// the unit of work began. Errors: FORBIDDEN where the permit does not reach that.
    pub async fn hang(&self, permit: &Permit<OrganisationAdminister>, place: Place, unit: org_unit::Model) -> Result<(), Error> {
        let (id, parent, since) = (unit.id, unit.parent_id, unit.created_at);
        self.insert::<org_unit::Entity, _>(permit, vec![(place, unit)]).await?;
        self.stands_under(id, parent, since).await?;
        let mut itself = Sql::select();
        itself.expr(Expr::val(id)).expr(Expr::val(id)).expr(Expr::val(0_i32));
        if let Some(parent) = parent {
            let mut above = Sql::select();
            above
                .column(org_path::Column::AncestorId)
                .expr(Expr::val(id))
                .expr(Expr::col(org_path::Column::Depth).add(1_i32))
                .from(org_path::Entity)
                .and_where(org_path::Column::DescendantId.eq(parent));
            itself.union(UnionType::All, above);
        }
        self.add_paths(itself).await
    }

    /// Moves a unit with all below it to the parent that `after` names: its row, the closure, the history from `since` on, and the region
    /// of every row that stands there, customers and what follows them too. Returns 0, with nothing changed, where the unit is not seen,
    /// has moved on, or the permit does not reach what it hangs under. Errors: FORBIDDEN where the permit does not reach the new parent.
    pub async fn rehang(
        &self,
        permit: &Permit<OrganisationAdminister>,
        before: &org_unit::Model,
        after: &org_unit::Model,
        since: Timestamp,
    ) -> Result<u64, Error> {
        let Some(parent) = after.parent_id else {
            return Err(Error::forbidden());
        };
        let (id, region) = (before.id, after.region_id);
        if before.region_id != region {
            // Whoever adds rows at one of these units, and holds it, is done first or reads the new region.
            let mut hold = Sql::select();
            hold.column(org_unit::Column::Id)
                .from(org_unit::Entity)
                .and_where(org_unit::Column::Id.in_subquery(subtree(id)))
                .order_by(org_unit::Column::Id, sea_orm::Order::Asc)
                .lock(LockType::NoKeyUpdate);
            self.conn.all(&hold).await?;
        }
        if self.save::<org_unit::Entity, _>(permit, before, after).await? == 0 {
            return Ok(0);
        }
        let mut cut = Sql::delete();
        cut.from_table(org_path::Entity)
            .and_where(org_path::Column::DescendantId.in_subquery(subtree(id)))
            .and_where(org_path::Column::AncestorId.not_in_subquery(subtree(id)));
        self.conn.execute(&cut).await?;
        let mut paths = Sql::select();
        paths
            .column((ABOVE, org_path::Column::AncestorId))
            .column((BELOW, org_path::Column::DescendantId))
            .expr(Expr::col((ABOVE, org_path::Column::Depth)).add(Expr::col((BELOW, org_path::Column::Depth))).add(1_i32))
            .from_as(org_path::Entity, ABOVE)
            .from_as(org_path::Entity, BELOW)
            .and_where(Expr::col((ABOVE, org_path::Column::DescendantId)).eq(parent))
            .and_where(Expr::col((BELOW, org_path::Column::AncestorId)).eq(id));
        self.add_paths(paths).await?;
        self.stands_under(id, Some(parent), since).await?;
        // Rights are compiled from the tree alone: a rehearsal leaves the rows of customers where they are.
        if before.region_id != region {
            let tables = if self.is_rehearsal() { 1 } else { usize::MAX };
            self.take_the_time().await?;
            for rows in regional().into_iter().take(tables) {
                let mut update = Sql::update();
                update.table(rows.table).value(rows.region, region).and_where(Expr::col(rows.unit).in_subquery(subtree(id)));
                self.conn.execute(&update).await?;
            }
            self.take_no_more_time().await?;
        }
        Ok(1)
    }

    /// A region may hold more customers than one statement may take time for; the deadline is for those who wait for an answer.
    async fn take_the_time(&self) -> Result<(), Error> {
        if self.conn.backend() == DbBackend::Postgres {
            let mut lift = Sql::select();
            lift.expr(Expr::cust("set_config('statement_timeout', '0', true)"));
            self.conn.all(&lift).await?;
        }
        Ok(())
    }

    /// The deadline of the connection holds again, for what comes after in the same unit of work.
    async fn take_no_more_time(&self) -> Result<(), Error> {
        if self.conn.backend() == DbBackend::Postgres {
            let mut hold = Sql::select();
            let of_connection = "(SELECT reset_val FROM pg_settings WHERE name = 'statement_timeout')";
            hold.expr(Expr::cust(format!("set_config('statement_timeout', {of_connection}, true)")));
            self.conn.all(&hold).await?;
        }
        Ok(())
    }

    /// Is nothing left at a unit that would be lost from sight with it: units below, posts that have not ended, customers that are not
    /// archived? Beyond the sight of whoever asks: only for whoever may close the unit. Errors: FORBIDDEN.
    pub async fn stands_empty(&self, permit: &Permit<OrganisationAdminister>, unit: &org_unit::Model) -> Result<bool, Error> {
        if !self.reaches_row::<org_unit::Entity, _>(permit, unit, None) {
            return Err(Error::forbidden());
        }
        let unit = unit.id;
        let below = org_unit::Column::ParentId.eq(unit).and(org_unit::Column::ArchivedAt.is_null());
        let served = customer::Column::UnitId.eq(unit).and(customer::Column::ArchivedAt.is_null());
        let mut left = 0;
        left += self.some::<org_unit::Entity>(Condition::all().add(below)).await?;
        left += self.some::<post::Entity>(Condition::all().add(post::Column::UnitId.eq(unit)).add(open_posts(self.now()))).await?;
        left += self.some::<customer::Entity>(Condition::all().add(served)).await?;
        Ok(left == 0)
    }

    async fn some<E: EntityTrait>(&self, which: Condition) -> Result<usize, Error> {
        let mut select = Sql::select();
        select.expr_as(Expr::val(1_i32), "one").from(E::default()).cond_where(which).limit(1);
        Ok(self.conn.all(&select).await?.len())
    }

    async fn add_paths(&self, paths: SelectStatement) -> Result<(), Error> {
        let mut insert = Sql::insert();
        insert
            .into_table(org_path::Entity)
            .columns([org_path::Column::AncestorId, org_path::Column::DescendantId, org_path::Column::Depth])
            .select_from(paths)
            .map_err(|_| Error::internal("the closure statement is malformed"))?;
        self.conn.execute(&insert).await.map(|_| ())
    }

    /// Ends the stretch of the history that runs, and begins the next.
    async fn stands_under(&self, unit: UnitId, parent: Option<UnitId>, since: Timestamp) -> Result<(), Error> {
        let running = || Condition::all().add(org_parent::Column::UnitId.eq(unit)).add(org_parent::Column::ValidTo.is_null());
        let mut select = Sql::select();
        select.expr_as(Expr::col(org_parent::Column::ValidFrom), "began").from(org_parent::Entity).cond_where(running());
        let began: Option<i64> = self.conn.all(&select).await?.first().map(|row| row.try_get("", "began")).transpose()?;
        // What fell due while another move was made by hand does not begin before that one.
        let since = began.map_or(since, |began| Ord::max(since, Timestamp(began)));
        let mut end = Sql::update();
        end.table(org_parent::Entity).value(org_parent::Column::ValidTo, since).cond_where(running());
        self.conn.execute(&end).await?;
        let id: OrgParentId = self.clock().id();
        let mut begin = Sql::insert();
        begin
            .into_table(org_parent::Entity)
            .columns([
                org_parent::Column::Id,
                org_parent::Column::UnitId,
                org_parent::Column::ParentId,
                org_parent::Column::ValidFrom,
                org_parent::Column::ValidTo,
            ])
            .values_panic([Expr::val(id), Expr::val(unit), Expr::val(parent), Expr::val(since), Expr::val(None::<Timestamp>)]);
        self.conn.execute(&begin).await.map(|_| ())
    }
}
