//! Audit rows: written in the transaction of what they record, unsealed; a later room seals them in commit order.

use entity::{UnitId, audit};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::access::action::Acts;
use crate::access::{Action, Resource, Who};
use crate::db::Scoped;
use crate::error::Error;

/// What changed, by field: before and after.
pub type Changes = Map<String, Json>;

/// Something done to a record.
pub struct Entry {
    /// What it was done to.
    pub resource: Resource,
    /// What was done.
    pub action: Action,
    /// The record.
    pub record: Uuid,
    /// The record's unit at this time.
    pub unit: Option<UnitId>,
    /// What changed.
    pub changes: Changes,
}

impl Entry {
    /// An entry for action `A`.
    pub fn of<A: Acts>(record: impl Into<Uuid>, unit: Option<UnitId>, changes: Changes) -> Self {
        Self { resource: A::RESOURCE, action: A::ACTION, record: record.into(), unit, changes }
    }
}

/// Writes entries in the unit of work of what they record.
pub async fn record(scoped: &Scoped, entries: Vec<Entry>) -> Result<(), Error> {
    let (actor_id, reason) = match scoped.viewer().who() {
        Who::User { id, .. } => (Some(*id), None),
        Who::System { reason } => (None, Some((*reason).to_owned())),
    };
    let at = scoped.now();
    let rows = entries
        .into_iter()
        .map(|entry| audit::Model {
            id: scoped.clock().id(),
            at,
            actor_id,
            reason: reason.clone(),
            action: format!("{}:{}", entry.resource.word(), entry.action.word()),
            record_type: entry.resource.word().to_owned(),
            record_id: entry.record,
            unit_id: entry.unit,
            changes: Json::Object(entry.changes),
        })
        .collect();
    scoped.insert_beside::<audit::Entity>(rows).await
}

/// Before and after, where they differ.
pub fn note(changes: &mut Changes, field: &str, before: Json, after: Json) {
    if before != after {
        changes.insert(field.to_owned(), Json::Array(vec![before, after]));
    }
}
