//! Moving units: everything that stands there comes along, rights follow at the next request, previews tell what happens, and what is
//! refused changes nothing.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::{Engine, TestApp};
use crate::on_both;
use crate::oracle::{Customer, World};
use crate::raw::{global, invented, sql_id};
use crate::tables::{audits, audits_since, contents};
use crate::units::{call, closure, recomputed, recomputed_regions, refused, region_admin, regions, unit};

const TOTAL: &str = "{ customers { totalCount } }";

/// Moves a unit as the group's administrator.
async fn relocate(app: &TestApp, code: &str, parent: &str) -> Json {
    call(&app.actor("hq.admin").await, "moveOrgUnit", json!({ "id": unit(app, code).await, "parentId": unit(app, parent).await })).await
}

/// Asks for a move that must be refused.
async fn refused_move(app: &TestApp, user: &str, code: &str, parent: &str) -> String {
    let input = json!({ "id": unit(app, code).await, "parentId": unit(app, parent).await });
    refused(&app.actor(user).await, "moveOrgUnit", input).await
}

/// Every derived column agrees with the parents of the units.
async fn agrees(app: &TestApp) {
    assert_eq!(closure(app).await, recomputed(app).await);
    let stored = regions(app).await;
    assert_eq!(stored, recomputed_regions(app).await);
    let today = app
        .number("SELECT COUNT(*) FROM org_parent h JOIN org_unit u ON u.id = h.unit_id WHERE h.valid_to IS NULL AND COALESCE(h.parent_id, u.id) = COALESCE(u.parent_id, u.id)")
        .await;
    assert_eq!(today, app.number("SELECT COUNT(*) FROM org_unit").await, "one stretch of the history runs for each unit");
}

/// Where a unit stood, in order: parent, from, to.
async fn history(app: &TestApp, code: &str) -> Vec<(Option<Uuid>, i64, Option<i64>)> {
    let id = sql_id(app.engine, app.unit(code).await);
    let rows =
        app.select(&format!("SELECT parent_id, valid_from, valid_to FROM org_parent WHERE unit_id = {id} ORDER BY valid_from")).await;
    rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap())).collect()
}

/// Who sees customers of nobody where, and how clearly.
fn sights(world: &World) -> BTreeSet<(String, String, Option<&'static str>)> {
    let stranger = |unit| Customer {
        id: Uuid::nil(),
        unit,
        owner: None,
        class: String::new(),
        name: String::new(),
        external_ref: None,
        industry: None,
        phone: None,
        income: None,
        created: 0,
        updated: 0,
        is_archived: false,
    };
    let mut sights = BTreeSet::new();
    for (user, name) in &world.users {
        for unit in world.units.values() {
            let sight = world.sight(*user, &stranger(unit.id)).map(crate::oracle::Sight::word);
            sights.insert((name.clone(), unit.code.clone(), sight));
        }
    }
    sights
}

/// What a preview says of reading customers: user, unit, and the level before or after.
fn previewed(preview: &Json, names: &World, when: &str) -> BTreeSet<(String, String, Option<String>)> {
    let mut found = BTreeSet::new();
    for user in preview["users"].as_array().unwrap() {
        let name = names.users[&crate::tables::uuid_of(&user["user"]["id"])].clone();
        for change in user["changes"].as_array().unwrap() {
            if change["resource"] == "CUSTOMER" && change["action"] == "READ" && change["ownRows"] == false {
                for unit in change["units"].as_array().unwrap() {
                    found.insert((name.clone(), unit["code"].as_str().unwrap().to_owned(), change[when].as_str().map(str::to_owned)));
                }
            }
        }
    }
    found
}

const PREVIEW: &str = "{ userTotal users { user { id } changes { resource action ownRows before after unitTotal units { code } } } }";

