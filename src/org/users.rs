//! Users and their posts, from a file or the command line: found by name, one row a post.

use std::collections::HashMap;

use entity::post::PostOrigin;
use entity::{Timestamp, UnitId, post, user};
use serde_json::json;
use uuid::Uuid;

use super::{repo, rules};
use crate::access::action::OrganisationAdminister;
use crate::access::visible::Place;
use crate::access::{Area, FieldClass, Origin, Permit, Permits, mask_email};
use crate::audit::{self, Changes, Entry, RecordType};
use crate::db::{Scoped, Touched};
use crate::error::{Error, Violation};
use crate::import::{Outcome, Refused, RowError, RowResult};
use crate::patch::Patch;
use crate::record::{FieldOf, Record, Shown, differences};
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

const FIELDS: &[FieldOf<user::Model>] = &[
    FieldOf { name: "username", class: FieldClass::Card, value: |row| json!(row.username), shown: None },
    FieldOf { name: "name", class: FieldClass::Card, value: |row| json!(row.name), shown: None },
    FieldOf { name: "email", class: FieldClass::Contact, value: |row| json!(row.email), shown: Some(Shown::Masked(mask_email)) },
    FieldOf { name: "disabledAt", class: FieldClass::Note, value: |row| json!(row.disabled_at.map(|at| at.0)), shown: Some(Shown::Moment) },
];

impl Record for user::Entity {
    const TYPE: RecordType = RecordType::User;

    fn fields() -> &'static [FieldOf<user::Model>] {
        FIELDS
    }

    fn id(row: &user::Model) -> Uuid {
        row.id.0
    }

    fn version(row: &user::Model) -> i64 {
        row.version
    }

    fn stamp(row: &mut user::Model, now: Timestamp) {
        row.version += 1;
        row.updated_at = now;
    }
}

