//! Changes that are asked for under a key: done once, answered as the first time, and never in place of somebody else's.

use std::time::Duration;

use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value as Json, json};

use crate::app::{Actor, Engine, TestApp};
use crate::on_both;
use crate::tables::{contents, customer_id, unit_id, user_id};

const CREATE: &str = "mutation($input: CreateCustomerInput!, $key: String!) {
    createCustomer(input: $input) @idempotent(key: $key) { customer { id name phone version } }
}";
const RENAME: &str = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { id name version phone } } }";

async fn new_customer(app: &TestApp, name: &str) -> Json {
    json!({ "unitId": unit_id(app, "SHANGHAI").await, "kind": "PERSON", "name": name, "phone": "13812345678" })
}

/// Status, whether it is a replay, and the body.
async fn told(actor: &Actor<'_>, query: &str, variables: &Json, key: Option<&str>) -> (u16, bool, Json) {
    let mut request = actor.request(&json!({ "query": query, "variables": variables }));
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let answer = request.send().await.unwrap();
    let is_replay = answer.headers().get("idempotent-replayed").is_some();
    (answer.status().as_u16(), is_replay, answer.json().await.unwrap())
}

fn code(body: &Json) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

async fn named(app: &TestApp, name: &str) -> i64 {
    app.number(&format!("SELECT COUNT(*) FROM customer WHERE name = '{name}'")).await
}