/// A preview changes nothing and tells what then happens.
async fn tells_what_happens(app: &TestApp, preview: &str, mutation: &str, input: Json) {
    let admin = app.actor("hq.admin").await;
    let (before, stored) = (World::read(app).await, contents(app).await);
    let mut answer = admin.ask(&format!("{{ told: {preview} {PREVIEW} }}")).await;
    let told = answer["told"].take();
    assert!(contents(app).await == stored, "a preview changes nothing");
    call(&admin, mutation, input).await;
    let after = World::read(app).await;
    let [was, is] = [sights(&before), sights(&after)];
    let owned = |set: BTreeSet<&(String, String, Option<&'static str>)>| -> BTreeSet<(String, String, Option<String>)> {
        set.into_iter().map(|(user, unit, level)| (user.clone(), unit.clone(), level.map(str::to_owned))).collect()
    };
    assert_eq!(previewed(&told, &before, "before"), owned(was.difference(&is).collect()), "{preview}");
    assert_eq!(previewed(&told, &before, "after"), owned(is.difference(&was).collect()), "{preview}");
    assert!(told["userTotal"].as_u64().unwrap() > 0, "{preview} tells of nobody");
    for user in ["east.manager", "north.manager", "shanghai.rep1", "jiangnan.manager", "beijing.rep1"] {
        let id = app.user(user).await;
        let seen = after.customers.iter().filter(|customer| !customer.is_archived && after.sight(id, customer).is_some()).count();
        assert_eq!(app.actor(user).await.ask(TOTAL).await["customers"]["totalCount"], json!(seen), "{user} after {preview}");
    }
}

