//! Many rows at once. PostgreSQL takes a column as one array, so that a statement costs as many binds as the table has columns; SQLite,
//! which knows no arrays, takes rows of values.

use entity::UnitId;
use sea_orm::sea_query::{Alias, CaseStatement, Expr, ExprTrait, Func, InsertStatement, Query as Sql, SelectStatement, SimpleExpr, Value};
use sea_orm::{ActiveModelTrait, Condition, DbBackend, EntityTrait, IntoActiveModel, Iterable};
use time::Date;

use super::scoped::Scoped;
use crate::error::Error;

/// Rows in one INSERT of arrays: enough that the statement itself costs nothing, few enough that memory stays flat.
const ROWS_IN_ARRAYS: usize = 5_000;
/// Values in one INSERT of rows: SQLite binds at most 32,766, and works best well below.
const VALUES_AT_ONCE: usize = 2_000;
const PAIRS: &str = "pairs";
const COLUMNS: &str = "columns";

impl Scoped {
    /// Adds rows, whoever may: the callers have asked.
    pub(super) async fn add<E: EntityTrait>(&self, rows: Vec<E::Model>) -> Result<(), Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel>,
    {
        let in_arrays = self.conn.backend() == DbBackend::Postgres && rows.len() > 1;
        let width = E::Column::iter().count().max(1);
        let most = if in_arrays { ROWS_IN_ARRAYS } else { (VALUES_AT_ONCE / width).max(1) };
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let some = rows.by_ref().take(most).map(IntoActiveModel::into_active_model);
            let insert = if in_arrays { by_columns::<E>(some)? } else { by_rows::<E>(some) };
            self.conn.execute(&insert).await?;
        }
        Ok(())
    }

    /// How an import shares its rows out: how many in one unit of work, and how many of those at once. SQLite has one writer, and writes
    /// a page of an index once for all rows of a unit of work.
    pub fn shares(&self) -> Shares {
        match self.conn.backend() {
            DbBackend::Postgres => Shares { rows: 2_000, lanes: 2 },
            _ => Shares { rows: 5_000, lanes: 1 },
        }
    }

    /// "The row's unit and text are one of these pairs": one look into an index on both a pair, however many there are.
    pub fn among<C: sea_orm::ColumnTrait>(&self, unit: C, text: C, pairs: Vec<(UnitId, String)>) -> Condition {
        if pairs.is_empty() {
            return Condition::all().add(Expr::cust("1 = 0"));
        }
        let mut either = Sql::select();
        if self.conn.backend() == DbBackend::Postgres {
            let (units, texts): (Vec<_>, Vec<_>) = pairs.into_iter().map(|(unit, text)| (unit.0, text)).unzip();
            either.expr(unnested(Value::from(units))).expr(unnested(Value::from(texts)));
        } else {
            either.columns(["column1", "column2"]).from_values(pairs.into_iter().map(|(unit, text)| (unit.0, text)), PAIRS);
        }
        let pair = SimpleExpr::tuple([Expr::col(unit.as_column_ref()), Expr::col(text.as_column_ref())]);
        Condition::all().add(pair.in_subquery(either))
    }
}

/// How an import shares its rows out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Rows in one unit of work.
    pub rows: usize,
    /// Units of work at once.
    pub lanes: usize,
}

/// The value of a column, moved out of the row.
fn taken<E: EntityTrait>(row: &mut E::ActiveModel, column: E::Column) -> Value {
    row.take(column).into_value().unwrap_or(Value::Bool(None))
}

fn by_rows<E: EntityTrait>(rows: impl Iterator<Item = E::ActiveModel>) -> InsertStatement {
    let mut insert = Sql::insert();
    insert.into_table(E::default()).columns(E::Column::iter());
    for mut row in rows {
        insert.values_panic(E::Column::iter().map(|column| SimpleExpr::from(taken::<E>(&mut row, column))));
    }
    insert
}

/// `INSERT INTO t (a, b, c) SELECT c0, $1, CASE WHEN p2 THEN c2 END FROM (SELECT UNNEST($2) AS c0, UNNEST($3) AS p2, UNNEST($4) AS c2)`:
/// a column that says the same in every row is bound once, and one with nulls among its values has a second array that tells which are
/// there, since the driver's arrays hold no nulls. JSON goes as text, which costs one copy where a tree costs many.
fn by_columns<E: EntityTrait>(rows: impl Iterator<Item = E::ActiveModel>) -> Result<InsertStatement, Error> {
    let mut columns: Vec<(E::Column, Vec<Value>)> = E::Column::iter().map(|column| (column, Vec::new())).collect();
    for mut row in rows {
        for (column, values) in &mut columns {
            values.push(taken::<E>(&mut row, *column));
        }
    }
    let (mut arrays, mut select) = (Sql::select(), Sql::select());
    for (at, (_, mut values)) in columns.into_iter().enumerate() {
        let Some(first) = values.first().filter(|first| values.iter().any(|value| value != *first)) else {
            select.expr(values.pop().map_or(SimpleExpr::from(Value::Bool(None)), SimpleExpr::from));
            continue;
        };
        let is_json = matches!(first, Value::Json(_));
        if is_json {
            values.iter_mut().for_each(as_text);
        }
        let Some(first) = values.first() else { continue };
        let (null, filler, kind) = (first.as_null(), filler(first), first.array_type());
        let name = Alias::new(format!("c{at}"));
        let mut column = Expr::col(name.clone());
        if is_json {
            column = column.cast_as("jsonb");
        }
        if values.contains(&null) {
            let told = Alias::new(format!("p{at}"));
            let there: Vec<bool> = values.iter().map(|value| *value != null).collect();
            values.iter_mut().filter(|value| **value == null).for_each(|value| *value = filler.clone());
            arrays.expr_as(unnested(Value::from(there)), told.clone());
            select.expr(CaseStatement::new().case(Expr::col(told), column));
        } else {
            select.expr(column);
        }
        arrays.expr_as(unnested(Value::Array(kind, Some(Box::new(values)))), name);
    }
    let select: SelectStatement = select.from_subquery(arrays, COLUMNS).to_owned();
    let mut insert = Sql::insert();
    insert.into_table(E::default()).columns(E::Column::iter());
    insert.select_from(select).map_err(|_| Error::internal("the INSERT of arrays is malformed"))?;
    Ok(insert)
}

fn as_text(value: &mut Value) {
    if let Value::Json(json) = value {
        *value = Value::String(json.take().map(|json| json.to_string()));
    }
}

fn unnested(array: Value) -> SimpleExpr {
    Func::cust("UNNEST").arg(Expr::val(array)).into()
}

/// What stands in an array where there is nothing: any value that the database can hold.
fn filler(value: &Value) -> Value {
    match value {
        Value::TimeDate(_) => Value::TimeDate(Some(Date::from_julian_day(2_440_588).unwrap_or(Date::MAX))),
        // A text that is JSON too.
        Value::String(_) => Value::String(Some("0".to_owned())),
        other => other.dummy_value(),
    }
}
