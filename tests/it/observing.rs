//! What operators see of requests: their ids, metrics and logs; and that none of it tells of customers.

use reqwest::Client;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::app::TestApp;
use crate::on_both;
use crate::process::Process;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// The id of the answer to a GET with these headers.
async fn request_id(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> String {
    let mut request = Client::new().get(app.url.replace("/graphql", path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    response.headers()["x-request-id"].to_str().unwrap().to_owned()
}

fn logged(line: &str) -> Option<Json> {
    serde_json::from_str(line).ok()
}

/// The log of a server that ends well.
fn ended(server: Process) -> Vec<String> {
    server.signal("TERM");
    let (status, lines) = server.ended();
    assert!(status.success(), "{lines:#?}");
    lines
}

async fn ask(address: &str, token: &str, body: &Json) -> Json {
    let request = Client::new().post(format!("http://{address}/graphql")).bearer_auth(token).header("accept", "application/json");
    request.json(body).send().await.unwrap().json().await.unwrap()
}

async fn get(address: &str, path: &str) -> (u16, String) {
    let response = Client::new().get(format!("http://{address}{path}")).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

on_both! {
    async fn every_answer_names_its_request(app) {
        for path in ["/graphql", "/password", "/health/live", "/nowhere"] {
            assert_eq!(request_id(&app, path, &[("x-request-id", "from-the-client.1")]).await, "from-the-client.1", "{path}");
            let made = request_id(&app, path, &[]).await;
            assert!(made.len() == 36 && made != request_id(&app, path, &[]).await, "{path}: {made}");
            for wrong in ["two words", "<script>", &"x".repeat(65)] {
                assert_ne!(request_id(&app, path, &[("x-request-id", wrong)]).await, wrong, "{path}");
            }
        }
    }

    async fn every_line_of_a_request_carries_its_id_and_its_trace(app) {
        let token = app.actor("shanghai.manager").await.token.unwrap();
        let server = Process::start(&app.database.url, &[]);
        let address = server.address();
        for (id, parent) in [("with-a-trace", format!("00-{TRACE}-{PARENT}-01")), ("without", format!("00-{}-{PARENT}-01", "0".repeat(32)))] {
            let request = Client::new().post(format!("http://{address}/graphql")).bearer_auth(&token);
            let request = request.header("x-request-id", id).header("traceparent", parent).header("accept", "application/json");
            assert_eq!(request.json(&json!({ "query": "{ viewer { name } }" })).send().await.unwrap().status(), 200);
        }
        let lines = ended(server);
        let spans: Vec<Json> = lines.iter().filter_map(|line| logged(line)).filter(|line| line["message"] == "graphql").map(|line| line["span"].clone()).collect();
        assert_eq!(spans, [
            json!({ "name": "request", "request_id": "with-a-trace", "trace_id": TRACE, "parent_id": PARENT }),
            json!({ "name": "request", "request_id": "without" }),
        ], "{lines:#?}");
    }

    async fn operators_get_numbers_on_a_port_of_their_own(app) {
        let token = app.actor("shanghai.rep1").await.token.unwrap();
        let server = Process::start(&app.database.url, &[("BRANCHWISE_ADMIN_LISTEN", "127.0.0.1:0")]);
        let (address, operators) = (server.address(), server.told("serving operators", "address"));
        for number in 0..300 {
            let body = json!({ "query": format!("query Op{number} {{ viewer {{ name }} }}") });
            assert_eq!(ask(&address, &token, &body).await.get("errors"), None);
        }
        ask(&address, &token, &json!({ "query": "query Refused { customers(filter: {archived: true}) { totalCount } }" })).await;
        ask(&address, &token, &json!({ "query": "query Invalid { nothing }" })).await;
        ask(&address, "", &json!({ "query": "query Stranger { __typename }" })).await;
        let (status, text) = get(&operators, "/metrics").await;
        assert_eq!(status, 200);
        for line in [
            "branchwise_requests_total{operation=\"Op7\",code=\"OK\"} 1",
            "branchwise_request_duration_seconds_count{operation=\"Op7\"} 1",
            "branchwise_requests_total{operation=\"other\",code=\"OK\"} 200",
            "branchwise_requests_total{operation=\"other\",code=\"FORBIDDEN\"} 1",
            "branchwise_requests_total{operation=\"other\",code=\"GRAPHQL_VALIDATION_FAILED\"} 1",
            "branchwise_requests_total{operation=\"other\",code=\"UNAUTHENTICATED\"} 1",
            "branchwise_request_cost_count{operation=\"Op7\"} 1",
            "branchwise_request_cost_count{operation=\"other\"} 201",
            "branchwise_requests_in_flight 0",
            "branchwise_cache_entries{cache=\"viewers\"} 1",
            "branchwise_denials_total 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|said| said == line), "{line}\n{text}");
        }
        assert!(text.contains("branchwise_database_connections{") && text.contains("{cache=\"documents\"} 30"), "{text}");
        assert!(!text.contains("Stranger") && !text.contains("Invalid"), "{text}");
        let operations = text.lines().filter(|line| line.starts_with("branchwise_request_duration_seconds_count")).count();
        assert_eq!(operations, 101, "names have a cap");
        let (status, details) = get(&operators, "/health/details").await;
        let mut details: Json = serde_json::from_str(&details).unwrap();
        assert!(details["rights"]["confirmedMsAgo"].take().as_u64().unwrap() < 5_000);
        assert!(details["audit"]["sealedMsAgo"].take().as_u64().unwrap() < 5_000);
        let wanted = json!({ "ready": true, "draining": false, "database": { "answers": true },
            "audit": { "sealedMsAgo": null }, "rights": { "confirmed": true, "confirmedMsAgo": null } });
        assert_eq!((status, details), (200, wanted));
        for path in ["/metrics", "/health/details"] {
            assert_eq!(get(&address, path).await.0, 404, "never on the public port: {path}");
        }
        ended(server);
    }

    async fn a_port_in_use_is_said_in_one_line(app) {
        let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = held.local_addr().unwrap().to_string();
        for name in ["BRANCHWISE_LISTEN", "BRANCHWISE_ADMIN_LISTEN"] {
            let (status, lines) = Process::start(&app.database.url, &[(name, &taken)]).ended();
            assert_eq!(status.code(), Some(1));
            assert!(lines.len() == 1 && lines[0].contains(&taken) && lines[0].contains(name), "{lines:#?}");
        }
    }

    async fn each_operation_of_a_batch_counts_by_itself(app) {
        let token = app.actor("shanghai.rep1").await.token.unwrap();
        let file = app.database.folder().join("batch.toml");
        std::fs::write(&file, "[http]\nslow_ms = 0\nmax_batch = 4\n").unwrap();
        let environment = [("BRANCHWISE_ADMIN_LISTEN", "127.0.0.1:0"), ("BRANCHWISE_CONFIG", file.to_str().unwrap())];
        let server = Process::start(&app.database.url, &environment);
        let (address, operators) = (server.address(), server.told("serving operators", "address"));
        let look = json!({ "query": "query Look { customers(first: 3) { nodes { name } } }" });
        let refused = json!({ "query": "query Refused { customers(filter: {archived: true}) { totalCount } }" });
        ask(&address, &token, &json!([look, refused, look, { "query": "{ nothing }" }])).await;
        let (_, text) = get(&operators, "/metrics").await;
        for line in [
            "branchwise_requests_total{operation=\"Look\",code=\"OK\"} 2",
            "branchwise_requests_total{operation=\"Refused\",code=\"FORBIDDEN\"} 1",
            "branchwise_requests_total{operation=\"other\",code=\"GRAPHQL_VALIDATION_FAILED\"} 1",
            "branchwise_request_duration_seconds_count{operation=\"Look\"} 2",
            "branchwise_request_cost_count{operation=\"Look\"} 2",
            "branchwise_request_cost_sum{operation=\"Look\"} 10.0",
            "branchwise_request_cost_count{operation=\"Refused\"} 1",
        ] {
            assert!(text.lines().any(|said| said == line), "{line}\n{text}");
        }
        let lines = ended(server);
        let told = |message: &str| -> Vec<String> {
            let lines = lines.iter().filter_map(|line| logged(line)).filter(|line| line["message"] == message);
            lines.map(|line| format!("{} {}", line["operation"].as_str().unwrap(), line["codes"].as_str().unwrap())).collect()
        };
        assert_eq!(told("slow operation"), ["Look ", "Refused FORBIDDEN", "Look "]);
        assert_eq!(told("graphql"), ["Look ", "Refused FORBIDDEN", "Look ", "- GRAPHQL_VALIDATION_FAILED"]);
    }

    async fn a_slow_operation_leaves_a_line_without_what_was_asked(app) {
        let token = app.actor("shanghai.rep1").await.token.unwrap();
        let file = app.database.folder().join("slow.toml");
        std::fs::write(&file, "[http]\nslow_ms = 0\n").unwrap();
        let server = Process::start(&app.database.url, &[("BRANCHWISE_CONFIG", file.to_str().unwrap())]);
        let address = server.address();
        let query = "query Look($name: String) { customers(filter: {name: {contains: $name}}) { totalCount } }";
        ask(&address, &token, &json!({ "query": query, "variables": { "name": "Hidden" } })).await;
        let lines = ended(server);
        let slow: Vec<Json> = lines.iter().filter_map(|line| logged(line)).filter(|line| line["message"] == "slow operation").collect();
        assert_eq!(slow.len(), 1, "{lines:#?}");
        let hash = Sha256::digest(query).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!((&slow[0]["document"], &slow[0]["operation"], &slow[0]["level"]), (&json!(hash), &json!("Look"), &json!("WARN")));
        assert!(slow[0]["cost"].as_u64().unwrap() > 0 && slow[0]["duration_ms"].is_u64() && slow[0]["codes"] == "", "{slow:?}");
        assert!(lines.iter().all(|line| !line.contains("Hidden") && !line.contains("totalCount")), "{lines:#?}");
    }

    async fn logs_are_written_as_the_environment_says(app) {
        for (format, is_json) in [("json", true), ("text", false), ("", true)] {
            let server = Process::start(&app.database.url, &[("BRANCHWISE_LOG", format)]);
            let line = server.first_line();
            assert!(line.contains("serving") && logged(&line).is_some() == is_json && !line.contains('\u{1b}'), "{format}: {line}");
        }
        for (name, wrong) in [("BRANCHWISE_LOG", "xml"), ("RUST_LOG", "branchwise=loud")] {
            let (status, lines) = Process::start(&app.database.url, &[(name, wrong)]).ended();
            assert!(status.code() == Some(1) && lines.len() == 1 && lines[0].contains(name), "{lines:#?}");
        }
    }
}
