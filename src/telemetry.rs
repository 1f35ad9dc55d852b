//! Logs: to stderr, for people on a terminal and as JSON elsewhere, or as `BRANCHWISE_LOG` says. `RUST_LOG` chooses what.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

const DEFAULT_FILTER: &str = "warn,branchwise=info";

/// Starts logging. A second call changes nothing. Errors: a line for what the environment asks for and nobody understands.
pub fn init(environment: impl Fn(&str) -> Option<String>) -> Result<(), String> {
    let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
    let as_json = match variable("BRANCHWISE_LOG").as_deref() {
        None => !stderr().is_terminal(),
        Some("json") => true,
        Some("text") => false,
        Some(other) => return Err(format!("BRANCHWISE_LOG: {other:?} must be json or text")),
    };
    let filter = EnvFilter::try_new(variable("RUST_LOG").as_deref().unwrap_or(DEFAULT_FILTER));
    let filter = filter.map_err(|error| format!("RUST_LOG: not understood, write as in {DEFAULT_FILTER}: {error}"))?;
    let subscriber = fmt().with_env_filter(filter).with_writer(stderr);
    // An error here means that logging has started already.
    let _ =
        if as_json { subscriber.json().flatten_event(true).try_init() } else { subscriber.with_ansi(stderr().is_terminal()).try_init() };
    log_panics_by_place();
    Ok(())
}

/// A panic's text may hold data of users; its place does not.
fn log_panics_by_place() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}
