//! Copies that clients keep: equal to what their viewer sees, at every step, whoever changes what; and nothing of what is out of reach.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value as Json, json};

use crate::app::{Actor, Engine, TestApp};
use crate::on_both;
use crate::raw::{global, sql_id};
use crate::tables::{contact_id, customer_id, rights_changed, unit_id, user_id, uuid_of};

const FIELDS: &str = "__typename ... on Customer { id name phone birthDate level version archivedAt hiddenFields owner { id } }
    ... on Contact { id name phone level version archivedAt customer { id } }";
const VIEWERS: [&str; 8] = [
    "shanghai.rep1",
    "shanghai.rep2",
    "shanghai.service",
    "shanghai.manager",
    "hangzhou.rep1",
    "east.manager",
    "hq.director",
    "hq.auditor",
];

fn asking() -> String {
    format!(
        "query($since: String, $first: Int, $types: [SyncType!]) {{ changes(since: $since, first: $first, types: $types) {{
            upserts {{ {FIELDS} }} tombstones nextCursor hasMore resetRequired
        }} }}"
    )
}

/// A client's copy.
#[derive(Default)]
struct Copy {
    records: BTreeMap<String, Json>,
    cursor: Option<String>,
    /// Every id that ever came, in whatever way.
    told: Vec<String>,
}

impl Copy {
    /// One request. Returns whether there is more.
    async fn step(&mut self, actor: &Actor<'_>, first: i32) -> bool {
        let mut set = actor.ask_with(&asking(), json!({ "since": self.cursor, "first": first })).await["changes"].take();
        if set["resetRequired"] == true {
            assert_eq!((&set["upserts"], &set["tombstones"], &set["nextCursor"]), (&json!([]), &json!([]), &Json::Null));
            self.records.clear();
            self.cursor = None;
            return true;
        }
        assert!(set["upserts"].as_array().unwrap().len() + set["tombstones"].as_array().unwrap().len() <= usize::try_from(first).unwrap());
        for record in set["upserts"].as_array_mut().unwrap() {
            let id = record["id"].as_str().unwrap().to_owned();
            self.told.push(id.clone());
            self.records.insert(id, record.take());
        }
        for id in set["tombstones"].as_array().unwrap() {
            self.told.push(id.as_str().unwrap().to_owned());
            self.records.remove(id.as_str().unwrap());
        }
        self.cursor = Some(set["nextCursor"].as_str().unwrap().to_owned());
        set["hasMore"] == true
    }

    /// As many requests as it takes.
    async fn catch_up(&mut self, actor: &Actor<'_>, first: i32) {
        for _ in 0..1_000 {
            if !self.step(actor, first).await {
                return;
            }
        }
        panic!("it never ends");
    }
}

/// What a viewer sees of every customer and contact there is, asked one by one.
async fn truth(app: &TestApp, actor: &Actor<'_>) -> BTreeMap<String, Json> {
    let mut seen = BTreeMap::new();
    for (kind, table) in [("Customer", "customer"), ("Contact", "contact")] {
        let rows = app.select(&format!("SELECT id FROM {table}")).await;
        let ids: Vec<String> = rows.iter().map(|row| global(kind, row.try_get_by_index(0).unwrap())).collect();
        for some in ids.chunks(100) {
            let query = format!("query($ids: [ID!]!) {{ nodes(ids: $ids) {{ {FIELDS} }} }}");
            let answer = actor.send(&query, json!({ "ids": some })).await.body;
            if let Some(errors) = answer.get("errors") {
                // Whoever sees cards alone sees no contacts at all.
                assert_eq!((&errors[0]["extensions"]["code"], kind), (&json!("FORBIDDEN"), "Contact"));
                continue;
            }
            for record in answer["data"]["nodes"].as_array().unwrap().iter().filter(|record| !record.is_null()) {
                seen.insert(record["id"].as_str().unwrap().to_owned(), record.clone());
            }
        }
    }
    seen
}

async fn change(actor: &Actor<'_>, mutation: &str, input: Json) -> Json {
    let (name, of) = (mutation.split('.').next().unwrap(), mutation.split('.').nth(1).unwrap());
    let kind = name[..1].to_uppercase() + &name[1..];
    let kind = kind.replace("Restore", "Archive");
    let query = format!("mutation($input: {kind}Input!) {{ {name}(input: $input) {{ {of} {{ id }} }} }}");
    actor.ask_with(&query, json!({ "input": input })).await[name][of]["id"].clone()
}

