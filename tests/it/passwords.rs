//! Passwords: changed by their user, or set by a one-time link that an administrator made.

use branchwise::db::operator_unscoped;
use branchwise::org::users;
use serde_json::{Value as Json, json};

use crate::app::{Actor, Engine, PASSWORD, TestApp};
use crate::on_both;
use crate::raw::{Bytes, global, invented, sql_id};
use crate::sessions::{SIGN_IN, holder, is_in, sign_in};
use crate::tables::{audits, audits_since, contents, count};

const NEW: &str = "a new horse battery";
const CHANGE: &str =
    "mutation($c: String!, $n: String!) { changePassword(input: {currentPassword: $c, newPassword: $n}) { endedSessions } }";
const LINK: &str = "mutation($id: ID!) { createPasswordLink(input: {userId: $id}) { token link expiresAt } }";
const SET: &str = "mutation($t: String!, $p: String!) { setPassword(input: {token: $t, password: $p}) { isSet } }";

async fn signs_in(app: &TestApp, username: &str, password: &str) -> bool {
    app.nobody().send(SIGN_IN, json!({ "u": username, "p": password })).await.body["errors"].is_null()
}

async fn link(app: &TestApp, admin: &str, username: &str) -> Json {
    let id = global("User", app.user(username).await);
    app.actor(admin).await.ask_with(LINK, json!({ "id": id })).await["createPasswordLink"].take()
}

async fn set(app: &TestApp, token: &Json) -> Bytes {
    app.nobody().bytes(SET, &json!({ "t": token, "p": NEW })).await
}

