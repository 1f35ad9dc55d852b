//! Delegations: a user lends some actions of a post of its own to somebody else, for at most 30 days. What is lent is cut to the lender's
//! rights whenever the delegate's are compiled; nothing here has to look after that.

use entity::{DelegationId, PostId, Timestamp, UserId, delegation};
use serde_json::json;

use super::repo;
use crate::access::action::OrganisationAdminister;
use crate::access::{Action, ActivePost, Level, Permits, Resource, may_be_lent};
use crate::audit::{self, Changes, Entry, RecordType};
use crate::db::{Row, Scoped, Touched};
use crate::error::{Error, Violation};

/// The longest that something is lent.
pub const LONGEST_DAYS: i64 = 30;
const DAY_SECONDS: i64 = 24 * 3_600;

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
/// does not give or that are never lent, BAD_USER_INPUT.
pub async fn lend(scoped: &Scoped, new: NewDelegation) -> Result<DelegationRow, Error> {
    let viewer = scoped.viewer();
    let me = viewer.user_id().ok_or_else(Error::forbidden)?;
    if viewer.delegations().iter().any(|lent| lent.post.id == new.post) {
        return Err(wrong("input.postId", "passed_on", "is lent to you, and is not passed on", "是他人委托给您的，不能再转委托"));
    }
    let post = viewer.posts().iter().find(|post| post.held.id == new.post).ok_or_else(|| Error::not_found_field("input.postId"))?.clone();
    if post.held.acting_for.is_some() {
        return Err(wrong("input.postId", "passed_on", "is held for somebody else, and is not passed on", "是代理岗位，不能再转委托"));
    }
    let now = scoped.now();
    Error::unless_empty(time_violations(&new, now))?;
    if new.delegate == me {
        return Err(wrong("input.delegateId", "oneself", "must be somebody else", "必须是他人"));
    }
    check_actions(scoped, &post, &new.actions)?;
    scoped
        .transaction(move |tx| async move {
            check_delegate(&tx, &post, new.delegate).await?;
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
            audit::record(&tx, vec![Entry::event(RecordType::Delegation, id, "lend", changes).standing_at(post.held.unit)]).await?;
            tx.touch_rights(Touched::User(new.delegate)).await?;
            tx.find::<delegation::Entity>().id(id.0).one().await?.ok_or_else(Error::not_found)
        })
        .await
}

/// Ends what the caller has lent, or what is lent of a post that it administers. What has ended stays as it is. Errors: NOT_FOUND,
/// FORBIDDEN for whoever merely borrows.
pub async fn end(scoped: &Scoped, id: DelegationId) -> Result<DelegationRow, Error> {
    scoped
        .transaction(move |tx| async move {
            let mut row = tx.find::<delegation::Entity>().id(id.0).for_update().one().await?.ok_or_else(Error::not_found)?;
            let now = tx.now();
            if row.model.valid_to <= now {
                return Ok(row);
            }
            let mut after = row.model.clone();
            after.valid_to = now;
            after.updated_at = now;
            after.version += 1;
            let ended = match tx.save_own::<delegation::Entity>(&row.model, &after).await? {
                0 => tx.save::<delegation::Entity, _>(&tx.viewer().permit::<OrganisationAdminister>()?, &row.model, &after).await?,
                own => own,
            };
            if ended == 0 {
                return Err(Error::forbidden());
            }
            let mut changes = Changes::new();
            audit::note(&mut changes, "validTo", json!(row.model.valid_to.0), json!(now.0));
            audit::record(&tx, vec![Entry::event(RecordType::Delegation, id, "end", changes)]).await?;
            tx.touch_rights(Touched::User(after.delegate_id)).await?;
            row.model = after;
            Ok(row)
        })
        .await
}

/// What a delegation lends.
pub fn pairs(row: &delegation::Model) -> Vec<(Resource, Action)> {
    let pair = |word: &str| {
        let (resource, action) = word.split_once(':')?;
        Some((Resource::from_word(resource)?, Action::from_word(action)?))
    };
    row.actions.as_array().into_iter().flatten().filter_map(|word| pair(word.as_str()?)).collect()
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
    let mut wrong = Vec::new();
    if from < now {
        wrong.push(Violation::new("input.validFrom", "past", "must not lie in the past", "不能早于现在"));
    }
    if new.valid_to <= from {
        wrong.push(Violation::new("input.validTo", "order", "must come after validFrom", "必须晚于 validFrom"));
    } else if new.valid_to > from.plus_seconds(LONGEST_DAYS * DAY_SECONDS) {
        wrong.push(Violation::new("input.validTo", "length", "must come within 30 days of validFrom", "委托最长30天"));
    }
    if new.actions.is_empty() {
        wrong.push(Violation::required("input.actions"));
    }
    wrong
}

/// Nobody lends what the post does not give, what a deny takes away, or what is never lent.
fn check_actions(scoped: &Scoped, post: &ActivePost, actions: &[(Resource, Action)]) -> Result<(), Error> {
    let (viewer, role) = (scoped.viewer(), &post.held.role);
    let sensitive = viewer.table().delegates_sensitive(role);
    let gives = |(resource, action): &(Resource, Action)| {
        !viewer.table().grants(role, *resource, *action).is_empty() && !viewer.arms(*resource, *action).is_empty()
    };
    match actions.iter().all(|pair| gives(pair) && may_be_lent(*pair, sensitive)) {
        true => Ok(()),
        false => Err(Error::forbidden_field("input.actions")),
    }
}

/// The delegate is in sight, enabled, holds a post, and no SINGLE border stands between.
async fn check_delegate(tx: &Scoped, post: &ActivePost, delegate: UserId) -> Result<(), Error> {
    let field = "input.delegateId";
    let known = repo::user(tx, delegate).await?.filter(|user| user.model.disabled_at.is_none());
    known.ok_or_else(|| Error::not_found_field(field))?;
    let tree = tx.viewer().tree();
    let theirs = repo::active_posts(tx, vec![delegate]).await?;
    let across = theirs.iter().any(|theirs| tree.borders(theirs.unit_id) == tree.borders(post.held.unit));
    match across {
        true => Ok(()),
        false => Err(wrong(field, "border", "holds no post on the same side of a SINGLE unit", "与该岗位之间隔着独立经营的单位")),
    }
}
