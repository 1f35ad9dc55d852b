//! Paging arguments and cursors. A cursor holds the sort key and id of a row that the viewer saw, sealed for this viewer, field, filter
//! and sort: anywhere else it is refused.

use async_graphql::{Context, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::context::Ask;
use crate::db::{KeyValue, Slice};
use crate::error::{Error, Violation};
use crate::secrets::{Seal, Secrets};

/// Most rows on a page.
pub const MOST: i32 = 100;
/// Rows on a page where the client names no number.
pub const DEFAULT: i32 = 20;

/// The four arguments of every connection.
#[derive(Clone, Debug, Default)]
pub struct PageArgs {
    /// From the beginning.
    pub first: Option<i32>,
    /// Behind this row.
    pub after: Option<String>,
    /// From the end.
    pub last: Option<i32>,
    /// Before this row.
    pub before: Option<String>,
}

/// Paging arguments that were understood, and what cursors of this list are sealed for.
#[derive(Clone, Debug)]
pub struct Paging {
    /// The part of the list.
    pub slice: Slice,
    /// What the list is: viewer, parent, field, arguments.
    pub list: String,
    /// The same without the parent: lists of one shape under many parents are read together.
    pub shape: String,
}

#[derive(Serialize, Deserialize)]
enum Key {
    #[serde(rename = "i")]
    Int(i64),
    #[serde(rename = "t")]
    Text(String),
}

fn wrong(field: &str, rule: &'static str, en: &str, zh: &str) -> Violation {
    Violation::new(field, rule, en, zh)
}

impl Paging {
    /// Understands the arguments of the current field; `parent` is the record whose field it is. Errors: BAD_USER_INPUT for a number out
    /// of range, two directions at once, or a cursor of another list.
    pub fn try_new(ctx: &Context<'_>, args: PageArgs, parent: Option<Uuid>) -> Result<Self, Error> {
        let shape = shape_of(ctx)?;
        let list = format!("{parent:?}|{shape}");
        let mut violations = Vec::new();
        for (field, number) in [("first", args.first), ("last", args.last)] {
            if number.is_some_and(|number| !(0..=MOST).contains(&number)) {
                violations.push(wrong(field, "range", "must be between 0 and 100", "必须在0到100之间"));
            }
        }
        if args.first.is_some() && args.last.is_some() {
            violations.push(wrong("last", "exclusive", "cannot be combined with first", "不能与first同时使用"));
        }
        if args.after.is_some() && (args.last.is_some() || args.before.is_some()) {
            violations.push(wrong("after", "exclusive", "goes with first alone", "只能与first一起使用"));
        }
        if args.before.is_some() && args.first.is_some() {
            violations.push(wrong("before", "exclusive", "goes with last alone", "只能与last一起使用"));
        }
        let seal = &ctx.given::<Secrets>()?.cursors;
        let mut from = None;
        for (field, cursor) in [("after", &args.after), ("before", &args.before)] {
            if let Some(cursor) = cursor {
                match open(seal, &list, cursor) {
                    Some(found) => from = Some(found),
                    None => violations.push(wrong(field, "cursor", "is not a cursor of this list", "不是此列表的游标")),
                }
            }
        }
        Error::unless_empty(violations)?;
        let backwards = args.last.is_some() || args.before.is_some();
        let limit = args.last.or(args.first).unwrap_or(DEFAULT);
        Ok(Self { slice: Slice { limit: u64::try_from(limit).unwrap_or_default(), backwards, from }, list, shape })
    }

    /// The cursor of a row.
    pub fn cursor(&self, seal: &Seal, key: &KeyValue, id: Uuid) -> Result<String, Error> {
        let key = match key {
            KeyValue::Int(number) => Key::Int(*number),
            KeyValue::Text(text) => Key::Text(text.clone()),
        };
        let text = serde_json::to_vec(&(key, id)).map_err(|_| Error::internal("a cursor cannot be written"))?;
        seal.seal(&self.list, &text)
    }
}

fn open(seal: &Seal, list: &str, cursor: &str) -> Option<(KeyValue, Uuid)> {
    let (key, id): (Key, Uuid) = serde_json::from_slice(&seal.open(list, cursor)?).ok()?;
    let key = match key {
        Key::Int(number) => KeyValue::Int(number),
        Key::Text(text) => KeyValue::Text(text),
    };
    Some((key, id))
}

/// Viewer, field and arguments but those of paging: what makes a list this list.
fn shape_of(ctx: &Context<'_>) -> Result<String, Error> {
    let arguments = ctx.field().arguments().map_err(|_| Error::internal("arguments cannot be read"))?;
    let mut arguments: Vec<(String, Value)> = arguments
        .into_iter()
        .map(|(name, value)| (name.to_string(), value))
        .filter(|(name, _)| !["first", "after", "last", "before"].contains(&name.as_str()))
        .collect();
    arguments.sort_by(|(one, _), (other, _)| one.cmp(other));
    let arguments: Vec<String> = arguments.into_iter().map(|(name, value)| format!("{name}:{value}")).collect();
    let viewer = ctx.scoped()?.viewer().user_id().map(|user| user.0);
    Ok(format!("{viewer:?}|{}|{}", ctx.field().name(), arguments.join(",")))
}
