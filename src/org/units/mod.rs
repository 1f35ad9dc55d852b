//! Units: added under one another, renamed, given a mode, archived and restored; `moving` moves them, `import` takes them from a file.
//! What is done to a unit takes the right to administer what is above it.

pub mod due;
pub mod import;
pub mod moving;

use entity::org_unit::{self, BusinessMode, UnitKind};
use entity::{ActiveEnum, Timestamp, UnitId};
use serde_json::json;
use uuid::Uuid;

use super::{repo, rules};
use crate::access::action::OrganisationAdminister;
use crate::access::visible::Place;
use crate::access::{FieldClass, Permit, Shifted};
use crate::audit::{self, Changes, Entry, RecordType};
use crate::db::{Row, Scoped, Touched};
use crate::error::{Conflict, Error, Violation};
use crate::graphql::id::to_global;
use crate::patch::Patch;
use crate::record::{FieldOf, Record, Said, Shown, change_row, differences};

pub use import::{UnitLine, import};

const FIELDS: &[FieldOf<org_unit::Model>] = &[
    FieldOf { name: "code", class: FieldClass::Card, value: |row| json!(row.code), shown: None },
    FieldOf { name: "name", class: FieldClass::Card, value: |row| json!(row.name), shown: None },
    FieldOf { name: "kind", class: FieldClass::Card, value: |row| json!(row.kind.to_value()), shown: None },
    FieldOf {
        name: "parentId",
        class: FieldClass::Note,
        value: |row| json!(row.parent_id.map(|unit| unit.0)),
        shown: Some(Shown::Id(RecordType::OrgUnit, |id| to_global(UnitId(id)).0)),
    },
    FieldOf {
        name: "businessMode",
        class: FieldClass::Note,
        value: |row| json!(row.business_mode.map(|mode| mode.to_value())),
        shown: None,
    },
    FieldOf { name: "archivedAt", class: FieldClass::Note, value: |row| json!(row.archived_at.map(|at| at.0)), shown: Some(Shown::Moment) },
];

impl Record for org_unit::Entity {
    const TYPE: RecordType = RecordType::OrgUnit;

    fn fields() -> &'static [FieldOf<org_unit::Model>] {
        FIELDS
    }

    fn id(row: &org_unit::Model) -> Uuid {
        row.id.0
    }

    fn version(row: &org_unit::Model) -> i64 {
        row.version
    }

    fn stamp(row: &mut org_unit::Model, now: Timestamp) {
        row.version += 1;
        row.updated_at = now;
    }
}

/// What a new unit is.
#[derive(Clone, Debug)]
pub struct NewUnit {
    /// The code: unique in the group.
    pub code: String,
    /// The name.
    pub name: String,
    /// What it is.
    pub kind: UnitKind,
    /// The mode that it sets itself.
    pub business_mode: Option<BusinessMode>,
}

/// What changes of a unit.
#[derive(Clone, Debug, Default)]
pub struct UnitDraft {
    /// The name.
    pub name: Patch<String>,
    /// The mode; emptied: it goes by the units above.
    pub business_mode: Patch<BusinessMode>,
}

/// The use cases that write units. After each of them rights may be others.
pub struct Units<'a> {
    /// As whom.
    pub scoped: &'a Scoped,
}

impl Units<'_> {
    /// Adds a unit under another. Errors: NOT_FOUND for a parent out of sight, FORBIDDEN, BAD_USER_INPUT, CONFLICT for a code in use.
    pub async fn create(&self, parent: UnitId, new: NewUnit) -> Result<UnitId, Error> {
        self.scoped
            .administer(move |tx, permit| async move {
                let wrong =
                    rules::code_violation("input.code", &new.code).into_iter().chain(rules::name_violation("input.name", &new.name));
                Error::unless_empty(wrong.collect())?;
                let above = tx.find::<org_unit::Entity>().id(parent.0).for_share().one().await?;
                let above = above.ok_or_else(|| Error::not_found_field("input.parentId"))?.model;
                let place = Place { unit: above.id, owner: None };
                if !tx.reaches(&permit, place) {
                    return Err(Error::forbidden_field("input.parentId"));
                }
                unless_archived(&above, "input.parentId")?;
                if !rules::may_stand_under(new.kind, above.kind) {
                    return Err(Error::invalid(rules::wrong_kind("input.kind", new.kind, above.kind)));
                }
                if !repo::taken_codes(&tx, &permit, vec![new.code.clone()]).await?.is_empty() {
                    return Err(Error::taken("input.code"));
                }
                let unit = blank(&tx, Some(&above), new);
                let id = unit.id;
                tx.hang(&permit, place, unit.clone()).await?;
                record_new(&tx, &unit).await?;
                tx.touch_rights(Touched::Group).await?;
                Ok(id)
            })
            .await
    }

    /// Changes name and mode. Errors: NOT_FOUND, FORBIDDEN, BAD_USER_INPUT, CONFLICT.
    pub async fn update(&self, id: UnitId, draft: UnitDraft, expected_version: Option<i64>) -> Result<(), Error> {
        self.scoped.administer(move |tx, permit| async move { update_within(&tx, &permit, id, draft, expected_version).await }).await
    }

    /// Whose rights another mode of this unit would change, and how. Errors: those of the change itself.
    pub async fn preview_mode(&self, id: UnitId, mode: Option<BusinessMode>) -> Result<Vec<Shifted>, Error> {
        let draft = UnitDraft { name: Patch::Keep, business_mode: mode.into() };
        self.scoped.rehearse(move |tx, permit| async move { update_within(&tx, &permit, id, draft, None).await }).await
    }

    /// Archives or restores. Errors: NOT_FOUND, FORBIDDEN, BAD_USER_INPUT for HQ, CONFLICT while something is left at the unit, and where
    /// the unit above is archived.
    pub async fn set_archived(&self, id: UnitId, archived: bool, expected_version: Option<i64>) -> Result<(), Error> {
        self.scoped
            .administer(move |tx, permit| async move {
                let row = administered(&tx, &permit, id).await?;
                let Some(parent) = row.model.parent_id else {
                    return Err(Error::invalid(rules::is_root("input.id")));
                };
                let said = Said { fields: Vec::new(), expected_version };
                let now = tx.now();
                let changed = change_row::<org_unit::Entity, _>(&tx, &permit, &row, &said, |unit| {
                    unit.archived_at = archived.then(|| unit.archived_at.unwrap_or(now));
                    Ok(())
                });
                if !changed.await? {
                    return Ok(());
                }
                if archived && !tx.stands_empty(&permit, &row.model).await? {
                    return Err(in_the_way(rules::in_use("input.id")));
                }
                let above = repo::unit(&tx, parent).await?;
                if !archived && above.is_some_and(|above| above.model.archived_at.is_some()) {
                    return Err(in_the_way(rules::parent_archived("input.id")));
                }
                Ok(())
            })
            .await
    }
}

