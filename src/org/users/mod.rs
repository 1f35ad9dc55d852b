//! Users: adding, renaming, disabling. Who may: whoever could give every post that the user holds; a user without an open post is for those
//! who administer everything.

mod import;

use entity::{Timestamp, UnitId, UserId, user};
use serde_json::json;
use uuid::Uuid;

use super::federation::Subject;
use super::posts::{self, NewPost, keeping_an_administrator};
use super::sessions::{self, Ending, workplace};
use super::{repo, rules};
use crate::access::action::OrganisationAdminister;
use crate::access::visible::Place;
use crate::access::{FieldClass, Level, Permit, mask_email};
use crate::audit::{self, Entry, RecordType};
use crate::db::{Row, Scoped, Touched};
use crate::error::{Error, Violation};
use crate::patch::Patch;
use crate::record::{self, FieldOf, Record, Said, Shown, differences};
use crate::text::email_violation;

pub use import::{UserLine, import};

const NAME: &str = "name";
const EMAIL: &str = "email";
const SUBJECT: &str = "subject";

const FIELDS: &[FieldOf<user::Model>] = &[
    FieldOf { name: "username", class: FieldClass::Note, value: |row| json!(row.username), shown: None },
    FieldOf { name: NAME, class: FieldClass::Card, value: |row| json!(row.name), shown: None },
    FieldOf { name: EMAIL, class: FieldClass::Contact, value: |row| json!(row.email), shown: Some(Shown::Masked(mask_email)) },
    FieldOf { name: SUBJECT, class: FieldClass::Note, value: subject_told, shown: None },
    FieldOf { name: "disabledAt", class: FieldClass::Note, value: |row| json!(row.disabled_at.map(|at| at.0)), shown: Some(Shown::Moment) },
];

/// That it is another one, never which.
fn subject_told(row: &user::Model) -> serde_json::Value {
    json!(row.issuer.as_ref().zip(row.subject.as_ref()).map(|(issuer, subject)| Subject::mark(issuer, subject)))
}

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

/// Somebody who is to sign in. Without a password: an administrator sends a link, by which one is set.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The name for signing in.
    pub username: String,
    /// The name that others see.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// By what an issuer knows them.
    pub subject: Option<Subject>,
}

/// What changes of a user.
#[derive(Clone, Debug)]
pub struct UserChange {
    /// Who.
    pub id: UserId,
    /// The name that others see.
    pub name: Patch<String>,
    /// E-mail address.
    pub email: Patch<String>,
    /// By what an issuer knows them.
    pub subject: Patch<Subject>,
    /// The version that it was made against; none: whatever stands.
    pub expected_version: Option<i64>,
}

impl UserChange {
    fn violations(&self) -> Vec<Violation> {
        let name = match &self.name {
            Patch::Keep => None,
            Patch::Clear => Some(Violation::required("input.name")),
            Patch::Set(name) => rules::name_violation("input.name", name),
        };
        let email = self.email.value().and_then(|email| email_violation("input.email", email));
        let subject = self.subject.value().and_then(|held| rules::subject_violation("input.subject", &held.subject));
        name.into_iter().chain(email).chain(subject).collect()
    }
}

/// May the caller change this user? It takes the power to give every post that the user holds or will hold, and every post of which
/// something is lent to the user: whoever resets a password could sign in as its user. Somebody without a post is for those who administer
/// everything.
pub async fn may_manage(tx: &Scoped, permit: &Permit<OrganisationAdminister>, account: &user::Model) -> Result<bool, Error> {
    let held = repo::open_posts(tx, vec![account.id]).await?;
    if held.is_empty() {
        return Ok(tx.reaches(permit, Place::NOWHERE));
    }
    let lent = tx.posts_lent_to(permit, account.id).await?;
    let mut theirs = held.into_iter().map(|post| (post.role, post.unit_id)).chain(lent);
    Ok(theirs.all(|(role, unit)| posts::may_give(tx, permit, &role, unit)))
}

