//! Reading and writing customers.

use std::collections::{HashMap, HashSet};

use entity::{CustomerId, UnitId, customer, party};
use sea_orm::{ColumnTrait, Condition};

use crate::access::Permit;
use crate::access::action::CustomerCreate;
use crate::access::visible::Place;
use crate::db::{Row, Scoped};
use crate::error::Error;

/// A customer as a viewer sees it.
pub type CustomerRow = Row<customer::Entity>;

/// What files call a customer: the unit where it began, and the reference there.
pub type Reference = (UnitId, String);

/// The customers with these ids.
pub async fn by_ids(scoped: Scoped, ids: Vec<CustomerId>) -> Result<HashMap<CustomerId, CustomerRow>, Error> {
    let most = ids.len() as u64;
    let rows = scoped.find::<customer::Entity>().ids(ids.into_iter().map(|id| id.0).collect()).all(most).await?;
    Ok(rows.into_iter().map(|row| (row.model.id, row)).collect())
}

/// The customers that began at this unit under these references.
pub async fn by_references(scoped: &Scoped, origin: UnitId, references: Vec<String>) -> Result<Vec<CustomerRow>, Error> {
    let most = references.len() as u64;
    scoped.find::<customer::Entity>().filter(began(origin, references)).all(most).await
}

/// The customers found by these references, each at its own unit.
pub async fn referred(scoped: &Scoped, references: Vec<Reference>) -> Result<Vec<CustomerRow>, Error> {
    let most = references.len() as u64;
    scoped.find::<customer::Entity>().filter(among(scoped, references)).all(most).await
}

/// The same, held until the unit of work ends.
pub async fn referred_for_update(scoped: &Scoped, references: Vec<Reference>) -> Result<Vec<CustomerRow>, Error> {
    let most = references.len() as u64;
    scoped.find::<customer::Entity>().filter(among(scoped, references)).for_update().all(most).await
}

fn among(scoped: &Scoped, references: Vec<Reference>) -> Condition {
    scoped.among(customer::Column::OriginUnitId, customer::Column::ExternalRef, references)
}

fn began(origin: UnitId, references: Vec<String>) -> Condition {
    Condition::all().add(customer::Column::OriginUnitId.eq(origin)).add(customer::Column::ExternalRef.is_in(references))
}

/// Which of these references are in use at this unit of origin, by whatever customer. For callers who may create there.
pub async fn taken_references(
    scoped: &Scoped,
    permit: &Permit<CustomerCreate>,
    origin: UnitId,
    references: Vec<String>,
) -> Result<Vec<String>, Error> {
    let there = Condition::all().add(customer::Column::OriginUnitId.eq(origin));
    scoped.taken_unscoped::<customer::Entity, _>(permit, customer::Column::ExternalRef, references, there).await
}

/// The same of several units. One statement where none is in use, as in most files.
pub async fn taken_among(
    scoped: &Scoped,
    permit: &Permit<CustomerCreate>,
    references: Vec<Reference>,
) -> Result<HashSet<Reference>, Error> {
    let texts = references.iter().map(|(_, text)| text.clone()).collect();
    let anywhere = among(scoped, references.clone());
    let texts = scoped.taken_unscoped::<customer::Entity, _>(permit, customer::Column::ExternalRef, texts, anywhere).await?;
    let texts: HashSet<String> = texts.into_iter().collect();
    let mut asked: HashMap<UnitId, Vec<String>> = HashMap::new();
    for (unit, text) in references.into_iter().filter(|(_, text)| texts.contains(text)) {
        asked.entry(unit).or_default().push(text);
    }
    let mut taken = HashSet::new();
    for (unit, texts) in asked {
        taken.extend(taken_references(scoped, permit, unit, texts).await?.into_iter().map(|text| (unit, text)));
    }
    Ok(taken)
}

/// Adds customers, each with a party of its own. Errors: FORBIDDEN where the permit does not reach one of them.
pub async fn insert(scoped: &Scoped, permit: &Permit<CustomerCreate>, rows: Vec<customer::Model>) -> Result<(), Error> {
    let parties = rows.iter().map(|row| party::Model { id: row.party_id, created_at: row.created_at }).collect();
    scoped.insert_beside::<party::Entity>(parties).await?;
    let placed = rows.into_iter().map(|row| (Place { unit: row.unit_id, owner: row.owner_id }, row)).collect();
    scoped.insert::<customer::Entity, CustomerCreate>(permit, placed).await
}
