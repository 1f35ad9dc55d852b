//! Reading what is another branch's: whatever door is tried, a foreign id answers exactly like one that never was. London and Singapore
//! keep their customers apart; both have the same neighbours. Threats 1 to 5, 8, 18, 46 and 49.

use serde_json::{Value as Json, json};

use crate::app::TestApp;
use crate::on_both;
use crate::raw::{global, invented, sql_id};

/// Everybody in London, and what they read by id: a document with `$id`, and the type of the id.
const READERS: [&str; 2] = ["london.rep1", "london.manager"];
const BY_ID: [(&str, &str); 19] = [
    ("Customer", "query($id: ID!) { customer(id: $id) { id name phone contacts { totalCount } } }"),
    ("Customer", "query($id: ID!) { node(id: $id) { __typename id ... on Customer { name phone } } }"),
    ("Customer", "query($id: ID!) { nodes(ids: [$id]) { __typename id } }"),
    ("Customer", "query($id: ID!) { customers(filter: {id: {eq: $id}}) { totalCount nodes { name } pageInfo { hasNextPage endCursor } } }"),
    ("Customer", "query($id: ID!) { customers(filter: {id: {in: [$id]}}, first: 0) { totalCount pageInfo { hasNextPage } } }"),
    ("Customer", "query($id: ID!) { customers(filter: {or: [{id: {eq: $id}}]}) { totalCount } }"),
    ("Customer", "query($id: ID!) { customers(filter: {not: {id: {eq: $id}}}, first: 100) { totalCount nodes { name } } }"),
    ("Contact", "query($id: ID!) { node(id: $id) { __typename ... on Contact { name phone customer { name } } } }"),
    ("Contact", "query($id: ID!) { nodes(ids: [$id, $id]) { __typename } }"),
    ("OrgUnit", "query($id: ID!) { orgUnit(id: $id) { code name parent { code } customers { totalCount nodes { name } } } }"),
    ("OrgUnit", "query($id: ID!) { node(id: $id) { __typename ... on OrgUnit { code ancestors { code } children { totalCount } } } }"),
    ("OrgUnit", "query($id: ID!) { customers(filter: {unit: {eq: $id}}) { totalCount nodes { name } } }"),
    ("OrgUnit", "query($id: ID!) { customers(filter: {not: {unit: {eq: $id}}}) { totalCount } }"),
    ("OrgUnit", "query($id: ID!) { customers(filter: {underUnit: $id}) { totalCount nodes { name } } }"),
    ("OrgUnit", "query($id: ID!) { orgUnit(code: \"LONDON\") { customers(filter: {underUnit: $id}) { totalCount } } }"),
    ("User", "query($id: ID!) { node(id: $id) { __typename ... on User { name title } } }"),
    ("User", "query($id: ID!) { customers(filter: {owner: {eq: $id}}) { totalCount nodes { name owner { name } } } }"),
    ("User", "query($id: ID!) { customers(filter: {or: [{owner: {in: [$id]}}, {name: {contains: \"a\"}}]}) { totalCount } }"),
    ("User", "query($id: ID!) { customers(filter: {not: {owner: {eq: $id}}}) { totalCount } }"),
];

/// What is Singapore's, by type.
pub async fn foreign(app: &TestApp, kind: &str) -> Vec<String> {
    let ids = match kind {
        "Customer" => vec![app.customer("SG-0001").await, app.customer("SG-0002").await],
        "Contact" => vec![app.contact("SG-0001").await],
        "OrgUnit" => vec![app.unit("SINGAPORE").await],
        _ => vec![app.user("singapore.rep1").await, app.user("singapore.manager").await],
    };
    ids.into_iter().map(|id| global(kind, id)).collect()
}

