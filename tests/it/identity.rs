//! Identity numbers: sealed at rest, masked in every answer, found whole or not at all, and never in the audit.

use serde_json::{Value as Json, json};

use crate::app::{Actor, TestApp};
use crate::on_both;
use crate::tables::{audits, audits_since, contents, customer_id, unit_id};
use crate::writes::{call, refused};

const NUMBER: &str = "31010119900101123X";
/// Far more lookups than one may do while the test runs.
const MOST_TRIES: usize = 100;

async fn give(app: &TestApp, reference: &str) -> Json {
    let input = json!({ "id": customer_id(app, reference, "SHANGHAI").await, "identityNumber": NUMBER });
    call(&app.actor("shanghai.manager").await, "updateCustomer", &input).await
}

fn by_number(number: &str) -> Json {
    json!({ "filter": { "identityNumber": { "eq": number } } })
}

const SEARCH: &str = "query($filter: CustomerFilter!) { customers(filter: $filter) { nodes { externalRef identityNumber } } }";

async fn found(actor: &Actor<'_>, number: &str) -> Vec<String> {
    let answer = actor.ask_with(SEARCH, by_number(number)).await;
    let nodes = answer["customers"]["nodes"].as_array().unwrap();
    assert!(nodes.iter().all(|node| node["identityNumber"] == "****123X"), "{nodes:?}");
    nodes.iter().map(|node| node["externalRef"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    async fn is_sealed_at_rest_and_masked_in_answers(app) {
        let audit = audits(&app).await;
        assert_eq!(give(&app, "SH-0003").await["identityNumber"], "****123X");
        assert_eq!(give(&app, "SH-0004").await["identityNumber"], "****123X");
        let rows = app.select("SELECT identity_cipher, identity_index FROM customer WHERE identity_cipher IS NOT NULL").await;
        let sealed: Vec<(Vec<u8>, Vec<u8>)> =
            rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect();
        assert_eq!(sealed.len(), 2);
        assert_ne!(sealed[0].0, sealed[1].0, "equal numbers are not equal at rest");
        assert_eq!(sealed[0].1, sealed[1].1);
        for bytes in sealed.iter().flat_map(|(cipher, index)| [cipher, index]) {
            assert!(!bytes.windows(6).any(|window| NUMBER.as_bytes().windows(6).any(|part| part == window)));
        }
        let everything = format!("{:?}", contents(&app).await);
        assert!(!everything.contains(NUMBER) && !everything.contains("0101123"));
        let rows = audits_since(&app, &audit).await;
        assert!(rows.iter().all(|row| row.changes == json!({ "identityNumber": [null, "present"] })), "{rows:?}");
    }

    async fn its_changes_are_told_without_it(app) {
        let id = give(&app, "SH-0003").await["id"].clone();
        let manager = app.actor("shanghai.manager").await;
        let before = contents(&app).await;
        for same in [NUMBER, " 310101 19900101-123x "] {
            let version = call(&manager, "updateCustomer", &json!({ "id": id, "identityNumber": same })).await["version"].clone();
            assert_eq!(version, 2, "the same number is no change");
        }
        assert_eq!(contents(&app).await, before);
        let audit = audits(&app).await;
        call(&manager, "updateCustomer", &json!({ "id": id, "identityNumber": "AB-998877" })).await;
        let stale = json!({ "id": id, "identityNumber": "AB-112233", "phone": "13900000009", "expectedVersion": 2 });
        let conflict = refused(&manager, "updateCustomer", &stale).await;
        assert_eq!(conflict["extensions"]["code"], "CONFLICT");
        assert!(!conflict.to_string().contains("998877") && !conflict.to_string().contains("112233"), "{conflict}");
        assert_eq!(call(&manager, "updateCustomer", &json!({ "id": id, "identityNumber": null })).await["identityNumber"], Json::Null);
        let changes: Vec<Json> = audits_since(&app, &audit).await.into_iter().map(|row| row.changes["identityNumber"].clone()).collect();
        assert_eq!(changes.len(), 2);
        assert!(changes.contains(&json!("changed")) && changes.contains(&json!(["present", null])), "{changes:?}");
    }

    async fn a_masked_one_is_refused(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = give(&app, "SH-0003").await["id"].clone();
        let unit = unit_id(&app, "SHANGHAI").await;
        let before = contents(&app).await;
        for number in ["****123X", "3101****123X", "123", "--/.", "310101<script>", &"9".repeat(65)] {
            for (mutation, input) in [
                ("updateCustomer", json!({ "id": id, "identityNumber": number })),
                ("createCustomer", json!({ "unitId": unit, "kind": "PERSON", "name": "Masked", "identityNumber": number })),
            ] {
                let error = refused(&manager, mutation, &input).await;
                assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{mutation} {number}");
                assert_eq!(error["extensions"]["violations"][0]["field"], "input.identityNumber", "{mutation} {number}");
                assert!(!error.to_string().contains("3101"), "{error}");
            }
        }
        assert_eq!(contents(&app).await, before);
    }

    async fn is_found_whole_on_rows_that_are_full(app) {
        for reference in ["SH-0003", "SH-0004"] {
            give(&app, reference).await;
        }
        let manager = app.actor("shanghai.manager").await;
        for (number, hits) in [(NUMBER, 2), ("310101-19900101-123x", 2), ("31010119900101123", 0), ("****123X", 0), ("", 0), ("%", 0)] {
            assert_eq!(found(&manager, number).await.len(), hits, "{number}");
        }
        for (actor, sees) in
            [("shanghai.rep1", &["SH-0003"][..]), ("shanghai.rep2", &["SH-0004"]), ("hangzhou.manager", &[]), ("beijing.manager", &[])]
        {
            assert_eq!(found(&app.actor(actor).await, NUMBER).await, sees, "{actor}");
        }
        let negated = json!({ "filter": { "not": { "identityNumber": { "eq": NUMBER } } } });
        let others = app
            .actor("shanghai.rep1")
            .await
            .ask_with("query($filter: CustomerFilter!) { customers(filter: $filter, first: 100) { nodes { level } } }", negated)
            .await;
        assert!(others["customers"]["nodes"].as_array().unwrap().iter().all(|node| node["level"] == "FULL"));
        for actor in ["shanghai.service", "hq.credit", "hq.auditor"] {
            let error = app.actor(actor).await.fail(SEARCH, by_number(NUMBER)).await;
            assert_eq!(error["extensions"], json!({ "code": "FORBIDDEN", "field": "filter.identityNumber" }), "{actor}");
        }
    }

    async fn is_looked_up_twenty_times_a_minute(app) {
        give(&app, "SH-0003").await;
        let manager = app.actor("shanghai.manager").await;
        // Two in one document count twice.
        let both = json!({ "filter": { "or": [{ "identityNumber": { "eq": NUMBER } }, { "identityNumber": { "eq": "AB123456" } }] } });
        manager.ask_with(SEARCH, both).await;
        for _ in 0..18 {
            assert_eq!(found(&manager, NUMBER).await, ["SH-0003"]);
        }
        // One more is allowed every three seconds; a busy machine may get as far.
        let mut error = Json::Null;
        for _ in 0..MOST_TRIES {
            let mut answer = manager.send(SEARCH, by_number(NUMBER)).await;
            error = answer.body["errors"][0].take();
            if !error.is_null() {
                break;
            }
        }
        assert_eq!(error["extensions"]["code"], "RATE_LIMITED");
        assert!((1..=60).contains(&error["extensions"]["retryAfterSeconds"].as_i64().unwrap()), "{error}");
        let nested = "query($filter: CustomerFilter!) { orgUnit(code: \"SHANGHAI\") { customers(filter: $filter) { nodes { name } } } }";
        assert_eq!(manager.code(nested, by_number(NUMBER)).await, "RATE_LIMITED", "every door counts");
        assert_eq!(found(&app.actor("shanghai.rep1").await, NUMBER).await, ["SH-0003"], "each user has twenty of their own");
        manager.ask("{ customers(filter: { name: { contains: \"x\" } }) { totalCount } }").await;
    }
}
