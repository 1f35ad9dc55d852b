//! Customers: one unit's relationship with a party. Here are the use cases that write; reading goes from a resolver to `repo`.

pub mod fields;
pub mod filter;
pub mod graphql;
pub mod import;
pub mod repo;
pub mod reveal;
pub mod rules;

use std::sync::Arc;

use entity::customer::{self, CustomerClass};
use entity::{ActiveEnum, CustomerId, Timestamp, UnitId, UserId};
use serde_json::json;

use crate::access::action::{CustomerArchive, CustomerAssign, CustomerCreate, CustomerRead, CustomerUpdate};
use crate::access::visible::Place;
use crate::access::{Action, Origin, Permit, Permits, Resource};
use crate::audit::{self, Entry, RecordType};
use crate::db::Scoped;
use crate::error::{Error, Violation};
use crate::org;
use crate::patch::Patch;
use crate::record::{self, Said, differences};
use crate::secrets::Identity;

pub use repo::{CustomerRow, Reference, by_ids, referred_for_update};
pub use rules::Draft;

/// A customer to be.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// The id that the client has made; none: a new one.
    pub id: Option<CustomerId>,
    /// The unit that will serve it.
    pub unit: UnitId,
    /// What other systems call it; unique at the unit.
    pub external_ref: Option<String>,
    /// Whose it will be. Not said: the creator's, where the creator works customers of its own there.
    pub owner: Patch<UserId>,
    /// Everything else.
    pub draft: Draft,
}

/// The use cases that write customers.
pub struct Customers<'a> {
    /// As whom.
    pub scoped: &'a Scoped,
    /// Seals identity numbers.
    pub identity: &'a Arc<Identity>,
}

