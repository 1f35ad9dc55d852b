//! Pages: both directions, flags, cursors over a list that grows, equal keys, every order, and totals only where they are asked for.

use std::collections::HashMap;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::{Actor, Engine, TestApp};
use crate::on_both;
use crate::tables::{unit_id, uuid_of};
use crate::writes::call;

const PAGE: &str = "query($filter: CustomerFilter, $sort: CustomerSort, $first: Int, $after: String, $last: Int, $before: String) {
    customers(filter: $filter, sort: $sort, first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { id name externalRef industry } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

/// Each order with the column behind it, and the level that it takes.
const ORDERS: [(&str, &str, &str); 6] = [
    ("CREATED_AT", "created_at", "CARD"),
    ("UPDATED_AT", "updated_at", "CARD"),
    ("NAME", "name_folded", "CARD"),
    ("EXTERNAL_REF", "COALESCE(external_ref, '')", "CARD"),
    ("INDUSTRY", "COALESCE(industry, '')", "BASIC"),
    ("ANNUAL_INCOME", "COALESCE(annual_income_minor, -1)", "FULL"),
];

async fn page(actor: &Actor<'_>, list: &Json, slice: Json) -> Json {
    let mut variables = list.clone();
    variables.as_object_mut().unwrap().extend(slice.as_object().unwrap().clone());
    actor.ask_with(PAGE, variables).await["customers"].take()
}

/// The whole list, page by page, checking the flags of each page.
async fn walk(actor: &Actor<'_>, list: &Json, size: usize, backwards: bool) -> Vec<Json> {
    let (number, cursor, edge) = if backwards { ("last", "before", "startCursor") } else { ("first", "after", "endCursor") };
    let (more, back) = if backwards { ("hasPreviousPage", "hasNextPage") } else { ("hasNextPage", "hasPreviousPage") };
    let mut all: Vec<Json> = Vec::new();
    let mut from = Json::Null;
    loop {
        let slice = if from.is_null() { json!({ number: size }) } else { json!({ number: size, cursor: from }) };
        let page = page(actor, list, slice).await;
        let edges = page["edges"].as_array().unwrap().clone();
        let info = &page["pageInfo"];
        assert_eq!(info[back], !from.is_null(), "{list} {info}");
        assert_eq!(info["startCursor"], edges.first().map_or(Json::Null, |edge| edge["cursor"].clone()));
        assert_eq!(info["endCursor"], edges.last().map_or(Json::Null, |edge| edge["cursor"].clone()));
        assert!(edges.len() == size || info[more] == false, "{list}: a short page with more behind it");
        let nodes = edges.into_iter().map(|mut edge| edge["node"].take());
        if backwards {
            all.splice(0..0, nodes);
        } else {
            all.extend(nodes);
        }
        if info[more] == false {
            return all;
        }
        from = info[edge].clone();
    }
}

fn ids(nodes: &[Json]) -> Vec<Uuid> {
    nodes.iter().map(|node| uuid_of(&node["id"])).collect()
}

/// The sort keys of all customers: numbers padded, so that everything compares as bytes.
async fn keys(app: &TestApp, column: &str) -> HashMap<Uuid, String> {
    let rows = app.select(&format!("SELECT id, CAST({column} AS text) FROM customer")).await;
    let padded = |key: String| key.parse::<i64>().map_or(key, |number| format!("{:020}", i128::from(number) + 1));
    rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), padded(row.try_get_by_index(1).unwrap()))).collect()
}

