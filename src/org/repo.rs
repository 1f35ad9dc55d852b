//! Reading units, users and posts; and in a room of its own, what somebody signs in by.

use std::collections::HashMap;

use entity::{DueWorkId, PolicyRuleId, PostId, UnitId, UserId, delegation, due_work, org_unit, policy_rule, post, role, role_gives, user};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition};

use crate::access::action::OrganisationAdminister;
use crate::access::visible::open_posts as open;
use crate::access::{Action, Permit, Resource};
use crate::db::{KeyValue, Order, Query, Row, Scoped, Slice, Values};
use crate::error::Error;
use crate::org::federation::Subject;

mod account;

pub use account::{
    Which, end_own_sessions, end_sessions_of, live_sessions, open_link, own_account, own_account_held, remove_links_over_before,
    remove_sessions_over_before, rotate_session, session, set_own_password, use_link, void_links_of, void_own_links,
};

/// A unit as a viewer sees it.
pub type UnitRow = Row<org_unit::Entity>;
/// A user as a viewer sees them.
pub type UserRow = Row<user::Entity>;

/// One unit.
pub async fn unit(scoped: &Scoped, id: UnitId) -> Result<Option<UnitRow>, Error> {
    scoped.find::<org_unit::Entity>().id(id.0).one().await
}

/// One unit, as it stands until the unit of work ends: for whoever adds something to it.
pub async fn unit_for_share(scoped: &Scoped, id: UnitId) -> Result<Option<UnitRow>, Error> {
    scoped.find::<org_unit::Entity>().id(id.0).for_share().one().await
}

/// Several units, as they stand until the unit of work ends.
pub async fn units_for_share(scoped: &Scoped, ids: Vec<UnitId>) -> Result<HashMap<UnitId, UnitRow>, Error> {
    let most = ids.len() as u64;
    let rows = scoped.find::<org_unit::Entity>().ids(ids.into_iter().map(|id| id.0).collect()).for_share().all(most).await?;
    Ok(rows.into_iter().map(|row| (row.model.id, row)).collect())
}

/// One unit by its code.
pub async fn unit_by_code(scoped: &Scoped, code: &str) -> Result<Option<UnitRow>, Error> {
    scoped.find::<org_unit::Entity>().filter(Condition::all().add(org_unit::Column::Code.eq(code))).one().await
}

/// The same, as it stands until the unit of work ends.
pub async fn unit_by_code_for_share(scoped: &Scoped, code: &str) -> Result<Option<UnitRow>, Error> {
    scoped.find::<org_unit::Entity>().filter(Condition::all().add(org_unit::Column::Code.eq(code))).for_share().one().await
}

/// Every unit in sight.
pub async fn every_unit(scoped: &Scoped) -> Result<Vec<UnitRow>, Error> {
    scoped.find::<org_unit::Entity>().all(u64::from(u32::MAX)).await
}

/// The units with these ids.
pub async fn units_by_ids(scoped: Scoped, ids: Vec<UnitId>) -> Result<HashMap<UnitId, UnitRow>, Error> {
    let most = ids.len() as u64;
    let rows = scoped.find::<org_unit::Entity>().ids(ids.into_iter().map(|id| id.0).collect()).all(most).await?;
    Ok(rows.into_iter().map(|row| (row.model.id, row)).collect())
}

/// By code.
pub fn by_code(descending: bool) -> Order<org_unit::Entity> {
    Order {
        key: Expr::col((org_unit::Entity, org_unit::Column::Code)),
        key_of: |row| KeyValue::Text(row.code.clone()),
        id_of: |row| row.id.0,
        descending,
    }
}

/// One user.
pub async fn user(scoped: &Scoped, id: UserId) -> Result<Option<UserRow>, Error> {
    scoped.find::<user::Entity>().id(id.0).one().await
}

