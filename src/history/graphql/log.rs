//! The audit: what was done at the units that one audits.

use async_graphql::{Context, ID, Object, Result};
use entity::{ContactId, CustomerId, PostId, UnitId, UserId, audit, post};
use time::OffsetDateTime;

use super::change::{FieldChange, refused, told};
use super::entry::{UserHistories, actor, actor_name, reason};
use crate::access::action::AuditRead;
use crate::access::{Level, Permits};
use crate::audit::RecordType;
use crate::contact::graphql::Contact;
use crate::customer::graphql::Customer;
use crate::db::newest_first;
use crate::graphql::connection::connection;
use crate::graphql::context::Ask;
use crate::graphql::id::to_global;
use crate::graphql::limits::words::{About, Paged};
use crate::graphql::listing::page;
use crate::graphql::loader::Loader;
use crate::graphql::page::{PageArgs, Paging};
use crate::history::filter::{AuditFilter, AuditRecordType};
use crate::history::repo::AuditRow;
use crate::org::graphql::{OrgUnit, User};

/// Posts that the viewer administers.
pub type PostsAdministered = Loader<PostId, post::Model>;

/// Something that was done, as auditors see it.
pub struct AuditEntry(AuditRow);

connection!(AuditConnection, AuditEdge, AuditEntry, "audit rows");

impl AuditEntry {
    fn kind(&self) -> Option<RecordType> {
        RecordType::from_word(&self.0.model.record_type)
    }

    /// The record's id as clients see it, and how clearly the viewer sees the record today; none: not at all. To audit a unit is not to
    /// see its records.
    async fn record(&self, ctx: &Context<'_>) -> Result<Option<(ID, Level)>> {
        let id = self.0.model.record_id;
        Ok(match self.kind() {
            Some(RecordType::Customer) => {
                Customer::load(ctx, CustomerId(id)).await?.map(|Customer(row)| (to_global(row.model.id), row.level))
            }
            Some(RecordType::Contact) => Contact::load(ctx, ContactId(id)).await?.map(|Contact(row)| (to_global(row.model.id), row.level)),
            Some(RecordType::OrgUnit) => OrgUnit::load(ctx, UnitId(id)).await?.map(|OrgUnit(row)| (to_global(row.model.id), row.level)),
            Some(RecordType::User) => {
                let administered = async || ctx.given::<UserHistories>()?.load(UserId(id)).await;
                let (user, history) = futures::try_join!(User::load(ctx, UserId(id)), async { Ok(administered().await?) })?;
                user.map(|User(row)| (to_global(row.model.id), history.map_or(Level::Card, |history| history.level())))
            }
            Some(RecordType::Post) => {
                ctx.given::<PostsAdministered>()?.load(PostId(id)).await?.map(|post| (to_global(post.id), Level::Full))
            }
            _ => None,
        })
    }
}

/// Something that was done, as auditors see it: who, when, what and where; of the changes those that you would see on the record itself.
#[Object]
impl AuditEntry {
    /// The entry's id.
    async fn id(&self) -> ID {
        to_global(self.0.model.id)
    }

    /// When it was done.
    async fn at(&self) -> OffsetDateTime {
        self.0.model.at.into()
    }

    /// What was done: resource and action, as in "customer:update"; "request:denied" for what was refused.
    async fn action(&self) -> &str {
        &self.0.model.action
    }

    /// What it was done to; null for kinds of records that are no more.
    async fn record_type(&self) -> Option<AuditRecordType> {
        self.kind().map(Into::into)
    }

    /// The id of the record; null where you do not see the record.
    async fn record_id(&self, ctx: &Context<'_>) -> Result<Option<ID>> {
        Ok(self.record(ctx).await?.map(|(id, _)| id))
    }

    /// The unit that the record stood in then; where it stood in none, a unit of who did it.
    async fn unit(&self, ctx: &Context<'_>) -> Result<Option<OrgUnit>> {
        match self.0.model.unit_id {
            Some(unit) => OrgUnit::load(ctx, unit).await,
            None => Ok(None),
        }
    }

    /// The id of who did it, for `filter.actorId`; null: the system, or the operator of the machine.
    async fn actor_id(&self) -> Option<ID> {
        self.0.model.actor_id.map(to_global)
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

    /// Why: what the system gives as its reason, or what a user gave. A user's reason where you see the record at FULL; else null.
    async fn reason(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        let told = match self.0.model.reason {
            Some(_) => self.record(ctx).await?,
            None => None,
        };
        Ok(reason(&self.0, told.map(|(_, level)| level)))
    }

    /// What became of the fields that you see on the record today; empty where you do not see the record. Of a request: what was refused,
    /// by path and code.
    #[graphql(directive = About::apply(10))]
    async fn changes(&self, ctx: &Context<'_>) -> Result<Vec<FieldChange>> {
        let kept = &self.0.model.changes;
        match (self.kind(), self.record(ctx).await?) {
            (Some(RecordType::Request), _) => Ok(refused(kept)),
            (Some(kind), Some((_, level))) => told(ctx, kind, level, kept).await,
            _ => Ok(Vec::new()),
        }
    }
}

/// Reading the audit.
#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// What was done at the units that you audit, newest first.
    #[graphql(directive = Paged::apply())]
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which rows.")] filter: Option<AuditFilter>,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<AuditConnection> {
        let scoped = ctx.scoped()?;
        scoped.viewer().permit::<AuditRead>()?;
        let paging = Paging::try_new(ctx, PageArgs { first, after, last, before }, None)?;
        let query = scoped.find::<audit::Entity>().filter(filter.unwrap_or_default().condition(scoped)?);
        Ok(AuditConnection(page(query, &newest_first(), &paging, AuditEntry).await?))
    }
}
