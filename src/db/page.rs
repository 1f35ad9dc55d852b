//! Orders and slices: keyset paging over a key that is never null and the id.

use sea_orm::sea_query::{Expr, ExprTrait, OverStatement, SelectStatement, SimpleExpr, Value, WindowStatement};
use sea_orm::{EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn};
use uuid::Uuid;

/// The value of a sort key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyValue {
    /// A number or a moment.
    Int(i64),
    /// A text.
    Text(String),
}

impl From<KeyValue> for Value {
    fn from(key: KeyValue) -> Self {
        match key {
            KeyValue::Int(number) => number.into(),
            KeyValue::Text(text) => text.into(),
        }
    }
}

/// In which order rows come: by a key that is never null, then by id.
pub struct Order<E: EntityTrait> {
    /// The key, as SQL.
    pub key: SimpleExpr,
    /// The key of a row in hand, equal to what the SQL gives.
    pub key_of: fn(&E::Model) -> KeyValue,
    /// The id of a row in hand.
    pub id_of: fn(&E::Model) -> Uuid,
    /// Largest first.
    pub descending: bool,
}

impl<E: EntityTrait> Clone for Order<E> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), key_of: self.key_of, id_of: self.id_of, descending: self.descending }
    }
}

/// Which part of an ordered list: the first `limit` after a row, or the last before one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// How many.
    pub limit: u64,
    /// From the end of the list.
    pub backwards: bool,
    /// Key and id of the row to begin behind (or, backwards, before).
    pub from: Option<(KeyValue, Uuid)>,
}

/// A part of a list, in list order, and whether it goes on in the direction asked.
#[derive(Clone, Debug)]
pub struct PageOf<R> {
    /// The rows.
    pub rows: Vec<R>,
    /// There are more rows in the direction of the slice.
    pub more: bool,
}

/// The id column of a table with a single key.
pub(super) fn id_column<E: EntityTrait>() -> Option<E::Column> {
    E::PrimaryKey::iter().next().map(PrimaryKeyToColumn::into_column)
}

fn id_expr<E: EntityTrait>() -> SimpleExpr {
    id_column::<E>().map_or_else(|| Expr::cust("1 = 0"), |column| Expr::col((E::default(), column)))
}

impl<E: EntityTrait> Order<E> {
    fn sorted_descending(&self, slice: &Slice) -> bool {
        self.descending != slice.backwards
    }

    /// Adds where it begins, the order and the limit, by the columns of the table itself.
    pub(super) fn slice(&self, select: &mut SelectStatement, slice: &Slice, limit: u64) {
        self.begin(select, slice);
        self.sort(select, slice);
        select.limit(limit);
    }

    /// Adds where it begins.
    pub(super) fn begin(&self, select: &mut SelectStatement, slice: &Slice) {
        if let Some((key, id)) = &slice.from {
            let here = Expr::tuple([self.key.clone(), id_expr::<E>()]);
            let there = Expr::tuple([Expr::val(key.clone()), Expr::val(*id)]);
            select.and_where(if self.sorted_descending(slice) { here.lt(there) } else { here.gt(there) });
        }
    }

    /// The order within each parent.
    pub(super) fn window(&self, parent: SimpleExpr, slice: &Slice) -> WindowStatement {
        let direction = self.direction(slice);
        let mut window = WindowStatement::new();
        window.add_partition_by(parent).order_by_expr(self.key.clone(), direction.clone()).order_by_expr(id_expr::<E>(), direction);
        window
    }

    /// Adds the order alone.
    pub(super) fn sort(&self, select: &mut SelectStatement, slice: &Slice) {
        let direction = self.direction(slice);
        select.order_by_expr(self.key.clone(), direction.clone()).order_by_expr(id_expr::<E>(), direction);
    }

    pub(super) fn direction(&self, slice: &Slice) -> sea_orm::Order {
        if self.sorted_descending(slice) { sea_orm::Order::Desc } else { sea_orm::Order::Asc }
    }

    /// Sorts rows in hand as a forward list would come; `found` is how many there were before any was out of sight.
    pub(super) fn finish<R>(&self, mut rows: Vec<R>, found: usize, slice: &Slice) -> PageOf<R> {
        let limit = usize::try_from(slice.limit).unwrap_or(usize::MAX);
        rows.truncate(limit);
        if slice.backwards {
            rows.reverse();
        }
        PageOf { rows, more: found > limit }
    }
}

/// The name of a column as a plain string.
pub(super) fn name<C: IdenStatic>(column: C) -> String {
    column.as_str().to_owned()
}
