//! The end of a server: whatever it has accepted is answered, and it does not wait for ever.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value as Json, json};

use crate::app::{Engine, TestApp};
use crate::on_both;
use crate::process::Process;
use crate::tables::unit_id;

const ROUNDS: usize = 10;
const CLIENTS: usize = 6;
const LOAD: Duration = Duration::from_millis(400);
const CREATE: &str = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { externalRef } } }";

fn creation(unit: &Json, reference: &str) -> Json {
    let input = json!({ "unitId": unit, "kind": "PERSON", "name": "Under load", "externalRef": reference });
    json!({ "query": CREATE, "variables": { "input": input } })
}

/// Creates customers until the server is gone; the references that it acknowledged.
async fn create_until_the_end(address: String, token: String, unit: Json, prefix: String) -> Vec<String> {
    let client = Client::new();
    let mut acknowledged = Vec::new();
    loop {
        let reference = format!("{prefix}-{}", acknowledged.len());
        let request = client.post(format!("http://{address}/graphql")).bearer_auth(&token).header("accept", "application/json");
        let Ok(answer) = request.json(&creation(&unit, &reference)).send().await else { return acknowledged };
        let answer: Json = answer.json().await.expect("an answer that begins comes whole");
        assert_eq!(answer["data"]["createCustomer"]["customer"]["externalRef"], json!(reference), "{answer}");
        acknowledged.push(reference);
    }
}

async fn stored(app: &TestApp) -> HashSet<String> {
    let rows = app.select("SELECT external_ref FROM customer WHERE external_ref LIKE 'LOAD-%'").await;
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// Holds up whoever writes, until the test ends.
async fn hold_up(app: &TestApp) {
    app.execute(match app.engine {
        Engine::Sqlite => "BEGIN IMMEDIATE",
        Engine::Postgres => "BEGIN; LOCK TABLE party IN EXCLUSIVE MODE",
    })
    .await;
}

/// A server with a request that does not end.
async fn held(app: &TestApp, drain_deadline_s: u64) -> Process {
    let file = app.database.folder().join("drain.toml");
    std::fs::write(&file, format!("[http]\ndrain_deadline_s = {drain_deadline_s}\n")).unwrap();
    let token = app.actor("shanghai.manager").await.token.unwrap();
    let unit = unit_id(app, "SHANGHAI").await;
    let server = Process::start(&app.database.url, &[("BRANCHWISE_CONFIG", file.to_str().unwrap())]);
    let address = server.address();
    hold_up(app).await;
    tokio::spawn(create_until_the_end(address, token, unit, "LOAD-HELD".to_owned()));
    tokio::time::sleep(Duration::from_millis(500)).await;
    server
}

on_both! {
    async fn no_accepted_request_is_lost(app) {
        let token = app.actor("shanghai.manager").await.token.unwrap();
        let unit = unit_id(&app, "SHANGHAI").await;
        let mut acknowledged = HashSet::new();
        for round in 0..ROUNDS {
            let server = Process::start(&app.database.url, &[]);
            let address = server.address();
            let clients = (0..CLIENTS).map(|client| {
                tokio::spawn(create_until_the_end(address.clone(), token.clone(), unit.clone(), format!("LOAD-{round}-{client}")))
            });
            let clients: Vec<_> = clients.collect();
            tokio::time::sleep(LOAD).await;
            server.signal("TERM");
            let (status, lines) = server.ended();
            assert!(status.success() && !lines.iter().any(|line| line.contains("cut off") || line.contains("in time")), "{lines:#?}");
            for client in clients {
                acknowledged.extend(client.await.unwrap());
            }
            assert_eq!(stored(&app).await, acknowledged, "round {round}: what was done was told");
        }
        assert!(acknowledged.len() > ROUNDS * CLIENTS, "{} under load", acknowledged.len());
    }

    async fn a_second_signal_ends_at_once(app) {
        let server = held(&app, 30).await;
        let address = server.address();
        server.signal("TERM");
        server.wait_for("draining; a second signal ends at once");
        let ready = reqwest::get(format!("http://{address}/health/ready")).await;
        assert!(ready.is_err() || ready.is_ok_and(|answer| answer.status() == 503), "not ready at once");
        let signalled = Instant::now();
        server.signal("TERM");
        server.ended();
        assert!(signalled.elapsed() < Duration::from_secs(4), "{:?}", signalled.elapsed());
    }

    async fn the_deadline_ends_what_does_not_finish(app) {
        let server = held(&app, 1).await;
        let signalled = Instant::now();
        server.signal("TERM");
        server.ended();
        let took = signalled.elapsed();
        assert!(took > Duration::from_millis(900) && took < Duration::from_secs(5), "{took:?}");
    }
}
