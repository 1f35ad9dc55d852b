//! Reading and writing customers.

use std::collections::HashMap;

use entity::{CustomerId, UnitId, customer, party};
use sea_orm::{ColumnTrait, Condition};

use crate::access::Permit;
use crate::access::action::CustomerCreate;
use crate::access::visible::Place;
use crate::db::{Row, Scoped};
use crate::error::Error;

/// A customer as a viewer sees it.
pub type CustomerRow = Row<customer::Entity>;

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

/// The same, held until the unit of work ends.
pub async fn by_references_for_update(scoped: &Scoped, origin: UnitId, references: Vec<String>) -> Result<Vec<CustomerRow>, Error> {
    let most = references.len() as u64;
    scoped.find::<customer::Entity>().filter(began(origin, references)).for_update().all(most).await
}

fn began(origin: UnitId, references: Vec<String>) -> Condition {
    Condition::all().add(customer::Column::OriginUnitId.eq(origin)).add(customer::Column::ExternalRef.is_in(references))
}

/// Which of these references are in use at this unit of origin, by whatever customer. For callers who may create there.
pub async fn taken_references(scoped: &Scoped, origin: UnitId, references: Vec<String>) -> Result<Vec<String>, Error> {
    let there = Condition::all().add(customer::Column::OriginUnitId.eq(origin));
    scoped.taken_unscoped::<customer::Entity>(customer::Column::ExternalRef, references, there).await
}

/// Adds customers, each with a party of its own. Errors: FORBIDDEN where the permit does not reach one of them.
pub async fn insert(scoped: &Scoped, permit: &Permit<CustomerCreate>, rows: Vec<customer::Model>) -> Result<(), Error> {
    let parties = rows.iter().map(|row| party::Model { id: row.party_id, created_at: row.created_at }).collect();
    scoped.insert_beside::<party::Entity>(parties).await?;
    let placed = rows.into_iter().map(|row| (Place { unit: row.unit_id, owner: row.owner_id }, row)).collect();
    scoped.insert::<customer::Entity, CustomerCreate>(permit, placed).await
}