impl Customers<'_> {
    /// Adds a customer. Returns it as the creator sees it; none where it is out of the creator's sight. Errors: FORBIDDEN, NOT_FOUND for a
    /// unit or owner out of sight, BAD_USER_INPUT, CONFLICT for a reference or an id in use.
    pub async fn create(&self, new: NewCustomer) -> Result<Option<CustomerRow>, Error> {
        let permit = self.scoped.viewer().permit::<CustomerCreate>()?;
        let draft = new.draft.trimmed();
        let mut wrong = draft.violations("input.", self.scoped.clock().today());
        for (field, is_missing) in [(fields::NAME, !draft.name.is_said()), (fields::KIND, !draft.kind.is_said())] {
            if is_missing {
                wrong.push(Violation::required(format!("input.{field}")));
            }
        }
        let external_ref = new.external_ref.map(|reference| reference.trim().to_owned());
        wrong.extend(external_ref.as_deref().and_then(|reference| rules::reference_violation("input.externalRef", reference)));
        Error::unless_empty(wrong)?;
        let identity = self.identity.clone();
        self.scoped
            .transaction(move |tx| async move {
                // Held: what moves or archives the unit comes before this customer or after it.
                let unit = org::unit_for_share(&tx, new.unit).await?.ok_or_else(|| Error::not_found_field("input.unitId"))?;
                let owner = match new.owner {
                    Patch::Keep => owner_of_new(&tx, &permit, new.unit),
                    Patch::Clear => None,
                    Patch::Set(owner) => Some(owner),
                };
                let place = Place { unit: new.unit, owner };
                if !tx.reaches(&permit, place) {
                    return Err(Error::forbidden_field("input.unitId"));
                }
                org::unless_archived(&unit.model, "input.unitId")?;
                if let Some(owner) =
                    owner.filter(|owner| Some(*owner) != tx.viewer().user_id() && !worked_for(&tx, &permit, new.unit).contains(owner))
                {
                    let assign = tx.viewer().permit::<CustomerAssign>().map_err(|_| Error::forbidden_field("input.ownerId"))?;
                    if !tx.reaches(&assign, place) {
                        return Err(Error::forbidden_field("input.ownerId"));
                    }
                    // Last: who holds posts where is told to nobody who may not assign there.
                    check_owner(&tx, owner, new.unit, "input.ownerId").await?;
                }
                if let Some(reference) = &external_ref
                    && !repo::taken_references(&tx, &permit, new.unit, vec![reference.clone()]).await?.is_empty()
                {
                    return Err(Error::taken("input.externalRef"));
                }
                let mut row = blank(&tx, new.unit, unit.model.region_id);
                row.id = new.id.unwrap_or(row.id);
                row.external_ref = external_ref;
                row.owner_id = owner;
                fill(&mut row, draft, &identity)?;
                let id = row.id;
                insert(&tx, &permit, vec![row]).await.map_err(|error| match error {
                    Error::Conflict(conflict) if conflict.is_over_id() => Error::taken("input.id"),
                    // Somebody took the reference between our look and our write; nothing else of a new customer is unique.
                    Error::Conflict(_) => Error::taken("input.externalRef"),
                    other => other,
                })?;
                tx.find::<customer::Entity>().id(id.0).one().await
            })
            .await
    }

    /// Changes fields. Returns the customer as it stands. Errors: NOT_FOUND, FORBIDDEN, BAD_USER_INPUT, CONFLICT.
    pub async fn update(&self, id: CustomerId, draft: Draft, expected_version: Option<i64>) -> Result<Option<CustomerRow>, Error> {
        let permit = self.scoped.viewer().permit::<CustomerUpdate>()?;
        let draft = draft.trimmed();
        Error::unless_empty(draft.violations("input.", self.scoped.clock().today()))?;
        let identity = self.identity.clone();
        let said = Said { fields: draft.said(), expected_version };
        record::change::<customer::Entity, _>(self.scoped, permit, id.0, said, move |row| fill(row, draft, &identity)).await
    }

    /// Gives an owner of the same unit, or none. Errors: NOT_FOUND (also for an owner out of sight), FORBIDDEN, BAD_USER_INPUT for somebody
    /// without a post there, CONFLICT.
    pub async fn assign(&self, id: CustomerId, owner: Option<UserId>, expected_version: Option<i64>) -> Result<Option<CustomerRow>, Error> {
        let permit = self.scoped.viewer().permit::<CustomerAssign>()?;
        self.scoped
            .transaction(move |tx| async move {
                let row = tx.find::<customer::Entity>().id(id.0).one().await?.ok_or_else(Error::not_found)?;
                if !row.place.is_some_and(|place| tx.reaches(&permit, place)) {
                    return Err(Error::forbidden());
                }
                if let Some(owner) = owner {
                    check_owner(&tx, owner, row.model.unit_id, "input.ownerId").await?;
                }
                let said = Said { fields: vec![fields::OWNER], expected_version };
                record::change_within::<customer::Entity, _>(&tx, &permit, id.0, said, move |row| {
                    row.owner_id = owner;
                    Ok(())
                })
                .await
            })
            .await
    }

    /// Archives or restores. Archived customers leave lists and totals; by id they stay. Errors: NOT_FOUND, FORBIDDEN, CONFLICT.
    pub async fn set_archived(&self, id: CustomerId, archived: bool, expected_version: Option<i64>) -> Result<Option<CustomerRow>, Error> {
        record::set_archived::<customer::Entity, CustomerArchive>(self.scoped, id.0, archived, expected_version).await
    }
}

/// Leaves an audit row for lookups by identity number, before their answer: that somebody looked, never for what.
pub async fn record_lookups(scoped: &Scoped, lookups: usize) -> Result<(), Error> {
    let looked_up = json!({ fields::IDENTITY_NUMBER: { "lookups": lookups } });
    let changes = looked_up.as_object().cloned().unwrap_or_default();
    let entry = Entry::of::<CustomerRead>(RecordType::Customer, uuid::Uuid::nil(), None, changes);
    scoped.transaction(move |tx| async move { audit::record(&tx, vec![entry]).await }).await
}

/// Whose own customers the caller works at the unit: its own first, then those of whoever it creates for there, acting or by what is lent.
/// Rights to read alone make nobody the owner of what others create.
fn worked_for(scoped: &Scoped, permit: &Permit<CustomerCreate>, unit: UnitId) -> Vec<UserId> {
    let (viewer, me) = (scoped.viewer(), scoped.viewer().user_id());
    let creates_by = |origin: &Origin, owner| {
        let mut there = permit.arms().iter().filter(|arm| arm.reaches(viewer.tree(), unit, owner));
        there.any(|arm| arm.origin.is_of_one_source_with(origin))
    };
    let own = viewer.arms(Resource::Customer, Action::Read).iter().filter(|arm| arm.reaches(viewer.tree(), unit, arm.owner));
    let own = own.filter(|arm| arm.owner == me || creates_by(&arm.origin, arm.owner));
    let mut owners: Vec<UserId> = own.filter_map(|arm| arm.owner).collect();
    owners.sort_by_key(|owner| (Some(*owner) != me, *owner));
    owners
}

