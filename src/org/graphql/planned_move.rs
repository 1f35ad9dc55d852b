//! Moves of units that are planned for a moment ahead, and what became of those that were.

use async_graphql::{Context, Enum, ID, Object, Result};
use entity::{DueWorkId, UserId, due_work};
use time::OffsetDateTime;

use super::unit::OrgUnit;
use super::user::User;
use crate::access::Permits;
use crate::access::action::OrganisationAdminister;
use crate::db::Row;
use crate::graphql::connection::connection;
use crate::graphql::context::Ask;
use crate::graphql::id::{from_global, to_global};
use crate::graphql::limits::words::Paged;
use crate::graphql::listing::page;
use crate::graphql::page::{PageArgs, Paging};
use crate::org::repo;
use crate::org::units::moving::{CANCELLED, DONE, REFUSED, parent_of};

/// A move of a unit that is planned for a moment ahead, or was.
pub struct PlannedMove(Row<due_work::Entity>);

connection!(PlannedMoveConnection, PlannedMoveEdge, PlannedMove, "planned moves");

/// What became of a planned move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum MoveOutcome {
    /// Done at its moment.
    Done,
    /// Refused at its moment: whoever planned it no longer had the right, or the unit could no longer stand there.
    Refused,
    /// Taken back before its moment.
    Cancelled,
}

impl PlannedMove {
    /// The planned move of this id; none where the caller administers nothing above its unit.
    pub async fn load(ctx: &Context<'_>, id: DueWorkId) -> Result<Option<Self>> {
        Ok(repo::planned_move(ctx.scoped()?, id).await?.map(Self))
    }
}

/// A move of a unit that is planned for a moment ahead, or was.
#[Object]
impl PlannedMove {
    /// The global id.
    async fn id(&self) -> ID {
        to_global(self.0.model.id)
    }

    /// The unit that moves.
    async fn org_unit(&self, ctx: &Context<'_>) -> Result<Option<OrgUnit>> {
        match self.0.model.unit_id {
            Some(unit) => OrgUnit::load(ctx, unit).await,
            None => Ok(None),
        }
    }

    /// The new unit above; null where you do not see it.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<OrgUnit>> {
        match parent_of(&self.0.model) {
            Some(parent) => OrgUnit::load(ctx, parent).await,
            None => Ok(None),
        }
    }

    /// When.
    async fn at(&self) -> OffsetDateTime {
        self.0.model.due_at.into()
    }

    /// Who planned it, and with whose rights it is done; null where you do not see the user, and for the operator of the machine.
    async fn planned_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let planner: Option<UserId> = self.0.model.planned_by;
        match planner {
            Some(planner) => User::load(ctx, planner).await,
            None => Ok(None),
        }
    }

    /// When it was planned.
    async fn planned_at(&self) -> OffsetDateTime {
        self.0.model.created_at.into()
    }

    /// What became of it; null: it lies ahead.
    async fn outcome(&self) -> Option<MoveOutcome> {
        match self.0.model.outcome.as_deref()? {
            DONE => Some(MoveOutcome::Done),
            REFUSED => Some(MoveOutcome::Refused),
            CANCELLED => Some(MoveOutcome::Cancelled),
            _ => None,
        }
    }

    /// When that was; null: it lies ahead.
    async fn done_at(&self) -> Option<OffsetDateTime> {
        self.0.model.done_at.map(Into::into)
    }
}

/// Reading planned moves.
#[derive(Default)]
pub struct PlannedMoveQuery;

#[Object]
impl PlannedMoveQuery {
    /// The planned moves of units under what you administer, by their moment: those ahead, and what became of the others.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    #[graphql(directive = Paged::apply())]
    async fn planned_moves(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this unit alone.")] org_unit_id: Option<ID>,
        #[graphql(desc = "true: only those that lie ahead; false: only those that are done with.")] pending: Option<bool>,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<PlannedMoveConnection> {
        let scoped = ctx.scoped()?;
        scoped.viewer().permit::<OrganisationAdminister>()?;
        let paging = Paging::try_new(ctx, PageArgs { first, after, last, before }, None)?;
        let unit = org_unit_id.map(|unit| from_global(&unit, "orgUnitId")).transpose()?;
        let query = repo::planned_moves(scoped, unit, pending);
        Ok(PlannedMoveConnection(page(query, &repo::by_moment(false), &paging, PlannedMove).await?))
    }
}
