//! Users whom an issuer vouches for: who says so, what it opens, and how it ends.

use branchwise::config::Config;
use serde_json::{Value as Json, json};

use crate::app::{Actor, Engine, TestApp, has_postgres};
use crate::oidc::{AUDIENCE, MANAGER, Provider, who};
use crate::process::Process;
use crate::raw::global;
use crate::tables::count;

const LINK: &str = "mutation($id: ID!, $subject: String) { updateUser(input: {id: $id, subject: $subject}) { user { subject } } }";

async fn app(engine: Engine, provider: &Provider, configure: impl FnOnce(&mut Config)) -> Option<TestApp> {
    if engine == Engine::Postgres && !has_postgres().await {
        return None;
    }
    let trusting = provider.configure();
    TestApp::start_filled_with(engine, |config| {
        trusting(config);
        configure(config);
    })
    .await
}

async fn user(app: &TestApp, name: &str) -> Json {
    json!(global("User", app.user(name).await))
}

async fn a_subject_is_given_and_taken_by_whoever_manages_the_user(engine: Engine) {
    let provider = Provider::start(&["one"]).await;
    let Some(app) = app(engine, &provider, |_| ()).await else { return };
    let token = provider.token(&app, MANAGER);
    let manager = user(&app, "shanghai.manager").await;
    let nobody = who(&app, &token).await;
    assert_eq!(
        (nobody.0, count(&app, "user_account").await),
        (401, app.number("SELECT COUNT(*) FROM user_account WHERE subject IS NULL").await),
        "none is created unless configured"
    );
    let link = |id: &Json, subject: Option<&str>| json!({ "id": id, "subject": subject });
    // Who may not manage the user may not say whose token it is either.
    for (who, id, code) in [
        ("shanghai.manager", &manager, "FORBIDDEN"),
        ("shanghai.rep1", &manager, "FORBIDDEN"),
        ("shanghai.admin", &user(&app, "hq.admin").await, "NOT_FOUND"),
        ("shanghai.admin", &user(&app, "hangzhou.manager").await, "NOT_FOUND"),
    ] {
        let got = app.actor(who).await.code(LINK, link(id, Some(MANAGER))).await;
        assert!(got == code || got == "FORBIDDEN", "{who}: {got}");
    }
    let (branch, group) = (app.actor("shanghai.admin").await, app.actor("hq.admin").await);
    for wrong in ["", "a\u{7}b", &"x".repeat(256)] {
        let error = branch.fail(LINK, link(&manager, Some(wrong))).await;
        assert_eq!(
            (&error["extensions"]["code"], &error["extensions"]["violations"][0]["field"]),
            (&json!("BAD_USER_INPUT"), &json!("input.subject"))
        );
    }
    assert_eq!(branch.ask_with(LINK, link(&manager, Some(MANAGER))).await["updateUser"]["user"]["subject"], MANAGER);
    assert_eq!(who(&app, &token).await, (200, json!("shanghai.manager")));
    let error = group.fail(LINK, link(&user(&app, "hq.director").await, Some(MANAGER))).await;
    assert_eq!(
        (&error["extensions"]["code"], &error["extensions"]["violations"][0]["field"]),
        (&json!("CONFLICT"), &json!("input.subject")),
        "{error}"
    );
    branch.ask_with(LINK, link(&manager, Some(MANAGER))).await;
    // Nobody but who administers the user sees it, in the audit neither.
    let look = "query($id: ID!) { node(id: $id) { ... on User { name subject } } }";
    assert_eq!(app.actor("shanghai.rep1").await.ask_with(look, json!({ "id": manager })).await["node"]["subject"], Json::Null);
    assert_eq!(app.number(&format!("SELECT COUNT(*) FROM audit WHERE CAST(changes AS text) LIKE '%{MANAGER}%'")).await, 0);
    assert_eq!(app.number("SELECT COUNT(*) FROM audit WHERE CAST(changes AS text) LIKE '%\"subject\"%'").await, 1);

    // Such a token opens what the user's posts open, in no session of ours.
    let by_token = Actor { app: &app, token: Some(token.clone()) };
    let own = app.actor("shanghai.manager").await;
    let customers = "{ customers(first: 100) { totalCount nodes { id name level phone } } }";
    assert_eq!(by_token.ask(customers).await, own.ask(customers).await);
    let sessions = by_token.ask("{ viewer { sessions { current } } }").await["viewer"]["sessions"].take();
    assert!(sessions.as_array().unwrap().iter().all(|session| session["current"] == false), "{sessions}");
    assert_eq!(by_token.code("mutation { signOut { __typename } }", json!({})).await, "UNAUTHENTICATED");
    by_token.ask("mutation { signOutEverywhere { __typename } }").await;
    assert_eq!(who(&app, &token).await.0, 200, "its issuer ends it, not we");
    // What ends it here: the posts, disabling, another subject.
    app.execute("UPDATE post SET valid_to = 2 WHERE user_id = (SELECT id FROM user_account WHERE username = 'shanghai.manager')").await;
    app.rights_changed().await;
    assert_eq!(by_token.code("{ customers { totalCount } }", json!({})).await, "FORBIDDEN");
    let set = |what: &str| format!("mutation($id: ID!) {{ {what}User(input: {{id: $id}}) {{ user {{ id }} }} }}");
    group.ask_with(&set("disable"), json!({ "id": manager })).await;
    assert_eq!(who(&app, &token).await, nobody);
    group.ask_with(&set("enable"), json!({ "id": manager })).await;
    assert_eq!(who(&app, &token).await.0, 200);
    assert_eq!(group.ask_with(LINK, link(&manager, None)).await["updateUser"]["user"]["subject"], Json::Null);
    assert_eq!(who(&app, &token).await, nobody);
    // The same subject of another issuer is somebody else.
    app.execute(&format!(
        "UPDATE user_account SET issuer = 'https://login.example.com', subject = '{MANAGER}' WHERE username = 'hq.director'"
    ))
    .await;
    assert_eq!(who(&app, &token).await, nobody);
}

