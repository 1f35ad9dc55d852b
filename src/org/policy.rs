//! Rows of the policy: adding, removing, and telling beforehand whom that touches. Who may: whoever administers the whole group by a post
//! whose role gives the role in question, and never to one's own advantage.

use entity::{PolicyRuleId, delegation, policy_rule};
use serde_json::json;

use super::posts::keeping_an_administrator;
use super::repo;
use crate::access::action::OrganisationAdminister;
use crate::access::visible::Place;
use crate::access::{Action, Area, Level, MalformedPolicy, Origin, Permit, Permits, Reach, Resource, Shifted};
use crate::audit::{self, Changes, Entry, RecordType, note};
use crate::db::{Scoped, Touched};
use crate::error::{Error, Violation};

const ALLOW: &str = "allow";
const DENY: &str = "deny";
const ANY: &str = "*";

/// A row of the policy to be.
#[derive(Clone, Debug)]
pub struct NewRule {
    /// A role's code.
    pub role: String,
    /// What it is done to.
    pub resource: Resource,
    /// What is done.
    pub action: Action,
    /// How far and how clearly; none: denied.
    pub grant: Option<(Reach, Level)>,
}

impl NewRule {
    fn reach(&self) -> &'static str {
        self.grant.map_or(ANY, |(reach, _)| reach.word())
    }

    fn level(&self) -> &'static str {
        self.grant.map_or(ANY, |(_, level)| level.word())
    }

    fn effect(&self) -> &'static str {
        if self.grant.is_some() { ALLOW } else { DENY }
    }

    /// Is a row that stands the same but for its level?
    fn is_another(&self, stands: &policy_rule::Model) -> bool {
        stands.role == self.role
            && stands.resource == self.resource.word()
            && stands.action == self.action.word()
            && stands.reach == self.reach()
            && stands.effect == self.effect()
    }
}

/// A change of the policy, as it is previewed.
#[derive(Clone, Debug)]
pub struct PolicyChange {
    /// Rows to be added.
    pub add: Vec<NewRule>,
    /// Rows to be removed, before any is added.
    pub remove: Vec<PolicyRuleId>,
}

/// Only for whoever administers the whole group. Errors: FORBIDDEN.
pub fn whole_group(scoped: &Scoped) -> Result<(), Error> {
    let permit = scoped.viewer().permit::<OrganisationAdminister>()?;
    if scoped.reaches(&permit, Place::NOWHERE) { Ok(()) } else { Err(Error::forbidden()) }
}

/// May the caller shape this role? It takes one post that administers the whole group and may give the role.
pub(super) fn may_shape(tx: &Scoped, permit: &Permit<OrganisationAdminister>, role: &str) -> bool {
    let viewer = tx.viewer();
    permit.arms().iter().filter(|arm| arm.area == Area::Group).any(|arm| match &arm.origin {
        Origin::System => true,
        Origin::Post { post, .. } => {
            let held = viewer.posts().iter().find(|active| active.held.id == *post);
            held.is_some_and(|active| viewer.table().gives(&active.held.role, role))
        }
        Origin::Delegation { .. } | Origin::Standing => false,
    })
}

/// Do the caller's rights depend on this role: held now or to come, by the caller or by somebody who lends to the caller? All roles of a
/// lender count, since their denies cut what is lent.
pub(super) async fn is_own(tx: &Scoped, role: &str) -> Result<bool, Error> {
    let Some(me) = tx.viewer().user_id() else { return Ok(false) };
    let lent = repo::open_delegations(tx, delegation::Column::DelegateId, me).await?;
    let people = lent.iter().map(|lent| lent.delegator_id).chain([me]).collect();
    Ok(repo::open_posts(tx, people).await?.iter().any(|post| post.role == role))
}

/// Adds a row; where the same stands at a lower level, that is raised. Errors: FORBIDDEN (also for more rights of one's own), BAD_USER_INPUT,
/// CONFLICT where it stands already.
pub async fn add(scoped: &Scoped, rule: NewRule) -> Result<policy_rule::Model, Error> {
    scoped
        .administer(move |tx, permit| async move {
            whole_group(&tx)?;
            tx.touch_rights(Touched::Group).await?;
            let denies = rule.grant.is_none();
            let change = async {
                let stands = add_within(&tx, &permit, rule, "input").await?;
                check_policy(&tx, "input").await.map(|()| stands)
            };
            keeping_an_administrator(&tx, denies, "input.role", change).await
        })
        .await
}

/// Removes a row. Errors: NOT_FOUND, FORBIDDEN (also for more rights of one's own), CONFLICT for the last who administers the group.
pub async fn remove(scoped: &Scoped, id: PolicyRuleId) -> Result<(), Error> {
    scoped
        .administer(move |tx, permit| async move {
            whole_group(&tx)?;
            tx.touch_rights(Touched::Group).await?;
            let is_understood = tx.understands(id).await?;
            let change = async {
                remove_within(&tx, &permit, id, "input.id").await?;
                // Of several rows that nobody understands one must be the first to go.
                if is_understood { check_policy(&tx, "input.id").await } else { Ok(()) }
            };
            keeping_an_administrator(&tx, true, "input.id", change).await
        })
        .await
}