/// The users with these names.
pub async fn users_by_names(scoped: &Scoped, names: Vec<String>) -> Result<Vec<UserRow>, Error> {
    let most = names.len() as u64;
    scoped.find::<user::Entity>().filter(Condition::all().add(user::Column::Username.is_in(names))).all(most).await
}

/// Which of these user names are in use, by whomever.
pub async fn taken_usernames(scoped: &Scoped, permit: &Permit<OrganisationAdminister>, names: Vec<String>) -> Result<Vec<String>, Error> {
    scoped.taken_unscoped::<user::Entity, _>(permit, user::Column::Username, names, Condition::all()).await
}

/// Whom an issuer knows by this subject.
pub async fn user_of_subject(system: &Scoped, issuer: &str, subject: &str) -> Result<Option<UserId>, Error> {
    let known = Condition::all().add(user::Column::Issuer.eq(issuer)).add(user::Column::Subject.eq(subject));
    Ok(system.find::<user::Entity>().filter(known).one().await?.map(|row| row.model.id))
}

/// Does this issuer know anybody by this subject, whosoever sees them?
pub async fn is_taken(scoped: &Scoped, permit: &Permit<OrganisationAdminister>, held: &Subject) -> Result<bool, Error> {
    let of = Condition::all().add(user::Column::Issuer.eq(&held.issuer));
    let subjects = vec![held.subject.clone()];
    Ok(!scoped.taken_unscoped::<user::Entity, _>(permit, user::Column::Subject, subjects, of).await?.is_empty())
}

/// The users with these ids.
pub async fn users_by_ids(scoped: Scoped, ids: Vec<UserId>) -> Result<HashMap<UserId, UserRow>, Error> {
    let most = ids.len() as u64;
    let rows = scoped.find::<user::Entity>().ids(ids.into_iter().map(|id| id.0).collect()).all(most).await?;
    Ok(rows.into_iter().map(|row| (row.model.id, row)).collect())
}

fn active(scoped: &Scoped) -> Condition {
    let now = scoped.now();
    Condition::all().add(post::Column::ValidFrom.lte(now)).add(open(now))
}

/// Does the user hold an active post at one of these units?
pub async fn holds_post_at(scoped: &Scoped, user: UserId, units: Vec<UnitId>) -> Result<bool, Error> {
    let there = active(scoped).add(post::Column::UserId.eq(user)).add(post::Column::UnitId.is_in(units));
    Ok(scoped.find::<post::Entity>().filter(there).one().await?.is_some())
}

/// The posts of these users that have not ended, begun or not.
pub async fn open_posts(scoped: &Scoped, users: Vec<UserId>) -> Result<Vec<post::Model>, Error> {
    let now = scoped.now();
    let theirs = Condition::all().add(post::Column::UserId.is_in(users)).add(open(now));
    Ok(scoped.find::<post::Entity>().filter(theirs).all(u64::from(u32::MAX)).await?.into_iter().map(|row| row.model).collect())
}

/// Which of these unit codes are in use, by whatever unit. For callers who may create there.
pub async fn taken_codes(scoped: &Scoped, permit: &Permit<OrganisationAdminister>, codes: Vec<String>) -> Result<Vec<String>, Error> {
    scoped.taken_unscoped::<org_unit::Entity, _>(permit, org_unit::Column::Code, codes, Condition::all()).await
}

/// The posts of these users that count now, oldest first.
pub async fn active_posts(scoped: &Scoped, users: Vec<UserId>) -> Result<Vec<post::Model>, Error> {
    let theirs = active(scoped).add(post::Column::UserId.is_in(users));
    let mut posts: Vec<post::Model> =
        scoped.find::<post::Entity>().filter(theirs).all(u64::from(u32::MAX)).await?.into_iter().map(|row| row.model).collect();
    posts.sort_by_key(|post| (post.valid_from, post.id));
    Ok(posts)
}

