//! What a change of rights would do to whom: the answer of every preview.

use async_graphql::{Context, Object, Result};
use entity::{UnitId, UserId};

use super::unit::OrgUnit;
use super::user::User;
use crate::access::visible::Place;
use crate::access::{self, Shift, Shifted};
use crate::db::Scoped;
use crate::graphql::context::Ask;
use crate::graphql::limits::words::About;
use crate::graphql::words::{Action, Resource, SightLevel};

/// Most users of a preview, and most units of one change.
const MOST: usize = 100;

/// Whose rights a change would touch, and how. Nothing has been changed.
pub struct RightsPreview {
    users: Vec<UserChanges>,
    total: usize,
}

/// What a change would do to the rights of one user.
pub struct UserChanges {
    user: UserId,
    changes: Vec<RightChange>,
}

/// One action on one kind of record at some units: before the change, and after it.
pub struct RightChange {
    shift: Shift,
    total: usize,
}

impl RightsPreview {
    /// As the caller may know it: units out of the caller's sight are left out, and so is what concerns no others.
    pub fn new(scoped: &Scoped, shifted: Vec<Shifted>) -> Self {
        let viewer = scoped.viewer();
        let is_seen = |unit: &UnitId| {
            let place = Place { unit: *unit, owner: None };
            viewer.level_at(access::Resource::Organisation, access::Action::Read, place).is_some()
        };
        let code = |unit: &UnitId| viewer.tree().unit(*unit).map(|known| known.code.clone());
        let change = |mut shift: Shift| {
            shift.units.retain(is_seen);
            shift.units.sort_by_cached_key(code);
            let total = shift.units.len();
            shift.units.truncate(MOST);
            (total > 0).then_some(RightChange { shift, total })
        };
        let of_user = |shifted: Shifted| {
            let changes: Vec<RightChange> = shifted.shifts.into_iter().filter_map(change).collect();
            (!changes.is_empty()).then_some(UserChanges { user: shifted.user, changes })
        };
        let mut users: Vec<UserChanges> = shifted.into_iter().filter_map(of_user).collect();
        let total = users.len();
        users.truncate(MOST);
        Self { users, total }
    }
}

/// Whose rights a change would touch, and how. Nothing has been changed.
#[Object]
impl RightsPreview {
    /// How many users it would touch, of those who hold a post where you administer.
    async fn user_total(&self) -> usize {
        self.total
    }

    /// These users, by name; the first 100 of them.
    #[graphql(directive = About::apply(100))]
    async fn users(&self) -> &[UserChanges] {
        &self.users
    }
}

/// What a change would do to the rights of one user.
#[Object]
impl UserChanges {
    /// Who; null where you do not see the user.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        User::load(ctx, self.user).await
    }

    /// What would be different.
    #[graphql(directive = About::apply(5))]
    async fn changes(&self) -> &[RightChange] {
        &self.changes
    }
}

/// One action on one kind of record at some units: before the change, and after it.
#[Object]
impl RightChange {
    /// What it is done to.
    async fn resource(&self) -> Resource {
        self.shift.resource.into()
    }

    /// What is done.
    async fn action(&self) -> Action {
        self.shift.action.into()
    }

    /// To the user's own rows alone, rather than to all.
    async fn own_rows(&self) -> bool {
        self.shift.own
    }

    /// The level before; null: not at all.
    async fn before(&self) -> Option<SightLevel> {
        self.shift.before.map(Into::into)
    }

    /// The level after; null: not at all.
    async fn after(&self) -> Option<SightLevel> {
        self.shift.after.map(Into::into)
    }

    /// At how many units, of those that you see.
    async fn unit_total(&self) -> usize {
        self.total
    }

    /// These units, by code; the first 100 of them.
    #[graphql(directive = About::apply(10))]
    async fn units(&self, ctx: &Context<'_>) -> Result<Vec<OrgUnit>> {
        ctx.scoped()?;
        let units = self.shift.units.iter().map(|unit| OrgUnit::load(ctx, *unit));
        Ok(futures::future::try_join_all(units).await?.into_iter().flatten().collect())
    }
}
