//! Why a viewer may do something, or why not: the arms of the action, each with the post, the grant or the rule that it comes from, and the
//! posts that deny it.

use entity::UnitId;

use super::viewer::decided_by;
use super::visible::Place;
use super::{Action, ActivePost, Arm, HeldPost, Lender, Level, Origin, Reach, Resource, Viewer};

/// Where an arm comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A grant of the role of a post of one's own.
    Post,
    /// A grant of the role of a post held for somebody absent.
    Acting,
    /// A grant of the role of somebody else's post, lent.
    Delegation,
    /// What every holder of a post sees: its own line and subtree of units, colleagues.
    Standing,
    /// The operator of the machine.
    System,
}

/// One way to do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where it comes from.
    pub source: Source,
    /// The post, lent or one's own; none for what comes from no post.
    pub post: Option<HeldPost>,
    /// Whose rights are used: an absent holder's, a delegator's.
    pub lender: Option<Lender>,
    /// The reach of the grant; none for what is no grant.
    pub reach: Option<Reach>,
    /// How clearly.
    pub level: Level,
    /// To cards outside the post's subtree, by the business mode.
    pub sideways: bool,
    /// Only rows that one user owns.
    pub own_rows: bool,
    /// Does it reach the record that was asked about?
    pub reaches: bool,
}

/// Why, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// May it be done to the record?
    pub allowed: bool,
    /// How clearly the record is seen; none: not at all.
    pub level: Option<Level>,
    /// Every way to do it to anything at all.
    pub ways: Vec<Way>,
    /// The posts that take the action away from all ways.
    pub denied_by: Vec<ActivePost>,
}

impl Viewer {
    /// Why this may be done to a record at `place`, or why not. None: a record that is not seen, which is told of as one that never was.
    pub fn explain(&self, resource: Resource, action: Action, place: Option<Place>) -> Explanation {
        let (by, floor) = decided_by(resource, action);
        let reaches = |arm: &Arm| place.is_some_and(|place| arm.level >= floor && arm.reaches(self.tree(), place.unit, place.owner));
        let ways: Vec<Way> = self.arms(by, action).iter().map(|arm| self.way(arm, reaches(arm))).collect();
        let denied_by = self.posts().iter().filter(|post| self.table().denies(&post.held.role, by, action)).cloned().collect();
        let allowed = ways.iter().any(|way| way.reaches);
        let level = ways.iter().filter(|way| way.reaches).map(|way| way.level).max();
        Explanation { allowed, level, ways, denied_by }
    }

    fn way(&self, arm: &Arm, reaches: bool) -> Way {
        let (source, post, reach) = match &arm.origin {
            Origin::Post { post, reach } => {
                let held = self.posts().iter().find(|held| held.held.id == *post).map(|held| held.held.clone());
                let acting = held.as_ref().is_some_and(|held| held.acting_for.is_some());
                (if acting { Source::Acting } else { Source::Post }, held, Some(*reach))
            }
            Origin::Delegation { delegation, reach } => {
                let lent = self.delegations().iter().find(|lent| lent.id == *delegation);
                (Source::Delegation, lent.map(|lent| lent.post.clone()), Some(*reach))
            }
            Origin::Standing => (Source::Standing, None, None),
            Origin::System => (Source::System, None, None),
        };
        let outside = |unit: UnitId| !arm.area.contains(self.tree(), unit);
        Way {
            sideways: post.as_ref().is_some_and(|post| outside(post.unit)),
            lender: self.lender_of(&arm.origin).cloned(),
            own_rows: arm.owner.is_some(),
            level: arm.level,
            source,
            post,
            reach,
            reaches,
        }
    }
}
