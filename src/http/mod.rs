//! The transport: GraphQL over HTTP on connections that we accept ourselves. The only place that knows of axum and hyper.
//!
//! A request to `/graphql` passes `graphql` (method, media types), `inflate` (what a compressed body holds), `parameters` (what is asked, from
//! body or query string), `run` (for each request of a `batch` by itself: a permit to run at all, then to its end, whoever hangs up: token,
//! document, limits, execution; of `mutations`, each field as one unit of work) and leaves through `reply` (status and headers).
//! `told` tells operators of it: `metrics`, a line in the log, `spans`. `admin` is their port, apart from the one of clients.
//! Nothing here reads a cookie, or believes a forwarded address that no trusted proxy vouches for (`forwarded`).

mod admin;
mod batch;
mod connection;
mod explorer;
mod forwarded;
mod gate;
mod graphql;
mod health;
mod inflate;
mod kept;
mod media;
mod metrics;
mod mutations;
mod page;
mod parameters;
mod password;
mod rates;
mod reply;
mod run;
mod server;
mod slow;
#[cfg(feature = "otlp")]
mod spans;
#[cfg(not(feature = "otlp"))]
#[path = "no_spans.rs"]
mod spans;
mod tls;
mod token;
mod told;
mod trace;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{any, get};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

use self::gate::Gate;
use self::rates::Rates;
use crate::audit::seal::Sealer;
use crate::config::Config;
use crate::db::{Db, Rights};
use crate::error::Error;
use crate::graphql::answer::{Answer, Locale};
use crate::graphql::coercion::InputTypes;
use crate::graphql::denied::Denials;
use crate::graphql::documents::Documents;
use crate::graphql::limits::Prices;
use crate::graphql::persisted::Persisted;
use crate::graphql::validation::Validator;
use crate::lifecycle::Drain;
use crate::schema::Schema;

pub use server::{serve, serve_operators};
pub use tls::Tls;
pub use token::Callers;

/// Characters of an operation's name in log and metrics.
const MOST_NAME: usize = 64;

/// How long a collector may take for the last spans.
const SPANS_WITHIN: Duration = Duration::from_secs(2);

/// Bytes of an answer from which on compressing it is worth the while.
const LEAST_COMPRESSED: u16 = 1024;

/// Everything that requests need.
pub struct App {
    /// The GraphQL schema.
    pub schema: Schema,
    /// The database.
    pub db: Db,
    /// Compiled rights of users.
    pub rights: Arc<Rights>,
    /// Who a token belongs to.
    pub callers: Callers,
    /// Seals audit rows.
    pub sealer: Arc<Sealer>,
    /// The configuration.
    pub config: Arc<Config>,
    /// Parsed documents.
    pub documents: Documents,
    /// What the fields of the schema take in.
    pub inputs: InputTypes,
    /// Documents against the schema.
    pub validator: Arc<Validator>,
    /// Documents that clients name instead of sending them.
    pub persisted: Arc<Persisted>,
    /// What is refused, for the audit.
    pub denials: Denials,
    /// Tells when the end begins.
    pub drain: Drain,
    /// A place for each request in execution.
    gate: Gate,
    /// What everybody has used.
    rates: Rates,
    database: health::DatabaseHealth,
    metrics: metrics::Metrics,
    spans: spans::Spans,
}

impl App {
    /// An application that is ready to serve.
    pub fn try_new(
        schema: Schema,
        db: Db,
        rights: Arc<Rights>,
        callers: Callers,
        sealer: Arc<Sealer>,
        config: Arc<Config>,
        drain: Drain,
    ) -> Result<Arc<Self>, Error> {
        let sdl = schema.sdl();
        Ok(Arc::new(Self {
            inputs: InputTypes::try_new(&sdl)?,
            validator: Arc::new(Validator::try_new(&sdl, config.limits.errors)?),
            schema,
            db,
            rights,
            callers,
            sealer,
            documents: Documents::new(config.limits.clone(), Prices::try_new(&sdl)?),
            persisted: Arc::new(Persisted::new(config.documents.trust, config.documents.registered_bytes)),
            denials: Denials::default(),
            drain,
            gate: Gate::new(&config.http),
            rates: Rates::new(&config.rates),
            database: health::DatabaseHealth::default(),
            metrics: metrics::Metrics::default(),
            spans: spans::Spans::try_new(config.otlp_endpoint.as_deref())?,
            config,
        }))
    }

    /// Sends the spans that have not been sent yet. Blocks for two seconds at most.
    pub fn end_spans(&self) {
        self.spans.shutdown(SPANS_WITHIN);
    }

    /// Requests in execution.
    fn in_flight(&self) -> usize {
        self.gate.taken()
    }
}

/// All paths of the public port.
pub fn router(app: Arc<App>) -> Router {
    let clock = app.db.clock().clone();
    let compression = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(LEAST_COMPRESSED));
    Router::new()
        .route("/graphql", any(graphql::graphql).layer(map_response(various)))
        .route("/password", get(password::page))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(nothing_here)
        .with_state(app)
        .layer(map_response(private))
        .layer(from_fn_with_state(clock, trace::traced))
        .layer(compression)
}

async fn nothing_here(State(_): State<Arc<App>>, headers: HeaderMap) -> Response {
    reply::json(404, Answer::of_error(&Error::not_found(), locale(&headers)).body)
}

/// Answers are for one caller and never for a cache.
async fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The name of an operation as operators see it; its letters are the client's.
fn named(operation: Option<&str>) -> String {
    let name = operation.unwrap_or("-");
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).take(MOST_NAME).collect()
}

/// By what the answers at one address differ.
async fn various(mut response: Response) -> Response {
    let by = HeaderValue::from_static("Accept, Accept-Encoding, Accept-Language, Authorization, X-Branchwise-Cost");
    response.headers_mut().insert(header::VARY, by);
    response
}

fn locale(headers: &HeaderMap) -> Locale {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|wanted| wanted.to_str().ok());
    wanted.map(Locale::from_accept_language).unwrap_or_default()
}
