//! A line in the log for each operation that takes long: which document and what it cost, never its text or its variables.

use std::time::Duration;

use super::{App, named};
use crate::graphql::persisted::hash;

/// An operation that has run.
pub struct Ran<'a> {
    /// Its document.
    pub text: &'a str,
    /// Its name in the document.
    pub name: Option<&'a str>,
    /// Its points.
    pub cost: u64,
    /// The codes of its errors.
    pub codes: &'a [&'static str],
    /// From the token to the answer.
    pub took: Duration,
}

/// Tells of it, if it took longer than `http.slow_ms`.
pub fn tell(app: &App, ran: &Ran<'_>) {
    let duration_ms = u64::try_from(ran.took.as_millis()).unwrap_or(u64::MAX);
    if duration_ms < app.config.http.slow_ms {
        return;
    }
    let document = hash(ran.text);
    tracing::warn!(document, operation = named(ran.name), duration_ms, cost = ran.cost, codes = ran.codes.join(","), "slow operation");
}
