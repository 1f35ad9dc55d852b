//! Administering units through the front door: what lands, who may, what is refused, and that a refusal changes nothing.

use branchwise::cli::import::Kind;
use serde_json::{Value as Json, json};

use crate::app::{Actor, TestApp};
use crate::import::run;
use crate::on_both;
use crate::raw::{global, invented, sql_id};
use crate::tables::{audits, audits_since, contents, uuid_of};

const FIELDS: &str = "id code name kind parent { code } ancestors { code } businessMode version archivedAt";

/// The document of a mutation of units.
fn document(mutation: &str) -> String {
    let input = match mutation {
        "restoreOrgUnit" => "ArchiveOrgUnitInput".to_owned(),
        other => format!("{}{}Input", other[..1].to_uppercase(), &other[1..]),
    };
    format!("mutation($input: {input}!) {{ {mutation}(input: $input) {{ orgUnit {{ {FIELDS} }} }} }}")
}

/// Calls a mutation that must succeed: the unit as its payload shows it.
pub async fn call(actor: &Actor<'_>, mutation: &str, input: Json) -> Json {
    actor.ask_with(&document(mutation), json!({ "input": input })).await[mutation]["orgUnit"].take()
}

/// Calls a mutation that must fail and change nothing: code and field or rule.
pub async fn refused(actor: &Actor<'_>, mutation: &str, input: Json) -> String {
    let before = contents(actor.app).await;
    let error = actor.fail(&document(mutation), json!({ "input": input })).await;
    assert!(contents(actor.app).await == before, "{mutation} {input} was refused and changed something: {error}");
    let extensions = &error["extensions"];
    let mut said = extensions["code"].as_str().unwrap().to_owned();
    let wrong = extensions["violations"].as_array().cloned().unwrap_or_default();
    for wrong in wrong {
        said += &format!(" {}:{}", wrong["field"].as_str().unwrap(), wrong["rule"].as_str().unwrap());
    }
    if let Some(field) = extensions["field"].as_str() {
        said += &format!(" {field}");
    }
    said
}

/// The global id of a unit.
pub async fn unit(app: &TestApp, code: &str) -> String {
    global("OrgUnit", app.unit(code).await)
}

/// Somebody who administers one region alone.
pub async fn region_admin<'a>(app: &'a TestApp, region: &str) -> Actor<'a> {
    app.execute("DELETE FROM post WHERE user_id = (SELECT id FROM user_account WHERE username = 'london.rep1')").await;
    app.give_post("london.rep1", "branch_admin", region, 1, None).await;
    app.rights_changed().await;
    app.actor("london.rep1").await
}

/// Somebody who administers HQ itself, and with it what hangs directly under it.
pub async fn keeper_of_hq(app: &TestApp) -> Actor<'_> {
    app.execute("INSERT INTO role (code, title, delegates_sensitive) VALUES ('keeper', 'Keeper', false)").await;
    app.add_rule(["keeper", "organisation", "administer", "UNIT", "FULL", "allow"]).await;
    app.give_post("hq.steward", "keeper", "HQ", 1, None).await;
    app.rights_changed().await;
    app.actor("hq.steward").await
}

fn new(parent: &str, code: &str) -> Json {
    json!({ "parentId": parent, "code": code, "name": "New", "kind": "BRANCH" })
}

