//! What begins and ends, under a clock that stands until it is moved: at its minute, neither before nor after.

use serde_json::json;

use crate::app::{Engine, TestApp};

const MINUTE: i64 = 60;

async fn posts_and_tokens_count_to_the_second(app: TestApp) {
    let begins = app.clock.now().plus_seconds(MINUTE);
    let ends = begins.plus_seconds(MINUTE);
    app.give_post("shanghai.rep1", "branch_manager", "LONDON", begins.0, Some(ends.0)).await;
    app.rights_changed().await;
    let actor = app.actor("shanghai.rep1").await;
    let sees_london = async || {
        let answer = actor.ask("{ orgUnit(code: \"LONDON\") { code } }").await;
        !answer["orgUnit"].is_null()
    };
    assert!(!sees_london().await, "a minute before");
    app.clock.advance_seconds(MINUTE - 1);
    assert!(!sees_london().await, "a second before");
    app.clock.advance_seconds(1);
    assert!(sees_london().await, "at its first moment");
    app.clock.advance_seconds(MINUTE - 1);
    assert!(sees_london().await, "in its last second");
    app.clock.advance_seconds(1);
    assert!(!sees_london().await, "at the first moment without it");

    app.clock.advance_seconds(15 * MINUTE - 2 * MINUTE - 1);
    actor.ask("{ viewer { name } }").await;
    app.clock.advance_seconds(1);
    assert_eq!(actor.code("{ viewer { name } }", json!({})).await, "UNAUTHENTICATED", "a token lasts 15 minutes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    if let Some(app) = TestApp::start_standing(Engine::Sqlite).await {
        posts_and_tokens_count_to_the_second(app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    if let Some(app) = TestApp::start_standing(Engine::Postgres).await {
        posts_and_tokens_count_to_the_second(app).await;
    }
}
