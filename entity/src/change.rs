//! What changed of the records that clients keep copies of: which, and where it stood before and after. Written in the transaction of the
//! change; it holds nothing of the record itself.

use sea_orm::entity::prelude::*;

use crate::{ChangeId, Timestamp, UnitId, UserId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ChangeId,
    pub at: Timestamp,
    /// The table of the record.
    pub record_type: String,
    pub record_id: Uuid,
    /// The record's unit before; null where there was none yet.
    pub unit_before: Option<UnitId>,
    /// Its owner before; of what follows a customer, the customer's.
    pub owner_before: Option<UserId>,
    pub unit_after: Option<UnitId>,
    pub owner_after: Option<UserId>,
    /// Its place in the order in which changes were committed; null until it has got one.
    pub position: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
