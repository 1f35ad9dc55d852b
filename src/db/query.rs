//! Reading rows under their rule. The inner select is never handed out: what a caller adds can narrow the reach, not widen it.
//!
//! ```compile_fail,E0599
//! fn take(scoped: &branchwise::db::Scoped) {
//!     let _ = scoped.find::<entity::customer::Entity>().into_query();
//! }
//! ```

use std::collections::HashMap;
use std::marker::PhantomData;

use entity::UserId;
use sea_orm::sea_query::{Expr, ExprTrait, Func, JoinType, LockType, Query as Sql, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{Condition, DbBackend, EntityTrait, QueryResult};
use uuid::Uuid;

use super::page::{Order, PageOf, Slice, id_column};
use super::scoped::Scoped;
use crate::access::visible::{Place, RowArm, Visible};
use crate::access::{Level, action::Acts};
use crate::error::Error;

const KEYS: &str = "keys";
const TOP: &str = "top";
const PARENTS: &str = "parents";

/// A row and how clearly the viewer sees it. Made by reading it, and in no other way: whoever holds one has seen the row.
///
/// ```compile_fail,E0451
/// use branchwise::{access::Level, db::Row};
/// fn forge(model: entity::customer::Model) -> Row<entity::customer::Entity> {
///     Row { model, level: Level::Full, place: None, _seen: todo!() }
/// }
/// ```
///
/// ```no_run
/// use branchwise::{access::Level, db::Row};
/// fn take(row: Row<entity::customer::Entity>) -> (entity::customer::Model, Level) {
///     (row.model, row.level)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Row<E: EntityTrait> {
    /// The row.
    pub model: E::Model,
    /// How clearly.
    pub level: Level,
    /// Where it stands; none for tables that belong to no unit.
    pub place: Option<Place>,
    pub(super) _seen: Seen,
}

/// What only reading gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen;

/// A query under construction. Everything added is ANDed to the row rule.
pub struct Query<E> {
    scoped: Scoped,
    filter: Condition,
    floor: Level,
    lock: Option<LockType>,
    _entity: PhantomData<E>,
}

impl<E> Clone for Query<E> {
    fn clone(&self) -> Self {
        Self { scoped: self.scoped.clone(), filter: self.filter.clone(), floor: self.floor, lock: self.lock, _entity: PhantomData }
    }
}

impl<E: Visible> Query<E> {
    pub(super) fn new(scoped: Scoped) -> Self {
        Self { scoped, filter: Condition::all(), floor: E::FLOOR, lock: None, _entity: PhantomData }
    }

    /// Only rows that fulfil this too.
    pub fn filter(mut self, condition: Condition) -> Self {
        self.filter = self.filter.add(condition);
        self
    }

    /// Only the row with this id.
    pub fn id(self, id: Uuid) -> Self {
        self.ids(vec![id])
    }

    /// Only the rows with these ids.
    pub fn ids(self, ids: Vec<Uuid>) -> Self {
        match id_column::<E>() {
            Some(column) => self.filter(Condition::all().add(Expr::col((E::default(), column)).is_in(ids))),
            None => self.filter(Condition::all().add(Expr::cust("1 = 0"))),
        }
    }

    /// Only rows that the viewer sees at this level or above.
    pub fn at_least(mut self, floor: Level) -> Self {
        self.floor = self.floor.max(floor);
        self
    }

    /// Holds the rows until the unit of work ends. Rows that point to them may still be added.
    pub fn for_update(mut self) -> Self {
        self.lock = Some(LockType::NoKeyUpdate);
        self
    }

    /// Keeps the rows as they are until the unit of work ends; others may do so too.
    pub fn for_share(mut self) -> Self {
        self.lock = Some(LockType::Share);
        self
    }

    fn ways(&self) -> Vec<RowArm> {
        self.scoped.ways::<E>(self.floor)
    }

    fn is_nothing(ways: &[RowArm]) -> bool {
        ways.is_empty()
    }

    /// One row, or none.
    pub async fn one(self) -> Result<Option<Row<E>>, Error> {
        Ok(self.all(1).await?.into_iter().next())
    }

