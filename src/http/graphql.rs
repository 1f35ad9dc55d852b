//! `/graphql`: methods, media types, and one line in the log for each request.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
use super::{App, batch, explorer, kept, locale, named};
use crate::error::{Error, Violation};
use crate::graphql::answer::{Answer, Locale, Stage};
use crate::org::Peer;

/// The header by which a client asks what its request costs: `true`.
const COST: &str = "x-branchwise-cost";

/// Answers a request to `/graphql`.
pub async fn graphql(State(app): State<Arc<App>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
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
    let reply = match asked {
        Ok(asked) => {
            let credential = Credential::from_headers(&parts.headers);
            let (peer, may_only_read) = (peer(&parts), parts.method == Method::GET);
            let tells_cost = parts.headers.get(COST).is_some_and(|asked| asked == "true");
            let ask = |parameters| Ask { parameters, credential: credential.clone(), peer, may_only_read, tells_cost, locale };
            match asked {
                Asked::One(parameters) => run(app.clone(), ask(*parameters)).await,
                Asked::Batch(requests) => batch::run_all(&app, requests, ask, media, locale).await,
            }
        }
        Err(reply) => reply,
    };
    let status = reply.status(app.config.http.status_profile, media);
    let took = started.elapsed();
    app.metrics.answered(&reply, took);
    log(&reply, status, took);
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
        return Err(transport(415, "Content-Type", "must be application/json in UTF-8", "必须是 UTF-8 的 application/json", locale));
    }
    let Some(coding) = Coding::of(&parts.headers) else {
        let (en, zh) = ("must be gzip, deflate, br or zstd, or absent", "必须是 gzip、deflate、br 或 zstd，或不提供");
        return Err(transport(415, "Content-Encoding", en, zh, locale));
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
        Unread::TooSlow => Reply::refused(Answer::of_error(&Error::Timeout, locale), 408),
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

/// Never what was asked, by whom or with what.
fn log(reply: &Reply, status: u16, took: Duration) {
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(operation = named(reply.operation.as_deref()), status, duration_ms, codes = reply.answer.codes.join(","), "graphql");
}
