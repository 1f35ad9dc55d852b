//! The first answer to what a client asks under a key: a second asking gets the same. One row a user and key, for seven days.

use sea_orm::entity::prelude::*;

use crate::{Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    #[sea_orm(primary_key, auto_increment = false)]
    /// The key, as the client chose it.
    pub name: String,
    pub at: Timestamp,
    /// A hash of what was asked.
    pub asked: Vec<u8>,
    /// A hash of what the user could do and see by the end of it.
    pub rights: Option<Vec<u8>>,
    /// The answer, encrypted.
    pub answer: Option<Vec<u8>>,
    /// The record that it is about.
    pub record_type: Option<String>,
    pub record_id: Option<Uuid>,
    /// How clearly the user saw that record then.
    pub level: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
