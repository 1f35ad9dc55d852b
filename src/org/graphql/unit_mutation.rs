//! Writing units, and looking at what it would do to whom.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use entity::{DueWorkId, UnitId};
use time::OffsetDateTime;

use super::planned_move::PlannedMove;
use super::preview::RightsPreview;
use super::unit::OrgUnit;
use crate::access::Permits;
use crate::access::action::OrganisationAdminister;
use crate::error::Error;
use crate::graphql::context::{Ask, rights_changed};
use crate::graphql::id::from_global;
use crate::graphql::limits::words::Rehearsal;
use crate::graphql::patch::patch;
use crate::graphql::words::{BusinessMode, UnitKind};
use crate::org::units::moving::Move;
use crate::org::units::{NewUnit, UnitDraft, Units};

/// A unit to be.
#[derive(InputObject)]
pub struct CreateOrgUnitInput {
    /// The unit above. You need the right to administer it.
    parent_id: ID,
    /// The code, unique in the group: a letter or digit, then letters, digits, - _ and ., at most 64.
    code: String,
    /// The name, at most 200 characters.
    name: String,
    /// What it is: regions and branches stand under HQ and regions, sites under branches.
    kind: UnitKind,
    /// How it works with others; omitted or null: as the units above do.
    business_mode: Option<BusinessMode>,
}

/// What changes of a unit. An omitted field stays as it is.
#[derive(InputObject)]
pub struct UpdateOrgUnitInput {
    /// The unit. You need the right to administer the unit above it.
    id: ID,
    /// The version that you have seen: CONFLICT where the unit has changed since.
    expected_version: Option<i64>,
    /// The name, at most 200 characters.
    name: MaybeUndefined<String>,
    /// How it works with others; null: as the units above do. `previewBusinessMode` tells what that shows to whom.
    business_mode: MaybeUndefined<BusinessMode>,
}

/// Which unit.
#[derive(InputObject)]
pub struct ArchiveOrgUnitInput {
    /// The unit. You need the right to administer the unit above it.
    id: ID,
    /// The version that you have seen: CONFLICT where the unit has changed since.
    expected_version: Option<i64>,
}

/// Which unit goes where, and when.
#[derive(InputObject)]
pub struct MoveOrgUnitInput {
    /// The unit. You need the right to administer the unit above it.
    id: ID,
    /// The new unit above. You need the right to administer that too.
    parent_id: ID,
    /// When, a moment ahead; omitted or null: now.
    at: Option<OffsetDateTime>,
    /// The version that you have seen: CONFLICT where the unit has changed since.
    expected_version: Option<i64>,
}

/// Which planned move.
#[derive(InputObject)]
pub struct CancelPlannedMoveInput {
    /// The planned move. You need the rights that the move itself takes.
    id: ID,
}

/// What became of the unit.
#[derive(SimpleObject)]
pub struct OrgUnitPayload {
    /// The unit as it stands and you see it; null where it is out of your sight now.
    org_unit: Option<OrgUnit>,
}

/// What became of the unit, or will.
#[derive(SimpleObject)]
pub struct MoveOrgUnitPayload {
    /// The unit as it stands and you see it; null where it is out of your sight now.
    org_unit: Option<OrgUnit>,
    /// The move, where it was planned for a moment ahead.
    planned_move: Option<PlannedMove>,
}

/// What became of the planned move.
#[derive(SimpleObject)]
pub struct PlannedMovePayload {
    /// The planned move as it stands.
    planned_move: Option<PlannedMove>,
}

/// The use cases, for whoever administers something.
fn units<'a>(ctx: &Context<'a>) -> Result<Units<'a>, Error> {
    let scoped = ctx.scoped()?;
    scoped.viewer().permit::<OrganisationAdminister>()?;
    Ok(Units { scoped })
}

async fn changed(ctx: &Context<'_>, id: UnitId) -> Result<OrgUnitPayload> {
    rights_changed(ctx).await?;
    Ok(OrgUnitPayload { org_unit: OrgUnit::load(ctx, id).await? })
}

/// Writing units.
#[derive(Default)]
pub struct OrgUnitMutation;

