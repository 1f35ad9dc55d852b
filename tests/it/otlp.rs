//! Spans of requests, as a collector gets them: one for each request, in the caller's trace, and nothing in it but what is written here.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use reqwest::Client;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::on_both;
use crate::process::Process;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
/// Of `SpanKind`: internal and server.
const KINDS: (u64, u64) = (1, 2);

/// A collector on a thread of its own, so that a test that waits does not keep it from taking what comes.
pub struct Collector {
    pub endpoint: String,
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let taken: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let kept = taken.clone();
        let take = async move |headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            kept.lock().unwrap().push(body.to_vec());
        };
        let router = Router::new().route("/v1/traces", post(take));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap() });
        });
        Self { endpoint, taken }
    }

    /// Every byte that came.
    pub fn bytes(&self) -> Vec<u8> {
        self.taken.lock().unwrap().concat()
    }

    /// Every span that came, in the order of its end.
    pub fn spans(&self) -> Vec<Span> {
        let taken = self.taken.lock().unwrap();
        // ExportTraceServiceRequest.resource_spans.scope_spans.spans
        taken.iter().flat_map(|message| below(message, &[1, 2, 2])).map(|span| Span::read(&span)).collect()
    }
}

#[derive(Debug)]
pub struct Span {
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
    pub kind: u64,
    pub attributes: BTreeMap<String, Json>,
    pub failed: bool,
}

impl Span {
    fn read(span: &[u8]) -> Self {
        let text = |number| String::from_utf8(below(span, &[number]).concat()).unwrap();
        let hex = |number| below(span, &[number]).concat().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let attribute = |pair: Vec<u8>| {
            let value = below(&pair, &[2]).concat();
            let value = fields(&value).into_iter().next().map(|(number, value)| match (number, value) {
                (1, Value::Bytes(text)) => json!(String::from_utf8(text).unwrap()),
                (3, Value::Number(number)) => json!(number),
                other => panic!("{other:?}"),
            });
            (String::from_utf8(below(&pair, &[1]).concat()).unwrap(), value.unwrap())
        };
        let number = |path: &[u64], number| match below_fields(span, path).into_iter().find(|(found, _)| *found == number) {
            Some((_, Value::Number(number))) => number,
            _ => 0,
        };
        Self {
            trace: hex(1),
            id: hex(2),
            parent: hex(4),
            name: text(5),
            kind: number(&[], 6),
            attributes: below(span, &[9]).into_iter().map(attribute).collect(),
            failed: number(&[15], 3) == 2,
        }
    }
}

#[derive(Debug)]
enum Value {
    Number(u64),
    Bytes(Vec<u8>),
}

/// The fields of a message, by number. Source: <https://protobuf.dev/programming-guides/encoding/>.
fn fields(mut message: &[u8]) -> Vec<(u64, Value)> {
    fn varint(message: &mut &[u8]) -> u64 {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = message[0];
            *message = &message[1..];
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut message)),
            wire => {
                let length = match wire {
                    1 => 8,
                    5 => 4,
                    _ => usize::try_from(varint(&mut message)).unwrap(),
                };
                let (bytes, rest) = message.split_at(length);
                message = rest;
                Value::Bytes(bytes.to_vec())
            }
        };
        found.push((tag >> 3, value));
    }
    found
}

/// Everything that stands at the end of this path of field numbers.
fn below(message: &[u8], path: &[u64]) -> Vec<Vec<u8>> {
    let Some((first, rest)) = path.split_first() else { return vec![message.to_vec()] };
    let parts = fields(message).into_iter().filter_map(|(number, value)| match value {
        Value::Bytes(bytes) if number == *first => Some(bytes),
        _ => None,
    });
    parts.flat_map(|part| below(&part, rest)).collect()
}

fn below_fields(message: &[u8], path: &[u64]) -> Vec<(u64, Value)> {
    below(message, path).iter().flat_map(|part| fields(part)).collect()
}

fn attributes(pairs: &[(&str, Json)]) -> BTreeMap<String, Json> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

