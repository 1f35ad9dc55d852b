//! What requests may cost: one by one, in a minute, and at once. Each refusal names its limit.

use futures::future::join_all;
use reqwest::Response;
use serde_json::{Value as Json, json};
use tokio::time::{Duration, sleep};

use crate::app::{Actor, Engine, PASSWORD, TestApp};
use crate::on_both;

const PAGE: &str = "{ customers(first: 10) { nodes { name } } }";
const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) { accessToken } }";

async fn extensions(actor: &Actor<'_>, query: &str, asked: Option<&str>) -> Json {
    let request = actor.request(&json!({ "query": query }));
    let request = asked.into_iter().fold(request, |request, asked| request.header("x-branchwise-cost", asked));
    request.send().await.unwrap().json::<Json>().await.unwrap()["extensions"].take()
}

/// Code, what and limit of the first error, and the header that says when to try again.
async fn told(response: Response) -> (Option<String>, Json) {
    let retry_after = response.headers().get("retry-after").map(|after| after.to_str().unwrap().to_owned());
    let body: Json = response.json().await.unwrap();
    (retry_after, body["errors"][0]["extensions"].clone())
}

on_both! {
    async fn what_a_request_costs_is_told_when_asked_for(app) {
        let actor = app.actor("shanghai.manager").await;
        let cost = extensions(&actor, PAGE, Some("true")).await["cost"].take();
        assert_eq!((&cost["estimated"], &cost["nodes"], &cost["limit"]), (&json!(12), &json!(10), &json!(50_000)), "{cost}");
        assert!(cost["remaining"].as_u64().unwrap() > 1_000_000, "{cost}");
        for (query, estimated) in [
            ("{ customers { nodes { name } } }", 22),
            ("{ customers(first: 3) { edges { node { name phone } } totalCount } }", 1 + 1 + 1 + 3 * 3),
            ("{ viewer { posts { id } } }", 1 + 1 + 5),
            ("{ __typename }", 1),
        ] {
            assert_eq!(extensions(&actor, query, Some("true")).await["cost"]["estimated"], estimated, "{query}");
        }
        for unasked in [None, Some("false"), Some("")] {
            assert_eq!(extensions(&actor, PAGE, unasked).await, Json::Null);
        }
    }

    async fn a_document_over_a_limit_is_told_which(app) {
        let actor = app.actor("shanghai.manager").await;
        let contacts = "contacts(first: 100) { nodes { id } }";
        let aliased = |at: usize| format!("a{at}: customers(first: 100) {{ nodes {{ {contacts} }} }} ");
        for (query, what, limit) in [
            (format!("{{ {} }}", (0..3).map(aliased).collect::<String>()), "nodes", 25_000),
            (format!("{{ {} }}", (0..6).map(aliased).collect::<String>()), "points of cost", 50_000),
            (format!("{{ viewer {{ name {} }} }}", "@skip(if: false) ".repeat(101)), "directives", 100),
            (format!("{{ {} }}", (0..51).map(|at| format!("a{at}: viewer {{ name }} ")).collect::<String>()), "root fields", 50),
            (format!("{{ viewer {{ {} }} }}", (0..201).map(|at| format!("a{at}: name ")).collect::<String>()), "aliases", 200),
        ] {
            let extensions = actor.fail(&query, json!({})).await["extensions"].take();
            assert_eq!(extensions, json!({ "code": "COST_LIMIT_EXCEEDED", "what": what, "limit": limit }));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_are_counted_by_user_session_and_address() {
    for (what, who) in [("user", 0), ("session", 1), ("address", 2)] {
        let app = TestApp::start_filled_with(Engine::Sqlite, |config| {
            let rates = &mut config.rates;
            let number = [&mut rates.points_per_minute_user, &mut rates.points_per_minute_session, &mut rates.points_per_minute_address]
                .into_iter()
                .nth(who)
                .unwrap();
            *number = 60;
            rates.burst_points = 30;
        })
        .await
        .unwrap();
        let (one, other) = (app.actor("shanghai.manager").await, app.actor("hq.director").await);
        let ask = async |actor: &Actor<'_>| told(actor.request(&json!({ "query": PAGE })).send().await.unwrap()).await;
        assert_eq!(ask(&one).await.1, Json::Null);
        assert_eq!(ask(&one).await.1, Json::Null);
        let response = one.request(&json!({ "query": PAGE })).send().await.unwrap();
        assert_eq!(response.status(), 429);
        let (retry_after, extensions) = told(response).await;
        let article = if what == "address" { "an" } else { "a" };
        assert_eq!((&extensions["code"], &extensions["limit"]), (&json!("RATE_LIMITED"), &json!(60)), "{extensions}");
        assert_eq!(extensions["what"], format!("points a minute of {article} {what}"));
        assert!((1..=6).contains(&retry_after.unwrap().parse::<u64>().unwrap()));
        let is_shared = what == "address";
        assert_eq!(ask(&other).await.1.is_null(), !is_shared, "{what}");
        let nobody = told(app.nobody().request(&json!({ "query": "{ __typename } # x" })).send().await.unwrap()).await;
        assert!(nobody.1.is_null() || is_shared, "{what}: {nobody:?}");
        let large = "{ customers(first: 50) { nodes { name } } }";
        let extensions = one.fail(large, json!({})).await["extensions"].take();
        assert_eq!(extensions, json!({ "code": "COST_LIMIT_EXCEEDED", "what": "points at once", "limit": 30 }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_at_once_than_there_are_places_is_sent_away_and_health_answers() {
    let app = TestApp::start_filled_with(Engine::Sqlite, |config| {
        config.http.max_concurrent_requests = 2;
        config.http.max_concurrent_requests_user = 1;
    })
    .await
    .unwrap();
    let wrong = json!({ "input": { "username": "hq.director", "password": PASSWORD } });
    let body = json!({ "query": SIGN_IN, "variables": wrong });
    let nobody = app.nobody();
    let signing_in = join_all((0..60).map(async |_| told(nobody.request(&body).send().await.unwrap()).await));
    let live = async {
        let url = app.url.replace("/graphql", "/health/live");
        join_all((0..20).map(async |_| reqwest::get(&url).await.unwrap().status().as_u16())).await
    };
    let (answers, live) = tokio::join!(signing_in, live);
    assert!(live.iter().all(|status| *status == 200), "{live:?}");
    let crowded = json!({ "code": "OVERLOADED", "what": "concurrent requests", "limit": 2 });
    let refused: Vec<_> = answers.iter().filter(|(_, extensions)| *extensions == crowded).collect();
    assert!(!refused.is_empty() && refused.len() < 60, "{answers:?}");
    assert!(refused.iter().all(|(retry_after, _)| retry_after.as_deref() == Some("1")));

    let (one, other) = (app.actor("hq.director").await, app.actor("shanghai.manager").await);
    let dear = "{ customers(first: 100) { nodes { name contacts(first: 100) { nodes { name } } } totalCount } }";
    let many = join_all((0..60).map(async |_| told(one.request(&json!({ "query": dear })).send().await.unwrap()).await.1));
    let (many, others) = tokio::join!(many, other.send("{ viewer { name } }", json!({})));
    let crowded = json!({ "code": "OVERLOADED", "what": "concurrent requests of a user", "limit": 1 });
    assert!(many.contains(&crowded) && many.iter().any(Json::is_null), "{many:?}");
    assert!(many.iter().all(|extensions| extensions.is_null() || *extensions == crowded), "{many:?}");
    assert_eq!(others.body.get("errors"), None, "another user has a place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_limit_of_a_document_and_of_an_answer_is_named_where_it_is_met() {
    let app = TestApp::start_filled_with(Engine::Sqlite, |config| {
        let (limits, http) = (&mut config.limits, &mut config.http);
        (limits.bytes, limits.tokens, limits.nesting, limits.value_nesting, limits.name_length) = (2_000, 200, 20, 5, 30);
        (limits.depth, limits.selections, limits.answer_bytes, limits.errors) = (6, 100, 2_000, 3);
        (http.body_limit_bytes, http.max_batch) = (10_000, 3);
    })
    .await
    .unwrap();
    let actor = app.actor("shanghai.manager").await;
    let doubling: String = (0..7).map(|at| format!("fragment F{at} on Query {{ ...F{0} ...F{0} }} ", at + 1)).collect();
    let page = |first: usize| format!("{{ customers(first: {first}) {{ nodes {{ id name }} }} }}");
    let deep = "{ viewer { posts { unit { parent { parent { parent { parent { code } } } } } } } }";
    let nested = json!({ "query": "{ viewer { name } }", "variables": { "x": [[[[[[1]]]]]] } });
    for (body, status, what, limit) in [
        (json!({ "query": format!("{{ viewer {{ name }} }} #{}", "x".repeat(2_000)) }), 200, "bytes", 2_000),
        (json!({ "query": format!("{{ viewer {{ {} }} }}", "name ".repeat(250)) }), 200, "tokens", 200),
        (json!({ "query": "{a".repeat(21) }), 200, "levels of nesting", 20),
        (json!({ "query": format!("{{ customers(filter: {}", "{not:".repeat(6)) }), 200, "levels of nested values", 5),
        (nested, 200, "levels of nested values", 5),
        (json!({ "query": format!("{{ {} }}", "x".repeat(31)) }), 200, "characters in a name", 30),
        (json!({ "query": deep }), 200, "levels of depth", 6),
        (json!({ "query": format!("{{ ...F0 }} {doubling} fragment F7 on Query {{ __typename }}") }), 200, "expanded selections", 100),
        (json!({ "query": page(50) }), 200, "bytes of answer", 2_000),
        (json!({ "query": page(1), "more": "x".repeat(10_000) }), 413, "bytes", 10_000),
        (json!([{ "query": page(1) }, {}, {}, {}]), 400, "requests in a batch", 3),
    ] {
        let response = actor.request(&body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{what}");
        let extensions = told(response).await.1;
        assert_eq!(extensions, json!({ "code": "COST_LIMIT_EXCEEDED", "what": what, "limit": limit }), "{body}");
    }
    let many = actor.send("{ a b c d e f }", json!({})).await.body["errors"].take();
    assert_eq!(many.as_array().unwrap().len(), 4, "{many}");
    assert_eq!(many[3]["extensions"], json!({ "code": "COST_LIMIT_EXCEEDED", "what": "errors", "limit": 3 }));
    assert_eq!(many[2]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    let three = actor.send("{ a b c }", json!({})).await.body["errors"].take();
    assert!(three.as_array().unwrap().iter().all(|error| error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"), "{three}");
    let half = json!({ "query": page(14) });
    let batch: Json = actor.request(&json!([half, half, half])).send().await.unwrap().json().await.unwrap();
    assert!(batch[0]["data"].is_object() && batch[1]["data"].is_object(), "{batch}");
    let extensions = json!({ "code": "COST_LIMIT_EXCEEDED", "what": "bytes of answer", "limit": 2_000 });
    assert_eq!(batch[2]["errors"][0]["extensions"], extensions, "the rest of a batch whose answers are large does not run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_in_vain_is_told_for_what() {
    let configured = |config: &mut branchwise::config::Config| config.http.request_timeout_s = 4;
    let Some(app) = TestApp::start_filled_with(Engine::Postgres, configured).await else { return };
    let actor = app.actor("shanghai.manager").await;
    // Whoever reads customers waits; those with one of the four connections for the request's time, the others for a connection.
    app.execute("BEGIN").await;
    app.execute("LOCK TABLE customer").await;
    let read = |number: usize| json!({ "query": format!("query Read{number} {{ customers {{ totalCount }} }}") });
    let told = join_all((0..12).map(async |number| told(actor.request(&read(number)).send().await.unwrap()).await)).await;
    app.execute("ROLLBACK").await;
    let without = json!({ "code": "OVERLOADED", "what": "connections to the database", "limit": 4 });
    let too_long = json!({ "code": "TIMEOUT", "what": "seconds of a request", "limit": 4 });
    let count = |wanted: &Json| told.iter().filter(|(_, extensions)| extensions == wanted).count();
    assert_eq!((count(&without), count(&too_long)), (8, 4), "{told:?}");
    sleep(Duration::from_millis(200)).await;
    assert!(actor.ask("{ customers { totalCount } }").await["customers"]["totalCount"].is_u64(), "the connections are there again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_passwords_than_are_worth_waiting_for_are_sent_away() {
    let app = TestApp::start(Engine::Sqlite).await.unwrap();
    let body = json!({ "query": SIGN_IN, "variables": { "input": { "username": "hq.director", "password": PASSWORD } } });
    let nobody = app.nobody();
    let answers = join_all((0..150).map(async |_| told(nobody.request(&body).send().await.unwrap()).await)).await;
    let crowded = json!({ "code": "OVERLOADED", "what": "passwords at once", "limit": 34 });
    assert!(answers.iter().any(|(_, extensions)| *extensions == crowded), "{answers:?}");
    assert!(answers.iter().filter(|(_, extensions)| extensions.is_null()).count() >= 34, "{answers:?}");
    assert!(answers.iter().all(|(_, extensions)| extensions.is_null() || *extensions == crowded), "{answers:?}");
}
