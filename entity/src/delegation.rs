//! Some of the rights of a post, lent to somebody else for a time.

use sea_orm::entity::prelude::*;

use crate::{DelegationId, PostId, Timestamp, UserId, stored::stored};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "delegation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DelegationId,
    /// A DIRECT post of the delegator's.
    pub post_id: PostId,
    pub delegator_id: UserId,
    pub delegate_id: UserId,
    /// A list of resource and action, as in `["customer:read"]`.
    pub actions: Json,
    /// The highest level of sight that goes along: CARD, BASIC or FULL.
    pub level: String,
    pub valid_from: Timestamp,
    /// The first moment without it.
    pub valid_to: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

stored!("delegation": id, post_id, delegator_id, delegate_id, actions, level, valid_from, valid_to, created_at, updated_at, version);
