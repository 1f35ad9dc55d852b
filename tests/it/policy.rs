//! The policy: casbin and the compiled table say the same, malformed rows are refused, and a row that somebody smuggles in leaves the last
//! good policy in force.

use std::collections::HashMap;

use branchwise::access::policy::enforcer;
use branchwise::access::{Action, GrantTable, MalformedPolicy, Resource, RoleTerms, Rule};
use casbin::CoreApi;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::json;

use crate::on_both;
use crate::raw::global;

const ROLES: [&str; 4] = ["clerk", "chief", "guest", "robot"];
const USERS: [&str; 3] = ["ann", "bob", "eve"];
const UNITS: [&str; 3] = ["north", "south", "hq"];

fn rule(words: [&str; 6]) -> Rule {
    let [role, resource, action, reach, level, effect] = words.map(str::to_owned);
    Rule { role, resource, action, reach, level, effect }
}

fn roles() -> HashMap<String, RoleTerms> {
    ROLES.iter().map(|role| ((*role).to_owned(), RoleTerms { title: (*role).to_owned(), ..RoleTerms::default() })).collect()
}

fn pairs() -> Vec<(Resource, Action)> {
    Resource::EVERY.iter().flat_map(|resource| resource.actions().iter().map(|action| (*resource, *action))).collect()
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let role = prop::sample::select(&ROLES[..]);
    let reach = prop::sample::select(&["SELF", "UNIT", "SUBTREE", "REGION", "GROUP"][..]);
    let level = prop::sample::select(&["CARD", "BASIC", "FULL"][..]);
    // Few pairs, so that grants and denies meet.
    let pair = prop_oneof![4 => prop::sample::select(pairs()[..5].to_vec()), 1 => prop::sample::select(pairs())];
    let one = (role, pair, reach, level, proptest::bool::weighted(0.25)).prop_map(|(role, (resource, action), reach, level, denies)| {
        let (reach, level, effect) = if denies { ("*", "*", "deny") } else { (reach, level, "allow") };
        rule([role, resource.word(), action.word(), reach, level, effect])
    });
    prop::collection::vec(one, 0..40)
}

fn posts() -> impl Strategy<Value = Vec<[&'static str; 3]>> {
    let one = (prop::sample::select(&USERS[..]), prop::sample::select(&ROLES[..]), prop::sample::select(&UNITS[..]));
    prop::collection::vec(one.prop_map(|(user, role, unit)| [user, role, unit]), 0..9)
}

/// What the compiled table says of somebody's posts at one unit, before a deny spreads to other units.
fn table_allows(table: &GrantTable, posts: &[[&str; 3]], user: &str, unit: &str, (resource, action): (Resource, Action)) -> bool {
    let roles = || posts.iter().filter(|post| post[0] == user && post[2] == unit).map(|post| post[1]);
    roles().any(|role| !table.grants(role, resource, action).is_empty()) && !roles().any(|role| table.denies(role, resource, action))
}

#[test]
fn the_compiled_table_allows_what_casbin_allows() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = Config { cases: 384, failure_persistence: None, rng_seed: RngSeed::Fixed(20_261_121), ..Config::default() };
    let outcome = TestRunner::new(config).run(&(rules(), posts()), |(rules, posts)| {
        runtime.block_on(async {
            let table = GrantTable::try_new(rules.clone(), roles()).await.unwrap();
            let casbin = enforcer(rules, posts.iter().map(|post| post.map(str::to_owned)).collect()).await.unwrap();
            for user in USERS {
                for unit in UNITS {
                    for (resource, action) in pairs() {
                        let says = casbin.enforce((user, unit, resource.word(), action.word())).unwrap();
                        let compiled = table_allows(&table, &posts, user, unit, (resource, action));
                        prop_assert_eq!(says, compiled, "{} at {}: {:?} {:?}", user, unit, resource, action);
                    }
                }
            }
            Ok(())
        })
    });
    outcome.unwrap();
}

