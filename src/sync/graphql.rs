//! `changes`.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject, Union};
use entity::{ContactId, CustomerId};

use super::{Asked, Kind, Record, Step, next};
use crate::contact::graphql::Contact;
use crate::customer::graphql::Customer;
use crate::error::{Error, Violation};
use crate::graphql::context::Ask;
use crate::graphql::id::to_global;
use crate::graphql::limits::words::Copied;
use crate::secrets::Secrets;

/// Most records or changes in one answer.
const MOST: i32 = 500;
/// How many where the client names no number.
const DEFAULT: i32 = 100;

/// What a copy is kept of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum SyncType {
    /// Customers.
    Customer,
    /// People at customers.
    Contact,
}

/// A record that a copy holds.
#[derive(Union)]
#[expect(clippy::large_enum_variant, reason = "lives as long as one field of one answer")]
pub enum SyncRecord {
    /// A customer.
    Customer(Customer),
    /// A contact.
    Contact(Contact),
}

/// What your copy is to take in. Apply `upserts` and `tombstones`, in whatever order, then store `nextCursor` with them.
#[derive(SimpleObject)]
pub struct ChangeSet {
    /// New and changed records, as they stand and you see them: replace what you have of the same id. What was archived comes with
    /// `archivedAt`; a field that was open to you before may be null now.
    upserts: Vec<SyncRecord>,
    /// Records that have left your sight: delete what you have of these ids. You may never have had some of them.
    tombstones: Vec<ID>,
    /// Where your copy stands then: the next `since`, good for 30 days. Null where `resetRequired`.
    next_cursor: Option<String>,
    /// Is there more right now? Then ask again at once.
    has_more: bool,
    /// What you may see has changed as a whole, or the cursor is older than 30 days: delete your copy and begin without `since`.
    reset_required: bool,
}

impl From<Step> for ChangeSet {
    fn from(step: Step) -> Self {
        let upsert = |record| match record {
            Record::Customer(row) => SyncRecord::Customer(Customer(row)),
            Record::Contact(row) => SyncRecord::Contact(Contact(row)),
        };
        let tombstone = |(kind, id)| match kind {
            Kind::Customer => to_global(CustomerId(id)),
            Kind::Contact => to_global(ContactId(id)),
        };
        Self {
            upserts: step.upserts.into_iter().map(upsert).collect(),
            tombstones: step.tombstones.into_iter().map(tombstone).collect(),
            reset_required: step.cursor.is_none(),
            next_cursor: step.cursor,
            has_more: step.has_more,
        }
    }
}

/// Keeping copies.
#[derive(Default)]
pub struct SyncQuery;

#[Object]
impl SyncQuery {
    /// Keeps a copy of all that you see on a device: without `since` the first part of everything, then, with each `nextCursor`, the rest,
    /// and from then on what has changed. Changes come in the order in which they were made, none is ever left out, and a record that
    /// changed several times comes once. What leaves your sight comes as a tombstone, its contacts with it.
    #[graphql(directive = Copied::apply())]
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where your copy stands: the last `nextCursor`. Absent: you have none yet.")] since: Option<String>,
        #[graphql(desc = "What the copy is of; absent: of everything. The same for as long as it lasts.")] types: Option<Vec<SyncType>>,
        #[graphql(desc = "How many records or changes at once, 1 to 500 (100).")] first: Option<i32>,
    ) -> Result<ChangeSet> {
        let first = first.unwrap_or(DEFAULT);
        if !(1..=MOST).contains(&first) {
            return Err(Error::invalid(Violation::new("first", "range", "must be between 1 and 500", "必须在1到500之间")).into());
        }
        let kinds = types.map(|types| types.into_iter().map(Into::into).collect());
        let asked = Asked { since, kinds, most: u64::try_from(first).unwrap_or_default() };
        Ok(next(ctx.scoped()?, &ctx.given::<Secrets>()?.copies, asked).await?.into())
    }
}