/// Whose rights a change of the policy would touch, and how. Errors: those of making it.
pub async fn preview(scoped: &Scoped, change: PolicyChange) -> Result<Vec<Shifted>, Error> {
    scoped
        .rehearse(move |tx, permit| async move {
            whole_group(&tx)?;
            tx.touch_rights(Touched::Group).await?;
            let change = async {
                for (at, id) in change.remove.into_iter().enumerate() {
                    remove_within(&tx, &permit, id, &format!("remove.{at}")).await?;
                }
                for (at, rule) in change.add.into_iter().enumerate() {
                    add_within(&tx, &permit, rule, &format!("add.{at}")).await?;
                }
                check_policy(&tx, "add").await
            };
            keeping_an_administrator(&tx, true, "remove", change).await
        })
        .await
}

async fn add_within(tx: &Scoped, permit: &Permit<OrganisationAdminister>, rule: NewRule, input: &str) -> Result<policy_rule::Model, Error> {
    let mut wrong = Vec::new();
    if repo::role(tx, &rule.role).await?.is_none() {
        wrong.push(unknown_role(format!("{input}.role")));
    }
    if !rule.resource.actions().contains(&rule.action) {
        wrong.push(Violation::new(
            format!("{input}.action"),
            "unknown",
            format!("is no action on {}", rule.resource.word()),
            format!("不是{}的操作", rule.resource.word()),
        ));
    }
    if rule.grant.is_some_and(|(reach, _)| reach == Reach::Own) && !rule.resource.is_owned() {
        wrong.push(Violation::new(
            format!("{input}.reach"),
            "unowned",
            format!("is not SELF: nobody owns anything of {}", rule.resource.word()),
            format!("不能为SELF：{}没有归属人", rule.resource.word()),
        ));
    }
    Error::unless_empty(wrong)?;
    if !may_shape(tx, permit, &rule.role) || (rule.grant.is_some() && is_own(tx, &rule.role).await?) {
        return Err(Error::forbidden_field(format!("{input}.role")));
    }
    let same = repo::rules(tx).await?.into_iter().find(|stands| rule.is_another(stands));
    let mut changes = Changes::new();
    let row = match same {
        Some(stands) if is_raised(&stands, &rule) => {
            let raised = policy_rule::Model { level: rule.level().to_owned(), ..stands.clone() };
            tx.save::<policy_rule::Entity, _>(permit, &stands, &raised).await?;
            changes.insert("role".to_owned(), json!([rule.role, rule.role]));
            note(&mut changes, "level", json!(stands.level), json!(raised.level));
            raised
        }
        Some(_) => {
            let stands =
                Violation::new(format!("{input}.role"), "unique", "has this grant already, or a clearer one", "已有该授权或更高级别的授权");
            return Err(Error::clash(stands));
        }
        None => {
            let row = policy_rule::Model {
                id: tx.clock().id(),
                role: rule.role.clone(),
                resource: rule.resource.word().to_owned(),
                action: rule.action.word().to_owned(),
                reach: rule.reach().to_owned(),
                level: rule.level().to_owned(),
                effect: rule.effect().to_owned(),
            };
            tx.insert::<policy_rule::Entity, _>(permit, vec![(Place::NOWHERE, row.clone())]).await?;
            changes.extend(words(&row).map(|(field, word)| (field.to_owned(), json!([null, word]))));
            row
        }
    };
    tell(tx, &row, changes).await?;
    Ok(row)
}

/// Would the row that stands see more by this one?
fn is_raised(stands: &policy_rule::Model, rule: &NewRule) -> bool {
    rule.grant.is_some_and(|(_, level)| Level::from_word(&stands.level).is_none_or(|below| below < level))
}

async fn remove_within(tx: &Scoped, permit: &Permit<OrganisationAdminister>, id: PolicyRuleId, field: &str) -> Result<(), Error> {
    let row = repo::rule(tx, id).await?.ok_or_else(|| Error::not_found_field(field))?;
    if !may_shape(tx, permit, &row.role) || (row.effect != ALLOW && is_own(tx, &row.role).await?) {
        return Err(Error::forbidden_field(field));
    }
    if tx.remove::<policy_rule::Entity, _>(permit, &row).await? == 0 {
        return Err(Error::not_found_field(field));
    }
    let changes = words(&row).map(|(field, word)| (field.to_owned(), json!([word, null]))).collect();
    tell(tx, &row, changes).await
}

fn words(row: &policy_rule::Model) -> impl Iterator<Item = (&'static str, String)> {
    let words = [&row.role, &row.resource, &row.action, &row.reach, &row.level, &row.effect].map(Clone::clone);
    ["role", "resource", "action", "reach", "level", "effect"].into_iter().zip(words)
}

async fn tell(tx: &Scoped, row: &policy_rule::Model, changes: Changes) -> Result<(), Error> {
    let root = tx.viewer().tree().root().and_then(audit::at);
    audit::record(tx, vec![Entry::of::<OrganisationAdminister>(RecordType::PolicyRule, row.id, root, changes)]).await
}

pub(super) fn unknown_role(field: impl Into<String>) -> Violation {
    Violation::new(field, "unknown", "is not the code of a role", "不是角色代码")
}

/// The policy as it stands in this unit of work, read as it will be loaded. Errors: BAD_USER_INPUT, or CONFLICT where somebody has written
/// a row behind the server's back that nobody understands.
pub(super) async fn check_policy(tx: &Scoped, field: &str) -> Result<(), Error> {
    match tx.check_policy().await? {
        Ok(()) => Ok(()),
        Err(MalformedPolicy::Row { .. }) => Err(Error::clash(Violation::new(
            field,
            "policy",
            "cannot be taken into force: the policy holds a row that says nothing the server knows; remove that row first",
            "无法生效：策略中存在服务器无法识别的规则，请先删除该规则",
        ))),
        Err(error) => Err(Error::internal(error)),
    }
}
