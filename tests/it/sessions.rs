//! Sessions: refresh tokens that rotate, reuse that ends them, signing out here and everywhere, on one instance and on two.

use std::time::Duration;

use branchwise::db::operator_unscoped;
use branchwise::org::users;
use serde_json::{Value as Json, json};

use crate::app::{Actor, Engine, PASSWORD, TestApp};
use crate::on_both;
use crate::raw::{global, invented, sql_id};
use crate::tables::{audits, audits_since, contents, count, uuid_of};

pub const SIGN_IN: &str = "mutation($u: String!, $p: String!, $d: String) {
    signIn(input: {username: $u, password: $p, device: $d}) { accessToken expiresAt refreshToken sessionExpiresAt } }";
const REFRESH: &str = "mutation($t: String!) { refreshSession(input: {refreshToken: $t}) { accessToken refreshToken sessionExpiresAt } }";
const SESSIONS: &str = "{ viewer { sessions { id device startedAt usedAt expiresAt current } } }";
const DAY: i64 = 86_400;

/// Signs in through the front door.
pub async fn sign_in(app: &TestApp, username: &str, device: &str) -> Json {
    app.nobody().ask_with(SIGN_IN, json!({ "u": username, "p": PASSWORD, "d": device })).await["signIn"].take()
}

/// Whoever holds the access token of a payload.
pub fn holder<'a>(app: &'a TestApp, payload: &Json) -> Actor<'a> {
    Actor { app, token: Some(payload["accessToken"].as_str().unwrap().to_owned()) }
}

/// Is the token of this actor still one?
pub async fn is_in(actor: &Actor<'_>) -> bool {
    let answer = actor.send("{ viewer { username } }", json!({})).await;
    assert!(answer.body["errors"].is_null() || answer.status == 401, "{}", answer.body);
    answer.body["errors"].is_null()
}

async fn refresh(app: &TestApp, payload: &Json) -> Option<Json> {
    let mut answer = app.nobody().send(REFRESH, json!({ "t": payload["refreshToken"] })).await;
    if answer.body["errors"].is_null() {
        return Some(answer.body["data"]["refreshSession"].take());
    }
    let code = answer.body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
    // Many at once may find no connection in time, on a busy machine.
    assert!(["UNAUTHENTICATED", "OVERLOADED"].contains(&code), "{}", answer.body);
    None
}

