//! Posts: giving, changing and ending them. Who may: whoever holds a post that administers the unit and whose role gives the role. Nobody
//! gives anything to oneself.

use entity::post::PostOrigin;
use entity::{ActiveEnum, PostId, Timestamp, UnitId, UserId, post};
use serde_json::json;
use uuid::Uuid;

use super::users::may_manage;
use super::{repo, rules, unless_archived};
use crate::access::action::OrganisationAdminister;
use crate::access::visible::Place;
use crate::access::{FieldClass, Level, Origin, Permit, Shifted};
use crate::audit::{self, Entry, RecordType};
use crate::db::{Row, Scoped, Touched};
use crate::error::{Error, Violation};
use crate::graphql::id::to_global;
use crate::patch::Patch;
use crate::record::{self, FieldOf, Record, Said, Shown};

const VALID_FROM: &str = "validFrom";
const VALID_TO: &str = "validTo";

const USER: Shown = Shown::Id(RecordType::User, |id| to_global(UserId(id)).0);

/// What audit rows tell of posts. Whoever administers a post sees all of it, and nobody else any.
const FIELDS: &[FieldOf<post::Model>] = &[
    FieldOf { name: "userId", class: FieldClass::Note, value: |row| json!(row.user_id.0), shown: Some(USER) },
    FieldOf { name: "role", class: FieldClass::Note, value: |row| json!(row.role), shown: None },
    FieldOf {
        name: "unitId",
        class: FieldClass::Note,
        value: |row| json!(row.unit_id.0),
        shown: Some(Shown::Id(RecordType::OrgUnit, |id| to_global(UnitId(id)).0)),
    },
    FieldOf { name: VALID_FROM, class: FieldClass::Note, value: |row| json!(row.valid_from.0), shown: Some(Shown::Moment) },
    FieldOf { name: VALID_TO, class: FieldClass::Note, value: |row| json!(row.valid_to.map(|at| at.0)), shown: Some(Shown::Moment) },
    FieldOf { name: "origin", class: FieldClass::Note, value: |row| json!(row.origin.to_value()), shown: None },
    FieldOf { name: "actingForId", class: FieldClass::Note, value: |row| json!(row.acting_for.map(|absent| absent.0)), shown: Some(USER) },
];

impl Record for post::Entity {
    const TYPE: RecordType = RecordType::Post;

    fn fields() -> &'static [FieldOf<post::Model>] {
        FIELDS
    }

    fn id(row: &post::Model) -> Uuid {
        row.id.0
    }

    fn version(row: &post::Model) -> i64 {
        row.version
    }

    fn stamp(row: &mut post::Model, now: Timestamp) {
        row.version += 1;
        row.updated_at = now;
    }
}

/// A post to be.
#[derive(Clone, Debug)]
pub struct NewPost {
    /// Who will hold it.
    pub user: UserId,
    /// A role's code.
    pub role: String,
    /// Where.
    pub unit: UnitId,
    /// Its first moment.
    pub valid_from: Timestamp,
    /// The first moment without it; none: open.
    pub valid_to: Option<Timestamp>,
    /// Who is absent, of an acting post.
    pub acting_for: Option<UserId>,
}

impl NewPost {
    /// Is a post that stands the same but for its time?
    pub(super) fn is_another(&self, stands: &post::Model) -> bool {
        (self.user, self.unit, self.acting_for) == (stands.user_id, stands.unit_id, stands.acting_for) && self.role == stands.role
    }
}

/// What changes of a post.
#[derive(Clone, Debug)]
pub struct PostChange {
    /// Which.
    pub id: PostId,
    /// Its first moment; only of a post that has yet to begin.
    pub valid_from: Option<Timestamp>,
    /// The first moment without it.
    pub valid_to: Patch<Timestamp>,
    /// The version that it was made against; none: whatever stands.
    pub expected_version: Option<i64>,
}

