//! No personal data in logs, metrics and spans, whatever is asked and however much is logged. Threat 55.

use std::collections::BTreeSet;

use reqwest::{Client, Url};
use serde_json::{Value as Json, json};

use crate::app::TestApp;
use crate::on_both;
use crate::process::Process;
use crate::tables::{contact_id, customer_id, unit_id};

const CUSTOMER: &str = "id name phone email address birthDate gender occupation education industry externalRef identityNumber
    contacts(first: 20) { nodes { id name phone email role history(first: 5) { nodes { action changes { field before after } } } } }
    history(first: 5) { nodes { action changes { field before after } } }";
/// Shorter texts stand by chance where nobody meant them.
const SHORTEST: usize = 4;

struct Crawler {
    client: Client,
    url: String,
    token: String,
}

impl Crawler {
    async fn send(&self, body: String) -> Json {
        let request = self.client.post(&self.url).bearer_auth(&self.token).header("content-type", "application/json");
        request.header("accept", "application/json").body(body).send().await.unwrap().json().await.unwrap()
    }

    async fn ask(&self, query: &str, variables: Json) -> Json {
        self.send(json!({ "query": query, "variables": variables }).to_string()).await
    }

    /// Every customer with all of its fields, page by page; how many there were.
    async fn read_all(&self) -> usize {
        let (mut seen, mut after) = (0, Json::Null);
        loop {
            let query = format!(
                "query Crawl($after: String) {{ customers(first: 20, after: $after) {{ nodes {{ {CUSTOMER} }} pageInfo {{ hasNextPage endCursor }} }} }}"
            );
            let answer = self.ask(&query, json!({ "after": after })).await;
            assert_eq!(answer.get("errors"), None, "{answer}");
            let page = &answer["data"]["customers"];
            seen += page["nodes"].as_array().unwrap().len();
            if page["pageInfo"]["hasNextPage"] != json!(true) {
                return seen;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }
}

/// What must stand nowhere.
async fn personal(app: &TestApp) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (table, columns) in [("customer", &["name", "phone", "email", "address"][..]), ("contact", &["name", "phone", "email"])] {
        for column in columns {
            let rows = app.select(&format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL")).await;
            found.extend(rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()));
        }
    }
    found.retain(|text| text.len() >= SHORTEST);
    found
}

/// What is written, by every use of a text that a client can make.
async fn write_and_fail(crawler: &Crawler, unit: &Json, customer: &Json, contact: &Json, text: &str) {
    let create = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id name } } }";
    let update = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { id name } } }";
    let person = json!({ "unitId": unit, "kind": "PERSON", "name": text, "phone": "13911112222", "email": "leak.canary@example.com",
        "externalRef": "LEAK-1", "identityNumber": "310101199001011234" });
    crawler.ask(create, json!({ "input": person })).await;
    // Again: a conflict, of which the database tells with values.
    crawler.ask(create, json!({ "input": person })).await;
    crawler.ask(update, json!({ "input": { "id": customer, "name": format!("{text} {text}"), "phone": text, "email": text } })).await;
    crawler.ask(update, json!({ "input": { "id": customer, "name": format!("{text} changed"), "expectedVersion": 1_000 } })).await;
    crawler
        .ask(
            "mutation($input: UpdateContactInput!) { updateContact(input: $input) { contact { id } } }",
            json!({ "input": { "id": contact, "name": text, "email": text } }),
        )
        .await;
    let reveal = "mutation($input: RevealFieldInput!) { revealField(input: $input) { value } }";
    crawler.ask(reveal, json!({ "input": { "id": customer, "field": "phone", "reason": format!("{text} asked for it") } })).await;
    for query in [
        format!("{{ customers(filter: {{name: {{contains: \"{text}\"}}}}) {{ totalCount }} }}"),
        format!("{{ customers(filter: {{phone: {{eq: \"{text}\"}}}}) {{ totalCount }} }}"),
        format!("{{ customers(first: \"{text}\") {{ totalCount }} }}"),
        format!("{{ customer(id: \"{text}\") {{ name }} }}"),
        format!("{{ customers(filter: {{name: {{contains: \"{text}\" }} {{ totalCount }} }}"),
        format!("{{ customers(after: \"{text}\") {{ totalCount }} }}"),
        format!("# {text}\n{{ viewer {{ nothing }} }}"),
    ] {
        crawler.ask(&query, json!({ "unused": text })).await;
        crawler
            .client
            .get(Url::parse_with_params(&crawler.url, [("query", &query)]).unwrap())
            .bearer_auth(&crawler.token)
            .send()
            .await
            .unwrap();
    }
    crawler.ask("query($first: Int) { customers(first: $first) { totalCount } }", json!({ "first": text })).await;
    crawler.ask("query($name: String) { customers(filter: {name: {contains: $name}}) { totalCount } }", json!({ "name": text })).await;
    crawler.send(format!("{{\"query\": \"{{ viewer {{ name }} }}\", \"variables\": {{\"name\": \"{text}\" ")).await;
    crawler
        .ask(
            "mutation($u: String!, $p: String!) { signIn(input: {username: $u, password: $p}) { accessToken } }",
            json!({ "u": text, "p": text }),
        )
        .await;
}