on_both! {
    async fn a_unit_is_there_with_the_answer_and_works_at_once(app) {
        let admin = app.actor("hq.admin").await;
        let audit = audits(&app).await;
        let made = call(&admin, "createOrgUnit", json!({
            "parentId": unit(&app, "JIANGNAN").await, "code": "NINGBO", "name": "Ningbo", "kind": "BRANCH", "businessMode": "SINGLE"
        })).await;
        assert_eq!(made["ancestors"], json!([{ "code": "HQ" }, { "code": "EAST" }, { "code": "JIANGNAN" }]));
        assert_eq!((&made["parent"], &made["businessMode"], &made["version"]), (&json!({ "code": "JIANGNAN" }), &json!("SINGLE"), &json!(1)));
        let rows = audits_since(&app, &audit).await;
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].action.as_str(), rows[0].actor), ("organisation:administer", Some(app.user("hq.admin").await)));
        assert_eq!(rows[0].changes["code"], json!([null, "NINGBO"]));

        let site = call(&admin, "createOrgUnit", json!({ "parentId": made["id"], "code": "NINGBO-1", "name": "Shop", "kind": "SITE" })).await;
        assert_eq!(site["ancestors"].as_array().unwrap().len(), 4);
        assert_eq!(closure(&app).await, recomputed(&app).await);
        let region = call(&admin, "createOrgUnit", json!({ "parentId": unit(&app, "HQ").await, "code": "WEST", "name": "West", "kind": "REGION" })).await;
        let branch = call(&admin, "createOrgUnit", json!({ "parentId": region["id"], "code": "XIAN", "name": "Xi'an", "kind": "BRANCH" })).await;
        assert_eq!(regions(&app).await, recomputed_regions(&app).await);

        // A customer goes there, and the region's manager sees it.
        app.give_post("beijing.rep1", "branch_manager", "XIAN", 1, None).await;
        app.give_post("north.manager", "region_manager", "WEST", 1, None).await;
        app.rights_changed().await;
        let create = "mutation($u: ID!) { createCustomer(input: {unitId: $u, kind: PERSON, name: \"N\"}) { customer { id } } }";
        let customer = app.actor("beijing.rep1").await.ask_with(create, json!({ "u": branch["id"] })).await["createCustomer"]["customer"]["id"].clone();
        let seen = app.actor("north.manager").await.ask_with("query($id: ID!) { customer(id: $id) { level } }", json!({ "id": customer })).await;
        assert_eq!(seen["customer"]["level"], "FULL");
    }

    async fn who_administers_one_unit_keeps_what_hangs_under_it(app) {
        let keeper = keeper_of_hq(&app).await;
        let made = call(&keeper, "createOrgUnit", new(&unit(&app, "HQ").await, "X2")).await;
        let id = made["id"].clone();
        assert_eq!(call(&keeper, "updateOrgUnit", json!({ "id": id, "name": "Second", "businessMode": "SINGLE" })).await["name"], "Second");
        assert!(call(&keeper, "archiveOrgUnit", json!({ "id": id })).await["archivedAt"].is_string());
        assert!(call(&keeper, "restoreOrgUnit", json!({ "id": id })).await["archivedAt"].is_null());
        for other in ["HQ", "SHANGHAI"] {
            let input = json!({ "id": unit(&app, other).await, "name": "Mine" });
            assert_eq!(refused(&keeper, "updateOrgUnit", input).await, "FORBIDDEN", "{other}");
        }
        // What has moved away is no longer kept.
        let to = json!({ "id": id, "parentId": unit(&app, "EAST").await });
        assert_eq!(refused(&keeper, "moveOrgUnit", to.clone()).await, "FORBIDDEN input.parentId");
        call(&app.actor("hq.admin").await, "moveOrgUnit", to).await;
        assert_eq!(refused(&keeper, "archiveOrgUnit", json!({ "id": id })).await, "FORBIDDEN");
    }

    async fn a_unit_is_changed_at_its_version(app) {
        let admin = app.actor("hq.admin").await;
        let id = unit(&app, "HANGZHOU").await;
        let renamed = call(&admin, "updateOrgUnit", json!({ "id": id, "name": "Hangzhou", "expectedVersion": 1 })).await;
        assert_eq!((&renamed["name"], &renamed["version"], &renamed["businessMode"]), (&json!("Hangzhou"), &json!(2), &json!(null)));
        let alone = call(&admin, "updateOrgUnit", json!({ "id": id, "businessMode": "SINGLE" })).await;
        assert_eq!((&alone["name"], &alone["businessMode"]), (&json!("Hangzhou"), &json!("SINGLE")));
        // At the next request nobody sees it sideways, and those above still do.
        let read = "query($id: ID!) { customer(id: $id) { level } }";
        let customer = json!({ "id": global("Customer", app.customer("HZ-0001").await) });
        assert_eq!(app.actor("shanghai.rep1").await.ask_with(read, customer.clone()).await["customer"], json!(null));
        assert_eq!(app.actor("east.manager").await.ask_with(read, customer.clone()).await["customer"]["level"], "FULL");
        let again = call(&admin, "updateOrgUnit", json!({ "id": id, "businessMode": null })).await;
        assert_eq!(again["businessMode"], json!(null));
        assert_eq!(app.actor("shanghai.rep1").await.ask_with(read, customer).await["customer"]["level"], "CARD");

        let error = admin.fail(&document("updateOrgUnit"), json!({ "input": { "id": id, "name": "Other", "expectedVersion": 1 } })).await;
        assert_eq!((&error["extensions"]["code"], &error["extensions"]["currentVersion"]), (&json!("CONFLICT"), &json!(4)));
        assert_eq!((&error["extensions"]["fields"], &error["extensions"]["current"]["name"]), (&json!(["name"]), &json!("Hangzhou")));
        let before = contents(&app).await;
        call(&admin, "updateOrgUnit", json!({ "id": id, "name": "Hangzhou" })).await;
        assert!(contents(&app).await == before, "the same again changes nothing");
        // HQ is renamed by whoever administers everything.
        assert_eq!(call(&admin, "updateOrgUnit", json!({ "id": unit(&app, "HQ").await, "name": "Group" })).await["name"], "Group");
    }

    async fn who_administers_less_does_less_and_learns_nothing(app) {
        let admin = app.actor("shanghai.admin").await;
        let [own, above, sideways, site] = [unit(&app, "SHANGHAI").await, unit(&app, "EAST").await, unit(&app, "HANGZHOU").await, unit(&app, "SHANGHAI-PUDONG").await];
        assert_eq!(call(&admin, "createOrgUnit", json!({ "parentId": own, "code": "SH-2", "name": "Two", "kind": "SITE" })).await["code"], "SH-2");
        assert_eq!(call(&admin, "updateOrgUnit", json!({ "id": site, "name": "Pudong" })).await["name"], "Pudong");
        // In sight, but above: FORBIDDEN. Out of sight: as if it never was.
        assert_eq!(refused(&admin, "createOrgUnit", new(&above, "N-1")).await, "FORBIDDEN input.parentId");
        for id in [&sideways, &invented("OrgUnit")] {
            assert_eq!(refused(&admin, "createOrgUnit", new(id, "N-1")).await, "NOT_FOUND input.parentId");
            for mutation in ["updateOrgUnit", "archiveOrgUnit", "restoreOrgUnit"] {
                assert_eq!(refused(&admin, mutation, json!({ "id": id })).await, "NOT_FOUND", "{mutation}");
            }
        }
        for id in [&own, &above] {
            assert_eq!(refused(&admin, "updateOrgUnit", json!({ "id": id, "name": "Mine" })).await, "FORBIDDEN");
            assert_eq!(refused(&admin, "updateOrgUnit", json!({ "id": id, "businessMode": "CENTRALISED", "expectedVersion": 77 })).await, "FORBIDDEN");
            assert_eq!(refused(&admin, "archiveOrgUnit", json!({ "id": id })).await, "FORBIDDEN");
        }
        // A code in use is told only to whoever may create there; where the code stands, to nobody.
        assert_eq!(refused(&admin, "createOrgUnit", new(&above, "TOKYO")).await, "FORBIDDEN input.parentId");
        let taken = json!({ "parentId": own, "code": "TOKYO", "name": "New", "kind": "SITE" });
        assert_eq!(refused(&admin, "createOrgUnit", taken).await, "CONFLICT input.code:unique");
        for user in ["shanghai.manager", "hq.director", "hq.auditor", "east.manager"] {
            let actor = app.actor(user).await;
            for id in [&own, &sideways, &invented("OrgUnit")] {
                assert_eq!(refused(&actor, "updateOrgUnit", json!({ "id": id, "name": "Mine" })).await, "FORBIDDEN", "{user}");
                assert_eq!(refused(&actor, "createOrgUnit", new(id, "N-1")).await, "FORBIDDEN", "{user}");
            }
            assert_eq!(actor.code("{ plannedMoves { totalCount } }", json!({})).await, "FORBIDDEN");
            assert_eq!(actor.code("{ orgUnits(filter: {archived: true}) { totalCount } }", json!({})).await, "FORBIDDEN");
        }
    }

    async fn bad_units_are_refused_by_field(app) {
        let admin = app.actor("hq.admin").await;
        let [hq, branch, site] = [unit(&app, "HQ").await, unit(&app, "SHANGHAI").await, unit(&app, "SHANGHAI-PUDONG").await];
        for (input, said) in [
            (json!({ "parentId": branch, "code": "*", "name": " ", "kind": "SITE" }), "BAD_USER_INPUT input.code:form input.name:required"),
            (json!({ "parentId": hq, "code": "X", "name": "X", "kind": "HQ" }), "BAD_USER_INPUT input.kind:kind"),
            (json!({ "parentId": branch, "code": "X", "name": "X", "kind": "BRANCH" }), "BAD_USER_INPUT input.kind:kind"),
            (json!({ "parentId": site, "code": "X", "name": "X", "kind": "SITE" }), "BAD_USER_INPUT input.kind:kind"),
            (json!({ "parentId": hq, "code": "X", "name": "X", "kind": "SITE" }), "BAD_USER_INPUT input.kind:kind"),
            (json!({ "parentId": global("User", app.user("hq.admin").await), "code": "X", "name": "X", "kind": "SITE" }), "BAD_USER_INPUT input.parentId:id"),
            (json!({ "parentId": hq, "code": "SHANGHAI", "name": "X", "kind": "BRANCH" }), "CONFLICT input.code:unique"),
        ] {
            assert_eq!(refused(&admin, "createOrgUnit", input).await, said);
        }
        assert_eq!(refused(&admin, "updateOrgUnit", json!({ "id": branch, "name": null })).await, "BAD_USER_INPUT input.name:required");
        assert_eq!(refused(&admin, "updateOrgUnit", json!({ "id": branch, "name": "x".repeat(201) })).await, "BAD_USER_INPUT input.name:length");
        assert_eq!(refused(&admin, "archiveOrgUnit", json!({ "id": hq })).await, "BAD_USER_INPUT input.id:root");
    }

    async fn an_archived_unit_is_out_of_the_way_and_takes_nothing_in(app) {
        let admin = app.actor("hq.admin").await;
        for code in ["EAST", "SHANGHAI", "SHANGHAI-PUDONG", "TOKYO"] {
            assert_eq!(refused(&admin, "archiveOrgUnit", json!({ "id": unit(&app, code).await })).await, "CONFLICT input.id:in_use", "{code}");
        }
        let site = call(&admin, "createOrgUnit", json!({ "parentId": unit(&app, "SHANGHAI").await, "code": "SH-2", "name": "Two", "kind": "SITE" })).await;
        // A post that has yet to begin is in the way, one that has ended is not; so are customers, unless archived.
        let [site_id, tokyo] = [sql_id(app.engine, app.unit("SH-2").await), sql_id(app.engine, app.unit("TOKYO").await)];
        app.give_post("tokyo.rep1", "sales_rep", "SH-2", i64::MAX / 2, None).await;
        assert_eq!(refused(&admin, "archiveOrgUnit", json!({ "id": site["id"] })).await, "CONFLICT input.id:in_use");
        app.execute(&format!("UPDATE post SET valid_from = 1, valid_to = 2 WHERE unit_id = {site_id}")).await;
        app.execute(&format!("UPDATE customer SET unit_id = {site_id} WHERE external_ref = 'TK-0001'")).await;
        assert_eq!(refused(&admin, "archiveOrgUnit", json!({ "id": site["id"] })).await, "CONFLICT input.id:in_use");
        app.execute(&format!("UPDATE customer SET unit_id = {tokyo} WHERE external_ref = 'TK-0001'")).await;

        assert_eq!(refused(&admin, "archiveOrgUnit", json!({ "id": site["id"], "expectedVersion": 9 })).await, "CONFLICT");
        let archived = call(&admin, "archiveOrgUnit", json!({ "id": site["id"], "expectedVersion": 1 })).await;
        assert!(archived["archivedAt"].is_string() && archived["version"] == 2, "{archived}");
        let before = contents(&app).await;
        call(&admin, "archiveOrgUnit", json!({ "id": site["id"] })).await;
        assert!(contents(&app).await == before, "archiving twice is archiving once");

        let lists = |archived: bool| format!(
            "{{ orgUnits(filter: {{code: {{eq: \"SH-2\"}}, archived: {archived}}}) {{ totalCount nodes {{ code }} }} \
                orgUnit(code: \"SHANGHAI\") {{ children(archived: {archived}) {{ totalCount nodes {{ code }} }} }} }}"
        );
        let without = admin.ask(&lists(false)).await;
        assert_eq!((&without["orgUnits"]["totalCount"], &without["orgUnit"]["children"]["totalCount"]), (&json!(0), &json!(1)));
        assert_eq!(without["orgUnit"]["children"]["nodes"], json!([{ "code": "SHANGHAI-PUDONG" }]));
        let with = admin.ask(&lists(true)).await;
        assert_eq!((&with["orgUnits"]["totalCount"], &with["orgUnit"]["children"]["totalCount"]), (&json!(1), &json!(2)));
        // One who administers elsewhere asks for archived units too, and gets none of these.
        let other = region_admin(&app, "NORTH").await;
        assert_eq!(other.ask("{ orgUnits(filter: {archived: true}) { nodes { code } } }").await["orgUnits"]["nodes"],
            json!([{ "code": "BEIJING" }, { "code": "HQ" }, { "code": "NORTH" }, { "code": "TIANJIN" }]));
        let by_id = app.actor("shanghai.manager").await.ask_with("query($id: ID!) { orgUnit(id: $id) { code archivedAt } }", json!({ "id": site["id"] })).await;
        assert_eq!(by_id["orgUnit"]["archivedAt"], archived["archivedAt"]);

        // Nothing new goes there.
        let manager = app.actor("shanghai.manager").await;
        let before = contents(&app).await;
        let create = "mutation($u: ID!) { createCustomer(input: {unitId: $u, kind: PERSON, name: \"N\"}) { customer { id } } }";
        let error = manager.fail(create, json!({ "u": site["id"] })).await;
        assert_eq!((&error["extensions"]["code"], &error["extensions"]["violations"][0]["field"]), (&json!("BAD_USER_INPUT"), &json!("input.unitId")));
        for (kind, file, column) in [
            (Kind::Customers, "external_ref,branch_code,kind,name\nN-1,SH-2,PERSON,N\n", "branch_code"),
            (Kind::Users, "username,name,role,unit_code\nnew.user,N,sales_rep,SH-2\n", "unit_code"),
        ] {
            let told = run(&app, None, kind, file).await;
            assert_eq!((told.counts, told.bad.len()), ([0, 0, 0], 1), "{told:?}");
            assert!(format!("{:?}", told.bad[0]).contains(column), "{told:?}");
        }
        assert!(contents(&app).await == before);
        let restored = call(&admin, "restoreOrgUnit", json!({ "id": site["id"] })).await;
        assert_eq!((&restored["archivedAt"], &restored["version"]), (&json!(null), &json!(3)));
        manager.ask_with(create, json!({ "u": site["id"] })).await;
    }

    async fn every_change_of_a_unit_is_told_in_the_audit(app) {
        let admin = app.actor("hq.admin").await;
        let [id, parent] = [unit(&app, "SHANGHAI-PUDONG").await, unit(&app, "HANGZHOU").await];
        let mut told = Vec::new();
        let mut ask = async |mutation: &str, input: Json| {
            let (before, input_id) = (audits(&app).await, input["id"].clone());
            let answer = admin.ask_with(&document(mutation).replace("orgUnit {", "__typename orgUnit {"), json!({ "input": input })).await;
            let rows = audits_since(&app, &before).await;
            assert_eq!(rows.len(), 1, "{mutation}");
            assert_eq!((rows[0].action.as_str(), rows[0].actor), ("organisation:administer", Some(app.user("hq.admin").await)), "{mutation}");
            // A plan is a record of its own, which the unit's history does not tell.
            let about = if rows[0].changes.get("plannedMove").is_some() { uuid_of(&input_id) } else { rows[0].record };
            assert_eq!(rows[0].unit, Some(about), "{mutation}");
            told.push(rows[0].changes.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" "));
            answer
        };
        let made = ask("createOrgUnit", json!({ "parentId": unit(&app, "SHANGHAI").await, "code": "SH-2", "name": "Two", "kind": "SITE" })).await;
        let made = made["createOrgUnit"]["orgUnit"]["id"].clone();
        ask("updateOrgUnit", json!({ "id": id, "name": "Other", "businessMode": "SINGLE" })).await;
        ask("archiveOrgUnit", json!({ "id": made })).await;
        ask("restoreOrgUnit", json!({ "id": made })).await;
        ask("moveOrgUnit", json!({ "id": id, "parentId": parent })).await;
        ask("moveOrgUnit", json!({ "id": made, "parentId": parent, "at": "2999-01-01T00:00:00Z" })).await;
        let planned = admin.ask("{ plannedMoves { nodes { id } } }").await["plannedMoves"]["nodes"][0]["id"].clone();
        let before = audits(&app).await;
        admin.ask_with("mutation($id: ID!) { cancelPlannedMove(input: {id: $id}) { plannedMove { id } } }", json!({ "id": planned })).await;
        let rows = audits_since(&app, &before).await;
        assert_eq!((rows.len(), &rows[0].changes["plannedMove"][1]), (1, &json!("CANCELLED")));
        assert_eq!(told, ["code kind name parentId", "businessMode name", "archivedAt", "archivedAt", "parentId", "plannedMove"]);
    }

    async fn nothing_grows_or_comes_back_under_an_archived_unit(app) {
        let admin = app.actor("hq.admin").await;
        let branch = call(&admin, "createOrgUnit", json!({ "parentId": unit(&app, "NORTH").await, "code": "XIAN", "name": "X", "kind": "BRANCH" })).await;
        let site = call(&admin, "createOrgUnit", json!({ "parentId": branch["id"], "code": "XIAN-1", "name": "X", "kind": "SITE" })).await;
        assert_eq!(refused(&admin, "archiveOrgUnit", json!({ "id": branch["id"] })).await, "CONFLICT input.id:in_use");
        call(&admin, "archiveOrgUnit", json!({ "id": site["id"] })).await;
        call(&admin, "archiveOrgUnit", json!({ "id": branch["id"] })).await;
        assert_eq!(refused(&admin, "restoreOrgUnit", json!({ "id": site["id"] })).await, "CONFLICT input.id:archived");
        let new = json!({ "parentId": branch["id"], "code": "XIAN-2", "name": "X", "kind": "SITE" });
        assert_eq!(refused(&admin, "createOrgUnit", new).await, "BAD_USER_INPUT input.parentId:archived");
        let told = run(&app, None, Kind::OrgUnits, "code,parent_code,kind,name\nXIAN-2,XIAN,SITE,X\n").await;
        assert_eq!((told.counts, told.bad.len()), ([0, 0, 0], 1), "{told:?}");
        call(&admin, "restoreOrgUnit", json!({ "id": branch["id"] })).await;
        call(&admin, "restoreOrgUnit", json!({ "id": site["id"] })).await;
    }
}

