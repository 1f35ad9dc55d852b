//! Roles and the policy by GraphQL: what counts from the next request on, what is told beforehand, and what is refused.

use std::time::Duration;

use branchwise::access::{Action, Level, Resource};
use branchwise::db::{Db, DbConfig, Rights};
use entity::UserId;
use serde_json::{Value as Json, json};

use crate::app::{Actor, TestApp};
use crate::on_both;
use crate::raw::{global, invented};
use crate::tables::{audits, audits_since, contents};

const ADD: &str =
    "mutation($input: PolicyRuleInput!) { addPolicyRule(input: $input) { rule { id role resource action reach level effect } } }";
const REMOVE: &str = "mutation($input: RemovePolicyRuleInput!) { removePolicyRule(input: $input) { id } }";
const PREVIEW: &str = "query($add: [PolicyRuleInput!], $remove: [ID!]) { previewPolicyChange(add: $add, remove: $remove) { userTotal users { \
    user { name } changes { resource action ownRows before after unitTotal units { code } } } } }";
const ROLES: &str = "{ roles { code title gives delegatesSensitive grants { id resource action reach level effect } } }";
const CREATE: &str =
    "mutation($input: CreateRoleInput!) { createRole(input: $input) { role { code title gives delegatesSensitive grants { id } } } }";
const UPDATE: &str = "mutation($input: UpdateRoleInput!) { updateRole(input: $input) { role { code title gives delegatesSensitive } } }";
const DELETE: &str = "mutation($input: DeleteRoleInput!) { deleteRole(input: $input) { code } }";

fn allow(role: &str, resource: &str, action: &str, reach: &str, level: &str) -> Json {
    json!({ "role": role, "resource": resource, "action": action, "reach": reach, "level": level })
}

fn deny(role: &str, resource: &str, action: &str) -> Json {
    json!({ "role": role, "resource": resource, "action": action, "effect": "DENY" })
}

/// The global id of a row of the policy.
async fn rule(app: &TestApp, role: &str, resource: &str, action: &str, reach: &str) -> String {
    let of = format!("role = '{role}' AND resource = '{resource}' AND action = '{action}' AND reach = '{reach}'");
    global("PolicyRule", app.id(&format!("SELECT id FROM policy_rule WHERE {of}")).await)
}

/// Refused with this code, and about this field or rule where one is named; nothing has changed.
async fn refused(actor: &Actor<'_>, document: &str, input: Json, code: &str, about: &str) {
    let before = contents(actor.app).await;
    let error = actor.fail(document, json!({ "input": input })).await;
    assert_eq!(error["extensions"]["code"], code, "{input}: {error}");
    assert!(error["extensions"].to_string().contains(about), "{input}: {about} in {error}");
    assert_eq!(contents(actor.app).await, before, "{input}");
}

/// The whole group in the hands of a second administrator, who may give few roles.
async fn deputy(app: &TestApp) -> Actor<'_> {
    app.execute("INSERT INTO role (code, title, delegates_sensitive) VALUES ('deputy', 'Deputy', false)").await;
    app.execute("INSERT INTO role_gives (role, gives) VALUES ('deputy', 'sales_rep'), ('deputy', 'deputy')").await;
    app.add_rule(["deputy", "organisation", "administer", "GROUP", "FULL", "allow"]).await;
    app.give_post("hq.steward", "deputy", "HQ", 1, None).await;
    app.rights_changed().await;
    app.actor("hq.steward").await
}

