//! Rehearsals: a change of rights is made in a unit of work, everybody's rights are compiled before and after, and all is taken back. What
//! a preview tells is what will happen, since it has happened.

use std::collections::HashMap;
use std::sync::Arc;

use entity::UserId;

use super::Scoped;
use crate::access::action::OrganisationAdminister;
use crate::access::{Action, Area, HeldPost, Permit, Resource, Shifted, Viewer, Who, units_that_differ};
use crate::error::Error;

impl Scoped {
    /// Whose rights `work` would change, and how, among those who hold a post where the permit administers; by name. Errors: those of
    /// `work`.
    pub async fn rehearse<F, Fut>(&self, permit: &Permit<OrganisationAdminister>, work: F) -> Result<Vec<Shifted>, Error>
    where
        F: FnOnce(Scoped) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let permit = permit.clone();
        self.rehearsing()
            .transaction(move |tx| async move {
                let before = tx.everybody_unscoped().await?;
                work(tx.clone()).await?;
                let after = tx.everybody_unscoped().await?;
                Ok(differences(&before, &after, &permit))
            })
            .await
    }

    /// Is there somebody who will go on administering the whole group: enabled, by a post of their own without an end? Asked in the unit of
    /// work that might take the last one away.
    pub async fn keeps_an_administrator(&self) -> Result<bool, Error> {
        let everybody = self.everybody_unscoped().await?;
        Ok(everybody.values().any(|viewer| {
            let lasting = |post: &HeldPost| post.valid_to.is_none() && post.acting_for.is_none();
            let lasting: Vec<_> = viewer.posts().iter().filter(|post| lasting(&post.held)).collect();
            let arms = viewer.arms(Resource::Organisation, Action::Administer);
            let administers = |post: &&crate::access::ActivePost| {
                arms.iter().any(|arm| {
                    let by_it = matches!(&arm.origin, crate::access::Origin::Post { post: of, .. } if *of == post.held.id);
                    by_it && arm.owner.is_none() && arm.area == Area::Group
                })
            };
            lasting.iter().any(|post| administers(post) && viewer.table().gives(&post.held.role, &post.held.role))
        }))
    }

    /// Everybody's rights as they stand in this unit of work.
    async fn everybody_unscoped(&self) -> Result<HashMap<UserId, Viewer>, Error> {
        let now = self.now();
        let tree = Arc::new(self.conn.tree_unscoped().await?);
        // A policy that is refused changes nobody's rights: the last good one stays in force.
        let table = self.conn.policy_unscoped().await?.map_or_else(|| self.viewer().policy_in_force(), Arc::new);
        let holders = self.conn.holders_unscoped(None, now).await?;
        let enabled = holders.into_iter().filter(|holder| !holder.disabled);
        Ok(enabled
            .map(|holder| {
                let who = Who::User { id: holder.id, name: holder.name, username: holder.username };
                (holder.id, Viewer::new(who, holder.holding, &table, &tree, now))
            })
            .collect())
    }
}

fn differences(before: &HashMap<UserId, Viewer>, after: &HashMap<UserId, Viewer>, permit: &Permit<OrganisationAdminister>) -> Vec<Shifted> {
    let trees = before.values().next().zip(after.values().next());
    let moved = trees.map(|(before, after)| units_that_differ(before.tree(), after.tree())).unwrap_or_default();
    let within = |viewer: &Viewer| {
        let reached = |arm: &crate::access::Arm| viewer.posts().iter().any(|post| arm.reaches(viewer.tree(), post.held.unit, None));
        permit.arms().iter().any(reached)
    };
    let mut shifted: Vec<Shifted> = before
        .iter()
        .filter_map(|(user, before)| {
            let after = after.get(user)?;
            let Who::User { name, .. } = before.who() else { return None };
            let shifts = if within(before) || within(after) { before.shifts(after, &moved) } else { Vec::new() };
            (!shifts.is_empty()).then(|| Shifted { user: *user, name: name.clone(), shifts })
        })
        .collect();
    shifted.sort_by(|one, other| (&one.name, one.user).cmp(&(&other.name, other.user)));
    shifted
}
