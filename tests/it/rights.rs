//! When rights begin and end: posts by their dates, disabled users, changes that reach a running server and a second one.

use std::time::Duration;

use branchwise::Error;
use branchwise::db::{Db, DbConfig, Rights};
use entity::UserId;
use serde_json::json;

use crate::app::{Actor, PASSWORD, TestApp};
use crate::on_both;
use crate::raw::{global, invented, sql_id, sql_text};

const COUNT: &str = "{ customers { totalCount } }";
const SECOND: i64 = 1_000_000;

/// Ends every post of a user.
async fn end_posts(app: &TestApp, username: &str, at: i64) {
    let user = format!("(SELECT id FROM user_account WHERE username = {})", sql_text(username));
    app.execute(&format!("UPDATE post SET valid_from = 1, valid_to = {at} WHERE user_id = {user}")).await;
}

async fn may_nothing(actor: &Actor<'_>) {
    let me = actor.ask("{ viewer { username posts { id } can(resource: CUSTOMER, action: READ) } }").await;
    assert_eq!((&me["viewer"]["posts"], &me["viewer"]["can"]), (&json!([]), &json!(false)));
    for document in [
        COUNT,
        "{ customers(filter: {phone: {eq: \"1\"}}) { totalCount } }",
        "{ orgUnits { totalCount } }",
        "{ orgUnit(code: \"HQ\") { id } }",
    ] {
        assert_eq!(actor.code(document, json!({})).await, "FORBIDDEN", "{document}");
    }
    for kind in ["Customer", "Contact", "OrgUnit", "User"] {
        let id = json!({ "id": invented(kind) });
        assert_eq!(actor.code("query($id: ID!) { node(id: $id) { id } }", id).await, "FORBIDDEN", "{kind}");
    }
    let own = global("User", actor.app.user(me["viewer"]["username"].as_str().unwrap()).await);
    assert_eq!(actor.code("query($id: ID!) { node(id: $id) { id } }", json!({ "id": own })).await, "FORBIDDEN");
    let id = json!({ "id": global("Customer", actor.app.customer("TK-0001").await) });
    for document in [
        "mutation($id: ID!) { updateCustomer(input: {id: $id}) { customer { id } } }",
        "mutation($id: ID!) { archiveCustomer(input: {id: $id}) { customer { id } } }",
        "mutation($id: ID!) { createContact(input: {customerId: $id, name: \"N\"}) { contact { id } } }",
    ] {
        assert_eq!(actor.code(document, id.clone()).await, "FORBIDDEN", "{document}");
    }
}

