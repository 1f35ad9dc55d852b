//! What sealing the audit reads and writes. For the system alone: it finds rows by where they were written, in the order in which they
//! became visible, and only ever adds to the chain.

use std::collections::HashMap;
use std::sync::Arc;

use entity::{AuditId, audit, audit_seal};
use sea_orm::sea_query::{Expr, ExprTrait, Query as Sql, SelectStatement, SimpleExpr};
use sea_orm::{Condition, DbBackend, FromQueryResult, Iterable, JoinType, Order};
use uuid::Uuid;

use super::page::name;
use super::{Db, Scoped};
use crate::error::Error;
use crate::secrets::Notary;

/// The number of the lock is ours to choose: `branch_s` in ASCII.
const SEAL_LOCK: i64 = 0x6272_616e_6368_5f73;
const WRITTEN: &str = "written";

/// How far the audit was looked through: all rows up to here were. `at` is the number of a transaction on PostgreSQL, of a row on SQLite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Where rows were written.
    pub at: i64,
    /// Of rows that were written there, those with a higher id are left.
    pub id: Uuid,
}

impl Mark {
    /// Before every row that was written at `at` or later.
    pub fn before(at: i64) -> Self {
        Self { at, id: Uuid::nil() }
    }
}

/// An audit row, and where it stands in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where it was written.
    pub mark: Mark,
    /// Its position; none: it is not sealed.
    pub position: Option<i64>,
}

impl Db {
    /// The same database, on which audit rows are stamped.
    #[must_use]
    pub fn stamping(mut self, notary: Arc<Notary>) -> Self {
        self.notary = Some(notary);
        self
    }
}

impl Scoped {
    fn for_the_system(&self) -> Result<(), Error> {
        if self.viewer().user_id().is_some() { Err(Error::forbidden()) } else { Ok(()) }
    }

    /// Takes the turn to seal for this unit of work, over all instances. False: somebody else has it.
    pub async fn turn_to_seal(&self) -> Result<bool, Error> {
        // On SQLite a unit of work is alone anyway.
        if self.conn.backend() != DbBackend::Postgres {
            return Ok(true);
        }
        let mut turn = Sql::select();
        turn.expr_as(Expr::cust(format!("pg_try_advisory_xact_lock({SEAL_LOCK})")), "taken");
        let rows = self.conn.all(&turn).await?;
        Ok(rows.first().map_or(Ok(false), |row| row.try_get("", "taken"))?)
    }

    /// Where rows may still come to be: whatever was written before is visible from now on, or never will be. Ask before reading rows.
    pub async fn audit_settled(&self) -> Result<i64, Error> {
        self.for_the_system()?;
        let mut settled = Sql::select();
        if self.conn.backend() == DbBackend::Postgres {
            settled.expr_as(Expr::cust("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"), "settled");
        } else {
            settled.expr_as(Expr::cust("COALESCE(MAX(rowid), 0)"), "settled").from(audit::Entity);
        }
        let rows = self.conn.all(&settled).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.try_get("", "settled"))?)
    }

    /// The audit rows behind a mark, in the order in which they were written.
    pub async fn audit_written_after(&self, mark: Mark, most: u64) -> Result<Vec<Written>, Error> {
        self.for_the_system()?;
        let is_postgres = self.conn.backend() == DbBackend::Postgres;
        let key = if is_postgres { "written_in" } else { "rowid" };
        let (at, id) = (|| Expr::col((audit::Entity, key)), || Expr::col((audit::Entity, audit::Column::Id)));
        let mut some = Sql::select();
        some.expr_as(at(), "at").expr_as(id(), "id").from(audit::Entity).order_by_expr(at(), Order::Asc).limit(most);
        if is_postgres {
            let behind = SimpleExpr::tuple([at(), id()]).gt(SimpleExpr::tuple([Expr::val(mark.at), Expr::val(mark.id)]));
            some.and_where(behind).order_by_expr(id(), Order::Asc);
        } else {
            some.and_where(at().gt(mark.at));
        }
        let mut select = Sql::select();
        select
            .columns([(WRITTEN, "at"), (WRITTEN, "id")])
            .expr_as(Expr::col((audit_seal::Entity, audit_seal::Column::Position)), "position")
            .from_subquery(some, WRITTEN)
            .join(
                JoinType::LeftJoin,
                audit_seal::Entity,
                Expr::col((audit_seal::Entity, audit_seal::Column::AuditId)).equals((WRITTEN, "id")),
            )
            .order_by((WRITTEN, "at"), Order::Asc)
            .order_by((WRITTEN, "id"), Order::Asc);
        let rows = self.conn.all(&select).await?;
        rows.iter()
            .map(|row| {
                let mark = Mark { at: row.try_get("", "at")?, id: row.try_get("", "id")? };
                Ok(Written { mark, position: row.try_get("", "position")? })
            })
            .collect()
    }

    /// These audit rows, by id.
    pub async fn audit_rows(&self, ids: Vec<AuditId>) -> Result<HashMap<AuditId, audit::Model>, Error> {
        self.for_the_system()?;
        let most = ids.len() as u64;
        let rows = self.find::<audit::Entity>().ids(ids.into_iter().map(|id| id.0).collect()).all(most).await?;
        Ok(rows.into_iter().map(|row| (row.model.id, row.model)).collect())
    }

    /// The last links of the chain, the last one first.
    pub async fn last_seals(&self, most: u64) -> Result<Vec<audit_seal::Model>, Error> {
        self.seals(Condition::all(), Order::Desc, most).await
    }

    /// The links behind a position, in their order.
    pub async fn seals_after(&self, position: i64, most: u64) -> Result<Vec<audit_seal::Model>, Error> {
        let behind = Expr::col((audit_seal::Entity, audit_seal::Column::Position)).gt(position);
        self.seals(Condition::all().add(behind), Order::Asc, most).await
    }

    async fn seals(&self, which: Condition, order: Order, most: u64) -> Result<Vec<audit_seal::Model>, Error> {
        self.for_the_system()?;
        let mut select: SelectStatement = Sql::select();
        for column in audit_seal::Column::iter() {
            select.expr_as(Expr::col((audit_seal::Entity, column)), name(column));
        }
        select.from(audit_seal::Entity).cond_where(which).order_by((audit_seal::Entity, audit_seal::Column::Position), order).limit(most);
        let rows = self.conn.all(&select).await?;
        Ok(rows.iter().map(|row| audit_seal::Model::from_query_result(row, "")).collect::<Result<_, _>>()?)
    }

    /// Adds links to the chain.
    pub async fn add_seals(&self, seals: Vec<audit_seal::Model>) -> Result<(), Error> {
        self.for_the_system()?;
        self.add::<audit_seal::Entity>(seals).await
    }
}
