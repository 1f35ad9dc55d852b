//! Pages that a browser gets: one file each, which loads nothing, from here or elsewhere.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::media::Media;
use super::reply::json;

/// A page with its one style and its one script.
pub struct Page {
    text: String,
    /// Only this style and this script may run, and only to ask this server.
    policy: String,
}

impl Page {
    /// Puts a page together: `{style}` and `{script}` stand in `body`.
    pub fn new(body: &str, style: &str, script: &str) -> Self {
        Self {
            text: body.replace("{style}", style).replace("{script}", script),
            policy: format!(
                "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                 frame-ancestors 'none'",
                hash(style),
                hash(script)
            ),
        }
    }

    /// Fonts and images may stand in the style, as `data:`.
    #[cfg(bundled_explorer)]
    pub fn with_data_in_style(mut self) -> Self {
        self.policy.push_str("; font-src data:; img-src data:");
        self
    }

    /// Ready to send.
    pub fn response(&self) -> Response {
        let mut response = json(200, self.text.clone());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Media::Html.content_type()));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if let Ok(policy) = HeaderValue::from_str(&self.policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Does the page run its own script and style, and load nothing at all?
#[cfg(test)]
pub fn assert_stands_alone(page: &Page, style: &str, script: &str) {
    assert!(page.text.contains(&format!("<script>{script}</script>")));
    assert!(page.text.contains(&format!("<style>{style}</style>")));
    for loads in ["http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!page.text.contains(loads), "{loads}");
    }
    let response = page.response();
    let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && policy.contains(&hash(script)) && !policy.contains("unsafe"));
}