/// The delegations in sight that have not ended, the last to end first.
pub fn delegations(scoped: &Scoped) -> (Query<delegation::Entity>, Order<delegation::Entity>) {
    let lasts = Condition::all().add(delegation::Column::ValidTo.gt(scoped.now()));
    let order = Order {
        key: Expr::col((delegation::Entity, delegation::Column::ValidTo)),
        key_of: |row: &delegation::Model| KeyValue::Int(row.valid_to.0),
        id_of: |row: &delegation::Model| row.id.0,
        descending: true,
    };
    (scoped.find().filter(lasts), order)
}

/// The delegations in sight that have not ended, begun or not, which this user has lent or been lent.
pub async fn open_delegations(scoped: &Scoped, of: delegation::Column, user: UserId) -> Result<Vec<delegation::Model>, Error> {
    let open = Condition::all().add(of.eq(user)).add(delegation::Column::ValidTo.gt(scoped.now()));
    Ok(scoped.find::<delegation::Entity>().filter(open).all(u64::from(u32::MAX)).await?.into_iter().map(|row| row.model).collect())
}

/// Writes that the viewer has ended what it had lent or been lent. False: it is neither, or has changed since it was read.
pub async fn end_own_delegation(tx: &Scoped, before: &delegation::Model, after: &delegation::Model) -> Result<bool, Error> {
    use delegation::Column;
    let stands = Condition::all().add(Column::Id.eq(before.id)).add(Column::Version.eq(before.version));
    let values: Values<delegation::Entity> = vec![
        (Column::ValidTo, Expr::val(after.valid_to)),
        (Column::UpdatedAt, Expr::val(after.updated_at)),
        (Column::Version, Expr::val(after.version)),
    ];
    Ok(!tx.change_own::<delegation::Entity>(stands, values).await?.is_empty())
}

/// The units of posts in sight.
pub async fn units_of_posts(scoped: Scoped, posts: Vec<PostId>) -> Result<HashMap<PostId, UnitId>, Error> {
    let most = posts.len() as u64;
    let rows = scoped.find::<post::Entity>().ids(posts.into_iter().map(|id| id.0).collect()).all(most).await?;
    Ok(rows.into_iter().map(|row| (row.model.id, row.model.unit_id)).collect())
}

/// The title of each user: of the oldest post among the viewer's own units, for whom the user is a colleague; else of the oldest.
pub async fn titles(scoped: Scoped, users: Vec<UserId>) -> Result<HashMap<UserId, String>, Error> {
    let mut titles = HashMap::new();
    let viewer = scoped.viewer();
    let own = viewer.arms(Resource::User, Action::Read);
    let mut posts = active_posts(&scoped, users).await?;
    posts.sort_by_key(|post| !own.iter().any(|arm| arm.reaches(viewer.tree(), post.unit_id, None)));
    for post in posts {
        if let Some(title) = scoped.viewer().table().title(&post.role) {
            titles.entry(post.user_id).or_insert_with(|| title.to_owned());
        }
    }
    Ok(titles)
}

fn is_planned_move() -> Condition {
    Condition::all().add(due_work::Column::Kind.eq(super::units::moving::KIND))
}

/// The moves of a unit that are planned and not done with, in order.
pub async fn pending_moves(scoped: &Scoped, unit: UnitId) -> Result<Vec<due_work::Model>, Error> {
    let pending = is_planned_move().add(due_work::Column::UnitId.eq(unit)).add(due_work::Column::DoneAt.is_null());
    let rows = scoped.find::<due_work::Entity>().filter(pending).all(u64::from(u32::MAX)).await?;
    let mut planned: Vec<due_work::Model> = rows.into_iter().map(|row| row.model).collect();
    planned.sort_by_key(|planned| (planned.due_at, planned.id));
    Ok(planned)
}

/// In the order in which planned moves fall due.
pub fn by_moment(descending: bool) -> Order<due_work::Entity> {
    Order {
        key: Expr::col((due_work::Entity, due_work::Column::DueAt)),
        key_of: |row| KeyValue::Int(row.due_at.0),
        id_of: |row| row.id.0,
        descending,
    }
}