    /// Up to `most` rows in no particular order.
    pub async fn all(self, most: u64) -> Result<Vec<Row<E>>, Error> {
        let ways = self.ways();
        if Self::is_nothing(&ways) {
            return Ok(Vec::new());
        }
        let mut select = self.rows();
        select.cond_where(super::scoped::either(ways)).cond_where(self.filter.clone()).limit(most);
        if let Some(lock) = self.lock {
            // In one order, so that two who hold several rows do not wait for each other.
            if let Some(id) = id_column::<E>() {
                select.order_by_expr(Expr::col((E::default(), id)), sea_orm::Order::Asc);
            }
            select.lock(lock);
        }
        Ok(self.run(&select).await?.0)
    }

    /// How many rows there are.
    pub async fn count(self) -> Result<u64, Error> {
        let ways = self.ways();
        if Self::is_nothing(&ways) {
            return Ok(0);
        }
        let mut select = Sql::select();
        select
            .expr_as(Expr::cust("COUNT(*)"), "total")
            .from(E::default())
            .cond_where(super::scoped::either(ways))
            .cond_where(self.filter.clone());
        let rows = self.scoped.conn.all(&select).await?;
        let total: i64 = rows.first().map_or(Ok(0), |row| row.try_get("", "total"))?;
        Ok(u64::try_from(total).unwrap_or_default())
    }

    /// One slice of the ordered rows. Several ways: each its own ordered top N, then joined and cut.
    pub async fn page(self, order: &Order<E>, slice: &Slice) -> Result<PageOf<Row<E>>, Error> {
        let ways = self.ways();
        if Self::is_nothing(&ways) {
            return Ok(PageOf { rows: Vec::new(), more: false });
        }
        let limit = slice.limit.saturating_add(1);
        let mut select = self.rows();
        match ways.as_slice() {
            [only] if only.units.is_none() || !self.takes_laterals() => {
                select.cond_where(only.condition.clone()).cond_where(self.filter.clone());
                order.slice(&mut select, slice, limit);
            }
            several => {
                let mut keys = several.iter().map(|way| self.top_of(way, order, slice, limit));
                if let (Some(mut first), Some(id)) = (keys.next(), id_column::<E>()) {
                    first.unions(keys.map(|next| (UnionType::Distinct, next)));
                    select.and_where(Expr::col((E::default(), id)).in_subquery(first));
                }
                order.sort(&mut select, slice);
                select.limit(limit);
            }
        }
        let (rows, found) = self.run(&select).await?;
        Ok(order.finish(rows, found, slice))
    }

    /// A slice for each of several parents, in one statement.
    pub async fn page_by(
        self,
        parent: E::Column,
        parents: &[Uuid],
        parent_of: fn(&E::Model) -> Uuid,
        order: &Order<E>,
        slice: &Slice,
    ) -> Result<HashMap<Uuid, PageOf<Row<E>>>, Error> {
        let ways = self.ways();
        let (Some(id), false, false) = (id_column::<E>(), Self::is_nothing(&ways), parents.is_empty()) else {
            return Ok(HashMap::new());
        };
        let rule = super::scoped::either(ways);
        let limit = slice.limit.saturating_add(1);
        let top = |of: SimpleExpr| {
            let mut top = Sql::select();
            top.expr_as(Expr::col((E::default(), id)), "id")
                .from(E::default())
                .and_where(Expr::col((E::default(), parent)).eq(of))
                .cond_where(rule.clone())
                .cond_where(self.filter.clone());
            order.slice(&mut top, slice, limit);
            top
        };
        let keys = if self.takes_laterals() {
            let mut keys = Sql::select();
            keys.column((TOP, "id")).from_values(parents.iter().copied(), PARENTS).join_lateral(
                JoinType::InnerJoin,
                top(Expr::col((PARENTS, "column1"))),
                TOP,
                Condition::all().add(Expr::cust("1 = 1")),
            );
            keys
        } else {
            // SQLite: the rule is bound once, whatever the number of parents.
            let mut numbered = Sql::select();
            let rank = order.window(Expr::col((E::default(), parent)), slice);
            numbered
                .expr_as(Expr::col((E::default(), id)), "id")
                .expr_window_as(Func::cust("ROW_NUMBER"), rank, "rank")
                .from(E::default())
                .and_where(Expr::col((E::default(), parent)).is_in(parents.iter().copied()))
                .cond_where(rule.clone())
                .cond_where(self.filter.clone());
            order.begin(&mut numbered, slice);
            let mut keys = Sql::select();
            keys.column((TOP, "id")).from_subquery(numbered, TOP).and_where(Expr::col((TOP, "rank")).lte(limit));
            keys
        };
        let mut select = self.rows();
        select.and_where(Expr::col((E::default(), id)).in_subquery(keys));
        order.sort(&mut select, slice);
        let mut grouped: HashMap<Uuid, Vec<Row<E>>> = HashMap::new();
        for row in self.run(&select).await?.0 {
            grouped.entry(parent_of(&row.model)).or_default().push(row);
        }
        let finish = |rows: Vec<Row<E>>| {
            let total = rows.len();
            order.finish(rows, total, slice)
        };
        Ok(grouped.into_iter().map(|(parent, rows)| (parent, finish(rows))).collect())
    }

