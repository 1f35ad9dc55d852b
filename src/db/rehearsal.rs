//! Rehearsals: a change of rights is made in a unit of work, what rights are compiled from is read before and after, and all is taken back.
//! What a preview tells is what will happen, since it has happened.
//!
//! Compiling takes time where a change touches many people. It is done when the connection has been given back, on a thread where nobody
//! waits behind it, for those alone whom the change can touch; and one rehearsal at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use entity::{Timestamp, UserId, post};
use sea_orm::{ColumnTrait, Condition};

use super::Scoped;
use super::directory::Holder;
use super::policy::StoredPolicy;
use super::rights::Ground;
use crate::access::action::OrganisationAdminister;
use crate::access::{Action, Area, Arm, GrantTable, HeldPost, OrgTree, Permit, Resource, Shifted, units_that_differ};
use crate::error::Error;

/// What everybody's rights are compiled from.
struct Standing {
    tree: Arc<OrgTree>,
    policy: StoredPolicy,
    holders: HashMap<UserId, Holder>,
}

impl Scoped {
    /// Whose rights `work` would change, and how, among those who hold a post where the viewer administers; by name. Errors: FORBIDDEN,
    /// those of `work`; OVERLOADED where others rehearse for long.
    pub async fn rehearse<F, Fut>(&self, work: F) -> Result<Vec<Shifted>, Error>
    where
        F: FnOnce(Scoped, Permit<OrganisationAdminister>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let turn = self.turn_to_rehearse().await?;
        let rehearsing = self.rehearsing();
        let standings = rehearsing.administer(move |tx, permit| async move {
            let before = tx.standing().await?;
            work(tx.clone(), permit.clone()).await?;
            Ok((before, tx.standing().await?, permit, tx.viewer().policy_in_force()))
        });
        let (before, after, permit, in_force) = standings.await?;
        let now = self.now();
        let compared = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            differences(&before, &after, &permit, &in_force, now)
        });
        compared.await.map_err(|_| Error::internal("a rehearsal panicked"))
    }

    /// Is there somebody who will go on administering the whole group: enabled, by a post of their own without an end, and without a post to
    /// come that denies it? Asked in the unit of work that might take the last one away.
    pub async fn keeps_an_administrator(&self) -> Result<bool, Error> {
        let (ground, now) = (self.conn.ground(self.viewer().policy_in_force()).await?, self.now());
        let table = &ground.table;
        let administering =
            |role: &&String| !table.grants(role, Resource::Organisation, Action::Administer).is_empty() && table.gives(role, role);
        let roles: Vec<&String> = table.roles().keys().filter(administering).collect();
        let lasting = Condition::all()
            .add(post::Column::Role.is_in(roles.iter().map(|role| role.as_str())))
            .add(post::Column::ValidTo.is_null())
            .add(post::Column::ActingFor.is_null());
        let lasting = self.conn.rows_unscoped::<post::Entity>(lasting).await?;
        let users: Vec<UserId> = lasting.iter().map(|post| post.user_id).collect();
        let holders = self.conn.holders_unscoped(Some(&users), now).await?;
        let denies = |post: &HeldPost| {
            let is_to_come = now < post.valid_from && post.valid_to.is_none_or(|end| post.valid_from < end);
            is_to_come && table.denies(&post.role, Resource::Organisation, Action::Administer)
        };
        let standing = holders.iter().filter(|holder| !holder.disabled && !holder.holding.posts.iter().any(denies));
        Ok(standing.into_iter().any(|holder| {
            let viewer = holder.viewer(&ground, now);
            let lasting = |post: &HeldPost| post.valid_to.is_none() && post.acting_for.is_none() && roles.contains(&&post.role);
            let arms = viewer.arms(Resource::Organisation, Action::Administer);
            viewer.posts().iter().filter(|post| lasting(&post.held)).any(|post| {
                arms.iter().any(|arm| {
                    let by_it = matches!(&arm.origin, crate::access::Origin::Post { post: of, .. } if *of == post.held.id);
                    by_it && arm.owner.is_none() && arm.area == Area::Group
                })
            })
        }))
    }

    async fn standing(&self) -> Result<Standing, Error> {
        Ok(Standing {
            tree: Arc::new(self.conn.tree_unscoped().await?),
            policy: self.conn.policy_unscoped().await?,
            holders: self.conn.holders_unscoped(None, self.now()).await?.into_iter().map(|holder| (holder.id, holder)).collect(),
        })
    }
}

impl Standing {
    /// A policy that is refused changes nobody's rights: the last good one stays in force.
    fn ground(&self, in_force: &Arc<GrantTable>) -> Ground {
        Ground { tree: self.tree.clone(), table: self.policy.compiled().map_or_else(|_| in_force.clone(), Arc::new) }
    }
}

impl Holder {
    /// Do these rights depend on one of these roles?
    fn depends_on(&self, roles: &HashSet<&str>) -> bool {
        let lent = self.holding.delegations.iter().flat_map(|lent| &lent.delegators_posts);
        self.holding.posts.iter().chain(lent).any(|post| roles.contains(post.role.as_str()))
    }

    /// Is there a post of theirs at `now` where one of the arms reaches?
    fn stands_within(&self, arms: &[Arm], tree: &OrgTree, now: Timestamp) -> bool {
        let mut posts = self.holding.posts.iter().filter(|post| post.is_active(now));
        posts.any(|post| arms.iter().any(|arm| arm.reaches(tree, post.unit, None)))
    }
}

fn differences(
    before: &Standing,
    after: &Standing,
    permit: &Permit<OrganisationAdminister>,
    in_force: &Arc<GrantTable>,
    now: Timestamp,
) -> Vec<Shifted> {
    let moved = units_that_differ(&before.tree, &after.tree);
    let roles = before.policy.roles_that_differ(&after.policy);
    let grounds = (before.ground(in_force), after.ground(in_force));
    let shifted = |(was, is): (&Holder, &Holder)| {
        let touched = !moved.is_empty() || was.holding != is.holding || was.depends_on(&roles);
        let within = || was.stands_within(permit.arms(), &before.tree, now) || is.stands_within(permit.arms(), &after.tree, now);
        if was.disabled || is.disabled || !touched || !within() {
            return None;
        }
        let shifts = was.viewer(&grounds.0, now).shifts(&is.viewer(&grounds.1, now), &moved);
        (!shifts.is_empty()).then(|| Shifted { user: was.id, name: was.name.clone(), shifts })
    };
    let both = before.holders.values().filter_map(|was| Some((was, after.holders.get(&was.id)?)));
    let mut shifted: Vec<Shifted> = both.filter_map(shifted).collect();
    shifted.sort_by(|one, other| (&one.name, one.user).cmp(&(&other.name, other.user)));
    shifted
}