on_both! {
    async fn a_new_grant_counts_from_the_next_request_and_elsewhere_within_a_second(app) {
        let mut config = DbConfig::new(&app.database.url);
        config.max_connections = 2;
        let second = Rights::init(Db::connect(config, app.clock.clone()).await.unwrap()).await.unwrap();
        let watch = tokio::spawn(second.clone().watch());
        let id = UserId(app.user("shanghai.rep1").await);
        let levels = async || {
            let viewer = second.viewer(id).await.unwrap().unwrap();
            viewer.arms(Resource::Customer, Action::Read).iter().map(|arm| arm.level).filter(|level| *level == Level::Basic).count()
        };
        assert_eq!(levels().await, 0);

        let (admin, rep) = (app.actor("hq.admin").await, app.actor("shanghai.rep1").await);
        let seen = "{ customer(externalRef: \"SH-0002\", originUnitCode: \"SHANGHAI\") { level phone } }";
        assert_eq!(rep.ask(seen).await["customer"], json!({ "level": "CARD", "phone": null }));
        let before = audits(&app).await;
        let stands = rule(&app, "sales_rep", "customer", "read", "UNIT").await;
        let added = admin.ask_with(ADD, json!({ "input": allow("sales_rep", "CUSTOMER", "READ", "UNIT", "BASIC") })).await;
        assert_eq!(
            added["addPolicyRule"]["rule"],
            json!({ "id": stands, "role": "sales_rep", "resource": "CUSTOMER", "action": "READ", "reach": "UNIT", "level": "BASIC", "effect": "ALLOW" }),
            "the same grant at a lower level is raised"
        );
        assert_eq!(rep.ask(seen).await["customer"], json!({ "level": "BASIC", "phone": "138****8016" }));
        let started = std::time::Instant::now();
        while levels().await == 0 {
            assert!(started.elapsed() < Duration::from_millis(1500), "not within a second");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let row = audits_since(&app, &before).await.remove(0);
        assert_eq!((row.unit, &row.changes["level"]), (Some(app.unit("HQ").await), &json!(["CARD", "BASIC"])));
        for (level, why) in [("BASIC", "it stands already"), ("CARD", "adding never narrows")] {
            let error = admin.fail(ADD, json!({ "input": allow("sales_rep", "CUSTOMER", "READ", "UNIT", level) })).await;
            assert_eq!(error["extensions"]["code"], "CONFLICT", "{why}");
        }
        admin.ask_with(REMOVE, json!({ "input": { "id": stands } })).await;
        // The card is still there by the region's grant.
        assert_eq!(rep.ask(seen).await["customer"]["level"], "CARD");
        refused(&admin, REMOVE, json!({ "id": stands }), "NOT_FOUND", "input.id").await;
        let new = admin.ask_with(ADD, json!({ "input": deny("sales_rep", "CUSTOMER", "READ") })).await["addPolicyRule"]["rule"].clone();
        assert_eq!((&new["reach"], &new["level"], &new["effect"]), (&Json::Null, &Json::Null, &json!("DENY")));
        assert_eq!(rep.code("{ customers { totalCount } }", json!({})).await, "FORBIDDEN");
        admin.ask_with(REMOVE, json!({ "input": { "id": new["id"] } })).await;
        assert_eq!(rep.ask(seen).await["customer"]["level"], "CARD");
        watch.abort();
    }

    async fn what_the_policy_must_not_say_is_refused(app) {
        let admin = app.actor("hq.admin").await;
        for (input, code, about) in [
            (allow("ghost", "CUSTOMER", "READ", "UNIT", "CARD"), "BAD_USER_INPUT", "input.role"),
            (allow("*", "CUSTOMER", "READ", "UNIT", "CARD"), "BAD_USER_INPUT", "input.role"),
            (allow("sales_rep", "SPACESHIP", "READ", "UNIT", "CARD"), "BAD_USER_INPUT", "resource"),
            (allow("sales_rep", "CUSTOMER", "FLY", "UNIT", "CARD"), "BAD_USER_INPUT", "action"),
            (allow("sales_rep", "CONTACT", "READ", "UNIT", "CARD"), "BAD_USER_INPUT", "input.action"),
            (allow("sales_rep", "USER", "READ", "UNIT", "CARD"), "BAD_USER_INPUT", "input.action"),
            (allow("sales_rep", "CUSTOMER", "READ", "WORLD", "CARD"), "BAD_USER_INPUT", "reach"),
            (allow("sales_rep", "CUSTOMER", "READ", "UNIT", "TOTAL"), "BAD_USER_INPUT", "level"),
            (json!({ "role": "sales_rep", "resource": "CUSTOMER", "action": "READ" }), "BAD_USER_INPUT", "input.reach"),
            (json!({ "role": "sales_rep", "resource": "CUSTOMER", "action": "READ", "effect": "DENY", "level": "CARD" }), "BAD_USER_INPUT", "input.level"),
            (allow("sales_rep", "ORGANISATION", "ADMINISTER", "SELF", "FULL"), "BAD_USER_INPUT", "reach"),
            (allow("sales_rep", "AUDIT", "READ", "SELF", "CARD"), "BAD_USER_INPUT", "unowned"),
            (allow("sales_rep", "CUSTOMER", "READ", "UNIT", "CARD"), "CONFLICT", "unique"),
            (allow("group_admin", "CUSTOMER", "READ", "GROUP", "FULL"), "FORBIDDEN", "input.role"),
            (deny("group_admin", "ORGANISATION", "ADMINISTER"), "CONFLICT", "last_administrator"),
        ] {
            refused(&admin, ADD, input.clone(), code, about).await;
            let before = contents(&app).await;
            let error = admin.fail(PREVIEW, json!({ "add": [input] })).await;
            assert_eq!(error["extensions"]["code"], code, "{input}: {error}");
            assert_eq!(contents(&app).await, before, "{input}");
        }
        // In a literal as well.
        let before = contents(&app).await;
        let literal = "mutation { addPolicyRule(input: {role: \"sales_rep\", resource: CUSTOMER, action: READ, reach: WORLD, level: CARD}) { rule { id } } }";
        assert_eq!(admin.code(literal, json!({})).await, "BAD_USER_INPUT");
        assert_eq!(contents(&app).await, before);
        for nobody in ["shanghai.admin", "shanghai.manager", "hq.director", "hq.auditor"] {
            let actor = app.actor(nobody).await;
            refused(&actor, ADD, allow("sales_rep", "CUSTOMER", "READ", "GROUP", "FULL"), "FORBIDDEN", "").await;
            let stands = rule(&app, "sales_rep", "customer", "read", "UNIT").await;
            refused(&actor, REMOVE, json!({ "id": stands }), "FORBIDDEN", "").await;
            refused(&actor, REMOVE, json!({ "id": invented("PolicyRule") }), "FORBIDDEN", "").await;
            refused(&actor, CREATE, json!({ "code": "new_role", "title": "New" }), "FORBIDDEN", "").await;
            refused(&actor, UPDATE, json!({ "code": "sales_rep", "title": "New" }), "FORBIDDEN", "").await;
            refused(&actor, DELETE, json!({ "code": "care_planner" }), "FORBIDDEN", "").await;
            assert_eq!(actor.code(PREVIEW, json!({ "remove": [stands] })).await, "FORBIDDEN");
        }
        assert_eq!(app.actor("shanghai.manager").await.code(ROLES, json!({})).await, "FORBIDDEN");
        assert_eq!(app.actor("shanghai.admin").await.ask(ROLES).await, admin.ask(ROLES).await, "whoever gives roles may know what they are");
        assert_eq!(app.nobody().code(ROLES, json!({})).await, "UNAUTHENTICATED");
    }

    async fn what_nobody_owns_is_nobodys_own(app) {
        // Written behind the server's back, at HQ, by somebody whose role may give every role.
        app.execute("INSERT INTO role_gives (role, gives) VALUES ('sales_rep', '*')").await;
        for (resource, action) in [("organisation", "administer"), ("audit", "read")] {
            app.add_rule(["sales_rep", resource, action, "SELF", "FULL", "allow"]).await;
        }
        app.give_post("shanghai.rep1", "sales_rep", "HQ", 1, None).await;
        app.rights_changed().await;
        let rep = app.actor("shanghai.rep1").await;
        let can = "{ viewer { administers: can(resource: ORGANISATION, action: ADMINISTER) audits: can(resource: AUDIT, action: READ) } }";
        assert_eq!(rep.ask(can).await["viewer"], json!({ "administers": false, "audits": false }));
        let user = json!({ "id": global("User", app.user("shanghai.rep2").await) });
        let unit = json!({ "id": global("OrgUnit", app.unit("HANGZHOU").await) });
        for (document, variables) in [
            ("mutation($id: ID!) { createPasswordLink(input: {userId: $id}) { token } }", user.clone()),
            ("mutation($id: ID!) { disableUser(input: {id: $id}) { user { id } } }", user),
            ("mutation($id: ID!) { updateOrgUnit(input: {id: $id, name: \"Mine\"}) { orgUnit { id } } }", unit),
            ("{ plannedMoves { totalCount } }", json!({})),
            (ROLES, json!({})),
        ] {
            assert_eq!(rep.code(document, variables).await, "FORBIDDEN", "{document}");
        }
        // Nor does it stand in the way of the policy.
        app.actor("hq.admin").await.ask_with(ADD, json!({ "input": allow("sales_rep", "CUSTOMER", "READ", "UNIT", "BASIC") })).await;
        let seen = "{ customer(externalRef: \"SH-0002\", originUnitCode: \"SHANGHAI\") { level } }";
        assert_eq!(rep.ask(seen).await["customer"]["level"], "BASIC");
    }

    async fn nobody_removes_a_deny_of_somebody_who_lends_to_them(app) {
        app.add_rule(["data_steward", "customer", "read", "*", "*", "deny"]).await;
        app.rights_changed().await;
        let (admin, director) = (app.actor("hq.admin").await, app.actor("hq.director").await);
        let input = json!({
            "postId": director.ask("{ viewer { posts { id } } }").await["viewer"]["posts"][0]["id"],
            "delegateId": admin.ask("{ viewer { id } }").await["viewer"]["id"],
            "actions": [{ "resource": "CUSTOMER", "action": "READ" }],
            "level": "FULL",
            "validTo": app.clock.now().plus_seconds(3_600).rfc3339(),
        });
        let lend = "mutation($input: LendInput!) { lend(input: $input) { delegation { id } } }";
        let lent = director.ask_with(lend, json!({ "input": input })).await["lend"]["delegation"]["id"].clone();
        let seen = "{ viewer { can(resource: CUSTOMER, action: READ) } }";
        assert_eq!(admin.ask(seen).await["viewer"]["can"], true);
        app.give_post("hq.director", "data_steward", "HQ", 1, None).await;
        app.rights_changed().await;
        assert_eq!(admin.ask(seen).await["viewer"]["can"], false, "the lender's other role takes it away");
        let row = rule(&app, "data_steward", "customer", "read", "*").await;
        refused(&admin, REMOVE, json!({ "id": row }), "FORBIDDEN", "input.id").await;
        for role in ["data_steward", "group_director"] {
            refused(&admin, ADD, allow(role, "CUSTOMER", "UPDATE", "REGION", "FULL"), "FORBIDDEN", "input.role").await;
        }
        let end = "mutation($id: ID!) { endDelegation(input: {id: $id}) { delegation { id } } }";
        director.ask_with(end, json!({ "id": lent })).await;
        admin.ask_with(REMOVE, json!({ "input": { "id": row } })).await;
    }

    async fn nobody_grants_anything_to_oneself(app) {
        app.give_post("hq.admin", "data_steward", "HQ", i64::MAX / 2, None).await;
        app.add_rule(["data_steward", "customer", "export", "*", "*", "deny"]).await;
        app.rights_changed().await;
        let admin = app.actor("hq.admin").await;
        // A role of one's own, and one that will be.
        for role in ["group_admin", "data_steward"] {
            refused(&admin, ADD, allow(role, "CUSTOMER", "EXPORT", "GROUP", "FULL"), "FORBIDDEN", "input.role").await;
        }
        refused(&admin, REMOVE, json!({ "id": rule(&app, "data_steward", "customer", "export", "*").await }), "FORBIDDEN", "input.id").await;
        refused(&admin, UPDATE, json!({ "code": "data_steward", "gives": ["sales_rep"] }), "FORBIDDEN", "input.gives").await;
        refused(&admin, UPDATE, json!({ "code": "data_steward", "delegatesSensitive": true }), "FORBIDDEN", "input.delegatesSensitive").await;
        // Less is nobody's advantage.
        admin.ask_with(ADD, json!({ "input": deny("data_steward", "CUSTOMER", "MERGE") })).await;
        admin.ask_with(REMOVE, json!({ "input": { "id": rule(&app, "data_steward", "customer", "import", "GROUP").await } })).await;
        admin.ask_with(UPDATE, json!({ "input": { "code": "group_admin", "title": "Chief of administration" } })).await;
    }

    async fn nobody_shapes_a_role_that_one_may_not_give(app) {
        let deputy = deputy(&app).await;
        deputy.ask_with(ADD, json!({ "input": allow("sales_rep", "CUSTOMER", "EXPORT", "SELF", "FULL") })).await;
        refused(&deputy, ADD, allow("branch_manager", "CUSTOMER", "READ", "GROUP", "FULL"), "FORBIDDEN", "input.role").await;
        refused(&deputy, ADD, allow("deputy", "CUSTOMER", "READ", "GROUP", "FULL"), "FORBIDDEN", "input.role").await;
        refused(&deputy, REMOVE, json!({ "id": rule(&app, "group_admin", "organisation", "administer", "GROUP").await }), "FORBIDDEN", "input.id").await;
        refused(&deputy, UPDATE, json!({ "code": "group_admin", "gives": [] }), "FORBIDDEN", "input.code").await;
        refused(&deputy, UPDATE, json!({ "code": "sales_rep", "gives": ["group_director"] }), "FORBIDDEN", "input.gives").await;
        refused(&deputy, UPDATE, json!({ "code": "sales_rep", "gives": ["*"] }), "FORBIDDEN", "input.gives").await;
        refused(&deputy, UPDATE, json!({ "code": "deputy", "gives": ["deputy", "sales_rep", "group_admin"] }), "FORBIDDEN", "input.gives").await;
        refused(&deputy, CREATE, json!({ "code": "new_role", "title": "New", "gives": ["group_admin"] }), "FORBIDDEN", "input.gives").await;
        refused(&deputy, DELETE, json!({ "code": "marketing_director" }), "FORBIDDEN", "input.code").await;
    }

    async fn the_last_who_administers_the_group_stays(app) {
        let admin = app.actor("hq.admin").await;
        let row = rule(&app, "group_admin", "organisation", "administer", "GROUP").await;
        refused(&admin, REMOVE, json!({ "id": row }), "CONFLICT", "last_administrator").await;
        refused(&admin, UPDATE, json!({ "code": "group_admin", "gives": ["sales_rep"] }), "CONFLICT", "last_administrator").await;
        refused(&admin, DELETE, json!({ "code": "group_admin" }), "CONFLICT", "in_use").await;
        let told = admin.fail(PREVIEW, json!({ "remove": [row] })).await;
        assert_eq!(told["extensions"]["code"], "CONFLICT");
    }

    async fn a_preview_is_what_then_happens(app) {
        let admin = app.actor("hq.admin").await;
        let add = json!([allow("sales_rep", "CUSTOMER", "READ", "UNIT", "BASIC"), deny("care_planner", "TOUCHPOINT", "CREATE")]);
        let remove = json!([rule(&app, "care_planner", "customer", "read", "UNIT").await]);
        let before = contents(&app).await;
        let told = admin.ask_with(PREVIEW, json!({ "add": add, "remove": remove })).await["previewPolicyChange"].clone();
        assert_eq!(contents(&app).await, before, "nothing has happened yet");
        let mut was = Vec::new();
        for row in app.select("SELECT username FROM user_account").await {
            let id = UserId(app.user(&row.try_get_by_index::<String>(0).unwrap()).await);
            was.push((id, app.rights.viewer(id).await.unwrap().unwrap()));
        }
        for input in add.as_array().unwrap() {
            admin.ask_with(ADD, json!({ "input": input })).await;
        }
        admin.ask_with(REMOVE, json!({ "input": { "id": remove[0] } })).await;
        let mut touched: Vec<(String, usize)> = Vec::new();
        for (id, was) in was {
            let is = app.rights.viewer(id).await.unwrap().unwrap();
            let shifts = was.shifts(&is, &[]).len();
            if let (true, branchwise::access::Who::User { name, .. }) = (shifts > 0, is.who()) {
                touched.push((name.clone(), shifts));
            }
        }
        touched.sort();
        let users = told["users"].as_array().unwrap();
        let mut said: Vec<(String, usize)> = users
            .iter()
            .map(|user| (user["user"]["name"].as_str().unwrap().to_owned(), user["changes"].as_array().unwrap().len()))
            .collect();
        said.sort();
        assert_eq!(said, touched);
        assert_eq!(told["userTotal"], touched.len());
        let care = users.iter().find(|user| user["user"]["name"] == "孙悦").unwrap();
        let lost = json!({ "resource": "CUSTOMER", "action": "READ", "ownRows": false, "before": "BASIC", "after": null, "unitTotal": 1, "units": [{ "code": "SHANGHAI" }] });
        assert_eq!(care["changes"][0], lost);
        let rep = users.iter().find(|user| user["user"]["name"] == "王磊").unwrap();
        let won = json!([{ "resource": "CUSTOMER", "action": "READ", "ownRows": false, "before": "CARD", "after": "BASIC", "unitTotal": 1, "units": [{ "code": "SHANGHAI" }] }]);
        assert_eq!(rep["changes"], won);
    }

    async fn roles_come_and_go(app) {
        let admin = app.actor("hq.admin").await;
        let before = audits(&app).await;
        let new = json!({ "code": "night_shift", "title": "Night shift", "gives": ["sales_rep", "sales_rep"] });
        let created = admin.ask_with(CREATE, json!({ "input": new })).await["createRole"]["role"].clone();
        assert_eq!(created, json!({ "code": "night_shift", "title": "Night shift", "gives": ["sales_rep"], "delegatesSensitive": false, "grants": [] }));
        refused(&admin, CREATE, new, "CONFLICT", "input.code").await;
        for (wrong, field) in [
            (json!({ "code": "Night Shift", "title": "x" }), "input.code"),
            (json!({ "code": "*", "title": "x" }), "input.code"),
            (json!({ "code": "x", "title": "" }), "input.title"),
            (json!({ "code": "x", "title": "x", "gives": ["ghost"] }), "input.gives"),
        ] {
            refused(&admin, CREATE, wrong, "BAD_USER_INPUT", field).await;
        }
        admin.ask_with(ADD, json!({ "input": allow("night_shift", "CUSTOMER", "READ", "UNIT", "FULL") })).await;
        refused(&admin, DELETE, json!({ "code": "night_shift" }), "CONFLICT", "in_use").await;
        let give = "mutation($u: ID!, $o: ID!) { givePost(input: {userId: $u, role: \"night_shift\", unitId: $o}) { post { title } } }";
        let ids = json!({ "u": global("User", app.user("london.rep1").await), "o": global("OrgUnit", app.unit("SYDNEY").await) });
        assert_eq!(admin.ask_with(give, ids).await["givePost"]["post"]["title"], "Night shift");
        let sydney = app.actor("london.rep1").await.ask("{ orgUnit(code: \"SYDNEY\") { customers { nodes { level } } } }").await;
        assert_eq!(sydney["orgUnit"]["customers"]["nodes"][0]["level"], "FULL");
        let changed = admin.ask_with(UPDATE, json!({ "input": { "code": "night_shift", "gives": ["supervisor"], "delegatesSensitive": true } })).await;
        assert_eq!(
            changed["updateRole"]["role"],
            json!({ "code": "night_shift", "title": "Night shift", "gives": ["supervisor"], "delegatesSensitive": true })
        );
        admin.ask_with(REMOVE, json!({ "input": { "id": rule(&app, "night_shift", "customer", "read", "UNIT").await } })).await;
        refused(&admin, DELETE, json!({ "code": "night_shift" }), "CONFLICT", "in_use").await;
        refused(&admin, UPDATE, json!({ "code": "ghost", "title": "x" }), "NOT_FOUND", "input.code").await;
        admin.ask_with(CREATE, json!({ "input": { "code": "never_held", "title": "x", "gives": ["*"] } })).await;
        assert_eq!(admin.ask_with(DELETE, json!({ "input": { "code": "never_held" } })).await["deleteRole"]["code"], "never_held");
        assert!(!admin.ask(ROLES).await.to_string().contains("never_held"));
        assert_eq!(app.number("SELECT COUNT(*) FROM role_gives WHERE role = 'never_held'").await, 0);
        let told = audits_since(&app, &before).await;
        assert_eq!(told.iter().filter(|row| row.changes["code"] == json!(["night_shift", "night_shift"])).count(), 2, "{told:?}");
    }

    async fn a_row_that_nobody_understands_can_be_removed(app) {
        let admin = app.actor("hq.admin").await;
        app.add_rule(["sales_rep", "customer", "read", "EVERYWHERE", "FULL", "allow"]).await;
        app.rights_changed().await;
        let smuggled = rule(&app, "sales_rep", "customer", "read", "EVERYWHERE").await;
        let roles = admin.ask(ROLES).await;
        let role = roles["roles"].as_array().unwrap().iter().find(|role| role["code"] == "sales_rep").unwrap();
        let row = role["grants"].as_array().unwrap().iter().find(|row| row["id"] == smuggled.as_str()).unwrap();
        assert_eq!((&row["reach"], &row["level"]), (&Json::Null, &json!("FULL")));
        refused(&admin, ADD, allow("sales_rep", "CUSTOMER", "READ", "UNIT", "BASIC"), "CONFLICT", "policy").await;
        // What is no change of the policy goes on by the last good one.
        let disable = "mutation($id: ID!) { disableUser(input: {id: $id}) { user { disabledAt } } }";
        admin.ask_with(disable, json!({ "id": global("User", app.user("london.rep1").await) })).await;
        admin.ask_with(REMOVE, json!({ "input": { "id": smuggled } })).await;
        admin.ask_with(ADD, json!({ "input": allow("sales_rep", "CUSTOMER", "READ", "UNIT", "BASIC") })).await;
    }
}
