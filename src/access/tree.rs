//! The organisation tree as of one moment, in memory: what viewers are compiled against.

use std::collections::HashMap;

use entity::UnitId;
use entity::org_unit::BusinessMode;

/// What the tree knows of a unit.
#[derive(Clone, Debug)]
pub struct TreeUnit {
    /// The unit.
    pub id: UnitId,
    /// Its code, for logs and explanations.
    pub code: String,
    /// Null at HQ only.
    pub parent: Option<UnitId>,
    /// The topmost region at or above.
    pub region: Option<UnitId>,
    /// The mode that the unit sets itself.
    pub own_mode: Option<BusinessMode>,
}

/// All units, by id.
#[derive(Debug, Default)]
pub struct OrgTree {
    units: HashMap<UnitId, TreeUnit>,
    children: HashMap<UnitId, Vec<UnitId>>,
}

impl OrgTree {
    /// The tree of these units.
    pub fn new(units: impl IntoIterator<Item = TreeUnit>) -> Self {
        let mut tree = Self::default();
        for unit in units {
            if let Some(parent) = unit.parent {
                tree.children.entry(parent).or_default().push(unit.id);
            }
            tree.units.insert(unit.id, unit);
        }
        for below in tree.children.values_mut() {
            below.sort_unstable();
        }
        tree
    }

    /// What is known of a unit.
    pub fn unit(&self, id: UnitId) -> Option<&TreeUnit> {
        self.units.get(&id)
    }

    /// Every unit, in no order.
    pub fn ids(&self) -> impl Iterator<Item = UnitId> {
        self.units.keys().copied()
    }

    /// The unit and everything above it, nearest first.
    pub fn line(&self, id: UnitId) -> impl Iterator<Item = &TreeUnit> {
        let most = self.units.len();
        std::iter::successors(self.unit(id), |unit| unit.parent.and_then(|parent| self.unit(parent))).take(most)
    }

    /// Is `id` the unit `root`, or below it?
    pub fn is_under(&self, id: UnitId, root: UnitId) -> bool {
        self.line(id).any(|unit| unit.id == root)
    }

    /// Is it the root of the group?
    pub fn is_root(&self, id: UnitId) -> bool {
        self.unit(id).is_some_and(|unit| unit.parent.is_none())
    }

    /// The root of the group, if there is one.
    pub fn root(&self) -> Option<UnitId> {
        self.units.values().find(|unit| unit.parent.is_none()).map(|unit| unit.id)
    }

    /// The unit of this code.
    pub fn by_code(&self, code: &str) -> Option<UnitId> {
        self.units.values().find(|unit| unit.code == code).map(|unit| unit.id)
    }

    /// The topmost region at or above.
    pub fn region(&self, id: UnitId) -> Option<UnitId> {
        self.unit(id).and_then(|unit| unit.region)
    }

    /// The mode that holds at a unit, and the unit that sets it: its own or that of the nearest above, else DISTRIBUTED from nowhere.
    pub fn mode(&self, id: UnitId) -> (BusinessMode, Option<UnitId>) {
        self.line(id).find_map(|unit| unit.own_mode.map(|mode| (mode, Some(unit.id)))).unwrap_or((BusinessMode::Distributed, None))
    }

    /// The units at or above whose mode is SINGLE: what comes from elsewhere stops at each of them.
    pub fn borders(&self, id: UnitId) -> Vec<UnitId> {
        self.line(id).filter(|unit| unit.own_mode == Some(BusinessMode::Single)).map(|unit| unit.id).collect()
    }

    /// The units whose mode is SINGLE and at or below which none of these stands, sorted: what is lent to whoever stands there stops at
    /// each of them.
    pub fn closed_to(&self, standing: &[UnitId]) -> Vec<UnitId> {
        let single = self.units.values().filter(|unit| unit.own_mode == Some(BusinessMode::Single)).map(|unit| unit.id);
        let mut closed: Vec<UnitId> = single.filter(|unit| !standing.iter().any(|post| self.is_under(*post, *unit))).collect();
        closed.sort_unstable();
        closed
    }

    /// The unit and everything below it, leaving out the subtrees of `except`; sorted. Stops beyond `most` and gives none.
    pub fn subtree(&self, root: UnitId, except: &[UnitId], most: usize) -> Option<Vec<UnitId>> {
        let mut found = Vec::new();
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            if except.contains(&id) || !self.units.contains_key(&id) {
                continue;
            }
            if found.len() == most {
                return None;
            }
            found.push(id);
            open.extend(self.children.get(&id).into_iter().flatten());
        }
        found.sort_unstable();
        Some(found)
    }

    /// The topmost units below `root` that set a mode of their own.
    pub fn modes_set_below(&self, root: UnitId) -> Vec<UnitId> {
        let mut found = Vec::new();
        let mut open: Vec<UnitId> = self.children.get(&root).cloned().unwrap_or_default();
        while let Some(id) = open.pop() {
            if self.unit(id).is_some_and(|unit| unit.own_mode.is_some()) {
                found.push(id);
            } else {
                open.extend(self.children.get(&id).into_iter().flatten());
            }
        }
        found.sort_unstable();
        found
    }
}
