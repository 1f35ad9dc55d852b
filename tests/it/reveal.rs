//! Opening one masked value: needs the right, the row and the level; counted by day, told in the audit, and never with the value. Threat 12.

use serde_json::{Value as Json, json};

use crate::app::{Actor, Engine, TestApp};
use crate::history::history;
use crate::on_both;
use crate::raw::{global, invented};
use crate::tables::{allow, audits, audits_since, contact_id, contents, customer_id, refusals, uuid_of};
use crate::writes::call;

const REVEAL: &str = "mutation($input: RevealFieldInput!) { revealField(input: $input) { value } }";
const NUMBER: &str = "310101199001011234";

fn input(id: &Json, field: &str) -> Json {
    json!({ "input": { "id": id, "field": field, "reason": " The customer asked to be called back " } })
}

async fn value(actor: &Actor<'_>, id: &Json, field: &str) -> Json {
    actor.ask_with(REVEAL, input(id, field)).await["revealField"]["value"].take()
}

async fn used(app: &TestApp) -> i64 {
    app.number("SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT) FROM daily_use WHERE what = 'reveal'").await
}

on_both! {
    async fn opens_what_is_masked_and_tells_the_audit(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        call(&manager, "updateCustomer", &json!({ "id": id, "identityNumber": NUMBER })).await;
        let contact = contact_id(&app, "SH-0003", "SHANGHAI").await;
        allow(&app, "service_agent", "customer", "reveal", "UNIT").await;
        let service = app.actor("shanghai.service").await;
        let before = audits(&app).await;
        for (actor, of, field, expected) in [
            (&manager, &id, "identityNumber", json!(NUMBER)),
            (&manager, &id, "phone", json!("13800138017")),
            (&service, &id, "phone", json!("13800138017")),
            (&service, &id, "email", json!("sh.0003@example.com")),
            (&service, &id, "address", json!("上海市徐汇区漕溪北路254号")),
        ] {
            assert_eq!(value(actor, of, field).await, expected, "{field}");
        }
        let phone = value(&service, &contact, "phone").await;
        assert!(phone.as_str().is_some_and(|phone| phone.starts_with("138") && !phone.contains('*')), "{phone}");
        let rows = audits_since(&app, &before).await;
        assert_eq!((rows.len(), used(&app).await), (6, 6));
        for row in &rows {
            assert_eq!((row.action.as_str(), row.unit), ("customer:reveal", Some(app.unit("SHANGHAI").await)));
            assert_eq!(row.changes.as_object().unwrap().values().collect::<Vec<_>>(), [&json!("revealed")]);
        }
        assert!(rows.iter().any(|row| row.record == uuid_of(&contact)));
        let everything = format!("{:?}", contents(&app).await["audit"].iter().filter(|row| row.contains("reveal")).collect::<Vec<_>>());
        assert!(!everything.contains("13800138017") && !everything.contains(NUMBER), "{everything}");
        // Whoever sees the field reads in the history that it was opened, and from FULL why.
        let entries = history(&manager, "Customer", &id).await;
        assert_eq!((&entries[0]["action"], &entries[0]["reason"]), (&json!("customer:reveal"), &json!("The customer asked to be called back")));
        assert_eq!((&entries[0]["changes"][0]["field"], &entries[0]["changes"][0]["after"]), (&json!("address"), &json!("revealed")));
        let basic = history(&service, "Customer", &id).await;
        assert_eq!((&basic[0]["reason"], &basic[4]["changes"]), (&Json::Null, &json!([])), "not of a number that it does not see");
        let card = history(&app.actor("shanghai.rep2").await, "Customer", &id).await;
        assert_eq!((&card[0]["action"], &card[0]["changes"]), (&json!("customer:reveal"), &json!([])));
        let auditor = app.actor("hq.auditor").await;
        let log = auditor.ask_with("query($id: ID) { auditLog(filter: {recordId: $id, action: {eq: \"customer:reveal\"}}) { nodes { reason actorName } } }", json!({ "id": id })).await;
        assert_eq!(log["auditLog"]["nodes"][0], json!({ "reason": null, "actorName": "吴婷婷" }), "a card tells no notes");
        app.give_post("hq.auditor", "group_director", "HQ", 1, None).await;
        app.rights_changed().await;
        let log = auditor.ask_with("query($id: ID) { auditLog(filter: {recordId: $id, action: {eq: \"customer:reveal\"}}) { nodes { reason } } }", json!({ "id": id })).await;
        assert_eq!(log["auditLog"]["nodes"][0]["reason"], "The customer asked to be called back");
    }

    async fn needs_right_row_and_level(app) {
        allow(&app, "service_agent", "customer", "reveal", "UNIT").await;
        let (inside, card, foreign) = (
            customer_id(&app, "SH-0003", "SHANGHAI").await,
            customer_id(&app, "HZ-0001", "HANGZHOU").await,
            json!(global("Customer", app.customer("LN-0001").await)),
        );
        let contacts = [json!(global("Contact", app.contact("HZ-0001").await)), json!(global("Contact", app.contact("LN-0001").await))];
        let before = contents(&app).await;
        // No right anywhere: whatever the id.
        for user in ["shanghai.rep1", "hq.director", "hq.auditor", "hq.credit"] {
            let actor = app.actor(user).await;
            let never = actor.bytes(REVEAL, &input(&json!(invented("Customer")), "phone")).await;
            assert!(never.body.contains("FORBIDDEN"), "{user}: {}", never.body);
            for id in [&inside, &card, &foreign] {
                assert_eq!(actor.bytes(REVEAL, &input(id, "phone")).await, never, "{user}");
            }
        }
        let manager = app.actor("shanghai.manager").await;
        let never = manager.bytes(REVEAL, &input(&json!(invented("Customer")), "phone")).await;
        assert!(never.body.contains("NOT_FOUND"), "{}", never.body);
        assert_eq!(manager.bytes(REVEAL, &input(&foreign, "phone")).await, never);
        for contact in &contacts {
            assert_eq!(manager.code(REVEAL, input(contact, "phone")).await, "NOT_FOUND", "a contact below BASIC does not exist");
        }
        // Seen, but beyond the right to reveal.
        assert_eq!(manager.fail(REVEAL, input(&card, "phone")).await["extensions"], json!({ "code": "FORBIDDEN" }));
        // Reached, but at a level that does not show the field.
        let service = app.actor("shanghai.service").await;
        let error = service.fail(REVEAL, input(&inside, "identityNumber")).await;
        assert_eq!(error["extensions"], json!({ "code": "FORBIDDEN", "field": "input.field" }));
        assert_eq!((contents(&app).await, used(&app).await), (before, 0), "what is refused is not counted");
        assert_eq!(refusals(&app).await.len(), 22);
        // A card within the right stays closed.
        allow(&app, "branch_manager", "customer", "reveal", "GROUP").await;
        app.add_rule(["sales_rep", "customer", "reveal", "UNIT", "FULL", "allow"]).await;
        app.rights_changed().await;
        let others = customer_id(&app, "SH-0002", "SHANGHAI").await;
        let rep = app.actor("shanghai.rep1").await;
        assert_eq!(rep.fail(REVEAL, input(&others, "phone")).await["extensions"], json!({ "code": "FORBIDDEN", "field": "input.field" }));
        assert_eq!(value(&rep, &inside, "phone").await, "13800138017");
        // What a right to read opens, one to reveal may still not reach.
        app.execute("UPDATE policy_rule SET level = 'FULL' WHERE role = 'sales_rep' AND resource = 'customer' AND action = 'read'").await;
        app.execute("UPDATE policy_rule SET reach = 'SELF' WHERE role = 'sales_rep' AND action = 'reveal'").await;
        app.rights_changed().await;
        assert_eq!(rep.fail(REVEAL, input(&others, "phone")).await["extensions"], json!({ "code": "FORBIDDEN" }));
        assert_eq!(value(&rep, &inside, "phone").await, "13800138017");
        // A deny takes it away.
        app.add_rule(["sales_rep", "customer", "reveal", "*", "*", "deny"]).await;
        app.rights_changed().await;
        assert_eq!(rep.code(REVEAL, input(&inside, "phone")).await, "FORBIDDEN");
    }

    async fn wrong_input_is_told_whatever_the_record(app) {
        let manager = app.actor("shanghai.manager").await;
        let ids = [customer_id(&app, "SH-0003", "SHANGHAI").await, json!(invented("Customer")), json!(global("Customer", app.customer("LN-0001").await))];
        let before = contents(&app).await;
        for id in &ids {
            for (field, reason, wrong) in [
                ("name", "x", "input.field"),
                ("annualIncome", "x", "input.field"),
                ("birthDate", "x", "input.field"),
                ("customFields", "x", "input.field"),
                ("identity_index", "x", "input.field"),
                ("", "x", "input.field"),
                ("phone", "", "input.reason"),
                ("phone", "   ", "input.reason"),
                ("phone", &"x".repeat(501), "input.reason"),
                ("phone", "a\u{0}b", "input.reason"),
            ] {
                let error = manager.fail(REVEAL, json!({ "input": { "id": id, "field": field, "reason": reason } })).await;
                assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{field} {reason}");
                assert_eq!(error["extensions"]["violations"][0]["field"], wrong, "{field} {reason}");
            }
        }
        for id in ["x".to_owned(), global("User", app.user("shanghai.rep1").await), global("Contact", uuid::Uuid::nil()) + "x"] {
            assert_eq!(manager.fail(REVEAL, input(&json!(id), "phone")).await["extensions"]["violations"][0]["field"], "input.id");
        }
        let contact = contact_id(&app, "SH-0003", "SHANGHAI").await;
        assert_eq!(manager.code(REVEAL, input(&contact, "identityNumber")).await, "BAD_USER_INPUT", "contacts have none");
        assert_eq!(contents(&app).await, before);
        assert_eq!(value(&manager, &customer_id(&app, "SH-0006", "SHANGHAI").await, "phone").await, Json::Null, "there is none, and that is told too");
        assert_eq!(used(&app).await, 1);
    }
}

