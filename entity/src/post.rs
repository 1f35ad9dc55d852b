//! One user holding one role at one unit, for a time.

use sea_orm::entity::prelude::*;

use crate::{PostId, Timestamp, UnitId, UserId, stored::stored};

/// Where a post comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PostOrigin {
    /// Held in one's own name.
    Direct,
    /// Held for somebody who is absent: own rows are theirs.
    Acting,
}

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
    pub origin: PostOrigin,
    /// Who is absent; of ACTING posts only.
    pub acting_for: Option<UserId>,
    pub updated_at: Timestamp,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

stored!("post": id, user_id, role, unit_id, valid_from, valid_to, created_at, origin, acting_for, updated_at, version);
