//! Documents that clients name: registered by hash, trusted by id, read with GET and asked for again by their tag.

use std::time::Duration;

use branchwise::graphql::manifests::Manifests;
use branchwise::graphql::persisted::{Trust, hash};
use serde_json::{Value as Json, json};

use crate::app::{Actor, Answer, Engine, TestApp};
use crate::on_both;
use crate::raw::sql_id;
use crate::tables::customer_id;

const NAME: &str = "query Name($id: ID!) { customer(id: $id) { name } }";

async fn post(actor: &Actor<'_>, body: Json) -> Answer {
    let answer = actor.request(&body).send().await.unwrap();
    Answer { status: answer.status().as_u16(), body: answer.json().await.unwrap() }
}

fn by_hash(text: &str) -> Json {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash(text) } })
}

fn code(answer: &Answer) -> &str {
    answer.body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

/// A GET of a named query, with the tag of a copy.
async fn get(actor: &Actor<'_>, text: &str, variables: &Json, tag: Option<&str>) -> reqwest::Response {
    let mut url = reqwest::Url::parse(&actor.app.url).unwrap();
    url.query_pairs_mut().append_pair("extensions", &by_hash(text).to_string()).append_pair("variables", &variables.to_string());
    let mut request = reqwest::Client::new().get(url).header("accept", "application/graphql-response+json");
    if let Some(token) = &actor.token {
        request = request.bearer_auth(token);
    }
    if let Some(tag) = tag {
        request = request.header("if-none-match", tag);
    }
    request.send().await.unwrap()
}

on_both! {
    async fn a_document_is_sent_once(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let named = json!({ "variables": { "id": id }, "extensions": by_hash(NAME) });
        let unknown = post(&manager, named.clone()).await;
        assert_eq!((code(&unknown), &unknown.body["errors"][0]["message"]), ("PERSISTED_QUERY_NOT_FOUND", &json!("PersistedQueryNotFound")));
        // Nobody in particular registers nothing.
        let mut whole = named.clone();
        whole["query"] = json!(NAME);
        assert_eq!(code(&post(&app.nobody(), whole.clone()).await), "UNAUTHENTICATED");
        assert_eq!(code(&post(&manager, named.clone()).await), "PERSISTED_QUERY_NOT_FOUND");
        let sent = post(&manager, whole).await;
        assert!(sent.body["data"]["customer"]["name"].is_string(), "{}", sent.body);
        // From then on the hash will do, for everybody who is signed in, and each by their own rights.
        assert_eq!(post(&manager, named.clone()).await.body, sent.body);
        let foreign = post(&app.actor("london.rep1").await, named.clone()).await;
        assert_eq!(foreign.body, json!({ "data": { "customer": null } }));
        assert_eq!(code(&post(&app.nobody(), named).await), "PERSISTED_QUERY_NOT_FOUND");
        let other = json!({ "query": "{ viewer { id } }", "extensions": by_hash(NAME) });
        assert_eq!(code(&post(&manager, other).await), "BAD_USER_INPUT");
    }

    async fn a_copy_is_good_while_the_answer_is_the_same(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let variables = json!({ "id": id });
        post(&manager, json!({ "query": NAME, "variables": variables, "extensions": by_hash(NAME) })).await;
        let first = get(&manager, NAME, &variables, None).await;
        assert_eq!(first.status(), 200);
        assert_eq!(first.headers()["cache-control"], "private, no-cache");
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        let again = get(&manager, NAME, &variables, Some(&tag)).await;
        assert_eq!((again.status().as_u16(), again.headers()["etag"].to_str().unwrap()), (304, tag.as_str()));
        assert_eq!(again.text().await.unwrap(), "");
        // Somebody else's copy is none, and rights are looked at each time.
        assert_eq!(get(&app.actor("london.rep1").await, NAME, &variables, Some(&tag)).await.status(), 200);
        let nobody = get(&app.nobody(), NAME, &variables, Some(&tag)).await;
        assert!(nobody.status().is_client_error() && nobody.headers().get("etag").is_none());
        let update = "mutation($id: ID!) { updateCustomer(input: {id: $id, name: \"Another\"}) { customer { id } } }";
        manager.ask_with(update, variables.clone()).await;
        let changed = get(&manager, NAME, &variables, Some(&tag)).await;
        assert_eq!(changed.status(), 200);
        let tag = changed.headers()["etag"].to_str().unwrap().to_owned();
        app.execute(&format!("UPDATE post SET valid_to = 1 WHERE user_id = {}", sql_id(app.engine, app.user("shanghai.manager").await))).await;
        app.rights_changed().await;
        assert_ne!(get(&manager, NAME, &variables, Some(&tag)).await.status(), 304);
    }
}

/// A server that takes a manifest.
async fn trusting(trust: Trust, manifest: &Json) -> (TestApp, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), manifest.to_string()).unwrap();
    let app = TestApp::start_with(Engine::Sqlite, |config| config.documents.trust = trust).await.unwrap();
    let manifests = Manifests::take(vec![file.path().to_owned()], app.app.persisted.clone(), app.app.validator.clone()).unwrap();
    tokio::spawn(manifests.watch());
    (app, file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_trusted_runs_and_manifests_are_read_again() {
    let (app, file) = trusting(Trust::Only, &json!({ "one": "{ __typename }", "bad": "{ nothing }" })).await;
    let nobody = app.nobody();
    let ask = async |body: Json| post(&nobody, body).await;
    for trusted in [json!({ "documentId": "one" }), json!({ "doc_id": "one" }), json!({ "extensions": by_hash("{ __typename }") })] {
        assert_eq!(ask(trusted.clone()).await.body, json!({ "data": { "__typename": "Query" } }), "{trusted}");
    }
    assert_eq!(code(&ask(json!({ "query": "{ a: __typename }" })).await), "FORBIDDEN");
    for unknown in ["two", "bad"] {
        assert_eq!(code(&ask(json!({ "documentId": unknown })).await), "PERSISTED_QUERY_NOT_FOUND", "{unknown}");
    }
    // A file that cannot be read leaves what was read last.
    std::fs::write(file.path(), "{").unwrap();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(ask(json!({ "documentId": "one" })).await.body["data"].is_object());
    std::fs::write(file.path(), json!({ "two": "{ b: __typename }" }).to_string()).unwrap();
    let mut tries = 0;
    while ask(json!({ "documentId": "two" })).await.body["data"] != json!({ "b": "Query" }) {
        tries += 1;
        assert!(tries < 50, "the manifest was not read again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(code(&ask(json!({ "documentId": "one" })).await), "PERSISTED_QUERY_NOT_FOUND");
}