fn is_due(scoped: &Scoped) -> Condition {
    is_planned_move().add(due_work::Column::DoneAt.is_null()).add(due_work::Column::DueAt.lte(scoped.now()))
}

/// What is to be done next of all that is due, but for those.
pub async fn next_due(scoped: &Scoped, except: &[DueWorkId]) -> Result<Option<due_work::Model>, Error> {
    let due = is_due(scoped).add(due_work::Column::Id.is_not_in(except.iter().copied()));
    let first = Slice { limit: 1, backwards: false, from: None };
    let page = scoped.find::<due_work::Entity>().filter(due).page(&by_moment(false), &first).await?;
    Ok(page.rows.into_iter().next().map(|row| row.model))
}

/// One thing that is due, held, where it has not been done with.
pub async fn due_now(scoped: &Scoped, id: DueWorkId) -> Result<Option<due_work::Model>, Error> {
    let row = scoped.find::<due_work::Entity>().id(id.0).filter(is_due(scoped)).for_update().one().await?;
    Ok(row.map(|row| row.model))
}

/// One planned move.
pub async fn planned_move(scoped: &Scoped, id: DueWorkId) -> Result<Option<Row<due_work::Entity>>, Error> {
    scoped.find::<due_work::Entity>().id(id.0).filter(is_planned_move()).one().await
}

/// The planned moves of a unit or of all, those ahead or those done with.
pub fn planned_moves(scoped: &Scoped, unit: Option<UnitId>, pending: Option<bool>) -> Query<due_work::Entity> {
    let done_at = due_work::Column::DoneAt;
    let which = is_planned_move()
        .add_option(unit.map(|unit| due_work::Column::UnitId.eq(unit)))
        .add_option(pending.map(|pending| if pending { done_at.is_null() } else { done_at.is_not_null() }));
    scoped.find::<due_work::Entity>().filter(which)
}

/// By name.
pub fn by_name(descending: bool) -> Order<user::Entity> {
    Order {
        key: Expr::col((user::Entity, user::Column::Name)),
        key_of: |row| KeyValue::Text(row.name.clone()),
        id_of: |row| row.id.0,
        descending,
    }
}

/// By user name.
pub fn by_username(descending: bool) -> Order<user::Entity> {
    Order {
        key: Expr::col((user::Entity, user::Column::Username)),
        key_of: |row| KeyValue::Text(row.username.clone()),
        id_of: |row| row.id.0,
        descending,
    }
}

/// Those of these users whom the viewer administers.
pub async fn administered(scoped: Scoped, users: Vec<UserId>) -> Result<HashMap<UserId, ()>, Error> {
    let most = users.len() as u64;
    let reached = scoped.reached_by::<user::Entity, OrganisationAdminister>();
    let ids = users.into_iter().map(|user| user.0).collect();
    let rows = scoped.find::<user::Entity>().ids(ids).filter(reached).all(most).await?;
    Ok(rows.into_iter().map(|row| (row.model.id, ())).collect())
}

/// Every post of these users at a unit that the viewer administers, past and to come too, oldest first.
pub async fn administered_posts(scoped: Scoped, users: Vec<UserId>) -> Result<HashMap<UserId, Vec<post::Model>>, Error> {
    let reached = scoped.reached_by::<post::Entity, OrganisationAdminister>().add(post::Column::UserId.is_in(users));
    let mut rows = scoped.find::<post::Entity>().filter(reached).all(u64::from(u32::MAX)).await?;
    rows.sort_by_key(|row| (row.model.valid_from, row.model.id));
    let mut posts: HashMap<UserId, Vec<post::Model>> = HashMap::new();
    for row in rows {
        posts.entry(row.model.user_id).or_default().push(row.model);
    }
    Ok(posts)
}

/// One post.
pub async fn post(scoped: &Scoped, id: PostId) -> Result<Option<Row<post::Entity>>, Error> {
    scoped.find::<post::Entity>().id(id.0).one().await
}

