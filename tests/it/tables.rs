//! What stands in the tables, read behind the server's back, and the ids that tests begin with.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::{Engine, TestApp};

/// The tables of the database, by name.
pub async fn tables(app: &TestApp) -> Vec<String> {
    let sql = match app.engine {
        Engine::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        Engine::Postgres => "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name",
    };
    app.select(sql).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// All rows of all tables as text: equal before and after means that nothing changed at all. The audit tells of refusals too, which change
/// nothing: those rows are left out.
pub async fn contents(app: &TestApp) -> BTreeMap<String, Vec<String>> {
    let mut contents = BTreeMap::new();
    for table in tables(app).await {
        let row = match app.engine {
            Engine::Sqlite => {
                let columns = app.select(&format!("SELECT name FROM pragma_table_info('{table}') {}", but_positions(&table))).await;
                let quoted = columns.iter().map(|row| format!("quote(\"{}\")", row.try_get_by_index::<String>(0).unwrap()));
                quoted.collect::<Vec<_>>().join(" || '|' || ")
            }
            Engine::Postgres if table == "change" => "CAST(to_jsonb(change) - 'position' AS text)".to_owned(),
            Engine::Postgres => format!("CAST({table} AS text)"),
        };
        let mut rows: Vec<String> = app
            .select(&format!("SELECT {row} FROM {table} {}", but_refusals(&table)))
            .await
            .iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect();
        rows.sort();
        contents.insert(table, rows);
    }
    contents
}

/// A change gets its position at any time: nothing is changed by that.
fn but_positions(table: &str) -> &'static str {
    if table == "change" { "WHERE name <> 'position'" } else { "" }
}

fn but_refusals(table: &str) -> &'static str {
    // Sealing changes nothing but that.
    if table == "audit_seal" {
        return "WHERE 1 = 0";
    }
    if table == "audit" { "WHERE record_type <> 'request'" } else { "" }
}

/// How many rows a table has.
pub async fn count(app: &TestApp, table: &str) -> i64 {
    app.number(&format!("SELECT COUNT(*) FROM {table}")).await
}

/// A row of the audit.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit {
    pub id: Uuid,
    pub actor: Option<Uuid>,
    pub action: String,
    pub record: Uuid,
    pub unit: Option<Uuid>,
    pub changes: Json,
}

/// The whole audit but refusals.
pub async fn audits(app: &TestApp) -> Vec<Audit> {
    let rows = app.select("SELECT id, actor_id, action, record_id, unit_id, changes FROM audit WHERE record_type <> 'request'").await;
    rows.iter()
        .map(|row| Audit {
            id: row.try_get("", "id").unwrap(),
            actor: row.try_get("", "actor_id").unwrap(),
            action: row.try_get("", "action").unwrap(),
            record: row.try_get("", "record_id").unwrap(),
            unit: row.try_get("", "unit_id").unwrap(),
            changes: row.try_get("", "changes").unwrap(),
        })
        .collect()
}

/// What was refused, oldest first: who, and what the row tells.
pub async fn refusals(app: &TestApp) -> Vec<(Option<Uuid>, Json)> {
    let rows = app.select("SELECT actor_id, changes FROM audit WHERE record_type = 'request' ORDER BY at, id").await;
    rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect()
}

/// The audit rows that came since `before`.
pub async fn audits_since(app: &TestApp, before: &[Audit]) -> Vec<Audit> {
    audits(app).await.into_iter().filter(|row| !before.iter().any(|old| old.id == row.id)).collect()
}

/// The UUID inside a global id.
pub fn uuid_of(global: &Json) -> Uuid {
    use base64::Engine;
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(global.as_str().unwrap()).unwrap();
    String::from_utf8(text).unwrap().split_once(':').unwrap().1.parse().unwrap()
}

/// The global id of a unit.
pub async fn unit_id(app: &TestApp, code: &str) -> Json {
    let query = "query($code: String!) { orgUnit(code: $code) { id } }";
    app.actor("hq.director").await.ask_with(query, json!({ "code": code })).await["orgUnit"]["id"].clone()
}

/// The global id of a user.
pub async fn user_id(app: &TestApp, username: &str) -> Json {
    app.actor(username).await.ask("{ viewer { id } }").await["viewer"]["id"].clone()
}

/// The global id of a customer of the sample group, by reference and unit.
pub async fn customer_id(app: &TestApp, reference: &str, unit: &str) -> Json {
    let query = "query($reference: String!, $unit: String!) { customer(externalRef: $reference, originUnitCode: $unit) { id } }";
    let answer = app.actor("hq.director").await.ask_with(query, json!({ "reference": reference, "unit": unit })).await;
    assert!(answer["customer"]["id"].is_string(), "no customer {reference} at {unit}");
    answer["customer"]["id"].clone()
}

/// The global id of the only contact of a customer of the sample group.
pub async fn contact_id(app: &TestApp, reference: &str, unit: &str) -> Json {
    let query = "query($id: ID!) { customer(id: $id) { contacts { nodes { id } } } }";
    let variables = json!({ "id": customer_id(app, reference, unit).await });
    app.actor("hq.director").await.ask_with(query, variables).await["customer"]["contacts"]["nodes"][0]["id"].clone()
}

/// Gives a role another right and tells the server, as an administrator would.
pub async fn allow(app: &TestApp, role: &str, resource: &str, action: &str, reach: &str) {
    let id = match app.engine {
        Engine::Sqlite => "randomblob(16)",
        Engine::Postgres => "gen_random_uuid()",
    };
    app.execute(&format!(
        "INSERT INTO policy_rule (id, role, resource, action, reach, level, effect) \
         VALUES ({id}, '{role}', '{resource}', '{action}', '{reach}', 'FULL', 'allow')"
    ))
    .await;
    rights_changed(app).await;
}

/// Tells the server that rights of the group were changed behind its back.
pub async fn rights_changed(app: &TestApp) {
    app.rights_changed().await;
}