impl UnitDraft {
    fn violations(&self) -> Vec<Violation> {
        match &self.name {
            Patch::Keep => Vec::new(),
            Patch::Clear => vec![Violation::required("input.name")],
            Patch::Set(name) => rules::name_violation("input.name", name).into_iter().collect(),
        }
    }

    fn said(&self) -> Vec<&'static str> {
        let fields = [("name", self.name.is_said()), ("businessMode", self.business_mode.is_said())];
        fields.into_iter().filter(|(_, is_said)| *is_said).map(|(name, _)| name).collect()
    }
}

/// A unit that the caller may change, held: whoever administers what is above it. Errors: NOT_FOUND, FORBIDDEN.
async fn administered(tx: &Scoped, permit: &Permit<OrganisationAdminister>, id: UnitId) -> Result<Row<org_unit::Entity>, Error> {
    let row = tx.find::<org_unit::Entity>().id(id.0).for_update().one().await?.ok_or_else(Error::not_found)?;
    if tx.reaches_row::<org_unit::Entity, _>(permit, &row.model, row.place) { Ok(row) } else { Err(Error::forbidden()) }
}

async fn update_within(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    id: UnitId,
    draft: UnitDraft,
    expected_version: Option<i64>,
) -> Result<(), Error> {
    Error::unless_empty(draft.violations())?;
    let row = administered(tx, permit, id).await?;
    let said = Said { fields: draft.said(), expected_version };
    let was = row.model.business_mode;
    let mut is = was;
    draft.business_mode.clone().apply(&mut is);
    let changed = change_row::<org_unit::Entity, _>(tx, permit, &row, &said, |unit| {
        if let Patch::Set(name) = draft.name {
            unit.name = name;
        }
        draft.business_mode.apply(&mut unit.business_mode);
        Ok(())
    });
    if changed.await? && was != is {
        tx.touch_rights(Touched::Group).await?;
    }
    Ok(())
}

/// Nothing new goes to an archived unit. Errors: BAD_USER_INPUT with the field.
pub fn unless_archived(unit: &org_unit::Model, field: &str) -> Result<(), Error> {
    match unit.archived_at {
        Some(_) => Err(Error::invalid(rules::archived(field))),
        None => Ok(()),
    }
}

fn in_the_way(violation: Violation) -> Error {
    Error::Conflict(Box::new(Conflict { violation: Some(violation), ..Conflict::default() }))
}

/// A unit that is about to be added.
fn blank(tx: &Scoped, parent: Option<&org_unit::Model>, new: NewUnit) -> org_unit::Model {
    let (id, now): (UnitId, _) = (tx.clock().id(), tx.now());
    org_unit::Model {
        id,
        code: new.code,
        name: new.name,
        kind: new.kind,
        parent_id: parent.map(|parent| parent.id),
        region_id: rules::region(id, new.kind, parent),
        business_mode: new.business_mode,
        created_at: now,
        updated_at: now,
        version: 1,
        archived_at: None,
    }
}

async fn record_new(tx: &Scoped, unit: &org_unit::Model) -> Result<(), Error> {
    let nothing = org_unit::Model { parent_id: None, business_mode: None, ..unit.clone() };
    let mut changes = differences::<org_unit::Entity>(&nothing, unit);
    for (field, value) in [("code", json!(unit.code)), ("name", json!(unit.name)), ("kind", json!(unit.kind.to_value()))] {
        changes.insert(field.to_owned(), json!([null, value]));
    }
    record_change(tx, unit.id, changes).await
}

async fn record_change(tx: &Scoped, unit: UnitId, changes: Changes) -> Result<(), Error> {
    audit::record(tx, vec![Entry::of::<OrganisationAdminister>(RecordType::OrgUnit, unit, audit::at(unit), changes)]).await
}
