//! A viewer: who asks, and what its posts come to.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use entity::org_unit::BusinessMode;
use entity::{DelegationId, PostId, SessionId, Timestamp, UnitId, UserId};

use super::arm::{Area, Arm, Origin};
use super::delegated::{HeldDelegation, Lender};
use super::policy::{Grant, GrantTable};
use super::visible::Place;
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
    /// Who is absent, of an acting post: own rows are theirs.
    pub acting_for: Option<Lender>,
}

impl HeldPost {
    /// Does it count at `now`?
    pub fn is_active(&self, now: Timestamp) -> bool {
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

/// A delegation that counts now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveDelegation {
    /// The delegation.
    pub id: DelegationId,
    /// The delegator's post.
    pub post: HeldPost,
    /// Who lends.
    pub delegator: Lender,
}

/// Everything that a user's rights are compiled from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// All posts, past and future ones too.
    pub posts: Vec<HeldPost>,
    /// What others lend.
    pub delegations: Vec<HeldDelegation>,
}

/// Who asks, with the compiled arms of all its posts.
#[derive(Debug)]
pub struct Viewer {
    who: Who,
    session: Option<SessionId>,
    epoch: i64,
    posts: Vec<ActivePost>,
    delegations: Vec<ActiveDelegation>,
    lenders: Vec<UserId>,
    arms: HashMap<(Resource, Action), Vec<Arm>>,
    tree: Arc<OrgTree>,
    table: Arc<GrantTable>,
    valid_until: Option<Timestamp>,
}

impl Viewer {
    /// Compiles what `holding` comes to at `now`. A deny in any active post takes its action away from all arms.
    pub fn new(who: Who, holding: Holding, table: &Arc<GrantTable>, tree: &Arc<OrgTree>, now: Timestamp) -> Self {
        let turns = holding.posts.iter().flat_map(|post| [Some(post.valid_from), post.valid_to]).flatten();
        let valid_until = turns.chain(holding.delegations.iter().flat_map(HeldDelegation::turns)).filter(|at| *at > now).min();
        let posts: Vec<ActivePost> = holding
            .posts
            .into_iter()
            .filter(|post| post.is_active(now) && tree.unit(post.unit).is_some())
            .filter_map(|held| Some(ActivePost { title: table.title(&held.role)?.to_owned(), held }))
            .collect();
        let mut viewer = Self {
            who,
            session: None,
            epoch: 0,
            posts,
            delegations: Vec::new(),
            lenders: holding.delegations.iter().map(|delegation| delegation.delegator.id).collect(),
            arms: HashMap::new(),
            tree: tree.clone(),
            table: table.clone(),
            valid_until,
        };
        viewer.add_posts();
        for delegation in &holding.delegations {
            viewer.add_delegation(delegation, now);
        }
        viewer.arms.retain(|_, arms| !arms.is_empty());
        viewer.add_standing_sight();
        viewer
    }

    fn is_denied(&self, (resource, action): (Resource, Action)) -> bool {
        self.posts.iter().any(|any| self.table.denies(&any.held.role, resource, action))
    }

    fn add_posts(&mut self) {
        let Some(me) = self.who.user_id() else { return };
        let mut arms: HashMap<_, Vec<Arm>> = HashMap::new();
        for post in &self.posts {
            let owner = post.held.acting_for.as_ref().map_or(me, |absent| absent.id);
            for (pair, grant) in self.table.all_grants(&post.held.role).filter(|(pair, _)| !self.is_denied(*pair)) {
                let origin = Origin::Post { post: post.held.id, reach: grant.reach };
                arms.entry(pair).or_default().extend(grant_arms(owner, post.held.unit, pair, grant, &origin, &self.tree));
            }
        }
        self.arms = arms;
    }

    /// The delegator's arms after his denies, cut to the actions and the level lent, then cut by one's own denies, and by the SINGLE units at
    /// which one holds no post.
    fn add_delegation(&mut self, delegation: &HeldDelegation, now: Timestamp) {
        let Some(post) = delegation.post_lent(&self.posts, &self.tree, now) else { return };
        let table = self.table.clone();
        let denied = |(resource, action)| {
            let in_force = delegation.delegators_posts.iter().filter(|post| post.is_active(now) && self.tree.unit(post.unit).is_some());
            in_force.into_iter().any(|post| table.denies(&post.role, resource, action))
        };
        let lent: Vec<((Resource, Action), Grant)> = table
            .all_grants(&post.role)
            .filter(|(pair, _)| delegation.lends(&post.role, *pair, &table) && !denied(*pair) && !self.is_denied(*pair))
            .map(|(pair, grant)| (pair, Grant { level: grant.level.min(delegation.level), ..grant }))
            .collect();
        if lent.is_empty() {
            return;
        }
        let standing: Vec<UnitId> = self.posts.iter().map(|post| post.held.unit).collect();
        let closed = self.tree.closed_to(&standing);
        for (pair, grant) in lent {
            let origin = Origin::Delegation { delegation: delegation.id, reach: grant.reach };
            let arms = grant_arms(delegation.delegator.id, post.unit, pair, grant, &origin, &self.tree);
            let cut = arms.into_iter().map(|arm| Arm { area: arm.area.without(&self.tree, &closed), ..arm });
            self.arms.entry(pair).or_default().extend(cut);
        }
        self.delegations.push(ActiveDelegation { id: delegation.id, post: post.clone(), delegator: delegation.delegator.clone() });
    }

