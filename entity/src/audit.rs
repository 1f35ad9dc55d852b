//! What was done, by whom, to which record; written in the transaction of what it records, never changed.

use sea_orm::entity::prelude::*;

use crate::{AuditId, Timestamp, UnitId, UserId, stored::stored};

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditId,
    pub at: Timestamp,
    /// Null: the operator of the machine or the system itself; `reason` says which.
    pub actor_id: Option<UserId>,
    /// Why the system acted; of a user, where a reason must be given.
    pub reason: Option<String>,
    /// Resource and action, as in `customer:update`.
    pub action: String,
    /// The table of the record.
    pub record_type: String,
    pub record_id: Uuid,
    /// The unit of the record at that time.
    pub unit_id: Option<UnitId>,
    /// By field: the value before and after; identity numbers only as "changed".
    pub changes: Json,
    /// The actor's name at that time.
    pub actor_name: Option<String>,
    /// Whose rights the actor used: a delegator, or the absent holder of an acting post.
    pub behalf_of_id: Option<UserId>,
    /// That user's name at that time.
    pub behalf_of_name: Option<String>,
    /// That a program which holds the secret wrote this row; null: one without it, before sealing began.
    pub stamp: Option<String>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("audit").field("id", &self.id).field("action", &self.action).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

stored!("audit": id, at, actor_id, reason, action, record_type, record_id, unit_id, changes, actor_name, behalf_of_id, behalf_of_name, stamp);
