//! Reading and writing contacts.

use std::collections::HashMap;

use entity::{ContactId, CustomerId, contact};
use sea_orm::{ColumnTrait, Condition};

use crate::access::Permit;
use crate::access::action::ContactCreate;
use crate::access::visible::Place;
use crate::db::{KeyValue, Order, Row, Scoped};
use crate::error::Error;

/// A contact as a viewer sees it.
pub type ContactRow = Row<contact::Entity>;

/// The contacts with these ids.
pub async fn by_ids(scoped: Scoped, ids: Vec<ContactId>) -> Result<HashMap<ContactId, ContactRow>, Error> {
    let most = ids.len() as u64;
    let rows = scoped.find::<contact::Entity>().ids(ids.into_iter().map(|id| id.0).collect()).all(most).await?;
    Ok(rows.into_iter().map(|row| (row.model.id, row)).collect())
}

/// All contacts of these customers, archived ones too.
pub async fn of_customers(scoped: &Scoped, customers: Vec<CustomerId>) -> Result<Vec<ContactRow>, Error> {
    let theirs = Condition::all().add(contact::Column::CustomerId.is_in(customers));
    scoped.find::<contact::Entity>().filter(theirs).all(u64::from(u32::MAX)).await
}

/// Adds contacts. Errors: FORBIDDEN where the permit does not reach one of them.
pub async fn insert(scoped: &Scoped, permit: &Permit<ContactCreate>, rows: Vec<(Place, contact::Model)>) -> Result<(), Error> {
    scoped.insert::<contact::Entity, ContactCreate>(permit, rows).await
}

/// Oldest first.
pub fn oldest_first() -> Order<contact::Entity> {
    Order {
        key: sea_orm::sea_query::Expr::col((contact::Entity, contact::Column::CreatedAt)),
        key_of: |row| KeyValue::Int(row.created_at.0),
        id_of: |row| row.id.0,
        descending: false,
    }
}