/// Asks until the answer changes; the time that it took.
async fn until(limit: Duration, mut changed: impl AsyncFnMut() -> bool) {
    let started = std::time::Instant::now();
    while !changed().await {
        assert!(started.elapsed() < limit, "not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

on_both! {
    async fn whose_post_has_ended_signs_in_and_may_nothing(app) {
        end_posts(&app, "tokyo.rep1", app.clock.now().0 - 1).await;
        app.rights_changed().await;
        let sign_in = "mutation($p: String!) { signIn(input: {username: \"tokyo.rep1\", password: $p}) { accessToken } }";
        let token = app.nobody().ask_with(sign_in, json!({ "p": PASSWORD })).await;
        let token = token["signIn"]["accessToken"].as_str().unwrap().to_owned();
        may_nothing(&Actor { app: &app, token: Some(token) }).await;
        // The manager, whose post runs, still sees the customers that are left.
        assert!(app.actor("tokyo.manager").await.ask(COUNT).await["customers"]["totalCount"].as_i64().unwrap() > 0);
    }

    async fn posts_count_from_their_first_moment_to_their_last(app) {
        let now = app.clock.now().0;
        end_posts(&app, "tokyo.rep1", now - SECOND).await;
        app.give_post("tokyo.rep1", "branch_manager", "TOKYO", now + SECOND * 3 / 2, Some(now + 3 * SECOND)).await;
        app.rights_changed().await;
        let actor = app.actor("tokyo.rep1").await;
        may_nothing(&actor).await;
        // Nothing is said to the server from here on: the dates alone decide.
        until(Duration::from_secs(3), async || actor.send(COUNT, json!({})).await.body["errors"].is_null()).await;
        let began = app.clock.now().0;
        assert!(began >= now + SECOND * 3 / 2);
        let posts = actor.ask("{ viewer { posts { role } } }").await;
        assert_eq!(posts["viewer"]["posts"], json!([{ "role": "branch_manager" }]));
        until(Duration::from_secs(3), async || !actor.send(COUNT, json!({})).await.body["errors"].is_null()).await;
        assert!(app.clock.now().0 >= now + 3 * SECOND);
        may_nothing(&actor).await;
    }

    async fn a_disabled_user_is_out_within_a_second_and_a_half(app) {
        let actor = app.actor("london.manager").await;
        actor.ask(COUNT).await;
        let user = app.user("london.manager").await;
        app.execute("UPDATE user_account SET disabled_at = 1 WHERE username = 'london.manager'").await;
        app.raise_epoch(&user.to_string()).await;
        until(Duration::from_millis(1500), async || !actor.send(COUNT, json!({})).await.body["errors"].is_null()).await;
        let answer = actor.bytes("{ viewer { name } }", &json!({})).await;
        assert!(answer.status == 401 && answer.body.contains("UNAUTHENTICATED"), "{answer:?}");
        // As for a token that never was.
        let stranger = Actor { app: &app, token: Some("eyJhbGciOiJub25lIn0.e30.".to_owned()) };
        assert_eq!(stranger.bytes("{ viewer { name } }", &json!({})).await, answer);
        let sign_in = "mutation($p: String!) { signIn(input: {username: \"london.manager\", password: $p}) { accessToken } }";
        assert_eq!(app.nobody().code(sign_in, json!({ "p": PASSWORD })).await, "UNAUTHENTICATED");
    }

    async fn a_new_post_counts_with_the_next_request(app) {
        let actor = app.actor("london.rep1").await;
        let seen = async || actor.ask(COUNT).await["customers"]["totalCount"].as_i64().unwrap();
        let before = seen().await;
        app.give_post("london.rep1", "branch_manager", "SINGAPORE", 1, None).await;
        app.raise_epoch(&app.user("london.rep1").await.to_string()).await;
        app.rights.refresh().await.unwrap();
        let singapore = sql_id(app.engine, app.unit("SINGAPORE").await);
        let more = app.number(&format!("SELECT COUNT(*) FROM customer WHERE unit_id = {singapore}")).await;
        assert_eq!(seen().await, before + more);
        end_posts(&app, "london.rep1", 2).await;
        app.raise_epoch(&app.user("london.rep1").await.to_string()).await;
        app.rights.refresh().await.unwrap();
        may_nothing(&actor).await;
    }

    async fn a_changed_tree_counts_with_the_next_request(app) {
        let rep = app.actor("shanghai.rep1").await;
        let hangzhou = json!({ "id": global("Customer", app.customer("HZ-0001").await) });
        let read = "query($id: ID!) { customer(id: $id) { level } orgUnit(code: \"HANGZHOU\") { code } }";
        let seen = json!({ "customer": { "level": "CARD" }, "orgUnit": { "code": "HANGZHOU" } });
        assert_eq!(rep.ask_with(read, hangzhou.clone()).await, seen);
        for mode in ["SINGLE", "DISTRIBUTED", "CENTRALISED"] {
            // CENTRALISED by itself is another business than that of the region.
            app.execute(&format!("UPDATE org_unit SET business_mode = '{mode}' WHERE code = 'HANGZHOU'")).await;
            app.rights_changed().await;
            assert_eq!(rep.ask_with(read, hangzhou.clone()).await, json!({ "customer": null, "orgUnit": null }), "{mode}");
            let above = app.actor("east.manager").await.ask_with(read, hangzhou.clone()).await;
            assert_eq!(above["customer"]["level"], "FULL", "whoever stands above always sees down");
        }
    }

    async fn a_second_instance_hears_of_changes_within_a_second(app) {
        let mut config = DbConfig::new(&app.database.url);
        config.max_connections = 2;
        let db = Db::connect(config, app.clock.clone()).await.unwrap();
        let second = Rights::init(db.clone()).await.unwrap();
        let watch = tokio::spawn(second.clone().watch());
        let deaf = Rights::init(db).await.unwrap();
        let user = UserId(app.user("london.rep1").await);
        let posts = async || second.viewer(user).await.unwrap().map(|viewer| viewer.posts().len());
        assert_eq!(posts().await, Some(1));
        assert!(deaf.viewer(user).await.unwrap().is_some());

        app.give_post("london.rep1", "supervisor", "LONDON", 1, None).await;
        app.raise_epoch(&user.0.to_string()).await;
        until(Duration::from_millis(1500), async || posts().await == Some(2)).await;
        app.execute("UPDATE org_unit SET business_mode = 'CENTRALISED' WHERE code = 'OVERSEAS'").await;
        app.raise_epoch("group").await;
        let sees_singapore = async || {
            let viewer = second.viewer(user).await.unwrap().unwrap();
            let singapore = viewer.tree().by_code("SINGAPORE").unwrap();
            viewer.tree().mode(singapore).1.is_some()
        };
        until(Duration::from_millis(1500), sees_singapore).await;
        app.execute("UPDATE user_account SET disabled_at = 1 WHERE username = 'london.rep1'").await;
        app.raise_epoch(&user.0.to_string()).await;
        until(Duration::from_millis(1500), async || posts().await.is_none()).await;
        watch.abort();

        // One that cannot ask for news denies after five seconds, whatever it holds.
        until(Duration::from_secs(6), async || !deaf.is_confirmed()).await;
        assert_eq!(deaf.viewer(user).await.err(), Some(Error::Unavailable));
    }
}
