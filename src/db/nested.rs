//! Lists under many parents: what the same field asks of each of them is read in one statement.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use uuid::Uuid;

use super::{Order, PageOf, Query, Row, ScopedSql, Slice};
use crate::access::visible::Visible;
use crate::error::Error;

/// What a field asks of its parents.
pub struct Asked<E: Visible> {
    /// What tells this question from others in the request.
    pub shape: String,
    /// The rows in question.
    pub query: Query<E>,
    /// The same for counting.
    pub totals: ScopedSql<E>,
    /// The column that holds the parent.
    pub parent: E::Column,
    /// The parent of a row in hand.
    pub parent_of: fn(&E::Model) -> Uuid,
    /// The order.
    pub order: Order<E>,
    /// The part of each parent's list.
    pub slice: Slice,
}

/// A question to one parent.
pub struct Nested<E: Visible> {
    /// The parent.
    pub parent: Uuid,
    /// The question.
    pub asked: Arc<Asked<E>>,
}

impl<E: Visible> Clone for Nested<E> {
    fn clone(&self) -> Self {
        Self { parent: self.parent, asked: self.asked.clone() }
    }
}

impl<E: Visible> PartialEq for Nested<E> {
    fn eq(&self, other: &Self) -> bool {
        self.parent == other.parent && self.asked.shape == other.asked.shape && self.asked.slice == other.asked.slice
    }
}

impl<E: Visible> Eq for Nested<E> {}

impl<E: Visible> Hash for Nested<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parent.hash(state);
        self.asked.shape.hash(state);
        self.asked.slice.hash(state);
    }
}

impl<E: Visible> std::fmt::Debug for Nested<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a list under {}", self.parent)
    }
}

/// The same question to many parents stands together.
fn together<E: Visible>(keys: Vec<Nested<E>>) -> Vec<Vec<Nested<E>>> {
    let mut groups: Vec<Vec<Nested<E>>> = Vec::new();
    for key in keys {
        let same = |group: &&mut Vec<Nested<E>>| {
            group.first().is_some_and(|first| first.asked.shape == key.asked.shape && first.asked.slice == key.asked.slice)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(key),
            None => groups.push(vec![key]),
        }
    }
    groups
}

/// The page under each parent; a parent without rows is absent.
pub async fn pages<E: Visible>(keys: Vec<Nested<E>>) -> Result<HashMap<Nested<E>, Arc<PageOf<Row<E>>>>, Error> {
    #[expect(clippy::mutable_key_type, reason = "keys compare by parent, shape and slice, which never change")]
    let mut found = HashMap::new();
    for group in together(keys) {
        let Some(asked) = group.first().map(|first| first.asked.clone()) else { continue };
        let parents: Vec<Uuid> = group.iter().map(|key| key.parent).collect();
        let mut pages = asked.query.clone().page_by(asked.parent, &parents, asked.parent_of, &asked.order, &asked.slice).await?;
        found.extend(group.into_iter().filter_map(|key| {
            let page = pages.remove(&key.parent)?;
            Some((key, Arc::new(page)))
        }));
    }
    Ok(found)
}

/// How many rows stand under each parent; a parent without rows is absent.
pub async fn counts<E: Visible>(keys: Vec<Nested<E>>) -> Result<HashMap<Nested<E>, u64>, Error> {
    #[expect(clippy::mutable_key_type, reason = "keys compare by parent, shape and slice, which never change")]
    let mut found = HashMap::new();
    for group in together(keys) {
        let Some(asked) = group.first().map(|first| first.asked.clone()) else { continue };
        let parents: Vec<Uuid> = group.iter().map(|key| key.parent).collect();
        let totals: HashMap<Uuid, u64> = asked.totals.clone().count_by(asked.parent, parents).await?.into_iter().collect();
        found.extend(group.into_iter().filter_map(|key| {
            let total = *totals.get(&key.parent)?;
            Some((key, total))
        }));
    }
    Ok(found)
}
