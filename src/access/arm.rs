//! An arm: some rows, seen at a level, for a reason.

use std::sync::Arc;

use entity::{DelegationId, PostId, UnitId, UserId};

use super::{Level, OrgTree, Reach};

/// Up to so many units are named one by one (each gets its own ordered top N); beyond, the closure table is asked.
pub const MOST_UNITS: usize = 200;

/// Which units an arm covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Area {
    /// Every unit: no condition.
    Group,
    /// Exactly the subtree of one topmost region.
    Region(UnitId),
    /// These units, sorted, at most [`MOST_UNITS`].
    Units(Arc<[UnitId]>),
    /// Everything under `roots` that is not under `except`.
    Under {
        /// Where it begins.
        roots: Vec<UnitId>,
        /// What is cut out.
        except: Vec<UnitId>,
    },
}

impl Area {
    /// The unit and everything below it.
    pub fn subtree(tree: &OrgTree, unit: UnitId) -> Self {
        if tree.is_root(unit) {
            return Self::Group;
        }
        if tree.region(unit) == Some(unit) {
            return Self::Region(unit);
        }
        Self::cut_out(tree, unit, Vec::new())
    }

    /// What is under `root` and under none of `except`.
    pub fn cut_out(tree: &OrgTree, root: UnitId, except: Vec<UnitId>) -> Self {
        match tree.subtree(root, &except, MOST_UNITS) {
            Some(units) => Self::Units(units.into()),
            None => Self::Under { roots: vec![root], except },
        }
    }

    /// What is left of it without the subtrees of these units.
    pub fn without(self, tree: &OrgTree, cut: &[UnitId]) -> Self {
        let inside: Vec<UnitId> = cut.iter().copied().filter(|unit| self.contains(tree, *unit)).collect();
        match self {
            area if inside.is_empty() => area,
            Self::Group => tree.root().map_or(Self::Units([].into()), |root| Self::cut_out(tree, root, inside)),
            Self::Region(region) => Self::cut_out(tree, region, inside),
            Self::Units(units) => {
                Self::Units(units.iter().copied().filter(|unit| !inside.iter().any(|cut| tree.is_under(*unit, *cut))).collect())
            }
            Self::Under { roots, mut except } => {
                except.extend(inside);
                Self::Under { roots, except }
            }
        }
    }

    /// Does it hold this unit?
    pub fn contains(&self, tree: &OrgTree, unit: UnitId) -> bool {
        match self {
            Self::Group => true,
            Self::Region(region) => tree.region(unit) == Some(*region),
            Self::Units(units) => units.binary_search(&unit).is_ok(),
            Self::Under { roots, except } => {
                tree.line(unit).any(|above| roots.contains(&above.id)) && !tree.line(unit).any(|above| except.contains(&above.id))
            }
        }
    }

    /// Is every unit of `other` surely in it? May say no where the answer is yes: that costs time, never rows.
    fn covers(&self, tree: &OrgTree, other: &Self) -> bool {
        match (self, other) {
            (Self::Group, _) => true,
            (_, Self::Group) => false,
            (_, Self::Units(units)) => units.iter().all(|unit| self.contains(tree, *unit)),
            (Self::Region(mine), Self::Region(theirs)) => mine == theirs,
            (Self::Region(mine), Self::Under { roots, .. }) => roots.iter().all(|root| tree.region(*root) == Some(*mine)),
            (Self::Under { except, .. }, Self::Under { roots, .. }) if except.is_empty() => {
                roots.iter().all(|root| self.contains(tree, *root))
            }
            _ => self == other,
        }
    }
}

/// Why a viewer has an arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A grant of the role that this post holds.
    Post {
        /// The post.
        post: PostId,
        /// The reach of the grant.
        reach: Reach,
    },
    /// A grant of the role of somebody else's post, lent by a delegation.
    Delegation {
        /// The delegation.
        delegation: DelegationId,
        /// The reach of the grant.
        reach: Reach,
    },
    /// Sight that every holder of a post has: its own line and subtree.
    Standing,
    /// The system itself.
    System,
}

impl Origin {
    /// Do both come from the same post, or from the same delegation?
    pub fn is_of_one_source_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Post { post: one, .. }, Self::Post { post: other, .. }) => one == other,
            (Self::Delegation { delegation: one, .. }, Self::Delegation { delegation: other, .. }) => one == other,
            _ => false,
        }
    }
}

/// Some rows at a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// Rows of which units.
    pub area: Area,
    /// Only rows that this user owns.
    pub owner: Option<UserId>,
    /// How clearly.
    pub level: Level,
    /// Why.
    pub origin: Origin,
}

impl Arm {
    /// Does it reach a row of this unit and owner?
    pub fn reaches(&self, tree: &OrgTree, unit: UnitId, owner: Option<UserId>) -> bool {
        (self.owner.is_none() || self.owner == owner) && self.area.contains(tree, unit)
    }

    fn covers(&self, tree: &OrgTree, other: &Self) -> bool {
        (self.owner.is_none() || self.owner == other.owner) && self.area.covers(tree, &other.area)
    }

    /// The arms at `floor` or above that are needed to find the rows: what another covers is dropped, named units of one owner are joined.
    pub fn needed(arms: &[Self], tree: &OrgTree, floor: Level) -> Vec<Self> {
        let mut needed: Vec<Self> = Vec::new();
        for arm in arms.iter().filter(|arm| arm.level >= floor) {
            if needed.iter().any(|other| other.covers(tree, arm)) {
                continue;
            }
            needed.retain(|other| !arm.covers(tree, other));
            let partner = needed.iter_mut().find_map(|other| match (&mut other.area, &arm.area) {
                (Area::Units(mine), Area::Units(more)) if other.owner == arm.owner && mine.len() + more.len() <= MOST_UNITS => {
                    Some((mine, more))
                }
                _ => None,
            });
            match partner {
                Some((mine, more)) => {
                    let mut joined: Vec<UnitId> = mine.iter().chain(more.iter()).copied().collect();
                    joined.sort_unstable();
                    joined.dedup();
                    *mine = joined.into();
                }
                None => needed.push(arm.clone()),
            }
        }
        needed
    }
}
