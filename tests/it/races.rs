//! Many at once: of those who want the same, one gets it and the others are told so; of those who want different things, none is lost.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value as Json, json};

use crate::app::Actor;
use crate::on_both;
use crate::tables::{audits, audits_since, contact_id, count, customer_id, unit_id};

const AT_ONCE: usize = 24;

/// Sends a mutation many times at once: the versions that came of it, and the extensions of the refusals.
async fn all_at_once(actor: &Actor<'_>, mutation: &str, inputs: Vec<Json>) -> (Vec<i64>, Vec<Json>) {
    let (name, record) = (mutation, if mutation.ends_with("Contact") { "contact" } else { "customer" });
    let of = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let document = format!("mutation($input: {of}!) {{ {name}(input: $input) {{ {record} {{ version }} }} }}");
    let answers = join_all(inputs.into_iter().map(|input| actor.send(&document, json!({ "input": input })))).await;
    let (mut versions, mut refused) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer.body.get("errors") {
            None => versions.push(answer.body["data"][name][record]["version"].as_i64().expect("a version")),
            Some(errors) => refused.push(errors[0]["extensions"].clone()),
        }
    }
    versions.sort_unstable();
    (versions, refused)
}

on_both! {
    async fn one_of_many_takes_a_reference(app) {
        let manager = app.actor("shanghai.manager").await;
        let unit = unit_id(&app, "SHANGHAI").await;
        let (customers, parties, audit) = (count(&app, "customer").await, count(&app, "party").await, audits(&app).await);
        let inputs = (0..AT_ONCE)
            .map(|at| json!({ "unitId": unit, "kind": "PERSON", "name": format!("Racer {at}"), "externalRef": "RACE-1" }))
            .collect();
        let (made, refused) = all_at_once(&manager, "createCustomer", inputs).await;
        assert_eq!(made, [1]);
        for extensions in refused {
            assert_eq!((&extensions["code"], &extensions["fields"]), (&json!("CONFLICT"), &json!(["input.externalRef"])), "{extensions}");
        }
        assert_eq!((count(&app, "customer").await, count(&app, "party").await), (customers + 1, parties + 1));
        assert_eq!(audits_since(&app, &audit).await.len(), 1);
    }

    async fn one_of_many_changes_the_version_that_all_have_seen(app) {
        let manager = app.actor("shanghai.manager").await;
        for (mutation, id) in [
            ("updateCustomer", customer_id(&app, "SH-0003", "SHANGHAI").await),
            ("updateContact", contact_id(&app, "SH-0003", "SHANGHAI").await),
        ] {
            let audit = audits(&app).await;
            let inputs = (0..AT_ONCE).map(|at| json!({ "id": id, "expectedVersion": 1, "name": format!("Racer {at}") })).collect();
            let (made, refused) = all_at_once(&manager, mutation, inputs).await;
            assert_eq!(made, [2], "{mutation}");
            for extensions in refused {
                assert_eq!(
                    (&extensions["code"], &extensions["currentVersion"]),
                    (&json!("CONFLICT"), &json!(2)),
                    "{mutation} {extensions}"
                );
            }
            assert_eq!(audits_since(&app, &audit).await.len(), 1, "{mutation}");
        }
    }

    async fn none_of_many_changes_is_lost(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let audit = audits(&app).await;
        let inputs = (0..AT_ONCE).map(|at| json!({ "id": id, "customFields": [{ "key": format!("k{at}"), "value": "x" }] })).collect();
        let (made, refused) = all_at_once(&manager, "updateCustomer", inputs).await;
        assert_eq!(refused, Vec::<Json>::new());
        let versions: Vec<i64> = (2..).take(AT_ONCE).collect();
        let distinct: BTreeSet<i64> = made.iter().copied().collect();
        assert!(distinct.is_subset(&versions.iter().copied().collect()) && made.last() == versions.last(), "{made:?}");
        let query = "query($id: ID!) { customer(id: $id) { version customFields { key } } }";
        let customer = manager.ask_with(query, json!({ "id": id })).await["customer"].take();
        assert_eq!(customer["customFields"].as_array().unwrap().len(), AT_ONCE);
        assert_eq!(customer["version"], 1 + AT_ONCE);
        assert_eq!(audits_since(&app, &audit).await.len(), AT_ONCE);
    }

    async fn archived_once_however_many_archive(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let audit = audits(&app).await;
        let document = "mutation($id: ID!) { archiveCustomer(input: {id: $id}) { customer { version archivedAt } } }";
        let answers = join_all((0..AT_ONCE).map(|_| manager.ask_with(document, json!({ "id": id })))).await;
        assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
        assert_eq!(audits_since(&app, &audit).await.len(), 1);
    }
}
