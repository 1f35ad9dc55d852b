//! Previews beside everything else that goes on: they hold nobody up, and are dear.

use std::time::Duration;

use serde_json::json;

use crate::app::Engine;
use crate::on_both;
use crate::raw::{global, sql_id};

const PREVIEW: &str = "query($user: ID!, $unit: ID!) { \
    previewPost(input: {userId: $user, role: \"supervisor\", unitId: $unit}) { userTotal } previewBusinessMode(id: $unit, businessMode: SINGLE) { userTotal } }";

on_both! {
    async fn many_previews_in_one_request_are_too_dear(app) {
        let admin = app.actor("hq.admin").await;
        let unit = global("OrgUnit", app.unit("SHANGHAI").await);
        let preview = |name: &str| format!("{name}: previewBusinessMode(id: \"{unit}\", businessMode: SINGLE) {{ userTotal }}");
        assert_eq!(admin.code(&format!("{{ {} {} {} }}", preview("a"), preview("b"), preview("c")), json!({})).await, "COST_LIMIT_EXCEEDED");
        assert!(admin.ask(&format!("{{ {} {} }}", preview("a"), preview("b"))).await["b"]["userTotal"].is_number());
    }

    async fn a_preview_does_not_wait_for_who_changes_rights(app) {
        // On SQLite a unit of work is alone anyway.
        if app.engine == Engine::Sqlite {
            return;
        }
        let admin = app.actor("hq.admin").await;
        let variables = json!({ "user": global("User", app.user("shanghai.rep1").await), "unit": global("OrgUnit", app.unit("SHANGHAI").await) });
        app.execute("BEGIN; UPDATE epoch SET value = value + 1 WHERE scope = '*'").await;
        let preview = tokio::time::timeout(Duration::from_secs(10), admin.send(PREVIEW, variables)).await;
        app.execute("ROLLBACK").await;
        assert_eq!(preview.expect("an answer").body.get("errors"), None);
    }

    async fn rights_are_confirmed_whoever_queues_for_connections(app) {
        if app.engine == Engine::Sqlite {
            return;
        }
        let actor = app.actor("hq.director").await;
        actor.ask("{ viewer { name } }").await;
        app.execute("BEGIN; LOCK TABLE customer IN ACCESS EXCLUSIVE MODE").await;
        let stuck = async {
            let asking = (0..8).map(|_| actor.send("{ customers { totalCount } }", json!({})));
            futures::future::join_all(asking).await
        };
        let look = async {
            tokio::time::sleep(Duration::from_secs(7)).await;
            let confirmed = app.rights.is_confirmed();
            app.execute("ROLLBACK").await;
            confirmed
        };
        let (answers, confirmed) = futures::join!(stuck, look);
        assert!(confirmed);
        assert!(answers.iter().any(|answer| answer.body.get("errors").is_some()), "nobody queued");
        let id = sql_id(app.engine, app.user("hq.director").await);
        assert_eq!(app.number(&format!("SELECT COUNT(*) FROM user_account WHERE id = {id}")).await, 1);
    }
}