#[tokio::test]
async fn a_malformed_row_is_refused_with_what_is_wrong() {
    let good = rule(["clerk", "customer", "read", "UNIT", "CARD", "allow"]);
    let deny = rule(["guest", "customer", "read", "*", "*", "deny"]);
    assert!(GrantTable::try_new(vec![good.clone(), deny.clone()], roles()).await.is_ok());
    for (words, what) in [
        (["nobody", "customer", "read", "UNIT", "CARD", "allow"], "no such role"),
        (["", "customer", "read", "UNIT", "CARD", "allow"], "no such role"),
        (["*", "customer", "read", "UNIT", "CARD", "allow"], "no such role"),
        (["clerk ", "customer", "read", "UNIT", "CARD", "allow"], "no such role"),
        (["clerk", "customers", "read", "UNIT", "CARD", "allow"], "no such resource"),
        (["clerk", "*", "read", "UNIT", "CARD", "allow"], "no such resource"),
        (["clerk", "customer", "peek", "UNIT", "CARD", "allow"], "no such action on this resource"),
        (["clerk", "customer", "*", "UNIT", "CARD", "allow"], "no such action on this resource"),
        (["clerk", "contact", "read", "UNIT", "CARD", "allow"], "no such action on this resource"),
        (["clerk", "user", "read", "UNIT", "CARD", "allow"], "no such action on this resource"),
        (["clerk", "customer", "read,write", "UNIT", "CARD", "allow"], "no such action on this resource"),
        (["clerk", "customer", "read", "WORLD", "CARD", "allow"], "no such reach"),
        (["clerk", "customer", "read", "unit", "CARD", "allow"], "no such reach"),
        (["clerk", "customer", "read", "*", "CARD", "allow"], "no such reach"),
        (["clerk", "customer", "read", "UNIT", "TOTAL", "allow"], "no such level"),
        (["clerk", "customer", "read", "UNIT", "*", "allow"], "no such level"),
        (["clerk", "customer", "read", "UNIT", "CARD", "maybe"], "the effect is neither allow nor deny"),
        (["clerk", "customer", "read", "UNIT", "CARD", ""], "the effect is neither allow nor deny"),
        (["clerk", "customer", "read", "UNIT", "CARD", "ALLOW"], "the effect is neither allow nor deny"),
        (["clerk", "customer", "read", "UNIT", "*", "deny"], "a deny has * for reach and level"),
        (["clerk", "customer", "read", "*", "FULL", "deny"], "a deny has * for reach and level"),
    ] {
        // The good rows around it do not save it.
        let rules = vec![good.clone(), rule(words), deny.clone()];
        match GrantTable::try_new(rules, roles()).await {
            Err(MalformedPolicy::Row { rule: refused, what: why }) => assert_eq!((*refused, why), (rule(words), what)),
            other => panic!("{words:?}: {other:?}"),
        }
    }
}