/// Imports users and posts in one unit of work. New users sign in by `password_hash`; without one they cannot yet. Errors: FORBIDDEN
/// without the right to administer.
pub async fn import(scoped: &Scoped, lines: Vec<UserLine>, password_hash: Option<String>) -> Result<Vec<RowResult>, Error> {
    let permit = scoped.viewer().permit::<OrganisationAdminister>()?;
    scoped
        .transaction(move |tx| async move {
            let mut results = Vec::with_capacity(lines.len());
            let names: Vec<String> = lines.iter().map(|line| line.username.clone()).collect();
            let mut known: HashMap<String, user::Model> = HashMap::new();
            for some in names.chunks(500) {
                let rows = repo::users_by_names(&tx, some.to_vec()).await?;
                known.extend(rows.into_iter().map(|row| (row.model.username.clone(), row.model)));
            }
            for line in lines {
                let result = match take_in(&tx, &permit, &mut known, line, password_hash.as_ref()).await {
                    Ok(outcome) => Ok(outcome),
                    Err(refused) => Err(refused.of_row()?),
                };
                results.push(result);
            }
            Ok(results)
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
    if !may_give(tx, permit, &line.role, unit) {
        return Err(RowError::at("role", "the importing user may not give this role at this unit").into());
    }
    super::unless_archived(&known_unit, "unit_code")?;
    if known.get(&line.username).is_some_and(|account| Some(account.id) == tx.viewer().user_id()) {
        return Err(RowError::at("username", "nobody gives roles to oneself").into());
    }
    let (account, mut outcome) = match known.get(&line.username).cloned() {
        Some(stands) => rename(tx, permit, stands, &line).await?,
        None => (add(tx, permit, unit, &line, password_hash).await?, Outcome::Added),
    };
    known.insert(account.username.clone(), account.clone());
    let held = repo::active_posts(tx, vec![account.id]).await?;
    if !held.iter().any(|post| post.role == line.role && post.unit_id == unit) {
        give(tx, permit, &account, &line.role, unit).await?;
        outcome = if outcome == Outcome::Unchanged { Outcome::Changed } else { outcome };
    }
    Ok(outcome)
}

/// May the caller give this role there? It takes one post that both administers the unit and may give the role.
fn may_give(tx: &Scoped, permit: &Permit<OrganisationAdminister>, role: &str, unit: UnitId) -> bool {
    let viewer = tx.viewer();
    permit.arms().iter().filter(|arm| arm.reaches(viewer.tree(), unit, None)).any(|arm| match &arm.origin {
        Origin::System => true,
        Origin::Post { post, .. } => {
            let held = viewer.posts().iter().find(|active| active.held.id == *post);
            held.is_some_and(|active| viewer.table().gives(&active.held.role, role))
        }
        // A delegation lends no administering.
        Origin::Delegation { .. } | Origin::Standing => false,
    })
}

/// May the caller change this user? It takes the power to give every post that the user holds or will hold; somebody without any is for
/// those who administer everything.
async fn may_manage(tx: &Scoped, permit: &Permit<OrganisationAdminister>, account: &user::Model) -> Result<bool, Error> {
    let held = repo::open_posts(tx, vec![account.id]).await?;
    if held.is_empty() {
        return Ok(permit.arms().iter().any(|arm| arm.area == Area::Group));
    }
    Ok(held.iter().all(|post| may_give(tx, permit, &post.role, post.unit_id)))
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
    user::Entity::stamp(&mut after, tx.now());
    if tx.save::<user::Entity, _>(permit, &stands, &after).await? == 0 {
        return Err(RowError::at("username", "the importing user may not change this user").into());
    }
    audit::record(tx, vec![Entry::of::<OrganisationAdminister>(RecordType::User, after.id, None, changes)]).await?;
    tx.touch_rights(Touched::User(after.id)).await?;
    Ok((after, Outcome::Changed))
}

async fn add(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    unit: UnitId,
    line: &UserLine,
    password_hash: Option<&String>,
) -> Result<user::Model, Refused> {
    if !repo::taken_usernames(tx, vec![line.username.clone()]).await?.is_empty() {
        return Err(RowError::at("username", "is in use by somebody whom the importing user cannot see").into());
    }
    let now = tx.now();
    let mut email = None;
    line.email.clone().apply(&mut email);
    let account = user::Model {
        id: tx.clock().id(),
        username: line.username.clone(),
        name: line.name.clone().unwrap_or_else(|| line.username.clone()),
        email,
        password_hash: password_hash.cloned(),
        disabled_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    tx.insert::<user::Entity, _>(permit, vec![(Place { unit, owner: None }, account.clone())]).await?;
    let nobody = user::Model { username: String::new(), name: String::new(), email: None, ..account.clone() };
    let changes = differences::<user::Entity>(&nobody, &account);
    audit::record(tx, vec![Entry::of::<OrganisationAdminister>(RecordType::User, account.id, audit::at(unit), changes)]).await?;
    Ok(account)
}

async fn give(tx: &Scoped, permit: &Permit<OrganisationAdminister>, account: &user::Model, role: &str, unit: UnitId) -> Result<(), Error> {
    let now = tx.now();
    let post = post::Model {
        id: tx.clock().id(),
        user_id: account.id,
        role: role.to_owned(),
        unit_id: unit,
        valid_from: now,
        valid_to: None,
        created_at: now,
        origin: PostOrigin::Direct,
        acting_for: None,
        updated_at: now,
        version: 1,
    };
    tx.insert::<post::Entity, _>(permit, vec![(Place { unit, owner: None }, post.clone())]).await?;
    let mut changes = Changes::new();
    changes.insert("post".to_owned(), json!([null, { "id": post.id.0, "role": role, "unitId": unit.0 }]));
    audit::record(tx, vec![Entry::of::<OrganisationAdminister>(RecordType::User, account.id, audit::at(unit), changes)]).await?;
    tx.touch_rights(Touched::User(account.id)).await
}

/// Sets a password. Errors: FORBIDDEN, NOT_FOUND.
pub async fn set_password(scoped: &Scoped, username: &str, hash: String) -> Result<(), Error> {
    change(scoped, username, json!({ "password": "changed" }), move |account, _| account.password_hash = Some(hash)).await
}

/// Disables a user from the next request on. Errors: FORBIDDEN, NOT_FOUND.
pub async fn disable(scoped: &Scoped, username: &str) -> Result<(), Error> {
    change(scoped, username, json!({ "disabled": true }), |account, now| account.disabled_at = account.disabled_at.or(Some(now))).await
}

async fn change(
    scoped: &Scoped,
    username: &str,
    what: serde_json::Value,
    edit: impl FnOnce(&mut user::Model, Timestamp) + Send + 'static,
) -> Result<(), Error> {
    let permit = scoped.viewer().permit::<OrganisationAdminister>()?;
    let names = vec![username.to_owned()];
    scoped
        .transaction(move |tx| async move {
            let before = repo::users_by_names(&tx, names).await?.into_iter().next().ok_or_else(Error::not_found)?.model;
            if !may_manage(&tx, &permit, &before).await? {
                return Err(Error::forbidden());
            }
            let mut after = before.clone();
            edit(&mut after, tx.now());
            user::Entity::stamp(&mut after, tx.now());
            if tx.save::<user::Entity, _>(&permit, &before, &after).await? == 0 {
                return Err(Error::forbidden());
            }
            let changes = what.as_object().cloned().unwrap_or_default();
            audit::record(&tx, vec![Entry::of::<OrganisationAdminister>(RecordType::User, after.id, None, changes)]).await?;
            tx.touch_rights(Touched::User(after.id)).await
        })
        .await
}
