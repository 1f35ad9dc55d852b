//! A customer: one unit's relationship with a party.

use sea_orm::entity::prelude::*;

use crate::{CustomerId, PartyId, Timestamp, UnitId, UserId, stored::stored};

/// A person or a company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CustomerKind {
    Person,
    Company,
}

/// How far the relationship has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CustomerClass {
    Account,
    Target,
    Prospect,
    User,
}

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "customer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CustomerId,
    pub party_id: PartyId,
    pub unit_id: UnitId,
    /// The topmost region at or above the unit.
    pub region_id: Option<UnitId>,
    /// Where the customer began; never changes.
    pub origin_unit_id: UnitId,
    /// Unique at the unit of origin.
    pub external_ref: Option<String>,
    pub owner_id: Option<UserId>,
    pub kind: CustomerKind,
    pub class: CustomerClass,
    pub name: String,
    /// The name in compatibility form and lower case: what is searched and sorted.
    pub name_folded: String,
    // PROFILE
    pub industry: Option<String>,
    // CONTACT
    pub phone: Option<String>,
    pub email: Option<String>,
    pub address: Option<String>,
    // PERSONAL
    pub birth_date: Option<TimeDate>,
    pub gender: Option<String>,
    pub occupation: Option<String>,
    pub education: Option<String>,
    // AMOUNT
    /// In the minor unit of its currency.
    pub annual_income_minor: Option<i64>,
    /// ISO 4217.
    pub annual_income_currency: Option<String>,
    // IDENTITY
    /// Nonce and ciphertext.
    pub identity_cipher: Option<Vec<u8>>,
    /// Keyed hash of the normalised number, for exact matches.
    pub identity_index: Option<Vec<u8>>,
    /// Values of custom fields by key.
    pub custom: Json,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
    pub archived_at: Option<Timestamp>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("customer").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

stored! {
    "customer":
    id, party_id, unit_id, region_id, origin_unit_id, external_ref, owner_id, kind, class, name, name_folded, industry, phone, email,
    address, birth_date, gender, occupation, education, annual_income_minor, annual_income_currency, identity_cipher, identity_index,
    custom, created_at, updated_at, version, archived_at,
}
