//! Units of the organisation tree as they stand now; `org_parent` keeps how they stood.

use sea_orm::entity::prelude::*;

use crate::{Timestamp, UnitId, stored::stored};

/// What a unit is; the order is the order in which they may stand below each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UnitKind {
    Hq,
    Region,
    Branch,
    Site,
}

/// How units work together; null: that of the nearest unit above that has one, DISTRIBUTED where none has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BusinessMode {
    Single,
    Distributed,
    Centralised,
}

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "org_unit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UnitId,
    /// Unique in the group; a letter or digit, then letters, digits, `-`, `_` and `.`.
    pub code: String,
    pub name: String,
    pub kind: UnitKind,
    /// Null at HQ only.
    pub parent_id: Option<UnitId>,
    /// The topmost region at or above; null at HQ and where there is none.
    pub region_id: Option<UnitId>,
    pub business_mode: Option<BusinessMode>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
    pub archived_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

stored!("org_unit": id, code, name, kind, parent_id, region_id, business_mode, created_at, updated_at, version, archived_at);