    /// PostgreSQL takes each unit's own top N; SQLite knows no LATERAL and does well with IN.
    fn takes_laterals(&self) -> bool {
        self.scoped.conn.backend() == DbBackend::Postgres
    }

    /// The ids of the top N of one way, as a select of one column that may stand in a union.
    fn top_of(&self, way: &RowArm, order: &Order<E>, slice: &Slice, limit: u64) -> SelectStatement {
        let mut top = Sql::select();
        if let Some(id) = id_column::<E>() {
            top.expr_as(Expr::col((E::default(), id)), "id");
        }
        top.expr_as(order.key.clone(), "key").from(E::default()).cond_where(self.filter.clone());
        let top = match (&way.units, E::unit()) {
            (Some(units), Some(unit)) if self.takes_laterals() => {
                top.and_where(Expr::col((E::default(), unit)).eq(Expr::col((PARENTS, "column1"))));
                order.slice(&mut top, slice, limit);
                let direction = order.direction(slice);
                let mut merged = Sql::select();
                merged
                    .column((TOP, "id"))
                    .from_values(units.iter().map(|unit| unit.0), PARENTS)
                    .join_lateral(JoinType::InnerJoin, top, TOP, Condition::all().add(Expr::cust("1 = 1")))
                    .order_by((TOP, "key"), direction.clone())
                    .order_by((TOP, "id"), direction)
                    .limit(limit);
                merged
            }
            _ => {
                top.cond_where(way.condition.clone());
                order.slice(&mut top, slice, limit);
                top
            }
        };
        let mut wrapped = Sql::select();
        wrapped.column((KEYS, "id")).from_subquery(top, KEYS);
        wrapped
    }

    fn rows(&self) -> SelectStatement {
        let mut select = Sql::select();
        select.expr(Expr::cust(E::COLUMNS));
        if let Some(owner) = E::owner() {
            select.expr(owner);
        }
        select.from(E::default()).take()
    }

    /// What a select finds and the viewer sees; and how many rows there were before any was out of sight.
    async fn run(&self, select: &SelectStatement) -> Result<(Vec<Row<E>>, usize), Error> {
        let found = self.scoped.conn.all(select).await?;
        let has_owner = E::owner().is_some();
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            rows.extend(self.read(row, has_owner)?);
        }
        Ok((rows, found.len()))
    }

    /// The row with its level. None where the tree has moved on since the viewer was compiled: such a row is out of sight.
    fn read(&self, found: &QueryResult, has_owner: bool) -> Result<Option<Row<E>>, Error> {
        let model = E::read(found)?;
        let owner: Option<UserId> = if has_owner { found.try_get_by_index(E::WIDTH)? } else { None };
        let place = E::place(&model, owner);
        let level = match place {
            None => Some(E::FLOOR),
            Some(place) => self.scoped.viewer().level_at(<E::Read as Acts>::RESOURCE, <E::Read as Acts>::ACTION, place),
        };
        Ok(level.filter(|level| *level >= self.floor).map(|level| Row { model, level, place, _seen: Seen }))
    }
}