/// May the caller give this role there? It takes one post that both administers the unit and may give the role.
pub fn may_give(tx: &Scoped, permit: &Permit<OrganisationAdminister>, role: &str, unit: UnitId) -> bool {
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

/// Does the caller administer this user: by an open post at one of the caller's units, or everybody?
pub async fn administers(tx: &Scoped, user: UserId) -> Result<bool, Error> {
    Ok(repo::administered(tx.clone(), vec![user]).await?.contains_key(&user))
}

/// Does what may take away the last who administers the group, and takes it back where it does. `matters` is false where it cannot.
/// Errors: those of `change`; CONFLICT.
pub(super) async fn keeping_an_administrator<T>(
    tx: &Scoped,
    matters: bool,
    field: &str,
    change: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let had = matters && tx.keeps_an_administrator().await?;
    let done = change.await?;
    if had && !tx.keeps_an_administrator().await? {
        return Err(Error::last_administrator(field));
    }
    Ok(done)
}

/// Gives a post. Errors: FORBIDDEN, NOT_FOUND for user and unit, BAD_USER_INPUT, CONFLICT where the user holds the same post at that time,
/// and for a role that takes away the last who administers the group.
pub async fn give(scoped: &Scoped, new: NewPost) -> Result<post::Model, Error> {
    scoped.administer(move |tx, permit| async move { give_within(&tx, &permit, new).await }).await
}

/// Whose rights giving a post would change, and how. Errors: those of giving it.
pub async fn preview(scoped: &Scoped, new: NewPost) -> Result<Vec<Shifted>, Error> {
    scoped.rehearse(move |tx, permit| async move { give_within(&tx, &permit, new).await.map(|_| ()) }).await
}

async fn give_within(tx: &Scoped, permit: &Permit<OrganisationAdminister>, new: NewPost) -> Result<post::Model, Error> {
    tx.touch_rights(Touched::User(new.user)).await?;
    Error::unless_empty(violations(tx, &new, "input").await?)?;
    if repo::user(tx, new.user).await?.is_none() {
        return Err(Error::not_found_field("input.userId"));
    }
    if tx.viewer().user_id() == Some(new.user) || !administers(tx, new.user).await? {
        return Err(Error::forbidden_field("input.userId"));
    }
    check_unit(tx, permit, &new, "input").await?;
    check_reach_of_denies(tx, permit, &new).await?;
    let held = repo::posts_at(tx, new.user, new.unit).await?;
    check_absent_holder(tx, &new).await?;
    check_overlap(&new, held.iter())?;
    let takes_away = tx.viewer().table().takes_away(&new.role);
    keeping_an_administrator(tx, takes_away, "input.role", insert(tx, permit, new)).await
}

/// What a role denies, it takes away from all posts of its holder: such a role is given by whoever could give them all. Errors: FORBIDDEN.
pub(super) async fn check_reach_of_denies(tx: &Scoped, permit: &Permit<OrganisationAdminister>, new: &NewPost) -> Result<(), Error> {
    if !tx.viewer().table().takes_away(&new.role) {
        return Ok(());
    }
    let account = repo::user(tx, new.user).await?.ok_or_else(|| Error::not_found_field("input.userId"))?.model;
    if may_manage(tx, permit, &account).await? { Ok(()) } else { Err(Error::forbidden_field("input.role")) }
}

/// What is wrong with a post to be, whoever gives it. `input` is where it stands in the input.
pub(super) async fn violations(tx: &Scoped, new: &NewPost, input: &str) -> Result<Vec<Violation>, Error> {
    let mut wrong = rules::period_violations(input, new.valid_from, new.valid_to, tx.now());
    if repo::role(tx, &new.role).await?.is_none() {
        wrong.push(Violation::new(format!("{input}.role"), "unknown", "is not the code of a role", "不是角色代码"));
    }
    if new.acting_for == Some(new.user) {
        wrong.push(Violation::new(format!("{input}.actingForId"), "oneself", "nobody acts for oneself", "不能代理自己"));
    }
    if new.acting_for.is_some() && new.valid_to.is_none() {
        wrong.push(Violation::new(
            format!("{input}.validTo"),
            "required",
            "acting is for a time: say until when",
            "代理岗位必须有结束时间",
        ));
    }
    Ok(wrong)
}

/// A post stands at a unit that is open, and is given by whoever may. Errors: NOT_FOUND, FORBIDDEN, BAD_USER_INPUT.
pub(super) async fn check_unit(tx: &Scoped, permit: &Permit<OrganisationAdminister>, new: &NewPost, input: &str) -> Result<(), Error> {
    let unit = repo::unit_for_share(tx, new.unit).await?.ok_or_else(|| Error::not_found_field(format!("{input}.unitId")))?;
    if !may_give(tx, permit, &new.role, new.unit) {
        return Err(Error::forbidden_field(format!("{input}.role")));
    }
    unless_archived(&unit.model, &format!("{input}.unitId"))
}

/// Who is absent holds that role there in their own name, for all the time that somebody acts. Errors: NOT_FOUND, BAD_USER_INPUT.
async fn check_absent_holder(tx: &Scoped, new: &NewPost) -> Result<(), Error> {
    let Some(absent) = new.acting_for else { return Ok(()) };
    let field = "input.actingForId";
    if repo::user(tx, absent).await?.is_none() {
        return Err(Error::not_found_field(field));
    }
    let covers = |post: &post::Model| {
        let in_time = post.valid_from <= new.valid_from && post.valid_to.is_none_or(|end| new.valid_to.is_some_and(|to| to <= end));
        post.role == new.role && post.origin == PostOrigin::Direct && in_time
    };
    if repo::posts_at(tx, absent, new.unit).await?.iter().any(covers) {
        return Ok(());
    }
    let wrong = Violation::new(
        field,
        "post",
        "does not hold this role there in their own name for all that time",
        "在该期间未以本人名义在该单位担任此角色",
    );
    Err(Error::invalid(wrong))
}

/// Nobody holds the same post twice at a time. Errors: CONFLICT.
fn check_overlap<'a>(new: &NewPost, held: impl Iterator<Item = &'a post::Model>) -> Result<(), Error> {
    let before = |end: Option<Timestamp>, begin: Timestamp| end.is_some_and(|end| end <= begin);
    let meets = |post: &post::Model| !before(post.valid_to, new.valid_from) && !before(new.valid_to, post.valid_from);
    if held.filter(|post| new.is_another(post) && post.valid_to != Some(post.valid_from)).any(meets) {
        let wrong =
            Violation::new("input.validFrom", "overlap", "the user holds the same post within that time", "该用户在此期间已担任同一岗位");
        return Err(Error::clash(wrong));
    }
    Ok(())
}

