//! What is sent to do harm below GraphQL, and what refusing it takes: processor time, bytes of answer; and that others are served on.

use std::fs;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{Actor, Engine, TestApp};

/// Processor time that a refusal may take; unoptimised code is many times slower.
const CPU: Duration = Duration::from_millis(if cfg!(debug_assertions) { 400 } else { 50 });
const MOST_ANSWER: usize = 64 * 1024;

/// Of this thread, on which server and client run: what other tests take does not count.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default())
}

fn address(app: &TestApp) -> String {
    app.url.trim_start_matches("http://").trim_end_matches("/graphql").to_owned()
}

async fn serves_on(app: &TestApp) {
    assert_eq!(app.nobody().ask("{ __typename }").await["__typename"], "Query");
}

/// What comes back for bytes on a connection of their own, until the server closes it or says no more.
async fn answer_to(app: &TestApp, bytes: &[u8]) -> String {
    let (mut reader, mut writer) = TcpStream::connect(address(app)).await.unwrap().into_split();
    let mut told = Vec::new();
    let writing = async {
        // The server may hang up before everything is sent.
        let _ = writer.write_all(bytes).await;
    };
    let reading = async {
        let _ = tokio::time::timeout(Duration::from_secs(2), reader.read_to_end(&mut told)).await;
    };
    tokio::join!(writing, reading);
    String::from_utf8_lossy(&told).into_owned()
}

