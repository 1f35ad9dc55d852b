//! Histories: who did what to a record, for whoever sees the record, through today's classes and levels. Every door is tried with a value
//! that must stay hidden. Threats 9, 27 and 31.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::{Actor, TestApp};
use crate::on_both;
use crate::raw::{global, invented, sql_id, sql_text};
use crate::tables::{allow, contact_id, customer_id, unit_id, user_id, uuid_of};
use crate::writes::call;

const ENTRY: &str = "id at action actorName actor { name } onBehalfOf reason changes { field before after beforeHidden afterHidden }";

/// The newest entries of a record, as `actor` sees them; null where there is no history for them.
pub async fn history(actor: &Actor<'_>, kind: &str, id: &Json) -> Json {
    let query =
        format!("query($id: ID!) {{ node(id: $id) {{ ... on {kind} {{ history(first: 50) {{ totalCount nodes {{ {ENTRY} }} }} }} }} }}");
    let mut answer = actor.ask_with(&query, json!({ "id": id })).await;
    let history = answer["node"]["history"].take();
    if history.is_null() {
        return Json::Null;
    }
    assert_eq!(history["totalCount"], history["nodes"].as_array().unwrap().len(), "{history}");
    history["nodes"].clone()
}

/// What the newest entry says of its fields: before and after by name.
fn told(entries: &Json) -> Json {
    let changes = entries[0]["changes"].as_array().unwrap_or_else(|| panic!("no entry: {entries}"));
    changes.iter().map(|change| (change["field"].as_str().unwrap().to_owned(), json!([change["before"], change["after"]]))).collect()
}

/// An audit row written behind the server's back.
pub struct Kept<'a> {
    pub kind: &'a str,
    pub record: Uuid,
    pub unit: Option<Uuid>,
    pub action: &'a str,
    pub actor: Option<(Uuid, &'a str)>,
    pub changes: Json,
}

/// Writes it, a second later than the one before.
pub async fn keep(app: &TestApp, at_second: i64, kept: Kept<'_>) -> Uuid {
    let id: Uuid = app.clock.id();
    let sql = |id: Uuid| sql_id(app.engine, id);
    let unit = kept.unit.map_or("NULL".to_owned(), sql);
    let (actor, name) = kept.actor.map_or(("NULL".to_owned(), "NULL".to_owned()), |(id, name)| (sql(id), sql_text(name)));
    let (at, action, kind, changes) =
        (4_000_000_000_000_000 + at_second * 1_000_000, sql_text(kept.action), sql_text(kept.kind), sql_text(&kept.changes.to_string()));
    app.execute(&format!(
        "INSERT INTO audit (id, at, actor_id, actor_name, action, record_type, record_id, unit_id, changes) \
         VALUES ({}, {at}, {actor}, {name}, {action}, {kind}, {}, {unit}, {changes})",
        sql(id),
        sql(kept.record)
    ))
    .await;
    id
}

