//! The histories of records: audit rows that are read because their record is, whatever unit they tell. The proof is a [`History`], which
//! only a row that was read gives.
//!
//! ```compile_fail,E0451
//! use branchwise::{access::Level, db::History};
//! fn forge(id: uuid::Uuid) -> History {
//!     History { of: "customer", id, level: Level::Full }
//! }
//! ```
//!
//! ```no_run
//! use branchwise::db::{History, Row};
//! fn ask(row: &Row<entity::customer::Entity>) -> Option<History> {
//!     row.history()
//! }
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use entity::{UserId, audit, post, user};
use sea_orm::sea_query::{Expr, Query as Sql, SelectStatement, UnionType};
use sea_orm::{ColumnTrait, Condition, FromQueryResult, Iterable};
use uuid::Uuid;

use super::page::name;
use super::query::Seen;
use super::{KeyValue, Order, PageOf, Row, Scoped, Slice};
use crate::access::action::OrganisationAdminister;
use crate::access::visible::Remembered;
use crate::access::{Action, Level, Resource};
use crate::error::Error;

const USER: &str = "user";
const POST: &str = "post";
const TOP: &str = "top";
const PARENT: &str = "parent";

/// Proof that a viewer may read the history of one record, and how clearly it sees the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct History {
    of: &'static str,
    id: Uuid,
    level: Level,
}

/// A part of a history.
pub type Chapter = (History, Slice);

impl History {
    /// The record.
    pub fn record(&self) -> Uuid {
        self.id
    }

    /// How clearly the viewer sees it today.
    pub fn level(&self) -> Level {
        self.level
    }
}

impl<E: Remembered> Row<E> {
    /// The history of this row; none where the viewer sees too little of the row to be told.
    pub fn history(&self) -> Option<History> {
        (self.level >= E::TOLD_FROM).then(|| History { of: E::RECORD_TYPE, id: E::id(&self.model), level: self.level })
    }
}

/// Newest first.
pub fn newest_first() -> Order<audit::Entity> {
    Order {
        key: Expr::col((audit::Entity, audit::Column::At)),
        key_of: |row| KeyValue::Int(row.at.0),
        id_of: |row| row.id.0,
        descending: true,
    }
}

impl Scoped {
    /// The histories of these users, of those whom the viewer administers: what is told of a user is for nobody else.
    pub async fn histories_of_users(&self, ids: Vec<UserId>) -> Result<HashMap<UserId, History>, Error> {
        if self.viewer().arms(Resource::Organisation, Action::Administer).is_empty() {
            return Ok(HashMap::new());
        }
        let most = ids.len() as u64;
        let administered = self.reached_by::<user::Entity, OrganisationAdminister>();
        let rows = self.find::<user::Entity>().ids(ids.into_iter().map(|id| id.0).collect()).filter(administered).all(most).await?;
        let history = |row: Row<user::Entity>| (row.model.id, History { of: USER, id: row.model.id.0, level: Level::Full });
        Ok(rows.into_iter().map(history).collect())
    }

    /// Where the rows of a history stand. Several places rather than an `or`: each is one range of the index.
    fn pages_of(&self, history: &History) -> Vec<Condition> {
        let of = |record_type: &str| Condition::all().add(audit::Column::RecordType.eq(record_type));
        let mut places = vec![of(history.of).add(audit::Column::RecordId.eq(history.id))];
        if history.of == USER {
            // Of a user's posts, those at units that the viewer administers.
            let posts = Sql::select()
                .column(post::Column::Id)
                .from(post::Entity)
                .and_where(post::Column::UserId.eq(history.id))
                .cond_where(self.reached_by::<post::Entity, OrganisationAdminister>())
                .to_owned();
            places.push(of(POST).add(audit::Column::RecordId.in_subquery(posts)));
        }
        places
    }

    /// The parts of histories that are asked for, in one statement; a history without rows there is absent.
    pub async fn histories(&self, chapters: Vec<Chapter>) -> Result<HashMap<Chapter, Arc<PageOf<Row<audit::Entity>>>>, Error> {
        let order = newest_first();
        let tops = chapters.iter().enumerate().flat_map(|(at, (history, slice))| {
            let top = |condition| {
                let mut top = Sql::select();
                for column in audit::Column::iter() {
                    top.expr_as(Expr::col((audit::Entity, column)), name(column));
                }
                top.from(audit::Entity).cond_where(condition);
                order.slice(&mut top, slice, slice.limit.saturating_add(1));
                let mut told = Sql::select();
                told.expr_as(Expr::val(number(at)), PARENT).columns(audit::Column::iter().map(|column| (TOP, column)));
                told.from_subquery(top, TOP).to_owned()
            };
            self.pages_of(history).into_iter().map(top).collect::<Vec<_>>()
        });
        let Some(select) = together(tops) else { return Ok(HashMap::new()) };
        let mut rows: HashMap<Chapter, Vec<Row<audit::Entity>>> = HashMap::new();
        for found in self.conn.all(&select).await? {
            let Some(chapter) = parent(&found, &chapters)? else { continue };
            let model = audit::Model::from_query_result(&found, "")?;
            rows.entry(chapter.clone()).or_default().push(Row { model, level: chapter.0.level, place: None, _seen: Seen });
        }
        let finish = |(chapter, mut rows): (Chapter, Vec<Row<audit::Entity>>)| {
            // A union has no order of its own.
            rows.sort_by_key(|row| (row.model.at, row.model.id));
            if !chapter.1.backwards {
                rows.reverse();
            }
            let found = rows.len();
            let page = order.finish(rows, found, &chapter.1);
            (chapter, Arc::new(page))
        };
        Ok(rows.into_iter().map(finish).collect())
    }

    /// How many rows each of these histories has, in one statement.
    pub async fn histories_counted(&self, histories: Vec<History>) -> Result<HashMap<History, u64>, Error> {
        let counts = histories.iter().enumerate().flat_map(|(at, history)| {
            let count = |condition| {
                let mut count = Sql::select();
                count.expr_as(Expr::val(number(at)), PARENT).expr_as(Expr::cust("COUNT(*)"), "total");
                count.from(audit::Entity).cond_where(condition).to_owned()
            };
            self.pages_of(history).into_iter().map(count).collect::<Vec<_>>()
        });
        let Some(select) = together(counts) else { return Ok(HashMap::new()) };
        let mut totals = HashMap::new();
        for found in self.conn.all(&select).await? {
            let Some(history) = parent(&found, &histories)? else { continue };
            let total: i64 = found.try_get("", "total")?;
            *totals.entry(*history).or_default() += u64::try_from(total).unwrap_or_default();
        }
        Ok(totals)
    }
}

fn number(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

fn parent<'a, T>(found: &sea_orm::QueryResult, asked: &'a [T]) -> Result<Option<&'a T>, Error> {
    let at: i64 = found.try_get("", PARENT)?;
    Ok(usize::try_from(at).ok().and_then(|at| asked.get(at)))
}

fn together(mut parts: impl Iterator<Item = SelectStatement>) -> Option<SelectStatement> {
    let mut first = parts.next()?;
    first.unions(parts.map(|part| (UnionType::All, part)));
    Some(first)
}
