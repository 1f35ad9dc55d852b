//! Administering at the same time: one after the other, without getting in each other's way, and each with the rights of its turn.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::app::{Actor, Engine, TestApp};
use crate::on_both;
use crate::raw::global;
use crate::tables::{contents, user_id};
use crate::units::{call, unit};

/// The lock that `src/db/turn.rs` takes.
const TURN_LOCK: i64 = 0x6272_616e_6368_5f74;
const ROUNDS: usize = 20;

/// Sends a mutation while somebody else administers behind the server's back, changes rights by `change`, and commits: the code of the
/// answer.
async fn waits_for(actor: &Actor<'_>, mutation: &str, input: &Json, change: &str) -> String {
    let app = actor.app;
    let begin = match app.engine {
        Engine::Sqlite => "BEGIN IMMEDIATE".to_owned(),
        Engine::Postgres => format!("BEGIN; SELECT pg_advisory_xact_lock({TURN_LOCK})"),
    };
    app.execute(&begin).await;
    let of = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let document = format!("mutation($input: {of}!) {{ {mutation}(input: $input) {{ __typename }} }}");
    let others = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        app.execute(&format!(
            "{change}; UPDATE epoch SET value = value + 1 WHERE scope = '*'; \
             INSERT INTO epoch (scope, value) SELECT 'group', value FROM epoch WHERE scope = '*' \
             ON CONFLICT (scope) DO UPDATE SET value = excluded.value; COMMIT"
        ))
        .await;
    };
    let (answer, ()) = tokio::join!(actor.send(&document, json!({ "input": input })), others);
    answer.body["errors"][0]["extensions"]["code"].as_str().unwrap_or("none").to_owned()
}

/// Everything but the epochs.
async fn rows(app: &TestApp) -> std::collections::BTreeMap<String, Vec<String>> {
    let mut rows = contents(app).await;
    rows.remove("epoch");
    rows
}

