//! Rows of the policy: what a role may do, how far and how clearly.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use entity::{PolicyRuleId, policy_rule};

use super::preview::RightsPreview;
use crate::access;
use crate::error::{Error, Violation};
use crate::graphql::context::Ask;
use crate::graphql::id::{from_global, to_global};
use crate::graphql::limits::words::Rehearsal;
use crate::graphql::words::{Action, GrantReach, PolicyEffect, Resource, SightLevel};
use crate::org::policy::{self, NewRule, PolicyChange};

/// Most rows that one preview adds or removes.
const MOST: usize = 50;

/// A row of the policy: lets a role do something so far and so clearly, or denies it. A field is null where the row says something that the
/// server does not know: such a row keeps every change of the policy from counting until it is removed.
pub struct PolicyRule(pub policy_rule::Model);

/// A row of the policy: lets a role do something so far and so clearly, or denies it. A field is null where the row says something that the
/// server does not know: such a row keeps every change of the policy from counting until it is removed.
#[Object]
impl PolicyRule {
    /// The global id.
    async fn id(&self) -> ID {
        to_global(self.0.id)
    }

    /// The code of the role.
    async fn role(&self) -> &str {
        &self.0.role
    }

    /// What it is done to.
    async fn resource(&self) -> Option<Resource> {
        access::Resource::from_word(&self.0.resource).map(Into::into)
    }

    /// What is done.
    async fn action(&self) -> Option<Action> {
        access::Action::from_word(&self.0.action).map(Into::into)
    }

    /// How far, seen from the unit of the post; null where it is denied.
    async fn reach(&self) -> Option<GrantReach> {
        access::Reach::from_word(&self.0.reach).map(Into::into)
    }

    /// How clearly; counts for reading alone. Null where it is denied.
    async fn level(&self) -> Option<SightLevel> {
        access::Level::from_word(&self.0.level).map(Into::into)
    }

    /// Allows or denies. A deny takes the action away from whoever holds the role, whatever else they hold.
    async fn effect(&self) -> Option<PolicyEffect> {
        match self.0.effect.as_str() {
            "allow" => Some(PolicyEffect::Allow),
            "deny" => Some(PolicyEffect::Deny),
            _ => None,
        }
    }
}

/// A row of the policy to be.
#[derive(InputObject)]
pub struct PolicyRuleInput {
    /// The code of the role.
    role: String,
    /// What it is done to.
    resource: Resource,
    /// What is done.
    action: Action,
    /// How far, seen from the unit of the post; left out where it is denied.
    reach: Option<GrantReach>,
    /// How clearly; left out where it is denied. FULL for anything but reading.
    level: Option<SightLevel>,
    /// Allows or denies; allows where omitted.
    effect: Option<PolicyEffect>,
}

/// Which row of the policy.
#[derive(InputObject)]
pub struct RemovePolicyRuleInput {
    /// The row.
    id: ID,
}

/// What stands now.
#[derive(SimpleObject)]
pub struct PolicyRulePayload {
    /// The row as it stands.
    rule: PolicyRule,
}

/// What is gone.
#[derive(SimpleObject)]
pub struct RemovePolicyRulePayload {
    /// The id that the row had.
    id: ID,
}

impl PolicyRuleInput {
    /// The row in our words; `input` is where it stands. Errors: BAD_USER_INPUT for an allow without reach or level, and a deny with one.
    fn understood(self, input: &str) -> Result<NewRule, Error> {
        let mut wrong = Vec::new();
        let grant = match self.effect.unwrap_or(PolicyEffect::Allow) {
            PolicyEffect::Allow => {
                for (field, is_there) in [("reach", self.reach.is_some()), ("level", self.level.is_some())] {
                    if !is_there {
                        wrong.push(Violation::required(format!("{input}.{field}")));
                    }
                }
                self.reach.zip(self.level).map(|(reach, level)| (reach.into(), level.into()))
            }
            PolicyEffect::Deny => {
                for (field, is_there) in [("reach", self.reach.is_some()), ("level", self.level.is_some())] {
                    if is_there {
                        wrong.push(Violation::new(
                            format!("{input}.{field}"),
                            "deny",
                            "is left out where it is denied",
                            "拒绝规则不含此项",
                        ));
                    }
                }
                None
            }
        };
        Error::unless_empty(wrong)?;
        Ok(NewRule { role: self.role, resource: self.resource.into(), action: self.action.into(), grant })
    }
}

/// Looking ahead at the policy.
#[derive(Default)]
pub struct PolicyQuery;

#[Object]
impl PolicyQuery {
    /// Whose rights a change of the policy would touch, and how, without making it. Errors are those of `addPolicyRule` and
    /// `removePolicyRule`.
    #[graphql(directive = Rehearsal::apply())]
    async fn preview_policy_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows to be added, at most 50.")] add: Option<Vec<PolicyRuleInput>>,
        #[graphql(desc = "The ids of rows to be removed before that, at most 50.")] remove: Option<Vec<ID>>,
    ) -> Result<RightsPreview> {
        let scoped = ctx.scoped()?;
        policy::whole_group(scoped)?;
        let (add, remove) = (add.unwrap_or_default(), remove.unwrap_or_default());
        for (field, number) in [("add", add.len()), ("remove", remove.len())] {
            if number > MOST {
                return Err(Error::invalid(Violation::new(field, "length", "must not be more than 50", "不能超过50个")).into());
            }
        }
        let mut wrong = Vec::new();
        let add = add.into_iter().enumerate().map(|(at, rule)| rule.understood(&format!("add.{at}")));
        let add = Error::gather(add, &mut wrong)?;
        let remove = remove.iter().enumerate().map(|(at, id)| from_global::<PolicyRuleId>(id, &format!("remove.{at}")));
        let remove = Error::gather(remove, &mut wrong)?;
        Error::unless_empty(wrong)?;
        let change = PolicyChange { add, remove };
        Ok(RightsPreview::new(scoped, policy::preview(scoped, change).await?))
    }
}

/// Administering the policy.
#[derive(Default)]
pub struct PolicyMutation;

#[Object]
impl PolicyMutation {
    /// Adds a row to the policy: it counts from the next request on. Where the role has the same grant at a lower level, that is raised;
    /// where it has it already, or a clearer one, CONFLICT. For whoever administers the whole group by a post that may give the role, and
    /// never for a role of your own; `previewPolicyChange` tells beforehand whom it touches.
    async fn add_policy_rule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The row to be.")] input: PolicyRuleInput,
    ) -> Result<PolicyRulePayload> {
        let scoped = ctx.scoped()?;
        policy::whole_group(scoped)?;
        let rule = input.understood("input")?;
        Ok(PolicyRulePayload { rule: PolicyRule(policy::add(scoped, rule).await?) })
    }

    /// Removes a row of the policy: it counts from the next request on. Never a deny on a role of your own, and nothing that would leave
    /// nobody who administers the group (CONFLICT, rule `last_administrator`).
    async fn remove_policy_rule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which row.")] input: RemovePolicyRuleInput,
    ) -> Result<RemovePolicyRulePayload> {
        let scoped = ctx.scoped()?;
        policy::whole_group(scoped)?;
        policy::remove(scoped, from_global(&input.id, "input.id")?).await?;
        Ok(RemovePolicyRulePayload { id: input.id })
    }
}