/// Adds a user with a first post, which names the id that the user will have. Errors: FORBIDDEN, NOT_FOUND for the unit, BAD_USER_INPUT,
/// CONFLICT for a name in use.
pub async fn create(scoped: &Scoped, new: NewUser, post: NewPost) -> Result<(), Error> {
    let id = post.user;
    scoped
        .administer(move |tx, permit| async move {
            tx.touch_rights(Touched::User(id)).await?;
            let mut wrong: Vec<Violation> = rules::username_violation("input.username", &new.username).into_iter().collect();
            wrong.extend(rules::name_violation("input.name", &new.name));
            wrong.extend(new.email.as_deref().and_then(|email| email_violation("input.email", email)));
            wrong.extend(posts::violations(&tx, &post, "input.post").await?);
            Error::unless_empty(wrong)?;
            posts::check_unit(&tx, &permit, &post, "input.post").await?;
            if !repo::taken_usernames(&tx, &permit, vec![new.username.clone()]).await?.is_empty() {
                return Err(Error::taken("input.username"));
            }
            insert(&tx, &permit, id, post.unit, new, None).await?;
            posts::insert(&tx, &permit, post).await.map(|_| ())
        })
        .await
}

/// Adds somebody whom an issuer vouches for, without any post: whoever administers the group may give one. The user's id; none: there is no
/// group yet. Errors: CONFLICT where the subject or the user name is somebody's.
pub async fn create_without_posts(system: &Scoped, new: NewUser) -> Result<Option<UserId>, Error> {
    system
        .administer(move |tx, permit| async move {
            let Some(root) = tx.viewer().tree().root() else { return Ok(None) };
            let id = tx.clock().id();
            tx.touch_rights(Touched::User(id)).await?;
            insert(&tx, &permit, id, root, new, None).await.map(|row| Some(row.id))
        })
        .await
}

/// Adds a user whose first post will stand at `unit`, and leaves an audit row there.
async fn insert(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    id: UserId,
    unit: UnitId,
    new: NewUser,
    password_hash: Option<String>,
) -> Result<user::Model, Error> {
    let now = tx.now();
    let (issuer, subject) = new.subject.map(|held| (held.issuer, held.subject)).unzip();
    let account = user::Model {
        id,
        username: new.username,
        name: new.name,
        email: new.email,
        password_hash,
        disabled_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
        issuer,
        subject,
    };
    tx.insert::<user::Entity, _>(permit, vec![(Place { unit, owner: None }, account.clone())]).await?;
    let nobody = user::Model { username: String::new(), name: String::new(), email: None, subject: None, ..account.clone() };
    let changes = differences::<user::Entity>(&nobody, &account);
    audit::record(tx, vec![Entry::of::<OrganisationAdminister>(RecordType::User, account.id, audit::at(unit), changes)]).await?;
    Ok(account)
}

/// Changes name, e-mail and subject. Errors: NOT_FOUND, FORBIDDEN, BAD_USER_INPUT, CONFLICT.
pub async fn update(scoped: &Scoped, change: UserChange) -> Result<(), Error> {
    let spoken = [(NAME, change.name.is_said()), (EMAIL, change.email.is_said()), (SUBJECT, change.subject.is_said())];
    let said = Said {
        fields: spoken.into_iter().filter(|(_, said)| *said).map(|(field, _)| field).collect(),
        expected_version: change.expected_version,
    };
    scoped
        .administer(move |tx, permit| async move {
            Error::unless_empty(change.violations())?;
            tx.touch_rights(Touched::User(change.id)).await?;
            let row = managed(&tx, &permit, repo::user(&tx, change.id).await?).await?;
            let mut after = row.model.clone();
            if let Patch::Set(name) = change.name {
                after.name = name;
            }
            change.email.apply(&mut after.email);
            let mut subject = after.issuer.take().zip(after.subject.take()).map(|(issuer, subject)| Subject { issuer, subject });
            if let Patch::Set(held) = &change.subject
                && subject.as_ref() != Some(held)
                && repo::is_taken(&tx, &permit, held).await?
            {
                return Err(Error::taken("input.subject"));
            }
            change.subject.apply(&mut subject);
            (after.issuer, after.subject) = subject.map(|held| (held.issuer, held.subject)).unzip();
            // Whoever acts for the user is told of in the audit together with this name.
            for post in repo::acting_for(&tx, change.id).await? {
                tx.touch_rights(Touched::User(post.user_id)).await?;
            }
            let place = workplace(&tx, change.id).await?.and_then(audit::at);
            record::store(&tx, &permit, &row, place, &said, after).await.map(|_| ())
        })
        .await
}

