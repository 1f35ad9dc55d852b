//! Counters of failed sign-ins. Their subjects are keyed hashes: the rows belong to nobody and tell of nobody.

use entity::{Timestamp, sign_in_failure};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, OnConflict, Query as Sql, SimpleExpr};
use sea_orm::{ColumnTrait, Condition};

use super::Scoped;
use crate::error::Error;

/// How many failures lock a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many failures,
    pub failures: i64,
    /// the last within so many seconds of the first,
    pub within_s: i64,
    /// lock for so many seconds.
    pub locked_s: i64,
}

/// What a failure came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// There may be more.
    Below,
    /// It was the one that locks.
    Locks,
    /// Others had locked the subject meanwhile.
    Beyond,
}

impl Scoped {
    /// Until when any of these subjects is locked; none: none is.
    pub async fn locked_until(&self, subjects: &[String]) -> Result<Option<Timestamp>, Error> {
        use sign_in_failure::Column;
        let mut select = Sql::select();
        select
            .expr_as(Expr::col(Column::LockedUntil), "locked_until")
            .from(sign_in_failure::Entity)
            .and_where(Expr::col(Column::Subject).is_in(subjects.iter().cloned()))
            .and_where(Expr::col(Column::LockedUntil).gt(self.now()));
        let rows = self.conn.all(&select).await?;
        let ends: Vec<Timestamp> = rows.iter().map(|row| row.try_get("", "locked_until")).collect::<Result<_, _>>()?;
        Ok(ends.into_iter().max())
    }

    /// Counts one more failure of a subject, in one statement: whoever fails at the same time is counted too.
    pub async fn count_failure(&self, subject: String, limit: Limit) -> Result<Counted, Error> {
        use sign_in_failure::Column;
        let now = self.now();
        let column = |column: Column| Expr::col((sign_in_failure::Entity, column));
        let anew = Condition::any()
            .add(Expr::expr(column(Column::Since)).lte(now.plus_seconds(-limit.within_s)).and(column(Column::LockedUntil).is_null()))
            .add(column(Column::LockedUntil).lte(now));
        let locks =
            Condition::all().add(column(Column::LockedUntil).is_null()).add(column(Column::Failures).gte(limit.failures.saturating_sub(1)));
        let anew_or = |first: SimpleExpr, more: SimpleExpr| CaseStatement::new().case(anew.clone(), first).finally(more);
        let locked_until = CaseStatement::new()
            .case(anew.clone(), Expr::val(Option::<i64>::None))
            .case(locks, Expr::val(now.plus_seconds(limit.locked_s)))
            .finally(column(Column::LockedUntil));
        let mut upsert = Sql::insert();
        upsert
            .into_table(sign_in_failure::Entity)
            .columns([Column::Subject, Column::Failures, Column::Since])
            .values([subject.into(), Expr::val(1_i64), Expr::val(now)])
            .map_err(|_| Error::internal("the statement that counts failures is malformed"))?
            .on_conflict(
                OnConflict::column(Column::Subject)
                    .value(Column::Failures, anew_or(Expr::val(1_i64), column(Column::Failures).add(1_i64)))
                    .value(Column::Since, anew_or(Expr::val(now), column(Column::Since)))
                    .value(Column::LockedUntil, locked_until)
                    .to_owned(),
            )
            .returning_col(Column::Failures);
        let rows = self.conn.returning(&upsert).await?;
        let row = rows.first().ok_or_else(|| Error::internal("a failure was not counted"))?;
        let failures: i64 = row.try_get("", "failures")?;
        Ok(match failures.cmp(&limit.failures) {
            std::cmp::Ordering::Less => Counted::Below,
            std::cmp::Ordering::Equal => Counted::Locks,
            std::cmp::Ordering::Greater => Counted::Beyond,
        })
    }

    /// Forgets the failures of a subject.
    pub async fn forget_failures(&self, subject: String) -> Result<(), Error> {
        self.drop_failures(Condition::all().add(sign_in_failure::Column::Subject.eq(subject))).await
    }

    /// Forgets failures that began before `at` and lock nobody any more.
    pub async fn forget_failures_before(&self, at: Timestamp) -> Result<(), Error> {
        use sign_in_failure::Column;
        let open = Condition::any().add(Column::LockedUntil.is_null()).add(Column::LockedUntil.lte(self.now()));
        self.drop_failures(Condition::all().add(Column::Since.lt(at)).add(open)).await
    }

    async fn drop_failures(&self, which: Condition) -> Result<(), Error> {
        let mut delete = Sql::delete();
        delete.from_table(sign_in_failure::Entity).cond_where(which);
        self.conn.execute(&delete).await.map(|_| ())
    }
}
