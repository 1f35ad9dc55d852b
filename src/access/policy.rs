//! The policy: casbin's model, our adapter for its rows, and the table compiled from them.
//!
//! `enforce` walks every row, so no request asks it. A new set of rows is validated, loaded into a plain enforcer beside the running
//! one, compared with the compiled table, and only then taken into use; whatever is wrong with it, the last good table stays.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use casbin::{Adapter, CoreApi, DefaultModel, Enforcer, Filter, Model};

use super::{Action, Level, Reach, Resource};

const MODEL: &str = include_str!("model.conf");
const ALLOW: &str = "allow";
const DENY: &str = "deny";
const ANY: &str = "*";

/// One `p` row as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// A role's code.
    pub role: String,
    /// A [`Resource`].
    pub resource: String,
    /// An [`Action`] of that resource.
    pub action: String,
    /// A [`Reach`], or `*` on a deny.
    pub reach: String,
    /// A [`Level`], or `*` on a deny.
    pub level: String,
    /// `allow` or `deny`.
    pub effect: String,
}

/// Why a set of rules is refused.
#[derive(Debug, thiserror::Error)]
pub enum MalformedPolicy {
    /// A row that says nothing the vocabulary knows.
    #[error("policy row ({role}, {resource}, {action}, {reach}, {level}, {effect}): {what}", role = .rule.role, resource = .rule.resource,
        action = .rule.action, reach = .rule.reach, level = .rule.level, effect = .rule.effect)]
    Row {
        /// The row.
        rule: Box<Rule>,
        /// What is wrong with it.
        what: &'static str,
    },
    /// casbin would not load them.
    #[error("casbin: {0}")]
    Casbin(#[from] casbin::Error),
    /// casbin and the compiled table disagree.
    #[error("casbin and the compiled table disagree on ({0}, {1}, {2})")]
    Disagreement(String, &'static str, &'static str),
}

/// How far and how clearly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// How far.
    pub reach: Reach,
    /// How clearly.
    pub level: Level,
}

enum Meaning {
    Allow(Resource, Action, Grant),
    Deny(Resource, Action),
}

impl Rule {
    fn meaning(&self, roles: &HashMap<String, RoleTerms>) -> Result<Meaning, MalformedPolicy> {
        let wrong = |what| MalformedPolicy::Row { rule: Box::new(self.clone()), what };
        if !roles.contains_key(&self.role) {
            return Err(wrong("no such role"));
        }
        let resource = Resource::from_word(&self.resource).ok_or_else(|| wrong("no such resource"))?;
        let action = Action::from_word(&self.action)
            .filter(|action| resource.actions().contains(action))
            .ok_or_else(|| wrong("no such action on this resource"))?;
        match self.effect.as_str() {
            DENY if self.reach == ANY && self.level == ANY => Ok(Meaning::Deny(resource, action)),
            DENY => Err(wrong("a deny has * for reach and level")),
            ALLOW => {
                let reach = Reach::from_word(&self.reach).ok_or_else(|| wrong("no such reach"))?;
                let level = Level::from_word(&self.level).ok_or_else(|| wrong("no such level"))?;
                Ok(Meaning::Allow(resource, action, Grant { reach, level }))
            }
            _ => Err(wrong("the effect is neither allow nor deny")),
        }
    }

    /// Is it understood? Errors: what is wrong with it.
    pub fn check(&self, roles: &HashMap<String, RoleTerms>) -> Result<(), MalformedPolicy> {
        self.meaning(roles).map(|_| ())
    }

    /// Does it say that it allows something?
    pub fn is_allow(&self) -> bool {
        self.effect == ALLOW
    }

    /// A deny of what it names.
    #[must_use]
    pub fn denied_altogether(&self) -> Self {
        Self { reach: ANY.to_owned(), level: ANY.to_owned(), effect: DENY.to_owned(), ..self.clone() }
    }

    fn fields(&self) -> Vec<String> {
        [&self.role, &self.resource, &self.action, &self.reach, &self.level, &self.effect].map(Clone::clone).to_vec()
    }
}

/// What a role is, beside its grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleTerms {
    /// What people read.
    pub title: String,
    /// The roles that its holder may give to others; `*` for every role.
    pub gives: Vec<String>,
    /// Delegations of its posts may include reveal and export.
    pub delegates_sensitive: bool,
}

/// What each role may do, and its terms.
#[derive(Debug, Default)]
pub struct GrantTable {
    allowed: HashMap<String, HashMap<(Resource, Action), Vec<Grant>>>,
    denied: HashMap<String, HashSet<(Resource, Action)>>,
    roles: HashMap<String, RoleTerms>,
}

impl GrantTable {
    /// Validates, loads, compiles and compares. `roles` are all roles by code.
    pub async fn try_new(rules: Vec<Rule>, roles: HashMap<String, RoleTerms>) -> Result<Self, MalformedPolicy> {
        let table = Self::compile(&rules, roles)?;
        table.compare(rules).await?;
        Ok(table)
    }