on_both! {
    async fn every_order_runs_both_ways_without_gap_or_repetition(app) {
        // Equal keys all over: what breaks a tie is the id.
        app.execute(
            "UPDATE customer SET created_at = 1000000 * (annual_income_minor % 3), updated_at = 5000000 WHERE \
            annual_income_minor IS NOT NULL",
        )
        .await;
        app.execute("UPDATE customer SET external_ref = NULL WHERE external_ref LIKE '%-0005'").await;
        for user in ["hq.director", "east.manager", "shanghai.manager", "shanghai.rep1", "beijing.rep1"] {
            let actor = app.actor(user).await;
            for (field, column, level) in ORDERS {
                let keys = keys(&app, column).await;
                for direction in ["ASC", "DESC"] {
                    let list = json!({ "sort": { "field": field, "direction": direction }, "filter": { "minLevel": level } });
                    let forward = ids(&walk(&actor, &list, 7, false).await);
                    let mut expected = forward.clone();
                    expected.sort_by_key(|id| (keys[id].clone(), *id));
                    if direction == "DESC" {
                        expected.reverse();
                    }
                    assert_eq!(forward, expected, "{user} {field} {direction}");
                    expected.dedup();
                    assert_eq!(forward.len(), expected.len(), "{user} {field}: a row twice");
                    assert_eq!(ids(&walk(&actor, &list, 11, true).await), forward, "{user} {field} {direction} backwards");
                    let total = "query($filter: CustomerFilter) { customers(filter: $filter) { totalCount } }";
                    let total = actor.ask_with(total, json!({ "filter": list["filter"] })).await;
                    assert_eq!(total["customers"]["totalCount"], forward.len(), "{user} {field}");
                }
            }
        }
    }

    async fn a_page_of_nothing_is_a_page(app) {
        let actor = app.actor("shanghai.manager").await;
        let empty = page(&actor, &json!({}), json!({ "first": 0 })).await;
        assert_eq!(empty["edges"], json!([]));
        assert_eq!(empty["pageInfo"], json!({ "hasNextPage": true, "hasPreviousPage": false, "startCursor": null, "endCursor": null }));
        let none = page(&actor, &json!({ "filter": { "name": { "eq": "nobody of this name" } } }), json!({ "first": 5 })).await;
        assert_eq!(none["pageInfo"], json!({ "hasNextPage": false, "hasPreviousPage": false, "startCursor": null, "endCursor": null }));
        for (slice, rows) in [(json!({}), 20), (json!({ "first": 100 }), 100), (json!({ "last": 100 }), 100), (json!({ "last": 3 }), 3)] {
            assert_eq!(
                page(&app.actor("hq.director").await, &json!({}), slice.clone()).await["edges"].as_array().unwrap().len(),
                rows,
                "{slice}"
            );
        }
    }

    async fn a_list_that_grows_is_read_on_where_one_was(app) {
        let manager = app.actor("tokyo.manager").await;
        let tokyo = unit_id(&app, "TOKYO").await;
        let before = walk(&manager, &json!({}), 100, false).await;
        let first = page(&manager, &json!({}), json!({ "first": 3 })).await;
        for name in ["Newest", "Newer than that"] {
            call(&manager, "createCustomer", &json!({ "unitId": tokyo, "kind": "PERSON", "name": name })).await;
        }
        let rest = page(&manager, &json!({}), json!({ "first": 100, "after": first["pageInfo"]["endCursor"] })).await;
        let mut seen: Vec<Json> = Vec::new();
        for edge in first["edges"].as_array().unwrap().iter().chain(rest["edges"].as_array().unwrap()) {
            seen.push(edge["node"].clone());
        }
        assert_eq!(seen, before, "what came since stands before the first page");
        let newer = page(&manager, &json!({}), json!({ "last": 100, "before": first["pageInfo"]["startCursor"] })).await;
        let names: Vec<&Json> = newer["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]["name"]).collect();
        assert_eq!(names, ["Newer than that", "Newest"]);
        // The row of the cursor itself may go.
        app.execute(
            "UPDATE customer SET archived_at = 1 WHERE unit_id = (SELECT id FROM org_unit WHERE code = 'TOKYO') AND \
            external_ref = 'TK-0004'",
        )
        .await;
        let on = page(&manager, &json!({}), json!({ "first": 100, "after": first["pageInfo"]["endCursor"] })).await;
        assert!(on["edges"].as_array().unwrap().len() >= 2);
    }

    async fn wrong_slices_name_what_is_wrong(app) {
        let actor = app.actor("shanghai.manager").await;
        let (by_name, by_class) = (json!({ "sort": { "field": "NAME" } }), json!({ "filter": { "class": { "eq": "USER" } } }));
        let cursor = page(&actor, &json!({}), json!({ "first": 1 })).await["pageInfo"]["endCursor"].clone();
        let named = page(&actor, &by_name, json!({ "first": 1 })).await["pageInfo"]["endCursor"].clone();
        let theirs = page(&app.actor("hq.director").await, &json!({}), json!({ "first": 1 })).await["pageInfo"]["endCursor"].clone();
        let nested = actor.ask("{ orgUnit(code: \"SHANGHAI\") { customers(first: 1) { pageInfo { endCursor } } } }").await;
        let nested = nested["orgUnit"]["customers"]["pageInfo"]["endCursor"].clone();
        let cut = json!(cursor.as_str().unwrap()[..20]);
        for (list, slice, field, rule) in [
            (json!({}), json!({ "first": 101 }), "first", "range"),
            (json!({}), json!({ "first": -1 }), "first", "range"),
            (json!({}), json!({ "last": 101 }), "last", "range"),
            (json!({}), json!({ "last": -5 }), "last", "range"),
            (json!({}), json!({ "first": 5, "last": 5 }), "last", "exclusive"),
            (json!({}), json!({ "first": 5, "before": cursor }), "before", "exclusive"),
            (json!({}), json!({ "last": 5, "after": cursor }), "after", "exclusive"),
            (json!({}), json!({ "after": cursor, "before": cursor }), "after", "exclusive"),
            (json!({}), json!({ "after": named }), "after", "cursor"),
            (by_name.clone(), json!({ "after": cursor }), "after", "cursor"),
            (by_class.clone(), json!({ "before": cursor }), "before", "cursor"),
            (json!({}), json!({ "after": theirs }), "after", "cursor"),
            (json!({}), json!({ "after": nested }), "after", "cursor"),
            (json!({}), json!({ "after": cut }), "after", "cursor"),
            (json!({}), json!({ "after": "" }), "after", "cursor"),
            (json!({}), json!({ "after": "WzAsMV0" }), "after", "cursor"),
            (json!({}), json!({ "after": "x".repeat(10_000) }), "after", "cursor"),
        ] {
            let mut variables = list.clone();
            variables.as_object_mut().unwrap().extend(slice.as_object().unwrap().clone());
            let error = actor.fail(PAGE, variables).await;
            assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{list} {slice}");
            let violations = error["extensions"]["violations"].as_array().unwrap();
            assert!(violations.iter().any(|wrong| wrong["field"] == field && wrong["rule"] == rule), "{list} {slice}: {error}");
        }
    }

    async fn nested_lists_have_pages_of_their_own(app) {
        let director = app.actor("hq.director").await;
        let query = "query($first: Int, $after: String) { orgUnit(code: \"SHANGHAI\") { customers(first: $first, after: $after, \
            sort: {field: EXTERNAL_REF}) {
            nodes { externalRef } pageInfo { hasNextPage endCursor } totalCount } } }";
        let mut references = Vec::new();
        let mut after = Json::Null;
        loop {
            let page = director.ask_with(query, json!({ "first": 5, "after": after })).await["orgUnit"]["customers"].take();
            assert_eq!(page["totalCount"], 22);
            references.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["externalRef"].as_str().unwrap().to_owned()));
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        let expected: Vec<String> = (1..=22).map(|at| format!("SH-{at:04}")).collect();
        assert_eq!(references, expected);
        let query = "{ orgUnit(code: \"EAST\") { children(last: 1) { nodes { code } pageInfo { hasPreviousPage startCursor } \
            totalCount } } orgUnits(first: 100) { nodes { code } } }";
        let units = director.ask(query).await;
        assert_eq!(units["orgUnit"]["children"]["nodes"], json!([{ "code": "SHANGHAI" }]));
        assert_eq!(
            (&units["orgUnit"]["children"]["pageInfo"]["hasPreviousPage"], &units["orgUnit"]["children"]["totalCount"]),
            (&json!(true), &json!(2))
        );
        let codes: Vec<&str> = units["orgUnits"]["nodes"].as_array().unwrap().iter().map(|node| node["code"].as_str().unwrap()).collect();
        assert!(codes.is_sorted() && codes.len() == 15, "{codes:?}");
    }
}

/// What a client sees of every order, for a comparison between databases: keys alone, since ids and times are each database's own.
async fn transcript(app: &TestApp) -> Vec<Vec<Json>> {
    let mut transcript = Vec::new();
    for user in ["hq.director", "shanghai.manager", "shanghai.rep1"] {
        let actor = app.actor(user).await;
        for (field, shown, level) in [("NAME", "name", "CARD"), ("EXTERNAL_REF", "externalRef", "CARD"), ("INDUSTRY", "industry", "BASIC")]
        {
            for direction in ["ASC", "DESC"] {
                let list = json!({ "sort": { "field": field, "direction": direction }, "filter": { "minLevel": level } });
                transcript.push(walk(&actor, &list, 13, false).await.into_iter().map(|node| node[shown].clone()).collect());
            }
        }
    }
    transcript
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_databases_sort_alike() {
    let sqlite = TestApp::start(Engine::Sqlite).await.unwrap();
    if let Some(postgres) = TestApp::start(Engine::Postgres).await {
        assert_eq!(transcript(&sqlite).await, transcript(&postgres).await);
    }
}
