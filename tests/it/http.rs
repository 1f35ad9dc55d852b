//! The transport: methods, media types, statuses, limits, tokens, languages, and clients that are too slow.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use branchwise::clock::Clock;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{Engine, TestApp, session_of_tests};
use crate::on_both;
use crate::tables::{contents, customer_id};

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

fn post(app: &TestApp, accept: &str, body: impl Into<String>) -> RequestBuilder {
    Client::new().post(&app.url).header("accept", accept).header("content-type", JSON).body(body.into())
}

fn get(app: &TestApp, pairs: &[(&str, &str)]) -> RequestBuilder {
    Client::new().get(Url::parse_with_params(&app.url, pairs).unwrap()).header("accept", GRAPHQL)
}

/// Status, media type, headers of interest and body: errors are JSON with a code, on whatever path.
async fn answer(request: RequestBuilder) -> (u16, String, Json) {
    let response: Response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let media = response.headers().get("content-type").expect("a content type").to_str().unwrap().to_owned();
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(response.headers().get("set-cookie").is_none());
    let body: Json = serde_json::from_str(&response.text().await.unwrap()).expect("JSON");
    if status >= 400 && body.get("status").is_none() {
        assert!(body["errors"][0]["extensions"]["code"].is_string(), "{status} {body}");
        assert!(body["errors"][0]["message"].is_string(), "{status} {body}");
    }
    (status, media, body)
}

fn code(body: &Json) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

fn query(text: &str) -> String {
    json!({ "query": text }).to_string()
}

