//! One user holding one role at one unit, for a time.

use sea_orm::entity::prelude::*;

use crate::{PostId, Timestamp, UnitId, UserId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "post")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PostId,
    pub user_id: UserId,
    /// The code of a role.
    pub role: String,
    pub unit_id: UnitId,
    pub valid_from: Timestamp,
    /// The first moment without it; null: open.
    pub valid_to: Option<Timestamp>,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