/// Asks until it is so; not longer than a second.
pub async fn within_a_second(mut is_so: impl AsyncFnMut() -> bool) {
    let started = std::time::Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < Duration::from_secs(1), "not within a second");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn a_session_lasts_thirty_days_from_its_last_refresh(app: TestApp) {
    let mut payload = sign_in(&app, "shanghai.rep1", "My phone").await;
    for _ in 0..3 {
        app.clock.advance_seconds(29 * DAY);
        assert!(!is_in(&holder(&app, &payload)).await, "an access token lasts 15 minutes");
        payload = refresh(&app, &payload).await.expect("a day before its end");
        assert!(is_in(&holder(&app, &payload)).await);
    }
    let sessions = holder(&app, &payload).ask(SESSIONS).await["viewer"]["sessions"].take();
    let mine = sessions.as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
    assert_eq!((&mine["device"], &mine["expiresAt"]), (&json!("My phone"), &payload["sessionExpiresAt"]));
    assert!(mine["startedAt"].as_str() < mine["usedAt"].as_str(), "{mine}");
    app.clock.advance_seconds(30 * DAY - 1);
    payload = refresh(&app, &payload).await.expect("in its last second");
    app.clock.advance_seconds(30 * DAY);
    assert_eq!(refresh(&app, &payload).await, None, "at its first moment without it");
    // What is over stays in the table for thirty days more, then goes at somebody's sign-in.
    let user = sql_id(app.engine, app.user("shanghai.rep1").await);
    let rows = || async { app.number(&format!("SELECT COUNT(*) FROM session WHERE id <> user_id AND user_id = {user}")).await };
    app.clock.advance_seconds(30 * DAY - 1);
    sign_in(&app, "shanghai.rep2", "").await;
    assert_eq!(rows().await, 1);
    app.clock.advance_seconds(DAY);
    sign_in(&app, "shanghai.rep2", "").await;
    within_a_second(async || rows().await == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_lasts_thirty_days_on_sqlite() {
    a_session_lasts_thirty_days_from_its_last_refresh(TestApp::start_standing(Engine::Sqlite).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_lasts_thirty_days_on_postgres() {
    if let Some(app) = TestApp::start_standing(Engine::Postgres).await {
        a_session_lasts_thirty_days_from_its_last_refresh(app).await;
    }
}

on_both! {
    async fn whoever_wants_a_token_may_send_a_stale_one_along(app) {
        let stale = Actor { app: &app, token: Some("stale".to_owned()) };
        let sign_in = "mutation($p: String!) { signIn(input: {username: \"shanghai.rep1\", password: $p}) { accessToken } }";
        let token = stale.ask_with(sign_in, json!({ "p": PASSWORD })).await["signIn"]["accessToken"].clone();
        assert!(token.is_string());
        assert_eq!(stale.code("mutation { refreshSession(input: {refreshToken: \"x\"}) { accessToken } }", json!({})).await, "UNAUTHENTICATED");
        for document in ["{ __typename }", "{ viewer { id } }", "mutation { signOut { __typename } }"] {
            assert_eq!(stale.code(document, json!({})).await, "UNAUTHENTICATED", "{document}");
        }
        let both = "mutation($p: String!) { signIn(input: {username: \"shanghai.rep1\", password: $p}) { accessToken } signOut { __typename } }";
        assert_eq!(stale.code(both, json!({ "p": PASSWORD })).await, "UNAUTHENTICATED");
    }

    async fn a_refresh_token_that_comes_again_ends_its_session(app) {
        let (first, other) = (sign_in(&app, "shanghai.rep1", "phone").await, sign_in(&app, "shanghai.rep1", "tablet").await);
        let second = refresh(&app, &first).await.unwrap();
        assert_ne!(first["refreshToken"], second["refreshToken"]);
        let third = refresh(&app, &second).await.unwrap();
        for live in [&first, &second, &third] {
            assert!(is_in(&holder(&app, live)).await, "one session, whichever of its access tokens");
        }
        let before = audits(&app).await;
        assert_eq!(refresh(&app, &first).await, None);
        for dead in [&first, &second, &third] {
            assert!(!is_in(&holder(&app, dead)).await, "from the next request on");
            assert_eq!(refresh(&app, dead).await, None);
        }
        let told = audits_since(&app, &before).await;
        assert_eq!(told.len(), 1, "once: {told:?}");
        assert_eq!((told[0].action.as_str(), &told[0].changes), ("session:ended", &json!({ "endedBy": [null, "REUSED"] })));
        assert_eq!(told[0].unit, Some(app.unit("SHANGHAI").await), "auditors of the user's unit see it");
        assert!(is_in(&holder(&app, &other)).await, "no other session");
        assert!(refresh(&app, &other).await.is_some());
    }

    async fn of_many_who_refresh_at_once_one_wins_and_the_session_ends(app) {
        for _ in 0..3 {
            let payload = sign_in(&app, "shanghai.rep1", "phone").await;
            let answers = futures::future::join_all((0..8).map(|_| refresh(&app, &payload))).await;
            let won: Vec<&Json> = answers.iter().flatten().collect();
            assert_eq!(won.len(), 1, "{answers:?}");
            assert!(!is_in(&holder(&app, won[0])).await);
            assert_eq!(refresh(&app, won[0]).await, None);
        }
    }

    async fn a_refresh_token_is_ours_and_whole_or_nothing(app) {
        let payload = sign_in(&app, "shanghai.rep1", "phone").await;
        let good = payload["refreshToken"].as_str().unwrap();
        let link = "mutation($id: ID!) { createPasswordLink(input: {userId: $id}) { token } }";
        let user = json!({ "id": global("User", app.user("shanghai.rep2").await) });
        let link = app.actor("hq.admin").await.ask_with(link, user).await["createPasswordLink"]["token"].take();
        let stranger = branchwise::secrets::Secrets::try_new(&"x".repeat(40).into()).unwrap();
        let before = contents(&app).await;
        let mut answers = Vec::new();
        for forged in [
            String::new(),
            "x".to_owned(),
            good[1..].to_owned(),
            format!("{good}AAAA"),
            good.to_uppercase(),
            payload["accessToken"].as_str().unwrap().to_owned(),
            link.as_str().unwrap().to_owned(),
            stranger.refresh.seal("refresh", &[0; 24]).unwrap(),
            app.secrets.refresh.seal("refresh", &[0; 24]).unwrap(),
            app.secrets.refresh.seal("refresh", &[0; 23]).unwrap(),
            app.secrets.cursors.seal("refresh", &[0; 24]).unwrap(),
            "x".repeat(100_000),
        ] {
            answers.push(app.nobody().bytes(REFRESH, &json!({ "t": forged })).await);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0] && answer.body.contains("UNAUTHENTICATED")), "{answers:?}");
        assert_eq!(contents(&app).await, before, "nothing ends by guessing");
        let twice = "mutation($t: String!) { a: refreshSession(input: {refreshToken: $t}) { expiresAt }
            b: refreshSession(input: {refreshToken: $t}) { expiresAt } }";
        let answer = app.nobody().send(twice, json!({ "t": good })).await;
        assert!(answer.body.to_string().contains("\"once\""), "{}", answer.body);
    }

    async fn signing_out_ends_this_session_or_all_of_ones_own(app) {
        let mut payloads = Vec::new();
        for device in ["phone", "tablet", "desk"] {
            payloads.push(sign_in(&app, "shanghai.rep1", device).await);
        }
        let other = sign_in(&app, "shanghai.rep2", "phone").await;
        let [phone, tablet, desk] = [0, 1, 2].map(|at| holder(&app, &payloads[at]));
        assert_eq!(phone.ask("mutation { signOut { endedSessions } }").await["signOut"]["endedSessions"], 1);
        assert!(!is_in(&phone).await && is_in(&tablet).await && is_in(&desk).await);
        assert_eq!(refresh(&app, &payloads[0]).await, None);
        let before = audits(&app).await;
        let live = app.number("SELECT COUNT(*) FROM session WHERE ended_at IS NULL").await;
        // The third is the one that tests have for everybody.
        assert_eq!(tablet.ask("mutation { signOutEverywhere { endedSessions } }").await["signOutEverywhere"]["endedSessions"], 3);
        assert_eq!(app.number("SELECT COUNT(*) FROM session WHERE ended_at IS NULL").await, live - 3);
        assert!(!is_in(&tablet).await && !is_in(&desk).await && is_in(&holder(&app, &other)).await);
        let told = audits_since(&app, &before).await;
        let me = Some(app.user("shanghai.rep1").await);
        assert_eq!(told.len(), 3);
        assert!(told.iter().all(|row| row.actor == me && row.changes == json!({ "endedBy": [null, "SIGNED_OUT"] })), "{told:?}");
    }

    async fn a_session_is_ended_by_its_user_alone(app) {
        let (mine, lost) = (sign_in(&app, "shanghai.rep1", "desk").await, sign_in(&app, "shanghai.rep1", "lost phone").await);
        let foreign = sign_in(&app, "shanghai.rep2", "phone").await;
        let me = holder(&app, &mine);
        let listed = async |actor: &Actor<'_>| actor.ask(SESSIONS).await["viewer"]["sessions"].as_array().unwrap().clone();
        let id = |sessions: &[Json], device: &str| sessions.iter().find(|s| s["device"] == device).unwrap()["id"].clone();
        let sessions = listed(&me).await;
        assert_eq!(sessions.len(), 3, "and the one of the tests: {sessions:?}");
        assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
        assert_eq!(sessions.iter().find(|session| session["current"] == true).unwrap()["device"], "desk");
        let theirs = listed(&holder(&app, &foreign)).await;
        let end = "mutation($id: ID!) { endSession(input: {id: $id}) { endedSessions } }";
        let before = contents(&app).await;
        let unknown = me.bytes(end, &json!({ "id": invented("Session") })).await;
        assert!(unknown.body.contains("NOT_FOUND"), "{unknown:?}");
        for foreign in [id(&theirs, "phone"), json!(global("Session", app.user("hq.admin").await))] {
            assert_eq!(me.bytes(end, &json!({ "id": foreign })).await, unknown);
        }
        assert_eq!(me.code(end, json!({ "id": invented("User") })).await, "BAD_USER_INPUT");
        assert_eq!(contents(&app).await, before);
        let lost_id = id(&sessions, "lost phone");
        assert_eq!(me.ask_with(end, json!({ "id": lost_id })).await["endSession"]["endedSessions"], 1);
        assert!(!is_in(&holder(&app, &lost)).await && is_in(&me).await);
        assert_eq!(me.bytes(end, &json!({ "id": lost_id })).await, unknown, "it has ended");
        assert_eq!(listed(&me).await.len(), 2);
    }

    async fn who_has_no_post_signs_out_too(app) {
        app.execute("UPDATE post SET valid_to = valid_from + 1 WHERE user_id = (SELECT id FROM user_account WHERE username = 'tokyo.rep1')").await;
        app.rights_changed().await;
        let payload = sign_in(&app, "tokyo.rep1", "phone").await;
        let actor = holder(&app, &payload);
        assert_eq!(actor.ask(SESSIONS).await["viewer"]["sessions"].as_array().unwrap().len(), 2);
        actor.ask("mutation { signOut { endedSessions } }").await;
        assert!(!is_in(&actor).await);
    }

    async fn a_disabled_user_is_out_and_stays_out(app) {
        let payload = sign_in(&app, "london.manager", "phone").await;
        let operator = app.db.seen_by(operator_unscoped(&app.rights));
        let before = audits(&app).await;
        users::disable(&operator, "london.manager").await.unwrap();
        app.rights.refresh().await.unwrap();
        assert!(!is_in(&holder(&app, &payload)).await);
        assert_eq!(refresh(&app, &payload).await, None);
        let told = audits_since(&app, &before).await;
        assert!(told.iter().any(|row| row.changes == json!({ "endedBy": [null, "ADMINISTRATOR"] })), "{told:?}");
        // Enabled again behind the server's back: nothing of before comes to life.
        app.execute("UPDATE user_account SET disabled_at = NULL WHERE username = 'london.manager'").await;
        app.rights_changed().await;
        assert!(!is_in(&holder(&app, &payload)).await);
        assert_eq!(refresh(&app, &payload).await, None);
        // Disabled behind the server's back, with a session that stands: that does not refresh either.
        let payload = sign_in(&app, "london.manager", "phone").await;
        app.execute("UPDATE user_account SET disabled_at = 1 WHERE username = 'london.manager'").await;
        assert_eq!(refresh(&app, &payload).await, None);
        app.execute("UPDATE user_account SET disabled_at = NULL WHERE username = 'london.manager'").await;
        assert!(refresh(&app, &payload).await.is_some(), "that was no reuse");
    }

    async fn a_second_instance_knows_within_a_second(app) {
        let second = app.second().await;
        let there = |payload: &Json| Actor { app: &second, token: holder(&app, payload).token };
        let payload = sign_in(&app, "shanghai.rep1", "phone").await;
        assert!(is_in(&there(&payload)).await, "a session made elsewhere");
        holder(&app, &payload).ask("mutation { signOut { endedSessions } }").await;
        within_a_second(async || !is_in(&there(&payload)).await).await;

        let payload = sign_in(&app, "shanghai.rep1", "phone").await;
        let next = refresh(&second, &payload).await.expect("another instance refreshes");
        assert!(is_in(&holder(&app, &next)).await);
        assert_eq!(refresh(&app, &payload).await, None, "reuse is seen on any instance");
        within_a_second(async || !is_in(&there(&next)).await).await;

        let payload = sign_in(&app, "shanghai.rep1", "phone").await;
        assert!(is_in(&there(&payload)).await);
        let operator = app.db.seen_by(operator_unscoped(&app.rights));
        users::disable(&operator, "shanghai.rep1").await.unwrap();
        within_a_second(async || !is_in(&there(&payload)).await && !is_in(&holder(&app, &payload)).await).await;
    }

    async fn signing_in_is_told_by_the_one_who_did(app) {
        let before = audits(&app).await;
        let payload = sign_in(&app, "beijing.rep1", "  My phone  ").await;
        let told = audits_since(&app, &before).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].action, "session:started");
        assert_eq!((told[0].actor, told[0].unit), (Some(app.user("beijing.rep1").await), Some(app.unit("BEIJING").await)));
        assert_eq!(told[0].changes, json!({ "device": [null, "My phone"] }));
        let sessions = holder(&app, &payload).ask(SESSIONS).await;
        let mine = sessions["viewer"]["sessions"].as_array().unwrap().iter().find(|s| s["current"] == true).unwrap();
        assert_eq!(uuid_of(&mine["id"]), told[0].record);
        let rows = count(&app, "session").await;
        for device in ["x".repeat(101), "a\nb".to_owned(), "a\u{0}b".to_owned()] {
            let wrong = app.nobody().fail(SIGN_IN, json!({ "u": "beijing.rep1", "p": PASSWORD, "d": device })).await;
            assert_eq!(wrong["extensions"]["violations"][0]["field"], "input.device", "{wrong}");
        }
        assert_eq!(count(&app, "session").await, rows);
    }
}

