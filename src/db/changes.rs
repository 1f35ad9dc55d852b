//! What changed, for whoever keeps a copy of what it sees. A change is written in the transaction of what it tells, without a position, since
//! nobody knows yet when that commits; what is committed gets its position from one at a time. So a transaction that began earlier and
//! committed later comes later, and nobody who has read up to a position misses anything behind it.

use entity::change::{self, Column};
use entity::{Timestamp, contact, customer};
use sea_orm::sea_query::{Expr, ExprTrait, Query as Sql, SelectStatement, UpdateStatement, WindowStatement};
use sea_orm::{ColumnTrait, Condition, DbBackend};
use uuid::Uuid;

use super::Scoped;
use crate::access::Level;
use crate::access::visible::{Place, Remembered, Visible, changes_of};
use crate::error::Error;

/// The number of the lock is ours to choose: `branch_c` in ASCII.
const POSITION_LOCK: i64 = 0x6272_616e_6368_5f63;
/// So many changes get their positions at once.
const AT_ONCE: u64 = 10_000;
/// For so long changes are kept, in seconds: a day longer than cursors are good for.
const KEPT: i64 = 31 * 86_400;
const WAITING: &str = "waiting";
const PLACE: &str = "place";

/// A record that clients keep copies of, and where it stood before and stands after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What the audit calls such a record.
    pub kind: &'static str,
    /// The record.
    pub id: Uuid,
    /// None: it is new.
    pub before: Option<Place>,
    /// Where it stands now.
    pub after: Option<Place>,
}

/// A change that concerns a viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What the audit calls such a record.
    pub kind: String,
    /// The record.
    pub id: Uuid,
    /// Where it stands in the order of commits.
    pub position: i64,
}

/// The kinds of records that clients keep copies of, each with the level from which such a record exists for a viewer.
pub const COPIED: [(&str, Level); 2] = [
    (<customer::Entity as Remembered>::RECORD_TYPE, <customer::Entity as Visible>::FLOOR),
    (<contact::Entity as Remembered>::RECORD_TYPE, <contact::Entity as Visible>::FLOOR),
];

impl Scoped {
    /// Tells of changes, in their unit of work. What follows a customer that moves is told of with it.
    pub async fn tell_changes(&self, moved: Vec<Moved>) -> Result<(), Error> {
        if !self.conn.is_transaction() {
            return Err(Error::internal("a change was told of outside a unit of work"));
        }
        let mut all = Vec::with_capacity(moved.len());
        for one in moved {
            all.push(one);
            let is_moved = one.kind == <customer::Entity as Remembered>::RECORD_TYPE && one.before.is_some() && one.before != one.after;
            if is_moved {
                let followers = self.followers(one.id).await?;
                all.extend(followers.into_iter().map(|id| Moved { kind: <contact::Entity as Remembered>::RECORD_TYPE, id, ..one }));
            }
        }
        let row = |one: Moved| change::Model {
            id: self.clock().id(),
            at: self.now(),
            record_type: one.kind.to_owned(),
            record_id: one.id,
            unit_before: one.before.map(|place| place.unit),
            owner_before: one.before.and_then(|place| place.owner),
            unit_after: one.after.map(|place| place.unit),
            owner_after: one.after.and_then(|place| place.owner),
            position: None,
        };
        self.add::<change::Entity>(all.into_iter().map(row).collect()).await
    }

    /// The ids of what follows a customer, seen or not: their copies are to go where the customer's goes.
    async fn followers(&self, customer: Uuid) -> Result<Vec<Uuid>, Error> {
        let mut select = Sql::select();
        select.column(contact::Column::Id).from(contact::Entity).and_where(contact::Column::CustomerId.eq(customer));
        let rows = self.conn.all(&select).await?;
        Ok(rows.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?)
    }

    /// The position of the latest change, and whether every change that was committed by now has got one: where nobody can write, those that
    /// wait go on waiting.
    pub async fn latest_change(&self) -> Result<(i64, bool), Error> {
        while !self.conn.all(&waiting(1)).await?.is_empty() {
            match self.transaction(|tx| async move { tx.give_positions().await }).await {
                Ok(()) => {}
                Err(Error::Overloaded | Error::Crowded { .. } | Error::Collided) => return Ok((self.last_position().await?, false)),
                Err(error) => return Err(error),
            }
        }
        Ok((self.last_position().await?, true))
    }