on_both! {
    async fn everything_comes_along_and_back(app) {
        let [east, north] = [app.actor("east.manager").await, app.actor("north.manager").await];
        let totals = async || [east.ask(TOTAL).await["customers"]["totalCount"].as_i64().unwrap(), north.ask(TOTAL).await["customers"]["totalCount"].as_i64().unwrap()];
        let [customer, contact] = [global("Customer", app.customer("PD-0001").await), global("Contact", app.contact("PD-0001").await)];
        let (before, was, audit) = (totals().await, contents(&app).await, audits(&app).await);
        let since = app.clock.now().0;
        let moved = relocate(&app, "SHANGHAI", "NORTH").await;
        assert_eq!(moved["ancestors"], json!([{ "code": "HQ" }, { "code": "NORTH" }]), "the answer stands on the new tree");
        assert_eq!((&moved["parent"]["code"], &moved["version"]), (&json!("NORTH"), &json!(2)));
        agrees(&app).await;
        let shanghai = app.number("SELECT COUNT(*) FROM customer WHERE external_ref LIKE 'SH-%' OR external_ref LIKE 'PD-%'").await;
        let archived = app.number("SELECT COUNT(*) FROM customer WHERE archived_at IS NOT NULL AND (external_ref LIKE 'SH-%' OR external_ref LIKE 'PD-%')").await;
        assert_eq!(totals().await, [before[0] - shanghai + archived, before[1] + shanghai - archived]);
        // Old ids answer like ids that never were.
        for (kind, id) in [("Customer", &customer), ("Contact", &contact)] {
            let read = "query($id: ID!) { node(id: $id) { id } }";
            assert_eq!(north.ask_with(read, json!({ "id": id })).await["node"]["id"], json!(id));
            assert_eq!(east.bytes(read, &json!({ "id": id })).await, east.bytes(read, &json!({ "id": invented(kind) })).await);
        }
        let write = "mutation($id: ID!) { updateCustomer(input: {id: $id, name: \"x\"}) { customer { id } } }";
        assert_eq!(east.bytes(write, &json!({ "id": customer })).await, east.bytes(write, &json!({ "id": invented("Customer") })).await);

        let rows = audits_since(&app, &audit).await;
        assert_eq!(rows.len(), 1);
        let changes = json!({ "parentId": [app.unit("EAST").await, app.unit("NORTH").await] });
        assert_eq!((rows[0].record, &rows[0].changes), (app.unit("SHANGHAI").await, &changes));
        let stood = history(&app, "SHANGHAI").await;
        assert_eq!(stood.iter().map(|line| line.0).collect::<Vec<_>>(), [Some(app.unit("EAST").await), Some(app.unit("NORTH").await)]);
        assert!(stood[0].2 == Some(stood[1].1) && stood[1].1 >= since && stood[1].2.is_none(), "{stood:?}");

        relocate(&app, "SHANGHAI", "EAST").await;
        agrees(&app).await;
        assert_eq!(totals().await, before);
        let is = contents(&app).await;
        for table in ["customer", "contact", "org_path", "post", "party"] {
            assert!(was[table] == is[table], "{table} is as it was: neither version nor time of a customer has changed");
        }
        assert_eq!(history(&app, "SHANGHAI").await.len(), 3);
    }

    async fn within_a_region_no_customer_is_touched(app) {
        let (customers, contacts) = (contents(&app).await["customer"].clone(), contents(&app).await["contact"].clone());
        let before = app.db.statements_run();
        relocate(&app, "SUZHOU", "EAST").await;
        assert!(app.db.statements_run() > before);
        agrees(&app).await;
        assert_eq!((&contents(&app).await["customer"], &contents(&app).await["contact"]), (&customers, &contacts));
        // The manager of the nested region sees it no more, that of the region still does.
        let id = json!({ "id": global("Customer", app.customer("SZ-0001").await) });
        let read = "query($id: ID!) { customer(id: $id) { level } }";
        assert_eq!(app.actor("jiangnan.manager").await.ask_with(read, id.clone()).await["customer"]["level"], "CARD");
        assert_eq!(app.actor("east.manager").await.ask_with(read, id).await["customer"]["level"], "FULL");
    }

    async fn regions_move_into_regions_and_out(app) {
        for (code, parent) in [("NORTH", "EAST"), ("JIANGNAN", "HQ"), ("NORTH", "JIANGNAN"), ("LONDON", "HQ"), ("JIANGNAN", "OVERSEAS"), ("NORTH", "HQ"), ("LONDON", "NORTH")] {
            relocate(&app, code, parent).await;
            agrees(&app).await;
        }
    }

    async fn previews_tell_what_then_happens(app) {
        for (code, parent) in [("SHANGHAI", "NORTH"), ("SHANGHAI", "JIANGNAN"), ("JIANGNAN", "HQ"), ("TIANJIN", "EAST"), ("NORTH", "EAST")] {
            let [id, to] = [unit(&app, code).await, unit(&app, parent).await];
            tells_what_happens(&app, &format!("previewMove(id: \"{id}\", parentId: \"{to}\")"), "moveOrgUnit", json!({ "id": id, "parentId": to })).await;
        }
        for (code, mode) in [("HQ", "CENTRALISED"), ("BEIJING", "SINGLE"), ("EAST", "SINGLE"), ("EAST", "null")] {
            let id = unit(&app, code).await;
            let value = if mode == "null" { Json::Null } else { json!(mode) };
            tells_what_happens(&app, &format!("previewBusinessMode(id: \"{id}\", businessMode: {mode})"), "updateOrgUnit", json!({ "id": id, "businessMode": value })).await;
        }
    }

    async fn a_preview_takes_the_rights_of_the_change_and_tells_no_unit_out_of_sight(app) {
        app.execute("UPDATE org_unit SET business_mode = 'CENTRALISED' WHERE code = 'HQ'").await;
        let admin = region_admin(&app, "EAST").await;
        let [own, branch, north] = [unit(&app, "EAST").await, unit(&app, "SHANGHAI").await, unit(&app, "NORTH").await];
        let mode = |id: &str| format!("{{ told: previewBusinessMode(id: \"{id}\") {PREVIEW} }}");
        assert_eq!(admin.code(&mode(&own), json!({})).await, "FORBIDDEN");
        assert_eq!(admin.code(&mode(&north), json!({})).await, "NOT_FOUND");
        assert_eq!(admin.code(&format!("{{ previewMove(id: \"{branch}\", parentId: \"{north}\") {PREVIEW} }}"), json!({})).await, "NOT_FOUND");
        let told = admin.ask(&format!("{{ told: previewBusinessMode(id: \"{branch}\", businessMode: SINGLE) {PREVIEW} }}")).await["told"].take();
        let units: BTreeSet<&str> = told["users"].as_array().unwrap().iter()
            .flat_map(|user| user["changes"].as_array().unwrap()).flat_map(|change| change["units"].as_array().unwrap())
            .map(|unit| unit["code"].as_str().unwrap()).collect();
        assert!(units.contains("SHANGHAI") && units.iter().all(|code| ["EAST", "SHANGHAI", "SHANGHAI-PUDONG", "JIANGNAN", "HANGZHOU", "SUZHOU", "HQ"].contains(code)), "{units:?}");
    }

    async fn a_move_is_refused_with_its_code(app) {
        for (code, parent, said) in [
            ("EAST", "EAST", "BAD_USER_INPUT input.parentId:below_itself"),
            ("EAST", "JIANGNAN", "BAD_USER_INPUT input.parentId:below_itself"),
            ("SHANGHAI", "HANGZHOU", "BAD_USER_INPUT input.parentId:kind"),
            ("NORTH", "SHANGHAI", "BAD_USER_INPUT input.parentId:kind"),
            ("SHANGHAI-PUDONG", "EAST", "BAD_USER_INPUT input.parentId:kind"),
            ("SHANGHAI", "EAST", "BAD_USER_INPUT input.parentId:own_parent"),
            ("HQ", "EAST", "BAD_USER_INPUT input.id:root"),
        ] {
            assert_eq!(refused_move(&app, "hq.admin", code, parent).await, said, "{code} under {parent}");
        }
        let stale = json!({ "id": unit(&app, "SHANGHAI").await, "parentId": unit(&app, "NORTH").await, "expectedVersion": 7 });
        assert_eq!(refused(&app.actor("hq.admin").await, "moveOrgUnit", stale).await, "CONFLICT");
        // It takes the right above the unit on both sides.
        for (user, code, parent, said) in [
            ("shanghai.admin", "SHANGHAI", "NORTH", "FORBIDDEN"),
            ("shanghai.admin", "SHANGHAI-PUDONG", "HANGZHOU", "NOT_FOUND input.parentId"),
            ("shanghai.admin", "HANGZHOU", "SHANGHAI", "NOT_FOUND"),
            ("shanghai.manager", "SHANGHAI-PUDONG", "HANGZHOU", "FORBIDDEN"),
            ("hq.director", "SHANGHAI", "NORTH", "FORBIDDEN"),
        ] {
            assert_eq!(refused_move(&app, user, code, parent).await, said, "{user}: {code} under {parent}");
        }
        let east = region_admin(&app, "EAST").await;
        for (code, parent, said) in [("SHANGHAI", "HQ", "FORBIDDEN input.parentId"), ("SHANGHAI", "NORTH", "NOT_FOUND input.parentId"), ("EAST", "JIANGNAN", "FORBIDDEN")] {
            let input = json!({ "id": unit(&app, code).await, "parentId": unit(&app, parent).await });
            assert_eq!(refused(&east, "moveOrgUnit", input).await, said, "{code} under {parent}");
        }
        let input = json!({ "id": unit(&app, "SHANGHAI").await, "parentId": unit(&app, "JIANGNAN").await });
        assert_eq!(call(&east, "moveOrgUnit", input).await["parent"]["code"], "JIANGNAN");
        agrees(&app).await;
        // Nor is anything moved to or as an archived unit.
        let admin = app.actor("hq.admin").await;
        let region = call(&admin, "createOrgUnit", json!({ "parentId": unit(&app, "HQ").await, "code": "WEST", "name": "West", "kind": "REGION" })).await;
        call(&admin, "archiveOrgUnit", json!({ "id": region["id"] })).await;
        assert_eq!(refused_move(&app, "hq.admin", "BEIJING", "WEST").await, "BAD_USER_INPUT input.parentId:archived");
        assert_eq!(refused_move(&app, "hq.admin", "WEST", "EAST").await, "BAD_USER_INPUT input.id:archived");
    }

    async fn nothing_crosses_the_border_of_single(app) {
        // TIANJIN sets SINGLE itself: it takes its border along.
        relocate(&app, "TIANJIN", "EAST").await;
        relocate(&app, "TIANJIN", "NORTH").await;
        app.execute("UPDATE org_unit SET business_mode = 'SINGLE' WHERE code = 'JIANGNAN'").await;
        app.rights_changed().await;
        for (code, parent) in [("SUZHOU", "EAST"), ("SUZHOU", "NORTH"), ("SHANGHAI", "JIANGNAN"), ("BEIJING", "JIANGNAN")] {
            assert_eq!(refused_move(&app, "hq.admin", code, parent).await, "BAD_USER_INPUT input.parentId:single_border", "{code} under {parent}");
        }
        relocate(&app, "JIANGNAN", "HQ").await;
        app.execute("UPDATE org_unit SET business_mode = 'SINGLE' WHERE code = 'NORTH'").await;
        app.rights_changed().await;
        // From one that works alone into another.
        assert_eq!(refused_move(&app, "hq.admin", "SUZHOU", "NORTH").await, "BAD_USER_INPUT input.parentId:single_border");
        // Within one and the same border everything may move.
        let admin = app.actor("hq.admin").await;
        let nested = call(&admin, "createOrgUnit", json!({ "parentId": unit(&app, "NORTH").await, "code": "HEBEI", "name": "H", "kind": "REGION" })).await;
        assert_eq!(nested["code"], "HEBEI");
        relocate(&app, "BEIJING", "HEBEI").await;
        relocate(&app, "TIANJIN", "HEBEI").await;
        agrees(&app).await;
    }

    async fn many_moves_in_a_row_leave_everything_in_line(app) {
        let codes: Vec<String> = app.select("SELECT code FROM org_unit ORDER BY code").await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        let admin = app.actor("hq.admin").await;
        let mut ids = Vec::new();
        for code in &codes {
            ids.push(unit(&app, code).await);
        }
        let document = "mutation($input: MoveOrgUnitInput!) { moveOrgUnit(input: $input) { orgUnit { id } } }";
        let (mut seed, mut done) = (20_261_122_u64, 0);
        let mut next = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % most
        };
        for _ in 0..150 {
            let input = json!({ "id": ids[next(ids.len())], "parentId": ids[next(ids.len())] });
            let answer = admin.send(document, json!({ "input": input })).await.body;
            if answer.get("errors").is_none() {
                done += 1;
                agrees(&app).await;
            }
        }
        assert!(done > 20, "only {done} moves were possible");
        // And the server goes by it: everybody sees what the oracle says.
        let world = World::read(&app).await;
        for (user, name) in &world.users {
            if world.may(*user, "customer", "read") {
                let seen = world.customers.iter().filter(|customer| !customer.is_archived && world.sight(*user, customer).is_some()).count();
                assert_eq!(app.actor(name).await.ask(TOTAL).await["customers"]["totalCount"], json!(seen), "{name}");
            }
        }
    }

    async fn moves_at_once_make_no_circle_and_lose_no_customer(app) {
        let admin = app.actor("hq.admin").await;
        let document = "mutation($input: MoveOrgUnitInput!) { moveOrgUnit(input: $input) { orgUnit { id } } }";
        let [east, north, overseas] = [unit(&app, "EAST").await, unit(&app, "NORTH").await, unit(&app, "OVERSEAS").await];
        let circle = [(&east, &north), (&north, &overseas), (&overseas, &east)];
        let asked = circle.iter().map(|(id, parent)| admin.send(document, json!({ "input": { "id": id, "parentId": parent } })));
        let refused = futures::future::join_all(asked).await.into_iter().filter(|answer| answer.body.get("errors").is_some()).count();
        assert_eq!(refused, 1);
        agrees(&app).await;

        let shanghai = unit(&app, "SHANGHAI").await;
        let manager = app.actor("shanghai.manager").await;
        let create = "mutation($u: ID!) { createCustomer(input: {unitId: $u, kind: PERSON, name: \"N\"}) { customer { id } } }";
        let creating = futures::future::join_all((0..40).map(|_| manager.send(create, json!({ "u": shanghai }))));
        let moving = async {
            for parent in ["HQ", "JIANGNAN", "HQ", "JIANGNAN", "HQ"] {
                relocate(&app, "SHANGHAI", parent).await;
            }
        };
        let (created, ()) = futures::future::join(creating, moving).await;
        assert!(created.iter().all(|answer| answer.body.get("errors").is_none()), "{created:?}");
        agrees(&app).await;
    }

    async fn the_list_of_tables_that_carry_a_region_is_whole(app) {
        let sql = match app.engine {
            Engine::Sqlite => "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'region_id' WHERE m.type = 'table'",
            Engine::Postgres => "SELECT CAST(table_name AS text) FROM information_schema.columns WHERE column_name = 'region_id' AND table_schema = 'public'",
        };
        let stored: BTreeSet<String> = app.select(sql).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        let listed: BTreeSet<String> = branchwise::access::visible::regional().into_iter().map(|rows| rows.table.to_string()).collect();
        assert_eq!(listed, stored, "a table with a region comes along when its unit moves");
    }
}