on_both! {
    async fn a_smuggled_row_leaves_the_last_good_policy_in_force(app) {
        let service = app.actor("shanghai.service").await;
        let manager = app.actor("london.manager").await;
        let list = "{ customers { totalCount } }";
        let update = "mutation($id: ID!) { updateCustomer(input: {id: $id}) { customer { id } } }";
        let id = json!({ "id": global("Customer", app.customer("SH-0001").await) });
        let seen = manager.ask(list).await;
        assert_eq!(service.code(update, id.clone()).await, "FORBIDDEN");

        for malformed in [
            ["sales_rep", "customer", "read", "EVERYWHERE", "FULL", "allow"],
            ["sales_rep", "*", "*", "GROUP", "FULL", "allow"],
            ["branch_manager", "customer", "read", "UNIT", "CARD", "deny"],
            ["ghost", "customer", "read", "GROUP", "FULL", "allow"],
        ] {
            app.add_rule(malformed).await;
            app.add_rule(["service_agent", "customer", "update", "UNIT", "FULL", "allow"]).await;
            app.rights_changed().await;
            assert_eq!(manager.ask(list).await, seen, "{malformed:?}");
            assert_eq!(service.code(update, id.clone()).await, "FORBIDDEN", "a good row beside {malformed:?} does not count either");
            let [role, resource, _, reach, ..] = malformed;
            app.execute(&format!("DELETE FROM policy_rule WHERE role = '{role}' AND resource = '{resource}' AND reach = '{reach}'")).await;
            app.execute("DELETE FROM policy_rule WHERE role = 'service_agent' AND action = 'update' AND resource = 'customer'").await;
        }
        app.add_rule(["service_agent", "customer", "update", "UNIT", "FULL", "allow"]).await;
        app.rights_changed().await;
        assert_eq!(service.ask_with(update, id.clone()).await["updateCustomer"]["customer"]["id"], id["id"]);
    }

    async fn a_server_starts_on_the_rows_that_it_understands(app) {
        let list = "{ customers { totalCount } }";
        let update = "mutation($id: ID!) { updateCustomer(input: {id: $id}) { customer { id } } }";
        let id = json!({ "id": global("Customer", app.customer("SH-0001").await) });
        let before = [app.actor("london.manager").await.ask(list).await, app.actor("shanghai.service").await.ask(list).await];
        for malformed in [
            ["service_agent", "customer", "update", "EVERYWHERE", "FULL", "allow"],
            ["ghost", "customer", "read", "GROUP", "FULL", "allow"],
            ["service_agent", "customer", "update", "UNIT", "FULL", "perhaps"],
            ["branch_manager", "customer", "read", "UNIT", "CARD", "deny"],
        ] {
            app.add_rule(malformed).await;
        }
        app.rights_changed().await;
        let restarted = app.second().await;
        let ready = reqwest::get(restarted.url.replace("/graphql", "/health/ready")).await.unwrap();
        assert_eq!(ready.status(), 200);
        // Either may have been a deny: nobody knows of what, so the role grants nothing.
        for user in ["london.manager", "shanghai.service"] {
            assert_eq!(restarted.actor(user).await.code(list, json!({})).await, "FORBIDDEN", "{user}");
        }
        assert_eq!(restarted.actor("shanghai.service").await.code(update, id.clone()).await, "FORBIDDEN");
        let director = [&restarted, &app].map(async |app| app.actor("hq.director").await.ask(list).await);
        let [there, here] = futures::future::join_all(director).await.try_into().unwrap();
        assert_eq!(there, here, "whose role no such row names is as before");
        assert_eq!(app.actor("london.manager").await.ask(list).await, before[0], "whoever has a good policy keeps it");

        // The first thing after a start: the rows go, one after the other, the last of them brings the policy into force.
        let admin = restarted.actor("hq.admin").await;
        let remove = "mutation($id: ID!) { removePolicyRule(input: {id: $id}) { id } }";
        let add = "mutation($input: PolicyRuleInput!) { addPolicyRule(input: $input) { rule { id } } }";
        for (effect, reach, role) in [("allow", "EVERYWHERE", "service_agent"), ("allow", "GROUP", "ghost"), ("perhaps", "UNIT", "service_agent"), ("deny", "UNIT", "branch_manager")] {
            let grant = json!({ "role": "care_planner", "resource": "CUSTOMER", "action": "EXPORT", "reach": "UNIT", "level": "FULL" });
            assert_eq!(admin.code(add, json!({ "input": grant })).await, "CONFLICT", "nothing is added beside such a row");
            let which = format!("SELECT id FROM policy_rule WHERE role = '{role}' AND effect = '{effect}' AND reach = '{reach}' AND resource = 'customer'");
            admin.ask_with(remove, json!({ "id": global("PolicyRule", app.id(&which).await) })).await;
        }
        for (user, before) in ["london.manager", "shanghai.service"].into_iter().zip(before) {
            assert_eq!(restarted.actor(user).await.ask(list).await, before, "{user}");
        }
    }

    async fn a_deny_takes_the_action_from_every_post(app) {
        // Reading in Beijing by one post, in Tianjin by the other.
        let rep = app.actor("beijing.rep1").await;
        let count = "{ customers { totalCount } }";
        assert!(rep.ask(count).await["customers"]["totalCount"].as_i64().unwrap() > 9);
        app.add_rule(["service_agent", "customer", "read", "*", "*", "deny"]).await;
        app.rights_changed().await;
        assert_eq!(rep.code(count, json!({})).await, "FORBIDDEN");
        let id = json!({ "id": global("Customer", app.customer("TJ-0001").await) });
        assert_eq!(rep.code("query($id: ID!) { node(id: $id) { id } }", id).await, "FORBIDDEN");
        let contact = json!({ "id": global("Contact", app.contact("TJ-0001").await) });
        assert_eq!(rep.code("query($id: ID!) { node(id: $id) { id } }", contact).await, "FORBIDDEN");
        assert_eq!(rep.ask("{ orgUnit(code: \"BEIJING\") { customers { totalCount } } }").await["orgUnit"]["customers"], json!(null));
        // Creating is another action: it stays, and shows nothing.
        let unit = global("OrgUnit", app.unit("BEIJING").await);
        let create = "mutation($unit: ID!) { createCustomer(input: {unitId: $unit, kind: PERSON, name: \"N\"}) { customer { id } } }";
        assert_eq!(rep.ask_with(create, json!({ "unit": unit })).await["createCustomer"]["customer"], json!(null));
    }
}
