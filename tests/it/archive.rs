//! Archived customers and contacts leave lists and totals, stay by id, and come back for whoever may archive them.

use serde_json::{Value as Json, json};

use crate::app::Actor;
use crate::on_both;
use crate::tables::{contact_id, contents, customer_id, unit_id, user_id};
use crate::writes::{call, refused};

async fn references(actor: &Actor<'_>, filter: &Json) -> Vec<String> {
    let query = "query($filter: CustomerFilter) { customers(filter: $filter, first: 100) { totalCount nodes { externalRef } } }";
    let page = actor.ask_with(query, json!({ "filter": filter })).await["customers"].take();
    let nodes: Vec<String> =
        page["nodes"].as_array().unwrap().iter().map(|node| node["externalRef"].as_str().unwrap().to_owned()).collect();
    assert_eq!(page["totalCount"], nodes.len());
    nodes
}

on_both! {
    async fn an_archived_customer_is_out_of_lists_and_stays_by_id(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let here = json!({ "unit": { "eq": unit_id(&app, "SHANGHAI").await } });
        let all = references(&manager, &here).await;
        assert!(all.contains(&"SH-0003".to_owned()));
        call(&manager, "archiveCustomer", &json!({ "id": id })).await;

        let left = references(&manager, &here).await;
        assert_eq!(left.len(), all.len() - 1);
        assert!(!left.contains(&"SH-0003".to_owned()));
        let nested = manager.ask("{ orgUnit(code: \"SHANGHAI\") { customers(first: 100) { totalCount nodes { externalRef } } } }").await;
        assert_eq!(nested["orgUnit"]["customers"]["totalCount"], left.len());
        assert_eq!(nested["orgUnit"]["customers"]["nodes"].as_array().unwrap().len(), left.len());
        for (actor, name) in [("shanghai.manager", "上海云杉精密机械有限公司"), ("shanghai.rep1", "上海云杉精密机械有限公司")]
        {
            let query = "query($id: ID!) { node(id: $id) { ... on Customer { name archivedAt } }
                customer(externalRef: \"SH-0003\", originUnitCode: \"SHANGHAI\") { archivedAt } }";
            let found = app.actor(actor).await.ask_with(query, json!({ "id": id })).await;
            assert_eq!(found["node"]["name"], name, "{actor}");
            assert!(found["node"]["archivedAt"].is_string() && found["customer"]["archivedAt"].is_string(), "{actor}");
        }
        let again = json!({ "unit": here["unit"], "archived": true });
        let mut with = references(&manager, &again).await;
        let mut before = all.clone();
        with.sort();
        before.sort();
        assert_eq!(with, before);
        call(&manager, "restoreCustomer", &json!({ "id": id })).await;
        assert_eq!(references(&manager, &here).await, all);
    }

    async fn the_archived_are_listed_for_whoever_may_archive_them(app) {
        let region = app.actor("east.manager").await;
        for (reference, unit) in [("HZ-0001", "HANGZHOU"), ("SH-0003", "SHANGHAI")] {
            call(&region, "archiveCustomer", &json!({ "id": customer_id(&app, reference, unit).await })).await;
        }
        for (actor, sees) in [
            ("east.manager", &["HZ-0001", "SH-0003"][..]),
            ("hangzhou.manager", &["HZ-0001"]),
            ("shanghai.manager", &["SH-0003"]),
            ("shanghai.supervisor", &["SH-0003"]),
            ("beijing.manager", &[]),
        ] {
            let mut seen =
                references(&app.actor(actor).await, &json!({ "archived": true, "externalRef": { "in": ["HZ-0001", "SH-0003"] } })).await;
            seen.sort();
            assert_eq!(seen, sees, "{actor}");
        }
        for actor in ["shanghai.rep1", "shanghai.service", "hq.director", "hq.steward", "shanghai.integration"] {
            let query = "{ customers(filter: { archived: true }) { totalCount } }";
            let error = app.actor(actor).await.fail(query, json!({})).await;
            assert_eq!(error["extensions"], json!({ "code": "FORBIDDEN", "field": "filter.archived" }), "{actor}");
        }
    }

    async fn an_archived_contact_is_out_of_lists_and_stays_by_id(app) {
        let manager = app.actor("shanghai.manager").await;
        let (customer, contact) = (customer_id(&app, "SH-0003", "SHANGHAI").await, contact_id(&app, "SH-0003", "SHANGHAI").await);
        call(&manager, "archiveContact", &json!({ "id": contact })).await;
        let query = "query($id: ID!, $archived: Boolean!) { customer(id: $id) { contacts(archived: $archived) { totalCount nodes { \
            id archivedAt } } } }";
        let contacts = async |archived: bool| {
            manager.ask_with(query, json!({ "id": customer, "archived": archived })).await["customer"]["contacts"].take()
        };
        assert_eq!(contacts(false).await, json!({ "totalCount": 0, "nodes": [] }));
        let with = contacts(true).await;
        assert_eq!((&with["totalCount"], &with["nodes"][0]["id"]), (&json!(1), &contact));
        let by_id =
            manager.ask_with("query($id: ID!) { node(id: $id) { ... on Contact { archivedAt name } } }", json!({ "id": contact })).await;
        assert_eq!(by_id["node"]["archivedAt"], with["nodes"][0]["archivedAt"]);
        assert!(by_id["node"]["archivedAt"].is_string());
        let found = references(&manager, &json!({ "contact": { "name": { "eq": by_id["node"]["name"] } } })).await;
        assert!(found.is_empty(), "a filter would tell of an archived contact: {found:?}");
        for actor in ["shanghai.service", "hq.director"] {
            let error = app.actor(actor).await.fail(query, json!({ "id": customer, "archived": true })).await;
            assert_eq!(error["extensions"], json!({ "code": "FORBIDDEN", "field": "archived" }), "{actor}");
        }
        call(&manager, "restoreContact", &json!({ "id": contact })).await;
        assert_eq!(contacts(false).await["totalCount"], 1);
    }

    async fn contacts_are_written_within_the_actions_reach(app) {
        let own = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let rep = app.actor("shanghai.rep1").await;
        let made =
            call(&rep, "createContact", &json!({ "customerId": own, "name": " 李明 ", "role": "Buyer", "phone": "13900000001" })).await;
        assert_eq!((&made["name"], &made["role"], &made["version"]), (&json!("李明"), &json!("Buyer"), &json!(1)));
        assert_eq!(made["email"], Json::Null);
        let before = contents(&app).await;
        let colleagues = customer_id(&app, "SH-0005", "SHANGHAI").await;
        let foreign = customer_id(&app, "BJ-0001", "BEIJING").await;
        for (actor, customer, extensions) in [
            ("shanghai.rep1", &colleagues, json!({ "code": "FORBIDDEN", "field": "input.customerId" })),
            ("shanghai.rep1", &foreign, json!({ "code": "NOT_FOUND", "field": "input.customerId" })),
            ("shanghai.service", &own, json!({ "code": "FORBIDDEN" })),
            ("hq.director", &own, json!({ "code": "FORBIDDEN" })),
        ] {
            let error = refused(&app.actor(actor).await, "createContact", &json!({ "customerId": customer, "name": "X" })).await;
            assert_eq!(error["extensions"], extensions, "{actor}");
        }
        let theirs = contact_id(&app, "SH-0005", "SHANGHAI").await;
        for (actor, code) in [("shanghai.rep1", "NOT_FOUND"), ("shanghai.service", "FORBIDDEN"), ("hq.director", "FORBIDDEN")] {
            for mutation in ["updateContact", "archiveContact", "restoreContact"] {
                let error = refused(&app.actor(actor).await, mutation, &json!({ "id": theirs })).await;
                assert_eq!(error["extensions"], json!({ "code": code }), "{actor} {mutation}");
            }
        }
        let steward = app.actor("hq.steward").await;
        assert_eq!(refused(&steward, "archiveContact", &json!({ "id": theirs })).await["extensions"]["code"], "FORBIDDEN");
        assert_eq!(contents(&app).await, before);
        assert_eq!(call(&steward, "updateContact", &json!({ "id": theirs, "role": "Seller" })).await["role"], "Seller");
        call(&rep, "archiveContact", &json!({ "id": made["id"] })).await;
    }

    async fn who_gives_a_customer_away_sees_what_is_left_to_see(app) {
        let supervisor = app.actor("shanghai.supervisor").await;
        let id = customer_id(&app, "SH-0001", "SHANGHAI").await;
        call(&supervisor, "assignCustomer", &json!({ "id": id, "ownerId": user_id(&app, "shanghai.rep2").await })).await;
        let query = "query($id: ID!) { customer(id: $id) { level } }";
        for (actor, level) in [("shanghai.rep2", "FULL"), ("shanghai.rep1", "CARD"), ("shanghai.supervisor", "FULL")] {
            assert_eq!(app.actor(actor).await.ask_with(query, json!({ "id": id })).await["customer"]["level"], level, "{actor}");
        }
    }
}