#[Object]
impl OrgUnitMutation {
    /// Adds a unit.
    async fn create_org_unit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The unit to be.")] input: CreateOrgUnitInput,
    ) -> Result<OrgUnitPayload> {
        let units = units(ctx)?;
        let parent = from_global(&input.parent_id, "input.parentId")?;
        let mode = input.business_mode.map(Into::into);
        let new = NewUnit { code: input.code, name: input.name, kind: input.kind.into(), business_mode: mode };
        changed(ctx, units.create(parent, new).await?).await
    }

    /// Renames a unit, or changes how it works with others.
    async fn update_org_unit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateOrgUnitInput,
    ) -> Result<OrgUnitPayload> {
        let units = units(ctx)?;
        let id = from_global(&input.id, "input.id")?;
        let draft = UnitDraft { name: patch(input.name), business_mode: patch(input.business_mode).map(Into::into) };
        units.update(id, draft, input.expected_version).await?;
        changed(ctx, id).await
    }

    /// Takes a unit out of lists; by id it stays, with `archivedAt`, and nothing new goes there. CONFLICT while it has units, posts or
    /// customers left.
    async fn archive_org_unit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which unit.")] input: ArchiveOrgUnitInput,
    ) -> Result<OrgUnitPayload> {
        let units = units(ctx)?;
        let id = from_global(&input.id, "input.id")?;
        units.set_archived(id, true, input.expected_version).await?;
        changed(ctx, id).await
    }

    /// Brings an archived unit back.
    async fn restore_org_unit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which unit.")] input: ArchiveOrgUnitInput,
    ) -> Result<OrgUnitPayload> {
        let units = units(ctx)?;
        let id = from_global(&input.id, "input.id")?;
        units.set_archived(id, false, input.expected_version).await?;
        changed(ctx, id).await
    }

    /// Moves a unit with all below it under a new parent, now or at a moment ahead. Rights follow the new tree from that moment on.
    async fn move_org_unit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which unit goes where, and when.")] input: MoveOrgUnitInput,
    ) -> Result<MoveOrgUnitPayload> {
        let units = units(ctx)?;
        let unit = from_global(&input.id, "input.id")?;
        let parent = from_global(&input.parent_id, "input.parentId")?;
        let to = Move { unit, parent, expected_version: input.expected_version };
        let planned = match input.at {
            Some(at) => Some(units.plan(to, at.into()).await?),
            None => {
                units.relocate(to).await?;
                rights_changed(ctx).await?;
                None
            }
        };
        let planned_move = match planned {
            Some(id) => PlannedMove::load(ctx, id).await?,
            None => None,
        };
        Ok(MoveOrgUnitPayload { org_unit: OrgUnit::load(ctx, unit).await?, planned_move })
    }

    /// Takes back a planned move before its moment.
    async fn cancel_planned_move(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which planned move.")] input: CancelPlannedMoveInput,
    ) -> Result<PlannedMovePayload> {
        let units = units(ctx)?;
        let id: DueWorkId = from_global(&input.id, "input.id")?;
        units.cancel(id).await?;
        Ok(PlannedMovePayload { planned_move: PlannedMove::load(ctx, id).await? })
    }
}

/// Looking at what a change of units would do to whom.
#[derive(Default)]
pub struct UnitPreviewQuery;

#[Object]
impl UnitPreviewQuery {
    /// What another business mode of a unit would show or hide, to whom. Takes the rights of the change itself, and changes nothing.
    #[graphql(directive = Rehearsal::apply())]
    async fn preview_business_mode(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The unit.")] id: ID,
        #[graphql(desc = "The mode; omitted or null: as the units above work.")] business_mode: Option<BusinessMode>,
    ) -> Result<RightsPreview> {
        let units = units(ctx)?;
        let shifted = units.preview_mode(from_global(&id, "id")?, business_mode.map(Into::into)).await?;
        Ok(RightsPreview::new(units.scoped, shifted))
    }

    /// What moving a unit would show or hide, to whom. Takes the rights of the move itself, and changes nothing.
    #[graphql(directive = Rehearsal::apply())]
    async fn preview_move(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The unit.")] id: ID,
        #[graphql(desc = "The new unit above.")] parent_id: ID,
    ) -> Result<RightsPreview> {
        let units = units(ctx)?;
        let to = Move { unit: from_global(&id, "id")?, parent: from_global(&parent_id, "parentId")?, expected_version: None };
        Ok(RightsPreview::new(units.scoped, units.preview_move(to).await?))
    }
}