on_both! {
    async fn a_foreign_id_reads_like_one_that_never_was(app) {
        for reader in READERS {
            let reader = app.actor(reader).await;
            for (kind, document) in BY_ID {
                let never = reader.bytes(document, &json!({ "id": invented(kind) })).await;
                for id in foreign(&app, kind).await {
                    assert_eq!(reader.bytes(document, &json!({ "id": id })).await, never, "{document}");
                }
            }
        }
    }

    async fn a_foreign_id_of_an_archived_record_reads_like_one_that_never_was(app) {
        app.execute("UPDATE customer SET archived_at = 1").await;
        app.execute("UPDATE contact SET archived_at = 1").await;
        for reader in READERS {
            let reader = app.actor(reader).await;
            for (kind, document) in BY_ID {
                let never = reader.bytes(document, &json!({ "id": invented(kind) })).await;
                for id in foreign(&app, kind).await {
                    assert_eq!(reader.bytes(document, &json!({ "id": id })).await, never, "{document}");
                }
            }
        }
    }

    async fn names_of_foreign_records_lead_nowhere(app) {
        let by_reference = "query($ref: String!, $unit: String!) { customer(externalRef: $ref, originUnitCode: $unit) { id name } }";
        let by_code = "query($code: String!) { orgUnit(code: $code) { id }
            orgUnits(filter: {code: {in: [$code]}}) { totalCount nodes { id } } }";
        for reader in READERS {
            let reader = app.actor(reader).await;
            let never = reader.bytes(by_reference, &json!({ "ref": "NO-SUCH", "unit": "NOWHERE" })).await;
            assert_eq!(reader.bytes(by_reference, &json!({ "ref": "SG-0001", "unit": "SINGAPORE" })).await, never);
            assert_eq!(reader.bytes(by_reference, &json!({ "ref": "NO-SUCH", "unit": "SINGAPORE" })).await, never);
            let never = reader.bytes(by_code, &json!({ "code": "NOWHERE" })).await;
            assert_eq!(reader.bytes(by_code, &json!({ "code": "SINGAPORE" })).await, never);
        }
    }

    async fn own_and_foreign_ids_together_show_the_own(app) {
        let own = global("Customer", app.customer("LN-0001").await);
        let reader = app.actor("london.rep1").await;
        let document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } customers(filter: {id: {in: $ids}}) { totalCount nodes { id } } }";
        let never = reader.bytes(document, &json!({ "ids": [own, invented("Customer")] })).await;
        for id in foreign(&app, "Customer").await {
            assert_eq!(reader.bytes(document, &json!({ "ids": [own, id] })).await, never);
        }
        let shown = reader.ask_with(document, json!({ "ids": [own, invented("Customer")] })).await;
        assert_eq!(shown, json!({ "nodes": [{ "id": own }, null], "customers": { "totalCount": 1, "nodes": [{ "id": own }] } }));
    }

    async fn edges_lead_no_further_than_ids(app) {
        let reader = app.actor("london.rep1").await;
        let shown = reader
            .ask(
                "{ viewer { posts { unit { ancestors { code customers { totalCount nodes { id } }
                   children { totalCount nodes { code customers { totalCount nodes { name } } } } } } } } }",
            )
            .await;
        let ancestors = shown["viewer"]["posts"][0]["unit"]["ancestors"].as_array().unwrap();
        for unit in ancestors {
            assert_eq!(unit["customers"], json!({ "totalCount": 0, "nodes": [] }), "{unit}");
            for child in unit["children"]["nodes"].as_array().unwrap() {
                let count = child["customers"]["totalCount"].as_i64().unwrap();
                assert!(child["code"] == "LONDON" && count == 10 || child["code"] == "OVERSEAS" && count == 0, "{child}");
            }
        }
        assert_eq!(ancestors.iter().map(|unit| unit["code"].as_str().unwrap()).collect::<Vec<_>>(), ["HQ", "OVERSEAS"]);
    }

    async fn ids_of_another_type_are_refused_before_anything_is_looked_up(app) {
        let reader = app.actor("london.manager").await;
        let real = [
            global("Customer", app.customer("LN-0001").await),
            global("Contact", app.contact("LN-0001").await),
            global("OrgUnit", app.unit("LONDON").await),
            global("User", app.user("london.manager").await),
        ];
        for (wanted, document) in BY_ID.iter().filter(|(_, document)| !document.contains("node")) {
            for (kind, real) in ["Customer", "Contact", "OrgUnit", "User"].into_iter().zip(&real).filter(|(kind, _)| kind != wanted) {
                let answer = reader.bytes(document, &json!({ "id": real })).await;
                assert_eq!(answer, reader.bytes(document, &json!({ "id": invented(kind) })).await, "{document}");
                assert!(answer.body.contains("BAD_USER_INPUT"), "{document}: {}", answer.body);
            }
        }
        // The id of a customer under the name of another type is another id, and leads nowhere.
        for kind in ["Contact", "OrgUnit", "User"] {
            let id = global(kind, app.customer("LN-0001").await);
            assert_eq!(reader.ask_with("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await, json!({ "node": null }));
        }
        let (post, query) = (global("Post", app.user("london.manager").await), global("Query", app.unit("HQ").await));
        for id in ["", "*", "Q3VzdG9tZXI6", "Customer:1", &post, &query] {
            assert_eq!(reader.code("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await, "BAD_USER_INPUT", "{id}");
        }
    }

    async fn totals_are_what_can_be_paged_through(app) {
        let document = "query($after: String, $sort: CustomerSort) { customers(first: 7, after: $after, sort: $sort) {
            totalCount nodes { id } pageInfo { hasNextPage endCursor } } }";
        app.execute("UPDATE customer SET archived_at = 1 WHERE external_ref IN ('LN-0003', 'SG-0003', 'HZ-0003', 'SH-0003')").await;
        for user in ["london.rep1", "shanghai.rep1", "shanghai.service", "hangzhou.manager", "east.manager", "hq.auditor", "beijing.rep1"] {
            let reader = app.actor(user).await;
            for field in ["CREATED_AT", "UPDATED_AT", "NAME", "EXTERNAL_REF"] {
                let (mut ids, mut after, mut total) = (Vec::new(), Json::Null, None);
                loop {
                    let page = reader.ask_with(document, json!({ "after": after, "sort": { "field": field } })).await["customers"].take();
                    ids.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["id"].to_string()));
                    assert_eq!(*total.get_or_insert(page["totalCount"].clone()), page["totalCount"]);
                    if page["pageInfo"]["hasNextPage"] != json!(true) {
                        break;
                    }
                    after = page["pageInfo"]["endCursor"].clone();
                }
                let number = ids.len();
                ids.sort();
                ids.dedup();
                assert_eq!((ids.len(), total), (number, Some(json!(number))), "{user} by {field}");
            }
        }
    }

    async fn archived_customers_leave_lists_and_need_the_right_to_archive(app) {
        app.execute("UPDATE customer SET archived_at = 1 WHERE external_ref IN ('LN-0001', 'SG-0001')").await;
        let list = "{ customers(filter: {externalRef: {in: [\"LN-0001\", \"SG-0001\", \"LN-0002\"]}}) {
            totalCount nodes { externalRef } } }";
        let archived = list.replace("filter: {", "filter: {archived: true, ");
        for reader in READERS {
            let shown = app.actor(reader).await.ask(list).await;
            assert_eq!(shown["customers"], json!({ "totalCount": 1, "nodes": [{ "externalRef": "LN-0002" }] }), "{reader}");
        }
        let error = app.actor("shanghai.service").await.fail(&archived, json!({})).await;
        assert_eq!(error["extensions"], json!({ "code": "FORBIDDEN", "field": "filter.archived" }));
        let shown = app.actor("london.manager").await.ask(&archived).await;
        assert_eq!(shown["customers"]["totalCount"], json!(2));
        // A director sees all, and may archive nothing.
        assert_eq!(app.actor("hq.director").await.code(&archived, json!({})).await, "FORBIDDEN");
    }

    async fn requests_at_once_see_each_as_their_own_caller(app) {
        let document = "query($id: ID!) { customer(id: $id) { name phone level } }";
        let id = json!({ "id": global("Customer", app.customer("SG-0001").await) });
        let (hq, stranger) = (app.actor("hq.director").await, app.actor("london.rep1").await);
        let (card, masked) = (app.actor("hq.auditor").await, app.actor("hq.credit").await);
        let rounds = (0..20).map(async |_| {
            futures::join!(
                hq.ask_with(document, id.clone()),
                stranger.ask_with(document, id.clone()),
                card.ask_with(document, id.clone()),
                masked.ask_with(document, id.clone())
            )
        });
        for (full, nothing, card, masked) in futures::future::join_all(rounds).await {
            let name = "Straits Cold Chain Pte Ltd";
            assert_eq!(full["customer"], json!({ "name": name, "phone": "13800138101", "level": "FULL" }));
            assert_eq!(nothing["customer"], Json::Null);
            assert_eq!(card["customer"], json!({ "name": name, "phone": null, "level": "CARD" }));
            assert_eq!(masked["customer"], json!({ "name": name, "phone": "138****8101", "level": "BASIC" }));
        }
    }

    async fn hidden_fields_are_nullable_and_null_whatever_they_hold(app) {
        let reader = app.actor("shanghai.rep1").await;
        let customer = json!({ "id": global("Customer", app.customer("HZ-0001").await) });
        let of_type = reader.ask("{ __type(name: \"Customer\") { fields { name type { kind } } } }").await;
        let nullable = |name: &str| {
            let fields = of_type["__type"]["fields"].as_array().unwrap();
            fields.iter().any(|field| field["name"] == name && field["type"]["kind"] != "NON_NULL")
        };
        let hidden = reader.ask_with("query($id: ID!) { customer(id: $id) { level hiddenFields } }", customer.clone()).await;
        assert_eq!(hidden["customer"]["level"], "CARD");
        let hidden = hidden["customer"]["hiddenFields"].as_array().unwrap();
        assert_eq!(hidden.len(), 12, "{hidden:?}");
        assert!(hidden.iter().all(|field| nullable(field.as_str().unwrap())), "{hidden:?}");

        let document = "query($id: ID!) { customer(id: $id) { name industry phone email address birthDate gender occupation education
            annualIncome { amount } identityNumber customFields { key } contacts { totalCount } hiddenFields version updatedAt } }";
        let before = reader.bytes(document, &customer).await;
        let id = sql_id(app.engine, app.customer("HZ-0001").await);
        app.execute(&format!("DELETE FROM contact WHERE customer_id = {id}")).await;
        app.execute(&format!(
            "UPDATE customer SET industry = NULL, phone = NULL, email = 'a@b.example', address = 'x', gender = 'x', occupation = 'x', \
             education = 'x', annual_income_minor = NULL, annual_income_currency = NULL, custom = '{{\"a\":\"b\"}}' WHERE id = {id}"
        ))
        .await;
        assert_eq!(reader.bytes(document, &customer).await, before);
    }
}
