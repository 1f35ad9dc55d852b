//! Writing to, or by way of, what is another branch's: NOT_FOUND exactly as for an id that never was, and nothing changed. Threats 6 to
//! 8, 22, 30 and 40.

use serde_json::{Value as Json, json};

use crate::app::{PASSWORD, TestApp};
use crate::doors_reading::foreign;
use crate::on_both;
use crate::raw::{global, invented};

/// Mutations with `$id` where a foreign id may stand, and the type of the id. `$own` is a customer of London's manager.
const BY_ID: [(&str, &str); 15] = [
    ("Customer", "mutation($id: ID!) { updateCustomer(input: {id: $id, name: \"Taken\"}) { customer { id name } } }"),
    ("Customer", "mutation($id: ID!) { updateCustomer(input: {id: $id, phone: \"13800000000\", expectedVersion: 1}) { customer { id } } }"),
    ("Customer", "mutation($id: ID!) { updateCustomer(input: {id: $id, expectedVersion: 77}) { customer { version } } }"),
    ("Customer", "mutation($id: ID!) { assignCustomer(input: {id: $id, ownerId: null}) { customer { id } } }"),
    ("Customer", "mutation($id: ID!) { archiveCustomer(input: {id: $id}) { customer { id archivedAt } } }"),
    ("Customer", "mutation($id: ID!) { restoreCustomer(input: {id: $id, expectedVersion: 1}) { customer { id } } }"),
    ("Customer", "mutation($id: ID!) { createContact(input: {customerId: $id, name: \"Spy\"}) { contact { id customer { name } } } }"),
    ("Contact", "mutation($id: ID!) { updateContact(input: {id: $id, name: \"Taken\"}) { contact { id } } }"),
    ("Contact", "mutation($id: ID!) { updateContact(input: {id: $id, expectedVersion: 77}) { contact { version } } }"),
    ("Contact", "mutation($id: ID!) { archiveContact(input: {id: $id}) { contact { id } } }"),
    ("Contact", "mutation($id: ID!) { restoreContact(input: {id: $id}) { contact { id } } }"),
    ("OrgUnit", "mutation($id: ID!) { createCustomer(input: {unitId: $id, kind: PERSON, name: \"N\"}) { customer { id } } }"),
    (
        "OrgUnit",
        "mutation($id: ID!) { createCustomer(input: {unitId: $id, kind: PERSON, name: \"N\", externalRef: \"SG-0001\", ownerId: null}) \
         { customer { id } } }",
    ),
    ("User", "mutation($id: ID!, $own: ID!) { assignCustomer(input: {id: $own, ownerId: $id}) { customer { owner { name } } } }"),
    (
        "User",
        "mutation($id: ID!, $london: ID!) { createCustomer(input: {unitId: $london, kind: PERSON, name: \"N\", ownerId: $id}) \
         { customer { id } } }",
    ),
];

/// Everything that a write could leave behind.
async fn state(app: &TestApp) -> Vec<i64> {
    let mut state = Vec::new();
    for sum in ["COUNT(*)", "SUM(version)", "SUM(updated_at % 1000000)", "COUNT(archived_at)"] {
        for table in ["customer", "contact"] {
            state.push(app.number(&format!("SELECT CAST({sum} AS BIGINT) FROM {table}")).await);
        }
    }
    for table in ["audit WHERE record_type <> 'request'", "party"] {
        state.push(app.number(&format!("SELECT COUNT(*) FROM {table}")).await);
    }
    state
}

