//! What changed in anybody's rights, in commit order. The row `*` is the counter; the others say when a scope last changed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "epoch")]
pub struct Model {
    /// `*`, `group`, or a user's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    pub value: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
