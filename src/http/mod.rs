//! The transport: GraphQL over HTTP on connections that we accept ourselves. The only place that knows of axum and hyper.
//!
//! A request to `/graphql` passes `graphql` (method, media types), `parameters` (what is asked, from body or query string), `run` (a
//! permit to run at all, then to its end, whoever hangs up: token, document, limits, execution) and leaves through `reply` (status and headers).
//! Nothing here reads a cookie or believes a forwarded address.

mod connection;
mod explorer;
mod graphql;
mod health;
mod media;
mod page;
mod parameters;
mod password;
mod reply;
mod run;
mod server;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{any, get};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::db::{Db, Rights};
use crate::error::Error;
use crate::graphql::answer::{Answer, Locale};
use crate::graphql::coercion::InputTypes;
use crate::graphql::denied::Denials;
use crate::graphql::documents::Documents;
use crate::lifecycle::Drain;
use crate::schema::Schema;
use crate::secrets::Tokens;

pub use server::serve;

/// Everything that requests need.
pub struct App {
    /// The GraphQL schema.
    pub schema: Schema,
    /// The database.
    pub db: Db,
    /// Compiled rights of users.
    pub rights: Arc<Rights>,
    /// Who a token belongs to.
    pub tokens: Arc<Tokens>,
    /// The configuration.
    pub config: Arc<Config>,
    /// Parsed documents.
    pub documents: Documents,
    /// What the fields of the schema take in.
    pub inputs: InputTypes,
    /// What is refused, for the audit.
    pub denials: Denials,
    /// Tells when the end begins.
    pub drain: Drain,
    /// A permit for each request in execution.
    executing: Arc<Semaphore>,
    database: health::DatabaseHealth,
}

impl App {
    /// An application that is ready to serve.
    pub fn try_new(
        schema: Schema,
        db: Db,
        rights: Arc<Rights>,
        tokens: Arc<Tokens>,
        config: Arc<Config>,
        drain: Drain,
    ) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self {
            inputs: InputTypes::try_new(&schema.sdl())?,
            schema,
            db,
            rights,
            tokens,
            documents: Documents::new(config.limits.clone()),
            denials: Denials::default(),
            drain,
            executing: Arc::new(Semaphore::new(config.http.max_concurrent_requests)),
            database: health::DatabaseHealth::default(),
            config,
        }))
    }
}

/// All paths of the public port.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/graphql", any(graphql::graphql))
        .route("/password", get(password::page))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(nothing_here)
        .with_state(app)
        .layer(map_response(private))
}

async fn nothing_here(State(_): State<Arc<App>>, headers: HeaderMap) -> Response {
    reply::json(404, Answer::of_error(&Error::not_found(), locale(&headers)).body)
}

/// Answers are for one caller and never for a cache.
async fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn locale(headers: &HeaderMap) -> Locale {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|wanted| wanted.to_str().ok());
    wanted.map(Locale::from_accept_language).unwrap_or_default()
}