async fn code(actor: &Actor<'_>, query: &str) -> (String, usize) {
    let answer = actor.request(&json!({ "query": query })).send().await.unwrap();
    assert!(answer.status().as_u16() < 500, "{}", answer.status());
    let body = answer.text().await.unwrap();
    let told: Json = serde_json::from_str(&body).unwrap();
    (told["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned(), body.len())
}

#[tokio::test]
async fn documents_are_refused_for_little() {
    let app = TestApp::start(Engine::Sqlite).await.unwrap();
    let each = |number: usize, one: &dyn Fn(usize) -> String| (0..number).map(one).collect::<String>();
    let doubling: String = (0..500).map(|at| format!("fragment F{at} on Query {{ ...F{0} ...F{0} }} ", at + 1)).collect();
    for (query, wanted) in [
        (format!("{{ viewer {{ {} }} }}", each(20_000, &|at| format!("a{at}: name "))), "COST_LIMIT_EXCEEDED"),
        (format!("{{ viewer {{ {} }} }}", each(4_000, &|at| format!("a{at}: name "))), "COST_LIMIT_EXCEEDED"),
        (format!("{{ viewer {{ name {} }} }}", "@skip(if: false) ".repeat(20_000)), "COST_LIMIT_EXCEEDED"),
        (format!("{{ viewer {{ name {} }} }}", "@a ".repeat(7_000)), "COST_LIMIT_EXCEEDED"),
        (format!("{{ {} }}", each(20_000, &|at| format!("u{at} "))), "COST_LIMIT_EXCEEDED"),
        (format!("{{ viewer {{ {} }} }}", each(7_000, &|at| format!("u{at} "))), "GRAPHQL_VALIDATION_FAILED"),
        (format!("{{ customers(filter: {}", "[".repeat(60_000)), "COST_LIMIT_EXCEEDED"),
        (format!("{{ customers(filter: {}", "{not:".repeat(10_000)), "COST_LIMIT_EXCEEDED"),
        (format!("{{ ...F0 }} {doubling} fragment F500 on Query {{ viewer {{ name }} }}"), "COST_LIMIT_EXCEEDED"),
        ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
    ] {
        for (actor, is_signed_in) in [(app.nobody(), false), (app.actor("hq.director").await, true)] {
            // What has run before has its memory and its caches.
            serves_on(&app).await;
            let before = cpu();
            let (told, bytes) = code(&actor, &query).await;
            let took = cpu().saturating_sub(before);
            let shown: String = query.chars().take(60).collect();
            let expected = if is_signed_in || wanted == "COST_LIMIT_EXCEEDED" { told == wanted } else { !told.is_empty() };
            assert!(expected, "{shown}: {told}");
            assert!(bytes <= MOST_ANSWER, "{shown}: {bytes} bytes");
            assert!(took < CPU, "{shown}: {took:?}");
        }
    }
    serves_on(&app).await;
}

#[tokio::test]
async fn large_bodies_and_headers_are_refused_unread() {
    let app = TestApp::start(Engine::Sqlite).await.unwrap();
    serves_on(&app).await;
    let head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let ten_mb = 10 * 1024 * 1024;
    let announced = format!("{head}content-length: {ten_mb}\r\n\r\n{{\"query\": \"");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(160));
    let one_header = format!("{head}x-large: {}\r\n\r\n", "x".repeat(64 * 1024));
    let many_headers = format!("{head}{}\r\n", (0..1_000).map(|at| format!("x-{at}: {}\r\n", "x".repeat(56))).collect::<String>());
    let long_path = format!("GET /graphql?query={} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(64 * 1024));
    for (bytes, status) in [(&announced, 413), (&chunked, 413), (&one_header, 431), (&many_headers, 431), (&long_path, 414)] {
        let before = cpu();
        let told = answer_to(&app, bytes.as_bytes()).await;
        let took = cpu().saturating_sub(before);
        let shown: String = bytes.chars().skip(90).take(60).collect();
        // A connection that is closed under what is still being sent may lose the answer.
        let is_told = told.is_empty() || told.starts_with(&format!("HTTP/1.1 {status}")) || told.starts_with("HTTP/1.1 4");
        assert!(is_told, "{shown}: {}", told.chars().take(200).collect::<String>());
        assert!(told.len() <= MOST_ANSWER, "{shown}: {} bytes", told.len());
        assert!(took < CPU, "{shown}: {took:?}");
        serves_on(&app).await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_request_are_not_answered_with_a_crash() {
    let app = TestApp::start(Engine::Sqlite).await.unwrap();
    for bytes in [
        &b"\x00\xff\x16\x03\x01"[..],
        b"GET",
        b"GET /graphql HTTP/9.9\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}",
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        let told = answer_to(&app, bytes).await;
        assert!(told.len() <= MOST_ANSWER && !told.contains("HTTP/1.1 5") && !told.contains("HTTP/1.1 2"), "{bytes:?}: {told}");
        serves_on(&app).await;
    }
}

#[tokio::test]
async fn silent_sockets_and_half_heads_keep_nobody_out() {
    let app = TestApp::start_with(Engine::Sqlite, |config| config.http.header_timeout_s = 1).await.unwrap();
    let mut silent = Vec::new();
    for number in 0..400 {
        let mut socket = TcpStream::connect(address(&app)).await.unwrap();
        if number % 2 == 1 {
            socket.write_all(b"POST /graphql HTTP/1.1\r\nhost: x\r\nx-half: ").await.unwrap();
        }
        silent.push(socket);
    }
    serves_on(&app).await;
    let before = cpu();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(cpu().saturating_sub(before) < 2 * CPU, "waiting takes no time");
    let mut closed = 0;
    for socket in silent.iter_mut().skip(1).step_by(2) {
        let mut told = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut told)).await;
        closed += usize::from(read.is_ok() && told.len() <= MOST_ANSWER);
    }
    assert_eq!(closed, 200, "whoever does not finish a head is cut");
    serves_on(&app).await;
}

#[tokio::test]
async fn silent_sockets_make_room_when_there_is_none_left() {
    let app = TestApp::start_with(Engine::Sqlite, |config| config.http.max_connections = 20).await.unwrap();
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(address(&app)).await.unwrap());
    }
    let served = tokio::time::timeout(Duration::from_secs(20), serves_on(&app));
    served.await.expect("long before an idle connection goes by itself");
}
