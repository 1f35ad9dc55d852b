//! `/graphql`: methods, media types, and what is read of a body.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;

use super::inflate::Coding;
use super::media::{Media, is_json};
use super::parameters::{Asked, Parameters, Unread, read};
use super::reply::Reply;
use super::run::{Ask, run};
use super::token::Credential;
use super::{App, batch, explorer, kept, locale, told, trace};
use crate::error::{Error, Violation};
use crate::graphql::answer::{Answer, Locale, Stage};
use crate::graphql::idempotency::from_header;
use crate::org::Peer;

/// The header by which a client asks what its request costs: `true`.
const COST: &str = "x-branchwise-cost";
/// The header by which a client asks for a mutation once.
const KEY: &str = "idempotency-key";

/// Answers a request to `/graphql`.
pub async fn graphql(State(app): State<Arc<App>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let parent = trace::trace_parent(&parts.headers);
    let mut span = app.spans.request(&parts.method, parent);
    if let (None, Some(trace)) = (parent, span.trace_id()) {
        trace::begins(&trace);
    }
    let locale = locale(&parts.headers);
    let media = Media::accepted(&parts.headers, parts.method == Method::GET);
    let asked = match (&parts.method, media) {
        (&Method::GET, Some(media)) => match Parameters::from_query_string(&parts.uri) {
            Ok(None) if media == Media::Html => return explorer::page(),
            Ok(None) => Err(missing_query(locale)),
            Ok(Some(parameters)) => Ok(Asked::One(Box::new(parameters))),
            Err(error) => Err(Reply::new(Answer::at(&error, Stage::Parameters, locale))),
        },
        (&Method::POST, Some(_)) => posted(&app, &parts, body, locale).await,
        (&Method::GET | &Method::POST, None) => Err(not_acceptable(locale)),
        _ => Err(not_allowed(locale)),
    };
    // A browser that asks a question gets its answer as JSON.
    let media = media.filter(|media| *media != Media::Html).unwrap_or(Media::Json);
    let keys = parts.headers.get_all(KEY).iter().map(|value| value.as_bytes());
    let asked = match (asked, from_header(keys)) {
        (Ok(Asked::Batch(_)), Ok(Some(_))) => {
            Err(transport(400, "Idempotency-Key", "is for one request, not for a batch", "不能用于批量请求", locale))
        }
        (Ok(asked), Ok(key)) => Ok((asked, key)),
        (Ok(_), Err(error)) => Err(Reply::new(Answer::at(&error, Stage::Parameters, locale))),
        (Err(reply), _) => Err(reply),
    };
    let credential = Credential::from_headers(&parts.headers);
    let (peer, may_only_read, is_traced) = (peer(&parts), parts.method == Method::GET, span.is_recording());
    let tells_cost = parts.headers.get(COST).is_some_and(|asked| asked == "true");
    let ask = |parameters, key| {
        let credential = credential.clone();
        Ask { parameters, credential, peer, may_only_read, is_traced, tells_cost, key, locale }
    };
    let (reply, of_batch) = match asked {
        Ok((Asked::One(parameters), key)) => (run(app.clone(), ask(*parameters, key)).await, false),
        Ok((Asked::Batch(requests), _)) => {
            (batch::run_all(&app, requests, |parameters| ask(parameters, None), media, locale, &span).await, true)
        }
        Err(reply) => (reply, false),
    };
    let status = reply.status(app.config.http.status_profile, media);
    // Of those of a batch each has been told of.
    if !of_batch {
        told::tell(&app, &reply, status, started.elapsed(), &mut span);
    }
    span.answered(status);
    if parts.method == Method::GET && status == 200 && reply.may_be_kept {
        return kept::response(reply, media, &parts.headers);
    }
    reply.into_response(status, media)
}

/// Whoever connected: no header tells it. A request that came by no connection of ours counts as one address.
fn peer(parts: &Parts) -> Peer {
    parts.extensions.get::<Peer>().copied().unwrap_or(Peer(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}

async fn posted(app: &App, parts: &Parts, body: Body, locale: Locale) -> Result<Asked, Reply> {
    if !is_json(&parts.headers) {
        let refused = transport(415, "Content-Type", "must be application/json in UTF-8", "必须是 UTF-8 的 application/json", locale);
        return Err(Reply { accepts: Some((header::ACCEPT, "application/json")), ..refused });
    }
    let Some(coding) = Coding::of(&parts.headers) else {
        let (en, zh) = ("must be gzip, deflate, br or zstd, or absent", "必须是 gzip、deflate、br 或 zstd，或不提供");
        let refused = transport(415, "Content-Encoding", en, zh, locale);
        return Err(Reply { accepts: Some((header::ACCEPT_ENCODING, Coding::READ)), ..refused });
    };
    app.gate.has_room().map_err(|error| Reply::new(Answer::of_error(&error, locale)))?;
    let http = &app.config.http;
    let too_large = || {
        let error = Error::CostLimit { what: "bytes", limit: http.body_limit_bytes as u64 };
        Reply::refused(Answer::of_error(&error, locale), 413)
    };
    if announced(&parts.headers).is_some_and(|bytes| bytes > http.body_limit_bytes as u64) {
        return Err(too_large());
    }
    let body = read(body, http.body_limit_bytes, http.body_timeout()).await;
    let body = body.and_then(|body| coding.inflate(body, http.body_limit_bytes)).map_err(|unread| match unread {
        Unread::TooLarge => too_large(),
        Unread::TooSlow => {
            let error = Error::Timeout { what: "seconds of a body", limit: Some(http.body_timeout_s) };
            Reply::refused(Answer::of_error(&error, locale), 408)
        }
        Unread::Broken => transport(400, "body", "did not arrive whole", "内容不完整", locale),
    })?;
    Asked::from_body(&body, http.max_batch).map_err(|error| {
        let malformed = matches!(&error, Error::Invalid(faults) if faults.iter().any(|wrong| wrong.field == "body"));
        let answer = Answer::at(&error, Stage::Parameters, locale);
        if malformed { Reply::refused(answer, 400) } else { Reply::new(answer) }
    })
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn missing_query(locale: Locale) -> Reply {
    let wrong = Violation::new("query", "required", "must be given", "必须提供");
    Reply::new(Answer::at(&Error::invalid(wrong), Stage::Parameters, locale))
}

fn not_acceptable(locale: Locale) -> Reply {
    let en = "must allow application/graphql-response+json or application/json";
    transport(406, "Accept", en, "必须接受 application/graphql-response+json 或 application/json", locale)
}

fn not_allowed(locale: Locale) -> Reply {
    Reply { allow: Some("GET, POST"), ..transport(405, "method", "must be GET or POST", "必须是 GET 或 POST", locale) }
}

fn transport(status: u16, field: &str, en: &str, zh: &str, locale: Locale) -> Reply {
    Reply::refused(Answer::of_error(&Error::invalid(Violation::new(field, "transport", en, zh)), locale), status)
}
