//! Posts by GraphQL: giving, changing and ending them, for oneself never, and acting for somebody absent.

use std::time::Duration;

use branchwise::Error;
use branchwise::access::Shift;
use branchwise::db::{Db, DbConfig, Rights, operator_unscoped};
use branchwise::org::users::{self, UserLine};
use branchwise::patch::Patch;
use entity::UserId;
use serde_json::{Value as Json, json};

use crate::app::{Actor, Engine, TestApp};
use crate::on_both;
use crate::raw::{global, invented, sql_id};
use crate::tables::{audits, audits_since, contents};

const GIVE: &str = "mutation($input: GivePostInput!) { givePost(input: $input) { post { id role title unit { code } validFrom validTo origin \
    actingFor { name } version } } }";
const CHANGE: &str = "mutation($input: ChangePostInput!) { changePost(input: $input) { post { id validFrom validTo version } } }";
const END: &str = "mutation($input: EndPostInput!) { endPost(input: $input) { post { validFrom validTo version } } }";
const PREVIEW: &str = "query($input: GivePostInput!) { previewPost(input: $input) { userTotal users { user { name } changes { resource action \
    ownRows before after unitTotal units { code } } } } }";
const COUNT: &str = "{ customers { totalCount } }";

async fn user(app: &TestApp, username: &str) -> String {
    global("User", app.user(username).await)
}

async fn input(app: &TestApp, username: &str, role: &str, unit: &str) -> Json {
    json!({ "userId": user(app, username).await, "role": role, "unitId": global("OrgUnit", app.unit(unit).await) })
}

