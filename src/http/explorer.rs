//! The page that a browser gets: a place to write a query and to read its answer. It loads nothing, from here or elsewhere, and keeps no
//! token.

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::media::Media;
use super::reply::json;

const STYLE: &str = include_str!("explorer.css");
const SCRIPT: &str = include_str!("explorer.js");
const BODY: &str = include_str!("explorer.html");

static PAGE: LazyLock<String> = LazyLock::new(|| BODY.replace("{style}", STYLE).replace("{script}", SCRIPT));

/// Only this style and this script may run, and only to ask this server.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// The page.
pub fn page() -> Response {
    let mut response = json(200, PAGE.as_str());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Media::Html.content_type()));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_runs_its_own_script_and_loads_nothing() {
        assert!(PAGE.contains(&format!("<script>{SCRIPT}</script>")));
        assert!(PAGE.contains(&format!("<style>{STYLE}</style>")));
        for loads in ["http:", "https:", "src=", "href=", "@import", "url("] {
            assert!(!PAGE.contains(loads), "{loads}");
        }
        let response = page();
        let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains(&hash(SCRIPT)) && !policy.contains("unsafe"));
    }
}
