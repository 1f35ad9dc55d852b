//! The fields of a contact and their classes.

use entity::{Timestamp, contact, customer};
use serde_json::json;
use uuid::Uuid;

use crate::access::{FieldClass, mask_email, mask_phone};
use crate::audit::RecordType;
use crate::db::Scoped;
use crate::error::Error;
use crate::record::{FieldOf, Record, Shown};

type Model = contact::Model;

/// The name of `name`.
pub const NAME: &str = "name";
/// The name of `role`.
pub const ROLE: &str = "role";
/// The name of `phone`.
pub const PHONE: &str = "phone";
/// The name of `email`.
pub const EMAIL: &str = "email";

const FIELDS: &[FieldOf<Model>] = &[
    FieldOf { name: NAME, class: FieldClass::Profile, value: |row| json!(row.name), shown: None },
    FieldOf { name: ROLE, class: FieldClass::Profile, value: |row| json!(row.role), shown: None },
    FieldOf { name: PHONE, class: FieldClass::Contact, value: |row| json!(row.phone), shown: Some(Shown::Masked(mask_phone)) },
    FieldOf { name: EMAIL, class: FieldClass::Contact, value: |row| json!(row.email), shown: Some(Shown::Masked(mask_email)) },
    FieldOf {
        name: "archivedAt",
        class: FieldClass::Profile,
        value: |row| json!(row.archived_at.map(|at| at.0)),
        shown: Some(Shown::Moment),
    },
];

impl Record for contact::Entity {
    const TYPE: RecordType = RecordType::Contact;
    const IS_COPIED: bool = true;

    fn fields() -> &'static [FieldOf<Model>] {
        FIELDS
    }

    fn id(row: &Model) -> Uuid {
        row.id.0
    }

    /// The customer, before its contact: whose it is decides whose the contact is.
    async fn hold(scoped: &Scoped, id: Uuid) -> Result<(), Error> {
        if let Some(row) = scoped.find::<contact::Entity>().id(id).one().await? {
            scoped.find::<customer::Entity>().id(row.model.customer_id.0).for_share().one().await?;
        }
        Ok(())
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
}
