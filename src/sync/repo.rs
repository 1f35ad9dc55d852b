//! Reading records for copies.

use std::collections::HashMap;
use std::hash::Hash;

use entity::{contact, customer};
use sea_orm::sea_query::Expr;
use uuid::Uuid;

use super::{Kind, Record};
use crate::access::visible::Visible;
use crate::db::{KeyValue, Order, Row, Scoped, Slice};
use crate::error::Error;
use crate::{contact as contacts, customer as customers};

/// A part of a first copy.
pub struct Part {
    /// The records.
    pub records: Vec<Record>,
    /// Time of creation and id of the last one.
    pub last: Option<(i64, Uuid)>,
    /// There are more.
    pub has_more: bool,
}

/// The oldest records behind one, archived ones too.
pub async fn oldest_first(scoped: &Scoped, kind: Kind, from: Option<(i64, Uuid)>, most: u64) -> Result<Part, Error> {
    match kind {
        Kind::Customer => {
            let order = Order::<customer::Entity> {
                key: Expr::col((customer::Entity, customer::Column::CreatedAt)),
                key_of: |row| KeyValue::Int(row.created_at.0),
                id_of: |row| row.id.0,
                descending: false,
            };
            part(scoped, &order, from, most, |row| (row.model.created_at.0, row.model.id.0), Record::Customer).await
        }
        Kind::Contact => {
            let order = Order::<contact::Entity> {
                key: Expr::col((contact::Entity, contact::Column::CreatedAt)),
                key_of: |row| KeyValue::Int(row.created_at.0),
                id_of: |row| row.id.0,
                descending: false,
            };
            part(scoped, &order, from, most, |row| (row.model.created_at.0, row.model.id.0), Record::Contact).await
        }
    }
}

async fn part<E: Visible>(
    scoped: &Scoped,
    order: &Order<E>,
    from: Option<(i64, Uuid)>,
    most: u64,
    place: fn(&Row<E>) -> (i64, Uuid),
    record: fn(Row<E>) -> Record,
) -> Result<Part, Error> {
    let slice = Slice { limit: most, backwards: false, from: from.map(|(created_at, id)| (KeyValue::Int(created_at), id)) };
    let page = scoped.find::<E>().page(order, &slice).await?;
    let last = page.rows.last().map(place);
    Ok(Part { last, has_more: page.more, records: page.rows.into_iter().map(record).collect() })
}

/// Of these records, those that the viewer sees, and the ids of the others.
pub async fn by_ids(scoped: &Scoped, kind: Kind, ids: Vec<Uuid>) -> Result<(Vec<Record>, Vec<Uuid>), Error> {
    match kind {
        Kind::Customer => {
            let found = customers::by_ids(scoped.clone(), ids.iter().copied().map(Into::into).collect()).await?;
            Ok(shared_out(ids, found, Record::Customer))
        }
        Kind::Contact => {
            let found = contacts::by_ids(scoped.clone(), ids.iter().copied().map(Into::into).collect()).await?;
            Ok(shared_out(ids, found, Record::Contact))
        }
    }
}

fn shared_out<K: From<Uuid> + Eq + Hash, R>(ids: Vec<Uuid>, mut found: HashMap<K, R>, record: fn(R) -> Record) -> (Vec<Record>, Vec<Uuid>) {
    let (mut seen, mut unseen) = (Vec::new(), Vec::new());
    for id in ids {
        match found.remove(&K::from(id)) {
            Some(row) => seen.push(record(row)),
            None => unseen.push(id),
        }
    }
    (seen, unseen)
}