on_both! {
    async fn statuses_follow_the_media_type(app) {
        let token = app.actor("shanghai.rep1").await.token.unwrap();
        let deep = format!("{{ customers(filter: {}{}) {{ totalCount }} }}", "[".repeat(4_000), "]".repeat(4_000));
        let forbidden = "{ customers(filter: {archived: true}) { totalCount } viewer { name } }";
        for (body, as_graphql, as_json, wanted, has_data) in [
            (query("{ viewer { name } }"), 200, 200, "", true),
            (query("{ viewer {"), 400, 200, "GRAPHQL_PARSE_FAILED", false),
            (query("{ nothing }"), 400, 200, "GRAPHQL_VALIDATION_FAILED", false),
            (query(&deep), 400, 200, "COST_LIMIT_EXCEEDED", false),
            (query("{ customer { id } }"), 200, 200, "BAD_USER_INPUT", true),
            (query(forbidden), 200, 200, "FORBIDDEN", true),
            ("{".to_owned(), 400, 400, "BAD_USER_INPUT", false),
            ("[]".to_owned(), 400, 400, "BAD_USER_INPUT", false),
            (json!([{ "query": "{ __typename }" }]).to_string(), 400, 400, "BAD_USER_INPUT", false),
            ("null".to_owned(), 400, 400, "BAD_USER_INPUT", false),
            ("{}".to_owned(), 400, 400, "BAD_USER_INPUT", false),
            (json!({ "query": 7 }).to_string(), 400, 400, "BAD_USER_INPUT", false),
            (json!({ "query": "{ __typename }", "variables": [] }).to_string(), 400, 400, "BAD_USER_INPUT", false),
            (json!({ "query": "{ __typename }", "operationName": {} }).to_string(), 400, 400, "BAD_USER_INPUT", false),
            ("[".repeat(100_000), 400, 400, "BAD_USER_INPUT", false),
        ] {
            for (accept, status) in [(GRAPHQL, as_graphql), (JSON, as_json)] {
                let (found, media, told) = answer(post(&app, accept, body.clone()).bearer_auth(&token)).await;
                let shown: String = body.chars().take(60).collect();
                assert_eq!((found, code(&told)), (status, wanted), "{accept} {shown}: {told}");
                assert!(media.starts_with(accept), "{media}");
                assert_eq!(told.get("data").is_some(), has_data, "{shown}: {told}");
            }
        }
    }

    async fn a_variable_that_does_not_fit_fails_the_request_before_anything_runs(app) {
        let token = app.actor("shanghai.manager").await.token.unwrap();
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let (before, mut problems) = (contents(&app).await, Vec::new());
        let twice = "mutation($id: ID!, $other: ID!) { a: updateCustomer(input: {id: $id, name: \"First\"}) { __typename }
            b: updateCustomer(input: {id: $other, name: \"Second\"}) { __typename } }";
        for (document, variables) in [
            ("query($id: ID!) { __typename node(id: $id) { id } }", json!({})),
            ("query($id: ID!) { __typename node(id: $id) { id } }", json!({ "id": null })),
            ("query($id: ID!) { __typename node(id: $id) { id } }", json!({ "id": { "a": 1 } })),
            ("query($first: Int) { __typename customers(first: $first) { totalCount } }", json!({ "first": "ten" })),
            ("query($first: Int) { __typename customers(first: $first) { totalCount } }", json!({ "first": 3_000_000_000_u64 })),
            (
                "query($filter: CustomerFilter) { __typename customers(filter: $filter) { totalCount } }",
                json!({ "filter": { "nothing": 1 } }),
            ),
            (
                "query($class: CustomerClass) { __typename customers(filter: {class: {eq: $class}}) { totalCount } }",
                json!({ "class": "VIP" }),
            ),
            ("query($unused: ID!) { __typename node(id: $unused) { id } }", json!({ "unused": [] })),
            (twice, json!({ "id": id })),
            (twice, json!({ "id": id, "other": null })),
            (twice, json!({ "id": id, "other": ["x", "y"] })),
        ] {
            let body = json!({ "query": document, "variables": variables }).to_string();
            let (status, _, told) = answer(post(&app, GRAPHQL, body).bearer_auth(&token)).await;
            let is_right =
                told.get("data").is_none() && status == 400 && ["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&code(&told));
            if !is_right {
                problems.push(format!("{document} {variables}: {status} {told}"));
            }
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        assert_eq!(contents(&app).await, before);
    }

    async fn what_is_not_json_or_not_wanted_is_refused(app) {
        let before = contents(&app).await;
        let token = app.actor("shanghai.manager").await.token.unwrap();
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let mutation = query(&format!("mutation {{ updateCustomer(input: {{id: {id}, name: \"Forged\"}}) {{ __typename }} }}"));
        let client = Client::new();
        for media in
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=latin1", ""]
        {
            let mut request = client.post(&app.url).bearer_auth(&token).body(mutation.clone());
            if !media.is_empty() {
                request = request.header("content-type", media);
            }
            let accepted = request.try_clone().unwrap().send().await.unwrap().headers()["accept"].to_str().unwrap().to_owned();
            let (status, _, body) = answer(request).await;
            assert_eq!((status, code(&body), accepted.as_str()), (415, "BAD_USER_INPUT", "application/json"), "{media}");
        }
        for accept in ["text/html", "image/png", "application/xml"] {
            assert_eq!(answer(post(&app, accept, mutation.clone()).bearer_auth(&token)).await.0, 406, "{accept}");
        }
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let response = client
                .request(method.clone(), &app.url)
                .header("content-type", JSON)
                .bearer_auth(&token)
                .body(mutation.clone())
                .send()
                .await
                .unwrap();
            assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"GET, POST".parse().unwrap()), "{method}");
        }
        let over_get = get(&app, &[("query", "mutation { archiveCustomer(input: {id: \"x\"}) { __typename } }")])
            .bearer_auth(&token)
            .send()
            .await
            .unwrap();
        assert_eq!((over_get.status().as_u16(), &over_get.headers()["allow"]), (405, &"POST".parse().unwrap()));
        let (status, _, body) =
            answer(post(&app, JSON, format!("{{\"query\": \"{}\"}}", "x".repeat(1024 * 1024))).bearer_auth(&token)).await;
        assert_eq!((status, code(&body)), (413, "COST_LIMIT_EXCEEDED"));
        let (status, _, body) = answer(client.get(app.url.replace("/graphql", "/nowhere"))).await;
        assert_eq!((status, code(&body)), (404, "NOT_FOUND"));
        assert_eq!(contents(&app).await, before);
    }

    async fn queries_come_by_get_as_well(app) {
        let token = app.actor("shanghai.manager").await.token.unwrap();
        let get = |pairs: &[(&str, &str)]| get(&app, pairs).bearer_auth(&token);
        let two = "query A { viewer { username } } query B($c: String!) { orgUnit(code: $c) { code } }";
        let (status, _, body) = answer(get(&[("query", two), ("operationName", "B"), ("variables", "{\"c\": \"SHANGHAI\"}")])).await;
        assert_eq!((status, &body["data"]["orgUnit"]["code"]), (200, &json!("SHANGHAI")));
        for (pairs, status) in [
            (&[("query", two)][..], 400),
            (&[("query", two), ("operationName", "C")], 400),
            (&[("query", "{ viewer { name } }"), ("variables", "[")], 400),
            (&[("query", "{ viewer { name } }"), ("query", "{ viewer { name } }")], 400),
            (&[("operationName", "A")], 400),
            (&[], 400),
        ] {
            assert_eq!(answer(get(pairs)).await.0, status, "{pairs:?}");
        }
        let page = Client::new().get(&app.url).header("accept", "text/html").send().await.unwrap();
        assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
        assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    }

    async fn only_a_token_of_ours_that_lasts_is_a_token(app) {
        let good = app.actor("hq.director").await.token.unwrap();
        let user = app.db.credentials_unscoped("hq.director").await.unwrap().unwrap().id;
        let now = Clock::wall().now();
        let token = |at, seconds| app.secrets.tokens.issue(session_of_tests(user), at, seconds).unwrap().text;
        let parts: Vec<&str> = good.split('.').collect();
        let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let other = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS512","typ":"JWT"}"#);
        let stranger = app.secrets.tokens.issue(session_of_tests(app.clock.id()), now, 900).unwrap().text;
        let document = query("{ viewer { name } }");
        for header in [
            format!("Bearer {}", token(now.plus_seconds(-3_600), 1_800)),
            format!("Bearer {}", token(now.plus_seconds(600), 900)),
            format!("Bearer {stranger}"),
            format!("Bearer {unsigned}.{}.", parts[1]),
            format!("Bearer {unsigned}.{}.{}", parts[1], parts[2]),
            format!("Bearer {other}.{}.{}", parts[1], parts[2]),
            format!("Bearer {}.{}.{}", parts[0], parts[1], "A".repeat(43)),
            format!("Bearer {}", "x".repeat(5_000)),
            "Bearer garbage".to_owned(),
            "Bearer".to_owned(),
            format!("Basic {good}"),
            good.clone(),
        ] {
            for (accept, status) in [(GRAPHQL, 401), (JSON, 401)] {
                let response = post(&app, accept, document.clone()).header("authorization", &header).send().await.unwrap();
                assert_eq!(response.status().as_u16(), status, "{header}");
                assert_eq!(response.headers()["www-authenticate"], "Bearer", "{header}");
                let body: Json = serde_json::from_str(&response.text().await.unwrap()).unwrap();
                assert_eq!(code(&body), "UNAUTHENTICATED");
                assert_eq!(body.get("data"), None);
            }
        }
        let twice = post(&app, JSON, document.clone()).bearer_auth(&good).bearer_auth(&good);
        assert_eq!(answer(twice).await.0, 401, "one credential");
        let (_, _, body) = answer(post(&app, GRAPHQL, document.clone())).await;
        assert_eq!((code(&body), &body["data"]), ("UNAUTHENTICATED", &Json::Null));
        let (status, _, body) = answer(post(&app, GRAPHQL, query("{ __schema { queryType { name } } }"))).await;
        assert_eq!((status, code(&body)), (401, "UNAUTHENTICATED"));
        let cookie = post(&app, GRAPHQL, document).header("cookie", format!("token={good}; authorization=Bearer {good}"));
        assert_eq!(code(&answer(cookie).await.2), "UNAUTHENTICATED", "no cookie is ever read");
    }

    async fn messages_speak_the_clients_language(app) {
        let token = app.actor("shanghai.manager").await.token.unwrap();
        let documents = [
            query("{ customers(first: 101) { totalCount } }"),
            query("{ customers(filter: {archived: true, phone: {eq: \"a\\u0000\"}}) { totalCount } }"),
            query("{ nothing }"),
            query("{"),
            "{".to_owned(),
            query(&format!("{{ viewer {{ {} }} }}", "name @include(if: true) ".repeat(200))),
        ];
        for document in documents {
            let english = answer(post(&app, JSON, document.clone()).bearer_auth(&token)).await.2;
            for languages in ["zh-CN", "zh-CN,zh;q=0.9,en;q=0.8", "zh"] {
                let chinese = answer(post(&app, JSON, document.clone()).bearer_auth(&token).header("accept-language", languages)).await.2;
                let message = chinese["errors"][0]["message"].as_str().unwrap();
                assert!(message.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter)), "{document}: {message}");
                assert_eq!(code(&chinese), code(&english), "codes never change");
            }
            let other = answer(post(&app, JSON, document.clone()).bearer_auth(&token).header("accept-language", "fr")).await.2;
            assert_eq!(other, english);
        }
    }

    async fn health_is_told_to_anybody_without_details(app) {
        for (path, status) in [("/health/live", "live"), ("/health/ready", "ready")] {
            let (code, _, body) = answer(Client::new().get(app.url.replace("/graphql", path))).await;
            assert_eq!((code, body), (200, json!({ "status": status })));
        }
    }
}

