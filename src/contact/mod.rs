//! Contacts: people at customers. They follow their customer in sight, and move with it.

pub mod fields;
pub mod filter;
pub mod graphql;
pub mod import;
pub mod repo;
pub mod rules;

use entity::{ContactId, CustomerId, contact, customer};

use crate::access::action::{ContactArchive, ContactCreate, ContactUpdate};
use crate::access::visible::Place;
use crate::access::{Level, Permit, Permits};
use crate::audit::{self, Entry, RecordType};
use crate::customer::CustomerRow;
use crate::db::Scoped;
use crate::error::{Error, Violation};
use crate::record::{self, Said, differences};

pub use repo::{ContactRow, by_ids};
pub use rules::ContactDraft;

/// The use cases that write contacts.
pub struct Contacts<'a> {
    /// As whom.
    pub scoped: &'a Scoped,
}

impl Contacts<'_> {
    /// Adds a contact to a customer that the caller sees at BASIC. Errors: FORBIDDEN, NOT_FOUND for a customer out of sight,
    /// BAD_USER_INPUT, CONFLICT for an `id`, which the client has made, in use.
    pub async fn create(&self, id: Option<ContactId>, customer: CustomerId, draft: ContactDraft) -> Result<Option<ContactRow>, Error> {
        let permit = self.scoped.viewer().permit::<ContactCreate>()?;
        let draft = draft.trimmed();
        let mut wrong = draft.violations("input.");
        if !draft.name.is_said() {
            wrong.push(Violation::required("input.name"));
        }
        Error::unless_empty(wrong)?;
        self.scoped
            .transaction(move |tx| async move {
                let found = tx.find::<customer::Entity>().id(customer.0).for_update().one().await?;
                let row = found.ok_or_else(|| Error::not_found_field("input.customerId"))?;
                let place = may_have_contacts(&tx, &permit, &row).ok_or_else(|| Error::forbidden_field("input.customerId"))?;
                let mut new = blank(&tx, &row.model);
                new.id = id.unwrap_or(new.id);
                draft.apply(&mut new);
                let id = new.id;
                insert(&tx, &permit, vec![(place, new)]).await.map_err(|error| match error {
                    // Nothing else of a contact is unique.
                    Error::Conflict(_) => Error::taken("input.id"),
                    other => other,
                })?;
                tx.find::<contact::Entity>().id(id.0).one().await
            })
            .await
    }

    /// Changes fields. Errors: NOT_FOUND, FORBIDDEN, BAD_USER_INPUT, CONFLICT.
    pub async fn update(&self, id: ContactId, draft: ContactDraft, expected_version: Option<i64>) -> Result<Option<ContactRow>, Error> {
        let permit = self.scoped.viewer().permit::<ContactUpdate>()?;
        let draft = draft.trimmed();
        Error::unless_empty(draft.violations("input."))?;
        let said = Said { fields: draft.said(), expected_version };
        record::change::<contact::Entity, _>(self.scoped, permit, id.0, said, move |row| {
            draft.apply(row);
            Ok(())
        })
        .await
    }

    /// Archives or restores. Errors: NOT_FOUND, FORBIDDEN, CONFLICT.
    pub async fn set_archived(&self, id: ContactId, archived: bool, expected_version: Option<i64>) -> Result<Option<ContactRow>, Error> {
        record::set_archived::<contact::Entity, ContactArchive>(self.scoped, id.0, archived, expected_version).await
    }
}

/// Where a new contact of this customer would stand; none where the caller sees none there or may not add one.
fn may_have_contacts(scoped: &Scoped, permit: &Permit<ContactCreate>, customer: &CustomerRow) -> Option<Place> {
    customer.place.filter(|place| customer.level >= Level::Basic && scoped.reaches(permit, *place))
}

/// A contact of which nothing is known yet.
fn blank(scoped: &Scoped, customer: &customer::Model) -> contact::Model {
    let now = scoped.now();
    contact::Model {
        id: scoped.clock().id(),
        customer_id: customer.id,
        unit_id: customer.unit_id,
        region_id: customer.region_id,
        name: String::new(),
        role: None,
        phone: None,
        email: None,
        created_at: now,
        updated_at: now,
        version: 1,
        archived_at: None,
    }
}

/// Adds rows with their audit rows.
async fn insert(scoped: &Scoped, permit: &Permit<ContactCreate>, rows: Vec<(Place, contact::Model)>) -> Result<(), Error> {
    let entries = rows
        .iter()
        .map(|(place, row)| {
            let empty = contact::Model { name: String::new(), role: None, phone: None, email: None, ..row.clone() };
            let mut changes = differences::<contact::Entity>(&empty, row);
            changes.insert("customerId".to_owned(), serde_json::json!([null, row.customer_id.0]));
            Entry::of::<ContactCreate>(RecordType::Contact, row.id, Some(*place), changes).moved(None, Some(*place))
        })
        .collect();
    repo::insert(scoped, permit, rows).await?;
    audit::record(scoped, entries).await
}