on_both! {
    async fn whoever_waited_is_judged_by_what_came_of_it(app) {
        let [shanghai, rep, care] = [unit(&app, "SHANGHAI").await, global("User", app.user("shanghai.rep1").await), global("User", app.user("shanghai.care").await)];
        let (admin, lender) = (app.actor("shanghai.admin").await, app.actor("shanghai.rep2").await);
        let post = lender.ask("{ viewer { posts { id } } }").await["viewer"]["posts"][0]["id"].clone();
        let customer_actions = json!([{ "resource": "CUSTOMER", "action": "READ" }]);
        let lent = json!({ "postId": post, "delegateId": rep, "actions": customer_actions, "level": "FULL", "validTo": app.clock.now().plus_seconds(3_600).rfc3339() });
        let calls = [
            (&admin, "createOrgUnit", json!({ "parentId": shanghai, "code": "SH-NEW", "name": "New", "kind": "SITE" }), "FORBIDDEN"),
            (&admin, "givePost", json!({ "userId": rep, "role": "supervisor", "unitId": shanghai }), "FORBIDDEN"),
            (&admin, "createUser", json!({ "username": "new.one", "name": "New", "post": { "role": "sales_rep", "unitId": shanghai } }), "FORBIDDEN"),
            (&admin, "updateUser", json!({ "id": care, "name": "Renamed" }), "FORBIDDEN"),
            (&admin, "createPasswordLink", json!({ "userId": care }), "FORBIDDEN"),
            (&lender, "lend", lent, "NOT_FOUND"),
        ];
        let whose = "user_id IN (SELECT id FROM user_account WHERE username IN ('shanghai.admin', 'shanghai.rep2'))";
        let before = rows(&app).await;
        for (actor, mutation, input, code) in &calls {
            let answer = waits_for(actor, mutation, input, &format!("UPDATE post SET valid_to = 2 WHERE {whose}")).await;
            app.execute(&format!("UPDATE post SET valid_to = NULL WHERE {whose}")).await;
            app.rights_changed().await;
            assert_eq!((answer.as_str(), *mutation), (*code, *mutation));
            assert!(rows(&app).await == before, "{mutation}");
        }
        let disabled = "UPDATE user_account SET disabled_at = 1 WHERE username = 'shanghai.admin'";
        assert_eq!(waits_for(&admin, calls[0].1, &calls[0].2, disabled).await, "UNAUTHENTICATED");
        app.execute("UPDATE user_account SET disabled_at = NULL").await;
        app.rights_changed().await;
        assert!(rows(&app).await == before);
        // What changes nothing for them is waited for, and no more.
        for (actor, mutation, input, _) in &calls {
            assert_eq!(waits_for(actor, mutation, input, "UPDATE post SET valid_to = NULL WHERE valid_to = 2").await, "none", "{mutation}");
        }
    }

    async fn readers_do_not_wait_for_whoever_waits_to_administer(app) {
        // More of them than there are connections.
        let (admin, rep) = (app.actor("hq.admin").await, app.actor("shanghai.rep2").await);
        let id = unit(&app, "SHANGHAI").await;
        app.execute(&match app.engine {
            Engine::Sqlite => "BEGIN IMMEDIATE".to_owned(),
            Engine::Postgres => format!("BEGIN; SELECT pg_advisory_xact_lock({TURN_LOCK})"),
        })
        .await;
        let rename = async |at: usize| call(&admin, "updateOrgUnit", json!({ "id": id, "name": format!("Shanghai {at}") })).await;
        let reads = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            for _ in 0..5 {
                rep.ask("{ customers { totalCount } }").await;
            }
            app.execute("COMMIT").await;
        };
        tokio::join!(futures::future::join_all((0..8).map(rename)), reads);
    }

    async fn whoever_waited_goes_by_the_new_tree(app) {
        // Jiangnan's administrator asks for Hangzhou just when it moves away.
        app.give_post("shanghai.care", "branch_admin", "JIANGNAN", 1, None).await;
        app.rights_changed().await;
        let (admin, hangzhou) = (app.actor("shanghai.care").await, app.unit("HANGZHOU").await);
        let new = |code: &str| json!({ "parentId": global("OrgUnit", hangzhou), "code": code, "name": "New", "kind": "SITE" });
        call(&admin, "createOrgUnit", new("HZ-1")).await;
        let moves = "UPDATE org_unit SET parent_id = (SELECT id FROM org_unit WHERE code = 'EAST') WHERE code = 'HANGZHOU'";
        assert_eq!(waits_for(&admin, "createOrgUnit", &new("HZ-2"), moves).await, "NOT_FOUND");
        assert_eq!(app.number("SELECT COUNT(*) FROM org_unit WHERE code = 'HZ-2'").await, 0);
    }

    async fn nobody_who_administers_is_in_anothers_way(app) {
        let [group, branch, rep] = [app.actor("hq.admin").await, app.actor("shanghai.admin").await, app.actor("shanghai.rep2").await];
        let (shanghai, supervised) = (unit(&app, "SHANGHAI").await, user_id(&app, "shanghai.rep1").await);
        let modes = async {
            for round in 0..ROUNDS {
                let mode = if round % 2 == 0 { "SINGLE" } else { "CENTRALISED" };
                call(&group, "updateOrgUnit", json!({ "id": shanghai, "businessMode": mode })).await;
            }
        };
        let posts = async {
            for _ in 0..ROUNDS {
                let give = "mutation($u: ID!, $at: ID!) { givePost(input: {userId: $u, role: \"supervisor\", unitId: $at}) { post { id } } }";
                let given = branch.ask_with(give, json!({ "u": supervised, "at": shanghai })).await["givePost"]["post"]["id"].take();
                branch.ask_with("mutation($id: ID!) { endPost(input: {id: $id}) { post { id } } }", json!({ "id": given })).await;
            }
        };
        let names = async {
            for round in 0..ROUNDS {
                let rename = "mutation($id: ID!, $name: String!) { updateUser(input: {id: $id, name: $name}) { user { name } } }";
                group.ask_with(rename, json!({ "id": supervised, "name": format!("Round {round}") })).await;
                rep.ask("{ viewer { name } }").await;
            }
        };
        tokio::join!(modes, posts, names);
    }
}
