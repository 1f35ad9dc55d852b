//! Where a request comes from: whoever connects, unless a proxy that is trusted says who is behind it.

use crate::app::{Engine, TestApp};
use crate::sessions::SIGN_IN;
use serde_json::json;

/// As whose failure a failed sign-in with these headers counts.
async fn counted(app: &TestApp, headers: &[(&str, &str)]) -> Vec<String> {
    app.execute("DELETE FROM sign_in_failure").await;
    let body = json!({ "query": SIGN_IN, "variables": { "u": "nobody.at.all", "p": "wrong horse battery" } });
    let mut request = app.nobody().request(&body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    assert!(request.send().await.unwrap().text().await.unwrap().contains("UNAUTHENTICATED"));
    let rows = app.select("SELECT subject FROM sign_in_failure").await;
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

async fn only_trusted_proxies_are_believed(engine: Engine) {
    let headers = [("x-forwarded-for", "1.1.1.1, 198.51.100.7"), ("x-real-ip", "8.8.8.8"), ("true-client-ip", "8.8.8.8")];
    let standard = [("forwarded", "for=1.1.1.1, for=198.51.100.7")];
    for (proxies, client) in [(&[][..], "127.0.0.1"), (&["10.0.0.0/8"], "127.0.0.1"), (&["10.0.0.0/8", "127.0.0.1"], "198.51.100.7")] {
        let proxies: Vec<String> = proxies.iter().map(|text: &&str| (*text).to_owned()).collect();
        let Some(app) = TestApp::start_with(engine, |config| config.http.trusted_proxies = proxies.try_into().unwrap()).await else {
            return;
        };
        let subject = |address: &str| app.secrets.subjects.address(address.parse().unwrap()).unwrap();
        for headers in [&headers[..], &standard] {
            assert!(counted(&app, headers).await.contains(&subject(client)), "{client}: {headers:?}");
        }
        assert!(counted(&app, &[]).await.contains(&subject("127.0.0.1")));
        assert!(counted(&app, &[headers[0], ("forwarded", "for=9.9.9.9")]).await.contains(&subject("127.0.0.1")), "two that differ");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_trusted_proxies_are_believed_on_sqlite() {
    only_trusted_proxies_are_believed(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_trusted_proxies_are_believed_on_postgres() {
    only_trusted_proxies_are_believed(Engine::Postgres).await;
}
