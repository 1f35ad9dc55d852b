//! Users and their posts, from a file or the command line: found by name, one row a post.

use std::collections::HashMap;

use entity::{UnitId, user};

use super::{NewUser, insert, may_manage};
use crate::access::Permit;
use crate::access::action::OrganisationAdminister;
use crate::audit::{self, Entry, RecordType};
use crate::db::{Scoped, Touched};
use crate::error::{Error, Violation};
use crate::import::{Outcome, Refused, RowError, RowResult};
use crate::org::posts::{self, NewPost};
use crate::org::sessions::workplace;
use crate::org::{repo, rules, unless_archived};
use crate::patch::Patch;
use crate::record::{Record, differences};
use crate::text::email_violation;

/// A row of a `users` file.
#[derive(Clone, Debug)]
pub struct UserLine {
    /// The name for signing in.
    pub username: String,
    /// The name that others see; none: leave it, and of somebody new the user name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Patch<String>,
    /// The role of the post.
    pub role: String,
    /// The unit of the post.
    pub unit_code: String,
}

/// Imports users and posts in one unit of work. New users sign in by `password_hash`; without one they cannot yet. Errors: FORBIDDEN
/// without the right to administer, CONFLICT where nobody would be left who administers the group.
pub async fn import(scoped: &Scoped, lines: Vec<UserLine>, password_hash: Option<String>) -> Result<Vec<RowResult>, Error> {
    scoped
        .administer(move |tx, permit| async move {
            let mut results = Vec::with_capacity(lines.len());
            let names: Vec<String> = lines.iter().map(|line| line.username.clone()).collect();
            let mut known: HashMap<String, user::Model> = HashMap::new();
            for some in names.chunks(500) {
                let rows = repo::users_by_names(&tx, some.to_vec()).await?;
                known.extend(rows.into_iter().map(|row| (row.model.username.clone(), row.model)));
            }
            let takes_away = lines.iter().any(|line| tx.viewer().table().takes_away(&line.role));
            let take_all_in = async {
                for line in lines {
                    let result = match take_in(&tx, &permit, &mut known, line, password_hash.as_ref()).await {
                        Ok(outcome) => Ok(outcome),
                        Err(refused) => Err(refused.of_row()?),
                    };
                    results.push(result);
                }
                Ok(results)
            };
            posts::keeping_an_administrator(&tx, takes_away, "role", take_all_in).await
        })
        .await
}

fn violation(line: &UserLine) -> Option<Violation> {
    rules::username_violation("username", &line.username)
        .or_else(|| line.name.as_deref().and_then(|name| rules::name_violation("name", name)))
        .or_else(|| line.email.value().and_then(|email| email_violation("email", email)))
}

async fn take_in(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    known: &mut HashMap<String, user::Model>,
    line: UserLine,
    password_hash: Option<&String>,
) -> Result<Outcome, Refused> {
    if let Some(wrong) = violation(&line) {
        return Err(RowError::from(wrong).into());
    }
    if tx.viewer().table().title(&line.role).is_none() {
        return Err(RowError::unknown("role", &line.role).into());
    }
    let known_unit = repo::unit_by_code_for_share(tx, &line.unit_code).await?;
    let known_unit = known_unit.ok_or_else(|| RowError::unknown("unit_code", &line.unit_code))?.model;
    let unit = known_unit.id;
    if !posts::may_give(tx, permit, &line.role, unit) {
        return Err(RowError::at("role", "the importing user may not give this role at this unit").into());
    }
    unless_archived(&known_unit, "unit_code")?;
    if known.get(&line.username).is_some_and(|account| Some(account.id) == tx.viewer().user_id()) {
        return Err(RowError::at("username", "nobody gives roles to oneself").into());
    }
    let (account, mut outcome) = match known.get(&line.username).cloned() {
        Some(stands) => rename(tx, permit, stands, &line).await?,
        None => (add(tx, permit, unit, &line, password_hash).await?, Outcome::Added),
    };
    known.insert(account.username.clone(), account.clone());
    let new = NewPost { user: account.id, role: line.role, unit, valid_from: tx.now(), valid_to: None, acting_for: None };
    let held = repo::open_posts(tx, vec![account.id]).await?;
    if !held.iter().any(|post| new.is_another(post) && post.valid_from <= new.valid_from) {
        if held.iter().any(|post| new.is_another(post)) {
            return Err(RowError::at("role", "the user will hold this post from a later day on").into());
        }
        if outcome != Outcome::Added && !posts::administers(tx, account.id).await? {
            return Err(RowError::at("username", "the importing user may not change this user").into());
        }
        tx.touch_rights(Touched::User(account.id)).await?;
        if outcome != Outcome::Added {
            posts::check_reach_of_denies(tx, permit, &new).await?;
        }
        posts::insert(tx, permit, new).await?;
        outcome = if outcome == Outcome::Unchanged { Outcome::Changed } else { outcome };
    }
    Ok(outcome)
}

/// Changes name and e-mail where they differ.
async fn rename(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    stands: user::Model,
    line: &UserLine,
) -> Result<(user::Model, Outcome), Refused> {
    let manages = may_manage(tx, permit, &stands).await?;
    let mut after = stands.clone();
    if let Some(name) = &line.name {
        after.name.clone_from(name);
    }
    // An e-mail address that the caller may not see is not compared either: being equal would tell it.
    if manages {
        line.email.clone().apply(&mut after.email);
    } else if line.email.is_said() {
        return Err(RowError::at("email", "the importing user may not change this user: leave the column out").into());
    }
    let changes = differences::<user::Entity>(&stands, &after);
    if changes.is_empty() {
        return Ok((stands, Outcome::Unchanged));
    }
    if !manages {
        return Err(RowError::at("username", "the importing user may not change this user").into());
    }
    tx.touch_rights(Touched::User(after.id)).await?;
    user::Entity::stamp(&mut after, tx.now());
    if tx.save::<user::Entity, _>(permit, &stands, &after).await? == 0 {
        return Err(RowError::at("username", "the importing user may not change this user").into());
    }
    let place = workplace(tx, after.id).await?.and_then(audit::at);
    audit::record(tx, vec![Entry::of::<OrganisationAdminister>(RecordType::User, after.id, place, changes)]).await?;
    Ok((after, Outcome::Changed))
}

async fn add(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    unit: UnitId,
    line: &UserLine,
    password_hash: Option<&String>,
) -> Result<user::Model, Refused> {
    if !repo::taken_usernames(tx, permit, vec![line.username.clone()]).await?.is_empty() {
        return Err(RowError::at("username", "is in use by somebody whom the importing user cannot see").into());
    }
    let mut email = None;
    line.email.clone().apply(&mut email);
    let name = line.name.clone().unwrap_or_else(|| line.username.clone());
    let new = NewUser { username: line.username.clone(), name, email, subject: None };
    Ok(insert(tx, permit, tx.clock().id(), unit, new, password_hash.cloned()).await?)
}
