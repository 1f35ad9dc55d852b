//! Moving a unit under a new parent, now or at a moment ahead. A move that was planned is judged anew when it falls due.

use entity::due_work;
use entity::org_unit;
use entity::{DueWorkId, Timestamp, UnitId};
use serde_json::json;

use super::{Units, administered, record_change, repo, rules, unless_archived};
use crate::access::action::OrganisationAdminister;
use crate::access::visible::Place;
use crate::access::{Permit, Shifted};
use crate::audit::{self, Changes, Entry, RecordType};
use crate::db::{Row, Scoped, Touched};
use crate::error::{Conflict, Error};
use crate::record::{Record, Said, differences, stale};

/// The word of planned moves in the table of what falls due.
pub const KIND: &str = "MOVE_UNIT";
const PARENT: &str = "parentId";

/// Done at its moment.
pub const DONE: &str = "DONE";
/// Refused at its moment.
pub const REFUSED: &str = "REFUSED";
/// Taken back before its moment.
pub const CANCELLED: &str = "CANCELLED";

/// A unit and where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// The unit.
    pub unit: UnitId,
    /// Its new parent.
    pub parent: UnitId,
    /// The version of the unit that the caller has seen.
    pub expected_version: Option<i64>,
}

/// Where a planned move leads; none for a row that says something else.
pub fn parent_of(planned: &due_work::Model) -> Option<UnitId> {
    planned.details.get(PARENT)?.as_str()?.parse().ok().map(UnitId)
}

impl Units<'_> {
    /// Moves a unit with all below it. Errors: NOT_FOUND for a unit or parent out of sight, FORBIDDEN without the right to administer what
    /// is above the unit on both sides, BAD_USER_INPUT for a place where it may not stand, CONFLICT.
    pub async fn relocate(&self, to: Move) -> Result<(), Error> {
        self.scoped.administer(move |tx, permit| async move { move_within(&tx, &permit, to, tx.now()).await }).await
    }

    /// Whose rights the move would change, and how. Errors: those of the move itself.
    pub async fn preview_move(&self, to: Move) -> Result<Vec<Shifted>, Error> {
        self.scoped.rehearse(move |tx, permit| async move { move_within(&tx, &permit, to, tx.now()).await }).await
    }

    /// Plans a move for a moment ahead. Errors: those of the move itself as things stand; BAD_USER_INPUT for a moment that is past, CONFLICT
    /// where the unit moves at that very moment already.
    pub async fn plan(&self, to: Move, at: Timestamp) -> Result<DueWorkId, Error> {
        self.scoped
            .administer(move |tx, permit| async move {
                if at <= tx.now() {
                    return Err(Error::invalid(rules::not_ahead("input.at")));
                }
                let row = judged(&tx, &permit, to).await?;
                let planned = repo::pending_moves(&tx, to.unit).await?;
                if planned.iter().any(|other| other.due_at == at) {
                    return Err(Error::taken("input.at"));
                }
                // It hangs by then where the latest move before that one takes it.
                let by_then = planned.iter().filter(|other| other.due_at < at).max_by_key(|other| other.due_at);
                if by_then.map_or(row.model.parent_id, parent_of) == Some(to.parent) {
                    return Err(Error::invalid(rules::own_parent("input.parentId")));
                }
                let new = due_work::Model {
                    id: tx.clock().id(),
                    kind: KIND.to_owned(),
                    record_id: to.unit.0,
                    unit_id: Some(to.unit),
                    details: json!({ PARENT: to.parent.0 }),
                    due_at: at,
                    planned_by: tx.viewer().user_id(),
                    created_at: tx.now(),
                    done_at: None,
                    outcome: None,
                };
                let place = Place { unit: row.model.parent_id.unwrap_or(to.unit), owner: None };
                tx.insert::<due_work::Entity, _>(&permit, vec![(place, new.clone())]).await?;
                record_plan(&tx, &new, None).await?;
                Ok(new.id)
            })
            .await
    }

    /// Takes back a planned move that has not been done. Errors: NOT_FOUND, FORBIDDEN without the rights that the move itself takes,
    /// CONFLICT where it is done with.
    pub async fn cancel(&self, id: DueWorkId) -> Result<(), Error> {
        self.scoped
            .administer(move |tx, permit| async move {
                let planned = tx.find::<due_work::Entity>().id(id.0).for_update().one().await?;
                let planned = planned.ok_or_else(Error::not_found)?.model;
                let above = match planned.unit_id {
                    Some(unit) => repo::unit(&tx, unit).await?.and_then(|unit| unit.model.parent_id),
                    None => None,
                };
                for unit in [above, parent_of(&planned)] {
                    if !unit.is_some_and(|unit| tx.reaches(&permit, Place { unit, owner: None })) {
                        return Err(Error::forbidden());
                    }
                }
                if planned.done_at.is_some() {
                    return Err(Error::Conflict(Box::new(Conflict {
                        violation: Some(rules::done_with("input.id")),
                        ..Conflict::default()
                    })));
                }
                finish(&tx, &tx, &permit, &planned, CANCELLED).await
            })
            .await
    }
}

