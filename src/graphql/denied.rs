//! What a request was refused, for the audit: one row a request, written before the answer leaves. Paths and codes, never values. A query
//! that answers null for a row out of reach was refused nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{PathSegment, Response};
use entity::{Timestamp, UserId};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::answer::code;
use super::coercion::meant;
use crate::audit::{self, Entry, RecordType};
use crate::db::Scoped;
use crate::error::Error;

/// So many refusals of one request are told one by one.
const MOST_TOLD: usize = 20;
/// So many requests of one user leave a row within a minute; the next one leaves a row that says so, the rest leave none.
const MOST_A_MINUTE: u32 = 30;
/// Users are forgotten beyond so many, once their minute is over.
const MOST_REMEMBERED: usize = 10_000;
const LONGEST_PATH: usize = 200;
const MICROSECONDS_A_MINUTE: i64 = 60_000_000;

/// Something that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    path: String,
    code: &'static str,
}

impl Denied {
    /// A field that was refused before execution.
    pub fn at(path: &str, error: &Error) -> Self {
        Self { path: path.to_owned(), code: code(error) }
    }

    /// What a response refuses: FORBIDDEN anywhere, NOT_FOUND of a mutation.
    pub fn in_response(document: &ExecutableDocument, operation: Option<&str>, response: &Response, writes: bool) -> Vec<Self> {
        let refused = response.errors.iter().filter_map(|error| {
            let ours = error.source::<Error>()?;
            counts(ours, writes).then(|| Self { path: path(document, operation, &error.path), code: code(ours) })
        });
        refused.collect()
    }
}

fn counts(error: &Error, writes: bool) -> bool {
    matches!(error, Error::Forbidden { .. }) || writes && matches!(error, Error::NotFound { .. })
}

/// What a mutation refuses that tells its errors within its answer.
#[derive(Default)]
pub struct Refused(Mutex<Vec<Denied>>);

impl Refused {
    /// Remembers what is told of to the audit; `path` by the names of the schema.
    pub fn note(&self, path: &str, error: &Error) {
        if counts(error, true)
            && let Ok(mut refused) = self.0.lock()
        {
            refused.push(Denied::at(path, error));
        }
    }

    /// What was refused, once.
    pub fn take(&self) -> Vec<Denied> {
        self.0.lock().map(|mut refused| std::mem::take(&mut *refused)).unwrap_or_default()
    }
}

/// The path of an error by the names of the schema: an alias says nothing to whoever reads the audit, and may say what must not be in it.
fn path(document: &ExecutableDocument, operation: Option<&str>, segments: &[PathSegment]) -> String {
    let mut below: Vec<&SelectionSet> = meant(document, operation).map(|meant| &meant.selection_set.node).into_iter().collect();
    let mut parts: Vec<String> = Vec::new();
    for segment in segments {
        match segment {
            PathSegment::Index(index) => parts.push(index.to_string()),
            PathSegment::Field(key) => {
                let fields = answering(document, below, key);
                let Some(first) = fields.first() else { break };
                parts.push(first.name.node.to_string());
                below = fields.iter().map(|field| &field.selection_set.node).collect();
            }
        }
    }
    parts.join(".").chars().take(LONGEST_PATH).collect()
}

/// The fields of these selections that answer under this key: one by name, which may stand there several times.
fn answering<'a>(document: &'a ExecutableDocument, mut open: Vec<&'a SelectionSet>, key: &str) -> Vec<&'a Field> {
    let mut found = Vec::new();
    let mut spread_before = HashSet::new();
    while let Some(set) = open.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) if field.node.response_key().node == key => found.push(&field.node),
                Selection::Field(_) => {}
                Selection::InlineFragment(fragment) => open.push(&fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name).filter(|_| spread_before.insert(name)) {
                        open.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    found
}

/// A user's rows within a minute.
#[derive(Clone, Copy)]
struct Minute {
    number: i64,
    rows: u32,
}