/// Adds a post with its audit row. The user can do more from now on: whoever made an open link could not foresee that, and it is void.
pub(super) async fn insert(tx: &Scoped, permit: &Permit<OrganisationAdminister>, new: NewPost) -> Result<post::Model, Error> {
    let now = tx.now();
    let post = post::Model {
        id: tx.clock().id(),
        user_id: new.user,
        role: new.role,
        unit_id: new.unit,
        valid_from: new.valid_from,
        valid_to: new.valid_to,
        created_at: now,
        origin: if new.acting_for.is_some() { PostOrigin::Acting } else { PostOrigin::Direct },
        acting_for: new.acting_for,
        updated_at: now,
        version: 1,
    };
    let place = Place { unit: post.unit_id, owner: None };
    tx.insert::<post::Entity, _>(permit, vec![(place, post.clone())]).await?;
    let changes = FIELDS.iter().map(|field| (field.name, (field.value)(&post))).filter(|(_, value)| !value.is_null());
    let changes = changes.map(|(name, value)| (name.to_owned(), json!([null, value]))).collect();
    audit::record(tx, vec![Entry::of::<OrganisationAdminister>(RecordType::Post, post.id, Some(place), changes)]).await?;
    repo::void_links_of(tx, permit, post.user_id).await?;
    Ok(post)
}

/// Changes the time of a post. Errors: NOT_FOUND, FORBIDDEN (also for one's own), BAD_USER_INPUT, CONFLICT.
pub async fn change(scoped: &Scoped, change: PostChange) -> Result<post::Model, Error> {
    scoped
        .administer(move |tx, permit| async move {
            let row = given(&tx, &permit, change.id).await?;
            if tx.viewer().user_id() == Some(row.model.user_id) {
                return Err(Error::forbidden_field("input.id"));
            }
            let mut after = row.model.clone();
            after.valid_from = change.valid_from.unwrap_or(after.valid_from);
            change.valid_to.clone().apply(&mut after.valid_to);
            check_change(&tx, &permit, &row.model, &after).await?;
            let spoken = [(VALID_FROM, change.valid_from.is_some()), (VALID_TO, change.valid_to.is_said())];
            let fields = spoken.into_iter().filter(|(_, said)| *said).map(|(field, _)| field).collect();
            store(&tx, &permit, &row, Said { fields, expected_version: change.expected_version }, after, "input.id").await
        })
        .await
}