on_both! {
    async fn each_level_is_told_what_it_sees(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let change = json!({
            "id": id, "name": "Renamed", "industry": "Toys", "phone": "13911112222", "email": "new@example.com", "address": "上海市徐汇区新路1号",
            "annualIncome": { "amount": "1234.50", "currency": "CNY" }, "identityNumber": "91310000MA1FL12345",
            "customFields": [{ "key": "size", "value": "9" }],
        });
        call(&manager, "updateCustomer", &change).await;
        let full = json!({
            "name": ["上海云杉精密机械有限公司", "Renamed"],
            "industry": ["Manufacturing", "Toys"],
            "phone": ["13800138017", "13911112222"],
            "email": ["sh.0003@example.com", "new@example.com"],
            "address": ["上海市徐汇区漕溪北路254号", "上海市徐汇区新路1号"],
            "annualIncome": [{ "amount": "88470000.00", "currency": "CNY" }, { "amount": "1234.50", "currency": "CNY" }],
            "identityNumber": [null, "present"],
            "customFields": [[], [{ "key": "size", "value": "9" }]],
        });
        for user in ["shanghai.manager", "shanghai.rep1", "hq.director"] {
            let entries = history(&app.actor(user).await, "Customer", &id).await;
            assert_eq!(told(&entries), full, "{user}");
            assert_eq!((&entries[0]["action"], &entries[0]["actorName"]), (&json!("customer:update"), &json!("周海涛")), "{user}");
        }
        let basic = json!({
            "name": ["上海云杉精密机械有限公司", "Renamed"],
            "industry": ["Manufacturing", "Toys"],
            "phone": ["138****8017", "139****2222"],
            "email": ["s****@example.com", "n****@example.com"],
            "address": ["上海市****", "上海市****"],
        });
        for user in ["shanghai.service", "hq.credit"] {
            assert_eq!(told(&history(&app.actor(user).await, "Customer", &id).await), basic, "{user}");
        }
        for user in ["shanghai.rep2", "hangzhou.manager", "hq.auditor"] {
            let entries = history(&app.actor(user).await, "Customer", &id).await;
            assert_eq!(told(&entries), json!({ "name": ["上海云杉精密机械有限公司", "Renamed"] }), "{user}");
        }
        // A change of hidden fields alone keeps who, when and what.
        call(&manager, "updateCustomer", &json!({ "id": id, "birthDate": "1985-12-10", "occupation": "x" })).await;
        let entries = history(&app.actor("shanghai.rep2").await, "Customer", &id).await;
        assert_eq!((&entries[0]["changes"], &entries[0]["actorName"]), (&json!([]), &json!("周海涛")));
        assert_eq!(told(&history(&manager, "Customer", &id).await)["birthDate"], json!([null, "1985-12-10"]));
        // The row that began it all, from the operator of the machine.
        let first = entries.as_array().unwrap().last().unwrap();
        assert_eq!((&first["action"], &first["actorName"], &first["reason"]), (&json!("customer:create"), &Json::Null, &json!("operator")));
        for user in ["beijing.manager", "london.rep1", "hq.admin"] {
            let actor = app.actor(user).await;
            if user != "hq.admin" {
                assert_eq!(history(&actor, "Customer", &id).await, Json::Null, "{user}");
            } else {
                assert_eq!(actor.code("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await, "FORBIDDEN");
            }
        }
    }

    async fn an_identity_number_is_told_by_words(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        for number in [json!("310101199001011234"), json!("310101199001015678"), Json::Null] {
            call(&manager, "updateCustomer", &json!({ "id": id, "identityNumber": number })).await;
        }
        let entries = history(&manager, "Customer", &id).await;
        let words: Vec<Json> = (0..3).map(|at| entries[at]["changes"][0].clone()).collect();
        assert_eq!((&words[0]["before"], &words[0]["after"]), (&json!("present"), &Json::Null));
        assert_eq!((&words[1]["before"], &words[1]["after"]), (&Json::Null, &json!("changed")));
        assert_eq!((&words[2]["before"], &words[2]["after"]), (&Json::Null, &json!("present")));
        let basic = history(&app.actor("shanghai.service").await, "Customer", &id).await.to_string();
        assert!(!basic.contains("identityNumber"), "{basic}");
        // A number that got into a row by mistake is not told to anybody.
        let leaked = json!({ "identityNumber": ["310101199001011234", "310101199001015678"] });
        let record = uuid_of(&id);
        keep(&app, 1, Kept { kind: "customer", record, unit: None, action: "customer:update", actor: None, changes: leaked }).await;
        let entries = history(&manager, "Customer", &id).await;
        assert_eq!(entries[0]["changes"], json!([]));
        assert!(!entries.to_string().contains("3101"), "{entries}");
    }

    async fn values_name_only_whom_the_reader_sees(app) {
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let record = uuid_of(&id);
        // It stood in London with an owner there, and was moved to Shanghai.
        let (london, shanghai) = (app.unit("LONDON").await, app.unit("SHANGHAI").await);
        let (theirs, ours) = (app.user("london.rep1").await, app.user("shanghai.rep1").await);
        let moved = json!({ "ownerId": [theirs, ours], "unitId": [london, shanghai] });
        let actor = Some((app.user("hq.steward").await, "Nadia Kowalski"));
        keep(&app, 1, Kept { kind: "customer", record, unit: Some(london), action: "customer:transfer", actor, changes: moved }).await;
        for user in ["shanghai.manager", "shanghai.rep1", "shanghai.rep2", "shanghai.service", "hangzhou.manager"] {
            let entries = history(&app.actor(user).await, "Customer", &id).await;
            let [owner, unit] = [&entries[0]["changes"][0], &entries[0]["changes"][1]];
            assert_eq!((&owner["field"], &owner["before"], &owner["beforeHidden"]), (&json!("ownerId"), &Json::Null, &json!(true)), "{user}");
            assert_eq!((&owner["after"]["name"], &owner["afterHidden"]), (&json!("王磊"), &json!(false)), "{user}");
            assert_eq!((&unit["before"], &unit["beforeHidden"], &unit["after"]["code"]), (&Json::Null, &json!(true), &json!("SHANGHAI")), "{user}");
            assert_eq!((&entries[0]["actorName"], &entries[0]["actor"]), (&json!("Nadia Kowalski"), &Json::Null), "{user}");
            let told = entries.to_string();
            for hidden in [theirs, london] {
                assert!(!told.contains(&hidden.to_string()) && !told.contains(&hidden.simple().to_string()), "{user}: {told}");
            }
            assert!(!told.contains(&global("User", theirs)) && !told.contains(&global("OrgUnit", london)), "{user}: {told}");
            assert!(!told.contains("Amelia") && !told.contains("LONDON"), "{user}: {told}");
        }
        let entries = history(&app.actor("hq.director").await, "Customer", &id).await;
        assert_eq!(entries[0]["changes"][0]["before"], json!({ "id": global("User", theirs), "name": "Amelia Okafor" }));
        assert_eq!(entries[0]["changes"][1]["before"]["code"], "LONDON");
        assert_eq!(entries[0]["actor"]["name"], "Nadia Kowalski");
    }

    async fn contacts_are_told_as_their_customer_is_seen(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = contact_id(&app, "SH-0003", "SHANGHAI").await;
        call(&manager, "updateContact", &json!({ "id": id, "name": "Ada", "phone": "13911112222" })).await;
        let entries = history(&manager, "Contact", &id).await;
        assert_eq!(told(&entries)["phone"][1], "13911112222");
        let masked = told(&history(&app.actor("shanghai.service").await, "Contact", &id).await);
        assert_eq!((&masked["phone"][1], &masked["name"][1]), (&json!("139****2222"), &json!("Ada")));
        for user in ["shanghai.rep2", "hangzhou.manager", "london.manager"] {
            assert_eq!(history(&app.actor(user).await, "Contact", &id).await, Json::Null, "{user}");
        }
        // Archived, it is read by id as before.
        call(&manager, "archiveContact", &json!({ "id": id })).await;
        let entries = history(&manager, "Contact", &id).await;
        assert_eq!(entries[0]["action"], "contact:archive");
        let at = entries[0]["changes"][0]["after"].as_str().unwrap().to_owned();
        assert!(at.ends_with('Z') && at.contains('T'), "a moment as the API writes it: {at}");
    }

    async fn archived_customers_keep_their_history(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0008", "SHANGHAI").await;
        call(&manager, "archiveCustomer", &json!({ "id": id })).await;
        for user in ["shanghai.manager", "shanghai.rep1", "shanghai.rep2"] {
            let entries = history(&app.actor(user).await, "Customer", &id).await;
            assert_eq!((&entries[0]["action"], &entries[0]["changes"][0]["field"]), (&json!("customer:archive"), &json!("archivedAt")), "{user}");
        }
    }

    async fn units_are_told_to_whoever_sees_them_whole(app) {
        let record = app.unit("HANGZHOU").await;
        let id = json!(global("OrgUnit", record));
        let (from, to) = (app.unit("LONDON").await, app.unit("JIANGNAN").await);
        let changes = json!({ "parentId": [from, to], "name": ["Old", "New"], "businessMode": [null, "CENTRALISED"] });
        keep(&app, 1, Kept { kind: "org_unit", record, unit: Some(record), action: "organisation:administer", actor: None, changes }).await;
        let entries = history(&app.actor("hangzhou.manager").await, "OrgUnit", &id).await;
        let parent = &entries[0]["changes"][2];
        assert_eq!((&parent["before"], &parent["beforeHidden"], &parent["after"]["code"]), (&Json::Null, &json!(true), &json!("JIANGNAN")));
        assert_eq!(told(&entries)["businessMode"], json!([null, "CENTRALISED"]));
        assert_eq!(told(&history(&app.actor("hq.director").await, "OrgUnit", &id).await)["parentId"][0]["code"], "LONDON");
        for user in ["shanghai.manager", "suzhou.rep1", "london.manager"] {
            assert_eq!(history(&app.actor(user).await, "OrgUnit", &id).await, Json::Null, "{user} sees a card, or nothing");
        }
    }

    async fn users_are_told_to_whoever_administers_them(app) {
        let id = user_id(&app, "shanghai.rep1").await;
        let record = uuid_of(&id);
        let (shanghai, london) = (app.unit("SHANGHAI").await, app.unit("LONDON").await);
        let here = json!({ "post": [null, { "id": Uuid::nil(), "role": "supervisor", "unitId": shanghai }] });
        let there = json!({ "post": [null, { "id": Uuid::nil(), "role": "branch_manager", "unitId": london }] });
        let mail = json!({ "email": ["old@example.com", "new@example.com"], "password": "changed" });
        for (at, changes) in [mail, here, there].into_iter().enumerate() {
            let kept = Kept { kind: "user", record, unit: Some(shanghai), action: "organisation:administer", actor: None, changes };
            keep(&app, i64::try_from(at).unwrap(), kept).await;
        }
        // Two posts as records of their own: one here, one in London.
        app.give_post("shanghai.rep1", "branch_manager", "LONDON", 1, None).await;
        let posts = app.select(&format!("SELECT id, unit_id FROM post WHERE user_id = {}", sql_id(app.engine, record))).await;
        for row in posts {
            let (post, unit): (Uuid, Uuid) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
            let changes = json!({ "unitId": [null, unit], "validFrom": [null, 1_000_000], "role": [null, "x"] });
            keep(&app, 9, Kept { kind: "post", record: post, unit: Some(unit), action: "post:give", actor: None, changes }).await;
        }
        app.rights_changed().await;

        let entries = history(&app.actor("shanghai.admin").await, "User", &id).await;
        let all = entries.to_string();
        assert_eq!(entries.as_array().unwrap().iter().filter(|entry| entry["action"] == "post:give").count(), 1, "{all}");
        assert_eq!(told(&entries)["validFrom"], json!([null, "1970-01-01T00:00:01Z"]));
        assert_eq!(entries[0]["changes"][1]["after"]["code"], "SHANGHAI");
        assert!(!all.contains("LONDON") && !all.contains("branch_manager"), "{all}");
        assert_eq!(entries[1]["changes"], json!([]), "that somebody did something is told");
        assert_eq!(entries[2]["changes"][0]["after"]["role"], "supervisor");
        assert_eq!(entries[3]["changes"][0]["after"], "new@example.com");
        assert_eq!((&entries[3]["changes"][1]["field"], &entries[3]["changes"][1]["after"]), (&json!("password"), &json!("changed")));
        let all = history(&app.actor("hq.admin").await, "User", &id).await;
        assert_eq!(all.as_array().unwrap().iter().filter(|entry| entry["action"] == "post:give").count(), 2);
        assert!(all.to_string().contains("LONDON"));
        for user in ["shanghai.rep1", "shanghai.manager", "hq.director", "hq.auditor"] {
            assert_eq!(history(&app.actor(user).await, "User", &id).await, Json::Null, "{user} sees the user, and administers nobody");
        }
        // An administrator of another branch does not even see the user.
        app.give_post("tokyo.rep1", "branch_admin", "TOKYO", 1, None).await;
        app.rights_changed().await;
        let answer = app.actor("tokyo.rep1").await.ask_with("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(answer["node"], Json::Null);
    }

    async fn a_record_out_of_sight_has_no_history(app) {
        let rep = app.actor("shanghai.rep1").await;
        let query = "query($id: ID!) { customer(id: $id) { history { totalCount nodes { action } } } }";
        let never = rep.bytes(query, &json!({ "id": invented("Customer") })).await;
        for reference in ["BJ-0001", "LN-0001", "TJ-0001"] {
            let id = global("Customer", app.customer(reference).await);
            assert_eq!(rep.bytes(query, &json!({ "id": id })).await, never, "{reference}");
        }
    }

    async fn pages_walk_the_whole_history_both_ways(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        for number in 0..9 {
            call(&manager, "updateCustomer", &json!({ "id": id, "name": format!("Name {number}") })).await;
        }
        let all: Vec<Json> = history(&manager, "Customer", &id).await.as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect();
        assert_eq!(all.len(), 10);
        for (size, from, back) in [(1, "first", "after"), (3, "first", "after"), (4, "last", "before"), (1, "last", "before")] {
            let query = format!(
                "query($id: ID!, $at: String) {{ customer(id: $id) {{ history({from}: {size}, {back}: $at) {{ totalCount nodes {{ id }}
                    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }}"
            );
            let (mut walked, mut at): (Vec<Json>, Json) = (Vec::new(), Json::Null);
            loop {
                let page = manager.ask_with(&query, json!({ "id": id, "at": at })).await["customer"]["history"].take();
                assert_eq!(page["totalCount"], 10);
                let nodes: Vec<Json> = page["nodes"].as_array().unwrap().iter().map(|node| node["id"].clone()).collect();
                let forward = from == "first";
                walked = if forward { [walked, nodes].concat() } else { [nodes, walked].concat() };
                let (more, next) = if forward { ("hasNextPage", "endCursor") } else { ("hasPreviousPage", "startCursor") };
                if page["pageInfo"][more] == false {
                    break;
                }
                at = page["pageInfo"][next].clone();
            }
            assert_eq!(walked, all, "{from} {size}");
        }
        // A cursor belongs to its record and its reader.
        let first = "query($id: ID!) { customer(id: $id) { history(first: 1) { pageInfo { endCursor } } } }";
        let cursor = manager.ask_with(first, json!({ "id": id })).await["customer"]["history"]["pageInfo"]["endCursor"].clone();
        let next = "query($id: ID!, $at: String) { customer(id: $id) { history(first: 1, after: $at) { nodes { id } } } }";
        let other = customer_id(&app, "SH-0004", "SHANGHAI").await;
        assert_eq!(manager.code(next, json!({ "id": other, "at": cursor })).await, "BAD_USER_INPUT");
        let director = app.actor("hq.director").await;
        assert_eq!(director.code(next, json!({ "id": id, "at": cursor })).await, "BAD_USER_INPUT");
        assert_eq!(director.code("{ customers(first: 1) { nodes { history(first: 101) { nodes { id } } } } }", json!({})).await, "BAD_USER_INPUT");
    }

    async fn a_level_that_falls_closes_what_was_told(app) {
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let manager = app.actor("shanghai.manager").await;
        call(&manager, "updateCustomer", &json!({ "id": id, "phone": "13911112222" })).await;
        let rep = app.actor("shanghai.rep1").await;
        assert_eq!(told(&history(&rep, "Customer", &id).await)["phone"][1], "13911112222");
        call(&manager, "assignCustomer", &json!({ "id": id, "ownerId": user_id(&app, "shanghai.rep2").await })).await;
        let entries = history(&rep, "Customer", &id).await;
        assert!(["11112222", "139*"].iter().all(|part| !entries.to_string().contains(part)), "a card now: {entries}");
        assert_eq!(entries[0]["changes"][0]["before"]["name"], "王磊");
        // A right that is wider than the role's own opens it again.
        allow(&app, "sales_rep", "customer", "read", "SUBTREE").await;
        assert!(history(&rep, "Customer", &id).await.to_string().contains("13911112222"));
        let unit = unit_id(&app, "SHANGHAI").await;
        assert_ne!(history(&manager, "OrgUnit", &unit).await, Json::Null);
    }
}