    /// Validates and compiles, for a look at what would be: what is taken into force is compared with casbin too.
    pub fn compile(rules: &[Rule], roles: HashMap<String, RoleTerms>) -> Result<Self, MalformedPolicy> {
        let mut table = Self { roles, ..Self::default() };
        for rule in rules {
            match rule.meaning(&table.roles)? {
                Meaning::Allow(resource, action, grant) => {
                    table.allowed.entry(rule.role.clone()).or_default().entry((resource, action)).or_default().push(grant);
                }
                Meaning::Deny(resource, action) => {
                    table.denied.entry(rule.role.clone()).or_default().insert((resource, action));
                }
            }
        }
        Ok(table)
    }

    /// Every pair that a row speaks of is asked of casbin too, for somebody who holds just that role.
    async fn compare(&self, rules: Vec<Rule>) -> Result<(), MalformedPolicy> {
        let pairs: HashSet<(String, Resource, Action)> = rules
            .iter()
            .filter_map(|rule| Some((rule.role.clone(), Resource::from_word(&rule.resource)?, Action::from_word(&rule.action)?)))
            .collect();
        let posts = self.roles.keys().map(|role| [format!("holder of {role}"), role.clone(), "unit".to_owned()]).collect();
        let enforcer = enforcer(rules, posts).await?;
        for (role, resource, action) in pairs {
            let says = enforcer.enforce((format!("holder of {role}"), "unit", resource.word(), action.word()))?;
            if says != (!self.grants(&role, resource, action).is_empty() && !self.denies(&role, resource, action)) {
                return Err(MalformedPolicy::Disagreement(role, resource.word(), action.word()));
            }
        }
        Ok(())
    }

    /// What a role is granted, before any deny.
    pub fn grants(&self, role: &str, resource: Resource, action: Action) -> &[Grant] {
        self.allowed.get(role).and_then(|role| role.get(&(resource, action))).map_or(&[], Vec::as_slice)
    }

    /// Everything a role is granted, before any deny.
    pub fn all_grants(&self, role: &str) -> impl Iterator<Item = ((Resource, Action), Grant)> {
        self.allowed.get(role).into_iter().flatten().flat_map(|(pair, grants)| grants.iter().map(move |grant| (*pair, *grant)))
    }

    /// Does a role take this action away from whoever holds it?
    pub fn denies(&self, role: &str, resource: Resource, action: Action) -> bool {
        self.denied.get(role).is_some_and(|denied| denied.contains(&(resource, action)))
    }

    /// Does a role take anything away from whoever holds it?
    pub fn takes_away(&self, role: &str) -> bool {
        self.denied.contains_key(role)
    }

    /// A role's title; none: no such role.
    pub fn title(&self, role: &str) -> Option<&str> {
        self.roles.get(role).map(|terms| terms.title.as_str())
    }

    /// Every role, by code.
    pub fn roles(&self) -> &HashMap<String, RoleTerms> {
        &self.roles
    }

    /// May the holder of `role` give `other` to somebody else?
    pub fn gives(&self, role: &str, other: &str) -> bool {
        self.roles.get(role).is_some_and(|terms| terms.gives.iter().any(|given| given == ANY || given == other))
    }

    /// May delegations of the role's posts include reveal and export?
    pub fn delegates_sensitive(&self, role: &str) -> bool {
        self.roles.get(role).is_some_and(|terms| terms.delegates_sensitive)
    }
}

/// A plain enforcer over these rows and posts (user, role, unit): the yardstick, never on a request's path.
pub async fn enforcer(rules: Vec<Rule>, posts: Vec<[String; 3]>) -> Result<Enforcer, casbin::Error> {
    Enforcer::new(DefaultModel::from_str(MODEL).await?, Rows { rules, posts }).await
}

/// Our adapter: rows that were read beforehand. Loading cannot fail half-way, and nothing writes through casbin.
struct Rows {
    rules: Vec<Rule>,
    posts: Vec<[String; 3]>,
}

fn read_only<T>() -> casbin::Result<T> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "the policy is written through Branchwise alone").into())
}

#[async_trait]
impl Adapter for Rows {
    async fn load_policy(&mut self, model: &mut dyn Model) -> casbin::Result<()> {
        for rule in &self.rules {
            model.add_policy("p", "p", rule.fields());
        }
        for post in &self.posts {
            model.add_policy("g", "g", post.to_vec());
        }
        Ok(())
    }

    async fn load_filtered_policy<'a>(&mut self, _: &mut dyn Model, _: Filter<'a>) -> casbin::Result<()> {
        read_only()
    }

    async fn save_policy(&mut self, _: &mut dyn Model) -> casbin::Result<()> {
        read_only()
    }

    async fn clear_policy(&mut self) -> casbin::Result<()> {
        read_only()
    }

    fn is_filtered(&self) -> bool {
        false
    }

    async fn add_policy(&mut self, _: &str, _: &str, _: Vec<String>) -> casbin::Result<bool> {
        read_only()
    }

    async fn add_policies(&mut self, _: &str, _: &str, _: Vec<Vec<String>>) -> casbin::Result<bool> {
        read_only()
    }

    async fn remove_policy(&mut self, _: &str, _: &str, _: Vec<String>) -> casbin::Result<bool> {
        read_only()
    }

    async fn remove_policies(&mut self, _: &str, _: &str, _: Vec<Vec<String>>) -> casbin::Result<bool> {
        read_only()
    }

    async fn remove_filtered_policy(&mut self, _: &str, _: &str, _: usize, _: Vec<String>) -> casbin::Result<bool> {
        read_only()
    }
}