/// What the server says to bytes that are sent in drips; and how long it listened.
async fn drip(app: &TestApp, head: &str, every: Duration) -> (Duration, String) {
    let address = app.url.trim_start_matches("http://").trim_end_matches("/graphql").to_owned();
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    writer.write_all(head.as_bytes()).await.unwrap();
    let dripping = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(every).await;
        }
    });
    let started = Instant::now();
    let mut told = Vec::new();
    // A connection that is reset while it is written to ends in an error: it is cut all the same.
    let ended = tokio::time::timeout(Duration::from_secs(15), reader.read_to_end(&mut told)).await;
    assert!(ended.is_ok(), "the connection was never cut");
    dripping.abort();
    (started.elapsed(), String::from_utf8_lossy(&told).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_its_time_is_cut() {
    let app = TestApp::start_with(Engine::Sqlite, |config| {
        (config.http.header_timeout_s, config.http.body_timeout_s, config.http.idle_timeout_s) = (1, 1, 2);
    })
    .await
    .unwrap();
    let slow = Duration::from_millis(100);
    let (took, _) = drip(&app, "POST /graphql HTTP/1.1\r\nhost: x\r\nx-slow: ", slow).await;
    assert!(took >= Duration::from_millis(800) && took < Duration::from_secs(6), "{took:?}");
    let (took, told) =
        drip(&app, "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{", slow).await;
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert!(told.starts_with("HTTP/1.1 408"), "{told}");
    assert!(told.contains("\"what\":\"seconds of a body\"") && told.contains("\"limit\":1"), "{told}");
    assert!(told.contains("TIMEOUT"), "{told}");
    let (took, _) = drip(&app, "", Duration::from_secs(60)).await;
    assert!(took < Duration::from_secs(8), "{took:?}");
    let (status, _, _) = answer(post(&app, JSON, query("{ __typename }"))).await;
    assert_eq!(status, 200, "others are served meanwhile");
}
