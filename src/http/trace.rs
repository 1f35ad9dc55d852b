//! Which request it is: an id that client, log and operator share, and its place in a trace of the caller's (W3C Trace Context). Both stand
//! in the span of the request, so that every line of the log that belongs to it carries them.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::clock::Clock;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// The flag of `traceparent` that says so.
const SAMPLED: u8 = 1;
/// Characters of an id that a client gives.
const MOST_ID: usize = 64;

/// Answers within the span of the request, and tells the client its id.
pub async fn traced(State(clock): State<Clock>, request: Request, next: Next) -> Response {
    let id = request_id(request.headers(), &clock);
    let span = span(&id, trace_parent(request.headers()));
    let mut response = next.run(request).instrument(span).await;
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Of the highest level, so that it is there whatever the log leaves out.
fn span(id: &str, parent: Option<TraceParent<'_>>) -> Span {
    match parent {
        Some(parent) => {
            tracing::error_span!("request", request_id = id, trace_id = parent.trace, parent_id = parent.parent)
        }
        None => tracing::error_span!("request", request_id = id, trace_id = Empty),
    }
}

/// Of a trace that begins here, every line from now on tells the id, so that one leads to the other.
pub fn begins(trace: &str) {
    Span::current().record("trace_id", trace);
}

/// The client's, if it is one plain word; otherwise a new one.
fn request_id(headers: &HeaderMap, clock: &Clock) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match only(headers, &REQUEST_ID) {
        Some(given) if (1..=MOST_ID).contains(&given.len()) && given.bytes().all(is_plain) => given.to_owned(),
        _ => clock.id::<Uuid>().to_string(),
    }
}

/// The trace and the span that a request continues, in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent<'a> {
    /// The trace.
    pub trace: &'a str,
    /// The span that this request stands below.
    pub parent: &'a str,
    /// The caller keeps its spans of this trace.
    pub is_sampled: bool,
}

/// What `traceparent` says. Source: <https://www.w3.org/TR/trace-context/#traceparent-header>: later versions may add fields to the four.
pub fn trace_parent(headers: &HeaderMap) -> Option<TraceParent<'_>> {
    let mut parts = only(headers, &TRACE_PARENT)?.split('-');
    let version = hex(parts.next()?, 2)?;
    let (trace, parent) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
    let flags = u8::from_str_radix(hex(parts.next()?, 2)?, 16).ok()?;
    let has_more = parts.next().is_some();
    let is_zero = |id: &str| id.bytes().all(|digit| digit == b'0');
    let is_valid = !(version == "ff" || version == "00" && has_more || is_zero(trace) || is_zero(parent));
    is_valid.then_some(TraceParent { trace, parent, is_sampled: flags & SAMPLED != 0 })
}

fn hex(text: &str, digits: usize) -> Option<&str> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == digits && text.bytes().all(is_digit)).then_some(text)
}

/// None: no such header, or more than one.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn only_a_plain_word_is_an_id() {
        let id = |values: &[&str]| request_id(&headers(REQUEST_ID, values), &Clock::wall());
        for plain in ["a", "0199dead-beef_7000.8000", &"x".repeat(64)] {
            assert_eq!(id(&[plain]), plain);
        }
        for other in ["", "two words", "a\tb", "{\"a\":1}", "a,b", &"x".repeat(65)] {
            assert!(Uuid::parse_str(&id(&[other])).is_ok(), "{other}");
        }
        assert!(Uuid::parse_str(&id(&["a", "b"])).is_ok());
        assert_ne!(id(&[]), id(&[]));
    }

    #[test]
    fn only_a_valid_parent_is_continued() {
        const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        const PARENT: &str = "00f067aa0ba902b7";
        let continues = |values: &[&str]| {
            trace_parent(&headers(TRACE_PARENT, values)) == Some(TraceParent { trace: TRACE, parent: PARENT, is_sampled: true })
        };
        let good = format!("00-{TRACE}-{PARENT}-01");
        assert!(continues(&[&good]));
        let unsampled = [format!("00-{TRACE}-{PARENT}-00"), format!("00-{TRACE}-{PARENT}-02")];
        assert!(unsampled.iter().all(|value| !trace_parent(&headers(TRACE_PARENT, &[value])).unwrap().is_sampled));
        assert!(continues(&[&format!("cc-{TRACE}-{PARENT}-01-more")]), "a later version");
        for wrong in [
            String::new(),
            "00".to_owned(),
            format!("{good}-more"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("0-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-0x"),
            format!("00-{TRACE}x-{PARENT}-01"),
        ] {
            assert_eq!(trace_parent(&headers(TRACE_PARENT, &[&wrong])), None, "{wrong}");
        }
        assert_eq!(trace_parent(&headers(TRACE_PARENT, &[&good, &good])), None);
    }
}
