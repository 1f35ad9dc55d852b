//! From the signal to the end: readiness goes at once, what is under way may finish, and a second signal cuts it short.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    Draining,
    Aborting,
}

/// Tells everyone that the end has begun. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Drain {
    phase: Arc<watch::Sender<Phase>>,
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

impl Drain {
    /// Nothing has ended.
    pub fn new() -> Self {
        Self { phase: Arc::new(watch::Sender::new(Phase::Serving)) }
    }

    /// No new connections; what is under way may finish.
    pub fn begin(&self) {
        self.enter(Phase::Draining);
    }

    /// Waits for nothing any more.
    pub fn abort(&self) {
        self.enter(Phase::Aborting);
    }

    /// Has the end begun?
    pub fn is_draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining
    }

    /// Returns when the end begins.
    pub async fn begun(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Returns when nothing is to be waited for any more.
    pub async fn aborted(&self) {
        self.reached(Phase::Aborting).await;
    }

    fn enter(&self, next: Phase) {
        self.phase.send_if_modified(|phase| {
            let later = next > *phase;
            if later {
                *phase = next;
            }
            later
        });
    }

    async fn reached(&self, wanted: Phase) {
        let mut changes = self.phase.subscribe();
        // The sender lives as long as self: this cannot fail.
        let _ = changes.wait_for(|phase| *phase >= wanted).await;
    }
}

/// Begins the end at the first SIGTERM or SIGINT, and aborts at the second or at the deadline.
pub async fn drain_on_signal(drain: Drain, deadline: Duration) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    signals.next().await;
    tracing::info!("draining; a second signal ends at once");
    drain.begin();
    tokio::select! {
        () = signals.next() => tracing::warn!("ended by a second signal"),
        () = tokio::time::sleep(deadline) => tracing::warn!("ended at the deadline"),
    }
    drain.abort();
    Ok(())
}

/// Calls `read_again` at every SIGHUP.
#[cfg(unix)]
pub async fn on_hangup(read_again: impl Fn()) -> io::Result<()> {
    let mut hangups = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    while hangups.recv().await.is_some() {
        read_again();
    }
    Ok(())
}

#[cfg(not(unix))]
/// There is no such signal here.
pub async fn on_hangup(_read_again: impl Fn()) -> io::Result<()> {
    std::future::pending().await
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn phases_only_go_forward() {
        let drain = Drain::new();
        assert!(!drain.is_draining());
        drain.abort();
        drain.begin();
        assert!(drain.is_draining());
        drain.begun().await;
        drain.aborted().await;
    }

    #[tokio::test]
    async fn those_who_wait_are_told() {
        let drain = Drain::new();
        let waiting = tokio::spawn({
            let drain = drain.clone();
            async move { drain.begun().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drain.begin();
        waiting.await.unwrap();
    }
}
