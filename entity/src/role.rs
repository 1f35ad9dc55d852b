//! Roles: a code that the policy speaks of and a title that people read.

use sea_orm::entity::prelude::*;

use crate::stored::stored;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "role")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: String,
    pub title: String,
    /// Delegations of its posts may include reveal and export.
    pub delegates_sensitive: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

stored!("role": code, title, delegates_sensitive);
