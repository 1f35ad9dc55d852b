//! The end of a server: whatever it has accepted is answered, and it does not wait for ever.

use std::collections::HashSet;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{Engine, TestApp};
use crate::on_both;
use crate::process::Process;
use crate::tables::unit_id;

/// How often a server is ended under load; `BRANCHWISE_TEST_DRAINS` says otherwise.
const ROUNDS: usize = 10;
const CLIENTS: usize = 6;
const LOAD: Duration = Duration::from_millis(400);
const CREATE: &str = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { externalRef } } }";

/// Who creates customers, one after the other.
#[derive(Clone)]
struct Creator {
    address: String,
    token: String,
    unit: Json,
    /// How their references begin.
    prefix: String,
    /// Between the first half of a request and the second.
    pause: Duration,
}

/// What became of their requests.
#[derive(Default)]
struct Told {
    acknowledged: Vec<String>,
    /// When those were sent that got no byte of an answer.
    closed: Vec<Instant>,
}

impl Creator {
    fn request(&self, reference: &str) -> Vec<u8> {
        let input = json!({ "unitId": self.unit, "kind": "PERSON", "name": "Under load", "externalRef": reference });
        let body = json!({ "query": CREATE, "variables": { "input": input } }).to_string();
        let head = format!("POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\naccept: application/json\r\n", self.token);
        format!("{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    /// Sends a request; its answer, or none where nothing came back.
    async fn ask(&self, stream: &mut TcpStream, request: &[u8]) -> Option<Json> {
        let (first, second) = request.split_at(request.len() - 40);
        stream.write_all(first).await.ok()?;
        tokio::time::sleep(self.pause).await;
        stream.write_all(second).await.ok()?;
        let mut told = Vec::new();
        loop {
            let mut bytes = [0; 4096];
            match stream.read(&mut bytes).await {
                Ok(0) | Err(_) if told.is_empty() => return None,
                Ok(read) if read > 0 => told.extend_from_slice(&bytes[..read]),
                _ => panic!("half an answer: {}", String::from_utf8_lossy(&told)),
            }
            let text = String::from_utf8_lossy(&told);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("its length");
            if body.len() >= length.parse().unwrap() {
                return Some(serde_json::from_str(body).unwrap());
            }
        }
    }

    /// Until the server lets nobody in any more.
    async fn until_the_end(self) -> Told {
        let mut told = Told::default();
        for number in 0.. {
            let Ok(mut stream) = TcpStream::connect(&self.address).await else { break };
            for turn in 0.. {
                let (reference, sent) = (format!("{}-{number}-{turn}", self.prefix), Instant::now());
                let Some(answer) = self.ask(&mut stream, &self.request(&reference)).await else {
                    told.closed.push(sent);
                    break;
                };
                assert_eq!(answer["data"]["createCustomer"]["customer"]["externalRef"], json!(reference), "{answer}");
                told.acknowledged.push(reference);
            }
        }
        told
    }
}

fn rounds() -> usize {
    std::env::var("BRANCHWISE_TEST_DRAINS").ok().map_or(ROUNDS, |rounds| rounds.parse().unwrap())
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
    tokio::spawn(Creator { address, token, unit, prefix: "LOAD-HELD".to_owned(), pause: Duration::ZERO }.until_the_end());
    tokio::time::sleep(Duration::from_millis(500)).await;
    server
}

on_both! {
    async fn no_accepted_request_is_lost(app) {
        let token = app.actor("shanghai.manager").await.token.unwrap();
        let unit = unit_id(&app, "SHANGHAI").await;
        let mut acknowledged = HashSet::new();
        let mut closed = 0;
        for round in 0..rounds() {
            let server = Process::start(&app.database.url, &[]);
            let address = server.address();
            let clients = (0..CLIENTS).map(|client| {
                let (address, token, unit, prefix) = (address.clone(), token.clone(), unit.clone(), format!("LOAD-{round}-{client}"));
                // One of them is slow, so that the signal comes while half a request is there.
                let pause = if client == 0 { LOAD / 4 } else { Duration::ZERO };
                tokio::spawn(Creator { address, token, unit, prefix, pause }.until_the_end())
            });
            let clients: Vec<_> = clients.collect();
            tokio::time::sleep(LOAD + Duration::from_millis(7 * (round % 20) as u64)).await;
            let signalled = Instant::now();
            server.signal("TERM");
            let (status, lines) = server.ended();
            assert!(status.success() && !lines.iter().any(|line| line.contains("cut off") || line.contains("in time")), "{lines:#?}");
            for client in clients {
                let told = client.await.unwrap();
                assert!(told.closed.iter().all(|sent| *sent > signalled), "round {round}: what was sent before the signal is answered");
                closed += told.closed.len();
                acknowledged.extend(told.acknowledged);
            }
            assert_eq!(stored(&app).await, acknowledged, "round {round}: what was done was told");
        }
        let _ = writeln!(std::io::stdout(), "{} rounds: {} acknowledged and stored, {closed} turned away unread", rounds(), acknowledged.len());
        assert!(acknowledged.len() > rounds() * CLIENTS, "{} under load", acknowledged.len());
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
