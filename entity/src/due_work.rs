//! What falls due at a moment: a planned move of a unit. Whoever does it locks it first.

use sea_orm::entity::prelude::*;

use crate::{DueWorkId, Timestamp, UnitId, UserId, stored::stored};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "due_work")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DueWorkId,
    /// What is to be done: MOVE_UNIT.
    pub kind: String,
    pub record_id: Uuid,
    /// The unit that it is about.
    pub unit_id: Option<UnitId>,
    /// By kind: of a move `{ "parentId": uuid }`.
    pub details: Json,
    pub due_at: Timestamp,
    /// As whom it will be done; null: the operator.
    pub planned_by: Option<UserId>,
    pub created_at: Timestamp,
    pub done_at: Option<Timestamp>,
    /// DONE, REFUSED or CANCELLED, once it is done with.
    pub outcome: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

stored!("due_work": id, kind, record_id, unit_id, details, due_at, planned_by, created_at, done_at, outcome);
