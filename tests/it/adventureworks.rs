//! A group of eighteen thousand customers, imported from its files: every level sees its own, at the level that it should.

use std::path::PathBuf;

use branchwise::cli::import::Kind;
use serde_json::{Value as Json, json};

use crate::app::{Actor, Engine, TestApp};
use crate::import::run;
use crate::raw::invented;
use crate::tables::{contents, user_id};
use crate::units::{call as call_unit, unit};
use crate::writes::call;

const USERS: &str = "username,name,role,unit_code\n\
    admin,Administrator,group_admin,AW\n\
    director,Director,group_director,AW\n\
    na.manager,North America,region_manager,NA\n\
    eu.manager,Europe,region_manager,EU\n\
    au.manager,Australia,branch_manager,AUSTRALIA\n\
    fr.manager,France,branch_manager,FRANCE\n\
    fr.rep,Representative,sales_rep,FRANCE\n";
const HIDDEN: [&str; 11] = [
    "phone",
    "email",
    "address",
    "birthDate",
    "gender",
    "occupation",
    "education",
    "annualIncome",
    "identityNumber",
    "customFields",
    "industry",
];

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/adventureworks");
    if !folder.exists() {
        eprintln!("no {}: its test is skipped", folder.display());
        return None;
    }
    Some(folder)
}

async fn total(actor: &Actor<'_>) -> Json {
    actor.ask("{ customers { totalCount } }").await["customers"]["totalCount"].clone()
}

/// Every customer that the actor sees, page by page.
async fn every(actor: &Actor<'_>) -> Vec<Json> {
    let query = "query($after: String) { customers(first: 100, after: $after) { pageInfo { hasNextPage endCursor }
        nodes { id level phone email birthDate annualIncome { amount } contacts { totalCount } hiddenFields unit { code } } } }";
    let mut all = Vec::new();
    let mut after = Json::Null;
    loop {
        let mut page = actor.ask_with(query, json!({ "after": after })).await["customers"].take();
        all.append(page["nodes"].as_array_mut().unwrap());
        if page["pageInfo"]["hasNextPage"] == false {
            return all;
        }
        after = page["pageInfo"]["endCursor"].take();
    }
}

async fn each_sees_its_own(engine: Engine) {
    let (Some(folder), Some(app)) = (folder(), TestApp::start_empty(engine).await) else { return };
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(run(&app, None, Kind::OrgUnits, &read("org_units.csv")).await.counts, [14, 0, 0]);
    assert_eq!(run(&app, None, Kind::Users, USERS).await.counts, [7, 0, 0]);
    let customers = read("customers.csv");
    assert_eq!(run(&app, None, Kind::Customers, &customers).await.counts, [18_148, 0, 0]);
    let before = contents(&app).await;
    assert_eq!(run(&app, None, Kind::Customers, &customers).await.counts, [0, 0, 18_148]);
    assert!(contents(&app).await == before, "a second run changes nothing");

    for (user, customers) in
        [("director", 18_148), ("na.manager", 8_734), ("eu.manager", 5_202), ("au.manager", 3_480), ("fr.manager", 1_705)]
    {
        assert_eq!(total(&app.actor(user).await).await, customers, "{user}");
    }
    let rep = app.actor("fr.rep").await;
    assert_eq!(total(&rep).await, 1_705);
    let manager = app.actor("fr.manager").await;
    let mut owned = Vec::new();
    for node in every(&rep).await.iter().take(3) {
        let input = json!({ "id": node["id"], "ownerId": user_id(&app, "fr.rep").await });
        owned.push(call(&manager, "assignCustomer", &input).await["id"].clone());
    }
    let seen = every(&rep).await;
    assert_eq!(seen.len(), 1_705);
    for node in seen {
        assert_eq!(node["unit"]["code"], "FRANCE");
        let hidden: Vec<&str> = node["hiddenFields"].as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect();
        if owned.contains(&node["id"]) {
            assert!(node["level"] == "FULL" && node["email"].is_string() && hidden.is_empty(), "{node}");
            continue;
        }
        assert_eq!(node["level"], "CARD");
        for field in ["phone", "email", "birthDate", "annualIncome", "contacts"] {
            assert_eq!(node[field], Json::Null, "{field}");
        }
        for field in HIDDEN.iter().chain(&["contacts"]) {
            assert!(hidden.contains(field), "{field} in {hidden:?}");
        }
    }
    canada_moves(&app).await;
}

/// Canada goes from North America to Europe and back.
async fn canada_moves(app: &TestApp) {
    let [na, eu, admin] = [app.actor("na.manager").await, app.actor("eu.manager").await, app.actor("admin").await];
    let canada = "query($after: String) { customers(first: 1, after: $after, filter: { underUnit: \"UNIT\" }) { nodes { id } } }";
    let canada = canada.replace("UNIT", &unit(app, "CANADA").await);
    let id = na.ask(&canada).await["customers"]["nodes"][0]["id"].take();
    let by_id = "query($id: ID!) { node(id: $id) { id } customer(id: $id) { name level } }";
    for (parent, counts, sees, does_not) in [("EU", [7_235, 6_701], &eu, &na), ("NA", [8_734, 5_202], &na, &eu)] {
        call_unit(&admin, "moveOrgUnit", json!({ "id": unit(app, "CANADA").await, "parentId": unit(app, parent).await })).await;
        assert_eq!([total(&na).await, total(&eu).await], counts.map(Json::from), "Canada under {parent}");
        assert_eq!(sees.ask_with(by_id, json!({ "id": id })).await["customer"]["level"], "FULL");
        let gone = does_not.bytes(by_id, &json!({ "id": id })).await;
        assert_eq!(gone, does_not.bytes(by_id, &json!({ "id": invented("Customer") })).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_sees_its_own_on_sqlite() {
    each_sees_its_own(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_sees_its_own_on_postgres() {
    each_sees_its_own(Engine::Postgres).await;
}
