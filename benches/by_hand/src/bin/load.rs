//! Asks a server as fast as it answers: clients that each keep one connection and send the next request when the last answer is there.
//! Every answer must be a 200 with what `EXPECT` holds (`"version":`) and without `"errors"`; anything else ends the run.
//!
//! Usage: `load ADDRESS REQUESTS CLIENTS SECONDS [MOST]`; REQUESTS is a file with a request a line, `METHOD PATH [BODY]`, asked in turn,
//! MOST how many are asked at most. `TOKEN` is sent as a bearer token where it is set. Prints requests a second, and the latencies in
//! milliseconds below which half and 99 of 100 answers came.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

struct Question {
    method: String,
    path: String,
    body: Bytes,
}

fn questions(file: &str) -> Vec<Question> {
    let text = std::fs::read_to_string(file).expect("the file of requests");
    let question = |line: &str| {
        let mut parts = line.splitn(3, ' ').map(str::to_owned);
        Question {
            method: parts.next().expect("a method"),
            path: parts.next().expect("a path"),
            body: parts.next().unwrap_or_default().into(),
        }
    };
    text.lines().map(question).collect()
}

fn has(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

/// What every client knows.
struct Run {
    address: String,
    questions: Vec<Question>,
    next: AtomicUsize,
    most: usize,
    token: Option<String>,
    expect: String,
    end: Instant,
}

async fn client(run: Arc<Run>) -> Vec<Duration> {
    let Run { address, questions, token, .. } = run.as_ref();
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    let mut took = Vec::new();
    while Instant::now() < run.end {
        let number = run.next.fetch_add(1, Ordering::Relaxed);
        if number >= run.most {
            break;
        }
        let question = &questions[number % questions.len()];
        let mut request = Request::builder().method(question.method.as_str()).uri(&question.path).header("host", address);
        if !question.body.is_empty() {
            request = request.header("content-type", "application/json").header("accept", "application/json");
        }
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(question.body.clone())).expect("a request");
        let started = Instant::now();
        let answer = sender.send_request(request).await.expect("an answer");
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        took.push(started.elapsed());
        let is_right = status == StatusCode::OK && has(&body, &run.expect) && !has(&body, "\"errors\"");
        assert!(is_right, "{} {}: {status} {}", question.method, question.path, String::from_utf8_lossy(&body));
    }
    took
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |what: &str| arguments.next().expect(what);
    let (address, file) = (argument("ADDRESS"), argument("REQUESTS"));
    let clients: usize = argument("CLIENTS").parse().expect("clients");
    let seconds: u64 = argument("SECONDS").parse().expect("seconds");
    let most = arguments.next().map_or(usize::MAX, |most| most.parse().expect("the most requests"));
    let token = std::env::var("TOKEN").ok().filter(|token| !token.is_empty());
    let expect = std::env::var("EXPECT").unwrap_or_else(|_| "\"version\":".to_owned());
    let started = Instant::now();
    let end = started + Duration::from_secs(seconds);
    let run = Arc::new(Run { address, questions: questions(&file), next: AtomicUsize::new(0), most, token, expect, end });
    let tasks: Vec<_> = (0..clients).map(|_| tokio::spawn(client(run.clone()))).collect();
    let mut took = Vec::new();
    for task in tasks {
        match task.await {
            Ok(times) => took.extend(times),
            Err(_) => std::process::exit(1),
        }
    }
    let elapsed = started.elapsed();
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
    println!("{:.0} {:.2} {:.2}", took.len() as f64 / elapsed.as_secs_f64(), at(50), at(99));
}