/// The closure as it is stored: above, below, steps.
pub async fn closure(app: &TestApp) -> Vec<(uuid::Uuid, uuid::Uuid, i32)> {
    let rows = app.select("SELECT ancestor_id, descendant_id, depth FROM org_path").await;
    let get =
        |row: &sea_orm::QueryResult| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap());
    let mut rows: Vec<_> = rows.iter().map(get).collect();
    rows.sort_unstable();
    rows
}

/// What the rows of units say: id, parent, kind.
async fn units(app: &TestApp) -> std::collections::BTreeMap<uuid::Uuid, (Option<uuid::Uuid>, String)> {
    let rows = app.select("SELECT id, parent_id, kind FROM org_unit").await;
    rows.iter()
        .map(|row| (row.try_get_by_index(0).unwrap(), (row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap())))
        .collect()
}

/// The closure as it follows from the parents.
pub async fn recomputed(app: &TestApp) -> Vec<(uuid::Uuid, uuid::Uuid, i32)> {
    let units = units(app).await;
    let mut rows = Vec::new();
    for id in units.keys() {
        let (mut above, mut depth) = (Some(*id), 0);
        while let Some(at) = above {
            rows.push((at, *id, depth));
            (above, depth) = (units[&at].0, depth + 1);
        }
    }
    rows.sort_unstable();
    rows
}

/// The region of every row that carries one, as it is stored: unit and region.
pub async fn regions(app: &TestApp) -> Vec<(uuid::Uuid, Option<uuid::Uuid>)> {
    let sql =
        "SELECT id, region_id FROM org_unit UNION SELECT unit_id, region_id FROM customer UNION SELECT unit_id, region_id FROM contact";
    let get = |row: &sea_orm::QueryResult| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
    let mut rows: Vec<_> = app.select(sql).await.iter().map(get).collect();
    rows.sort_unstable();
    rows
}

/// The topmost region at or above every unit, as it follows from the parents.
pub async fn recomputed_regions(app: &TestApp) -> Vec<(uuid::Uuid, Option<uuid::Uuid>)> {
    let units = units(app).await;
    let region = |id: &uuid::Uuid| {
        let line = std::iter::successors(Some(*id), |at| units[at].0);
        line.filter(|at| units[at].1 == "REGION").last()
    };
    units.keys().map(|id| (*id, region(id))).collect()
}
