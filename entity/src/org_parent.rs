//! Under whom a unit stood, and when. The row without an end is today's.

use sea_orm::entity::prelude::*;

use crate::{OrgParentId, Timestamp, UnitId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "org_parent")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrgParentId,
    pub unit_id: UnitId,
    pub parent_id: Option<UnitId>,
    pub valid_from: Timestamp,
    pub valid_to: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
