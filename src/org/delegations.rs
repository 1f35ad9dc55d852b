//! Delegations: a user lends some actions of a post of its own to somebody else, for at most 30 days. What is lent is cut to the lender's
//! rights whenever the delegate's are compiled; nothing here has to look after that.

use entity::{DelegationId, PostId, Timestamp, UserId, delegation};
use serde_json::json;

use super::{repo, rules};
use crate::access::action::OrganisationAdminister;
use crate::access::{Action, ActivePost, Level, Permits, Resource, may_be_lent, pair_from_word};
use crate::audit::{self, Changes, Entry, RecordType};
use crate::db::{Row, Scoped, Touched};
use crate::error::{Error, Violation};

/// The longest that something is lent.
pub const LONGEST_DAYS: i64 = 30;
const DAY_SECONDS: i64 = 24 * 3_600;
/// So much has one user lent at a time, to whomever: whoever is lent something is not asked.
pub const MOST_OPEN: usize = 50;

/// A delegation as a viewer sees it.
pub type DelegationRow = Row<delegation::Entity>;

/// A delegation to be.
#[derive(Clone, Debug)]
pub struct NewDelegation {
    /// A post that the caller holds in its own name.
    pub post: PostId,
    /// To whom.
    pub delegate: UserId,
    /// What is lent.
    pub actions: Vec<(Resource, Action)>,
    /// The highest level that goes along.
    pub level: Level,
    /// Its first moment; none: now.
    pub valid_from: Option<Timestamp>,
    /// The first moment without it.
    pub valid_to: Timestamp,
}

/// Lends. Errors: NOT_FOUND for a post that the caller does not hold and for a delegate out of sight, FORBIDDEN for actions that the post
/// does not give or that are never lent, BAD_USER_INPUT, CONFLICT where the post is lent to the same user in that time.
pub async fn lend(scoped: &Scoped, new: NewDelegation) -> Result<DelegationRow, Error> {
    scoped.in_turn(move |tx| async move { lend_within(&tx, new).await }).await
}