    /// The system, or the operator of the machine: everything, for a reason that the audit keeps.
    pub fn system(reason: &'static str, table: &Arc<GrantTable>, tree: &Arc<OrgTree>) -> Self {
        let whole = || vec![Arm { area: Area::Group, owner: None, level: Level::Full, origin: Origin::System }];
        let pairs = Resource::EVERY.iter().flat_map(|resource| Action::EVERY.iter().map(|action| (*resource, *action)));
        Self {
            who: Who::System { reason },
            session: None,
            epoch: 0,
            posts: Vec::new(),
            delegations: Vec::new(),
            lenders: Vec::new(),
            arms: pairs.map(|pair| (pair, whole())).collect(),
            tree: tree.clone(),
            table: table.clone(),
            valid_until: None,
        }
    }

    /// Everyone sees its own line and subtree of units, the users below, and the cards of units whose customers' cards it sees sideways or
    /// whose customers are lent to it.
    fn add_standing_sight(&mut self) {
        let below = |unit, level| Arm { area: Area::subtree(&self.tree, unit), owner: None, level, origin: Origin::Standing };
        let mut units = Vec::new();
        for unit in self.posts.iter().map(|post| post.held.unit) {
            let line: BTreeSet<UnitId> = self.tree.line(unit).map(|above| above.id).collect();
            units.push(below(unit, Level::Full));
            units.push(Arm { area: Area::Units(line.into_iter().collect()), ..below(unit, Level::Full) });
        }
        let users: Vec<Arm> = self.posts.iter().map(|post| below(post.held.unit, Level::Card)).collect();
        let is_lent = |arm: &Arm| matches!(arm.origin, Origin::Delegation { .. });
        let cards = self.arms(Resource::Customer, Action::Read).iter();
        let cards = cards.filter(|arm| is_lent(arm) || (arm.owner.is_none() && arm.level == Level::Card));
        units.extend(cards.map(|arm| Arm { owner: None, level: Level::Card, origin: Origin::Standing, area: arm.area.clone() }));
        if !self.posts.is_empty() {
            self.arms.insert((Resource::Organisation, Action::Read), units);
            self.arms.insert((Resource::User, Action::Read), users);
        }
    }

    /// The same, signed in by this session.
    pub fn in_session(self, session: Option<SessionId>) -> Self {
        Self { session, ..self }
    }

    /// The same, compiled after this change of rights.
    pub fn as_of(self, epoch: i64) -> Self {
        Self { epoch, ..self }
    }

    /// The latest change of rights that is sure to be taken in; 0: none is.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// The session by which it signed in; none: the system, or somebody for whom the command line acts.
    pub fn session(&self) -> Option<SessionId> {
        self.session
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

    /// The delegations that count now.
    pub fn delegations(&self) -> &[ActiveDelegation] {
        &self.delegations
    }

    /// Those whose rights these rights depend on.
    pub fn lenders(&self) -> &[UserId] {
        &self.lenders
    }

    /// Whose rights it uses when it does this there: none where its own suffice.
    pub fn lender(&self, resource: Resource, action: Action, place: Place) -> Option<(UserId, &str)> {
        let mut lenders = Vec::new();
        for arm in self.arms(resource, action).iter().filter(|arm| arm.reaches(&self.tree, place.unit, place.owner)) {
            lenders.push(self.lender_of(&arm.origin)?);
        }
        lenders.first().map(|lender| (lender.id, lender.name.as_str()))
    }

    pub(super) fn lender_of(&self, origin: &Origin) -> Option<&Lender> {
        match origin {
            Origin::Post { post, .. } => self.posts.iter().find(|held| held.held.id == *post)?.held.acting_for.as_ref(),
            Origin::Delegation { delegation, .. } => {
                self.delegations.iter().find(|lent| lent.id == *delegation).map(|lent| &lent.delegator)
            }
            Origin::Standing | Origin::System => None,
        }
    }

    /// The arms of an action; empty: nowhere.
    pub fn arms(&self, resource: Resource, action: Action) -> &[Arm] {
        self.arms.get(&(resource, action)).map_or(&[], Vec::as_slice)
    }

    /// May it do this anywhere at all?
    pub fn can(&self, resource: Resource, action: Action) -> bool {
        let (by, floor) = decided_by(resource, action);
        self.arms(by, action).iter().any(|arm| arm.level >= floor)
    }

    /// The tree that it was compiled against.
    pub fn tree(&self) -> &OrgTree {
        &self.tree
    }

    /// The roles that it was compiled against.
    pub fn table(&self) -> &GrantTable {
        &self.table
    }

    /// The same, to be kept.
    pub fn policy_in_force(&self) -> Arc<GrantTable> {
        self.table.clone()
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

/// Whose arms decide of an action, and from which level: people at customers are read as their customer is, from BASIC.
pub(super) fn decided_by(resource: Resource, action: Action) -> (Resource, Level) {
    match (resource, action) {
        (Resource::Contact, Action::Read) => (Resource::Customer, Level::Basic),
        _ => (resource, Level::Card),
    }
}

/// The arms of one grant of a post at `unit`: what lies in its subtree, and for reading customers what the business mode shows sideways.
fn grant_arms(owner: UserId, unit: UnitId, pair: (Resource, Action), grant: Grant, origin: &Origin, tree: &OrgTree) -> Vec<Arm> {
    let arm = |area, owner, level| Arm { area, owner, level, origin: origin.clone() };
    let below = || Area::subtree(tree, unit);
    let mut arms = match grant.reach {
        Reach::Own if !pair.0.is_owned() => Vec::new(),
        Reach::Own => vec![arm(below(), Some(owner), grant.level)],
        Reach::Unit => vec![arm(Area::Units([unit].into()), None, grant.level)],
        Reach::Subtree | Reach::Region | Reach::Group => vec![arm(below(), None, grant.level)],
    };
    if pair == (Resource::Customer, Action::Read)
        && let Some(area) = sideways(unit, grant.reach, tree)
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
