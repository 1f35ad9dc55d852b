//! What a user may do so many times a day.

use entity::daily_use;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query as Sql};

use super::Scoped;
use crate::error::Error;

impl Scoped {
    /// Counts one use of `what` by the viewer on this day, in UTC, where fewer than `most` were counted: one statement, so that two at once
    /// cannot both be the last. False: none is left. The system is not counted.
    pub async fn use_up(&self, what: &str, most: u64) -> Result<bool, Error> {
        if !self.conn.is_transaction() {
            return Err(Error::internal("a use was counted outside a unit of work"));
        }
        let Some(user) = self.viewer().user_id() else { return Ok(true) };
        if most == 0 {
            return Ok(false);
        }
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let used = || Expr::col((daily_use::Entity, daily_use::Column::Used));
        let mut count = Sql::insert();
        count
            .into_table(daily_use::Entity)
            .columns([daily_use::Column::UserId, daily_use::Column::What, daily_use::Column::Day, daily_use::Column::Used])
            .values_panic([user.0.into(), what.into(), self.clock().today().into(), 1_i64.into()])
            .on_conflict(
                OnConflict::columns([daily_use::Column::UserId, daily_use::Column::What, daily_use::Column::Day])
                    .value(daily_use::Column::Used, used().add(1))
                    .action_and_where(used().lt(most))
                    .to_owned(),
            );
        Ok(self.conn.execute(&count).await?.rows_affected() > 0)
    }

    /// Forgets what was counted before yesterday, in UTC: another instance's clock may be a little behind.
    pub async fn forget_uses_before_yesterday(&self) -> Result<(), Error> {
        let Some(yesterday) = self.clock().today().previous_day() else { return Ok(()) };
        let mut delete = Sql::delete();
        delete.from_table(daily_use::Entity).and_where(Expr::col(daily_use::Column::Day).lt(yesterday));
        self.conn.execute(&delete).await.map(|_| ())
    }
}