/// `cargo test --release --test it a_hundred_thousand_customers_move -- --ignored --nocapture` prints how long it takes.
async fn a_hundred_thousand_customers_move(engine: Engine) {
    let Some(app) = TestApp::start(engine).await else { return };
    let copy = match engine {
        Engine::Sqlite => "SELECT randomblob(16)",
        Engine::Postgres => "SELECT gen_random_uuid()",
    };
    let numbers = match engine {
        Engine::Sqlite => "(WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000) SELECT n FROM n)",
        Engine::Postgres => "(SELECT n FROM generate_series(1, 100000) n)",
    };
    let shanghai = sql_id(engine, app.unit("SHANGHAI").await);
    app.execute(&format!(
        "INSERT INTO customer (id, party_id, unit_id, region_id, origin_unit_id, external_ref, owner_id, kind, class, name, name_folded, custom, \
         created_at, updated_at, version) SELECT ({copy} WHERE n > 0), c.party_id, c.unit_id, c.region_id, c.origin_unit_id, 'X-' || n, c.owner_id, c.kind, \
         c.class, 'Customer ' || n, 'customer ' || n, c.custom, c.created_at + n, c.updated_at, 1 FROM customer c, {numbers} numbers \
         WHERE c.external_ref = 'SH-0003'"
    ))
    .await;
    app.execute(&format!(
        "INSERT INTO contact (id, customer_id, unit_id, region_id, name, created_at, updated_at, version) \
         SELECT ({copy} WHERE version > 0), id, unit_id, region_id, 'C', created_at, updated_at, 1 FROM customer WHERE unit_id = {shanghai} AND external_ref LIKE 'X-%'"
    ))
    .await;
    if engine == Engine::Postgres {
        app.execute("ANALYZE").await;
    }
    for parent in ["NORTH", "EAST", "HQ"] {
        let started = std::time::Instant::now();
        relocate(&app, "SHANGHAI", parent).await;
        eprintln!("{engine:?}: 100,000 customers with a contact each moved to {parent} in {:?}", started.elapsed());
    }
    let region = sql_id(engine, app.unit("EAST").await);
    assert_eq!(app.number(&format!("SELECT COUNT(*) FROM customer WHERE unit_id = {shanghai} AND region_id = {region}")).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints a time"]
async fn a_hundred_thousand_customers_move_on_sqlite() {
    a_hundred_thousand_customers_move(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints a time"]
async fn a_hundred_thousand_customers_move_on_postgres() {
    a_hundred_thousand_customers_move(Engine::Postgres).await;
}
