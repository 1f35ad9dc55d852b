//! Units. Your own line and subtree you see whole; of units whose cards you see sideways, code, name and kind.

use async_graphql::{Context, ID, Object, Result};
use entity::{UnitId, org_unit};
use time::OffsetDateTime;

use crate::access::action::OrganisationRead;
use crate::access::{Level, Permits};
use crate::customer::filter::{CustomerFilter, CustomerSort};
use crate::customer::graphql::{CustomerConnection, unit_customers};
use crate::db::Asked;
use crate::error::{Error, Violation};
use crate::graphql::connection::connection;
use crate::graphql::context::Ask;
use crate::graphql::id::{from_global, to_global};
use crate::graphql::limits::words::{About, Paged};
use crate::graphql::listing::{page, page_under};
use crate::graphql::loader::Loader;
use crate::graphql::nullable::or_null;
use crate::graphql::page::{PageArgs, Paging};
use crate::graphql::words::{BusinessMode, UnitKind};
use crate::history::graphql::{HistoryConnection, history_of};
use crate::org::filter::{OrgUnitFilter, OrgUnitSort, kept, order};
use crate::org::repo::{self, UnitRow};
use crate::text::looked_for;

/// A unit of the organisation.
pub struct OrgUnit(pub UnitRow);

connection!(OrgUnitConnection, OrgUnitEdge, OrgUnit, "units");

impl OrgUnit {
    /// The unit of this id; none where the caller sees no such unit.
    pub async fn load(ctx: &Context<'_>, id: UnitId) -> Result<Option<Self>> {
        ctx.scoped()?;
        Ok(ctx.given::<Loader<UnitId, UnitRow>>()?.load(id).await?.map(Self))
    }

    /// Beyond code, name and kind.
    fn is_whole(&self) -> bool {
        self.0.level == Level::Full
    }
}

/// A unit of the organisation. Your own line and subtree you see whole; of units whose cards you see sideways, code, name and kind.
#[Object]
impl OrgUnit {
    /// The global id.
    pub async fn id(&self) -> ID {
        to_global(self.0.model.id)
    }

    /// The code: unique in the group.
    async fn code(&self) -> &str {
        &self.0.model.code
    }

    /// The name.
    async fn name(&self) -> &str {
        &self.0.model.name
    }

    /// What it is.
    async fn kind(&self) -> UnitKind {
        self.0.model.kind.into()
    }