/// So many at once, some of them as one request.
async fn at_once(app: &TestApp, user: &str, times: usize) -> (usize, Vec<Json>) {
    let actor = app.actor(user).await;
    let id = customer_id(app, "SH-0003", "SHANGHAI").await;
    let input = input(&id, "phone");
    let answers = futures::future::join_all((0..times).map(|_| actor.send(REVEAL, input.clone()))).await;
    let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.body.get("errors").is_none());
    (good.len(), bad.into_iter().map(|mut answer| answer.body["errors"][0]["extensions"].take()).collect())
}

async fn no_more_than_so_many_a_day(engine: Engine) {
    let Some(app) = TestApp::start_standing(engine).await else { return };
    // An hour before midnight.
    let day = 24 * 60 * 60;
    let into_the_day = app.clock.now().0 / 1_000_000 % day;
    app.clock.advance_seconds(day - into_the_day + 23 * 60 * 60);
    let (good, bad) = at_once(&app, "shanghai.manager", 48).await;
    assert_eq!((good, bad), (48, vec![]));
    let (good, bad) = at_once(&app, "shanghai.manager", 12).await;
    assert_eq!((good, bad.len()), (2, 10), "two were left, however many ask at once");
    let refusal = json!({ "code": "RATE_LIMITED", "what": "revealed values a day", "limit": 50, "retryAfterSeconds": 3600 });
    assert!(bad.iter().all(|error| error == &refusal), "{bad:?}");
    let told = app.number("SELECT COUNT(*) FROM audit WHERE action = 'customer:reveal'").await;
    assert_eq!((told, used(&app).await), (50, 50));
    assert_eq!(at_once(&app, "shanghai.supervisor", 1).await.0, 1, "each user has fifty");
    app.clock.advance_seconds(60 * 60 - 1);
    assert_eq!(at_once(&app, "shanghai.manager", 1).await.1[0]["retryAfterSeconds"], 1);
    app.clock.advance_seconds(1);
    assert_eq!(at_once(&app, "shanghai.manager", 1).await.0, 1, "a new day");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fifty_first_sqlite() {
    no_more_than_so_many_a_day(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fifty_first_postgres() {
    no_more_than_so_many_a_day(Engine::Postgres).await;
}
