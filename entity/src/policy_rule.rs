//! The `p` rows of the casbin policy: what a role may do, how far and how clearly.

use sea_orm::entity::prelude::*;

use crate::{PolicyRuleId, stored::stored};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_rule")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PolicyRuleId,
    pub role: String,
    pub resource: String,
    pub action: String,
    /// SELF, UNIT, SUBTREE, REGION or GROUP; `*` on a deny.
    pub reach: String,
    /// CARD, BASIC or FULL; `*` on a deny.
    pub level: String,
    /// `allow` or `deny`.
    pub effect: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

stored!("policy_rule": id, role, resource, action, reach, level, effect);
