//! Users by GraphQL: who sees what of whom, and who adds, renames and disables them.

use serde_json::{Value as Json, json};

use crate::app::{Actor, TestApp};
use crate::on_both;
use crate::raw::{global, invented, sql_id};
use crate::tables::{audits, audits_since, contents, count};

const LIST: &str = "{ users(first: 100) { totalCount nodes { name title username email disabledAt version posts { role } } } }";
const FIND: &str = "query($filter: UserFilter) { users(first: 100, filter: $filter) { totalCount nodes { name } } }";
const CREATE: &str = "mutation($input: CreateUserInput!) { createUser(input: $input) { user { id name username email version \
    posts { role unit { code } validTo origin } } } }";
const UPDATE: &str = "mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { name email version } } }";
const DISABLE: &str = "mutation($input: DisableUserInput!) { disableUser(input: $input) { user { disabledAt version } } }";
const ENABLE: &str = "mutation($input: DisableUserInput!) { enableUser(input: $input) { user { disabledAt version } } }";

async fn user(app: &TestApp, username: &str) -> String {
    global("User", app.user(username).await)
}

async fn unit(app: &TestApp, code: &str) -> String {
    global("OrgUnit", app.unit(code).await)
}

/// Adds a user without any post.
async fn add_without_post(app: &TestApp, username: &str) {
    let id = sql_id(app.engine, app.clock.id::<uuid::Uuid>());
    app.execute(&format!(
        "INSERT INTO user_account (id, username, name, email, created_at, updated_at, version) \
         VALUES ({id}, '{username}', 'Left Long Ago', '{username}@example.com', 1, 1, 1)"
    ))
    .await;
}

fn named<'a>(list: &'a Json, name: &str) -> Option<&'a Json> {
    list["users"]["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name)
}

