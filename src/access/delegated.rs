//! What a user has of others: acting posts (a whole role, for somebody absent) and delegations (some actions of a post, for at most 30
//! days, up to a level).

use entity::{DelegationId, PostId, Timestamp, UserId};

use super::policy::GrantTable;
use super::viewer::{ActivePost, HeldPost};
use super::{Action, Level, OrgTree, Resource};

/// Somebody whose rights are used by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lender {
    /// Who.
    pub id: UserId,
    /// The name that others see.
    pub name: String,
}

/// A delegation as it is stored, active or not, with what it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldDelegation {
    /// The delegation.
    pub id: DelegationId,
    /// Which of the delegator's posts.
    pub post: PostId,
    /// Who lends.
    pub delegator: Lender,
    /// All posts of the delegator, none where the delegator is disabled: their denies hold here too.
    pub delegators_posts: Vec<HeldPost>,
    /// What is lent.
    pub actions: Vec<(Resource, Action)>,
    /// The highest level that goes along.
    pub level: Level,
    /// Its first moment.
    pub valid_from: Timestamp,
    /// The first moment without it.
    pub valid_to: Timestamp,
}

impl HeldDelegation {
    /// The post behind it, where it lends anything at `now` to the holder of `own`.
    ///
    /// It lends nothing outside its time, when the delegator's post has ended or was never the delegator's own, and while a unit whose mode
    /// is SINGLE stands between that post and every post of the delegate.
    pub(super) fn post_lent(&self, own: &[ActivePost], tree: &OrgTree, now: Timestamp) -> Option<&HeldPost> {
        let lends = self.valid_from <= now && now < self.valid_to;
        let post = self.delegators_posts.iter().find(|post| post.id == self.post)?;
        let in_force = lends && post.is_active(now) && post.acting_for.is_none() && tree.unit(post.unit).is_some();
        let no_border = || own.iter().any(|mine| tree.borders(mine.held.unit) == tree.borders(post.unit));
        (in_force && no_border()).then_some(post)
    }

    /// Does it lend this action of its post's role?
    pub(super) fn lends(&self, role: &str, pair: (Resource, Action), table: &GrantTable) -> bool {
        self.actions.contains(&pair) && may_be_lent(pair, table.delegates_sensitive(role))
    }

    /// Every moment at which what it lends may change, but for rights that are changed.
    pub(super) fn turns(&self) -> impl Iterator<Item = Timestamp> {
        let posts = self.delegators_posts.iter().flat_map(|post| [Some(post.valid_from), post.valid_to]).flatten();
        posts.chain([self.valid_from, self.valid_to])
    }
}

/// May an action be delegated at all? Administering never; revealing and exporting only where the role says so.
pub fn may_be_lent((_, action): (Resource, Action), delegates_sensitive: bool) -> bool {
    match action {
        Action::Administer => false,
        Action::Reveal | Action::Export => delegates_sensitive,
        _ => true,
    }
}