    /// The unit above; null at HQ, and for units outside your own line and subtree.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<OrgUnit>> {
        match self.0.model.parent_id.filter(|_| self.is_whole()) {
            Some(parent) => OrgUnit::load(ctx, parent).await,
            None => Ok(None),
        }
    }

    /// Everything above, HQ first, as far as you see it; null for units outside your own line and subtree.
    #[graphql(directive = About::apply(5))]
    async fn ancestors(&self, ctx: &Context<'_>) -> Result<Option<Vec<OrgUnit>>> {
        if !self.is_whole() {
            return Ok(None);
        }
        let tree = ctx.scoped()?.viewer().tree();
        let mut line: Vec<UnitId> = tree.line(self.0.model.id).skip(1).map(|unit| unit.id).collect();
        line.reverse();
        let units = futures::future::try_join_all(line.into_iter().map(|unit| OrgUnit::load(ctx, unit))).await?;
        Ok(Some(units.into_iter().flatten().collect()))
    }

    /// The units directly below in your own line and subtree, by code; null for units outside your own line and subtree.
    #[graphql(directive = Paged::apply())]
    async fn children(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "true: archived units as well; needs the right to administer, and shows those within it.")] archived: Option<bool>,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<Option<OrgUnitConnection>> {
        if !self.is_whole() {
            return Ok(None);
        }
        let scoped = ctx.scoped()?;
        let parent = self.0.model.id.0;
        let paging = Paging::try_new(ctx, PageArgs { first, after, last, before }, Some(parent))?;
        let kept = kept(scoped, archived, "archived")?;
        let asked = Asked {
            shape: paging.shape.clone(),
            // A unit that is seen only as a card does not tell where it stands.
            query: scoped.find().filter(kept.clone()).at_least(Level::Full),
            totals: scoped.sql().filter(kept).at_least(Level::Full),
            parent: org_unit::Column::ParentId,
            parent_of: |row: &org_unit::Model| row.parent_id.map_or(row.id.0, |parent| parent.0),
            order: order(None),
            slice: paging.slice.clone(),
        };
        Ok(Some(OrgUnitConnection(page_under(ctx, parent, asked, &paging, OrgUnit).await?)))
    }

    /// The mode set at this unit itself; null where it goes by the units above, and for units outside your own line and subtree.
    async fn business_mode(&self) -> Option<BusinessMode> {
        self.0.model.business_mode.filter(|_| self.is_whole()).map(Into::into)
    }

    /// When it was created; null for units outside your own line and subtree.
    async fn created_at(&self) -> Option<OffsetDateTime> {
        self.is_whole().then(|| self.0.model.created_at.into())
    }

    /// When it was last changed; null for units outside your own line and subtree.
    async fn updated_at(&self) -> Option<OffsetDateTime> {
        self.is_whole().then(|| self.0.model.updated_at.into())
    }

    /// Rises with every change: hand it in as `expectedVersion`. Null for units outside your own line and subtree.
    async fn version(&self) -> Option<i64> {
        self.is_whole().then_some(self.0.model.version)
    }

    /// When it was archived; null while it is in use, and for units outside your own line and subtree.
    async fn archived_at(&self) -> Option<OffsetDateTime> {
        self.0.model.archived_at.filter(|_| self.is_whole()).map(Into::into)
    }

    /// What was done to the unit, newest first; null for units outside your own line and subtree.
    #[graphql(directive = Paged::apply())]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<Option<HistoryConnection>> {
        history_of(ctx, self.0.model.id.0, self.0.history(), PageArgs { first, after, last, before }).await
    }

    /// The customers that this very unit serves and you see; for its whole subtree ask `customers(filter: {underUnit: ...})`. Null where
    /// you see no customers at all.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    #[graphql(directive = Paged::apply())]
    async fn customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which customers.")] filter: Option<CustomerFilter>,
        #[graphql(desc = "In which order; newest first.")] sort: Option<CustomerSort>,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<Option<CustomerConnection>> {
        let paging = Paging::try_new(ctx, PageArgs { first, after, last, before }, Some(self.0.model.id.0))?;
        unit_customers(ctx, self.0.model.id, filter, sort, paging).await
    }
}

async fn find(ctx: &Context<'_>, id: Option<ID>, code: Option<String>) -> Result<Option<OrgUnit>> {
    let scoped = ctx.scoped()?;
    scoped.viewer().permit::<OrganisationRead>()?;
    match (id, code) {
        (Some(id), None) => OrgUnit::load(ctx, from_global(&id, "id")?).await,
        (None, Some(code)) => {
            looked_for("code", &code)?;
            Ok(repo::unit_by_code(scoped, &code).await?.map(OrgUnit))
        }
        _ => Err(Error::invalid(Violation::new("id", "one_of", "give either id or code", "请提供id或code之一")).into()),
    }
}

/// Reading units.
#[derive(Default)]
pub struct OrgUnitQuery;

#[Object]
impl OrgUnitQuery {
    /// One unit, by id or by code. Null where you see no such unit.
    async fn org_unit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id.")] id: Option<ID>,
        #[graphql(desc = "The code, instead of the id.")] code: Option<String>,
    ) -> Option<OrgUnit> {
        or_null(ctx, find(ctx, id, code).await)
    }

    /// The units that you see, by code.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    #[graphql(directive = Paged::apply())]
    async fn org_units(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which units.")] filter: Option<OrgUnitFilter>,
        #[graphql(desc = "In which order; by code.")] sort: Option<OrgUnitSort>,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<OrgUnitConnection> {
        ctx.scoped()?.viewer().permit::<OrganisationRead>()?;
        let paging = Paging::try_new(ctx, PageArgs { first, after, last, before }, None)?;
        let query = ctx.scoped()?.find::<org_unit::Entity>().filter(filter.unwrap_or_default().condition(ctx.scoped()?)?);
        Ok(OrgUnitConnection(page(query, &order(sort), &paging, OrgUnit).await?))
    }
}
