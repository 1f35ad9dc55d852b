//! Moves that are planned: done at their minute, once, in order, with the rights of that moment; taken back before it; made up for when
//! nobody served.

use std::process::{Command, Stdio};
use std::time::Duration;

use branchwise::db::{Db, DbConfig, Rights};
use branchwise::org::due;
use entity::Timestamp;
use serde_json::{Value as Json, json};

use crate::app::{Actor, Engine, TestApp};
use crate::raw::{invented, sql_id};
use crate::tables::{audits, audits_since, contents, count, uuid_of};
use crate::units::{call, closure, keeper_of_hq, recomputed, region_admin, unit};

const PLAN: &str = "mutation($input: MoveOrgUnitInput!) { moveOrgUnit(input: $input) { orgUnit { parent { code } }
    plannedMove { id orgUnit { code } parent { code } at plannedBy { id } plannedAt outcome doneAt } } }";
const CANCEL: &str = "mutation($id: ID!) { cancelPlannedMove(input: {id: $id}) { plannedMove { outcome doneAt } } }";
const MINUTE: i64 = 60;

/// The moment so many seconds from now.
fn ahead(app: &TestApp, seconds: i64) -> Timestamp {
    app.clock.now().plus_seconds(seconds)
}

async fn plan(app: &TestApp, user: &str, [code, parent]: [&str; 2], at: Timestamp) -> Json {
    let input = json!({ "id": unit(app, code).await, "parentId": unit(app, parent).await, "at": at.rfc3339() });
    app.actor(user).await.ask_with(PLAN, json!({ "input": input })).await["moveOrgUnit"].take()
}

/// A plan that must be refused and change nothing: code and rule.
async fn refused(actor: &Actor<'_>, document: &str, variables: Json) -> String {
    let before = contents(actor.app).await;
    let error = actor.fail(document, variables).await;
    assert!(contents(actor.app).await == before, "{error}");
    let rule = error["extensions"]["violations"][0]["rule"].as_str().unwrap_or_default();
    format!("{} {rule}", error["extensions"]["code"].as_str().unwrap()).trim().to_owned()
}

async fn parent(app: &TestApp, code: &str) -> String {
    let sql = format!("SELECT p.code FROM org_unit u JOIN org_unit p ON p.id = u.parent_id WHERE u.code = '{code}'");
    app.select(&sql).await[0].try_get_by_index(0).unwrap()
}

