//! A viewer: who asks, and what its posts come to.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use entity::org_unit::BusinessMode;
use entity::{PostId, Timestamp, UnitId, UserId};

use super::arm::{Area, Arm, Origin};
use super::policy::{Grant, GrantTable};
use super::{Action, Level, OrgTree, Reach, Resource};

/// Who a viewer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Somebody who signed in.
    User {
        /// The user.
        id: UserId,
        /// The name that others see.
        name: String,
        /// The name for signing in.
        username: String,
    },
    /// The system itself, or the operator of the machine; the reason goes into the audit.
    System {
        /// Why it acts.
        reason: &'static str,
    },
}

/// A post as it is stored, active or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPost {
    /// The post.
    pub id: PostId,
    /// A role's code.
    pub role: String,
    /// Where.
    pub unit: UnitId,
    /// Its first moment.
    pub valid_from: Timestamp,
    /// The first moment without it; none: open.
    pub valid_to: Option<Timestamp>,
}

impl HeldPost {
    fn is_active(&self, now: Timestamp) -> bool {
        self.valid_from <= now && self.valid_to.is_none_or(|end| now < end)
    }
}

/// A post that counts now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivePost {
    /// The post.
    pub held: HeldPost,
    /// The role's title.
    pub title: String,
}

/// Who asks, with the compiled arms of all its posts.
#[derive(Debug)]
pub struct Viewer {
    who: Who,
    posts: Vec<ActivePost>,
    arms: HashMap<(Resource, Action), Vec<Arm>>,
    tree: Arc<OrgTree>,
    table: Arc<GrantTable>,
    valid_until: Option<Timestamp>,
}

impl Viewer {
    /// Compiles what `posts` come to at `now`. A deny in any active post takes its action away from all arms.
    pub fn new(who: Who, posts: Vec<HeldPost>, table: &Arc<GrantTable>, tree: &Arc<OrgTree>, now: Timestamp) -> Self {
        let valid_until = posts.iter().flat_map(|post| [Some(post.valid_from), post.valid_to]).flatten().filter(|at| *at > now).min();
        let posts: Vec<ActivePost> = posts
            .into_iter()
            .filter(|post| post.is_active(now) && tree.unit(post.unit).is_some())
            .filter_map(|held| Some(ActivePost { title: table.title(&held.role)?.to_owned(), held }))
            .collect();
        let mut viewer = Self { who, posts, arms: HashMap::new(), tree: tree.clone(), table: table.clone(), valid_until };
        for post in &viewer.posts {
            for ((resource, action), grant) in table.all_grants(&post.held.role) {
                if viewer.posts.iter().any(|any| table.denies(&any.held.role, resource, action)) {
                    continue;
                }
                let arms = viewer.arms.entry((resource, action)).or_default();
                arms.extend(viewer.who.user_id().into_iter().flat_map(|user| grant_arms(user, &post.held, resource, action, grant, tree)));
            }
        }
        viewer.arms.retain(|_, arms| !arms.is_empty());
        viewer.add_standing_sight();
        viewer
    }

    /// The system, or the operator of the machine: everything, for a reason that the audit keeps.
    pub fn system(reason: &'static str, table: &Arc<GrantTable>, tree: &Arc<OrgTree>) -> Self {
        let whole = || vec![Arm { area: Area::Group, owner: None, level: Level::Full, origin: Origin::System }];
        let pairs = Resource::EVERY.iter().flat_map(|resource| Action::EVERY.iter().map(|action| (*resource, *action)));
        Self {
            who: Who::System { reason },
            posts: Vec::new(),
            arms: pairs.map(|pair| (pair, whole())).collect(),
            tree: tree.clone(),
            table: table.clone(),
            valid_until: None,
        }
    }

