//! The port of operators, by default on this machine alone: metrics and the details of readiness. It reads nothing and asks nobody who
//! they are; it is for no network that strangers are on.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;

use super::reply::json;
use super::{App, health, metrics};

/// All paths of the port of operators.
pub fn router(app: Arc<App>) -> Router {
    Router::new().route("/metrics", get(scraped)).route("/health/details", get(health::details)).with_state(app)
}

async fn scraped(State(app): State<Arc<App>>) -> Response {
    match app.metrics.text(&app) {
        Ok(text) => {
            let mut response = Response::new(text.into());
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(metrics::MEDIA));
            response
        }
        Err(_) => json(500, r#"{"status":"metrics could not be written"}"#),
    }
}
