//! The chain over the audit: one row for each audit row, in the order in which they became visible. Only ever added to.

use sea_orm::entity::prelude::*;

use crate::{AuditId, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_seal")]
pub struct Model {
    /// From 1 on, without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub audit_id: AuditId,
    pub sealed_at: Timestamp,
    /// Keyed hash of the audit row's content.
    pub digest: String,
    /// Keyed hash of the chain before, the position, the audit row's id, the moment and the digest.
    pub chain: String,
    /// Where the sealer goes on: everything written before was sealed by then. On PostgreSQL the number of a transaction, on SQLite of a row.
    pub settled: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
