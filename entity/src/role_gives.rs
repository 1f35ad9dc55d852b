//! Which roles the holder of an administering role may give to others.

use sea_orm::entity::prelude::*;

use crate::stored::stored;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "role_gives")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub role: String,
    /// A role's code, or `*` for every role.
    #[sea_orm(primary_key, auto_increment = false)]
    pub gives: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

stored!("role_gives": role, gives);