async fn the_first_sight_makes_one_user_without_posts(engine: Engine) {
    let provider = Provider::start(&["one"]).await;
    let creating = |config: &mut Config| config.oidc.create_users = true;
    let Some(app) = app(engine, &provider, creating).await else { return };
    let trusting = provider.configure();
    let second = app
        .second_with(|config| {
            trusting(config);
            creating(config);
        })
        .await;
    let before = count(&app, "user_account").await;
    let token = provider.token(&app, "somebody new");
    let at_once = (0..12).map(|at| who(if at % 2 == 0 { &app } else { &second }, &token));
    let answers = futures::future::join_all(at_once).await;
    assert!(answers.iter().all(|answer| answer.0 == 200 && *answer == answers[0]), "{answers:?}");
    assert_eq!(count(&app, "user_account").await, before + 1);
    assert!(answers[0].1.as_str().unwrap().starts_with("oidc-"));
    assert_eq!(
        app.number("SELECT COUNT(*) FROM post WHERE user_id = (SELECT id FROM user_account WHERE subject = 'somebody new')").await,
        0
    );
    let told = app.select("SELECT reason FROM audit WHERE record_id = (SELECT id FROM user_account WHERE subject = 'somebody new')").await;
    assert_eq!((told.len(), told[0].try_get_by_index::<String>(0).unwrap()), (1, "first token of an issuer".to_owned()));
    let new = Actor { app: &app, token: Some(token.clone()) };
    assert_eq!(
        new.ask("{ viewer { posts { role } can(resource: CUSTOMER, action: READ) } }").await["viewer"],
        json!({ "posts": [], "can": false })
    );
    assert_eq!(new.code("{ customers { totalCount } }", json!({})).await, "FORBIDDEN");
    // An administrator finds the user, and may shut them out before they have ever held a post.
    let (group, branch) = (app.actor("hq.admin").await, app.actor("shanghai.admin").await);
    let id = json!(global("User", app.user(answers[0].1.as_str().unwrap()).await));
    let disable = "mutation($id: ID!) { disableUser(input: {id: $id}) { user { subject } } }";
    assert_ne!(branch.code(disable, json!({ "id": id })).await, "");
    assert_eq!(group.ask_with(disable, json!({ "id": id })).await["disableUser"]["user"]["subject"], "somebody new");
    assert_eq!(who(&app, &token).await.0, 401);
    assert_eq!(count(&app, "user_account").await, before + 1, "whoever is disabled comes back as nobody else");
    // A name is taken over where it is one.
    for (at, (name, is_kept)) in
        [(json!("Li Na"), true), (json!(""), false), (json!("a\u{0}b"), false), (json!("x".repeat(2_000)), false), (json!(["Li"]), false)]
            .into_iter()
            .enumerate()
    {
        let mut claims = provider.claims(&app, &format!("named {at}"));
        claims["name"] = name.clone();
        let token = provider.sign(&claims);
        let shown = Actor { app: &app, token: Some(token) }.ask("{ viewer { name username } }").await["viewer"].take();
        assert_eq!(shown["name"] == name, is_kept, "{shown}");
        assert!(is_kept || shown["name"] == shown["username"], "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subjects_on_sqlite() {
    a_subject_is_given_and_taken_by_whoever_manages_the_user(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subjects_on_postgres() {
    a_subject_is_given_and_taken_by_whoever_manages_the_user(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_sight_on_sqlite() {
    the_first_sight_makes_one_user_without_posts(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_sight_on_postgres() {
    the_first_sight_makes_one_user_without_posts(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_binary_takes_tokens_and_logs_no_subject() {
    let provider = Provider::start(&["one"]).await;
    let app = TestApp::start(Engine::Sqlite).await.unwrap();
    let error = app.actor("hq.admin").await.fail(LINK, json!({ "id": user(&app, "hq.director").await, "subject": "x" })).await;
    assert_eq!(error["extensions"]["violations"][0]["rule"], "issuer", "without an issuer nobody has a subject: {error}");
    let file = app.database.folder().join("oidc.toml");
    let text = |more: &str| {
        format!("[oidc]\nissuer = '{}'\naudience = '{AUDIENCE}'\nallow_http = true\ncreate_users = true\n{more}", provider.url())
    };
    std::fs::write(&file, text("")).unwrap();
    let server = Process::start(&app.database.url, &[("BRANCHWISE_CONFIG", file.to_str().unwrap()), ("RUST_LOG", "debug")]);
    let url = format!("http://{}/graphql", server.address());
    for subject in ["very-personal-subject", "very-personal-subject", "another-very-personal-one"] {
        let request = reqwest::Client::new().post(&url).bearer_auth(provider.token(&app, subject)).header("accept", "application/json");
        let answer: Json = request.json(&json!({ "query": "{ viewer { username } }" })).send().await.unwrap().json().await.unwrap();
        assert!(answer["data"]["viewer"]["username"].as_str().unwrap().starts_with("oidc-"), "{answer}");
    }
    server.signal("TERM");
    let (status, lines) = server.ended();
    assert!(status.success() && lines.iter().all(|line| !line.contains("very-personal")), "{lines:#?}");
    for wrong in ["skew_s = 61", "issuer_url = 'x'"] {
        std::fs::write(&file, text(wrong)).unwrap();
        let (status, lines) = Process::start(&app.database.url, &[("BRANCHWISE_CONFIG", file.to_str().unwrap())]).ended();
        assert!(status.code() == Some(1) && lines.len() == 1, "{wrong}: {lines:#?}");
    }
    for wrong in [
        "issuer = 'http://login.example.com'\naudience = 'a'\nallow_http = true",
        "issuer = 'http://127.0.0.1'\naudience = 'a'",
        "issuer = 'https://login.example.com'",
        "issuer = 'https://login.example.com/?a'\naudience = 'a'",
    ] {
        std::fs::write(&file, format!("[oidc]\n{wrong}\n")).unwrap();
        let (status, lines) = Process::start(&app.database.url, &[("BRANCHWISE_CONFIG", file.to_str().unwrap())]).ended();
        assert!(status.code() == Some(1) && lines.len() == 1 && lines[0].contains("oidc."), "{wrong}: {lines:#?}");
    }
}
