//! The default roles and what they may do. Administrators change them afterwards: this is where a new group begins.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::prelude::Uuid;

#[derive(DeriveMigrationName)]
pub struct Migration;

const ROLES: [(&str, &str); 16] = [
    ("sales_rep", "Sales representative"),
    ("service_agent", "Service agent"),
    ("care_planner", "Care planner"),
    ("supervisor", "Supervisor"),
    ("branch_manager", "Branch manager"),
    ("region_manager", "Region manager"),
    ("region_credit", "Region credit officer"),
    ("group_director", "Group director"),
    ("group_reporter", "Group reporter"),
    ("group_credit", "Group credit officer"),
    ("marketing_director", "Marketing director"),
    ("data_steward", "Data steward"),
    ("group_auditor", "Group auditor"),
    ("branch_admin", "Branch administrator"),
    ("group_admin", "Group administrator"),
    ("integration", "Integration"),
];

/// Role, reading of customers as (reach, level), what else as (resource, actions, reach).
type Grants = (&'static str, &'static [(&'static str, &'static str)], &'static [(&'static str, &'static str, &'static str)]);

const ALL: &str = "create update archive transfer share claim assign merge import reveal approve";
const CONTACT: &str = "create update archive";
const CREDIT: &str = "read create update approve";

const GRANTS: [Grants; 16] = [
    (
        "sales_rep",
        &[("SELF", "FULL"), ("UNIT", "CARD"), ("REGION", "CARD")],
        &[("customer", "create claim", "UNIT"), ("customer", "update share transfer", "SELF"), ("contact", CONTACT, "SELF")],
    ),
    ("service_agent", &[("UNIT", "BASIC")], &[("touchpoint", "create update", "UNIT")]),
    ("care_planner", &[("UNIT", "BASIC")], &[("touchpoint", "create update", "UNIT")]),
    (
        "supervisor",
        &[("UNIT", "FULL"), ("REGION", "CARD")],
        &[("customer", ALL, "UNIT"), ("contact", CONTACT, "UNIT"), ("credit", "read", "UNIT"), ("customer", "report", "UNIT")],
    ),
    (
        "branch_manager",
        &[("SUBTREE", "FULL"), ("REGION", "CARD")],
        &[
            ("customer", ALL, "SUBTREE"),
            ("contact", CONTACT, "SUBTREE"),
            ("credit", "read", "SUBTREE"),
            ("customer", "report export", "SUBTREE"),
        ],
    ),
    (
        "region_manager",
        &[("SUBTREE", "FULL"), ("GROUP", "CARD")],
        &[
            ("customer", ALL, "SUBTREE"),
            ("contact", CONTACT, "SUBTREE"),
            ("credit", "read", "SUBTREE"),
            ("customer", "report export", "SUBTREE"),
        ],
    ),
    ("region_credit", &[("SUBTREE", "BASIC")], &[("credit", CREDIT, "SUBTREE")]),
    ("group_director", &[("GROUP", "FULL")], &[("customer", "report export", "GROUP")]),
    ("group_reporter", &[], &[("customer", "report", "GROUP")]),
    ("group_credit", &[("GROUP", "BASIC")], &[("credit", CREDIT, "GROUP")]),
    ("marketing_director", &[("GROUP", "BASIC")], &[("credit", CREDIT, "GROUP")]),
    ("data_steward", &[("GROUP", "FULL")], &[("customer", "update merge import", "GROUP"), ("contact", "update", "GROUP")]),
    ("group_auditor", &[("GROUP", "CARD")], &[("audit", "read", "GROUP")]),
    ("branch_admin", &[], &[("organisation", "administer", "SUBTREE")]),
    ("group_admin", &[], &[("organisation", "administer", "GROUP")]),
    ("integration", &[("SUBTREE", "FULL")], &[("customer", "create update import", "SUBTREE"), ("contact", "create update", "SUBTREE")]),
];

const GIVES: [(&str, &str); 6] = [
    ("branch_admin", "sales_rep"),
    ("branch_admin", "service_agent"),
    ("branch_admin", "care_planner"),
    ("branch_admin", "supervisor"),
    ("branch_admin", "branch_manager"),
    ("group_admin", "*"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut roles = Query::insert().into_table("role").columns(["code", "title"]).to_owned();
        for (code, title) in ROLES {
            roles.values_panic([code.into(), title.into()]);
        }
        manager.execute(roles).await?;

        let mut rules =
            Query::insert().into_table("policy_rule").columns(["id", "role", "resource", "action", "reach", "level", "effect"]).to_owned();
        let mut number = 0_u128;
        let mut rule = |role: &'static str, resource: &'static str, action: &'static str, reach: &'static str, level: &'static str| {
            number += 1;
            let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number);
            rules.values_panic([id.into(), role.into(), resource.into(), action.into(), reach.into(), level.into(), "allow".into()]);
        };
        for (role, reads, others) in GRANTS {
            for (reach, level) in reads {
                rule(role, "customer", "read", reach, level);
            }
            for (resource, actions, reach) in others {
                for action in actions.split(' ') {
                    rule(role, resource, action, reach, "FULL");
                }
            }
        }
        manager.execute(rules).await?;

        let mut gives = Query::insert().into_table("role_gives").columns(["role", "gives"]).to_owned();
        for (role, given) in GIVES {
            gives.values_panic([role.into(), given.into()]);
        }
        manager.execute(gives).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A post means nothing without its role.
        for table in ["post", "role_gives", "policy_rule", "role"] {
            manager.execute(Query::delete().from_table(table).to_owned()).await?;
        }
        Ok(())
    }
}
