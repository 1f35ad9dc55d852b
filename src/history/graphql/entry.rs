//! Histories: what was done to one record, for whoever sees it.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use entity::UserId;
use futures::future::BoxFuture;
use time::OffsetDateTime;
use uuid::Uuid;

use super::change::{FieldChange, told};
use crate::access::{FieldClass, Level};
use crate::audit::RecordType;
use crate::db::{Chapter, History, PageOf, newest_first};
use crate::graphql::connection::{Listing, connection};
use crate::graphql::context::Ask;
use crate::graphql::id::to_global;
use crate::graphql::limits::words::About;
use crate::graphql::loader::Loader;
use crate::graphql::page::{PageArgs, Paging};
use crate::history::repo::AuditRow;
use crate::org::graphql::User;

/// Parts of histories.
pub type Chapters = Loader<Chapter, Arc<PageOf<AuditRow>>>;
/// How many entries histories have.
pub type Lengths = Arc<Loader<History, u64>>;
/// The histories of users whom the viewer administers.
pub type UserHistories = Loader<UserId, History>;

/// Something that was done to a record.
pub struct HistoryEntry(AuditRow);

connection!(HistoryConnection, HistoryEdge, HistoryEntry, "entries of a history");

/// A page of a history; none where the viewer may not read it. `parent` is the record.
pub async fn history_of(ctx: &Context<'_>, parent: Uuid, history: Option<History>, args: PageArgs) -> Result<Option<HistoryConnection>> {
    let paging = Paging::try_new(ctx, args, Some(parent))?;
    let Some(history) = history else { return Ok(None) };
    let page = ctx.given::<Chapters>()?.load((history, paging.slice.clone())).await?;
    let page = page.map_or(PageOf { rows: Vec::new(), more: false }, Arc::unwrap_or_clone);
    let lengths = ctx.given::<Lengths>()?.clone();
    let count = Box::new(move || -> BoxFuture<'static, _> {
        let lengths = lengths.clone();
        Box::pin(async move { Ok(lengths.load(history).await?.unwrap_or_default()) })
    });
    Ok(Some(HistoryConnection(Listing::new(page, &newest_first(), &paging, HistoryEntry, count))))
}

/// The name of who did something: as it was then, else as it is now where the viewer sees the user.
pub async fn actor_name(ctx: &Context<'_>, row: &AuditRow) -> Result<Option<String>> {
    match &row.model.actor_name {
        Some(name) => Ok(Some(name.clone())),
        None => Ok(actor(ctx, row).await?.map(|User(user)| user.model.name)),
    }
}

/// Who did something, where the viewer sees the user.
pub async fn actor(ctx: &Context<'_>, row: &AuditRow) -> Result<Option<User>> {
    match row.model.actor_id {
        Some(actor) => User::load(ctx, actor).await,
        None => Ok(None),
    }
}

/// Why something was done, for somebody who sees the record at `level` today: what a user gave as the reason is a note on the record.
pub fn reason(row: &AuditRow, level: Option<Level>) -> Option<&str> {
    let is_open = row.model.actor_id.is_none() || level.is_some_and(|level| FieldClass::Note.opens(level));
    row.model.reason.as_deref().filter(|_| is_open)
}

/// Something that was done to a record. Who, when and what everybody sees who sees the record; of the changes, those of fields that you see.
#[Object]
impl HistoryEntry {
    /// The entry's id.
    async fn id(&self) -> ID {
        to_global(self.0.model.id)
    }

    /// When it was done.
    async fn at(&self) -> OffsetDateTime {
        self.0.model.at.into()
    }

    /// What was done: resource and action, as in "customer:update".
    async fn action(&self) -> &str {
        &self.0.model.action
    }

    /// The name of who did it, as it was then; null: the system, or the operator of the machine.
    async fn actor_name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        actor_name(ctx, &self.0).await
    }

    /// Who did it; null where you do not see the user.
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        actor(ctx, &self.0).await
    }

    /// The name of the user whose rights were used: who delegated them, or is stood in for. Null: the actor's own.
    async fn on_behalf_of(&self) -> Option<&str> {
        self.0.model.behalf_of_name.as_deref()
    }

    /// Why: what the system gives as its reason, or what a user gave. A user's reason from FULL; null below.
    async fn reason(&self) -> Option<&str> {
        reason(&self.0, Some(self.0.level))
    }

    /// What became of the fields that you see, by name. Empty where it is only about others.
    #[graphql(directive = About::apply(10))]
    async fn changes(&self, ctx: &Context<'_>) -> Result<Vec<FieldChange>> {
        match RecordType::from_word(&self.0.model.record_type) {
            Some(kind) => told(ctx, kind, self.0.level, &self.0.model.changes).await,
            None => Ok(Vec::new()),
        }
    }
}
