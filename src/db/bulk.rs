//! Many rows at once. PostgreSQL takes a column as one array, so that a statement costs as many binds as the table has columns; SQLite,
//! which knows no arrays, takes rows of values.

use entity::UnitId;
use sea_orm::sea_query::{Alias, CaseStatement, Expr, ExprTrait, Func, InsertStatement, Query as Sql, SelectStatement, SimpleExpr, Value};
use sea_orm::{Condition, DbBackend, EntityTrait, Iterable, ModelTrait};
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
    pub(super) async fn add<E: EntityTrait>(&self, rows: &[E::Model]) -> Result<(), Error> {
        if self.conn.backend() == DbBackend::Postgres && rows.len() > 1 {
            for some in rows.chunks(ROWS_IN_ARRAYS) {
                self.conn.execute(&by_columns::<E>(some)?).await?;
            }
            return Ok(());
        }
        let width = E::Column::iter().count().max(1);
        for some in rows.chunks((VALUES_AT_ONCE / width).max(1)) {
            self.conn.execute(&by_rows::<E>(some)).await?;
        }
        Ok(())
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

fn by_rows<E: EntityTrait>(rows: &[E::Model]) -> InsertStatement {
    let mut insert = Sql::insert();
    insert.into_table(E::default()).columns(E::Column::iter());
    for row in rows {
        insert.values_panic(E::Column::iter().map(|column| SimpleExpr::from(row.get(column))));
    }
    insert
}

/// `INSERT INTO t (a, b, c) SELECT c0, $1, CASE WHEN p2 THEN c2 END FROM (SELECT UNNEST($2) AS c0, UNNEST($3) AS p2, UNNEST($4) AS c2)`:
/// a column that says the same in every row is bound once, and one with nulls among its values has a second array that tells which are
/// there, since the driver's arrays hold no nulls.
fn by_columns<E: EntityTrait>(rows: &[E::Model]) -> Result<InsertStatement, Error> {
    let (mut arrays, mut select) = (Sql::select(), Sql::select());
    for (at, column) in E::Column::iter().enumerate() {
        let values: Vec<Value> = rows.iter().map(|row| row.get(column)).collect();
        let Some(first) = values.first().filter(|first| values.iter().any(|value| value != *first)) else {
            select.expr(values.into_iter().next().map_or(SimpleExpr::from(Value::Bool(None)), SimpleExpr::from));
            continue;
        };
        let (null, filler, kind) = (first.as_null(), filler(first), first.array_type());
        let there: Vec<bool> = values.iter().map(|value| *value != null).collect();
        let name = Alias::new(format!("c{at}"));
        if there.contains(&false) {
            let told = Alias::new(format!("p{at}"));
            arrays.expr_as(unnested(Value::from(there)), told.clone());
            select.expr(CaseStatement::new().case(Expr::col(told), Expr::col(name.clone())));
        } else {
            select.expr(Expr::col(name.clone()));
        }
        let filled = values.into_iter().map(|value| if value == null { filler.clone() } else { value }).collect();
        arrays.expr_as(unnested(Value::Array(kind, Some(Box::new(filled)))), name);
    }
    let select: SelectStatement = select.from_subquery(arrays, COLUMNS).to_owned();
    let mut insert = Sql::insert();
    insert.into_table(E::default()).columns(E::Column::iter());
    insert.select_from(select).map_err(|_| Error::internal("the INSERT of arrays is malformed"))?;
    Ok(insert)
}

fn unnested(array: Value) -> SimpleExpr {
    Func::cust("UNNEST").arg(Expr::val(array)).into()
}

/// What stands in an array where there is nothing: any value that the database can hold.
fn filler(value: &Value) -> Value {
    match value {
        Value::TimeDate(_) => Value::TimeDate(Some(Date::from_julian_day(2_440_588).unwrap_or(Date::MAX))),
        other => other.dummy_value(),
    }
}