/// Some hundred changes by several people.
async fn upheaval(app: &TestApp, seed: u64) -> Vec<(String, Json, String)> {
    let reps = [user_id(app, "shanghai.rep1").await, user_id(app, "shanghai.rep2").await];
    let customers = ["SH-0001", "SH-0002", "SH-0003", "SH-0006", "SH-0007"];
    let mut ids = Vec::new();
    for reference in customers {
        ids.push(customer_id(app, reference, "SHANGHAI").await);
    }
    let contact = contact_id(app, "SH-0003", "SHANGHAI").await;
    let unit = unit_id(app, "SHANGHAI").await;
    let mut dice = seed;
    let mut throw = |sides: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(dice >> 33).unwrap() % sides
    };
    let mut plan = Vec::new();
    for at in 0..40 {
        let id = ids[throw(ids.len())].clone();
        plan.push(match throw(7) {
            0 => (
                "createCustomer.customer",
                json!({ "unitId": unit, "kind": "PERSON", "name": format!("New {at}"), "ownerId": reps[throw(2)] }),
            ),
            1 => ("createContact.contact", json!({ "customerId": id, "name": format!("Contact {at}"), "phone": "13812345678" })),
            2 | 3 => {
                ("assignCustomer.customer", json!({ "id": id, "ownerId": if throw(3) == 0 { Json::Null } else { reps[throw(2)].clone() } }))
            }
            4 => ("updateContact.contact", json!({ "id": contact, "name": format!("Renamed {at}") })),
            5 => (if throw(2) == 0 { "archiveCustomer.customer" } else { "restoreCustomer.customer" }, json!({ "id": id })),
            _ => ("updateCustomer.customer", json!({ "id": id, "name": format!("Customer {at}"), "phone": "13987654321" })),
        });
    }
    plan.into_iter().map(|(mutation, input)| (mutation.to_owned(), input, "shanghai.manager".to_owned())).collect()
}

