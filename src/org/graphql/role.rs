//! Roles and the grants that they hold.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use entity::{policy_rule, role};

use super::policy::PolicyRule;
use crate::access::Permits;
use crate::access::action::OrganisationAdminister;
use crate::error::Error;
use crate::graphql::context::Ask;
use crate::graphql::limits::words::About;
use crate::org::repo;
use crate::org::roles::{self, NewRole, RoleChange};

/// What somebody is at a unit, with the grants that go with it.
pub struct Role {
    row: role::Model,
    gives: Vec<String>,
    rules: Vec<policy_rule::Model>,
}

impl Role {
    /// Every role, by code, in three statements.
    async fn every(ctx: &Context<'_>) -> Result<Vec<Self>, Error> {
        let scoped = ctx.scoped()?;
        let (roles, gives, rules) = futures::try_join!(repo::roles(scoped), repo::gives(scoped), repo::rules(scoped))?;
        let whole = |row: role::Model| Self {
            gives: gives.iter().filter(|given| given.role == row.code).map(|given| given.gives.clone()).collect(),
            rules: rules.iter().filter(|rule| rule.role == row.code).cloned().collect(),
            row,
        };
        Ok(roles.into_iter().map(whole).collect())
    }

    async fn by_code(ctx: &Context<'_>, code: &str) -> Result<Option<Self>, Error> {
        Ok(Self::every(ctx).await?.into_iter().find(|role| role.row.code == code))
    }
}

/// What somebody is at a unit, with the grants that go with it.
#[Object]
impl Role {
    /// What the policy calls it.
    async fn code(&self) -> &str {
        &self.row.code
    }

    /// What people read.
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// The codes of the roles that its holder may give where they administer; `*` stands for every role.
    async fn gives(&self) -> &[String] {
        &self.gives
    }

    /// Whether delegations of its posts may include revealing and exporting.
    async fn delegates_sensitive(&self) -> bool {
        self.row.delegates_sensitive
    }

    /// The rows of the policy that speak of it.
    #[graphql(directive = About::apply(30))]
    async fn grants(&self) -> Vec<PolicyRule> {
        self.rules.iter().cloned().map(PolicyRule).collect()
    }
}

/// Reading roles.
#[derive(Default)]
pub struct RoleQuery;

#[Object]
impl RoleQuery {
    /// Every role with its grants, by code. For whoever administers anything.
    #[graphql(directive = About::apply(20))]
    async fn roles(&self, ctx: &Context<'_>) -> Result<Vec<Role>> {
        ctx.scoped()?.viewer().permit::<OrganisationAdminister>()?;
        Ok(Role::every(ctx).await?)
    }
}

/// A role to be.
#[derive(InputObject)]
pub struct CreateRoleInput {
    /// What the policy calls it, for good: a lower-case letter, then lower-case letters, digits and _, at most 64.
    code: String,
    /// What people read.
    title: String,
    /// The codes of the roles that its holder may give, `*` for every role; only roles that you may give. None where omitted.
    gives: Option<Vec<String>>,
    /// Whether delegations of its posts may include revealing and exporting; not where omitted.
    delegates_sensitive: Option<bool>,
}

/// What changes of a role. An omitted field stays as it is.
#[derive(InputObject)]
pub struct UpdateRoleInput {
    /// The role's code.
    code: String,
    /// What people read.
    title: Option<String>,
    /// All the codes of roles that its holder may give, `*` for every role; what is added must be roles that you may give.
    gives: Option<Vec<String>>,
    /// Whether delegations of its posts may include revealing and exporting.
    delegates_sensitive: Option<bool>,
}

/// Which role.
#[derive(InputObject)]
pub struct DeleteRoleInput {
    /// The role's code.
    code: String,
}

/// What became of the role.
#[derive(SimpleObject)]
pub struct RolePayload {
    /// The role as it stands.
    role: Option<Role>,
}

/// What is gone.
#[derive(SimpleObject)]
pub struct DeleteRolePayload {
    /// The code that the role had.
    code: String,
}

/// Administering roles.
#[derive(Default)]
pub struct RoleMutation;

#[Object]
impl RoleMutation {
    /// Adds a role, which may do nothing until `addPolicyRule` says so. For whoever administers the whole group. CONFLICT where the code is
    /// in use.
    async fn create_role(&self, ctx: &Context<'_>, #[graphql(desc = "The role to be.")] input: CreateRoleInput) -> Result<RolePayload> {
        let new = NewRole {
            code: input.code.clone(),
            title: input.title,
            gives: input.gives.unwrap_or_default(),
            delegates_sensitive: input.delegates_sensitive.unwrap_or_default(),
        };
        roles::create(ctx.scoped()?, new).await?;
        Ok(RolePayload { role: Role::by_code(ctx, &input.code).await? })
    }

    /// Changes title, what the role may give and what its delegations may include. For whoever administers the whole group by a post that
    /// may give the role; of a role of your own you widen nothing.
    async fn update_role(&self, ctx: &Context<'_>, #[graphql(desc = "What changes.")] input: UpdateRoleInput) -> Result<RolePayload> {
        let change =
            RoleChange { code: input.code.clone(), title: input.title, gives: input.gives, delegates_sensitive: input.delegates_sensitive };
        roles::update(ctx.scoped()?, change).await?;
        Ok(RolePayload { role: Role::by_code(ctx, &input.code).await? })
    }

    /// Deletes a role that nobody has ever held and that has no grants (else CONFLICT, rule `in_use`).
    async fn delete_role(&self, ctx: &Context<'_>, #[graphql(desc = "Which role.")] input: DeleteRoleInput) -> Result<DeleteRolePayload> {
        roles::delete(ctx.scoped()?, input.code.clone()).await?;
        Ok(DeleteRolePayload { code: input.code })
    }
}
