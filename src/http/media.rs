//! Media types: what a request is written in, and what the client accepts in return.

use axum::http::{HeaderMap, header};

/// What an answer is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/graphql-response+json`: statuses tell how it went.
    GraphQl,
    /// `application/json`: what clients of old expect.
    Json,
    /// `text/html`: a person with a browser.
    Html,
}

impl Media {
    /// The header that says so.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// What the client likes best of what it may get. None: nothing of it.
    pub fn accepted(headers: &HeaderMap, may_be_html: bool) -> Option<Self> {
        let mut ranges = headers.get_all(header::ACCEPT).iter().map(|range| range.to_str().unwrap_or_default()).peekable();
        if ranges.peek().is_none() {
            return Some(Self::Json);
        }
        let mut best: Option<(Self, f32)> = None;
        for range in ranges.flat_map(|header| header.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let media = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Self::GraphQl,
                "application/json" | "application/*" | "*/*" => Self::Json,
                "text/html" if may_be_html => Self::Html,
                _ => continue,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
            let better = match best {
                None => quality > 0.0,
                Some((Self::Json, least)) if media == Self::GraphQl => quality >= least,
                Some((_, least)) => quality > least,
            };
            if better {
                best = Some((media, quality));
            }
        }
        best.map(|(media, _)| media)
    }
}

/// Is the body JSON in UTF-8?
pub fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let mut parts = only.to_str().unwrap_or_default().split(';').map(|part| part.trim().to_ascii_lowercase());
    let is_json = parts.next().as_deref() == Some("application/json");
    let in_utf8 = parts.all(|part| part.strip_prefix("charset=").is_none_or(|charset| charset.trim_matches('"') == "utf-8"));
    is_json && in_utf8
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn the_client_gets_what_it_likes_best() {
        for (accept, wanted) in [
            ("application/json", Some(Media::Json)),
            ("application/graphql-response+json", Some(Media::GraphQl)),
            ("*/*", Some(Media::Json)),
            ("application/*;q=0.1", Some(Media::Json)),
            ("application/graphql-response+json, application/json", Some(Media::GraphQl)),
            ("application/json, application/graphql-response+json", Some(Media::GraphQl)),
            ("application/json, application/graphql-response+json;q=0.9", Some(Media::Json)),
            ("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", Some(Media::GraphQl)),
            ("application/json;q=0, text/plain", None),
            ("text/html", None),
            ("image/png", None),
            ("", None),
        ] {
            assert_eq!(Media::accepted(&with(header::ACCEPT, accept), false), wanted, "{accept}");
        }
        assert_eq!(Media::accepted(&HeaderMap::new(), true), Some(Media::Json));
        let browser = with(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8");
        assert_eq!(Media::accepted(&browser, true), Some(Media::Html));
        assert_eq!(Media::accepted(&browser, false), Some(Media::Json));
    }

    #[test]
    fn only_json_is_read() {
        for (content_type, readable) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("Application/JSON;charset=\"UTF-8\"", true),
            ("application/json; charset=latin1", false),
            ("application/jsonp", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=x", false),
        ] {
            assert_eq!(is_json(&with(header::CONTENT_TYPE, content_type)), readable, "{content_type}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
