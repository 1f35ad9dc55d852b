//! Audit rows: written in the transaction of what they record, stamped and unsealed; [`seal`] chains them once they are committed, and
//! [`verify`] tells whether they are what they were.

mod content;
pub mod seal;
pub mod verify;

use entity::{UnitId, UserId, audit};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::access::action::Acts;
use crate::access::visible::Place;
use crate::access::{Action, Resource, Who};
use crate::db::{Moved, Scoped};
use crate::error::Error;

/// What changed, by field: before and after.
pub type Changes = Map<String, Json>;

/// The kind of a record, as the audit names it: the word never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordType {
    /// A customer.
    Customer,
    /// A person at a customer.
    Contact,
    /// A unit.
    OrgUnit,
    /// Somebody who signs in.
    User,
    /// One user holding one role at one unit.
    Post,
    /// Rights lent to somebody else.
    Delegation,
    /// A role.
    Role,
    /// A row of the policy.
    PolicyRule,
    /// A stretch of being signed in.
    Session,
    /// A unit that is to hang elsewhere from a moment on.
    PlannedMove,
    /// A request that was refused something.
    Request,
}

impl RecordType {
    /// Every one of them.
    pub const EVERY: &[Self] = &[
        Self::Customer,
        Self::Contact,
        Self::OrgUnit,
        Self::User,
        Self::Post,
        Self::Delegation,
        Self::Role,
        Self::PolicyRule,
        Self::Session,
        Self::PlannedMove,
        Self::Request,
    ];

    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Contact => "contact",
            Self::OrgUnit => "org_unit",
            Self::User => "user",
            Self::Post => "post",
            Self::Delegation => "delegation",
            Self::Role => "role",
            Self::PolicyRule => "policy_rule",
            Self::Session => "session",
            Self::PlannedMove => "planned_move",
            Self::Request => "request",
        }
    }

    /// The type of this word; none: no such type.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::EVERY.iter().copied().find(|kind| kind.word() == word)
    }
}

/// Something done to a record.
pub struct Entry {
    record_type: RecordType,
    record: Uuid,
    place: Option<Place>,
    changes: Changes,
    action: String,
    /// Where the record stood before and stands after, of those that clients keep copies of.
    moved: Option<(Option<Place>, Option<Place>)>,
    /// By whose arms it may have been done: resource and action.
    by: Option<(Resource, Action)>,
    reason: Option<String>,
}

impl Entry {
    /// An entry for action `A` on a record that stands at `place`.
    pub fn of<A: Acts>(record_type: RecordType, record: impl Into<Uuid>, place: Option<Place>, changes: Changes) -> Self {
        let action = format!("{}:{}", A::RESOURCE.word(), A::ACTION.word());
        Self { record_type, record: record.into(), place, changes, action, moved: None, by: Some((A::RESOURCE, A::ACTION)), reason: None }
    }

    /// An entry for what no grant speaks of: signing in, being refused.
    pub fn event(record_type: RecordType, record: impl Into<Uuid>, what: &str, changes: Changes) -> Self {
        let action = format!("{}:{what}", record_type.word());
        Self { record_type, record: record.into(), place: None, changes, action, moved: None, by: None, reason: None }
    }

    /// The same of a record that clients may keep copies of: where it stood before, none for a new one, and where it stands after.
    #[must_use]
    pub fn moved(self, before: Option<Place>, after: Option<Place>) -> Self {
        Self { moved: Some((before, after)), ..self }
    }

    /// The same with the reason that the actor gives.
    #[must_use]
    pub fn because(self, reason: String) -> Self {
        Self { reason: Some(reason), ..self }
    }
}

impl Entry {
    /// The same, on a record that stands at `unit`; none: at the actor's.
    #[must_use]
    pub fn standing_at(self, unit: impl Into<Option<UnitId>>) -> Self {
        Self { place: unit.into().and_then(at), ..self }
    }
}

/// Writes entries in the unit of work of what they record, and tells those who keep copies of it.
pub async fn record(scoped: &Scoped, entries: Vec<Entry>) -> Result<(), Error> {
    let viewer = scoped.viewer();
    let (actor_id, actor_name, reason) = match viewer.who() {
        Who::User { id, name, .. } => (Some(*id), Some(name.clone()), None),
        Who::System { reason } => (None, None, Some((*reason).to_owned())),
    };
    let at = scoped.now();
    for entry in &entries {
        scoped.tell(entry.record_type.word(), entry.record);
    }
    let moved = entries.iter().filter_map(|entry| {
        let (before, after) = entry.moved?;
        Some(Moved { kind: entry.record_type.word(), id: entry.record, before, after })
    });
    scoped.tell_changes(moved.collect()).await?;
    let own_unit = viewer.posts().first().map(|post| post.held.unit);
    let rows = entries
        .into_iter()
        .map(|entry| {
            let lender = entry.by.zip(entry.place).and_then(|((resource, action), place)| viewer.lender(resource, action, place));
            let mut row = audit::Model {
                id: scoped.clock().id(),
                at,
                actor_id,
                reason: entry.reason.or_else(|| reason.clone()),
                action: entry.action,
                record_type: entry.record_type.word().to_owned(),
                record_id: entry.record,
                unit_id: entry.place.map(|place| place.unit).or(own_unit),
                changes: Json::Object(entry.changes),
                actor_name: actor_name.clone(),
                behalf_of_id: lender.map(|(id, _)| id),
                behalf_of_name: lender.map(|(_, name)| name.to_owned()),
                stamp: None,
            };
            row.stamp = scoped.notary().map(|notary| notary.digest(&content::of(&row), true)).transpose()?;
            Ok(row)
        })
        .collect::<Result<_, Error>>()?;
    scoped.insert_beside::<audit::Entity>(rows).await
}

/// Before and after, where they differ.
pub fn note(changes: &mut Changes, field: &str, before: Json, after: Json) {
    if before != after {
        changes.insert(field.to_owned(), Json::Array(vec![before, after]));
    }
}

/// The place of a record that nobody owns.
pub fn at(unit: UnitId) -> Option<Place> {
    Some(Place { unit, owner: None::<UserId> })
}