/// Says what became of a planned move, and writes down that `actor` brought it there.
pub async fn finish(
    tx: &Scoped,
    actor: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    planned: &due_work::Model,
    outcome: &str,
) -> Result<(), Error> {
    let after = due_work::Model { done_at: Some(tx.now()), outcome: Some(outcome.to_owned()), ..planned.clone() };
    if tx.save::<due_work::Entity, _>(permit, planned, &after).await? == 0 {
        return Err(Error::forbidden());
    }
    record_plan(actor, planned, Some(outcome)).await
}

/// A plan is told to auditors alone: it is no part of the unit's history until it is done.
async fn record_plan(tx: &Scoped, planned: &due_work::Model, outcome: Option<&str>) -> Result<(), Error> {
    let plan = json!({ PARENT: planned.details.get(PARENT), "at": planned.due_at.rfc3339() });
    let change = match outcome {
        None => json!([null, plan]),
        Some(outcome) => json!([plan, outcome]),
    };
    let mut changes = Changes::new();
    changes.insert("plannedMove".to_owned(), change);
    let entry = Entry::of::<OrganisationAdminister>(RecordType::PlannedMove, planned.id, planned.unit_id.and_then(audit::at), changes);
    audit::record(tx, vec![entry]).await
}

/// Moves a unit in a unit of work that does this in its turn and nothing else; it hangs there from `since` on.
pub async fn move_within(tx: &Scoped, permit: &Permit<OrganisationAdminister>, to: Move, since: Timestamp) -> Result<(), Error> {
    let row = judged(tx, permit, to).await?;
    if row.model.parent_id == Some(to.parent) {
        return Err(Error::invalid(rules::own_parent("input.parentId")));
    }
    let parent = repo::unit(tx, to.parent).await?.ok_or_else(|| Error::not_found_field("input.parentId"))?.model;
    let mut after = row.model.clone();
    after.parent_id = Some(parent.id);
    after.region_id = rules::region(after.id, after.kind, Some(&parent));
    org_unit::Entity::stamp(&mut after, tx.now());
    let changes = differences::<org_unit::Entity>(&row.model, &after);
    if tx.rehang(permit, &row.model, &after, since).await? == 0 {
        return Err(Error::forbidden());
    }
    record_change(tx, after.id, changes).await?;
    tx.touch_rights(Touched::Group).await
}

/// The unit, held, where the caller may move it there and it may stand there.
async fn judged(tx: &Scoped, permit: &Permit<OrganisationAdminister>, to: Move) -> Result<Row<org_unit::Entity>, Error> {
    let row = administered(tx, permit, to.unit).await?;
    let parent = tx.find::<org_unit::Entity>().id(to.parent.0).for_share().one().await?;
    let parent = parent.ok_or_else(|| Error::not_found_field("input.parentId"))?.model;
    if !tx.reaches(permit, Place { unit: parent.id, owner: None }) {
        return Err(Error::forbidden_field("input.parentId"));
    }
    if to.expected_version.is_some_and(|expected| expected != row.model.version) {
        let wanted = org_unit::Model { parent_id: Some(parent.id), ..row.model.clone() };
        return Err(stale::<org_unit::Entity>(&row, &wanted, &Said { fields: vec![PARENT], expected_version: to.expected_version }));
    }
    if row.model.parent_id.is_none() {
        return Err(Error::invalid(rules::is_root("input.id")));
    }
    unless_archived(&row.model, "input.id")?;
    unless_archived(&parent, "input.parentId")?;
    if let Some(wrong) = rules::move_violation("input.parentId", &tx.current_tree().await?, to.unit, to.parent) {
        return Err(Error::invalid(wrong));
    }
    if !rules::may_stand_under(row.model.kind, parent.kind) {
        return Err(Error::invalid(rules::wrong_kind("input.parentId", row.model.kind, parent.kind)));
    }
    Ok(row)
}
