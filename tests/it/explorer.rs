//! The page that a browser gets: it stands alone, whether it is our own or GraphiQL.

use reqwest::Client;

use crate::app::{Engine, TestApp};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_gets_a_page_that_loads_nothing() {
    let app = TestApp::start_empty(Engine::Sqlite).await.unwrap();
    let response = Client::new().get(&app.url).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    for directive in policy.split("; ") {
        let (name, sources) = directive.split_once(' ').unwrap();
        let fits = |source: &str| match name {
            "connect-src" => source == "'self'",
            "style-src" | "script-src" => source.starts_with("'sha256-"),
            "font-src" | "img-src" => source == "data:" && cfg!(bundled_explorer),
            _ => source == "'none'",
        };
        assert!(sources.split(' ').all(fits), "{directive}");
    }
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let page = response.text().await.unwrap();
    // Outside its one script and its one style there is nothing that could load.
    let (head, style) = page.split_once("<style>").unwrap();
    let (style, body) = style.split_once("</style>").unwrap();
    let (body, script) = body.split_once("<script>").unwrap();
    let (script, end) = script.rsplit_once("</script>").unwrap();
    for part in [head, body, end] {
        assert!(!["src=", "href=", "http", "<script", "<style"].iter().any(|loads| part.contains(loads)), "{part}");
    }
    assert!(!style.contains("@import") && style.split("url(").skip(1).all(|url| url.trim_start_matches(['"', '\'']).starts_with("data:")));
    assert!(!script.contains("</script") && !script.contains("<!--"));
    for stored in ["document.cookie", "sessionStorage"] {
        assert!(!script.contains(stored), "{stored}");
    }
    assert_eq!(script.contains("graphiql"), cfg!(bundled_explorer));
}
