//! The policy as it is stored: what it is compiled from, whether all of its rows are understood or not.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{PolicyRuleId, policy_rule, role, role_gives};
use sea_orm::Condition;

use super::Scoped;
use super::running::Conn;
use crate::access::{GrantTable, MalformedPolicy, RoleTerms, Rule};
use crate::error::Error;

/// The rows of the policy, oldest first, and the terms of every role.
pub(super) struct StoredPolicy {
    rules: Vec<(PolicyRuleId, Rule)>,
    roles: HashMap<String, RoleTerms>,
}

impl Conn {
    /// The policy as it stands.
    pub(super) async fn policy_unscoped(&self) -> Result<StoredPolicy, Error> {
        let mut rows = self.rows_unscoped::<policy_rule::Entity>(Condition::all()).await?;
        rows.sort_by_key(|row| row.id);
        let mut gives: HashMap<String, BTreeSet<String>> = HashMap::new();
        for row in self.rows_unscoped::<role_gives::Entity>(Condition::all()).await? {
            gives.entry(row.role).or_default().insert(row.gives);
        }
        let rule = |row: policy_rule::Model| Rule {
            role: row.role,
            resource: row.resource,
            action: row.action,
            reach: row.reach,
            level: row.level,
            effect: row.effect,
        };
        let roles = self.rows_unscoped::<role::Entity>(Condition::all()).await?.into_iter().map(|role| {
            let gives = gives.remove(&role.code).unwrap_or_default().into_iter().collect();
            (role.code, RoleTerms { title: role.title, gives, delegates_sensitive: role.delegates_sensitive })
        });
        let roles = roles.collect();
        Ok(StoredPolicy { rules: rows.into_iter().map(|row| (row.id, rule(row))).collect(), roles })
    }
}

impl StoredPolicy {
    fn rules(&self) -> Vec<Rule> {
        self.rules.iter().map(|(_, rule)| rule.clone()).collect()
    }

    /// The table to be taken into force. Errors: a row that nobody understands, and what casbin says otherwise.
    pub(super) async fn compared(&self) -> Result<GrantTable, MalformedPolicy> {
        GrantTable::try_new(self.rules(), self.roles.clone()).await
    }

    /// The same without asking casbin, for a look at what would be.
    pub(super) fn compiled(&self) -> Result<GrantTable, MalformedPolicy> {
        GrantTable::compile(&self.rules(), self.roles.clone())
    }

    /// What a server starts on that has no last good policy: rows that nobody understands are left out, and told to the log. Where one of
    /// them may have been a deny, its role grants nothing, and what the row names stays denied.
    pub(super) async fn understood(&self) -> Result<GrantTable, MalformedPolicy> {
        let mut rules = Vec::new();
        let mut silenced = HashSet::new();
        for (id, rule) in &self.rules {
            let Err(malformed) = rule.check(&self.roles) else {
                rules.push(rule.clone());
                continue;
            };
            if rule.is_allow() {
                tracing::error!(rule = %id.0, "left out until it is removed: {malformed}");
                continue;
            }
            tracing::error!(rule = %id.0, "its role grants nothing until it is removed: {malformed}");
            silenced.insert(rule.role.as_str());
            rules.extend(Some(rule.denied_altogether()).filter(|deny| deny.check(&self.roles).is_ok()));
        }
        rules.retain(|rule| !rule.is_allow() || !silenced.contains(rule.role.as_str()));
        GrantTable::try_new(rules, self.roles.clone()).await
    }

    /// The roles whose rows or terms are not the same in `other`.
    pub(super) fn roles_that_differ<'a>(&'a self, other: &'a Self) -> HashSet<&'a str> {
        let of = |policy: &'a Self, role: &str| {
            let rules = policy.rules.iter().filter(|(_, rule)| rule.role == role).map(|(_, rule)| rule).collect::<Vec<_>>();
            (rules, policy.roles.get(role))
        };
        let roles = self.roles.keys().chain(other.roles.keys()).map(String::as_str);
        roles.filter(|role| of(self, role) != of(other, role)).collect()
    }
}

impl Scoped {
    /// Reads the policy as it stands in this unit of work as it will be loaded. Errors, inside: what is wrong with it.
    pub async fn check_policy(&self) -> Result<Result<(), MalformedPolicy>, Error> {
        Ok(self.conn.policy_unscoped().await?.compared().await.map(|_| ()))
    }

    /// Does this row of the policy, by itself, say something that is understood?
    pub async fn understands(&self, row: PolicyRuleId) -> Result<bool, Error> {
        let stored = self.conn.policy_unscoped().await?;
        Ok(stored.rules.iter().any(|(id, rule)| *id == row && rule.check(&stored.roles).is_ok()))
    }
}