on_both! {
    async fn a_change_is_made_once_and_answered_as_the_first_time(app) {
        let manager = app.actor("shanghai.manager").await;
        let variables = json!({ "input": new_customer(&app, "Once").await, "key": "k1" });
        let (_, is_replay, first) = told(&manager, CREATE, &variables, None).await;
        assert!(!is_replay && first.get("errors").is_none(), "{first}");
        // Somebody changes it in between: the answer stays the first one.
        let id = &first["data"]["createCustomer"]["customer"]["id"];
        manager.ask_with(RENAME, json!({ "input": { "id": id, "name": "Changed" } })).await;
        let before = contents(&app).await;
        for _ in 0..3 {
            assert_eq!(told(&manager, CREATE, &variables, None).await, (200, true, first.clone()));
        }
        assert_eq!(contents(&app).await, before, "no row, no audit row, no version");
        // The same answer again from the header, whose keys are the same names.
        let (_, _, other) = told(&manager, CREATE, &json!({ "input": new_customer(&app, "Another").await, "key": "k1" }), None).await;
        assert_eq!(code(&other), "IDEMPOTENCY_KEY_REUSED");
        assert_eq!(told(&manager, RENAME, &json!({ "input": { "id": id, "name": "Again" } }), Some("k1")).await.2["errors"][0]["extensions"]["code"], "IDEMPOTENCY_KEY_REUSED");
        assert_eq!((named(&app, "Another").await, named(&app, "Again").await), (0, 0));
    }

    async fn each_user_has_keys_of_their_own(app) {
        let (manager, supervisor) = (app.actor("shanghai.manager").await, app.actor("shanghai.supervisor").await);
        let variables = json!({ "input": new_customer(&app, "Twins").await, "key": "shared" });
        let (_, _, first) = told(&manager, CREATE, &variables, None).await;
        let (_, is_replay, second) = told(&supervisor, CREATE, &variables, None).await;
        assert!(!is_replay && second.get("errors").is_none(), "{second}");
        assert_ne!(first, second);
        assert_eq!(named(&app, "Twins").await, 2);
    }

    async fn of_many_at_once_one_runs(app) {
        let manager = app.actor("shanghai.manager").await;
        for round in 0..3 {
            let name = format!("At once {round}");
            let variables = json!({ "input": new_customer(&app, &name).await, "key": name });
            let asked = futures::future::join_all((0..12).map(|_| told(&manager, CREATE, &variables, None))).await;
            assert_eq!(named(&app, &name).await, 1);
            let good: Vec<_> = asked.iter().filter(|(.., body)| body.get("errors").is_none()).collect();
            assert!(asked.iter().all(|(.., body)| body.get("errors").is_none() || code(body) == "OVERLOADED"), "{asked:?}");
            assert_eq!(good.iter().filter(|(_, is_replay, _)| !is_replay).count(), 1, "{good:?}");
            assert!(good.iter().all(|(.., body)| *body == good[0].2));
        }
    }

    async fn what_fails_leaves_its_key_free(app) {
        let manager = app.actor("shanghai.manager").await;
        let mut input = new_customer(&app, "").await;
        let before = contents(&app).await;
        let (_, _, refused) = told(&manager, CREATE, &json!({ "input": input, "key": "k" }), None).await;
        assert_eq!(code(&refused), "BAD_USER_INPUT");
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let stale = json!({ "input": { "id": id, "name": "Stale", "expectedVersion": 99 } });
        assert_eq!(code(&told(&manager, RENAME, &stale, Some("k")).await.2), "CONFLICT");
        assert_eq!(contents(&app).await, before);
        input["name"] = json!("Whole");
        assert!(told(&manager, CREATE, &json!({ "input": input, "key": "k" }), None).await.2.get("errors").is_none());
    }

    async fn a_key_may_stand_in_the_header(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let variables = json!({ "input": { "id": id, "name": "By header" } });
        let (_, _, first) = told(&manager, RENAME, &variables, Some("\"h1\"")).await;
        assert_eq!(told(&manager, RENAME, &variables, Some("h1")).await, (200, true, first));
        let two = "mutation($input: UpdateCustomerInput!) { a: updateCustomer(input: $input) { customer { id } } ...F }
            fragment F on Mutation { b: updateCustomer(input: $input) { customer { id } } }";
        let before = contents(&app).await;
        for (query, key, field) in [
            (two, "h2", "Idempotency-Key"),
            (RENAME, "", "Idempotency-Key"),
            (RENAME, "ä", "Idempotency-Key"),
            (&RENAME.replace("(input: $input) {", "(input: $input) @idempotent(key: \"other\") {"), "h3", "idempotent"),
            (&RENAME.replace("(input: $input) {", "(input: $input) @idempotent(key: \"\") {"), "h4", "idempotent"),
            ("mutation { signOut { endedSessions } }", "h5", "signOut"),
            ("mutation { revealField(input: {id: \"x\", field: \"phone\", reason: \"y\"}) { value } }", "h7", "revealField"),
        ] {
            let variables = if query.contains("$input") { variables.clone() } else { json!({}) };
            let (_, _, body) = told(&manager, query, &variables, Some(key)).await;
            assert_eq!(code(&body), "BAD_USER_INPUT", "{query} {key}");
            assert_eq!(body["errors"][0]["extensions"]["violations"][0]["field"], field, "{query} {key}");
        }
        assert_eq!(contents(&app).await, before);
        // Queries are safe to repeat anyway.
        assert_eq!(told(&manager, "{ viewer { username } }", &json!({}), Some("h6")).await.2["data"]["viewer"]["username"], "shanghai.manager");
    }

    async fn each_field_of_a_document_has_its_key(app) {
        let manager = app.actor("shanghai.manager").await;
        let ids = [customer_id(&app, "SH-0003", "SHANGHAI").await, customer_id(&app, "SH-0006", "SHANGHAI").await];
        let document = "mutation($a: UpdateCustomerInput!, $b: UpdateCustomerInput!) {
            a: updateCustomer(input: $a) @idempotent(key: \"a\") { customer { name version } }
            b: updateCustomer(input: $b) @idempotent(key: \"b\") { customer { name version } }
        }";
        let variables = json!({ "a": { "id": ids[0], "name": "First" }, "b": { "id": ids[1], "name": "Second" } });
        let (_, _, first) = told(&manager, document, &variables, None).await;
        assert_eq!((&first["data"]["a"]["customer"]["name"], &first["data"]["b"]["customer"]["name"]), (&json!("First"), &json!("Second")));
        assert_eq!(told(&manager, document, &variables, None).await, (200, true, first));
    }

    async fn an_answer_is_given_again_only_while_it_is_ones_to_see(app) {
        let (rep, manager) = (app.actor("shanghai.rep1").await, app.actor("shanghai.manager").await);
        let id = app.select("SELECT external_ref FROM customer WHERE archived_at IS NULL AND owner_id = (SELECT id FROM user_account WHERE username = 'shanghai.rep1') AND external_ref IS NOT NULL LIMIT 1").await;
        let id = customer_id(&app, &id[0].try_get_by_index::<String>(0).unwrap(), "SHANGHAI").await;
        let variables = json!({ "input": { "id": id, "name": "Kept", "phone": "13899998888" } });
        let (_, _, first) = told(&rep, RENAME, &variables, Some("mine")).await;
        assert_eq!(first["data"]["updateCustomer"]["customer"]["phone"], "13899998888");
        // In clear for its owner; a colleague's customer is a card.
        let owner = user_id(&app, "shanghai.rep2").await;
        manager.ask_with("mutation($input: AssignCustomerInput!) { assignCustomer(input: $input) { customer { id } } }", json!({ "input": { "id": id, "ownerId": owner } })).await;
        let (_, is_replay, body) = told(&rep, RENAME, &variables, Some("mine")).await;
        assert_eq!((code(&body), is_replay), ("FORBIDDEN", false));
        assert!(!body.to_string().contains("13899998888"), "{body}");
        assert_eq!(app.number("SELECT COUNT(*) FROM customer WHERE name = 'Kept' AND version > 3").await, 0, "and nothing is done again");
        // Nothing stands in clear in the table.
        let kept = app.select("SELECT answer FROM idempotency").await;
        let kept: Vec<u8> = kept[0].try_get_by_index(0).unwrap();
        assert!(!String::from_utf8_lossy(&kept).contains("13899998888"));
    }

    async fn an_answer_that_shows_others_is_closed_when_one_of_them_moves(app) {
        let (rep, manager) = (app.actor("shanghai.rep1").await, app.actor("shanghai.manager").await);
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let listing = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer {
            unit { customers(first: 100) { nodes { id phone } } } } } }";
        let variables = json!({ "input": { "id": id, "name": "Listing" } });
        let (_, _, first) = told(&rep, listing, &variables, Some("list")).await;
        let own = |node: &&Json| node["phone"].is_string() && node["id"] != id;
        let nodes = first["data"]["updateCustomer"]["customer"]["unit"]["customers"]["nodes"].as_array().unwrap().clone();
        let other = nodes.iter().find(own).expect("another customer of one's own")["id"].clone();
        assert_eq!(told(&rep, listing, &variables, Some("list")).await, (200, true, first));
        let taken = json!({ "input": { "id": other, "ownerId": user_id(&app, "shanghai.rep2").await } });
        manager.ask_with("mutation($input: AssignCustomerInput!) { assignCustomer(input: $input) { customer { id } } }", taken).await;
        let (_, is_replay, body) = told(&rep, listing, &variables, Some("list")).await;
        assert_eq!((code(&body), is_replay, body["data"].is_null()), ("FORBIDDEN", false, true));
    }

    async fn an_answer_is_closed_with_any_right(app) {
        let manager = app.actor("shanghai.manager").await;
        let variables = json!({ "input": new_customer(&app, "Rights").await, "key": "r" });
        told(&manager, CREATE, &variables, None).await;
        assert!(told(&manager, CREATE, &variables, None).await.1);
        app.execute("DELETE FROM policy_rule WHERE role = 'branch_manager' AND action = 'report'").await;
        app.rights_changed().await;
        assert_eq!(code(&told(&manager, CREATE, &variables, None).await.2), "FORBIDDEN");
    }

    async fn what_changes_ones_own_sight_is_answered_again(app) {
        let admin = app.actor("shanghai.admin").await;
        let create = "mutation($input: CreateOrgUnitInput!) { createOrgUnit(input: $input) { orgUnit { id code } } }";
        let input = json!({ "input": { "parentId": unit_id(&app, "SHANGHAI").await, "code": "SH-NEW", "name": "New", "kind": "SITE" } });
        let (_, _, first) = told(&admin, create, &input, Some("unit")).await;
        assert_eq!(first["data"]["createOrgUnit"]["orgUnit"]["code"], "SH-NEW", "{first}");
        assert_eq!(told(&admin, create, &input, Some("unit")).await, (200, true, first));
    }

    async fn a_key_stands_on_fields_of_a_mutation_alone(app) {
        let manager = app.actor("shanghai.manager").await;
        for document in [
            "{ viewer @idempotent(key: \"q\") { username } }",
            "mutation { signOut { endedSessions @idempotent(key: \"q\") } }",
            "mutation { ...F } fragment F on Mutation { signOut { ... { endedSessions @idempotent(key: \"q\") } } }",
        ] {
            assert_eq!(manager.code(document, json!({})).await, "GRAPHQL_VALIDATION_FAILED", "{document}");
        }
    }

    async fn what_meets_a_deadlock_is_tried_again(app) {
        if app.engine == Engine::Sqlite {
            // Whoever writes is alone there.
            return;
        }
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let variables = json!({ "input": { "id": id, "name": "Deadlock" } });
        let audited = app.number("SELECT COUNT(*) FROM audit WHERE action = 'customer:update'").await;
        let other = app.raw.begin().await.unwrap();
        other.execute_unprepared("SELECT * FROM customer WHERE external_ref = 'SH-0003' FOR UPDATE").await.unwrap();
        let crossing = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let mine = "INSERT INTO idempotency (user_id, name, at, asked) SELECT id, 'dead', 0, '' FROM user_account WHERE username = 'shanghai.manager'";
            let won = other.execute_unprepared(mine).await.is_ok();
            other.rollback().await.unwrap();
            won
        };
        let ((_, _, body), won) = tokio::join!(told(&manager, RENAME, &variables, Some("dead")), crossing);
        assert_eq!(body["data"]["updateCustomer"]["customer"]["name"], "Deadlock", "{body}");
        assert!(won, "the server's unit of work was to be the one that is taken back");
        assert_eq!(app.number("SELECT COUNT(*) FROM audit WHERE action = 'customer:update'").await, audited + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_forgotten_after_seven_days() {
    let app = TestApp::start_standing(Engine::Sqlite).await.unwrap();
    let manager = app.actor("shanghai.manager").await;
    let variables = json!({ "input": new_customer(&app, "Weekly").await, "key": "week" });
    told(&manager, CREATE, &variables, None).await;
    app.clock.advance_seconds(7 * 86_400 - 1);
    let manager = app.actor("shanghai.manager").await;
    assert!(told(&manager, CREATE, &variables, None).await.1);
    app.clock.advance_seconds(1);
    let (_, is_replay, body) = told(&manager, CREATE, &variables, None).await;
    assert!(!is_replay && body.get("errors").is_none(), "{body}");
    assert_eq!(named(&app, "Weekly").await, 2);
}
