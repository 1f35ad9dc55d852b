//! Filters, orders and cursors as oracles: what a level does not open, no predicate tells. Threats 10 to 12, 22 and 27.

use serde_json::{Value as Json, json};

use crate::app::Actor;
use crate::on_both;
use crate::raw::global;

const COUNT: &str = "query($filter: CustomerFilter) { customers(filter: $filter, first: 100) { totalCount nodes { level } } }";
const SORTED: &str = "query($sort: CustomerSort, $filter: CustomerFilter) { customers(sort: $sort, filter: $filter) { nodes { id } } }";

async fn levels(actor: &Actor<'_>, filter: Json) -> Vec<String> {
    let page = actor.ask_with(COUNT, json!({ "filter": filter })).await["customers"].take();
    let levels: Vec<String> = page["nodes"].as_array().unwrap().iter().map(|node| node["level"].as_str().unwrap().to_owned()).collect();
    assert_eq!(page["totalCount"], json!(levels.len()), "{filter}");
    levels
}

async fn forbidden(actor: &Actor<'_>, document: &str, variables: Json, field: &str) {
    let error = actor.fail(document, variables.clone()).await;
    assert_eq!(error["extensions"], json!({ "code": "FORBIDDEN", "field": field }), "{variables}");
}

on_both! {
    async fn predicates_on_classed_fields_show_only_rows_that_open_them(app) {
        // LN-0004 is the manager's: a card for the representative, whose own rows are in clear.
        let rep = app.actor("london.rep1").await;
        let phone = "+44 20 7946 0194";
        assert_eq!(levels(&rep, json!({ "phone": { "eq": "+44 20 7946 0191" } })).await, ["FULL"]);
        for hidden in [
            json!({ "phone": { "eq": phone } }),
            json!({ "phone": { "in": [phone] } }),
            json!({ "or": [{ "phone": { "eq": phone } }] }),
            json!({ "not": { "not": { "phone": { "eq": phone } } } }),
            json!({ "annualIncome": { "currency": "CNY", "gte": "357000", "lte": "357001" } }),
            json!({ "gender": { "eq": "FEMALE" }, "name": { "contains": "priya" } }),
            json!({ "birthDate": { "eq": "1971-06-05" } }),
            json!({ "contact": { "phone": { "eq": "+44 20 7946 0258" } } }),
            json!({ "contact": { "name": { "eq": "Nurul Huda" } } }),
        ] {
            assert_eq!(levels(&rep, hidden.clone()).await, [""; 0], "{hidden}");
        }
        // Whatever `or` and `not` it stands in, the list narrows to rows that open the field; it never tells of the others.
        for narrowed in [
            json!({ "or": [{ "phone": { "eq": phone } }, { "kind": { "in": ["PERSON", "COMPANY"] } }] }),
            json!({ "not": { "phone": { "eq": phone } } }),
            json!({ "not": { "annualIncome": { "currency": "CNY", "gte": "1" } } }),
            json!({ "phone": { "isNull": false } }),
            json!({ "not": { "contact": { "email": { "eq": "x@example.com" } } } }),
        ] {
            let levels = levels(&rep, narrowed.clone()).await;
            assert!(levels.iter().all(|level| level == "FULL") && !levels.is_empty(), "{narrowed}: {levels:?}");
        }
        assert_eq!(levels(&rep, json!({})).await.len(), 10);
    }

    async fn what_stands_below_a_unit_is_told_where_its_place_is_seen(app) {
        // HANGZHOU is a card to the representative: its customers' cards are listed by their unit, and nothing by its place in the tree.
        let rep = app.actor("shanghai.rep1").await;
        let unit = |of: &str, code: &str| json!({ of: { "eq": code } });
        let hangzhou = global("OrgUnit", app.unit("HANGZHOU").await);
        assert!(!levels(&rep, unit("unit", &hangzhou)).await.is_empty());
        assert_eq!(levels(&rep, json!({ "underUnit": hangzhou })).await, [""; 0]);
        let (east, shanghai) = (global("OrgUnit", app.unit("EAST").await), global("OrgUnit", app.unit("SHANGHAI").await));
        assert!(!levels(&rep, json!({ "underUnit": shanghai })).await.is_empty());
        let whole = levels(&rep, json!({})).await.len();
        assert_eq!(levels(&rep, json!({ "underUnit": east })).await.len(), whole, "its own line is seen whole");
    }

    async fn a_class_that_no_arm_opens_is_forbidden_by_name(app) {
        let (card, basic) = (app.actor("hq.auditor").await, app.actor("shanghai.service").await);
        for (field, filter) in [
            ("filter.phone", json!({ "phone": { "eq": "13800138101" } })),
            ("filter.email", json!({ "or": [{ "email": { "eq": "x" } }] })),
            ("filter.annualIncome", json!({ "not": { "annualIncome": { "currency": "CNY", "gte": "1" } } })),
            ("filter.birthDate", json!({ "birthDate": { "isNull": true } })),
            ("filter.identityNumber", json!({ "identityNumber": { "eq": "310101199001011234" } })),
            ("filter.contact", json!({ "contact": { "phone": { "eq": "13800138159" } } })),
            ("filter.minLevel", json!({ "minLevel": "FULL" })),
        ] {
            for actor in [&card, &basic] {
                forbidden(actor, COUNT, json!({ "filter": filter }), field).await;
            }
        }
        for (field, filter) in [
            ("filter.industry", json!({ "industry": { "eq": "Food" } })),
            ("filter.contact", json!({ "contact": { "name": { "eq": "Megan Foley" } } })),
            ("filter.minLevel", json!({ "minLevel": "BASIC" })),
        ] {
            forbidden(&card, COUNT, json!({ "filter": filter }), field).await;
        }
        let nested = "query($filter: CustomerFilter) { orgUnit(code: \"SHANGHAI\") { customers(filter: $filter) { totalCount } } }";
        forbidden(&card, nested, json!({ "filter": { "phone": { "eq": "13800138017" } } }), "filter.phone").await;
        forbidden(&basic, nested, json!({ "filter": { "phone": { "eq": "13800138017" } } }), "filter.phone").await;
    }

    async fn sorting_by_a_classed_field_needs_a_level_that_opens_it(app) {
        let rep = app.actor("london.rep1").await;
        for (field, least) in [("INDUSTRY", "BASIC"), ("ANNUAL_INCOME", "FULL")] {
            let sort = json!({ "field": field });
            forbidden(&rep, SORTED, json!({ "sort": sort }), "sort.field").await;
            forbidden(&rep, SORTED, json!({ "sort": sort, "filter": { "minLevel": "CARD" } }), "sort.field").await;
            let mut shown = rep.ask_with(SORTED, json!({ "sort": sort, "filter": { "minLevel": least } })).await;
            let own = rep.ask_with(SORTED, json!({ "sort": sort, "filter": { "minLevel": "FULL" } })).await;
            assert_eq!(shown["customers"].take(), own["customers"], "cards are not sorted by {field}");
        }
        let nested = "{ orgUnit(code: \"LONDON\") { customers(sort: {field: ANNUAL_INCOME}) { totalCount } } }";
        forbidden(&rep, nested, json!({}), "sort.field").await;
        let basic = app.actor("shanghai.service").await;
        let by_income = json!({ "sort": { "field": "ANNUAL_INCOME" }, "filter": { "minLevel": "FULL" } });
        forbidden(&basic, SORTED, by_income, "filter.minLevel").await;
    }

    async fn masked_fields_match_as_a_whole_or_not_at_all(app) {
        let director = app.actor("hq.director").await;
        for (field, option) in [("phone", "startsWith"), ("phone", "contains"), ("email", "contains"), ("identityNumber", "contains")] {
            let document = format!("{{ customers(filter: {{{field}: {{{option}: \"138\"}}}}) {{ totalCount }} }}");
            assert_eq!(director.code(&document, json!({})).await, "BAD_USER_INPUT", "{field} {option}");
        }
        for text in ["1380013810_", "138%", "%", "_", "\\", "138****8101"] {
            assert_eq!(levels(&director, json!({ "phone": { "eq": text } })).await, [""; 0], "{text}");
            assert_eq!(levels(&director, json!({ "name": { "contains": text } })).await, [""; 0], "{text}");
        }
    }

    async fn identity_numbers_match_rows_in_full_alone(app) {
        let number = "310101199001011234";
        let create = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id identityNumber } } }";
        for unit in ["LONDON", "SINGAPORE"] {
            let manager = app.actor(&format!("{}.manager", unit.to_lowercase())).await;
            let input = json!({ "unitId": global("OrgUnit", app.unit(unit).await), "kind": "PERSON", "name": "Twin", "ownerId": null,
                "identityNumber": number });
            let made = manager.ask_with(create, json!({ "input": input })).await;
            assert_eq!(made["createCustomer"]["customer"]["identityNumber"], "****1234", "{unit}");
        }
        let same = json!({ "identityNumber": { "eq": "3101 0119 9001 011234" } });
        assert_eq!(levels(&app.actor("london.manager").await, same.clone()).await, ["FULL"]);
        assert_eq!(levels(&app.actor("overseas.manager").await, same.clone()).await, ["FULL", "FULL"]);
        assert_eq!(levels(&app.actor("london.rep1").await, same.clone()).await, [""; 0]);
        assert_eq!(levels(&app.actor("tokyo.manager").await, same).await, [""; 0]);
    }

    async fn cursors_serve_their_own_list_alone(app) {
        let (rep, other) = (app.actor("london.manager").await, app.actor("overseas.manager").await);
        let list = "query($after: String, $before: String, $sort: CustomerSort, $filter: CustomerFilter) {
            customers(after: $after, before: $before, sort: $sort, filter: $filter) { nodes { id } pageInfo { endCursor } } }";
        let nested = "query($unit: String!, $after: String) {
            orgUnit(code: $unit) { customers(after: $after) { nodes { id } pageInfo { endCursor } } } }";
        let variables = json!({ "sort": { "field": "NAME" }, "filter": { "kind": { "eq": "PERSON" } } });
        let page = rep.ask_with(list, variables.clone()).await;
        let cursor = page["customers"]["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
        let with = |changes: Json| {
            let mut all = variables.clone();
            all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            all
        };
        assert_eq!(rep.send(list, with(json!({ "after": cursor }))).await.body["errors"], Json::Null);

        let refused = rep.bytes(list, &with(json!({ "after": "nonsense" }))).await;
        assert!(refused.body.contains("BAD_USER_INPUT") && refused.body.contains("\"cursor\""), "{}", refused.body);
        let mut letters = cursor.clone().into_bytes();
        for at in [0, letters.len() / 2, letters.len() - 2] {
            letters[at] = if letters[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(letters.clone()).unwrap();
            assert_eq!(rep.bytes(list, &with(json!({ "after": forged }))).await, refused, "a letter changed at {at}");
        }
        for elsewhere in [
            json!({ "after": cursor, "sort": { "field": "CREATED_AT" } }),
            json!({ "after": cursor, "sort": { "field": "NAME", "direction": "DESC" } }),
            json!({ "after": cursor, "filter": { "kind": { "eq": "COMPANY" } } }),
            json!({ "after": cursor, "filter": null }),
        ] {
            assert_eq!(rep.bytes(list, &with(elsewhere.clone())).await, refused, "{elsewhere}");
        }
        assert_eq!(other.bytes(list, &with(json!({ "after": cursor }))).await, refused, "somebody else's cursor");

        let own = rep.ask_with(nested, json!({ "unit": "LONDON" })).await;
        let own = own["orgUnit"]["customers"]["pageInfo"]["endCursor"].clone();
        assert_eq!(rep.send(nested, json!({ "unit": "LONDON", "after": own })).await.body["errors"], Json::Null);
        for (actor, unit) in [(&rep, "OVERSEAS"), (&other, "LONDON"), (&other, "SINGAPORE")] {
            assert_eq!(actor.code(nested, json!({ "unit": unit, "after": own })).await, "BAD_USER_INPUT", "{unit}");
        }
        let listed = "query($after: String) { customers(after: $after) { nodes { id } } }";
        assert_eq!(rep.code(listed, json!({ "after": own })).await, "BAD_USER_INPUT");
    }
}
