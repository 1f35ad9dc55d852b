//! What a viewer may do and see, as one hash: the same for the same arms over the same units, on every instance.

use std::fmt::Write as _;

use entity::UnitId;
use sha2::{Digest, Sha256};

use super::{Action, Area, Arm, OrgTree, Resource, Viewer};

impl Viewer {
    /// A hash of all that it may do and see.
    pub fn rights(&self) -> [u8; 32] {
        self.hashed(Resource::EVERY.iter().flat_map(|resource| Action::EVERY.iter().map(|action| (*resource, *action))))
    }

    /// A hash of what it sees of a kind of records. It changes when a row may have come into sight, or gone, without being changed itself.
    pub fn sight_of(&self, resource: Resource) -> [u8; 32] {
        self.hashed([(resource, Action::Read)].into_iter())
    }

    fn hashed(&self, pairs: impl Iterator<Item = (Resource, Action)>) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (resource, action) in pairs {
            let mut arms: Vec<String> = self.arms(resource, action).iter().map(|arm| described(arm, self.tree())).collect();
            arms.sort_unstable();
            arms.dedup();
            hash.update(resource.word());
            hash.update(action.word());
            for arm in arms {
                hash.update(arm);
            }
        }
        hash.finalize().into()
    }
}

/// The same text for the same rows. Where a region or a subtree is meant, its units are named: they change when a unit is moved.
fn described(arm: &Arm, tree: &OrgTree) -> String {
    let mut text = format!("\n{} ", arm.level.word());
    if let Some(owner) = arm.owner {
        let _ = write!(text, "of {} ", owner.0);
    }
    let units: Vec<UnitId> = match &arm.area {
        Area::Group => {
            text.push_str("all");
            return text;
        }
        Area::Units(units) => units.to_vec(),
        area @ (Area::Region(_) | Area::Under { .. }) => {
            let mut units: Vec<UnitId> = tree.ids().filter(|unit| area.contains(tree, *unit)).collect();
            units.sort_unstable();
            units
        }
    };
    for unit in units {
        let _ = write!(text, "{},", unit.0.simple());
    }
    text
}
