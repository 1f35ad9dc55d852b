//! The profile `draft-2026`: the statuses of GraphQL over HTTP as its draft of August 2026 has them.

use branchwise::config::{Config, StatusProfile};
use reqwest::{Client, RequestBuilder, Url};
use serde_json::{Value as Json, json};

use crate::app::{Engine, TestApp};

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

/// What is sent, its status as `application/graphql-response+json` and as `application/json`, and whether there is data.
type Row = (&'static str, RequestBuilder, u16, u16, bool);

fn post(app: &TestApp, body: String) -> RequestBuilder {
    Client::new().post(&app.url).header("content-type", JSON).body(body)
}

fn get(app: &TestApp, query: &str) -> RequestBuilder {
    Client::new().get(Url::parse_with_params(&app.url, [("query", query)]).unwrap())
}

async fn statuses(engine: Engine) {
    let draft = |config: &mut Config| config.http.status_profile = StatusProfile::Draft2026;
    let Some(app) = TestApp::start_filled_with(engine, draft).await else { return };
    let token = app.actor("shanghai.rep1").await.token.unwrap();
    let ask = |query: &str| post(&app, json!({ "query": query }).to_string()).bearer_auth(&token);
    let with = |parameters: Json| post(&app, parameters.to_string()).bearer_auth(&token);
    let partial = "{ customers(filter: {archived: true}) { totalCount } viewer { name } }";
    let variable = "query($first: Int) { customers(first: $first) { totalCount } }";
    let rows: [Row; 16] = [
        ("a success", ask("{ viewer { name } }"), 200, 200, true),
        ("a success in part", ask(partial), 294, 200, true),
        ("nothing but null", ask("{ customer { id } }"), 294, 200, true),
        ("no JSON", post(&app, "{".to_owned()).bearer_auth(&token), 400, 400, false),
        ("no object", with(json!("{ viewer { name } }")), 400, 400, false),
        ("syntax", ask("{ viewer {"), 400, 400, false),
        ("validation", ask("{ nothing }"), 422, 422, false),
        ("coercion", with(json!({ "query": variable, "variables": { "first": "ten" } })), 422, 422, false),
        ("no such operation", with(json!({ "query": "query A { __typename }", "operationName": "B" })), 422, 422, false),
        ("which operation", ask("query A { __typename } query B { __typename }"), 422, 422, false),
        ("no query", with(json!({})), 422, 422, false),
        ("a variable list", with(json!({ "query": variable, "variables": [] })), 422, 422, false),
        ("a mutation by GET", get(&app, "mutation { __typename }").bearer_auth(&token), 405, 405, false),
        ("no token", post(&app, json!({ "query": "{ viewer { name } }" }).to_string()), 401, 401, false),
        ("a false token", post(&app, json!({ "query": "{ __typename }" }).to_string()).bearer_auth("x"), 401, 401, false),
        ("another media type", Client::new().post(&app.url).header("content-type", "text/plain").body("{ __typename }"), 415, 415, false),
    ];
    for (name, request, as_graphql, as_json, has_data) in rows {
        for (accept, status) in [(GRAPHQL, as_graphql), (JSON, as_json)] {
            let response = request.try_clone().unwrap().header("accept", accept).send().await.unwrap();
            let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            assert!(header("content-type").unwrap().starts_with(accept), "{name}");
            assert_eq!(header("allow").as_deref(), (status == 405).then_some("POST"), "{name}");
            assert_eq!(header("www-authenticate").as_deref(), (status == 401).then_some("Bearer"), "{name}");
            let found = response.status().as_u16();
            let body: Json = serde_json::from_str(&response.text().await.unwrap()).unwrap();
            assert_eq!((found, body.get("data").is_some()), (status, has_data), "{name}, {accept}: {body}");
        }
    }
    let picture = ask("{ __typename }").header("accept", "image/png").send().await.unwrap();
    assert_eq!(picture.status().as_u16(), 406);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_are_the_drafts_on_sqlite() {
    statuses(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_are_the_drafts_on_postgres() {
    statuses(Engine::Postgres).await;
}
