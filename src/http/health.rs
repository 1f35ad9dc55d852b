//! Is the process alive, and should it get requests? No details: those are for operators.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use tokio::sync::Mutex;

use super::App;
use super::reply::json;
use crate::db::Db;

const PING_WITHIN: Duration = Duration::from_secs(2);
const REMEMBERED_FOR: Duration = Duration::from_secs(1);

/// The last answer of the database, so that a flood of checks is no flood of statements.
#[derive(Default)]
pub struct DatabaseHealth {
    last: Mutex<Option<(Instant, bool)>>,
}

impl DatabaseHealth {
    /// Did the database answer, now or within the last second?
    async fn answers(&self, db: &Db) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, answered)) = *last
            && at.elapsed() < REMEMBERED_FOR
        {
            return answered;
        }
        let db = db.clone();
        // In a task: giving up waiting must not cancel a statement half-way.
        let ping = tokio::spawn(async move { db.ping_unscoped().await.is_ok() });
        let answered = matches!(tokio::time::timeout(PING_WITHIN, ping).await, Ok(Ok(true)));
        *last = Some((Instant::now(), answered));
        answered
    }
}

/// The process answers.
pub async fn live() -> Response {
    json(200, r#"{"status":"live"}"#)
}

/// Readiness in detail, for operators.
pub async fn details(State(app): State<Arc<App>>) -> Response {
    let (draining, confirmed, answers) = (app.drain.is_draining(), app.rights.is_confirmed(), app.database.answers(&app.db).await);
    let details = json!({
        "ready": !draining && confirmed && answers,
        "draining": draining,
        "database": { "answers": answers },
        "audit": { "sealedMsAgo": ms(app.sealer.caught_up_ago()) },
        "rights": { "confirmed": confirmed, "confirmedMsAgo": ms(app.rights.confirmed_ago()) },
    });
    json(200, details.to_string())
}

fn ms(ago: Duration) -> u64 {
    u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)
}

/// Ready for requests: not draining, rights confirmed, and the database answers.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    let ready = !app.drain.is_draining() && app.rights.is_confirmed() && app.database.answers(&app.db).await;
    if ready { json(200, r#"{"status":"ready"}"#) } else { json(503, r#"{"status":"not ready"}"#) }
}