    /// Has any customer or contact moved, since a moment, away from where the viewer saw it or to where the viewer sees it?
    pub(super) async fn anything_moved_since(&self, at: Timestamp) -> Result<bool, Error> {
        let concerning = COPIED.iter().filter_map(|(kind, floor)| changes_of(kind, *floor, self.viewer()));
        let differs = |before, after| Condition::all().add(Expr::cust(format!("\"{before}\" IS DISTINCT FROM \"{after}\"")));
        let mut select = Sql::select();
        select
            .column(Column::Id)
            .from(change::Entity)
            .and_where(Column::At.gt(at))
            .and_where(Column::UnitBefore.is_not_null())
            .cond_where(Condition::any().add(differs("unit_before", "unit_after")).add(differs("owner_before", "owner_after")))
            .cond_where(concerning.fold(Condition::any(), Condition::add))
            .limit(1);
        Ok(!self.conn.all(&select).await?.is_empty())
    }

    async fn last_position(&self) -> Result<i64, Error> {
        let mut select = Sql::select();
        select.expr_as(Expr::cust("COALESCE(MAX(\"position\"), 0)"), "last").from(change::Entity);
        let rows = self.conn.all(&select).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.try_get("", "last"))?)
    }

    async fn give_positions(&self) -> Result<(), Error> {
        // On SQLite a unit of work is alone anyway.
        if self.conn.backend() == DbBackend::Postgres {
            let mut hold = Sql::select();
            hold.expr(Expr::cust(format!("pg_advisory_xact_lock({POSITION_LOCK})")));
            self.conn.all(&hold).await?;
        }
        let last = self.last_position().await?;
        self.conn.execute(&numbered(last)).await.map(|_| ())
    }

    /// What changed of these kinds behind one position and up to another, as far as it concerns the viewer, in order, at most `most`.
    pub async fn changes(&self, kinds: &[&str], since: i64, until: i64, most: u64) -> Result<Vec<Changed>, Error> {
        let concerning = COPIED.iter().filter(|(kind, _)| kinds.contains(kind));
        let concerning: Vec<Condition> = concerning.filter_map(|(kind, floor)| changes_of(kind, *floor, self.viewer())).collect();
        if concerning.is_empty() {
            return Ok(Vec::new());
        }
        let mut select = Sql::select();
        select
            .columns([Column::RecordType, Column::RecordId, Column::Position])
            .from(change::Entity)
            .and_where(Column::Position.gt(since))
            .and_where(Column::Position.lte(until))
            .cond_where(concerning.into_iter().fold(Condition::any(), Condition::add))
            .order_by(Column::Position, sea_orm::Order::Asc)
            .limit(most);
        let rows = self.conn.all(&select).await?;
        let read = |row: &sea_orm::QueryResult| {
            Ok(Changed { kind: row.try_get("", "record_type")?, id: row.try_get("", "record_id")?, position: row.try_get("", "position")? })
        };
        rows.iter().map(read).collect::<Result<_, sea_orm::DbErr>>().map_err(Error::from)
    }

    /// Forgets changes that no cursor asks for any more, some at a time. The last one stays: positions go on from it.
    pub async fn forget_changes(&self) -> Result<(), Error> {
        let (last, _) = self.latest_change().await?;
        let before: Timestamp = self.now().plus_seconds(-KEPT);
        loop {
            let mut over = Sql::select();
            over.column(Column::Id)
                .from(change::Entity)
                .and_where(Column::At.lt(before))
                .and_where(Column::Position.lt(last))
                .limit(AT_ONCE);
            let mut delete = Sql::delete();
            delete.from_table(change::Entity).and_where(Column::Id.in_subquery(over));
            let deleted = self.transaction(|tx| async move { Ok(tx.conn.execute(&delete).await?.rows_affected()) }).await?;
            if deleted < AT_ONCE {
                return Ok(());
            }
        }
    }
}

/// Changes without a position, in the order in which they were written.
fn waiting(most: u64) -> SelectStatement {
    let mut waiting = Sql::select();
    waiting.column(Column::Id).from(change::Entity).and_where(Column::Position.is_null());
    waiting.order_by(Column::Id, sea_orm::Order::Asc).limit(most).to_owned()
}

/// The positions behind `last`, for what waits.
fn numbered(last: i64) -> UpdateStatement {
    let mut places = Sql::select();
    let by_id = WindowStatement::new().order_by(Column::Id, sea_orm::Order::Asc).to_owned();
    places.column(Column::Id).expr_window_as(Expr::cust("ROW_NUMBER()"), by_id, PLACE).from_subquery(waiting(AT_ONCE), WAITING);
    let mut update = Sql::update();
    update
        .table(change::Entity)
        .value(Column::Position, Expr::col((PLACE, PLACE)).add(last))
        .from(sea_orm::sea_query::TableRef::SubQuery(Box::new(places), sea_orm::sea_query::IntoIden::into_iden(PLACE)))
        .and_where(Expr::col((change::Entity, Column::Id)).equals((PLACE, Column::Id)));
    update
}