async fn check_change(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    before: &post::Model,
    after: &post::Model,
) -> Result<(), Error> {
    let now = tx.now();
    if before.valid_to.is_some_and(|end| end <= now) {
        return Err(Error::invalid(Violation::new("input.id", "ended", "has ended: give a new post instead", "岗位已结束，请重新授予")));
    }
    let mut wrong = Vec::new();
    if before.valid_from <= now && before.valid_from != after.valid_from {
        wrong.push(Violation::new(
            "input.validFrom",
            "begun",
            "the post has begun: its first moment stays",
            "岗位已开始，开始时间不可更改",
        ));
    }
    if after.acting_for.is_some() && after.valid_to.is_none() {
        wrong.push(Violation::new("input.validTo", "required", "acting is for a time: say until when", "代理岗位必须有结束时间"));
    }
    if (before.valid_from, before.valid_to) != (after.valid_from, after.valid_to) {
        wrong.extend(rules::period_violations("input", after.valid_from, after.valid_to, now));
    }
    Error::unless_empty(wrong)?;
    let as_new = NewPost {
        user: after.user_id,
        role: after.role.clone(),
        unit: after.unit_id,
        valid_from: after.valid_from,
        valid_to: after.valid_to,
        acting_for: after.acting_for,
    };
    let is_longer =
        after.valid_from < before.valid_from || before.valid_to.is_some_and(|end| after.valid_to.is_none_or(|longer| longer > end));
    if is_longer {
        check_unit(tx, permit, &as_new, "input").await?;
        check_reach_of_denies(tx, permit, &as_new).await?;
        check_absent_holder(tx, &as_new).await?;
    }
    let held = repo::posts_at(tx, after.user_id, after.unit_id).await?;
    check_overlap(&as_new, held.iter().filter(|post| post.id != after.id))
}

/// Ends a post, now or at a moment to come; one that has not begun by then never counts. Errors: NOT_FOUND, FORBIDDEN, BAD_USER_INPUT,
/// CONFLICT, also for the last who administers the group.
pub async fn end(scoped: &Scoped, id: PostId, at: Option<Timestamp>, expected_version: Option<i64>) -> Result<post::Model, Error> {
    scoped
        .administer(move |tx, permit| async move {
            let row = given(&tx, &permit, id).await?;
            let now = tx.now();
            let at = at.unwrap_or(now);
            Error::unless_empty(rules::end_violation("input.at", at, now).into_iter().collect())?;
            let mut after = row.model.clone();
            if after.valid_to.is_none_or(|end| end > at) {
                after.valid_from = after.valid_from.min(at);
                after.valid_to = Some(at);
            }
            store(&tx, &permit, &row, Said { fields: Vec::new(), expected_version }, after, "input.id").await
        })
        .await
}

/// A post that the caller could have given, held until the unit of work ends. Posts are shown to those who administer their unit, and to
/// their holder. Errors: NOT_FOUND, FORBIDDEN.
async fn given(tx: &Scoped, permit: &Permit<OrganisationAdminister>, id: PostId) -> Result<Row<post::Entity>, Error> {
    let user = repo::post(tx, id).await?.ok_or_else(Error::not_found)?.model.user_id;
    tx.touch_rights(Touched::User(user)).await?;
    let mut row = repo::post(tx, id).await?.ok_or_else(Error::not_found)?;
    let place = Place { unit: row.model.unit_id, owner: None };
    if !tx.reaches(permit, place) && tx.viewer().user_id() != Some(user) {
        return Err(Error::not_found());
    }
    if !may_give(tx, permit, &row.model.role, row.model.unit_id) {
        return Err(Error::forbidden());
    }
    row.level = Level::Full;
    row.place = Some(place);
    Ok(row)
}

async fn store(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    row: &Row<post::Entity>,
    said: Said,
    after: post::Model,
    field: &str,
) -> Result<post::Model, Error> {
    let matters = repo::may_administer(tx, vec![row.model.role.clone()]).await?;
    let stored = keeping_an_administrator(tx, matters, field, record::store(tx, permit, row, row.place, &said, after)).await?;
    Ok(stored.unwrap_or_else(|| row.model.clone()))
}