    /// Everyone sees its own line and subtree of units, the users below, and the cards of units whose customers' cards it sees sideways.
    fn add_standing_sight(&mut self) {
        let mut units = Vec::new();
        let mut users = Vec::new();
        for post in &self.posts {
            let below = |level| Arm { area: Area::subtree(&self.tree, post.held.unit), owner: None, level, origin: Origin::Standing };
            let line: BTreeSet<UnitId> = self.tree.line(post.held.unit).map(|unit| unit.id).collect();
            units.push(below(Level::Full));
            units.push(Arm { area: Area::Units(line.into_iter().collect()), ..below(Level::Full) });
            users.push(below(Level::Card));
        }
        let sideways = self.arms(Resource::Customer, Action::Read).iter().filter(|arm| arm.owner.is_none() && arm.level == Level::Card);
        units.extend(sideways.map(|arm| Arm { origin: Origin::Standing, ..arm.clone() }));
        if !self.posts.is_empty() {
            self.arms.insert((Resource::Organisation, Action::Read), units);
            self.arms.insert((Resource::User, Action::Read), users);
        }
    }

    /// Who it is.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// The user; none: the system.
    pub fn user_id(&self) -> Option<UserId> {
        self.who.user_id()
    }

    /// The posts that count now.
    pub fn posts(&self) -> &[ActivePost] {
        &self.posts
    }

    /// The arms of an action; empty: nowhere.
    pub fn arms(&self, resource: Resource, action: Action) -> &[Arm] {
        self.arms.get(&(resource, action)).map_or(&[], Vec::as_slice)
    }

    /// May it do this anywhere at all?
    pub fn can(&self, resource: Resource, action: Action) -> bool {
        let decided_by = match (resource, action) {
            (Resource::Contact, Action::Read) => {
                return self.arms(Resource::Customer, Action::Read).iter().any(|arm| arm.level >= Level::Basic);
            }
            pair => pair,
        };
        !self.arms(decided_by.0, decided_by.1).is_empty()
    }

    /// The tree that it was compiled against.
    pub fn tree(&self) -> &OrgTree {
        &self.tree
    }

    /// The roles that it was compiled against.
    pub fn table(&self) -> &GrantTable {
        &self.table
    }

    /// The moment from which it must be compiled anew; none: until something changes.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }
}

impl Who {
    fn user_id(&self) -> Option<UserId> {
        match self {
            Who::User { id, .. } => Some(*id),
            Who::System { .. } => None,
        }
    }
}

/// The arms of one grant of one post: what lies in the post's subtree, and for reading customers what the business mode shows sideways.
fn grant_arms(user: UserId, post: &HeldPost, resource: Resource, action: Action, grant: Grant, tree: &OrgTree) -> Vec<Arm> {
    let arm = |area, owner, level| Arm { area, owner, level, origin: Origin::Post { post: post.id, reach: grant.reach } };
    let below = || Area::subtree(tree, post.unit);
    let mut arms = match grant.reach {
        Reach::Own => vec![arm(below(), Some(user), grant.level)],
        Reach::Unit => vec![arm(Area::Units([post.unit].into()), None, grant.level)],
        Reach::Subtree | Reach::Region | Reach::Group => vec![arm(below(), None, grant.level)],
    };
    if (resource, action) == (Resource::Customer, Action::Read)
        && let Some(area) = sideways(post.unit, grant.reach, tree)
    {
        arms.push(arm(area, None, Level::Card));
    }
    arms
}

/// What a reach shows outside the post's subtree: units whose mode is CENTRALISED and comes from the same unit.
fn sideways(unit: UnitId, reach: Reach, tree: &OrgTree) -> Option<Area> {
    let edge = match reach {
        Reach::Region => tree.region(unit)?,
        Reach::Group => tree.root()?,
        Reach::Own | Reach::Unit | Reach::Subtree => return None,
    };
    let (BusinessMode::Centralised, Some(setter)) = tree.mode(unit) else { return None };
    if setter == unit || edge == unit {
        return None;
    }
    // Both stand on the line above the unit: the lower one bounds what is seen.
    let from = if tree.is_under(edge, setter) { edge } else { setter };
    let mut except = tree.modes_set_below(from);
    except.push(unit);
    Some(Area::cut_out(tree, from, except))
}