async fn lend_within(tx: &Scoped, new: NewDelegation) -> Result<DelegationRow, Error> {
    let viewer = tx.viewer();
    let me = viewer.user_id().ok_or_else(Error::forbidden)?;
    if viewer.delegations().iter().any(|lent| lent.post.id == new.post) {
        return Err(wrong("input.postId", "passed_on", "is lent to you, and is not passed on", "是他人委托给您的，不能再转委托"));
    }
    let post = viewer.posts().iter().find(|post| post.held.id == new.post).ok_or_else(|| Error::not_found_field("input.postId"))?.clone();
    if post.held.acting_for.is_some() {
        return Err(wrong("input.postId", "passed_on", "is held for somebody else, and is not passed on", "是代理岗位，不能再转委托"));
    }
    let now = tx.now();
    Error::unless_empty(time_violations(&new, now))?;
    if new.delegate == me {
        return Err(wrong("input.delegateId", "oneself", "must be somebody else", "必须是他人"));
    }
    check_actions(tx, &post, &new.actions)?;
    check_delegate(tx, &post, new.delegate).await?;
    check_open(tx, me, &new, now).await?;
    let actions: Vec<String> = new.actions.iter().map(|(resource, action)| word(*resource, *action)).collect();
    let row = delegation::Model {
        id: tx.clock().id(),
        post_id: new.post,
        delegator_id: me,
        delegate_id: new.delegate,
        actions: json!(actions),
        level: new.level.word().to_owned(),
        valid_from: new.valid_from.unwrap_or(now),
        valid_to: new.valid_to,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let id = row.id;
    let mut changes = Changes::new();
    for (field, value) in [
        ("postId", json!(row.post_id.0)),
        ("delegateId", json!(row.delegate_id.0)),
        ("actions", row.actions.clone()),
        ("level", json!(row.level)),
        ("validFrom", json!(row.valid_from.0)),
        ("validTo", json!(row.valid_to.0)),
    ] {
        changes.insert(field.to_owned(), json!([null, value]));
    }
    tx.insert_own::<delegation::Entity>(row).await?;
    audit::record(tx, vec![Entry::event(RecordType::Delegation, id, "lend", changes).standing_at(post.held.unit)]).await?;
    tx.touch_rights(Touched::User(new.delegate)).await?;
    tx.find::<delegation::Entity>().id(id.0).one().await?.ok_or_else(Error::not_found)
}

/// Ends what the caller has lent or been lent, or what is lent of a post that it administers. What has ended stays as it is. Errors:
/// NOT_FOUND.
pub async fn end(scoped: &Scoped, id: DelegationId) -> Result<DelegationRow, Error> {
    scoped
        .in_turn(move |tx| async move {
            let mut row = tx.find::<delegation::Entity>().id(id.0).for_update().one().await?.ok_or_else(Error::not_found)?;
            let now = tx.now();
            if row.model.valid_to <= now {
                return Ok(row);
            }
            let mut after = row.model.clone();
            after.valid_to = now;
            after.updated_at = now;
            after.version += 1;
            if !repo::end_own_delegation(&tx, &row.model, &after).await?
                && tx.save::<delegation::Entity, _>(&tx.viewer().permit::<OrganisationAdminister>()?, &row.model, &after).await? == 0
            {
                return Err(Error::forbidden());
            }
            let unit = repo::units_of_posts(tx.clone(), vec![after.post_id]).await?.remove(&after.post_id);
            let mut changes = Changes::new();
            audit::note(&mut changes, "validTo", json!(row.model.valid_to.0), json!(now.0));
            audit::record(&tx, vec![Entry::event(RecordType::Delegation, id, "end", changes).standing_at(unit)]).await?;
            tx.touch_rights(Touched::User(after.delegate_id)).await?;
            row.model = after;
            Ok(row)
        })
        .await
}

/// What a delegation lends.
pub fn pairs(row: &delegation::Model) -> Vec<(Resource, Action)> {
    row.actions.as_array().into_iter().flatten().filter_map(|word| pair_from_word(word.as_str()?)).collect()
}

/// Resource and action as the table keeps them.
fn word(resource: Resource, action: Action) -> String {
    format!("{}:{}", resource.word(), action.word())
}

fn wrong(field: &str, rule: &'static str, en: &str, zh: &str) -> Error {
    Error::invalid(Violation::new(field, rule, en, zh))
}

fn time_violations(new: &NewDelegation, now: Timestamp) -> Vec<Violation> {
    let from = new.valid_from.unwrap_or(now);
    let mut wrong = rules::period_violations("input", from, Some(new.valid_to), now);
    if from < now {
        wrong.push(Violation::new("input.validFrom", "past", "must not lie in the past", "不能早于现在"));
    }
    if new.valid_to > from.plus_seconds(LONGEST_DAYS * DAY_SECONDS) {
        wrong.push(Violation::new("input.validTo", "length", "must come within 30 days of validFrom", "委托最长30天"));
    }
    if new.actions.is_empty() {
        wrong.push(Violation::required("input.actions"));
    }
    wrong
}

/// Nobody lends what the post does not give, what a deny takes away, or what is never lent.
fn check_actions(tx: &Scoped, post: &ActivePost, actions: &[(Resource, Action)]) -> Result<(), Error> {
    let (viewer, role) = (tx.viewer(), &post.held.role);
    let sensitive = viewer.table().delegates_sensitive(role);
    let gives = |(resource, action): &(Resource, Action)| {
        !viewer.table().grants(role, *resource, *action).is_empty() && !viewer.arms(*resource, *action).is_empty()
    };
    match actions.iter().all(|pair| gives(pair) && may_be_lent(*pair, sensitive)) {
        true => Ok(()),
        false => Err(Error::forbidden_field("input.actions")),
    }
}

/// Nobody lends a post to the same user twice at a time, nor more than so much. Errors: BAD_USER_INPUT, CONFLICT.
async fn check_open(tx: &Scoped, me: UserId, new: &NewDelegation, now: Timestamp) -> Result<(), Error> {
    let open = repo::open_delegations(tx, delegation::Column::DelegatorId, me).await?;
    let from = new.valid_from.unwrap_or(now);
    let meets = |lent: &delegation::Model| lent.valid_from < new.valid_to && from < lent.valid_to;
    if open.iter().any(|lent| (lent.post_id, lent.delegate_id) == (new.post, new.delegate) && meets(lent)) {
        let field = "input.validFrom";
        return Err(Error::clash(Violation::new(field, "overlap", "is lent to that user within that time", "在此期间已委托给该用户")));
    }
    match open.len() < MOST_OPEN {
        true => Ok(()),
        false => {
            Err(wrong("input", "most", "would be more than 50 delegations at a time: end some first", "同时最多50个委托，请先结束一些"))
        }
    }
}

/// The delegate is in sight, enabled, holds a post, and no SINGLE border stands between.
async fn check_delegate(tx: &Scoped, post: &ActivePost, delegate: UserId) -> Result<(), Error> {
    let field = "input.delegateId";
    let user = repo::user(tx, delegate).await?.ok_or_else(|| Error::not_found_field(field))?;
    let tree = tx.viewer().tree();
    let theirs = repo::active_posts(tx, vec![delegate]).await?;
    let across =
        user.model.disabled_at.is_none() && theirs.iter().any(|theirs| tree.borders(theirs.unit_id) == tree.borders(post.held.unit));
    match across {
        true => Ok(()),
        false => Err(wrong(field, "border", "holds no post on the same side of a SINGLE unit", "与该岗位之间隔着独立经营的单位")),
    }
}
