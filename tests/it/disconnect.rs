//! Clients that hang up: what was acknowledged is stored once with one audit row, nothing else is stored, and no connection to the
//! database is left inside a transaction.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{Engine, TestApp};
use crate::on_both;
use crate::tables::{audits, audits_since, unit_id};
use crate::writes::call;

const REQUESTS: u64 = 600;
const AT_ONCE: u64 = 6;
const LONGEST_MS: u64 = 20;
/// One request in so many waits for its answer, however slow the machine is.
const PATIENT_EVERY: u64 = 10;
/// How long the server may take to finish what was cut off.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);

/// The same delays on every run: a linear congruential generator.
struct Delays(u64);

impl Delays {
    fn next(&mut self) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((self.0 >> 33) % (LONGEST_MS * 1_000))
    }
}

fn reference(number: u64) -> String {
    format!("CUT-{number:04}")
}

/// Sends one request and resets the connection after `patience`. True: the answer had come, and said that the customer was created.
async fn create_and_hang_up(address: String, token: String, body: String, patience: Duration) -> bool {
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.set_zero_linger().unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\naccept: \
            application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let asked = tokio::time::timeout(patience, async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        let mut told = Vec::new();
        let mut buffer = [0; 4_096];
        while !String::from_utf8_lossy(&told).contains("externalRef") {
            match stream.read(&mut buffer).await? {
                0 => break,
                read => told.extend_from_slice(&buffer[..read]),
            }
        }
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&told).into_owned())
    });
    asked.await.is_ok_and(|told| told.is_ok_and(|told| told.starts_with("HTTP/1.1 200") && !told.contains("errors")))
}

async fn stored(app: &TestApp) -> Vec<(uuid::Uuid, String)> {
    let rows = app.select("SELECT id, external_ref FROM customer WHERE external_ref LIKE 'CUT-%' ORDER BY external_ref").await;
    rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect()
}

/// What is stored once the server has come to rest.
async fn settled(app: &TestApp) -> Vec<(uuid::Uuid, String)> {
    let started = Instant::now();
    let mut last = stored(app).await;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = stored(app).await;
        if now == last {
            return now;
        }
        assert!(started.elapsed() < SETTLED_WITHIN, "the server does not come to rest");
        last = now;
    }
}

on_both! {
    async fn what_was_acknowledged_is_stored_and_nothing_is_stored_twice(app) {
        let token = app.actor("shanghai.manager").await.token.unwrap();
        let unit = unit_id(&app, "SHANGHAI").await;
        let address = app.url.trim_start_matches("http://").trim_end_matches("/graphql").to_owned();
        let before = audits(&app).await;
        let mut delays = Delays(20_261_121);
        let mut acknowledged = HashSet::new();
        let document = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { externalRef } } }";
        for round in 0..REQUESTS / AT_ONCE {
            let requests = (round * AT_ONCE..(round + 1) * AT_ONCE).map(|number| {
                let input = json!({ "unitId": unit, "kind": "PERSON", "name": "Cut \
                    off", "externalRef": reference(number), "phone": "13900000000" });
                let body = json!({ "query": document, "variables": { "input": input } }).to_string();
                let delay = delays.next();
                let patience = if number % PATIENT_EVERY == 0 { Duration::from_secs(10) } else { delay };
                tokio::spawn(create_and_hang_up(address.clone(), token.clone(), body, patience))
            });
            for (number, answered) in (round * AT_ONCE..).zip(futures::future::join_all(requests).await) {
                if answered.unwrap() {
                    acknowledged.insert(reference(number));
                }
            }
        }
        let rows = settled(&app).await;
        let references: HashSet<String> = rows.iter().map(|(_, reference)| reference.clone()).collect();
        assert_eq!(references.len(), rows.len(), "one customer a reference");
        let sent: HashSet<String> = (0..REQUESTS).map(reference).collect();
        assert!(references.is_subset(&sent));
        assert!(acknowledged.is_subset(&references), "acknowledged and lost: {:?}", acknowledged.difference(&references));
        let answered = acknowledged.len() as u64;
        assert!((REQUESTS / PATIENT_EVERY..REQUESTS).contains(&answered), "{answered} were answered in time");
        let audit = audits_since(&app, &before).await;
        let audited: HashSet<uuid::Uuid> = audit.iter().map(|row| row.record).collect();
        assert_eq!(audit.len(), rows.len(), "one audit row a customer");
        assert_eq!(audited, rows.iter().map(|(id, _)| *id).collect());
        let orphans = app
            .number(
                "SELECT COUNT(*) FROM party p WHERE NOT EXISTS (SELECT 1 FROM customer c WHERE c.party_id = \
            p.id)",
            )
            .await;
        assert_eq!(orphans, 0, "a customer is stored whole or not at all");
        if app.engine == Engine::Postgres {
            let idle = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
            assert_eq!(app.number(idle).await, 0);
        }
        let manager = app.actor("shanghai.manager").await;
        for number in 0..10 {
            let name = format!("After {number}");
            let made = call(&manager, "createCustomer", &json!({ "unitId": unit, "kind": "PERSON", "name": name })).await;
            assert_eq!(made["name"], name, "the server serves on");
        }
        assert_eq!(app.number("SELECT COUNT(*) FROM customer WHERE name LIKE 'After %'").await, 10, "and loses nothing");
    }
}