/// Disables a user, or enables one again, from the next request on. Errors: NOT_FOUND, FORBIDDEN (also for oneself), CONFLICT, also for the
/// last who administers the group.
pub async fn set_disabled(scoped: &Scoped, id: UserId, disabled: bool, expected_version: Option<i64>) -> Result<(), Error> {
    let said = Said { fields: Vec::new(), expected_version };
    scoped
        .administer(move |tx, permit| async move {
            if tx.viewer().user_id() == Some(id) {
                return Err(Error::forbidden_field("input.id"));
            }
            tx.touch_rights(Touched::User(id)).await?;
            let found = repo::user(&tx, id).await?;
            disable_within(&tx, &permit, found, &said, disabled).await
        })
        .await
}

async fn disable_within(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    found: Option<Row<user::Entity>>,
    said: &Said,
    disabled: bool,
) -> Result<(), Error> {
    let row = managed(tx, permit, found).await?;
    let roles = repo::open_posts(tx, vec![row.model.id]).await?.into_iter().map(|post| post.role).collect();
    let matters = repo::may_administer(tx, roles).await?;
    let mut after = row.model.clone();
    after.disabled_at = disabled.then(|| after.disabled_at.unwrap_or_else(|| tx.now()));
    let id = after.id;
    let place = workplace(tx, id).await?.and_then(audit::at);
    let change = async {
        record::store(tx, permit, &row, place, said, after).await?;
        if disabled {
            sessions::end_all_of(tx, permit, id, Ending::Administrator).await?;
            repo::void_links_of(tx, permit, id).await?;
        }
        Ok(())
    };
    keeping_an_administrator(tx, matters, "input.id", change).await
}

/// A user that was looked for, seen whole by whoever manages them. Errors: NOT_FOUND, FORBIDDEN.
async fn managed(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    found: Option<Row<user::Entity>>,
) -> Result<Row<user::Entity>, Error> {
    let mut row = found.ok_or_else(Error::not_found)?;
    if !may_manage(tx, permit, &row.model).await? {
        return Err(Error::forbidden());
    }
    row.level = Level::Full;
    Ok(row)
}

/// Sets a password, ends the sessions of its user, and voids their links. Errors: FORBIDDEN, NOT_FOUND.
pub async fn set_password(scoped: &Scoped, username: &str, hash: String) -> Result<(), Error> {
    let names = vec![username.to_owned()];
    scoped
        .administer(move |tx, permit| async move {
            let found = repo::users_by_names(&tx, names).await?.into_iter().next();
            if let Some(row) = &found {
                tx.touch_rights(Touched::User(row.model.id)).await?;
            }
            let before = managed(&tx, &permit, found).await?.model;
            let mut after = user::Model { password_hash: Some(hash), ..before.clone() };
            user::Entity::stamp(&mut after, tx.now());
            if tx.save::<user::Entity, _>(&permit, &before, &after).await? == 0 {
                return Err(Error::forbidden());
            }
            let changes = json!({ "password": "changed" }).as_object().cloned().unwrap_or_default();
            let place = workplace(&tx, after.id).await?.and_then(audit::at);
            audit::record(&tx, vec![Entry::of::<OrganisationAdminister>(RecordType::User, after.id, place, changes)]).await?;
            repo::void_links_of(&tx, &permit, after.id).await?;
            sessions::end_all_of(&tx, &permit, after.id, Ending::Password).await.map(|_| ())
        })
        .await
}

/// Disables a user of this name from the next request on. Errors: FORBIDDEN, NOT_FOUND, CONFLICT for the last who administers the group.
pub async fn disable(scoped: &Scoped, username: &str) -> Result<(), Error> {
    let names = vec![username.to_owned()];
    scoped
        .administer(move |tx, permit| async move {
            let found = repo::users_by_names(&tx, names).await?.into_iter().next();
            let id = found.as_ref().map(|row| row.model.id).ok_or_else(Error::not_found)?;
            tx.touch_rights(Touched::User(id)).await?;
            disable_within(&tx, &permit, found, &Said { fields: Vec::new(), expected_version: None }, true).await
        })
        .await
}
