//! Several requests in one body: where it is configured, and as many as it says.

use reqwest::{Client, Response};
use serde_json::{Value as Json, json};

use crate::app::{Engine, TestApp};
use crate::tables::customer_id;

const MOST: usize = 4;

async fn send(app: &TestApp, token: &str, accept: &str, body: &Json) -> Response {
    Client::new().post(&app.url).header("accept", accept).bearer_auth(token).json(body).send().await.unwrap()
}

async fn told(response: Response) -> (u16, Json) {
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn batches(engine: Engine) {
    let configured = |config: &mut branchwise::config::Config| {
        config.http.max_batch = MOST;
        // One permit is enough: requests of a batch do not run side by side.
        config.http.max_concurrent_requests = 1;
    };
    let Some(app) = TestApp::start_filled_with(engine, configured).await else { return };
    let token = app.actor("shanghai.manager").await.token.unwrap();
    let ask = |body: Json| {
        let (app, token) = (&app, &token);
        async move { told(send(app, token, "application/graphql-response+json", &body).await).await }
    };
    let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
    let name = json!({ "query": format!("{{ customer(externalRef: \"SH-0003\", originUnitCode: \"SHANGHAI\") {{ name }} }}") });
    let rename = json!({ "query": format!("mutation {{ updateCustomer(input: {{id: {id}, name: \"In turn\"}}) {{ __typename }} }}") });
    let (status, body) = ask(json!([name, rename, name, { "query": "{ nothing }" }])).await;
    assert_eq!((status, body.as_array().map(Vec::len)), (200, Some(4)), "{body}");
    assert_ne!(body[0]["data"]["customer"]["name"], "In turn");
    assert_eq!(body[1].get("errors"), None, "{body}");
    assert_eq!(body[2]["data"]["customer"]["name"], "In turn", "each runs after the one before");
    assert_eq!(body[3]["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    let (status, body) = ask(json!([7, {}, { "query": "{ __typename }", "variables": { "unused": 1 } }])).await;
    assert_eq!(status, 200, "{body}");
    let codes = [0, 1].map(|at| body[at]["errors"][0]["extensions"]["code"].as_str().unwrap().to_owned());
    assert_eq!(codes, ["BAD_USER_INPUT", "BAD_USER_INPUT"]);
    assert!(body[2]["data"]["__typename"].is_string(), "{body}");
    let (status, body) = ask(json!([{ "query": "{ viewer { name } }" }])).await;
    assert!(status == 200 && body[0]["data"]["viewer"]["name"].is_string(), "{body}");
    let (status, body) = ask(json!(vec![json!({ "query": "{ __typename }" }); MOST + 1])).await;
    let extensions = &body["errors"][0]["extensions"];
    assert_eq!((status, &extensions["code"], &extensions["limit"]), (400, &json!("COST_LIMIT_EXCEEDED"), &json!(MOST)), "{body}");
    let (status, body) = ask(json!([])).await;
    assert_eq!((status, &body["errors"][0]["extensions"]["violations"][0]["rule"]), (400, &json!("batch")));
    let refused = send(&app, "x", "application/json", &json!([name, name])).await;
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    let (status, body) = told(refused).await;
    assert_eq!((status, body.as_array().map(Vec::len)), (401, Some(2)), "a status on which all agree is that of the batch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_is_answered_in_its_place_on_sqlite() {
    batches(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_is_answered_in_its_place_on_postgres() {
    batches(Engine::Postgres).await;
}