/// PostgreSQL tells other instances; they do not only look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_reach_who_listens_and_listening_goes_on_after_a_cut() {
    let Some(app) = TestApp::start(Engine::Postgres).await else { return };
    const LISTENING: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    let listening = async || app.number(LISTENING).await == 1;
    let eventually = async || {
        for _ in 0..500 {
            if listening().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody listens");
    };
    eventually().await;
    for _ in 0..2 {
        let (started, before) = (std::time::Instant::now(), app.db.statements_run());
        for _ in 0..30 {
            app.execute("NOTIFY branchwise_rights").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let looked = u64::try_from(started.elapsed().as_millis()).unwrap() / 500 + 2;
        let asked = app.db.statements_run() - before;
        assert!(asked > looked + 5, "asked {asked} times, {looked} of them without being told");
        app.execute(&LISTENING.replace("COUNT(*)", "pg_terminate_backend(pid)")).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        eventually().await;
    }
    let mut listener = sqlx::postgres::PgListener::connect(&app.database.url).await.unwrap();
    listener.listen("branchwise_rights").await.unwrap();
    let payload = sign_in(&app, "shanghai.rep1", "phone").await;
    assert!(tokio::time::timeout(Duration::from_millis(300), listener.recv()).await.is_err(), "signing in changes nobody's rights");
    holder(&app, &payload).ask("mutation { signOut { endedSessions } }").await;
    tokio::time::timeout(Duration::from_secs(5), listener.recv()).await.expect("a notice").unwrap();
}
