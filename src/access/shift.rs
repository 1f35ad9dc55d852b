//! What a change of tree, policy or posts does to somebody's rights: the viewer before beside the viewer after, unit by unit.

use std::collections::BTreeMap;

use entity::{UnitId, UserId};

use super::visible::Place;
use super::{Action, Level, OrgTree, Resource, Viewer};

/// Somebody whose rights a change touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shifted {
    /// Who.
    pub user: UserId,
    /// The name that others see.
    pub name: String,
    /// What changes.
    pub shifts: Vec<Shift>,
}

/// One action at some units, before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// What it is done to.
    pub resource: Resource,
    /// What is done.
    pub action: Action,
    /// To the user's own rows alone, rather than to all.
    pub own: bool,
    /// The level before; none: not at all.
    pub before: Option<Level>,
    /// The level after; none: not at all.
    pub after: Option<Level>,
    /// Where.
    pub units: Vec<UnitId>,
}

/// The units that stand elsewhere, or work in another mode, in one tree than in the other.
pub fn units_that_differ(before: &OrgTree, after: &OrgTree) -> Vec<UnitId> {
    let line = |tree: &OrgTree, unit| tree.line(unit).map(|above| above.id).collect::<Vec<_>>();
    let differs = |unit: &UnitId| line(before, *unit) != line(after, *unit) || before.mode(*unit) != after.mode(*unit);
    let mut units: Vec<UnitId> = before.ids().chain(after.ids()).collect();
    units.sort_unstable();
    units.dedup();
    units.retain(differs);
    units
}

impl Viewer {
    /// What is different in `after`. `moved` are the units that stand elsewhere by then.
    pub fn shifts(&self, after: &Viewer, moved: &[UnitId]) -> Vec<Shift> {
        let mut found: BTreeMap<_, Vec<UnitId>> = BTreeMap::new();
        for resource in Resource::EVERY {
            for action in Action::EVERY {
                let same = self.arms(*resource, *action) == after.arms(*resource, *action);
                let mut units: Vec<UnitId> = if same { moved.to_vec() } else { self.tree().ids().chain(after.tree().ids()).collect() };
                units.sort_unstable();
                units.dedup();
                for unit in units {
                    let level = |viewer: &Viewer, owner| viewer.level_at(*resource, *action, Place { unit, owner });
                    let anybodys = (level(self, None), level(after, None));
                    let mine = (level(self, self.user_id()), level(after, self.user_id()));
                    if anybodys.0 != anybodys.1 {
                        found.entry((*resource, *action, false, anybodys)).or_default().push(unit);
                    }
                    if mine.0 != mine.1 && mine != anybodys {
                        found.entry((*resource, *action, true, mine)).or_default().push(unit);
                    }
                }
            }
        }
        let shift = |((resource, action, own, (before, after)), units)| Shift { resource, action, own, before, after, units };
        found.into_iter().map(shift).collect()
    }
}
