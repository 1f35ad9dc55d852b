//! What becomes of requests when there are more than the server can take.
//!
//! Usage: `overload ADDRESS CLIENTS SECONDS TOKEN...`: one client that asks without a pause (unloaded), CLIENTS of them (the peak), then four
//! and ten times as many requests a second as were answered then, sent at their time whether or not others are answered; tokens in turn.
//!
//! Told for each: requests sent a second; good answers, refusals and their latencies in milliseconds; what else came; how long /health/live
//! took at the longest; and with `PID` set the memory of that process. It speaks HTTP by itself, to take little of the machine.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep_until;

const BODY: &str = r#"{"query":"{ customers(first: 20) { nodes { id name kind class createdAt version } } }"}"#;
/// Connections for each client of the peak; so many may be on their way at once.
const CONNECTIONS: usize = 16;
const HEALTH_EVERY: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Good,
    Refused,
    Other,
    Broken,
    Live,
}

type Told = HashMap<Kind, Vec<Duration>>;

fn request(token: &str) -> Vec<u8> {
    let length = BODY.len();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\naccept: application/graphql-response+json\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{BODY}"
    )
    .into_bytes()
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

/// The status and body of the answer; None: there is none.
async fn ask(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> Option<(u16, usize)> {
    stream.write_all(request).await.ok()?;
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
        let Some(end) = find(buffer, b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end]).ok()?;
        let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
        if buffer.len() >= end + 4 + length {
            return Some((head.get(9..12)?.parse().ok()?, end + 4));
        }
    }
}

/// When requests are sent.
struct Pace {
    started: Instant,
    until: Instant,
    /// Seconds from one to the next; None: as soon as the last one is answered.
    every: Option<f64>,
    next: AtomicUsize,
    sent: AtomicUsize,
}

async fn client(address: String, request: Vec<u8>, pace: Arc<Pace>) -> Told {
    let (mut told, mut buffer) = (Told::new(), Vec::new());
    let mut stream = None;
    loop {
        if let Some(every) = pace.every {
            let turn = pace.next.fetch_add(1, Ordering::Relaxed);
            sleep_until((pace.started + Duration::from_secs_f64(turn as f64 * every)).into()).await;
        }
        if Instant::now() >= pace.until {
            return told;
        }
        if stream.is_none() {
            stream = TcpStream::connect(&address).await.ok();
        }
        let began = Instant::now();
        pace.sent.fetch_add(1, Ordering::Relaxed);
        let answer = match &mut stream {
            Some(stream) => ask(stream, &request, &mut buffer).await,
            None => None,
        };
        let kind = match answer {
            None => Kind::Broken,
            Some((200, body)) if find(&buffer[body..], b"\"errors\"").is_none() => Kind::Good,
            Some((_, body)) if find(&buffer[body..], b"OVERLOADED").is_some() => Kind::Refused,
            Some(_) => Kind::Other,
        };
        if kind == Kind::Broken {
            stream = None;
        }
        told.entry(kind).or_default().push(began.elapsed());
    }
}

async fn live(address: String, until: Instant) -> Told {
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let (mut told, mut buffer) = (Told::new(), Vec::new());
    while Instant::now() < until {
        let began = Instant::now();
        let answer = ask(&mut stream, b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n", &mut buffer).await;
        assert_eq!(answer.expect("health").0, 200);
        told.entry(Kind::Live).or_default().push(began.elapsed());
        tokio::time::sleep(HEALTH_EVERY).await;
    }
    told
}

fn share(took: &mut [Duration], hundredths: usize) -> String {
    took.sort_unstable();
    let at = took.get(took.len().saturating_sub(1) * hundredths / 100);
    at.map_or("-".to_owned(), |took| format!("{:.1}", took.as_secs_f64() * 1_000.0))
}

fn memory() -> String {
    let status = std::env::var("PID").ok().and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/status")).ok());
    let line = status.and_then(|status| status.lines().find_map(|line| line.strip_prefix("VmRSS:").map(str::trim).map(str::to_owned)));
    line.unwrap_or("-".to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |what: &str| arguments.next().expect(what);
    let address = argument("ADDRESS");
    let clients: usize = argument("CLIENTS").parse().expect("clients");
    let seconds = Duration::from_secs(argument("SECONDS").parse().expect("seconds"));
    let requests: Vec<Vec<u8>> = arguments.map(|token| request(&token)).collect();
    assert!(!requests.is_empty(), "TOKEN");
    println!("| load | sent/s | good/s | p50 | p99 | refused/s | p50 | p99 | other | broken | live, longest | memory |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let mut peak = 0.0;
    for (load, times) in [("one client", 0.0), ("peak", 0.0), ("4 x", 4.0), ("10 x", 10.0)] {
        let connections = match load {
            "one client" => 1,
            "peak" => clients,
            _ => clients * CONNECTIONS,
        };
        let started = Instant::now();
        let every = (times > 0.0).then(|| 1.0 / (times * peak));
        let (next, sent) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let pace = Arc::new(Pace { started, until: started + seconds, every, next, sent });
        let asking = (0..connections).map(|at| tokio::spawn(client(address.clone(), requests[at % requests.len()].clone(), pace.clone())));
        let mut tasks: Vec<_> = asking.collect();
        tasks.push(tokio::spawn(live(address.clone(), pace.until)));
        let mut told = Told::new();
        for task in tasks {
            for (kind, took) in task.await.expect("a client") {
                told.entry(kind).or_default().extend(took);
            }
        }
        let mut of = |kind| told.remove(&kind).unwrap_or_default();
        let (mut good, mut refused, mut live) = (of(Kind::Good), of(Kind::Refused), of(Kind::Live));
        let (other, broken) = (of(Kind::Other).len(), of(Kind::Broken).len());
        let a_second = |number: usize| number as f64 / seconds.as_secs_f64();
        peak = if load == "peak" { a_second(good.len()) } else { peak };
        println!(
            "| {load} | {:.0} | {:.0} | {} | {} | {:.0} | {} | {} | {other} | {broken} | {} | {} |",
            a_second(pace.sent.load(Ordering::Relaxed)),
            a_second(good.len()),
            share(&mut good, 50),
            share(&mut good, 99),
            a_second(refused.len()),
            share(&mut refused, 50),
            share(&mut refused, 99),
            share(&mut live, 100),
            memory(),
        );
    }
}
