//! Roles: a code, a title, and the roles that their holders may give. Who may: whoever administers the whole group by a post whose role
//! gives the role in question, and never to one's own advantage.

use std::collections::BTreeSet;

use entity::{role, role_gives};
use serde_json::json;
use uuid::Uuid;

use super::policy::{check_policy, is_own, may_shape, unknown_role, whole_group};
use super::posts::keeping_an_administrator;
use super::{repo, rules};
use crate::access::Permit;
use crate::access::action::OrganisationAdminister;
use crate::access::visible::Place;
use crate::audit::{self, Changes, Entry, RecordType, note};
use crate::db::{Scoped, Touched};
use crate::error::{Error, Violation};

const ANY: &str = "*";
/// More than any group has roles.
const MOST_GIVEN: usize = 500;

/// A role to be.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// What the policy calls it.
    pub code: String,
    /// What people read.
    pub title: String,
    /// The roles that its holder may give; `*` for every role.
    pub gives: Vec<String>,
    /// Delegations of its posts may include reveal and export.
    pub delegates_sensitive: bool,
}

/// What changes of a role.
#[derive(Clone, Debug)]
pub struct RoleChange {
    /// Which.
    pub code: String,
    /// What people read; none: as it is.
    pub title: Option<String>,
    /// All roles that its holder may give; none: as they are.
    pub gives: Option<Vec<String>>,
    /// Delegations of its posts may include reveal and export; none: as it is.
    pub delegates_sensitive: Option<bool>,
}

/// Adds a role, which may do nothing yet. Errors: FORBIDDEN, BAD_USER_INPUT, CONFLICT for a code in use.
pub async fn create(scoped: &Scoped, new: NewRole) -> Result<(), Error> {
    scoped
        .administer(move |tx, permit| async move {
            whole_group(&tx)?;
            tx.touch_rights(Touched::Group).await?;
            let mut wrong: Vec<Violation> = rules::role_code_violation("input.code", &new.code).into_iter().collect();
            wrong.extend(rules::name_violation("input.title", &new.title));
            wrong.extend(gives_violation(&tx, &new.code, &new.gives).await?);
            Error::unless_empty(wrong)?;
            check_gives(&tx, &permit, &new.code, &new.gives)?;
            if repo::role(&tx, &new.code).await?.is_some() {
                return Err(Error::taken("input.code"));
            }
            let role = role::Model { code: new.code.clone(), title: new.title.clone(), delegates_sensitive: new.delegates_sensitive };
            tx.insert::<role::Entity, _>(&permit, vec![(Place::NOWHERE, role)]).await?;
            let gives: BTreeSet<String> = new.gives.into_iter().collect();
            give(&tx, &permit, &new.code, gives.iter()).await?;
            let mut changes = Changes::new();
            note(&mut changes, "title", json!(null), json!(new.title));
            note(&mut changes, "gives", json!(null), json!(gives));
            note(&mut changes, "delegatesSensitive", json!(null), json!(new.delegates_sensitive));
            tell(&tx, &new.code, changes).await?;
            check_policy(&tx, "input.code").await
        })
        .await
}

/// Changes a role. Errors: NOT_FOUND, FORBIDDEN (also for more rights of one's own), BAD_USER_INPUT, CONFLICT for the last who administers
/// the group.
pub async fn update(scoped: &Scoped, change: RoleChange) -> Result<(), Error> {
    scoped
        .administer(move |tx, permit| async move {
            whole_group(&tx)?;
            tx.touch_rights(Touched::Group).await?;
            let changed = async {
                update_within(&tx, &permit, change).await?;
                check_policy(&tx, "input.code").await
            };
            keeping_an_administrator(&tx, true, "input.gives", changed).await
        })
        .await
}