/// Writes down what is refused, so much a minute for each user of this instance.
#[derive(Default)]
pub struct Denials {
    minutes: Mutex<HashMap<UserId, Minute>>,
    /// Requests that were refused something.
    refused: AtomicU64,
}

impl Denials {
    /// Requests of users that were refused something, since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many rows the user has left in this minute, with this one.
    fn count(&self, user: UserId, now: Timestamp) -> u32 {
        let number = now.0.div_euclid(MICROSECONDS_A_MINUTE);
        let Ok(mut minutes) = self.minutes.lock() else { return 0 };
        if minutes.len() >= MOST_REMEMBERED {
            minutes.retain(|_, minute| minute.number == number);
        }
        let minute = minutes.entry(user).or_insert(Minute { number, rows: 0 });
        if minute.number != number {
            *minute = Minute { number, rows: 0 };
        }
        minute.rows = minute.rows.saturating_add(1);
        minute.rows
    }

    /// Leaves the row of one request. A row that cannot be written is told in the log, and the refusal stands.
    pub async fn keep(&self, scoped: &Scoped, denied: Vec<Denied>) {
        let Some(user) = scoped.viewer().user_id().filter(|_| !denied.is_empty()) else { return };
        self.refused.fetch_add(1, Ordering::Relaxed);
        let rows = self.count(user, scoped.now());
        if rows > MOST_A_MINUTE + 1 {
            return;
        }
        let told = if rows > MOST_A_MINUTE { flood() } else { told(&denied) };
        let entry = Entry::event(RecordType::Request, Uuid::nil(), "denied", told);
        if let Err(error) = scoped.transaction(move |tx| async move { audit::record(&tx, vec![entry]).await }).await {
            tracing::error!(code = code(&error), "a refusal was not written to the audit");
        }
    }
}

fn told(denied: &[Denied]) -> Map<String, Json> {
    let list: Vec<Json> = denied.iter().take(MOST_TOLD).map(|one| json!({ "path": one.path, "code": one.code })).collect();
    let mut told = Map::from_iter([("denied".to_owned(), Json::Array(list))]);
    if denied.len() > MOST_TOLD {
        told.insert("leftOut".to_owned(), json!(denied.len() - MOST_TOLD));
    }
    told
}

/// What the row says that stands for the rest of a minute.
fn flood() -> Map<String, Json> {
    Map::from_iter([("leftOut".to_owned(), json!("the rest of the minute"))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_rows_for_each_user() {
        let denials = Denials::default();
        let (one, other) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let counts: Vec<u32> = (0..40).map(|second| denials.count(one, Timestamp(second * 1_000_000))).collect();
        assert_eq!(counts, (1..=40).collect::<Vec<_>>());
        assert_eq!(denials.count(other, Timestamp(0)), 1);
        assert_eq!(denials.count(one, Timestamp(MICROSECONDS_A_MINUTE)), 1);
    }

    #[test]
    fn a_path_has_the_names_of_the_schema() {
        let document = async_graphql::parser::parse_query(
            "mutation M { a: updateCustomer { b: customer { c } } ...F ... { e: archiveCustomer } }
            fragment F on Mutation { d: createCustomer a: updateCustomer { f: customer { g: unit { h: code } } } }",
        )
        .unwrap();
        let field = |name: &str| PathSegment::Field(name.to_owned());
        let at = |segments: &[PathSegment]| path(&document, None, segments);
        assert_eq!(at(&[field("a"), field("b"), PathSegment::Index(3)]), "updateCustomer.customer.3");
        assert_eq!(at(&[field("a"), field("f"), field("g"), field("h")]), "updateCustomer.customer.unit.code");
        assert_eq!(at(&[field("a"), field("z"), field("h")]), "updateCustomer");
        assert_eq!(at(&[field("d")]), "createCustomer");
        assert_eq!(at(&[field("e")]), "archiveCustomer");
    }
}