fn and(mut input: Json, more: Json) -> Json {
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

/// The id of somebody's post of a role.
async fn post(app: &TestApp, username: &str, role: &str) -> String {
    let user = sql_id(app.engine, app.user(username).await);
    global("Post", app.id(&format!("SELECT id FROM post WHERE user_id = {user} AND role = '{role}'")).await)
}

/// Refused with this code, and about this field or rule where one is named; nothing has changed.
async fn refused(actor: &Actor<'_>, document: &str, input: Json, code: &str, about: &str) {
    let before = contents(actor.app).await;
    let error = actor.fail(document, json!({ "input": input })).await;
    assert_eq!(error["extensions"]["code"], code, "{input}: {error}");
    assert!(error["extensions"].to_string().contains(about), "{input}: {about} in {error}");
    assert_eq!(contents(actor.app).await, before, "{input}");
}

async fn second_instance(app: &TestApp) -> std::sync::Arc<Rights> {
    let mut config = DbConfig::new(&app.database.url);
    config.max_connections = 2;
    let second = Rights::init(Db::connect(config, app.clock.clone()).await.unwrap()).await.unwrap();
    tokio::spawn(second.clone().watch());
    second
}

/// Asks until the answer changes.
async fn within_a_second(mut changed: impl AsyncFnMut() -> bool) {
    let started = std::time::Instant::now();
    while !changed().await {
        assert!(started.elapsed() < Duration::from_millis(1500), "not within a second");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

on_both! {
    async fn a_post_counts_from_the_next_request_until_it_ends(app) {
        let second = second_instance(&app).await;
        let id = UserId(app.user("shanghai.rep1").await);
        let held = async || second.viewer(id).await.unwrap().unwrap().posts().len();
        assert_eq!(held().await, 1);
        let (admin, rep) = (app.actor("shanghai.admin").await, app.actor("shanghai.rep1").await);
        let levels = "{ customer(externalRef: \"SH-0002\", originUnitCode: \"SHANGHAI\") { level } }";
        assert_eq!(rep.ask(levels).await["customer"]["level"], "CARD");
        let before = audits(&app).await;
        let given = admin.ask_with(GIVE, json!({ "input": input(&app, "shanghai.rep1", "supervisor", "SHANGHAI").await })).await["givePost"]["post"].clone();
        assert_eq!((&given["role"], &given["unit"]["code"], &given["validTo"]), (&json!("supervisor"), &json!("SHANGHAI"), &Json::Null));
        assert_eq!((&given["origin"], &given["actingFor"], &given["version"]), (&json!("DIRECT"), &Json::Null, &json!(1)));
        assert_eq!(rep.ask(levels).await["customer"]["level"], "FULL");
        within_a_second(async || held().await == 2).await;
        let shown = "{ viewer { posts { id role version origin } } }";
        assert_eq!(rep.ask(shown).await["viewer"]["posts"].as_array().unwrap().len(), 2);

        let changed = admin.ask_with(CHANGE, json!({ "input": { "id": given["id"], "validTo": "2090-01-01T00:00:00Z", "expectedVersion": 1 } })).await;
        assert_eq!((&changed["changePost"]["post"]["validTo"], &changed["changePost"]["post"]["version"]), (&json!("2090-01-01T00:00:00Z"), &json!(2)));
        let stale = admin.fail(CHANGE, json!({ "input": { "id": given["id"], "validTo": null, "expectedVersion": 1 } })).await;
        assert_eq!((&stale["extensions"]["code"], &stale["extensions"]["current"]["validTo"]), (&json!("CONFLICT"), &json!("2090-01-01T00:00:00Z")));
        refused(&admin, CHANGE, json!({ "id": given["id"], "validFrom": "2089-01-01T00:00:00Z" }), "BAD_USER_INPUT", "input.validFrom").await;
        refused(&admin, CHANGE, json!({ "id": given["id"], "validTo": "2020-01-01T00:00:00Z" }), "BAD_USER_INPUT", "input.validTo").await;

        let ended = admin.ask_with(END, json!({ "input": { "id": given["id"] } })).await["endPost"]["post"].clone();
        assert!(ended["validTo"].is_string());
        assert_eq!(rep.ask(levels).await["customer"]["level"], "CARD");
        within_a_second(async || held().await == 1).await;
        assert_eq!(admin.ask_with(END, json!({ "input": { "id": given["id"] } })).await["endPost"]["post"], ended, "once is enough");
        refused(&admin, CHANGE, json!({ "id": given["id"], "validTo": null }), "BAD_USER_INPUT", "ended").await;
        let shanghai = app.unit("SHANGHAI").await;
        let rows = audits_since(&app, &before).await;
        assert_eq!(rows.len(), 3, "given, changed, ended: {rows:?}");
        assert!(rows.iter().all(|row| row.unit == Some(shanghai) && global("Post", row.record) == given["id"].as_str().unwrap()), "{rows:?}");
    }

    async fn a_post_to_come_is_moved_and_called_off(app) {
        let admin = app.actor("shanghai.admin").await;
        let later = and(input(&app, "shanghai.rep1", "supervisor", "SHANGHAI").await, json!({ "validFrom": "2090-01-01T00:00:00Z", "validTo": "2090-06-01T00:00:00Z" }));
        let given = admin.ask_with(GIVE, json!({ "input": later })).await["givePost"]["post"].clone();
        let moved = json!({ "id": given["id"], "validFrom": "2090-02-01T00:00:00Z" });
        assert_eq!(admin.ask_with(CHANGE, json!({ "input": moved })).await["changePost"]["post"]["validFrom"], "2090-02-01T00:00:00Z");
        let order = json!({ "id": given["id"], "validFrom": "2090-07-01T00:00:00Z" });
        refused(&admin, CHANGE, order, "BAD_USER_INPUT", "input.validTo").await;
        let off = admin.ask_with(END, json!({ "input": { "id": given["id"] } })).await["endPost"]["post"].clone();
        assert_eq!(off["validFrom"], off["validTo"], "it never counts");
        // And it stands in nobody's way.
        admin.ask_with(GIVE, json!({ "input": input(&app, "shanghai.rep1", "supervisor", "SHANGHAI").await })).await;
    }

    async fn what_must_not_be_given_is_refused(app) {
        app.give_post("shanghai.admin", "branch_manager", "SHANGHAI", 1, None).await;
        app.execute("UPDATE org_unit SET archived_at = 1 WHERE code = 'SHANGHAI-PUDONG'").await;
        app.rights_changed().await;
        let (branch, group) = (app.actor("shanghai.admin").await, app.actor("hq.admin").await);
        let plain = async |username: &str, role: &str, unit: &str| input(&app, username, role, unit).await;
        for (given, code, about) in [
            (plain("shanghai.rep1", "region_manager", "SHANGHAI").await, "FORBIDDEN", "input.role"),
            (plain("shanghai.rep1", "branch_admin", "SHANGHAI").await, "FORBIDDEN", "input.role"),
            (plain("shanghai.rep1", "supervisor", "EAST").await, "FORBIDDEN", "input.role"),
            (plain("shanghai.rep1", "supervisor", "HANGZHOU").await, "FORBIDDEN", "input.role"),
            (plain("shanghai.rep1", "supervisor", "LONDON").await, "NOT_FOUND", "input.unitId"),
            (plain("shanghai.rep1", "ghost", "SHANGHAI").await, "BAD_USER_INPUT", "input.role"),
            (plain("shanghai.admin", "sales_rep", "SHANGHAI").await, "FORBIDDEN", "input.userId"),
            (plain("hangzhou.rep1", "sales_rep", "SHANGHAI").await, "FORBIDDEN", "input.userId"),
            (plain("london.rep1", "sales_rep", "SHANGHAI").await, "NOT_FOUND", "input.userId"),
            (plain("shanghai.rep1", "supervisor", "SHANGHAI-PUDONG").await, "BAD_USER_INPUT", "archived"),
            (plain("shanghai.rep1", "sales_rep", "SHANGHAI").await, "CONFLICT", "overlap"),
            (
                and(plain("shanghai.rep1", "sales_rep", "SHANGHAI").await, json!({ "validFrom": "2001-01-01T00:00:00Z", "validTo": "2091-01-01T00:00:00Z" })),
                "CONFLICT",
                "overlap",
            ),
            (
                and(plain("shanghai.rep1", "supervisor", "SHANGHAI").await, json!({ "validFrom": "2090-01-01T00:00:00Z", "validTo": "2090-01-01T00:00:00Z" })),
                "BAD_USER_INPUT",
                "input.validTo",
            ),
            (and(plain("shanghai.rep1", "supervisor", "SHANGHAI").await, json!({ "validTo": "2020-01-01T00:00:00Z" })), "BAD_USER_INPUT", "input.validTo"),
            (and(plain("shanghai.rep1", "supervisor", "SHANGHAI").await, json!({ "userId": invented("User") })), "NOT_FOUND", "input.userId"),
            (and(plain("shanghai.rep1", "supervisor", "SHANGHAI").await, json!({ "unitId": invented("OrgUnit") })), "NOT_FOUND", "input.unitId"),
            (and(plain("shanghai.rep1", "supervisor", "SHANGHAI").await, json!({ "userId": "x" })), "BAD_USER_INPUT", "input.userId"),
        ] {
            refused(&branch, GIVE, given.clone(), code, about).await;
            refused(&branch, PREVIEW, given, code, about).await;
        }
        refused(&group, GIVE, plain("hq.admin", "sales_rep", "SHANGHAI").await, "FORBIDDEN", "input.userId").await;
        for nobody in ["shanghai.manager", "hq.director", "shanghai.rep1"] {
            let actor = app.actor(nobody).await;
            refused(&actor, GIVE, plain("shanghai.rep2", "supervisor", "SHANGHAI").await, "FORBIDDEN", "").await;
            refused(&actor, PREVIEW, plain("shanghai.rep2", "supervisor", "SHANGHAI").await, "FORBIDDEN", "").await;
        }
        let unseen = branch.bytes(GIVE, &json!({ "input": plain("london.rep1", "sales_rep", "SHANGHAI").await })).await;
        let never = branch.bytes(GIVE, &json!({ "input": and(plain("london.rep1", "sales_rep", "SHANGHAI").await, json!({ "userId": invented("User") })) })).await;
        assert_eq!(unseen, never);
    }

    async fn posts_of_others_are_out_of_reach(app) {
        app.give_post("shanghai.rep1", "service_agent", "BEIJING", 1, None).await;
        app.rights_changed().await;
        let branch = app.actor("shanghai.admin").await;
        for (id, code) in [
            (post(&app, "london.rep1", "sales_rep").await, "NOT_FOUND"),
            (post(&app, "shanghai.rep1", "service_agent").await, "NOT_FOUND"), // of somebody whom it administers, elsewhere
            (invented("Post"), "NOT_FOUND"),
            (post(&app, "shanghai.integration", "integration").await, "FORBIDDEN"),
            (post(&app, "shanghai.admin", "branch_admin").await, "FORBIDDEN"),
        ] {
            refused(&branch, END, json!({ "id": id }), code, "").await;
            refused(&branch, CHANGE, json!({ "id": id, "validTo": "2090-01-01T00:00:00Z" }), code, "").await;
        }
        let own = post(&app, "shanghai.rep1", "sales_rep").await;
        refused(&app.actor("shanghai.rep1").await, END, json!({ "id": own }), "FORBIDDEN", "").await;
        refused(&app.actor("shanghai.manager").await, END, json!({ "id": own }), "FORBIDDEN", "").await;
        refused(&branch, END, json!({ "id": own, "at": "2020-01-01T00:00:00Z" }), "BAD_USER_INPUT", "input.at").await;
        let group = app.actor("hq.admin").await;
        let groups_own = post(&app, "hq.admin", "group_admin").await;
        refused(&group, CHANGE, json!({ "id": groups_own, "validTo": "2090-01-01T00:00:00Z" }), "FORBIDDEN", "input.id").await;
    }

    async fn the_last_who_administers_the_group_keeps_the_post(app) {
        app.give_post("hq.director", "group_admin", "HQ", 1, Some(i64::MAX / 2)).await;
        app.rights_changed().await;
        let (first, second) = (app.actor("hq.admin").await, app.actor("hq.director").await);
        let last = post(&app, "hq.admin", "group_admin").await;
        refused(&first, END, json!({ "id": last }), "CONFLICT", "last_administrator").await;
        refused(&second, END, json!({ "id": last, "at": "2090-01-01T00:00:00Z" }), "CONFLICT", "last_administrator").await;
        refused(&second, CHANGE, json!({ "id": last, "validTo": "2090-01-01T00:00:00Z" }), "CONFLICT", "last_administrator").await;
        first.ask_with(GIVE, json!({ "input": input(&app, "hq.steward", "group_admin", "HQ").await })).await;
        second.ask_with(END, json!({ "input": { "id": last } })).await;
        assert_eq!(first.code(GIVE, json!({ "input": input(&app, "hq.auditor", "sales_rep", "LONDON").await })).await, "FORBIDDEN");
    }

    async fn a_preview_is_what_then_happens(app) {
        let admin = app.actor("hq.admin").await;
        let new = input(&app, "london.rep1", "branch_manager", "SINGAPORE").await;
        let before = contents(&app).await;
        let told = admin.ask_with(PREVIEW, json!({ "input": new })).await["previewPost"].clone();
        assert_eq!(contents(&app).await, before, "nothing has happened yet");
        assert_eq!((&told["userTotal"], &told["users"][0]["user"]["name"]), (&json!(1), &json!("Amelia Okafor")));
        let id = UserId(app.user("london.rep1").await);
        let was = app.rights.viewer(id).await.unwrap().unwrap();
        admin.ask_with(GIVE, json!({ "input": new })).await;
        let is = app.rights.viewer(id).await.unwrap().unwrap();
        let shown = |shift: &Shift| {
            let mut codes: Vec<String> = shift.units.iter().map(|unit| is.tree().unit(*unit).unwrap().code.clone()).collect();
            codes.sort();
            json!({
                "resource": shift.resource.word().to_uppercase(), "action": shift.action.word().to_uppercase(), "ownRows": shift.own,
                "before": shift.before.map(|level| level.word()), "after": shift.after.map(|level| level.word()),
                "unitTotal": codes.len(), "units": codes.iter().map(|code| json!({ "code": code })).collect::<Vec<_>>(),
            })
        };
        let shifts: Vec<Json> = was.shifts(&is, &[]).iter().map(shown).collect();
        assert!(!shifts.is_empty());
        assert_eq!(told["users"][0]["changes"], json!(shifts));
        // A branch administrator is told of the units that it sees.
        let branch = app.actor("shanghai.admin").await;
        let told = branch.ask_with(PREVIEW, json!({ "input": input(&app, "shanghai.service", "branch_manager", "SHANGHAI").await })).await;
        let text = told.to_string();
        assert!(text.contains("SHANGHAI-PUDONG") && !text.contains("HANGZHOU"), "{text}");
    }

    async fn acting_is_checked(app) {
        let branch = app.actor("shanghai.admin").await;
        let absent = user(&app, "shanghai.rep1").await;
        let until = "2090-01-01T00:00:00Z";
        let acting = async |username: &str, role: &str, more: Json| {
            and(input(&app, username, role, "SHANGHAI").await, and(json!({ "actingForId": absent, "validTo": until }), more))
        };
        for (given, code, about) in [
            (acting("shanghai.rep1", "sales_rep", json!({})).await, "BAD_USER_INPUT", "oneself"),
            (acting("shanghai.rep2", "sales_rep", json!({ "validTo": null })).await, "BAD_USER_INPUT", "input.validTo"),
            (acting("shanghai.rep2", "supervisor", json!({})).await, "BAD_USER_INPUT", "input.actingForId"),
            (acting("shanghai.rep2", "sales_rep", json!({ "unitId": global("OrgUnit", app.unit("SHANGHAI-PUDONG").await) })).await, "BAD_USER_INPUT", "input.actingForId"),
            (acting("shanghai.rep2", "sales_rep", json!({ "actingForId": user(&app, "london.rep1").await })).await, "NOT_FOUND", "input.actingForId"),
            (acting("shanghai.rep2", "sales_rep", json!({ "actingForId": invented("User") })).await, "NOT_FOUND", "input.actingForId"),
            (acting("shanghai.rep2", "sales_rep", json!({ "validFrom": "2001-01-01T00:00:00Z" })).await, "BAD_USER_INPUT", "input.actingForId"),
            (acting("shanghai.admin", "sales_rep", json!({})).await, "FORBIDDEN", "input.userId"),
        ] {
            refused(&branch, GIVE, given, code, about).await;
        }
        let given = branch.ask_with(GIVE, json!({ "input": acting("shanghai.rep2", "sales_rep", json!({})).await })).await["givePost"]["post"].clone();
        assert_eq!((&given["origin"], &given["actingFor"]["name"]), (&json!("ACTING"), &json!("王磊")));
        refused(&branch, GIVE, acting("shanghai.rep2", "sales_rep", json!({ "validTo": "2089-01-01T00:00:00Z" })).await, "CONFLICT", "overlap").await;
        refused(&branch, CHANGE, json!({ "id": given["id"], "validTo": null }), "BAD_USER_INPUT", "input.validTo").await;
        // Nobody acts for somebody who only acts.
        let chain = and(acting("shanghai.care", "sales_rep", json!({})).await, json!({ "actingForId": user(&app, "shanghai.supervisor").await }));
        refused(&branch, GIVE, chain, "BAD_USER_INPUT", "input.actingForId").await;
    }
}

/// A role that administers nothing and takes that away from its holder, for everybody to give.
async fn suspending_role(app: &TestApp) {
    app.execute("INSERT INTO role (code, title, delegates_sensitive) VALUES ('suspended', 'Suspended', false)").await;
    app.execute("INSERT INTO role_gives (role, gives) VALUES ('branch_admin', 'suspended')").await;
    app.add_rule(["suspended", "organisation", "administer", "*", "*", "deny"]).await;
    app.rights_changed().await;
}

on_both! {
    async fn what_denies_is_given_by_whoever_could_give_all_the_rest(app) {
        suspending_role(&app).await;
        app.give_post("shanghai.rep2", "group_director", "HQ", i64::MAX / 2, None).await;
        app.rights_changed().await;
        let branch = app.actor("shanghai.admin").await;
        let beyond = input(&app, "shanghai.rep2", "suspended", "SHANGHAI").await;
        refused(&branch, GIVE, beyond.clone(), "FORBIDDEN", "input.role").await;
        refused(&branch, PREVIEW, beyond, "FORBIDDEN", "input.role").await;
        let before = contents(&app).await;
        let file = "username,name,role,unit_code\nshanghai.rep2,Emily Zhao,suspended,SHANGHAI\n";
        let told = crate::import::run(&app, Some("shanghai.admin"), branchwise::cli::import::Kind::Users, file).await;
        assert_eq!((told.counts, told.bad.len()), ([0, 0, 0], 1), "{told:?}");
        assert!(told.bad[0].to_string().contains("role"), "{told:?}");
        // The refusal of a row has touched an epoch, and nothing else.
        let but_epochs = |mut rows: std::collections::BTreeMap<String, Vec<String>>| { rows.remove("epoch"); rows };
        assert_eq!(but_epochs(contents(&app).await), but_epochs(before));
        let given = branch.ask_with(GIVE, json!({ "input": and(input(&app, "shanghai.rep1", "suspended", "SHANGHAI").await, json!({ "validTo": "2090-01-01T00:00:00Z" })) })).await;
        // Given more meanwhile, its holder is beyond the one who gave that.
        app.give_post("shanghai.rep1", "group_director", "HQ", i64::MAX / 2, None).await;
        app.rights_changed().await;
        let longer = json!({ "id": given["givePost"]["post"]["id"], "validTo": "2091-01-01T00:00:00Z" });
        refused(&branch, CHANGE, longer, "FORBIDDEN", "input.role").await;
    }

    async fn nobody_denies_the_last_who_administers_the_group(app) {
        suspending_role(&app).await;
        app.give_post("hq.director", "group_admin", "HQ", 1, Some(i64::MAX / 2)).await;
        app.rights_changed().await;
        let second = app.actor("hq.director").await;
        let denies = input(&app, "hq.admin", "suspended", "LONDON").await;
        for more in [json!({}), json!({ "validFrom": "2090-01-01T00:00:00Z" })] {
            refused(&second, GIVE, and(denies.clone(), more.clone()), "CONFLICT", "last_administrator").await;
            refused(&second, PREVIEW, and(denies.clone(), more), "CONFLICT", "last_administrator").await;
        }
        let before = contents(&app).await;
        let line = |username: &str, role: &str| UserLine {
            username: username.to_owned(),
            name: None,
            email: Patch::Keep,
            role: role.to_owned(),
            unit_code: "LONDON".to_owned(),
        };
        let operator = app.db.seen_by(operator_unscoped(&app.rights));
        let lines = vec![line("new.one", "sales_rep"), line("hq.admin", "suspended")];
        assert!(matches!(users::import(&operator, lines, None).await, Err(Error::Conflict(_))));
        assert_eq!(contents(&app).await, before, "all or nothing");
        // With somebody else who goes on, it may be.
        app.give_post("hq.steward", "group_admin", "HQ", 1, None).await;
        app.rights_changed().await;
        second.ask_with(GIVE, json!({ "input": denies })).await;
        assert_eq!(app.actor("hq.admin").await.code(END, json!({ "input": { "id": invented("Post") } })).await, "FORBIDDEN");
    }
}

async fn acting_is_for_a_time(app: TestApp) {
    let (admin, deputy) = (app.actor("shanghai.admin").await, app.actor("shanghai.care").await);
    let end = app.clock.now().plus_seconds(60).rfc3339();
    let owned = format!(
        "SELECT external_ref FROM customer WHERE archived_at IS NULL AND owner_id = {} ORDER BY external_ref",
        sql_id(app.engine, app.user("shanghai.rep1").await)
    );
    let reference: String = app.select(&owned).await[0].try_get_by_index(0).unwrap();
    let read = "query($r: String!) { customer(externalRef: $r, originUnitCode: \"SHANGHAI\") { id level } }";
    let seen = deputy.ask_with(read, json!({ "r": reference })).await["customer"].clone();
    assert_eq!(seen["level"], "BASIC");
    let update = "mutation($id: ID!, $name: String!) { updateCustomer(input: {id: $id, name: $name}) { customer { name } } }";
    assert_eq!(deputy.code(update, json!({ "id": seen["id"], "name": "Too early" })).await, "FORBIDDEN");
    let more = json!({ "actingForId": user(&app, "shanghai.rep1").await, "validTo": end });
    admin.ask_with(GIVE, json!({ "input": and(input(&app, "shanghai.care", "sales_rep", "SHANGHAI").await, more) })).await;
    assert_eq!(deputy.ask_with(read, json!({ "r": reference })).await["customer"]["level"], "FULL");
    let before = audits(&app).await;
    deputy.ask_with(update, json!({ "id": seen["id"], "name": "By the deputy" })).await;
    let row = audits_since(&app, &before).await.remove(0);
    assert_eq!(row.actor, Some(app.user("shanghai.care").await));
    let behalf = app.select(&format!("SELECT behalf_of_name FROM audit WHERE id = {}", sql_id(app.engine, row.id))).await;
    assert_eq!(behalf[0].try_get_by_index::<String>(0).unwrap(), "王磊", "both names are kept");
    // Another's customers are no more the deputy's than the absent holder's.
    let other = "query { customers(filter: {minLevel: FULL}, first: 100) { nodes { owner { name } } } }";
    let full = deputy.ask(other).await;
    assert!(full["customers"]["nodes"].as_array().unwrap().iter().all(|node| node["owner"]["name"] == "王磊"), "{full}");

    // And the absent holder's is the one that holds now.
    let rename = "mutation($id: ID!) { updateUser(input: {id: $id, name: \"Renamed\"}) { user { name } } }";
    admin.ask_with(rename, json!({ "id": user(&app, "shanghai.rep1").await })).await;
    let before = audits(&app).await;
    deputy.ask_with(update, json!({ "id": seen["id"], "name": "By the deputy again" })).await;
    let row = audits_since(&app, &before).await.remove(0);
    let behalf = app.select(&format!("SELECT behalf_of_name FROM audit WHERE id = {}", sql_id(app.engine, row.id))).await;
    assert_eq!(behalf[0].try_get_by_index::<String>(0).unwrap(), "Renamed");

    app.clock.advance_seconds(59);
    assert_eq!(deputy.ask_with(read, json!({ "r": reference })).await["customer"]["level"], "FULL", "in its last second");
    app.clock.advance_seconds(1);
    assert_eq!(deputy.ask_with(read, json!({ "r": reference })).await["customer"]["level"], "BASIC");
    assert_eq!(deputy.code(update, json!({ "id": seen["id"], "name": "Too late" })).await, "FORBIDDEN");
    assert!(deputy.ask(COUNT).await["customers"]["totalCount"].as_i64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acting_on_sqlite() {
    if let Some(app) = TestApp::start_standing(Engine::Sqlite).await {
        acting_is_for_a_time(app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acting_on_postgres() {
    if let Some(app) = TestApp::start_standing(Engine::Postgres).await {
        acting_is_for_a_time(app).await;
    }
}
