//! What operators are told of each operation, one of a batch like any other: numbers, a line in the log, and a span. Never what was asked, by
//! whom or with what.

use std::time::Duration;

use super::reply::Reply;
use super::spans::Span;
use super::{App, named};

/// Tells of an operation that has been answered, or of a request that was refused before there was any.
pub fn tell(app: &App, reply: &Reply, status: u16, took: Duration, span: &mut Span) {
    app.metrics.answered(reply, took);
    span.tell(reply);
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(operation = named(reply.operation.as_deref()), status, duration_ms, codes = reply.answer.codes.join(","), "graphql");
}