async fn update_within(tx: &Scoped, permit: &Permit<OrganisationAdminister>, change: RoleChange) -> Result<(), Error> {
    let before = repo::role(tx, &change.code).await?.ok_or_else(|| Error::not_found_field("input.code"))?;
    let gave: BTreeSet<String> = repo::gives(tx).await?.into_iter().filter(|row| row.role == before.code).map(|row| row.gives).collect();
    let mut wrong: Vec<Violation> = change.title.iter().filter_map(|title| rules::name_violation("input.title", title)).collect();
    if let Some(gives) = &change.gives {
        wrong.extend(gives_violation(tx, &before.code, gives).await?);
    }
    Error::unless_empty(wrong)?;
    if !may_shape(tx, permit, &before.code) {
        return Err(Error::forbidden_field("input.code"));
    }
    let gives: BTreeSet<String> = change.gives.map_or_else(|| gave.clone(), |gives| gives.into_iter().collect());
    let more: Vec<String> = if gave.contains(ANY) { Vec::new() } else { gives.difference(&gave).cloned().collect() };
    check_gives(tx, permit, &before.code, &more)?;
    let after = role::Model {
        code: before.code.clone(),
        title: change.title.unwrap_or_else(|| before.title.clone()),
        delegates_sensitive: change.delegates_sensitive.unwrap_or(before.delegates_sensitive),
    };
    let lends_more = after.delegates_sensitive && !before.delegates_sensitive;
    if (!more.is_empty() || lends_more) && is_own(tx, &before.code).await? {
        return Err(Error::forbidden_field(if lends_more { "input.delegatesSensitive" } else { "input.gives" }));
    }
    let mut changes = Changes::new();
    note(&mut changes, "title", json!(before.title), json!(after.title));
    note(&mut changes, "gives", json!(gave), json!(gives));
    note(&mut changes, "delegatesSensitive", json!(before.delegates_sensitive), json!(after.delegates_sensitive));
    if changes.is_empty() {
        return Ok(());
    }
    if before != after {
        tx.save::<role::Entity, _>(permit, &before, &after).await?;
    }
    for taken in gave.difference(&gives) {
        let row = role_gives::Model { role: before.code.clone(), gives: taken.clone() };
        tx.remove::<role_gives::Entity, _>(permit, &row).await?;
    }
    give(tx, permit, &before.code, gives.difference(&gave)).await?;
    tell(tx, &before.code, changes).await
}

/// Deletes a role that nobody has ever held and no row of the policy speaks of. Errors: NOT_FOUND, FORBIDDEN, CONFLICT.
pub async fn delete(scoped: &Scoped, code: String) -> Result<(), Error> {
    scoped
        .administer(move |tx, permit| async move {
            whole_group(&tx)?;
            tx.touch_rights(Touched::Group).await?;
            let role = repo::role(&tx, &code).await?.ok_or_else(|| Error::not_found_field("input.code"))?;
            if !may_shape(&tx, &permit, &code) {
                return Err(Error::forbidden_field("input.code"));
            }
            if repo::was_ever_held(&tx, &code).await? || repo::rules(&tx).await?.iter().any(|rule| rule.role == code) {
                let used = Violation::new("input.code", "in_use", "is or was held, or has grants", "曾被授予，或仍有授权规则");
                return Err(Error::clash(used));
            }
            let gives = repo::gives(&tx).await?;
            for row in gives.iter().filter(|row| row.role == code || row.gives == code) {
                tx.remove::<role_gives::Entity, _>(&permit, row).await?;
            }
            tx.remove::<role::Entity, _>(&permit, &role).await?;
            let mut changes = Changes::new();
            note(&mut changes, "title", json!(role.title), json!(null));
            tell(&tx, &code, changes).await?;
            check_policy(&tx, "input.code").await
        })
        .await
}

/// Roles that are given have to be there; a role may give itself.
async fn gives_violation(tx: &Scoped, code: &str, gives: &[String]) -> Result<Option<Violation>, Error> {
    if gives.len() > MOST_GIVEN {
        let most = MOST_GIVEN;
        return Ok(Some(Violation::new(
            "input.gives",
            "length",
            format!("must not have more than {most} values"),
            format!("不能超过{most}个值"),
        )));
    }
    let known: BTreeSet<String> = repo::roles(tx).await?.into_iter().map(|role| role.code).collect();
    let stands = |given: &String| given == ANY || given == code || known.contains(given);
    Ok((!gives.iter().all(stands)).then(|| unknown_role("input.gives")))
}

/// Nobody lets others give what one may not give oneself. Errors: FORBIDDEN.
fn check_gives(tx: &Scoped, permit: &Permit<OrganisationAdminister>, code: &str, gives: &[String]) -> Result<(), Error> {
    let fits = gives.iter().all(|given| may_shape(tx, permit, given) || given == code);
    if fits { Ok(()) } else { Err(Error::forbidden_field("input.gives")) }
}

async fn give(tx: &Scoped, permit: &Permit<OrganisationAdminister>, code: &str, gives: impl Iterator<Item = &String>) -> Result<(), Error> {
    let rows = gives.map(|given| (Place::NOWHERE, role_gives::Model { role: code.to_owned(), gives: given.clone() }));
    tx.insert::<role_gives::Entity, _>(permit, rows.collect()).await
}

/// A role has no id of its own: its audit rows name it by its code.
async fn tell(tx: &Scoped, code: &str, mut changes: Changes) -> Result<(), Error> {
    changes.insert("code".to_owned(), json!([code, code]));
    let root = tx.viewer().tree().root().and_then(audit::at);
    audit::record(tx, vec![Entry::of::<OrganisationAdminister>(RecordType::Role, Uuid::nil(), root, changes)]).await
}