/// The outcomes of all planned moves, in the order of their moments.
async fn outcomes(app: &TestApp) -> Vec<Option<String>> {
    let rows = app.select("SELECT outcome FROM due_work ORDER BY due_at, id").await;
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

async fn until(mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..300 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 15 seconds");
}

async fn moves_at_its_minute(app: TestApp) {
    let history = "{ orgUnit(code: \"SHANGHAI\") { history { totalCount nodes { action } } } }";
    let colleague = app.actor("shanghai.rep1").await;
    let before = colleague.ask(history).await;
    let audit = audits(&app).await;
    let at = ahead(&app, MINUTE);
    let told = plan(&app, "hq.admin", ["SHANGHAI", "NORTH"], at).await;
    let planned = &told["plannedMove"];
    assert_eq!(told["orgUnit"]["parent"]["code"], "EAST", "nothing has moved yet");
    assert_eq!(
        (&planned["orgUnit"]["code"], &planned["parent"]["code"], &planned["outcome"]),
        (&json!("SHANGHAI"), &json!("NORTH"), &json!(null))
    );
    assert_eq!(audits_since(&app, &audit).await.len(), 1, "planning is told in the audit");
    let planning = json!({ "recordType": ["PLANNED_MOVE"] });
    let told = "query($filter: AuditFilter) { auditLog(filter: $filter) { totalCount nodes { unit { code } actorName } } }";
    let told = app.actor("hq.auditor").await.ask_with(told, json!({ "filter": planning })).await["auditLog"].take();
    assert_eq!((&told["totalCount"], &told["nodes"][0]["unit"]["code"]), (&json!(1), &json!("SHANGHAI")));
    assert_eq!(colleague.ask(history).await, before, "nobody else hears of it before its minute");
    let east = app.actor("east.manager").await;
    let id = json!({ "id": crate::raw::global("Customer", app.customer("SH-0001").await) });
    let read = "query($id: ID!) { customer(id: $id) { id } }";
    app.clock.advance_seconds(MINUTE - 1);
    due::catch_up(&app.db, &app.rights).await.unwrap();
    assert_eq!(parent(&app, "SHANGHAI").await, "EAST", "a second too early");
    assert!(east.ask_with(read, id.clone()).await["customer"].is_object());

    app.clock.advance_seconds(1);
    // The server's own clockwork does it.
    until(async || outcomes(&app).await == [Some("DONE".to_owned())]).await;
    until(async || east.ask_with(read, id.clone()).await["customer"].is_null()).await;
    assert_eq!(parent(&app, "SHANGHAI").await, "NORTH");
    assert_eq!(closure(&app).await, recomputed(&app).await);
    let shanghai = sql_id(app.engine, app.unit("SHANGHAI").await);
    let since = app.number(&format!("SELECT valid_from FROM org_parent WHERE unit_id = {shanghai} AND valid_to IS NULL")).await;
    assert_eq!(since, at.0, "it stands there from its minute on");
    let rows = audits_since(&app, &audit).await;
    let admin = Some(app.user("hq.admin").await);
    assert!(rows.len() == 3 && rows.iter().all(|row| row.actor == admin), "{rows:?}");
    let of_plan = rows.iter().filter(|row| row.record == uuid_of(&planned["id"])).count();
    assert_eq!(of_plan, 2, "planned and done: {rows:?}");
    let after = colleague.ask(history).await;
    assert_eq!(
        after["orgUnit"]["history"]["totalCount"].as_i64().unwrap(),
        before["orgUnit"]["history"]["totalCount"].as_i64().unwrap() + 1,
        "the move itself is told"
    );
    let list = "{ plannedMoves { totalCount nodes { outcome doneAt plannedBy { name } } } }";
    let listed = app.actor("hq.admin").await.ask(list).await["plannedMoves"].take();
    assert_eq!((&listed["totalCount"], &listed["nodes"][0]["outcome"]), (&json!(1), &json!("DONE")));
    assert!(listed["nodes"][0]["doneAt"].is_string() && listed["nodes"][0]["plannedBy"]["name"].is_string());
    assert_eq!(refused(&app.actor("hq.admin").await, CANCEL, json!({ "id": planned["id"] })).await, "CONFLICT done");
}

async fn plans_are_refused_with_their_code(app: TestApp) {
    let admin = app.actor("hq.admin").await;
    let input = async |code: &str, parent: &str, at: Timestamp| json!({ "input": { "id": unit(&app, code).await, "parentId": unit(&app, parent).await, "at": at.rfc3339() } });
    let later = ahead(&app, MINUTE);
    for (code, parent, at, said) in [
        ("SHANGHAI", "NORTH", ahead(&app, 0), "BAD_USER_INPUT future"),
        ("SHANGHAI", "NORTH", ahead(&app, -MINUTE), "BAD_USER_INPUT future"),
        ("SHANGHAI", "EAST", later, "BAD_USER_INPUT own_parent"),
        ("EAST", "JIANGNAN", later, "BAD_USER_INPUT below_itself"),
        ("SHANGHAI", "HANGZHOU", later, "BAD_USER_INPUT kind"),
    ] {
        assert_eq!(refused(&admin, PLAN, input(code, parent, at).await).await, said, "{code} under {parent}");
    }
    let planned = plan(&app, "hq.admin", ["SHANGHAI", "NORTH"], later).await["plannedMove"]["id"].take();
    assert_eq!(refused(&admin, PLAN, input("SHANGHAI", "OVERSEAS", later).await).await, "CONFLICT unique");
    assert_eq!(refused(&admin, PLAN, input("SHANGHAI", "NORTH", ahead(&app, 2 * MINUTE)).await).await, "BAD_USER_INPUT own_parent");
    // Another unit at that moment, and the way back later, are plans of their own.
    plan(&app, "hq.admin", ["HANGZHOU", "NORTH"], later).await;
    plan(&app, "hq.admin", ["SHANGHAI", "EAST"], ahead(&app, 2 * MINUTE)).await;

    // It takes the rights of the move to plan one, to see one and to take one back.
    let east = region_admin(&app, "EAST").await;
    assert_eq!(refused(&east, PLAN, input("SHANGHAI", "NORTH", later).await).await, "NOT_FOUND");
    assert_eq!(refused(&east, PLAN, input("SHANGHAI", "HQ", later).await).await, "FORBIDDEN");
    let list = "{ plannedMoves(pending: true) { totalCount nodes { orgUnit { code } parent { code } } } }";
    let seen = east.ask(list).await["plannedMoves"].take();
    assert_eq!((&seen["totalCount"], &seen["nodes"][0]["parent"]), (&json!(3), &json!(null)), "where it goes is out of sight");
    assert_eq!(refused(&east, CANCEL, json!({ "id": planned })).await, "FORBIDDEN");
    let shanghai = app.actor("shanghai.admin").await;
    assert_eq!(shanghai.ask(list).await["plannedMoves"]["totalCount"], 0);
    assert_eq!(
        shanghai.bytes(CANCEL, &json!({ "id": planned })).await,
        shanghai.bytes(CANCEL, &json!({ "id": invented("PlannedMove") })).await
    );
    assert_eq!(app.actor("hq.director").await.code(CANCEL, json!({ "id": planned })).await, "FORBIDDEN");

    let cancelled = admin.ask_with(CANCEL, json!({ "id": planned })).await["cancelPlannedMove"]["plannedMove"].take();
    assert!(cancelled["outcome"] == "CANCELLED" && cancelled["doneAt"].is_string(), "{cancelled}");
    assert_eq!(refused(&admin, CANCEL, json!({ "id": planned })).await, "CONFLICT done");
    app.clock.advance_seconds(MINUTE);
    until(async || outcomes(&app).await.iter().flatten().count() == 2).await;
    assert_eq!((parent(&app, "SHANGHAI").await, parent(&app, "HANGZHOU").await), ("EAST".to_owned(), "NORTH".to_owned()));
}

async fn rights_and_rules_are_those_of_the_moment(app: TestApp) {
    app.give_post("london.rep1", "group_admin", "HQ", 1, None).await;
    app.rights_changed().await;
    let admin = app.actor("hq.admin").await;
    let region =
        call(&admin, "createOrgUnit", json!({ "parentId": unit(&app, "HQ").await, "code": "WEST", "name": "West", "kind": "REGION" }))
            .await;
    let at = ahead(&app, MINUTE);
    plan(&app, "london.rep1", ["SHANGHAI", "NORTH"], at).await;
    plan(&app, "hq.admin", ["BEIJING", "WEST"], ahead(&app, MINUTE + 1)).await;
    plan(&app, "hq.admin", ["NORTH", "EAST"], ahead(&app, MINUTE + 2)).await;
    plan(&app, "hq.admin", ["EAST", "NORTH"], ahead(&app, MINUTE + 3)).await;
    plan(&app, "hq.admin", ["SUZHOU", "EAST"], ahead(&app, MINUTE + 4)).await;
    call(&admin, "archiveOrgUnit", json!({ "id": region["id"] })).await;
    let user = app.user("london.rep1").await;
    app.execute(&format!("UPDATE post SET valid_to = {} WHERE role = 'group_admin' AND user_id = {}", at.0, sql_id(app.engine, user)))
        .await;
    app.raise_epoch(&user.to_string()).await;
    let audit = audits(&app).await;
    app.clock.advance_seconds(2 * MINUTE);
    until(async || outcomes(&app).await.iter().all(Option::is_some)).await;
    let is = ["REFUSED", "REFUSED", "DONE", "REFUSED", "DONE"].map(|outcome| Some(outcome.to_owned()));
    assert_eq!(outcomes(&app).await, is, "whose post has ended, an archived parent, fine, below itself by now, fine");
    assert_eq!([parent(&app, "SHANGHAI").await, parent(&app, "NORTH").await], ["EAST", "EAST"]);
    let rows = audits_since(&app, &audit).await;
    assert_eq!(rows.iter().filter(|row| row.changes["plannedMove"][1] == "REFUSED").count(), 3);
    assert!(rows.iter().any(|row| row.actor == Some(user) && row.changes["plannedMove"][1] == "REFUSED"));
    assert_eq!(rows.iter().filter(|row| row.changes.get("parentId").is_some()).count(), 2);
    let listed = admin.ask("{ plannedMoves(pending: false) { nodes { outcome } } }").await["plannedMoves"]["nodes"].take();
    assert_eq!(listed.as_array().unwrap().iter().filter(|node| node["outcome"] == "REFUSED").count(), 3);

    // Whoever is disabled by then moves nothing either, and the audit says that the clockwork found out.
    plan(&app, "hq.admin", ["SHANGHAI", "OVERSEAS"], ahead(&app, MINUTE)).await;
    app.execute("UPDATE user_account SET disabled_at = 1 WHERE username = 'hq.admin'").await;
    app.raise_epoch(&app.user("hq.admin").await.to_string()).await;
    app.clock.advance_seconds(MINUTE);
    until(async || outcomes(&app).await.iter().all(Option::is_some)).await;
    assert_eq!(outcomes(&app).await.last().unwrap().as_deref(), Some("REFUSED"));
    assert_eq!(parent(&app, "SHANGHAI").await, "EAST");
}

async fn of_several_instances_one_does_it(app: TestApp) {
    app.due_work.abort();
    let mut instances = Vec::new();
    for _ in 0..3 {
        let mut config = DbConfig::new(&app.database.url);
        config.max_connections = 2;
        let db = Db::connect(config, app.clock.clone()).await.unwrap();
        instances.push((db.clone(), Rights::init(db).await.unwrap()));
    }
    for (at, parent) in ["NORTH", "OVERSEAS", "HQ", "EAST", "NORTH", "JIANGNAN"].into_iter().enumerate() {
        plan(&app, "hq.admin", ["SHANGHAI", parent], ahead(&app, MINUTE + i64::try_from(at).unwrap())).await;
    }
    let audit = count(&app, "audit").await;
    app.clock.advance_seconds(2 * MINUTE);
    let all = instances.iter().map(|(db, rights)| due::catch_up(db, rights));
    for done in futures::future::join_all(all).await {
        done.unwrap();
    }
    assert_eq!(outcomes(&app).await, vec![Some("DONE".to_owned()); 6], "in the order of their moments, or one would be refused");
    assert_eq!(parent(&app, "SHANGHAI").await, "JIANGNAN");
    assert_eq!(count(&app, "audit").await, audit + 12, "each once: the move, and what became of the plan");
    assert_eq!(closure(&app).await, recomputed(&app).await);
    let shanghai = sql_id(app.engine, app.unit("SHANGHAI").await);
    assert_eq!(app.number(&format!("SELECT COUNT(*) FROM org_parent WHERE unit_id = {shanghai}")).await, 7);
}

/// The binary itself: what fell due while nobody served is done before it says that it is ready.
async fn overdue_before_ready(engine: Engine) {
    let Some(app) = TestApp::start(engine).await else { return };
    app.due_work.abort();
    let at = ahead(&app, 1);
    plan(&app, "hq.admin", ["SHANGHAI", "NORTH"], at).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(parent(&app, "SHANGHAI").await, "EAST");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new(env!("CARGO_BIN_EXE_branchwise"))
        .arg("serve")
        .current_dir(app.database.folder())
        .env_clear()
        .env("DATABASE_URL", &app.database.url)
        .env("BRANCHWISE_SECRET", "0123456789abcdef0123456789abcdef-overdue")
        .env("BRANCHWISE_LISTEN", format!("127.0.0.1:{port}"))
        .env("BRANCHWISE_ADMIN_LISTEN", "")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let ready = async || reqwest::get(format!("http://127.0.0.1:{port}/health/ready")).await.is_ok_and(|answer| answer.status() == 200);
    until(ready).await;
    let (stands, outcome) = (parent(&app, "SHANGHAI").await, outcomes(&app).await);
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!((stands.as_str(), outcome), ("NORTH", vec![Some("DONE".to_owned())]));
    let shanghai = sql_id(engine, app.unit("SHANGHAI").await);
    let since = app.number(&format!("SELECT valid_from FROM org_parent WHERE unit_id = {shanghai} AND valid_to IS NULL")).await;
    assert_eq!(since, at.0, "from the moment that it was planned for");
}

async fn whoever_administers_the_unit_above_sees_and_cancels_plans(app: TestApp) {
    let keeper = keeper_of_hq(&app).await;
    let under_hq = json!({ "parentId": unit(&app, "HQ").await, "code": "X2", "name": "X2", "kind": "BRANCH" });
    call(&keeper, "createOrgUnit", under_hq).await;
    let theirs = plan(&app, "hq.admin", ["X2", "EAST"], ahead(&app, MINUTE)).await["plannedMove"]["id"].clone();
    let own = plan(&app, "hq.steward", ["X2", "HQ"], ahead(&app, 2 * MINUTE)).await["plannedMove"]["id"].clone();
    plan(&app, "hq.admin", ["SHANGHAI", "NORTH"], ahead(&app, MINUTE)).await;
    let seen = keeper.ask("{ plannedMoves { totalCount nodes { id } } }").await["plannedMoves"].take();
    assert_eq!(seen, json!({ "totalCount": 2, "nodes": [{ "id": theirs }, { "id": own }] }));
    assert_eq!(refused(&keeper, CANCEL, json!({ "id": theirs })).await, "FORBIDDEN", "EAST is not the keeper's");
    assert_eq!(keeper.ask_with(CANCEL, json!({ "id": own })).await["cancelPlannedMove"]["plannedMove"]["outcome"], "CANCELLED");
}

macro_rules! under_a_standing_clock {
    ($($name:ident)*) => {$(
        mod $name {
            use crate::app::{Engine, TestApp};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                if let Some(app) = TestApp::start_standing(Engine::Sqlite).await {
                    super::$name(app).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(app) = TestApp::start_standing(Engine::Postgres).await {
                    super::$name(app).await;
                }
            }
        }
    )*};
}

under_a_standing_clock! {
    moves_at_its_minute
    plans_are_refused_with_their_code
    rights_and_rules_are_those_of_the_moment
    whoever_administers_the_unit_above_sees_and_cancels_plans
    of_several_instances_one_does_it
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overdue_before_ready_on_sqlite() {
    overdue_before_ready(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overdue_before_ready_on_postgres() {
    overdue_before_ready(Engine::Postgres).await;
}
