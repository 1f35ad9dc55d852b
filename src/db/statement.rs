//! A select as PostgreSQL gets it: values as parameters, but limits written out. With a limit that it does not know, PostgreSQL expects a
//! tenth of all rows, finds every plan that knows the limit cheaper, and so plans the statement anew each time it runs, which takes longer
//! than to run it.

use std::fmt;

use sea_orm::sea_query::{PostgresQueryBuilder, QueryBuilder, SelectStatement, SqlWriter, Value, Values};

/// The text of a select and its values.
pub(super) fn written(select: &SelectStatement) -> (String, Values) {
    let mut written = Written { sql: String::with_capacity(1_024), values: Vec::new() };
    select.build_collect_into(PostgresQueryBuilder, &mut written);
    (written.sql, Values(written.values))
}

struct Written {
    sql: String,
    values: Vec<Value>,
}

impl fmt::Write for Written {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.sql.write_str(text)
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql)
    }
}

impl SqlWriter for Written {
    fn push_param<T: QueryBuilder>(&mut self, value: Value, _: &T) {
        // Limits, and nothing else, are of this type: no column is.
        let done = if let Value::BigUnsigned(Some(limit)) = value {
            fmt::Write::write_fmt(&mut self.sql, format_args!("{limit}"))
        } else {
            self.values.push(value);
            fmt::Write::write_fmt(&mut self.sql, format_args!("${}", self.values.len()))
        };
        debug_assert!(done.is_ok(), "a String takes every text");
    }

    fn as_writer(&mut self) -> &mut dyn fmt::Write {
        self
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::sea_query::{Expr, ExprTrait, Query};

    use super::*;

    #[test]
    fn limits_are_written_out_and_values_are_not() {
        let mut inner = Query::select();
        inner.column("id").from("customer").and_where(Expr::col("name").eq("x' OR 1 = 1")).limit(21);
        let select = Query::select().column("id").from("customer").and_where(Expr::col("id").in_subquery(inner)).limit(3).take();
        let (sql, values) = written(&select);
        assert_eq!(sql, r#"SELECT "id" FROM "customer" WHERE "id" IN (SELECT "id" FROM "customer" WHERE "name" = $1 LIMIT 21) LIMIT 3"#);
        assert_eq!(values.0, [Value::from("x' OR 1 = 1")]);
    }
}