/// The versions of these posts.
pub async fn post_versions(scoped: Scoped, ids: Vec<PostId>) -> Result<HashMap<PostId, i64>, Error> {
    let most = ids.len() as u64;
    let rows = scoped.find::<post::Entity>().ids(ids.into_iter().map(|id| id.0).collect()).all(most).await?;
    Ok(rows.into_iter().map(|row| (row.model.id, row.model.version)).collect())
}

/// Every post of a user at a unit.
pub async fn posts_at(scoped: &Scoped, user: UserId, unit: UnitId) -> Result<Vec<post::Model>, Error> {
    let there = Condition::all().add(post::Column::UserId.eq(user)).add(post::Column::UnitId.eq(unit));
    Ok(scoped.find::<post::Entity>().filter(there).all(u64::from(u32::MAX)).await?.into_iter().map(|row| row.model).collect())
}

/// The open posts by which somebody acts for a user.
pub async fn acting_for(scoped: &Scoped, absent: UserId) -> Result<Vec<post::Model>, Error> {
    let theirs = Condition::all().add(post::Column::ActingFor.eq(absent)).add(open(scoped.now()));
    Ok(scoped.find::<post::Entity>().filter(theirs).all(u64::from(u32::MAX)).await?.into_iter().map(|row| row.model).collect())
}

/// Has anybody ever held a post of this role?
pub async fn was_ever_held(scoped: &Scoped, role: &str) -> Result<bool, Error> {
    Ok(scoped.find::<post::Entity>().filter(Condition::all().add(post::Column::Role.eq(role))).one().await?.is_some())
}

/// A role.
pub async fn role(scoped: &Scoped, code: &str) -> Result<Option<role::Model>, Error> {
    let found = scoped.find::<role::Entity>().filter(Condition::all().add(role::Column::Code.eq(code))).one().await?;
    Ok(found.map(|row| row.model))
}

/// Every role, by code.
pub async fn roles(scoped: &Scoped) -> Result<Vec<role::Model>, Error> {
    let mut roles: Vec<role::Model> =
        scoped.find::<role::Entity>().all(u64::from(u32::MAX)).await?.into_iter().map(|row| row.model).collect();
    roles.sort_by(|one, other| one.code.cmp(&other.code));
    Ok(roles)
}

/// What roles may give, every row.
pub async fn gives(scoped: &Scoped) -> Result<Vec<role_gives::Model>, Error> {
    let mut gives: Vec<role_gives::Model> =
        scoped.find::<role_gives::Entity>().all(u64::from(u32::MAX)).await?.into_iter().map(|row| row.model).collect();
    gives.sort_by(|one, other| (&one.role, &one.gives).cmp(&(&other.role, &other.gives)));
    Ok(gives)
}

/// Every row of the policy, oldest first.
pub async fn rules(scoped: &Scoped) -> Result<Vec<policy_rule::Model>, Error> {
    let mut rules: Vec<policy_rule::Model> =
        scoped.find::<policy_rule::Entity>().all(u64::from(u32::MAX)).await?.into_iter().map(|row| row.model).collect();
    rules.sort_by_key(|rule| rule.id);
    Ok(rules)
}

/// A row of the policy.
pub async fn rule(scoped: &Scoped, id: PolicyRuleId) -> Result<Option<policy_rule::Model>, Error> {
    Ok(scoped.find::<policy_rule::Entity>().id(id.0).one().await?.map(|row| row.model))
}

/// May any of these roles administer anything?
pub async fn may_administer(scoped: &Scoped, roles: Vec<String>) -> Result<bool, Error> {
    let administers = Condition::all()
        .add(policy_rule::Column::Role.is_in(roles))
        .add(policy_rule::Column::Resource.eq(Resource::Organisation.word()))
        .add(policy_rule::Column::Action.eq(Action::Administer.word()));
    Ok(scoped.find::<policy_rule::Entity>().filter(administers).one().await?.is_some())
}