/// What a server tells of those who ask it everything: the lines of its log, its metrics, and the spans that it sends.
async fn told_of(app: &TestApp, level: Option<&str>, users: &[(&str, &[&str])]) -> Vec<String> {
    let (unit, customer, contact) =
        (unit_id(app, "SHANGHAI").await, customer_id(app, "SH-0003", "SHANGHAI").await, contact_id(app, "SH-0003", "SHANGHAI").await);
    let file = app.database.folder().join("leaks.toml");
    std::fs::write(&file, "[http]\nslow_ms = 0\n[limits]\ncost = 1000000\nnodes = 1000000\n").unwrap();
    let mut environment = vec![("BRANCHWISE_ADMIN_LISTEN", "127.0.0.1:0"), ("BRANCHWISE_CONFIG", file.to_str().unwrap())];
    environment.extend(level.map(|level| ("RUST_LOG", level)));
    #[cfg(feature = "otlp")]
    let collector = crate::otlp::Collector::start();
    #[cfg(feature = "otlp")]
    environment.push(("BRANCHWISE_OTLP_ENDPOINT", &collector.endpoint));
    let server = Process::start(&app.database.url, &environment);
    let url = format!("http://{}/graphql", server.address());
    let operators = server.told("serving operators", "address");
    for (user, texts) in users {
        let crawler = Crawler { client: Client::new(), url: url.clone(), token: app.actor(user).await.token.unwrap() };
        assert!(crawler.read_all().await > 0, "{user}");
        for text in *texts {
            write_and_fail(&crawler, &unit, &customer, &contact, text).await;
        }
    }
    let metrics = reqwest::get(format!("http://{operators}/metrics")).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("operation=\"Crawl\""), "{metrics}");
    server.signal("TERM");
    let (_, mut lines) = server.ended();
    assert!(lines.len() > 20, "{} lines", lines.len());
    lines.extend(metrics.lines().map(str::to_owned));
    #[cfg(feature = "otlp")]
    {
        let sent = String::from_utf8_lossy(&collector.bytes()).into_owned();
        assert!(collector.spans().len() > 20 && sent.contains("Crawl"), "{} spans", collector.spans().len());
        for (user, _) in users {
            assert!(!sent.contains(user), "no span tells who asked");
        }
        lines.push(sent);
    }
    lines
}

on_both! {
    async fn neither_logs_nor_metrics_nor_spans_tell_of_customers(app) {
        let mut secret = personal(&app).await;
        assert!(secret.len() > 50, "the sample group has people in it");
        let everybody: [(&str, &[&str]); 3] = [
            ("hq.director", &["Canary Hidden-Name"]),
            ("shanghai.manager", &["Canary Other-Name", "13977778888"]),
            ("shanghai.rep1", &["Canary Third-Name"]),
        ];
        let one: [(&str, &[&str]); 1] = [("shanghai.manager", &["Canary Fourth-Name"])];
        let mut told = told_of(&app, Some("trace"), &everybody).await;
        told.extend(told_of(&app, Some("debug"), &one).await);
        told.extend(told_of(&app, None, &one).await);
        secret.extend(everybody.iter().chain(&one).flat_map(|(_, texts)| *texts).map(|text| (*text).to_owned()));
        secret.extend(personal(&app).await);
        secret.extend(["310101199001011234".to_owned(), "leak.canary@example.com".to_owned(), "13911112222".to_owned()]);
        assert!(app.number("SELECT COUNT(*) FROM customer WHERE external_ref = 'LEAK-1'").await > 0, "something was written");
        for text in &secret {
            for line in &told {
                assert!(!line.contains(text.as_str()), "{text}: {line}");
            }
        }
    }
}
