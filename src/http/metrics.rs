//! Numbers for operators, in the text format of OpenMetrics, which Prometheus reads. They tell how much and how long: never what was asked,
//! by whom or about whom.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::App;
use super::reply::Reply;
use crate::error::Error;

/// The media type of the text format.
pub const MEDIA: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Names of operations that are told apart; each has its row of numbers.
const MOST_NAMES: usize = 100;
/// Stands for every name beyond those, and for what did not run.
const OTHER: &str = "other";
/// Stands for an operation without a name.
const NAMELESS: &str = "-";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    operation: String,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    operation: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connections {
    pool: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Entries {
    cache: &'static str,
}

/// What is counted. Requests count as they are answered; the rest is looked at when somebody asks.
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    duration: Family<Of, Histogram, fn() -> Histogram>,
    cost: Family<Of, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    connections: Family<Connections, Gauge>,
    entries: Family<Entries, Gauge>,
    denials: Counter,
    seal_lag: Gauge<f64, AtomicU64>,
    seals_refused: Counter,
    names: Mutex<HashSet<String>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("branchwise");
        let requests = Family::default();
        registry.register("requests", "Answers to /graphql, by operation and first error code", requests.clone());
        // From 1 ms to 16 s.
        let duration = Family::new_with_constructor((|| Histogram::new(exponential_buckets(0.001, 2.0, 15))) as fn() -> Histogram);
        registry.register(
            "request_duration_seconds",
            "From the headers of a request, or its turn in a batch, to the answer, by operation",
            duration.clone(),
        );
        // From 1 to 262,144 points.
        let cost = Family::new_with_constructor((|| Histogram::new(exponential_buckets(1.0, 4.0, 10))) as fn() -> Histogram);
        registry.register("request_cost", "Points of the operations that ran, by operation", cost.clone());
        let in_flight = Gauge::default();
        registry.register("requests_in_flight", "Requests in execution", in_flight.clone());
        let connections = Family::default();
        registry.register("database_connections", "Connections to the database, by pool and state", connections.clone());
        let entries = Family::default();
        registry.register("cache_entries", "Entries of the caches", entries.clone());
        let denials = Counter::default();
        registry.register("denials", "Requests of users that were refused something", denials.clone());
        let seal_lag = Gauge::default();
        registry.register("audit_seal_lag_seconds", "How long ago all audit rows were sealed", seal_lag.clone());
        let seals_refused = Counter::default();
        registry.register("audit_rows_refused", "Audit rows that no program with the secret wrote", seals_refused.clone());
        Self {
            registry,
            requests,
            duration,
            cost,
            in_flight,
            connections,
            entries,
            denials,
            seal_lag,
            seals_refused,
            names: Mutex::default(),
        }
    }
}

impl Metrics {
    /// An operation, or a request that holds none, has its answer.
    pub fn answered(&self, reply: &Reply, took: Duration) {
        let operation = if reply.ran_for_user { self.told_apart(reply.operation.as_deref().unwrap_or(NAMELESS)) } else { OTHER.to_owned() };
        let code = reply.answer.codes.first().copied().unwrap_or("OK");
        let of = Of { operation: operation.clone() };
        self.duration.get_or_create(&of).observe(took.as_secs_f64());
        if let Some(cost) = reply.cost {
            // Points are few enough to be exact.
            #[expect(clippy::cast_precision_loss, reason = "as above")]
            self.cost.get_or_create(&of).observe(cost as f64);
        }
        self.requests.get_or_create(&Answered { operation, code }).inc();
    }

    /// Only users of ours name operations here, and a name stays as long as the process.
    fn told_apart(&self, name: &str) -> String {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.contains(name) {
            return name.to_owned();
        }
        if names.len() >= MOST_NAMES {
            return OTHER.to_owned();
        }
        names.insert(name.to_owned());
        name.to_owned()
    }

    /// Everything as text. Errors: INTERNAL_SERVER_ERROR where it cannot be written.
    pub fn text(&self, app: &App) -> Result<String, Error> {
        self.in_flight.set(whole(app.in_flight()));
        for pool in app.db.pools() {
            for (state, number) in [("idle", pool.idle), ("used", pool.open.saturating_sub(pool.idle))] {
                self.connections.get_or_create(&Connections { pool: pool.name, state }).set(whole(number));
            }
        }
        for (cache, number) in [("documents", app.documents.entries()), ("viewers", app.rights.entries())] {
            self.entries.get_or_create(&Entries { cache }).set(whole(number));
        }
        self.denials.inner().store(app.denials.refused(), std::sync::atomic::Ordering::Relaxed);
        self.seal_lag.set(app.sealer.caught_up_ago().as_secs_f64());
        self.seals_refused.inner().store(app.sealer.refused(), std::sync::atomic::Ordering::Relaxed);
        let mut written = String::new();
        text::encode(&mut written, &self.registry).map_err(|_| Error::internal("metrics could not be written"))?;
        Ok(written)
    }
}

fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_cap_are_one() {
        let metrics = Metrics::default();
        let told: HashSet<String> = (0..10 * MOST_NAMES).map(|number| metrics.told_apart(&format!("Op{number}"))).collect();
        assert_eq!(told.len(), MOST_NAMES + 1);
        assert!(told.contains(OTHER));
        assert_eq!(metrics.told_apart("Op1"), "Op1", "those that are known stay");
    }
}
