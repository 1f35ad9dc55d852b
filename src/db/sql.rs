//! Totals over what the viewer sees. The FROM is always the rule's own subquery: there is no way to name the table itself.

use std::marker::PhantomData;

use sea_orm::Condition;
use sea_orm::sea_query::{Expr, ExprTrait, Query as Sql, SimpleExpr};
use uuid::Uuid;

use super::scoped::Scoped;
use crate::access::Level;
use crate::access::visible::Visible;
use crate::error::Error;

/// Grouped totals under the row rule of `E`.
pub struct ScopedSql<E> {
    scoped: Scoped,
    filter: Condition,
    floor: Level,
    _entity: PhantomData<E>,
}

impl<E> Clone for ScopedSql<E> {
    fn clone(&self) -> Self {
        Self { scoped: self.scoped.clone(), filter: self.filter.clone(), floor: self.floor, _entity: PhantomData }
    }
}

impl<E: Visible> ScopedSql<E> {
    pub(super) fn new(scoped: Scoped) -> Self {
        Self { scoped, filter: Condition::all(), floor: E::FLOOR, _entity: PhantomData }
    }

    /// Only rows that fulfil this too.
    pub fn filter(mut self, condition: Condition) -> Self {
        self.filter = self.filter.add(condition);
        self
    }

    /// Only rows that the viewer sees at this level or above.
    pub fn at_least(mut self, floor: Level) -> Self {
        self.floor = self.floor.max(floor);
        self
    }

    /// How many rows stand under each of these values of a key. Values without a visible row are absent.
    pub async fn count_by(self, key: E::Column, values: Vec<Uuid>) -> Result<Vec<(Uuid, u64)>, Error> {
        let ways = self.scoped.ways::<E>(self.floor);
        if ways.is_empty() {
            return Ok(Vec::new());
        }
        let key: SimpleExpr = Expr::col((E::default(), key));
        let mut seen = Sql::select();
        seen.expr_as(key.clone(), "key")
            .from(E::default())
            .and_where(key.is_in(values))
            .cond_where(super::scoped::either(ways))
            .cond_where(self.filter);
        let mut totals = Sql::select();
        totals.column(("seen", "key")).expr_as(Expr::cust("COUNT(*)"), "total").from_subquery(seen, "seen").group_by_col(("seen", "key"));
        let rows = self.scoped.conn.all(&totals).await?;
        rows.iter()
            .map(|row| {
                let total: i64 = row.try_get("", "total")?;
                Ok((row.try_get("", "key")?, u64::try_from(total).unwrap_or_default()))
            })
            .collect()
    }
}
