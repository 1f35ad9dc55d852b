//! A person at a customer. Its unit columns follow the customer's.

use sea_orm::entity::prelude::*;

use crate::{ContactId, CustomerId, Timestamp, UnitId, stored::stored};

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contact")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ContactId,
    pub customer_id: CustomerId,
    pub unit_id: UnitId,
    pub region_id: Option<UnitId>,
    pub name: String,
    /// What the person is at the customer, in the unit's own words.
    pub role: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
    pub archived_at: Option<Timestamp>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("contact").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

stored!("contact": id, customer_id, unit_id, region_id, name, role, phone, email, created_at, updated_at, version, archived_at);