async fn finds(actor: &Actor<'_>, filter: Json) -> Vec<String> {
    let found = actor.ask_with(FIND, json!({ "filter": filter })).await;
    let names: Vec<String> =
        found["users"]["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found["users"]["totalCount"], names.len());
    names
}

/// Refused with this code, and about this field or rule where one is named; nothing has changed.
async fn refused(actor: &Actor<'_>, document: &str, input: Json, code: &str, about: &str) {
    let before = contents(actor.app).await;
    let error = actor.fail(document, json!({ "input": input })).await;
    assert_eq!(error["extensions"]["code"], code, "{input}: {error}");
    assert!(error["extensions"].to_string().contains(about), "{input}: {about} in {error}");
    assert_eq!(contents(actor.app).await, before, "{input}");
}

on_both! {
    async fn colleagues_are_seen_and_whom_one_administers_is_seen_whole(app) {
        add_without_post(&app, "left.long.ago").await;
        let everybody = count(&app, "user_account").await;
        let group = app.actor("hq.admin").await.ask(LIST).await;
        assert_eq!(group["users"]["totalCount"], everybody);
        assert!(group["users"]["nodes"].as_array().unwrap().iter().all(|node| node["username"].is_string() && node["posts"].is_array()));
        assert_eq!(named(&group, "Left Long Ago").unwrap()["email"], "left.long.ago@example.com");

        // Whoever sees everything but administers nothing has colleagues, and nothing of theirs but the name.
        let director = app.actor("hq.director").await.ask(LIST).await;
        assert_eq!(director["users"]["totalCount"], everybody - 1);
        for node in director["users"]["nodes"].as_array().unwrap() {
            for hidden in ["username", "email", "disabledAt", "version", "posts"] {
                assert_eq!(node[hidden], Json::Null, "{hidden} of {node}");
            }
        }

        let branch = app.actor("shanghai.admin").await.ask(LIST).await;
        let manager = app.actor("shanghai.manager").await.ask(LIST).await;
        assert_eq!(named(&branch, "王磊").unwrap()["email"], "shanghai.rep1@example.com");
        assert_eq!(named(&branch, "冯子轩").unwrap()["username"], "pudong.rep1", "the subtree too");
        assert_eq!(named(&branch, "方舟"), None, "Hangzhou");
        assert_eq!(named(&manager, "方舟").unwrap()["email"], Json::Null, "the owner of cards seen sideways");
        assert_eq!(named(&manager, "王磊").unwrap()["posts"], Json::Null);
        assert_eq!(app.nobody().code(LIST, json!({})).await, "UNAUTHENTICATED");
        app.execute("UPDATE post SET valid_to = 2 WHERE user_id = (SELECT id FROM user_account WHERE username = 'tokyo.rep1')").await;
        app.rights_changed().await;
        assert_eq!(app.actor("tokyo.rep1").await.code(LIST, json!({})).await, "FORBIDDEN");
    }

    async fn posts_out_of_reach_are_not_told(app) {
        app.give_post("shanghai.rep1", "service_agent", "BEIJING", 1, None).await;
        app.give_post("shanghai.rep1", "supervisor", "SHANGHAI", 1, Some(2)).await;
        app.rights_changed().await;
        let id = json!({ "id": user(&app, "shanghai.rep1").await });
        let posts = "query($id: ID!) { node(id: $id) { ... on User { email posts { role origin version unit { code } validTo actingFor { name } } } } }";
        let branch = app.actor("shanghai.admin").await.ask_with(posts, id.clone()).await["node"].clone();
        let roles = |node: &Json| node["posts"].as_array().unwrap().iter().map(|post| post["role"].clone()).collect::<Vec<_>>();
        assert_eq!(roles(&branch), ["supervisor", "sales_rep"], "oldest first, what is past too, Beijing not");
        assert_eq!(branch["posts"][1]["unit"]["code"], "SHANGHAI");
        assert_eq!((&branch["posts"][1]["origin"], &branch["posts"][1]["version"]), (&json!("DIRECT"), &json!(1)));
        let group = app.actor("hq.admin").await.ask_with(posts, id.clone()).await["node"].clone();
        assert_eq!(roles(&group).len(), 3);
        let service = app.actor("shanghai.service").await.ask_with(posts, id.clone()).await["node"].clone();
        assert_eq!((&service["posts"], &service["email"]), (&Json::Null, &Json::Null));
        assert_eq!(app.actor("london.manager").await.ask_with(posts, id).await["node"], Json::Null);
    }

    async fn filters_tell_nothing_that_is_hidden(app) {
        app.give_post("shanghai.admin", "branch_manager", "SHANGHAI", 1, None).await;
        app.give_post("shanghai.rep1", "service_agent", "BEIJING", 1, None).await;
        app.execute("UPDATE user_account SET disabled_at = 1 WHERE username IN ('hangzhou.rep1', 'shanghai.rep2')").await;
        app.rights_changed().await;
        let admin = app.actor("shanghai.admin").await;
        let both = admin.ask(LIST).await;
        assert_eq!(named(&both, "方舟").unwrap()["username"], Json::Null, "seen, not administered");
        assert_eq!(finds(&admin, json!({ "name": { "eq": "方舟" } })).await, ["方舟"]);
        let beijing = unit(&app, "BEIJING").await;
        for hidden in [
            json!({ "username": { "eq": "hangzhou.rep1" } }),
            json!({ "username": { "contains": "hangzhou" } }),
            json!({ "email": { "eq": "hangzhou.rep1@example.com" } }),
            json!({ "unit": { "eq": beijing } }),
            json!({ "role": { "eq": "service_agent" }, "name": { "eq": "王磊" } }),
            json!({ "disabled": true, "name": { "eq": "方舟" } }),
        ] {
            assert_eq!(finds(&admin, hidden.clone()).await, Vec::<String>::new(), "{hidden}");
        }
        assert!(!finds(&admin, json!({ "disabled": false })).await.contains(&"方舟".to_owned()));
        assert_eq!(finds(&admin, json!({ "disabled": true })).await, ["Emily Zhao"]);
        assert_eq!(finds(&admin, json!({ "username": { "contains": "SHANGHAI.REP" } })).await, ["Emily Zhao", "王磊"]);
        assert_eq!(finds(&admin, json!({ "name": { "contains": "emily z" } })).await, ["Emily Zhao"]);
        assert_eq!(finds(&admin, json!({ "name": { "contains": "%" } })).await, Vec::<String>::new());
        // Both databases fold the letters a to z, and no others.
        app.execute("UPDATE user_account SET name = 'Émile ÉTÉ' WHERE username = 'shanghai.rep2'").await;
        for (text, found) in [("Émile été", false), ("émile", false), ("ÉMILE", true), ("mILE É", true), ("é", false), ("É", true)] {
            assert_eq!(finds(&admin, json!({ "name": { "contains": text } })).await.contains(&"Émile ÉTÉ".to_owned()), found, "{text}");
        }
        app.execute("UPDATE user_account SET name = 'Emily Zhao' WHERE username = 'shanghai.rep2'").await;
        let pudong = unit(&app, "SHANGHAI-PUDONG").await;
        assert_eq!(finds(&admin, json!({ "unit": { "eq": pudong }, "role": { "eq": "sales_rep" } })).await, ["冯子轩"]);
        assert_eq!(finds(&app.actor("hq.admin").await, json!({ "role": { "in": ["group_admin", "group_auditor"] } })).await.len(), 2);
        let sorted = admin.ask("{ users(sort: {field: USERNAME}, first: 100) { nodes { name username } } }").await;
        assert!(sorted["users"]["nodes"].as_array().unwrap().iter().all(|node| node["username"].is_string()));

        let manager = app.actor("shanghai.manager").await;
        for (field, filter) in [
            ("filter.username", json!({ "username": { "eq": "x" } })),
            ("filter.email", json!({ "email": { "eq": "x" } })),
            ("filter.unit", json!({ "unit": { "eq": beijing } })),
            ("filter.role", json!({ "role": { "eq": "sales_rep" } })),
            ("filter.disabled", json!({ "disabled": true })),
        ] {
            let error = manager.fail(FIND, json!({ "filter": filter })).await;
            assert_eq!((&error["extensions"]["code"], &error["extensions"]["field"]), (&json!("FORBIDDEN"), &json!(field)));
        }
        assert_eq!(manager.code("{ users(sort: {field: USERNAME}) { totalCount } }", json!({})).await, "FORBIDDEN");
    }

    async fn a_list_of_users_with_their_posts_takes_the_same_for_any_number(app) {
        let admin = app.actor("hq.admin").await;
        let statements = async |first: usize| {
            let query = format!("{{ users(first: {first}) {{ nodes {{ name email title posts {{ role version unit {{ code }} }} }} }} }}");
            let mut least = u64::MAX;
            for _ in 0..10 {
                let before = app.db.statements_run();
                admin.ask(&query).await;
                least = least.min(app.db.statements_run() - before);
            }
            least
        };
        // One more, at most: what is gathered into one statement may come in two turns.
        assert!(statements(40).await <= statements(5).await + 1);
    }

    async fn a_branch_administrator_adds_renames_and_disables_its_own(app) {
        let admin = app.actor("shanghai.admin").await;
        let before = audits(&app).await;
        let input = json!({
            "username": "shanghai.rep9", "name": "New Rep", "email": "rep9@example.com",
            "post": { "role": "sales_rep", "unitId": unit(&app, "SHANGHAI-PUDONG").await, "validTo": "2090-01-01T00:00:00Z" },
        });
        let created = admin.ask_with(CREATE, json!({ "input": input })).await["createUser"]["user"].clone();
        let post = json!([{ "role": "sales_rep", "unit": { "code": "SHANGHAI-PUDONG" }, "validTo": "2090-01-01T00:00:00Z", "origin": "DIRECT" }]);
        assert_eq!((&created["username"], &created["email"], &created["posts"]), (&json!("shanghai.rep9"), &json!("rep9@example.com"), &post));
        let rows = audits_since(&app, &before).await;
        let pudong = app.unit("SHANGHAI-PUDONG").await;
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert!(rows.iter().all(|row| row.unit == Some(pudong) && row.actor.is_some()), "{rows:?}");
        assert_eq!(app.number("SELECT COUNT(*) FROM audit WHERE record_type = 'post' AND record_id IN (SELECT id FROM post WHERE user_id = (SELECT id FROM user_account WHERE username = 'shanghai.rep9'))").await, 1);
        // No password: nobody signs in by an empty one.
        let sign_in = "mutation { signIn(input: {username: \"shanghai.rep9\", password: \"\"}) { accessToken } }";
        assert_eq!(app.nobody().code(sign_in, json!({})).await, "UNAUTHENTICATED");
        assert!(app.actor("shanghai.rep9").await.ask("{ customers { totalCount } }").await["customers"]["totalCount"].as_i64().unwrap() > 0);

        let id = created["id"].clone();
        let renamed = admin.ask_with(UPDATE, json!({ "input": { "id": id, "name": "Renamed", "expectedVersion": 1 } })).await;
        assert_eq!(renamed["updateUser"]["user"], json!({ "name": "Renamed", "email": "rep9@example.com", "version": 2 }));
        let stale = admin.fail(UPDATE, json!({ "input": { "id": id, "name": "Again", "expectedVersion": 1 } })).await;
        assert_eq!((&stale["extensions"]["code"], &stale["extensions"]["currentVersion"]), (&json!("CONFLICT"), &json!(2)));
        assert_eq!(stale["extensions"]["current"]["email"], "rep9@example.com");
        let emptied = admin.ask_with(UPDATE, json!({ "input": { "id": id, "email": null } })).await;
        assert_eq!(emptied["updateUser"]["user"]["email"], Json::Null);

        let rep = app.actor("shanghai.rep9").await;
        rep.ask("{ viewer { name } }").await;
        let disabled = admin.ask_with(DISABLE, json!({ "input": { "id": id, "expectedVersion": 3 } })).await;
        assert!(disabled["disableUser"]["user"]["disabledAt"].is_string());
        assert_eq!(rep.code("{ viewer { name } }", json!({})).await, "UNAUTHENTICATED", "from the next request on");
        assert_eq!(admin.ask_with(ENABLE, json!({ "input": { "id": id } })).await["enableUser"]["user"]["disabledAt"], Json::Null);
        assert_eq!(rep.code("{ viewer { name } }", json!({})).await, "UNAUTHENTICATED", "its session has ended");
        app.execute("DELETE FROM session WHERE ended_at IS NOT NULL").await;
        app.actor("shanghai.rep9").await.ask("{ viewer { name } }").await;
    }

    async fn nobody_is_administered_beyond_ones_rights(app) {
        add_without_post(&app, "left.long.ago").await;
        app.give_post("shanghai.rep2", "group_director", "HQ", i64::MAX / 2, None).await;
        app.give_post("shanghai.admin", "branch_manager", "SHANGHAI", 1, None).await;
        app.rights_changed().await;
        let (branch, group) = (app.actor("shanghai.admin").await, app.actor("hq.admin").await);
        let change = async |username: &str| json!({ "id": user(&app, username).await, "name": "Renamed" });
        let only = async |username: &str| json!({ "id": user(&app, username).await });
        for (username, code) in [
            ("shanghai.integration", "FORBIDDEN"), // a role that it cannot give
            ("shanghai.rep2", "FORBIDDEN"),        // a post to come that it cannot give
            ("hangzhou.rep1", "FORBIDDEN"),        // seen sideways
            ("shanghai.admin", "FORBIDDEN"),       // its own role it cannot give
            ("london.rep1", "NOT_FOUND"),
            ("hq.admin", "NOT_FOUND"),
            ("left.long.ago", "NOT_FOUND"),
        ] {
            refused(&branch, UPDATE, change(username).await, code, "").await;
            refused(&branch, DISABLE, only(username).await, code, "").await;
        }
        let never = json!({ "id": invented("User") });
        let unseen = branch.bytes(DISABLE, &json!({ "input": only("london.rep1").await })).await;
        assert_eq!(branch.bytes(DISABLE, &json!({ "input": never })).await, unseen, "as for an id that never was");
        for actor in [app.actor("shanghai.manager").await, app.actor("hq.director").await] {
            for (document, input) in [(UPDATE, change("shanghai.rep1").await), (DISABLE, only("shanghai.rep1").await), (ENABLE, never.clone())] {
                refused(&actor, document, input, "FORBIDDEN", "").await;
            }
        }
        group.ask_with(UPDATE, json!({ "input": change("left.long.ago").await })).await;
        group.ask_with(DISABLE, json!({ "input": only("shanghai.rep2").await })).await;
        refused(&group, DISABLE, only("hq.admin").await, "FORBIDDEN", "input.id").await;
        refused(&group, DISABLE, json!({ "id": unit(&app, "HQ").await }), "BAD_USER_INPUT", "input.id").await;
        for (wrong, field) in [(json!({ "name": "" }), "input.name"), (json!({ "name": null }), "input.name"), (json!({ "email": "x" }), "input.email")] {
            let mut input = only("shanghai.rep1").await;
            input.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
            refused(&group, UPDATE, input, "BAD_USER_INPUT", field).await;
        }
    }

    async fn new_users_are_checked_whole(app) {
        let branch = app.actor("shanghai.admin").await;
        let shanghai = unit(&app, "SHANGHAI").await;
        let with = |username: &str, role: &str, unit: &str, more: Json| {
            let mut post = json!({ "role": role, "unitId": unit });
            post.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "username": username, "name": "New", "post": post })
        };
        let plain = json!({});
        for (input, code, about) in [
            (with("hq.director", "sales_rep", &shanghai, plain.clone()), "CONFLICT", "input.username"),
            (with("Upper", "sales_rep", &shanghai, plain.clone()), "BAD_USER_INPUT", "input.username"),
            (with("new.one", "region_manager", &shanghai, plain.clone()), "FORBIDDEN", "input.post.role"),
            (with("new.one", "branch_admin", &shanghai, plain.clone()), "FORBIDDEN", "input.post.role"),
            (with("new.one", "ghost", &shanghai, plain.clone()), "BAD_USER_INPUT", "input.post.role"),
            (with("new.one", "*", &shanghai, plain.clone()), "BAD_USER_INPUT", "input.post.role"),
            (with("new.one", "sales_rep", &unit(&app, "EAST").await, plain.clone()), "FORBIDDEN", "input.post.role"),
            (with("new.one", "sales_rep", &unit(&app, "LONDON").await, plain.clone()), "NOT_FOUND", "input.post.unitId"),
            (with("new.one", "sales_rep", &invented("OrgUnit"), plain.clone()), "NOT_FOUND", "input.post.unitId"),
            (with("hq.director", "region_manager", &shanghai, plain.clone()), "FORBIDDEN", "input.post.role"),
            (
                with("new.one", "sales_rep", &shanghai, json!({ "validFrom": "2090-01-02T00:00:00Z", "validTo": "2090-01-01T00:00:00Z" })),
                "BAD_USER_INPUT",
                "input.post.validTo",
            ),
            (with("new.one", "sales_rep", &shanghai, json!({ "validTo": "2020-01-01T00:00:00Z" })), "BAD_USER_INPUT", "input.post.validTo"),
            (with("new.one", "sales_rep", &shanghai, json!({ "validFrom": "9999-01-01T00:00:00Z" })), "BAD_USER_INPUT", "input.post.validFrom"),
        ] {
            refused(&branch, CREATE, input, code, about).await;
        }
        let everything = json!({ "username": "", "name": " ", "email": "x", "post": { "role": "ghost", "unitId": shanghai, "validTo": "2020-01-01T00:00:00Z" } });
        let error = branch.fail(CREATE, json!({ "input": everything })).await;
        assert_eq!(error["extensions"]["violations"].as_array().unwrap().len(), 5, "all of it at once: {error}");
        refused(&app.actor("shanghai.manager").await, CREATE, with("new.one", "sales_rep", &shanghai, plain), "FORBIDDEN", "").await;
    }

    async fn the_last_who_administers_the_group_is_not_disabled(app) {
        // The second one administers as well, but not for good: only the first counts.
        app.give_post("hq.director", "group_admin", "HQ", 1, Some(i64::MAX / 2)).await;
        app.rights_changed().await;
        let second = app.actor("hq.director").await;
        let first = json!({ "id": user(&app, "hq.admin").await });
        refused(&second, DISABLE, first.clone(), "CONFLICT", "last_administrator").await;
        app.execute("UPDATE post SET valid_to = NULL WHERE role = 'group_admin'").await;
        app.rights_changed().await;
        second.ask_with(DISABLE, json!({ "input": first })).await;
        assert_eq!(app.actor("hq.admin").await.code("{ viewer { name } }", json!({})).await, "UNAUTHENTICATED");
    }
}