/// Whoever works customers of its own at the unit owns what it creates there; who creates there only for somebody else creates what is theirs.
fn owner_of_new(scoped: &Scoped, permit: &Permit<CustomerCreate>, unit: UnitId) -> Option<UserId> {
    let (viewer, nobodys) = (scoped.viewer(), Place { unit, owner: None });
    let in_own_name = scoped.reaches(permit, nobodys) && viewer.lender(Resource::Customer, Action::Create, nobodys).is_none();
    worked_for(scoped, permit, unit).into_iter().find(|owner| !in_own_name || Some(*owner) == viewer.user_id())
}

/// An owner is somebody in the caller's sight, not disabled, who holds an active post at the customer's unit or above it.
async fn check_owner(scoped: &Scoped, owner: UserId, unit: UnitId, field: &str) -> Result<(), Error> {
    let user = org::user(scoped, owner).await?.ok_or_else(|| Error::not_found_field(field))?;
    let line: Vec<UnitId> = scoped.viewer().tree().line(unit).map(|above| above.id).collect();
    if user.model.disabled_at.is_none() && org::holds_post_at(scoped, owner, line).await? {
        return Ok(());
    }
    Err(Error::invalid(Violation::new(field, "post", "holds no post at the customer's unit", "在该客户所属单位没有岗位")))
}

/// A customer of which nothing is known yet, at the unit where it begins.
fn blank(scoped: &Scoped, unit: UnitId, region: Option<UnitId>) -> customer::Model {
    unknown([scoped.clock().id(), scoped.clock().id()], unit, region, scoped.now())
}

fn unknown([id, party]: [uuid::Uuid; 2], unit: UnitId, region: Option<UnitId>, now: Timestamp) -> customer::Model {
    customer::Model {
        id: id.into(),
        party_id: party.into(),
        unit_id: unit,
        region_id: region,
        origin_unit_id: unit,
        external_ref: None,
        owner_id: None,
        kind: customer::CustomerKind::Person,
        class: CustomerClass::Account,
        name: String::new(),
        name_folded: String::new(),
        industry: None,
        phone: None,
        email: None,
        address: None,
        birth_date: None,
        gender: None,
        occupation: None,
        education: None,
        annual_income_minor: None,
        annual_income_currency: None,
        identity_cipher: None,
        identity_index: None,
        custom: json!({}),
        created_at: now,
        updated_at: now,
        version: 1,
        archived_at: None,
    }
}

/// Writes a draft into a row, sealing the identity number.
fn fill(row: &mut customer::Model, draft: Draft, identity: &Identity) -> Result<(), Error> {
    match &draft.identity_number {
        Patch::Keep => {}
        Patch::Clear => (row.identity_cipher, row.identity_index) = (None, None),
        Patch::Set(number) => {
            let index = identity.index(number)?;
            if row.identity_index.as_ref() != Some(&index) {
                row.identity_cipher = Some(identity.encrypt(number)?);
                row.identity_index = Some(index);
            }
        }
    }
    draft.apply(row);
    rules::too_many_custom(row).map_or(Ok(()), |wrong| Err(Error::invalid(wrong)))
}

/// Adds rows with their audit rows.
async fn insert(scoped: &Scoped, permit: &Permit<CustomerCreate>, rows: Vec<customer::Model>) -> Result<(), Error> {
    let entries = rows
        .iter()
        .map(|row| {
            let before = unknown([row.id.0, row.party_id.0], row.unit_id, row.region_id, row.created_at);
            let mut changes = differences::<customer::Entity>(&before, row);
            for (field, value) in [
                (fields::NAME, json!(row.name)),
                (fields::KIND, json!(row.kind.to_value())),
                (fields::CLASS, json!(row.class.to_value())),
                (fields::UNIT, json!(row.unit_id.0)),
            ] {
                changes.insert(field.to_owned(), json!([null, value]));
            }
            let place = Place { unit: row.unit_id, owner: row.owner_id };
            Entry::of::<CustomerCreate>(RecordType::Customer, row.id, Some(place), changes).moved(None, Some(place))
        })
        .collect();
    repo::insert(scoped, permit, rows).await?;
    audit::record(scoped, entries).await
}
