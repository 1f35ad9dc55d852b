//! Answers that a client keeps: to a GET of a named query it may ask later whether its copy still is the answer. The query runs all the
//! same, with the rights of that moment; only the body is not sent again.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::media::Media;
use super::reply::Reply;

/// The answer with its tag; 304 without a body where the client has it.
pub fn response(reply: Reply, media: Media, asked: &HeaderMap) -> Response {
    let tag = tag(&reply.answer.body, media);
    let mut response = if has(asked, &tag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        reply.into_response(200, media)
    };
    let headers = response.headers_mut();
    // Kept by the client alone, and never used without asking.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Weak, since the same answer may be sent compressed or not.
fn tag(body: &[u8], media: Media) -> String {
    let mut hash = Sha256::new();
    hash.update(media.content_type());
    hash.update([0]);
    hash.update(body);
    format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(hash.finalize()))
}

fn has(asked: &HeaderMap, tag: &str) -> bool {
    let opaque = tag.trim_start_matches("W/");
    let tags = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    tags.flat_map(|tags| tags.split(',')).map(str::trim).any(|kept| kept == "*" || kept.trim_start_matches("W/") == opaque)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_by_its_tag() {
        let tag = tag(b"{}", Media::Json);
        let asked = |tags: &str| HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_str(tags).unwrap())]);
        assert!(has(&asked(&tag), &tag) && has(&asked(&format!("\"x\", {tag}")), &tag) && has(&asked("*"), &tag));
        assert!(has(&asked(tag.trim_start_matches("W/")), &tag));
        assert!(!has(&asked("\"x\""), &tag) && !has(&HeaderMap::new(), &tag));
        assert_ne!(tag, super::tag(b"{}", Media::GraphQl));
        assert_ne!(tag, super::tag(b"{ }", Media::Json));
    }
}