on_both! {
    async fn copies_equal_what_their_viewers_see(app) {
        let mut copies: Vec<Copy> = VIEWERS.iter().map(|_| Copy::default()).collect();
        let mut actors = Vec::new();
        for viewer in VIEWERS {
            actors.push(app.actor(viewer).await);
        }
        for (actor, copy) in actors.iter().zip(&mut copies) {
            copy.catch_up(actor, 7).await;
            assert_eq!(copy.records, truth(&app, actor).await);
        }
        assert!(copies[0].records.len() > 3 && copies[7].records.values().all(|record| record["level"] == "CARD"));
        for (round, (mutation, input, by)) in upheaval(&app, 7).await.into_iter().enumerate() {
            change(&app.actor(&by).await, &mutation, input).await;
            // Some look often, some seldom, some half-way.
            for (at, (actor, copy)) in actors.iter().zip(&mut copies).enumerate().filter(|(at, _)| (round + at) % 5 == 0) {
                copy.step(actor, i32::try_from(at % 3 + 1).unwrap()).await;
            }
        }
        for (viewer, (actor, copy)) in VIEWERS.iter().zip(actors.iter().zip(&mut copies)) {
            copy.catch_up(actor, 3).await;
            assert_eq!(copy.records, truth(&app, actor).await, "{viewer}");
        }
    }

    async fn what_others_do_out_of_sight_is_told_in_no_way(app) {
        let (rep, hangzhou) = (app.actor("london.rep1").await, app.actor("hangzhou.manager").await);
        let mut copy = Copy::default();
        copy.catch_up(&rep, 100).await;
        copy.told.clear();
        let before = copy.cursor.clone();
        let id = customer_id(&app, "HZ-0001", "HANGZHOU").await;
        for round in 0..5 {
            change(&hangzhou, "updateCustomer.customer", json!({ "id": id, "name": format!("Hidden {round}") })).await;
            change(&hangzhou, "createContact.contact", json!({ "customerId": id, "name": "Hidden too" })).await;
        }
        assert!(!copy.step(&rep, 1).await, "not even that there is more");
        assert_eq!(copy.told, [] as [String; 0]);
        // A cursor is as long as before, whatever happened elsewhere, and says nothing in clear.
        assert_eq!(before.unwrap().len(), copy.cursor.clone().unwrap().len());
    }

    async fn a_card_brings_no_contacts_and_no_tombstones_of_them(app) {
        let (auditor, manager) = (app.actor("hq.auditor").await, app.actor("shanghai.manager").await);
        let mut copy = Copy::default();
        copy.catch_up(&auditor, 100).await;
        let customer = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let contact = contact_id(&app, "SH-0003", "SHANGHAI").await;
        change(&manager, "updateContact.contact", json!({ "id": contact, "name": "Unseen" })).await;
        change(&manager, "assignCustomer.customer", json!({ "id": customer, "ownerId": user_id(&app, "shanghai.rep2").await })).await;
        copy.told.clear();
        copy.catch_up(&auditor, 100).await;
        assert_eq!(copy.told, [customer.as_str().unwrap()]);
    }

    async fn what_leaves_ones_sight_takes_its_contacts_along(app) {
        let (rep, manager) = (app.actor("shanghai.rep1").await, app.actor("shanghai.manager").await);
        let (customer, contact) = (customer_id(&app, "SH-0003", "SHANGHAI").await, contact_id(&app, "SH-0003", "SHANGHAI").await);
        let mut copy = Copy::default();
        copy.catch_up(&rep, 100).await;
        let (customer_key, contact_key) = (customer.as_str().unwrap(), contact.as_str().unwrap());
        assert!(copy.records.contains_key(contact_key) && copy.records[customer_key]["level"] == "FULL");
        change(&manager, "assignCustomer.customer", json!({ "id": customer, "ownerId": user_id(&app, "shanghai.rep2").await })).await;
        copy.catch_up(&rep, 100).await;
        assert_eq!((&copy.records[customer_key]["level"], &copy.records[customer_key]["phone"]), (&json!("CARD"), &Json::Null));
        assert!(!copy.records.contains_key(contact_key));
        // And out of the unit, behind the server's back as a transfer would.
        let (id, unit) = (sql_id(app.engine, uuid_of(&customer)), sql_id(app.engine, uuid_of(&unit_id(&app, "LONDON").await)));
        let (change_id, from) = (sql_id(app.engine, uuid_of(&contact)), sql_id(app.engine, uuid_of(&unit_id(&app, "SHANGHAI").await)));
        app.execute(&format!("UPDATE customer SET unit_id = {unit}, region_id = NULL WHERE id = {id}")).await;
        app.execute(&format!("INSERT INTO change (id, at, record_type, record_id, unit_before, unit_after) VALUES ({change_id}, 0, 'customer', {id}, {from}, {unit})")).await;
        copy.catch_up(&rep, 100).await;
        assert!(!copy.records.contains_key(customer_key));
    }

    async fn a_copy_begins_anew_when_its_own_sight_changes_and_not_with_that_of_others(app) {
        let (rep, director) = (app.actor("shanghai.rep1").await, app.actor("hq.director").await);
        let (mut of_rep, mut of_director) = (Copy::default(), Copy::default());
        of_rep.catch_up(&rep, 100).await;
        of_director.catch_up(&director, 100).await;
        app.give_post("shanghai.rep2", "supervisor", "SHANGHAI", 3, None).await;
        rights_changed(&app).await;
        assert!(!of_rep.step(&rep, 100).await && of_rep.cursor.is_some(), "a colleague's post is none of its business");
        app.give_post("shanghai.rep1", "supervisor", "SHANGHAI", 4, None).await;
        rights_changed(&app).await;
        assert!(of_rep.step(&rep, 100).await && of_rep.cursor.is_none());
        of_rep.catch_up(&rep, 100).await;
        assert_eq!(of_rep.records, truth(&app, &rep).await);
        assert!(!of_director.step(&director, 100).await && of_director.cursor.is_some());
    }

    async fn a_cursor_is_its_users_alone(app) {
        let (rep, colleague) = (app.actor("shanghai.rep1").await, app.actor("shanghai.rep2").await);
        let mut copy = Copy::default();
        copy.catch_up(&rep, 100).await;
        let cursor = copy.cursor.unwrap();
        let mut forged = cursor.clone().into_bytes();
        forged[40] = if forged[40] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        for (actor, since) in [(&colleague, cursor.as_str()), (&rep, forged.as_str()), (&rep, ""), (&rep, "?")] {
            let error = actor.fail(&asking(), json!({ "since": since })).await;
            assert_eq!(error["extensions"]["violations"][0]["field"], "since", "{error}");
        }
        for (variables, field) in [
            (json!({ "since": cursor, "types": ["CUSTOMER"] }), "types"),
            (json!({ "types": [] }), "types"),
            (json!({ "first": 0 }), "first"),
            (json!({ "first": 501 }), "first"),
        ] {
            assert_eq!(rep.fail(&asking(), variables).await["extensions"]["violations"][0]["field"], field);
        }
        assert_eq!(app.actor("hq.admin").await.code(&asking(), json!({})).await, "FORBIDDEN", "whoever sees no customers");
        let only = rep.ask_with(&asking(), json!({ "types": ["CONTACT"], "first": 500 })).await;
        assert!(only["changes"]["upserts"].as_array().unwrap().iter().all(|record| record["__typename"] == "Contact"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_began_earlier_and_was_committed_later_is_not_missed() {
    let Some(app) = TestApp::start(Engine::Postgres).await else { return };
    let manager = app.actor("shanghai.manager").await;
    let mut copy = Copy::default();
    copy.catch_up(&manager, 100).await;
    let (early, late) = (customer_id(&app, "SH-0003", "SHANGHAI").await, customer_id(&app, "SH-0006", "SHANGHAI").await);
    let (id, unit) = (uuid_of(&early), uuid_of(&unit_id(&app, "SHANGHAI").await));
    let slow = app.raw.begin().await.unwrap();
    slow.execute_unprepared(&format!(
        "INSERT INTO change (id, at, record_type, record_id, unit_before, unit_after) VALUES ('00000000-0000-7000-8000-000000000001', 0, 'customer', '{id}', '{unit}', '{unit}')"
    ))
    .await
    .unwrap();
    change(&manager, "updateCustomer.customer", json!({ "id": late, "name": "Later" })).await;
    copy.told.clear();
    copy.catch_up(&manager, 100).await;
    assert_eq!(copy.told, [late.as_str().unwrap()]);
    slow.commit().await.unwrap();
    copy.told.clear();
    copy.catch_up(&manager, 100).await;
    assert_eq!(copy.told, [early.as_str().unwrap()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_is_told_of_where_its_customer_stands_by_then() {
    let Some(app) = TestApp::start(Engine::Postgres).await else { return };
    let manager = app.actor("shanghai.manager").await;
    let rep = app.actor("shanghai.rep2").await;
    let mut copy = Copy::default();
    copy.catch_up(&rep, 100).await;
    let (customer, contact) = (customer_id(&app, "SH-0003", "SHANGHAI").await, contact_id(&app, "SH-0003", "SHANGHAI").await);
    let (id, owner) = (uuid_of(&customer), uuid_of(&user_id(&app, "shanghai.rep2").await));
    let assigning = app.raw.begin().await.unwrap();
    assigning.execute_unprepared(&format!("UPDATE customer SET owner_id = '{owner}' WHERE id = '{id}'")).await.unwrap();
    let assigned = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assigning.commit().await.unwrap();
    };
    tokio::join!(change(&manager, "updateContact.contact", json!({ "id": contact, "name": "Of its new owner" })), assigned);
    copy.catch_up(&rep, 100).await;
    assert_eq!(copy.records[contact.as_str().unwrap()]["name"], "Of its new owner");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_much_waits_for_its_position_all_of_it_is_told() {
    let Some(app) = TestApp::start(Engine::Postgres).await else { return };
    let rep = app.actor("london.rep1").await;
    let mut copy = Copy::default();
    copy.catch_up(&rep, 100).await;
    let unit = uuid_of(&unit_id(&app, "SHANGHAI").await);
    app.execute(&format!(
        "INSERT INTO change (id, at, record_type, record_id, unit_after) \
         SELECT gen_random_uuid(), 0, 'customer', gen_random_uuid(), '{unit}' FROM generate_series(1, 25000)"
    ))
    .await;
    let id = app
        .select("SELECT external_ref FROM customer WHERE owner_id = (SELECT id FROM user_account WHERE username = 'london.rep1') LIMIT 1")
        .await;
    let id = customer_id(&app, &id[0].try_get_by_index::<String>(0).unwrap(), "LONDON").await;
    change(&app.actor("hq.steward").await, "updateCustomer.customer", json!({ "id": id, "name": "Behind many" })).await;
    copy.told.clear();
    assert!(!copy.step(&rep, 100).await);
    assert_eq!(copy.told, [id.as_str().unwrap()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_is_good_for_thirty_days() {
    let app = TestApp::start_standing(Engine::Sqlite).await.unwrap();
    let mut copy = Copy::default();
    copy.catch_up(&app.actor("shanghai.manager").await, 100).await;
    app.clock.advance_seconds(30 * 86_400 - 1);
    assert!(!copy.step(&app.actor("shanghai.manager").await, 100).await && copy.cursor.is_some());
    app.clock.advance_seconds(30 * 86_400);
    assert!(copy.step(&app.actor("shanghai.manager").await, 100).await && copy.cursor.is_none());
}