on_both! {
    async fn every_request_leaves_a_span_in_the_trace_of_its_caller(app) {
        let token = app.actor("shanghai.manager").await.token.unwrap();
        let collector = Collector::start();
        let file = app.database.folder().join("otlp.toml");
        std::fs::write(&file, format!("otlp_endpoint = '{}/'\n[http]\nmax_batch = 4\n", collector.endpoint)).unwrap();
        // Nothing is sent before the end, which has to send it.
        let environment = [("BRANCHWISE_CONFIG", file.to_str().unwrap()), ("OTEL_BSP_SCHEDULE_DELAY", "600000")];
        let server = Process::start(&app.database.url, &environment);
        let address = server.address();
        let ask = async |body: Json, parent: Option<String>| {
            let request = Client::new().post(format!("http://{address}/graphql")).bearer_auth(&token).header("accept", "application/json");
            let request = parent.into_iter().fold(request, |request, parent| request.header("traceparent", parent));
            assert_eq!(request.json(&body).send().await.unwrap().status(), 200);
        };
        let look = "query Look($hidden: String) { customers(first: 1, filter: {name: {contains: $hidden}}) { totalCount } }";
        let looking = json!({ "query": look, "variables": { "hidden": "Hidden" } });
        ask(looking.clone(), Some(format!("00-{TRACE}-{PARENT}-01"))).await;
        ask(looking, Some(format!("00-{TRACE}-{PARENT}-00"))).await;
        ask(json!({ "query": "{ nothing }" }), None).await;
        ask(json!([{ "query": "query First { viewer { name } }" }, { "query": "query Second { viewer { name } }" }]), None).await;
        for path in ["/health/live", "/password", "/nowhere"] {
            reqwest::get(format!("http://{address}{path}")).await.unwrap();
        }
        server.signal("TERM");
        let (status, lines) = server.ended();
        assert!(status.success(), "{lines:#?}");

        let spans = collector.spans();
        assert_eq!(spans.len(), 5, "{spans:#?}");
        let hash = |text: &str| json!(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let route = ("http.route", json!("/graphql"));
        let status = ("http.response.status_code", json!(200));
        let ran = |name: &str, text: &str, cost: u64| {
            [("graphql.operation.name", json!(name)), ("graphql.document.hash", hash(text)), ("branchwise.code", json!("OK")), ("branchwise.cost", json!(cost))]
        };
        let looked = &spans[0];
        assert_eq!((looked.trace.as_str(), looked.parent.as_str(), looked.kind), (TRACE, PARENT, KINDS.1));
        assert_eq!(looked.name, "POST /graphql");
        let cost = looked.attributes["branchwise.cost"].as_u64().unwrap();
        assert_eq!(looked.attributes, attributes(&[&ran("Look", look, cost)[..], &[route.clone(), status.clone()]].concat()));

        let invalid = &spans[1];
        let wanted = [("graphql.document.hash", hash("{ nothing }")), ("branchwise.code", json!("GRAPHQL_VALIDATION_FAILED")), route.clone(), status.clone()];
        assert_eq!((&invalid.attributes, invalid.failed), (&attributes(&wanted), false));
        let told = |line: &&String| line.contains("GRAPHQL_VALIDATION_FAILED") && line.contains(&format!("\"trace_id\":\"{}\"", invalid.trace));
        assert_eq!(lines.iter().filter(told).count(), 1, "the log leads to the trace: {lines:#?}");

        let batch = &spans[4];
        assert_eq!((batch.attributes.clone(), batch.parent.as_str()), (attributes(&[route, status]), ""));
        for (span, name) in [(&spans[2], "First"), (&spans[3], "Second")] {
            assert_eq!((&span.trace, &span.parent, span.kind), (&batch.trace, &batch.id, KINDS.0), "{span:#?}");
            assert_eq!(span.attributes, attributes(&ran(name, &format!("query {name} {{ viewer {{ name }} }}"), 2)));
        }
        let sent = String::from_utf8_lossy(&collector.bytes()).into_owned();
        assert!(sent.contains("service.name") && sent.contains("branchwise"));
        for hidden in ["Hidden", "totalCount", "shanghai", "manager", token.as_str()] {
            assert!(!sent.contains(hidden), "{hidden}");
        }
    }

    async fn a_collector_that_is_away_keeps_nobody_from_anything(app) {
        let token = app.actor("shanghai.manager").await.token.unwrap();
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = Process::start(&app.database.url, &[("BRANCHWISE_OTLP_ENDPOINT", &format!("http://{nobody}"))]);
        let request = Client::new().post(format!("http://{}/graphql", server.address())).bearer_auth(&token);
        let answer = request.header("accept", "application/json").json(&json!({ "query": "{ viewer { name } }" })).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let since = std::time::Instant::now();
        server.signal("TERM");
        let (status, lines) = server.ended();
        assert!(status.success() && since.elapsed().as_secs() < 20, "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains("xport") || line.contains("spans")), "it is told: {lines:#?}");
    }
}
