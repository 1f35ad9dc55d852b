//! Units from a file: found by code, added under their parent, renamed or given another mode; never moved.

use std::collections::HashMap;

use entity::org_unit::{self, BusinessMode, UnitKind};
use entity::{ActiveEnum, UnitId};

use super::{NewUnit, blank, record_change, record_new, repo, rules};
use crate::access::Permit;
use crate::access::action::OrganisationAdminister;
use crate::access::visible::Place;
use crate::db::{Scoped, Touched};
use crate::error::{Error, Violation};
use crate::import::{Outcome, RowError, RowResult};
use crate::patch::Patch;
use crate::record::{Record, differences};

/// A row of an `org-units` file.
#[derive(Clone, Debug)]
pub struct UnitLine {
    /// The unit's code.
    pub code: String,
    /// The code of the unit above; none: HQ.
    pub parent_code: Option<String>,
    /// What it is.
    pub kind: UnitKind,
    /// Its name.
    pub name: String,
    /// How it works with others.
    pub business_mode: Patch<BusinessMode>,
}

/// The tree as it grows while a file is read.
struct Growing {
    units: HashMap<String, org_unit::Model>,
    codes: HashMap<UnitId, String>,
}

impl Growing {
    /// The unit and everything above it, nearest first.
    fn line(&self, unit: &org_unit::Model) -> Vec<UnitId> {
        let above = |unit: &org_unit::Model| self.units.get(self.codes.get(&unit.parent_id?)?).cloned();
        std::iter::successors(Some(unit.clone()), above).take(self.units.len() + 1).map(|unit| unit.id).collect()
    }

    /// The nearest unit above that the importing user's rights were compiled against: units of this file are too young to be known. HQ
    /// itself, where nothing stands above.
    fn known_above(&self, tx: &Scoped, unit: &org_unit::Model) -> UnitId {
        let line = self.line(unit);
        line.iter().skip(1).copied().find(|above| tx.viewer().tree().unit(*above).is_some()).unwrap_or(*line.last().unwrap_or(&unit.id))
    }

    fn take_back(&mut self, unit: &org_unit::Model) {
        self.units.remove(&unit.code);
        self.codes.remove(&unit.id);
    }

    fn put(&mut self, unit: org_unit::Model) {
        self.codes.insert(unit.id, unit.code.clone());
        self.units.insert(unit.code.clone(), unit);
    }
}

/// Imports units in one unit of work; rows may come in any order. Errors: FORBIDDEN without the right to administer.
pub async fn import(scoped: &Scoped, lines: Vec<UnitLine>) -> Result<Vec<RowResult>, Error> {
    scoped.administer(move |tx, permit| async move { import_within(&tx, &permit, lines).await }).await
}

async fn import_within(tx: &Scoped, permit: &Permit<OrganisationAdminister>, lines: Vec<UnitLine>) -> Result<Vec<RowResult>, Error> {
    let mut tree = Growing { units: HashMap::new(), codes: HashMap::new() };
    for row in repo::every_unit(tx).await? {
        tree.put(row.model);
    }
    let mut results: Vec<Option<RowResult>> = vec![None; lines.len()];
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (at, line) in lines.iter().enumerate() {
        if let Some(earlier) = first.insert(&line.code, at) {
            first.insert(&line.code, earlier);
            results[at] = Some(Err(RowError::at("code", format!("'{}' stands in the file twice", line.code))));
        }
    }
    // A row waits for its parent's; a round that takes nothing in means that the rest hangs in the air.
    loop {
        let before = results.iter().flatten().count();
        for (at, line) in lines.iter().enumerate() {
            if results[at].is_some() {
                continue;
            }
            let parent = line.parent_code.as_deref();
            if let Some(parent) = parent.filter(|parent| !tree.units.contains_key(*parent)) {
                match first.get(parent) {
                    None => results[at] = Some(Err(RowError::unknown("parent_code", parent))),
                    Some(theirs) if matches!(results[*theirs], Some(Err(_))) => {
                        results[at] = Some(Err(RowError::at("parent_code", format!("'{parent}' was left out itself"))));
                    }
                    Some(_) => {}
                }
                continue;
            }
            results[at] = Some(take_in(tx, permit, &mut tree, line).await?);
        }
        if results.iter().flatten().count() == before {
            break;
        }
    }
    let results: Vec<RowResult> = results
        .into_iter()
        .map(|result| result.unwrap_or_else(|| Err(RowError::at("parent_code", "the unit would stand under itself"))))
        .collect();
    if results.iter().any(|result| matches!(result, Ok(Outcome::Added | Outcome::Changed))) {
        tx.touch_rights(Touched::Group).await?;
    }
    Ok(results)
}

