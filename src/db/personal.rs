//! Rows that belong to one user each: read and written by that user, or by the system; written for a user by whoever has power over them.

use entity::{UnitId, UserId, delegation, post, user};
use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query as Sql, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, FromQueryResult, IntoActiveModel, Iterable, Order as Direction};
use uuid::Uuid;

use super::page::{id_column, name};
use super::scoped::{Scoped, either};
use crate::access::Permit;
use crate::access::visible::{Personal, Writes, changed_by, of_users, own};
use crate::error::Error;

/// What columns become.
pub type Values<E> = Vec<(<E as sea_orm::EntityTrait>::Column, SimpleExpr)>;

impl Scoped {
    /// One of the viewer's own rows.
    pub async fn own_row<E: Personal>(&self, which: Condition) -> Result<Option<E::Model>, Error> {
        self.select_own::<E>(which, |select| select.limit(1)).await.map(|rows| rows.into_iter().next())
    }

    /// One of the viewer's own rows, held until the unit of work ends; not against rows that merely refer to it.
    pub async fn own_row_held<E: Personal>(&self, which: Condition) -> Result<Option<E::Model>, Error> {
        self.select_own::<E>(which, |select| select.limit(1).lock(LockType::NoKeyUpdate)).await.map(|rows| rows.into_iter().next())
    }

    /// The viewer's own rows, those first that `latest` orders last; at most `most`.
    pub async fn own_rows<E: Personal>(&self, which: Condition, latest: E::Column, most: u64) -> Result<Vec<E::Model>, Error> {
        self.select_own::<E>(which, |select| select.order_by((E::default(), latest), Direction::Desc).limit(most)).await
    }

    async fn select_own<E: Personal>(
        &self,
        which: Condition,
        more: impl FnOnce(&mut SelectStatement) -> &mut SelectStatement,
    ) -> Result<Vec<E::Model>, Error> {
        let mut select = Sql::select();
        for column in E::Column::iter() {
            select.expr_as(Expr::col((E::default(), column)), name(column));
        }
        select.from(E::default()).cond_where(which).cond_where(own::<E>(self.viewer()));
        more(&mut select);
        let rows = self.conn.all(&select).await?;
        Ok(rows.iter().map(|row| E::Model::from_query_result(row, "")).collect::<Result<_, _>>()?)
    }

    /// Adds a row of the viewer's own. Errors: FORBIDDEN for somebody else's.
    pub async fn insert_own<E: Personal>(&self, row: E::Model) -> Result<(), Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel>,
    {
        if self.viewer().user_id().is_some_and(|me| E::whose(&row) != me) {
            return Err(Error::forbidden());
        }
        self.add::<E>(vec![row]).await
    }

    /// Changes the viewer's own rows, or those of which it is the other side; which.
    pub async fn change_own<E: Personal>(&self, which: Condition, values: Values<E>) -> Result<Vec<Uuid>, Error> {
        self.change::<E>(Condition::all().add(changed_by::<E>(self.viewer())).add(which), values).await
    }

    /// Deletes the viewer's own rows; how many. For rows that have ended and that nobody asks for any more.
    pub async fn remove_own<E: Personal>(&self, which: Condition) -> Result<u64, Error> {
        let mut delete = Sql::delete();
        delete.from_table(E::default()).cond_where(which).cond_where(own::<E>(self.viewer()));
        Ok(self.conn.execute(&delete).await?.rows_affected())
    }

    /// Role and unit of every post of which something is lent to a user, now or in time to come, beyond the sight of whoever asks: what power
    /// over the user is power over.
    pub async fn posts_lent_to<A: Writes<user::Entity>>(&self, _: &Permit<A>, user: UserId) -> Result<Vec<(String, UnitId)>, Error> {
        let mut lent = Sql::select();
        lent.column(delegation::Column::PostId)
            .from(delegation::Entity)
            .and_where(delegation::Column::DelegateId.eq(user))
            .and_where(delegation::Column::ValidTo.gt(self.now()));
        let mut posts = Sql::select();
        posts
            .expr_as(Expr::col(post::Column::Role), "role")
            .expr_as(Expr::col(post::Column::UnitId), "unit")
            .from(post::Entity)
            .and_where(post::Column::Id.in_subquery(lent));
        let rows = self.conn.all(&posts).await?;
        Ok(rows.iter().map(|row| Ok((row.try_get("", "role")?, row.try_get("", "unit")?))).collect::<Result<_, sea_orm::DbErr>>()?)
    }

    /// Adds a row for a user whom the permit reaches. Errors: FORBIDDEN.
    pub async fn insert_for<E: Personal, A: Writes<user::Entity>>(
        &self,
        permit: &Permit<A>,
        whose: UserId,
        row: E::Model,
    ) -> Result<(), Error>
    where
        E::Model: IntoActiveModel<E::ActiveModel>,
    {
        let mut reached = Sql::select();
        reached.expr_as(Expr::val(1), "one").from(user::Entity).and_where(Expr::col((user::Entity, user::Column::Id)).eq(whose));
        reached.cond_where(either(A::ways(permit.arms(), self.viewer(), self.now())));
        if E::whose(&row) != whose || self.conn.all(&reached).await?.is_empty() {
            return Err(Error::forbidden());
        }
        self.add::<E>(vec![row]).await
    }

    /// Changes rows of users whom the permit reaches; which.
    pub async fn change_for<E: Personal, A: Writes<user::Entity>>(
        &self,
        permit: &Permit<A>,
        which: Condition,
        values: Values<E>,
    ) -> Result<Vec<Uuid>, Error> {
        let reached = of_users::<E>(either(A::ways(permit.arms(), self.viewer(), self.now())));
        self.change::<E>(reached.add(which), values).await
    }

    async fn change<E: Personal>(&self, which: Condition, values: Values<E>) -> Result<Vec<Uuid>, Error> {
        let id = id_column::<E>().ok_or_else(|| Error::internal("a table without an id"))?;
        let mut update = Sql::update();
        update.table(E::default()).cond_where(which).values(values).returning_col(id);
        let rows = self.conn.returning(&update).await?;
        Ok(rows.iter().map(|row| row.try_get("", &name(id))).collect::<Result<_, _>>()?)
    }
}
