//! Failed sign-ins: counted by account and by address, whether or not there is such a user, and told to nobody but the audit.

use serde_json::json;

use crate::app::{Engine, PASSWORD, TestApp};
use crate::on_both;
use crate::raw::{Bytes, sql_id};
use crate::sessions::{SIGN_IN, holder, sign_in};
use crate::tables::{audits, audits_since, count};

const MINUTE: i64 = 60;

async fn attempt(app: &TestApp, username: &str, password: &str) -> Bytes {
    app.nobody().bytes(SIGN_IN, &json!({ "u": username, "p": password })).await
}

fn code(answer: &Bytes) -> &'static str {
    ["UNAUTHENTICATED", "RATE_LIMITED", "OVERLOADED", "accessToken"].into_iter().find(|code| answer.body.contains(code)).unwrap_or("other")
}

async fn a_lock_begins_and_ends_at_its_second(app: TestApp) {
    app.execute("UPDATE user_account SET disabled_at = 1 WHERE username = 'london.manager'").await;
    let mut heard: Vec<Vec<Bytes>> = Vec::new();
    let before = audits(&app).await;
    for name in ["shanghai.rep1", "nobody.at.all", "london.manager"] {
        let mut answers = Vec::new();
        for _ in 0..9 {
            answers.push(attempt(&app, name, "wrong horse battery").await);
        }
        // Upper and lower case are one account.
        answers.push(attempt(&app, &name.to_uppercase(), "wrong horse battery").await);
        assert!(answers.iter().all(|answer| code(answer) == "UNAUTHENTICATED"), "{answers:?}");
        for password in [PASSWORD, "wrong horse battery"] {
            answers.push(attempt(&app, name, password).await);
            assert_eq!(code(answers.last().unwrap()), "RATE_LIMITED", "the right password too");
        }
        heard.push(answers);
    }
    assert!(heard.iter().all(|answers| *answers == heard[0]), "known, unknown and disabled answer alike");
    assert!(heard[0][11].body.contains("\"retryAfterSeconds\":900"), "{:?}", heard[0][11]);
    let told = audits_since(&app, &before).await;
    let of = |action: &str| told.iter().filter(|row| row.action == action).count();
    assert_eq!((of("session:sign_in_failed"), of("session:account_locked"), told.len()), (30, 3, 33), "a lock is told of once");
    let [rep, disabled] = [app.user("shanghai.rep1").await, app.user("london.manager").await];
    for (user, unit) in [(rep, "SHANGHAI"), (disabled, "LONDON")] {
        let rows: Vec<_> = told.iter().filter(|row| row.record == user).collect();
        assert_eq!(rows.len(), 11);
        assert!(rows[0].actor.is_none() && rows[0].unit == Some(app.unit(unit).await), "{rows:?}");
    }
    assert!(!format!("{told:?}").contains("nobody.at.all"), "no name that was typed");
    for row in app.select("SELECT subject FROM sign_in_failure").await {
        let subject: String = row.try_get_by_index(0).unwrap();
        assert!(subject.len() == 43 && !subject.contains("shanghai") && !subject.contains("127"), "{subject}");
    }
    assert_eq!(count(&app, "sign_in_failure").await, 4, "three accounts and one address");

    app.clock.advance_seconds(15 * MINUTE - 1);
    let still = attempt(&app, "shanghai.rep1", PASSWORD).await;
    assert!(still.body.contains("\"retryAfterSeconds\":1"), "{still:?}");
    assert!(still.headers.contains(&("retry-after".to_owned(), "1".to_owned())) || still.status == 200, "{still:?}");
    app.clock.advance_seconds(1);
    for _ in 0..9 {
        assert_eq!(code(&attempt(&app, "shanghai.rep1", "wrong horse battery").await), "UNAUTHENTICATED", "counted anew");
    }
    assert_eq!(code(&attempt(&app, "shanghai.rep1", PASSWORD).await), "accessToken");
    // Success forgets the failures of the account: nine more do not lock.
    for _ in 0..9 {
        assert_eq!(code(&attempt(&app, "shanghai.rep1", "wrong horse battery").await), "UNAUTHENTICATED");
    }
    // Nor do failures of long ago.
    app.clock.advance_seconds(15 * MINUTE);
    assert_eq!(code(&attempt(&app, "shanghai.rep1", "wrong horse battery").await), "UNAUTHENTICATED");
    assert_eq!(code(&attempt(&app, "shanghai.rep1", PASSWORD).await), "accessToken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_begins_and_ends_on_sqlite() {
    a_lock_begins_and_ends_at_its_second(TestApp::start_standing(Engine::Sqlite).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_begins_and_ends_on_postgres() {
    if let Some(app) = TestApp::start_standing(Engine::Postgres).await {
        a_lock_begins_and_ends_at_its_second(app).await;
    }
}

on_both! {
    async fn an_address_is_locked_whomever_it_tries(app) {
        let address = app.secrets.subjects.address("127.0.0.1".parse().unwrap()).unwrap();
        let now = app.clock.now().0;
        app.execute(&format!("INSERT INTO sign_in_failure (subject, failures, since) VALUES ('{address}', 98, {now})")).await;
        sign_in(&app, "shanghai.rep1", "").await;
        let before = audits(&app).await;
        for name in ["a", "b"] {
            assert_eq!(code(&attempt(&app, name, PASSWORD).await), "UNAUTHENTICATED", "success forgets nothing of the address");
        }
        for name in ["c", "shanghai.rep1"] {
            assert_eq!(code(&attempt(&app, name, PASSWORD).await), "RATE_LIMITED");
        }
        let told = audits_since(&app, &before).await;
        assert_eq!(told.iter().filter(|row| row.action == "session:address_locked").count(), 1, "{told:?}");
        assert!(app.actor("shanghai.rep1").await.ask("{ viewer { name } }").await["viewer"]["name"].is_string(), "tokens go on");
    }

    async fn many_at_once_have_no_more_tries_than_one_after_the_other(app) {
        let tries = (0..25).map(|at| {
            let app = &app;
            async move { attempt(app, "shanghai.rep1", &format!("wrong horse battery {at}")).await }
        });
        let answers = futures::future::join_all(tries).await;
        let unauthenticated = answers.iter().filter(|answer| code(answer) == "UNAUTHENTICATED").count();
        let limited = answers.iter().filter(|answer| code(answer) == "RATE_LIMITED").count();
        assert_eq!((unauthenticated, limited), (10, 15), "{answers:?}");
        assert_eq!(app.number("SELECT COUNT(*) FROM audit WHERE action = 'session:account_locked'").await, 1);
        assert_eq!(code(&attempt(&app, "shanghai.rep1", PASSWORD).await), "RATE_LIMITED");
    }

    async fn a_lock_that_came_while_the_password_was_looked_at_holds(app) {
        let subject = app.secrets.subjects.account("shanghai.rep1").unwrap();
        let user = "(SELECT id FROM user_account WHERE username = 'shanghai.rep1')";
        let sessions = count(&app, "session").await;
        // Somebody writes to the account: signing in waits for that, past its first look at the lock.
        app.execute(match app.engine {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN; SELECT id FROM user_account WHERE username = 'shanghai.rep1' FOR UPDATE",
        })
        .await;
        let now = app.clock.now();
        let locks = async {
            tokio::time::sleep(std::time::Duration::from_millis(700)).await;
            app.execute(&format!(
                "UPDATE user_account SET updated_at = updated_at WHERE id = {user}; \
                 INSERT INTO sign_in_failure (subject, failures, since, locked_until) VALUES ('{subject}', 10, {}, {}); COMMIT",
                now.0, now.plus_seconds(900).0
            ))
            .await;
        };
        let (answer, ()) = tokio::join!(attempt(&app, "shanghai.rep1", PASSWORD), locks);
        assert_eq!(code(&answer), "RATE_LIMITED", "{answer:?}");
        assert_eq!(count(&app, "session").await, sessions);
    }

    async fn what_is_over_is_tidied_away(app) {
        let user = app.user("shanghai.rep1").await;
        let now = app.clock.now();
        let [old, young] = [31, 29].map(|days| now.plus_seconds(-days * 86_400).0);
        let later = now.plus_seconds(86_400).0;
        for at in [old, young] {
            let [id, link, ended] = [0, 1, 2].map(|_| sql_id(app.engine, app.clock.id::<uuid::Uuid>()));
            let of = sql_id(app.engine, user);
            app.execute(&format!("INSERT INTO session (id, user_id, generation, started_at, used_at, expires_at, device) VALUES ({id}, {of}, 0, 1, 1, {at}, 'over')")).await;
            app.execute(&format!("INSERT INTO session (id, user_id, generation, started_at, used_at, expires_at, ended_at, device) VALUES ({ended}, {of}, 0, 1, 1, {later}, {at}, 'over')")).await;
            app.execute(&format!("INSERT INTO password_link (id, user_id, created_at, expires_at) VALUES ({link}, {of}, 1, {at})")).await;
        }
        let today = app.clock.today();
        for day in ["2020-01-01".to_owned(), today.to_string()] {
            app.execute(&format!("INSERT INTO daily_use (user_id, what, day, used) VALUES ({}, 'x', '{day}', 1)", sql_id(app.engine, user))).await;
        }
        sign_in(&app, "shanghai.rep2", "").await;
        let left = async || {
            let sessions = app.number("SELECT COUNT(*) FROM session WHERE device = 'over'").await;
            (sessions, count(&app, "password_link").await, count(&app, "daily_use").await)
        };
        for _ in 0..200 {
            if left().await != (4, 2, 2) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(left().await, (2, 1, 1));
        assert_eq!(app.number("SELECT MIN(expires_at) FROM password_link").await, young);
    }

    async fn a_failure_takes_the_same_statements_for_whatever_reason(app) {
        app.execute("UPDATE user_account SET disabled_at = 1 WHERE username = 'london.manager'").await;
        app.execute("UPDATE user_account SET password_hash = NULL WHERE username = 'london.rep1'").await;
        sign_in(&app, "shanghai.rep1", "").await;
        // Locks, account, both counters, the workplace, the audit.
        const EXPECTED: u64 = 6;
        for (name, password) in [
            ("shanghai.rep2", "wrong horse battery"),
            ("nobody.at.all", PASSWORD),
            ("london.manager", PASSWORD),
            ("london.manager", "wrong horse battery"),
            ("london.rep1", PASSWORD),
            ("a\u{0}b", PASSWORD),
            ("x' OR '1'='1", PASSWORD),
        ] {
            // The server's own look at the epoch counts as well: the first of several tries that is without ends them.
            let mut least = u64::MAX;
            for _ in 0..30 {
                app.execute("DELETE FROM sign_in_failure").await;
                let before = app.db.statements_run();
                assert_eq!(code(&attempt(&app, name, password).await), "UNAUTHENTICATED", "{name}");
                least = least.min(app.db.statements_run() - before);
                if least <= EXPECTED {
                    break;
                }
            }
            assert_eq!(least, EXPECTED, "{name}");
        }
    }

    async fn ones_own_password_is_not_guessed_with_a_token(app) {
        let change = "mutation($c: String!, $n: String!) { changePassword(input: {currentPassword: $c, newPassword: $n}) { endedSessions } }";
        let payload = sign_in(&app, "shanghai.rep1", "phone").await;
        let thief = holder(&app, &payload);
        for _ in 0..10 {
            let wrong = thief.fail(change, json!({ "c": "wrong horse battery", "n": "a new password" })).await;
            assert_eq!(wrong["extensions"]["violations"][0]["field"], "input.currentPassword", "{wrong}");
        }
        assert_eq!(thief.code(change, json!({ "c": PASSWORD, "n": "a new password" })).await, "RATE_LIMITED");
        assert_eq!(code(&attempt(&app, "shanghai.rep1", PASSWORD).await), "RATE_LIMITED", "one counter for both");
        assert_eq!(app.number("SELECT COUNT(*) FROM audit WHERE action = 'session:password_refused'").await, 10);
    }
}