async fn a_link_that_cannot_be_used_is_like_any_other(app: TestApp) {
    let used = link(&app, "hq.admin", "shanghai.rep1").await;
    app.nobody().ask_with(SET, json!({ "t": used["token"], "p": NEW })).await;
    let replaced = link(&app, "hq.admin", "shanghai.rep2").await;
    let expired = link(&app, "hq.admin", "shanghai.rep2").await;
    app.clock.advance_seconds(24 * 3_600 - 1);
    let last_second = link(&app, "hq.admin", "shanghai.care").await;
    app.clock.advance_seconds(1);
    let disabled = link(&app, "hq.admin", "london.manager").await;
    app.execute("UPDATE user_account SET disabled_at = 1 WHERE username = 'london.manager'").await;
    let before = contents(&app).await;
    let unknown = set(&app, &json!(app.secrets.links.seal("password link", &[7; 16]).unwrap())).await;
    assert!(unknown.body.contains("BAD_USER_INPUT") && unknown.body.contains("input.token"), "{unknown:?}");
    let good = last_second["token"].as_str().unwrap();
    for wrong in [
        used["token"].clone(),
        replaced["token"].clone(),
        expired["token"].clone(),
        disabled["token"].clone(),
        json!(""),
        json!(good[1..]),
        json!(format!("{good}A")),
        json!(app.secrets.refresh.seal("password link", &[7; 16]).unwrap()),
        json!(app.secrets.links.seal("other", &[7; 16]).unwrap()),
        json!("x".repeat(10_000)),
    ] {
        assert_eq!(set(&app, &wrong).await, unknown, "{wrong}");
    }
    let short = app.nobody().fail(SET, json!({ "t": good, "p": "short" })).await;
    assert_eq!(short["extensions"]["violations"][0]["field"], "input.password");
    assert_eq!(contents(&app).await, before);
    app.clock.advance_seconds(24 * 3_600 - 2);
    assert!(set(&app, &json!(good)).await.body.contains("\"isSet\":true"), "in its last second");
    assert!(signs_in(&app, "shanghai.care", NEW).await && !signs_in(&app, "shanghai.care", PASSWORD).await);
    assert!(signs_in(&app, "shanghai.rep2", PASSWORD).await, "an open link changes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_cannot_be_used_on_sqlite() {
    a_link_that_cannot_be_used_is_like_any_other(TestApp::start_standing(Engine::Sqlite).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_cannot_be_used_on_postgres() {
    if let Some(app) = TestApp::start_standing(Engine::Postgres).await {
        a_link_that_cannot_be_used_is_like_any_other(app).await;
    }
}

on_both! {
    async fn a_changed_password_ends_the_other_sessions(app) {
        let (here, there) = (sign_in(&app, "shanghai.rep1", "here").await, sign_in(&app, "shanghai.rep1", "there").await);
        let open = link(&app, "hq.admin", "shanghai.rep1").await;
        let other = sign_in(&app, "shanghai.rep2", "phone").await;
        let (me, before) = (holder(&app, &here), contents(&app).await);
        for (current, new, field, rule) in [
            (PASSWORD, "short", "input.newPassword", "length"),
            (PASSWORD, &"x".repeat(201), "input.newPassword", "length"),
            (PASSWORD, PASSWORD, "input.newPassword", "same"),
        ] {
            let wrong = me.fail(CHANGE, json!({ "c": current, "n": new })).await;
            let violation = &wrong["extensions"]["violations"][0];
            assert_eq!((&wrong["extensions"]["code"], &violation["field"], &violation["rule"]), (&json!("BAD_USER_INPUT"), &json!(field), &json!(rule)));
        }
        assert_eq!(contents(&app).await, before);
        let wrong = me.fail(CHANGE, json!({ "c": "wrong horse battery", "n": NEW })).await;
        assert_eq!(wrong["extensions"]["violations"][0]["rule"], "wrong");
        assert!(is_in(&holder(&app, &there)).await && signs_in(&app, "shanghai.rep1", PASSWORD).await);

        let audit = audits(&app).await;
        let ended = me.ask_with(CHANGE, json!({ "c": PASSWORD, "n": NEW })).await["changePassword"]["endedSessions"].as_i64();
        assert_eq!(ended, Some(3), "there, the one just signed in, and the one of the tests");
        assert!(is_in(&me).await && !is_in(&holder(&app, &there)).await && is_in(&holder(&app, &other)).await);
        assert!(signs_in(&app, "shanghai.rep1", NEW).await && !signs_in(&app, "shanghai.rep1", PASSWORD).await);
        assert!(set(&app, &open["token"]).await.body.contains("input.token"), "links of before are void");
        let told = audits_since(&app, &audit).await;
        let changed = told.iter().find(|row| row.action == "user:password_changed").expect("told of");
        assert_eq!((changed.actor, changed.record), (Some(app.user("shanghai.rep1").await), app.user("shanghai.rep1").await));
        assert!(!format!("{told:?}").contains("horse") && !format!("{told:?}").contains("argon2"));
        let twice = "mutation($c: String!, $n: String!) { a: changePassword(input: {currentPassword: $c, newPassword: $n}) { endedSessions }
            b: changePassword(input: {currentPassword: $n, newPassword: $c}) { endedSessions } }";
        assert!(me.send(twice, json!({ "c": NEW, "n": PASSWORD })).await.body.to_string().contains("\"once\""));
        assert_eq!(app.nobody().code(CHANGE, json!({ "c": NEW, "n": PASSWORD })).await, "UNAUTHENTICATED");
    }

    async fn a_link_sets_a_password_once(app) {
        let session = sign_in(&app, "shanghai.rep1", "phone").await;
        for _ in 0..10 {
            assert!(!signs_in(&app, "shanghai.rep1", "wrong horse battery").await);
        }
        let before = audits(&app).await;
        let made = link(&app, "shanghai.admin", "shanghai.rep1").await;
        let token = made["token"].as_str().unwrap();
        let page = app.url.replace("/graphql", "/password");
        assert_eq!(made["link"], json!(format!("{page}#{token}")));
        assert!(is_in(&holder(&app, &session)).await, "sessions go on until it is set");
        assert!(!format!("{:?}", contents(&app).await).contains(token), "no table keeps it");
        let all = futures::future::join_all((0..4).map(|_| set(&app, &made["token"]))).await;
        assert_eq!(all.iter().filter(|answer| answer.body.contains("\"isSet\":true")).count(), 1, "{all:?}");
        assert!(!is_in(&holder(&app, &session)).await);
        assert!(signs_in(&app, "shanghai.rep1", NEW).await, "the lock is gone too");
        let told = audits_since(&app, &before).await;
        let of = |action: &str| told.iter().filter(|row| row.action == action).collect::<Vec<_>>();
        let (made, set) = (of("user:password_link_made"), of("user:password_set"));
        assert_eq!((made.len(), set.len()), (1, 1), "{told:?}");
        assert_eq!(made[0].actor, Some(app.user("shanghai.admin").await));
        assert_eq!((set[0].actor, set[0].unit), (None, Some(app.unit("SHANGHAI").await)));
    }

    async fn a_link_takes_power_over_what_is_lent_to_the_user(app) {
        let rep = json!({ "id": global("User", app.user("shanghai.rep1").await) });
        let lend = "mutation($input: LendInput!) { lend(input: $input) { delegation { id } } }";
        let end = "mutation($id: ID!) { endDelegation(input: {id: $id}) { delegation { id } } }";
        let (from, to) = (app.clock.now().plus_seconds(3_600).rfc3339(), app.clock.now().plus_seconds(7_200).rfc3339());
        let mut lent = Vec::new();
        for lender in ["shanghai.manager", "east.manager"] {
            let actor = app.actor(lender).await;
            let post = actor.ask("{ viewer { posts { id } } }").await["viewer"]["posts"][0]["id"].clone();
            let input = json!({ "postId": post, "delegateId": rep["id"], "actions": [{ "resource": "CUSTOMER", "action": "READ" }],
                                "level": "FULL", "validFrom": from, "validTo": to });
            // What the administrator of the branch could give stands in nobody's way.
            link(&app, "shanghai.admin", "shanghai.rep1").await;
            lent.push(actor.ask_with(lend, json!({ "input": input })).await["lend"]["delegation"]["id"].clone());
        }
        let before = contents(&app).await;
        let admin = app.actor("shanghai.admin").await;
        assert_eq!(admin.code(LINK, rep.clone()).await, "FORBIDDEN", "it has yet to begin");
        let rename = "mutation($id: ID!) { updateUser(input: {id: $id, email: \"mine@example.com\"}) { user { id } } }";
        assert_eq!(admin.code(rename, rep.clone()).await, "FORBIDDEN");
        for table in ["password_link", "user_account"] {
            assert_eq!(contents(&app).await[table], before[table]);
        }
        link(&app, "hq.admin", "shanghai.rep1").await;
        app.actor("east.manager").await.ask_with(end, json!({ "id": lent[1] })).await;
        link(&app, "shanghai.admin", "shanghai.rep1").await;
    }

    async fn a_link_is_for_whom_one_may_manage(app) {
        let rows = count(&app, "password_link").await;
        let id = async |name: &str| json!({ "id": global("User", app.user(name).await) });
        // No power to administer: whatever the id.
        let rep = app.actor("shanghai.rep1").await;
        let refused = rep.bytes(LINK, &json!({ "id": invented("User") })).await;
        assert!(refused.body.contains("FORBIDDEN"), "{refused:?}");
        for name in ["shanghai.rep1", "shanghai.rep2", "hq.admin"] {
            assert_eq!(rep.bytes(LINK, &id(name).await).await, refused, "{name}");
        }
        // Out of sight: as one that never was.
        let admin = app.actor("shanghai.admin").await;
        let unknown = admin.bytes(LINK, &json!({ "id": invented("User") })).await;
        assert!(unknown.body.contains("NOT_FOUND"), "{unknown:?}");
        for name in ["london.rep1", "hq.admin", "beijing.manager"] {
            assert_eq!(admin.bytes(LINK, &id(name).await).await, unknown, "{name}");
        }
        // In sight, and more than the administrator may give; and oneself.
        app.give_post("shanghai.rep2", "region_manager", "NORTH", 1, None).await;
        app.give_post("shanghai.care", "group_admin", "HQ", i64::MAX / 2, None).await;
        app.rights_changed().await;
        for name in ["shanghai.rep2", "shanghai.care", "shanghai.integration", "shanghai.admin"] {
            assert_eq!(admin.code(LINK, id(name).await).await, "FORBIDDEN", "{name}");
        }
        assert_eq!(app.actor("hq.admin").await.code(LINK, id("hq.admin").await).await, "FORBIDDEN", "nobody for oneself");
        app.execute("UPDATE user_account SET disabled_at = 1 WHERE username = 'shanghai.service'").await;
        assert_eq!(admin.code(LINK, id("shanghai.service").await).await, "BAD_USER_INPUT");
        assert_eq!(admin.code(LINK, json!({ "id": invented("Customer") })).await, "BAD_USER_INPUT");
        assert_eq!(count(&app, "password_link").await, rows);
        link(&app, "shanghai.admin", "shanghai.rep1").await;
        assert_eq!(count(&app, "password_link").await, rows + 1);
    }

    async fn a_link_is_worth_what_its_maker_may_do(app) {
        let (branch, group) = ("shanghai.admin", app.actor("hq.admin").await);
        let is_dead = async |link: &Json, why: &str| {
            let answer = set(&app, &link["token"]).await;
            assert!(answer.body.contains("BAD_USER_INPUT") && answer.body.contains("input.token"), "{why}: {answer:?}");
        };
        let give = "mutation($u: ID!, $at: ID!) { givePost(input: {userId: $u, role: \"group_admin\", unitId: $at}) { post { id } } }";
        let end = "mutation($id: ID!) { endPost(input: {id: $id}) { post { id } } }";
        let id = async |name: &str| global("User", app.user(name).await);
        let hq = global("OrgUnit", app.unit("HQ").await);

        // Void from the moment its user may do more, and it stays void when that ends.
        let of_before = link(&app, branch, "shanghai.rep1").await;
        let given = group.ask_with(give, json!({ "u": id("shanghai.rep1").await, "at": hq })).await["givePost"]["post"]["id"].take();
        is_dead(&of_before, "its user administers the group").await;
        group.ask_with(end, json!({ "id": given })).await;
        is_dead(&of_before, "its user did").await;
        let of_before = link(&app, branch, "shanghai.care").await;
        let file = "username,name,role,unit_code\nshanghai.care,孙悦,supervisor,SHANGHAI\n";
        crate::import::run(&app, None, branchwise::cli::import::Kind::Users, file).await;
        is_dead(&of_before, "a file gave its user a post").await;

        // More than its maker may give, of which no link was told.
        let open = link(&app, branch, "shanghai.rep2").await;
        app.give_post("shanghai.rep2", "region_manager", "EAST", i64::MAX / 2, None).await;
        app.rights_changed().await;
        is_dead(&open, "its user will manage the region").await;
        app.execute("DELETE FROM post WHERE role = 'region_manager' AND valid_from > 1000000000000000000").await;

        // Its maker is disabled, or holds the post no more; by the maker's power it is a link again.
        for (lost, found) in [
            ("UPDATE user_account SET disabled_at = 1 WHERE username = 'shanghai.admin'", "UPDATE user_account SET disabled_at = NULL WHERE username = 'shanghai.admin'"),
            ("UPDATE post SET valid_to = 2 WHERE role = 'branch_admin'", "UPDATE post SET valid_to = NULL WHERE role = 'branch_admin'"),
        ] {
            app.execute(lost).await;
            app.rights_changed().await;
            is_dead(&open, lost).await;
            app.execute(found).await;
            app.rights_changed().await;
        }
        assert!(signs_in(&app, "shanghai.rep1", PASSWORD).await && signs_in(&app, "shanghai.rep2", PASSWORD).await);
        assert!(set(&app, &open["token"]).await.body.contains("\"isSet\":true"));
    }

    async fn a_link_does_not_outlive_being_disabled(app) {
        let (admin, open) = (app.actor("hq.admin").await, link(&app, "hq.admin", "london.rep1").await);
        let id = json!({ "id": global("User", app.user("london.rep1").await) });
        for (mutation, field) in [("disableUser", "input.token"), ("enableUser", "input.token")] {
            admin.ask_with(&format!("mutation($id: ID!) {{ {mutation}(input: {{id: $id}}) {{ user {{ id }} }} }}"), id.clone()).await;
            assert!(set(&app, &open["token"]).await.body.contains(field), "{mutation}");
        }
        assert!(signs_in(&app, "london.rep1", PASSWORD).await);
    }

    async fn the_command_line_sets_passwords_and_ends_sessions(app) {
        let payload = sign_in(&app, "shanghai.rep1", "phone").await;
        let open = link(&app, "hq.admin", "shanghai.rep1").await;
        let operator = app.db.seen_by(operator_unscoped(&app.rights));
        users::set_password(&operator, "shanghai.rep1", branchwise::secrets::hash_password(NEW).unwrap()).await.unwrap();
        app.rights.refresh().await.unwrap();
        assert!(!is_in(&holder(&app, &payload)).await);
        assert!(set(&app, &open["token"]).await.body.contains("input.token"), "links of before are void");
        assert!(signs_in(&app, "shanghai.rep1", NEW).await && !signs_in(&app, "shanghai.rep1", PASSWORD).await);
        let user = sql_id(app.engine, app.user("shanghai.rep1").await);
        let words = app.select(&format!("SELECT DISTINCT ended_by FROM session WHERE user_id = {user} AND ended_at IS NOT NULL")).await;
        assert_eq!(words.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()).collect::<Vec<_>>(), ["PASSWORD"]);
    }

    async fn the_page_behind_a_link_loads_nothing(app) {
        let response = reqwest::get(app.url.replace("/graphql", "/password")).await.unwrap();
        let headers = response.headers().clone();
        assert_eq!(response.status().as_u16(), 200);
        assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"));
        assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        assert_eq!((&headers["referrer-policy"], &headers["cache-control"]), (&"no-referrer".parse().unwrap(), &"no-store".parse().unwrap()));
        let text = response.text().await.unwrap();
        assert!(text.contains("setPassword") && text.contains("location.hash"));
        let nobody = Actor { app: &app, token: None };
        assert_eq!(nobody.code("mutation { setPassword(input: {token: \"x\", password: \"1234567890\"}) { isSet } signOut { endedSessions } }", json!({})).await, "UNAUTHENTICATED", "nothing beside it");
    }
}