fn shape_error(tree: &Growing, line: &UnitLine) -> Option<RowError> {
    let wrong = rules::code_violation("code", &line.code).or_else(|| rules::name_violation("name", &line.name));
    if let Some(wrong) = wrong {
        return Some(wrong.into());
    }
    match line.parent_code.as_ref().and_then(|parent| tree.units.get(parent)) {
        Some(parent) if parent.code == line.code => Some(RowError::at("parent_code", "the unit would stand under itself")),
        Some(parent) if !rules::may_stand_under(line.kind, parent.kind) => {
            Some(RowError::at("kind", format!("a {} does not stand under a {}", line.kind.to_value(), parent.kind.to_value())))
        }
        Some(_) => None,
        None if line.kind != UnitKind::Hq => Some(RowError::at("parent_code", "only HQ stands under nothing")),
        None => tree
            .units
            .values()
            .find(|unit| unit.parent_id.is_none() && unit.code != line.code)
            .map(|root| RowError::at("kind", format!("there is an HQ already: '{}'", root.code))),
    }
}

async fn take_in(tx: &Scoped, permit: &Permit<OrganisationAdminister>, tree: &mut Growing, line: &UnitLine) -> Result<RowResult, Error> {
    if let Some(wrong) = shape_error(tree, line) {
        return Ok(Err(wrong));
    }
    let parent = line.parent_code.as_ref().and_then(|parent| tree.units.get(parent)).cloned();
    let result = match tree.units.get(&line.code).cloned() {
        Some(stands) => change(tx, permit, tree, line, parent.as_ref(), stands).await,
        None => add(tx, permit, tree, line, parent.as_ref()).await.map(|()| Ok(Outcome::Added)),
    };
    match result {
        Ok(result) => Ok(result),
        Err(error) => Ok(Err(RowError::of_row(error)?)),
    }
}

async fn change(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    tree: &mut Growing,
    line: &UnitLine,
    parent: Option<&org_unit::Model>,
    stands: org_unit::Model,
) -> Result<RowResult, Error> {
    // Where a unit stands and how it works is told only to whoever administers what is above it.
    let above = tree.known_above(tx, &stands);
    if !tx.reaches(permit, Place { unit: above, owner: None }) {
        return Err(Error::forbidden());
    }
    if stands.parent_id != parent.map(|parent| parent.id) {
        return Ok(Err(RowError::at("parent_code", "the unit stands elsewhere; an import does not move units")));
    }
    if stands.kind != line.kind {
        return Ok(Err(RowError::at("kind", format!("the unit is a {}; an import does not change that", stands.kind.to_value()))));
    }
    let mut after = stands.clone();
    after.name.clone_from(&line.name);
    line.business_mode.clone().apply(&mut after.business_mode);
    let changes = differences::<org_unit::Entity>(&stands, &after);
    if changes.is_empty() {
        return Ok(Ok(Outcome::Unchanged));
    }
    org_unit::Entity::stamp(&mut after, tx.now());
    if tx.save::<org_unit::Entity, _>(permit, &stands, &after).await? == 0 {
        return Err(Error::forbidden());
    }
    record_change(tx, after.id, changes).await?;
    tree.put(after);
    Ok(Ok(Outcome::Changed))
}

async fn add(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    tree: &mut Growing,
    line: &UnitLine,
    parent: Option<&org_unit::Model>,
) -> Result<(), Error> {
    let mut business_mode = None;
    line.business_mode.clone().apply(&mut business_mode);
    let new = NewUnit { code: line.code.clone(), name: line.name.clone(), kind: line.kind, business_mode };
    let unit = blank(tx, parent, new);
    tree.put(unit.clone());
    let place = Place { unit: tree.known_above(tx, &unit), owner: None };
    if !tx.reaches(permit, place) {
        tree.take_back(&unit);
        return Err(Error::forbidden());
    }
    if parent.is_some_and(|parent| parent.archived_at.is_some()) {
        tree.take_back(&unit);
        return Err(Error::invalid(rules::archived("parent_code")));
    }
    if !repo::taken_codes(tx, permit, vec![unit.code.clone()]).await?.is_empty() {
        tree.take_back(&unit);
        return Err(Error::invalid(Violation::new("code", "unique", "is in use by a unit out of the importing user's sight", "已被使用")));
    }
    tx.hang(permit, place, unit.clone()).await?;
    record_new(tx, &unit).await
}
