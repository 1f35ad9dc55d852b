//! Logs: to stderr, for people on a terminal and as JSON elsewhere. `RUST_LOG` chooses what.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

const DEFAULT_FILTER: &str = "warn,branchwise=info";

/// Starts logging. A second call changes nothing.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let subscriber = fmt().with_env_filter(filter).with_writer(stderr);
    // An error here means that logging has started already.
    let _ = if stderr().is_terminal() { subscriber.try_init() } else { subscriber.json().flatten_event(true).try_init() };
    log_panics_by_place();
}

/// A panic's text may hold data of users; its place does not.
fn log_panics_by_place() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}
