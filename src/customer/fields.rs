//! The fields of a customer and their classes: the one table behind reading, hiding, writing, filtering, sorting and the audit.

use entity::{ActiveEnum, Timestamp, UnitId, UserId, customer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::access::{FieldClass, mask_email, mask_phone, mask_text};
use crate::audit::RecordType;
use crate::graphql::id::to_global;
use crate::record::{FieldOf, Record, Shown};

type Model = customer::Model;

macro_rules! shown {
    () => {
        None
    };
    ($shown:expr) => {
        Some($shown)
    };
}

macro_rules! fields {
    ($($constant:ident $name:literal $class:ident $value:expr $(=> $shown:expr)?;)*) => {
        $(#[doc = concat!("The name of `", $name, "`.")] pub const $constant: &str = $name;)*
        const FIELDS: &[FieldOf<Model>] = &[$(FieldOf { name: $name, class: FieldClass::$class, value: $value, shown: shown!($($shown)?) },)*];
    };
}

fields! {
    EXTERNAL_REF "externalRef" Card |row| json!(row.external_ref);
    NAME "name" Card |row| json!(row.name);
    KIND "kind" Card |row| json!(row.kind.to_value());
    CLASS "class" Card |row| json!(row.class.to_value());
    UNIT "unitId" Card |row| json!(row.unit_id.0) => Shown::Id(RecordType::OrgUnit, |id| to_global(UnitId(id)).0);
    OWNER "ownerId" Card |row| json!(row.owner_id.map(|owner| owner.0)) => Shown::Id(RecordType::User, |id| to_global(UserId(id)).0);
    ARCHIVED_AT "archivedAt" Card |row| json!(row.archived_at.map(|at| at.0)) => Shown::Moment;
    INDUSTRY "industry" Profile |row| json!(row.industry);
    PHONE "phone" Contact |row| json!(row.phone) => Shown::Masked(mask_phone);
    EMAIL "email" Contact |row| json!(row.email) => Shown::Masked(mask_email);
    ADDRESS "address" Contact |row| json!(row.address) => Shown::Masked(mask_text);
    BIRTH_DATE "birthDate" Personal |row| json!(row.birth_date) => Shown::Day;
    GENDER "gender" Personal |row| json!(row.gender);
    OCCUPATION "occupation" Personal |row| json!(row.occupation);
    EDUCATION "education" Personal |row| json!(row.education);
    ANNUAL_INCOME "annualIncome" Amount income;
    IDENTITY_NUMBER "identityNumber" Identity |row| if row.identity_index.is_some() { json!("present") } else { Json::Null };
    CUSTOM_FIELDS "customFields" Note |row| row.custom.clone() => Shown::Pairs;
}

fn income(row: &Model) -> Json {
    match (row.annual_income_minor, &row.annual_income_currency) {
        (Some(minor), Some(currency)) => json!({ "amount": crate::money::from_minor(minor, currency), "currency": currency }),
        _ => Json::Null,
    }
}

/// The class of a field.
pub fn class(name: &str) -> FieldClass {
    FIELDS.iter().find(|field| field.name == name).map_or(FieldClass::Identity, |field| field.class)
}

impl Record for customer::Entity {
    const TYPE: RecordType = RecordType::Customer;
    const IS_COPIED: bool = true;

    fn fields() -> &'static [FieldOf<Model>] {
        FIELDS
    }

    fn id(row: &Model) -> Uuid {
        row.id.0
    }

    fn version(row: &Model) -> i64 {
        row.version
    }

    fn stamp(row: &mut Model, now: Timestamp) {
        row.version += 1;
        row.updated_at = now;
    }

    fn archived_at(row: &mut Model) -> Option<&mut Option<Timestamp>> {
        Some(&mut row.archived_at)
    }

    fn differs_unseen(before: &Model, after: &Model) -> Option<&'static str> {
        (before.identity_index != after.identity_index).then_some(IDENTITY_NUMBER)
    }
}