on_both! {
    async fn a_foreign_id_is_written_to_like_one_that_never_was(app) {
        let before = state(&app).await;
        let own = global("Customer", app.customer("LN-0004").await);
        let london = global("OrgUnit", app.unit("LONDON").await);
        for (user, code) in [("london.manager", "NOT_FOUND"), ("london.rep1", ""), ("hq.director", "FORBIDDEN")] {
            let actor = app.actor(user).await;
            for (kind, document) in BY_ID {
                let with = |id: String| {
                    let all = [("id", json!(id)), ("own", json!(own)), ("london", json!(london))];
                    let declared = all.into_iter().filter(|(name, _)| document.contains(&format!("${name}:")));
                    Json::Object(declared.map(|(name, value)| (name.to_owned(), value)).collect())
                };
                let never = actor.bytes(document, &with(invented(kind))).await;
                assert!(never.body.contains(code) && never.body.contains("\"errors\""), "{user} {document}: {}", never.body);
                if user == "hq.director" {
                    continue;
                }
                for id in foreign(&app, kind).await {
                    assert_eq!(actor.bytes(document, &with(id)).await, never, "{user} {document}");
                }
            }
        }
        assert_eq!(state(&app).await, before);
    }

    async fn without_an_arm_a_mutation_is_forbidden_whatever_the_id(app) {
        let before = state(&app).await;
        for user in ["shanghai.service", "hq.auditor", "hq.reporter", "hq.admin", "shanghai.admin"] {
            let actor = app.actor(user).await;
            for (kind, document) in BY_ID.iter().filter(|(_, document)| !document.contains("$own") && !document.contains("$london")) {
                let never = actor.bytes(document, &json!({ "id": invented(kind) })).await;
                assert!(never.body.contains("FORBIDDEN") && !never.body.contains("\"field\""), "{user} {document}: {}", never.body);
                for id in foreign(&app, kind).await {
                    assert_eq!(actor.bytes(document, &json!({ "id": id })).await, never, "{user} {document}");
                }
            }
        }
        assert_eq!(state(&app).await, before);
    }

    async fn what_is_seen_but_not_reached_is_forbidden_and_unchanged(app) {
        let before = state(&app).await;
        // Hangzhou's customers are cards for Shanghai; a colleague's are cards for a representative.
        for (user, reference) in [("shanghai.manager", "HZ-0001"), ("shanghai.rep1", "SH-0002"), ("shanghai.rep1", "HZ-0001")] {
            let actor = app.actor(user).await;
            let id = json!({ "id": global("Customer", app.customer(reference).await) });
            for (_, document) in BY_ID.iter().filter(|(kind, document)| *kind == "Customer" && !document.contains("77")) {
                assert_eq!(actor.code(document, id.clone()).await, "FORBIDDEN", "{user} {reference} {document}");
            }
            let contact = json!({ "id": global("Contact", app.contact("HZ-0001").await) });
            for (kind, document) in BY_ID.iter().filter(|(kind, _)| *kind == "Contact") {
                let never = actor.bytes(document, &json!({ "id": invented(kind) })).await;
                assert_eq!(actor.bytes(document, &contact).await, never, "a contact below BASIC does not exist");
            }
        }
        let unit = json!({ "id": global("OrgUnit", app.unit("HANGZHOU").await) });
        for (_, document) in BY_ID.iter().filter(|(kind, _)| *kind == "OrgUnit") {
            let error = app.actor("shanghai.manager").await.fail(document, unit.clone()).await;
            assert_eq!(error["extensions"], json!({ "code": "FORBIDDEN", "field": "input.unitId" }));
        }
        assert_eq!(state(&app).await, before);
    }

    async fn a_unit_out_of_reach_tells_nothing_of_who_holds_posts_there(app) {
        // Both owners are in sight; one holds a post at Hangzhou, the other does not.
        let unit = global("OrgUnit", app.unit("HANGZHOU").await);
        let document = "mutation($unit: ID!, $owner: ID!) {
            createCustomer(input: {unitId: $unit, kind: PERSON, name: \"N\", ownerId: $owner}) { customer { id } } }";
        let actor = app.actor("shanghai.manager").await;
        let mut answers = Vec::new();
        for owner in ["hangzhou.rep1", "shanghai.rep1"] {
            let owner = global("User", app.user(owner).await);
            answers.push(actor.bytes(document, &json!({ "unit": unit, "owner": owner })).await);
        }
        assert!(answers[0].body.contains("FORBIDDEN"), "{}", answers[0].body);
        assert_eq!(answers[0], answers[1]);
    }

    async fn references_collide_only_where_the_caller_may_create(app) {
        let create = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { externalRef version } } }";
        let input = |unit: String, reference: &str| {
            json!({ "input": { "unitId": unit, "kind": "COMPANY", "name": "Twin", "externalRef": reference,
                "phone": "13800138101", "email": "sg.0001@example.com" } })
        };
        let london = global("OrgUnit", app.unit("LONDON").await);
        let singapore = global("OrgUnit", app.unit("SINGAPORE").await);
        let hangzhou = global("OrgUnit", app.unit("HANGZHOU").await);
        let manager = app.actor("london.manager").await;
        let taken = manager.fail(create, input(london.clone(), "LN-0001")).await;
        assert_eq!(taken["extensions"]["code"], "CONFLICT");
        assert!(!taken.to_string().contains("Thornbury") && !taken.to_string().contains("LN-0001"), "{taken}");
        // The reference, phone and e-mail of a foreign customer are free here.
        let made = manager.ask_with(create, input(london.clone(), "SG-0001")).await;
        assert_eq!(made["createCustomer"]["customer"], json!({ "externalRef": "SG-0001", "version": 1 }));
        // Where the caller may not create, a reference in use and a free one answer alike.
        for (actor, unit) in [(&manager, &singapore), (&app.actor("shanghai.manager").await, &hangzhou)] {
            let used = if *unit == singapore { "SG-0002" } else { "HZ-0002" };
            let free = actor.bytes(create, &input(unit.clone(), "FREE-1")).await;
            assert_eq!(actor.bytes(create, &input(unit.clone(), used)).await, free);
        }
        // Also where the owner of the reference has left the caller's sight.
        let rep = app.actor("london.rep1").await;
        assert_eq!(rep.code(create, input(london, "LN-0002")).await, "CONFLICT");
    }

    async fn inputs_hold_no_field_beyond_their_own(app) {
        let actor = app.actor("london.manager").await;
        let own = global("Customer", app.customer("LN-0001").await);
        let singapore = global("OrgUnit", app.unit("SINGAPORE").await);
        let update = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { id } } }";
        let before = state(&app).await;
        for (field, value) in [
            ("unitId", json!(singapore)),
            ("ownerId", json!(null)),
            ("regionId", json!(singapore)),
            ("originUnitId", json!(singapore)),
            ("externalRef", json!("SG-0001")),
            ("partyId", json!("x")),
            ("version", json!(9)),
            ("archivedAt", json!(null)),
            ("createdAt", json!("2020-01-01T00:00:00Z")),
            ("creditLimit", json!(9e9)),
        ] {
            let input = json!({ "id": own, "name": "Other", field: value });
            assert_eq!(actor.code(update, json!({ "input": input })).await, "BAD_USER_INPUT", "{field}");
            let inline = format!("mutation {{ updateCustomer(input: {{id: \"{own}\", {field}: null}}) {{ customer {{ id }} }} }}");
            assert_eq!(actor.code(&inline, json!({})).await, "BAD_USER_INPUT", "{field}");
        }
        assert_eq!(state(&app).await, before);
    }

    async fn a_field_that_is_not_in_clear_is_not_written(app) {
        app.add_rule(["service_agent", "customer", "update", "UNIT", "FULL", "allow"]).await;
        app.rights_changed().await;
        let actor = app.actor("shanghai.service").await;
        let id = global("Customer", app.customer("SH-0001").await);
        let update = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { industry } } }";
        let before = state(&app).await;
        for (field, value) in [
            ("phone", json!("13900000000")),
            ("phone", json!(null)),
            ("birthDate", json!("1990-01-01")),
            ("annualIncome", json!({ "amount": "1", "currency": "CNY" })),
            ("identityNumber", json!("310101199001011234")),
            ("customFields", json!([{ "key": "a", "value": "b" }])),
        ] {
            for input in [json!({ "id": id, field: value }), json!({ "id": id, field: value, "expectedVersion": 77, "industry": "Food" })] {
                let error = actor.fail(update, json!({ "input": input })).await;
                assert_eq!(error["extensions"], json!({ "code": "FORBIDDEN", "field": format!("input.{field}") }));
            }
        }
        assert_eq!(state(&app).await, before);
        let done = actor.ask_with(update, json!({ "input": { "id": id, "industry": "Food" } })).await;
        assert_eq!(done["updateCustomer"]["customer"]["industry"], "Food");
        // A conflict shows the record no more clearly than reading it does.
        let conflict = actor.fail(update, json!({ "input": { "id": id, "industry": "Toys", "expectedVersion": 77 } })).await;
        let current = conflict["extensions"]["current"].as_object().unwrap();
        let open = ["archivedAt", "class", "externalRef", "industry", "kind", "name", "ownerId", "unitId"];
        assert_eq!(current.keys().map(String::as_str).collect::<Vec<_>>(), open);
        assert_eq!(current["industry"], "Food");
    }

    async fn one_request_tries_one_password(app) {
        let document = "mutation($p: String!) {
            a: signIn(input: {username: \"london.rep1\", password: $p}) { accessToken }
            b: signIn(input: {username: \"london.manager\", password: $p}) { accessToken } }";
        let answer = app.nobody().send(document, json!({ "p": PASSWORD })).await;
        assert!(answer.body.to_string().contains("\"once\"") && !answer.body.to_string().contains("accessToken"), "{}", answer.body);
        let batch = json!([{ "query": "{ viewer { name } }" }, { "query": "{ viewer { name } }" }]);
        let answer = app.nobody().request(&batch).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 400, "no arrays of requests");
        // A wrong name, a wrong password and a disabled user answer alike.
        app.execute("UPDATE user_account SET disabled_at = 1 WHERE username = 'london.manager'").await;
        let one = "mutation($u: String!, $p: String!) { signIn(input: {username: $u, password: $p}) { accessToken } }";
        let wrong = app.nobody().bytes(one, &json!({ "u": "london.rep1", "p": "wrong horse battery" })).await;
        assert!(wrong.body.contains("UNAUTHENTICATED"), "{}", wrong.body);
        for (user, password) in [("nobody.at.all", PASSWORD), ("london.manager", PASSWORD), ("", ""), ("london.rep1", "")] {
            assert_eq!(app.nobody().bytes(one, &json!({ "u": user, "p": password })).await, wrong, "{user}");
        }
    }
}
