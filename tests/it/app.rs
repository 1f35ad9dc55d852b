//! A whole server over a database of its own, and actors who send it requests.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use branchwise::audit::seal::Sealer;
use branchwise::cli::sample;
use branchwise::clock::Clock;
use branchwise::config::Config;
use branchwise::customer::reveal::RevealsPerDay;
use branchwise::db::{Db, DbConfig, Rights};
use branchwise::http::{self, App, Callers};
use branchwise::lifecycle::Drain;
use branchwise::oidc::{Issuer, Settings};
use branchwise::org::{Federation, Links, SignIn, due};
use branchwise::schema;
use branchwise::secrets::{Bearer, Secrets};
use entity::{SessionId, UserId};
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement};
use secrecy::SecretString;
use serde_json::{Value as Json, json};

/// The password of everybody in the sample group.
pub const PASSWORD: &str = "correct horse battery";
/// What the keys of every test server are derived from.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef-tests";
const TOKEN_SECONDS: i64 = 900;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Where test databases are made: a server that lets us create them.
pub fn postgres_server() -> String {
    std::env::var("BRANCHWISE_TEST_POSTGRES").unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432".to_owned())
}

/// Is there a PostgreSQL? With CI=true there must be.
pub async fn has_postgres() -> bool {
    static ANSWER: tokio::sync::OnceCell<bool> = tokio::sync::OnceCell::const_new();
    *ANSWER
        .get_or_init(async || {
            let there = connect(&format!("{}/postgres", postgres_server())).await.is_some();
            assert!(there || std::env::var("CI").as_deref() != Ok("true"), "CI=true and no PostgreSQL at {}", postgres_server());
            if !there {
                // Straight to stderr: what a passing test prints is swallowed.
                let _ = writeln!(std::io::stderr(), "no PostgreSQL at {}: tests run on SQLite alone", postgres_server());
            }
            there
        })
        .await
}

#[expect(clippy::disallowed_methods, reason = "tests look behind the lock")]
async fn connect(url: &str) -> Option<DatabaseConnection> {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).connect_timeout(std::time::Duration::from_secs(3));
    sea_orm::Database::connect(options).await.ok()
}

async fn on_server(sql: &str) {
    let server = connect(&format!("{}/postgres", postgres_server())).await.expect("the PostgreSQL server");
    server.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    server.close().await.unwrap();
}

/// A database that goes away with its test.
pub struct Database {
    pub url: String,
    name: Option<String>,
    _folder: tempfile::TempDir,
}

impl Database {
    /// Empty, not even migrated.
    pub async fn empty(engine: Engine) -> Self {
        // Every client of tests needs one, and the first test to come sets it.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        match engine {
            Engine::Sqlite => {
                let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
                Self { url, name: None, _folder: folder }
            }
            Engine::Postgres => {
                let name = format!("branchwise_test_{}", uuid::Uuid::now_v7_for_tests());
                on_server(&format!("CREATE DATABASE {name}")).await;
                Self { url: format!("{}/{name}", postgres_server()), name: Some(name), _folder: folder }
            }
        }
    }

    pub fn folder(&self) -> PathBuf {
        self._folder.path().to_owned()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            let drop = move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(on_server(&format!("DROP DATABASE {name} WITH (FORCE)")));
            };
            std::thread::spawn(drop).join().unwrap();
        }
    }
}

trait TestName {
    fn now_v7_for_tests() -> String;
}

impl TestName for uuid::Uuid {
    #[expect(clippy::disallowed_methods, reason = "a name for a database that lives as long as a test")]
    fn now_v7_for_tests() -> String {
        uuid::Uuid::now_v7().simple().to_string()
    }
}

/// A whole server over a database of its own.
pub struct TestApp {
    pub engine: Engine,
    pub db: Db,
    pub rights: Arc<Rights>,
    pub secrets: Secrets,
    pub clock: Clock,
    pub url: String,
    pub raw: DatabaseConnection,
    pub database: Arc<Database>,
    /// What requests are answered from.
    pub app: Arc<App>,
    /// Seals audit rows where a test tells it to: nobody else's tables change by themselves.
    pub sealer: Arc<Sealer>,
    /// Does what falls due.
    pub due_work: tokio::task::JoinHandle<()>,
    drain: Drain,
    client: reqwest::Client,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.due_work.abort();
        self.drain.begin();
        self.drain.abort();
    }
}

impl TestApp {
    /// The sample group. None: no PostgreSQL here.
    pub async fn start(engine: Engine) -> Option<Self> {
        Self::filled(Self::start_empty(engine).await?).await
    }

    /// The sample group under a clock that stands until it is moved. None: no PostgreSQL here.
    pub async fn start_standing(engine: Engine) -> Option<Self> {
        let clock = Clock::standing(Clock::wall().now());
        Self::filled(Self::launch(engine, clock, |_| ()).await?).await
    }

    /// The sample group under another configuration. None: no PostgreSQL here.
    pub async fn start_filled_with(engine: Engine, configure: impl FnOnce(&mut Config)) -> Option<Self> {
        Self::filled(Self::start_with(engine, configure).await?).await
    }

    async fn filled(app: Self) -> Option<Self> {
        sample::fill(&app.db, &app.rights, &app.secrets, PASSWORD, &app.database.folder()).await.expect("the sample group");
        app.open_sessions().await;
        Some(app)
    }

    /// Nothing but the schema and the default roles. None: no PostgreSQL here.
    pub async fn start_empty(engine: Engine) -> Option<Self> {
        Self::start_with(engine, |_| ()).await
    }

    /// The same under another configuration.
    pub async fn start_with(engine: Engine, configure: impl FnOnce(&mut Config)) -> Option<Self> {
        Self::launch(engine, Clock::wall(), configure).await
    }

    async fn launch(engine: Engine, clock: Clock, configure: impl FnOnce(&mut Config)) -> Option<Self> {
        if engine == Engine::Postgres && !has_postgres().await {
            return None;
        }
        Some(Self::serve(engine, Arc::new(Database::empty(engine).await), clock, configure).await)
    }

    /// A second instance over the same database, as behind a load balancer.
    pub async fn second(&self) -> Self {
        self.second_with(|_| ()).await
    }

    /// The same under another configuration.
    pub async fn second_with(&self, configure: impl FnOnce(&mut Config)) -> Self {
        Self::serve(self.engine, self.database.clone(), self.clock.clone(), configure).await
    }

    async fn serve(engine: Engine, database: Arc<Database>, clock: Clock, configure: impl FnOnce(&mut Config)) -> Self {
        let mut db_config = DbConfig::new(&database.url);
        db_config.max_connections = 4;
        let secrets = Secrets::try_new(&SecretString::from(SECRET)).expect("keys");
        let db = Db::connect(db_config, clock.clone()).await.expect("the test database").stamping(secrets.notary.clone());
        db.migrate_up().await.expect("migrations");
        let rights = Rights::init(db.clone()).await.expect("rights");
        let mut config = Config::from_environment(|_| None).expect("defaults");
        // Unoptimised, and beside other tests, requests take long: only tests about places run out of them.
        (config.http.max_concurrent_requests, config.http.max_concurrent_requests_user) = (256, 256);
        // Nor does a test of thousands of requests run out of points: only tests about rates do.
        let rates = &mut config.rates;
        (rates.points_per_minute_user, rates.points_per_minute_session) = (u32::MAX, u32::MAX);
        (rates.points_per_minute_address, rates.burst_points) = (u32::MAX, u32::MAX);
        configure(&mut config);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let links = Links::new(&secrets, &config.http.public_url(address));
        let sign_in = SignIn::try_new(db.clone(), rights.clone(), secrets.clone(), links).expect("sign-in");
        let reveals = RevealsPerDay(config.limits.reveals_per_day);
        let federation = config.oidc.settings().map(|settings| Issuer::try_new(hurried(settings)).expect("an issuer"));
        let federation = Federation::new(db.clone(), rights.clone(), federation, config.oidc.create_users);
        let schema = schema::build(secrets.clone(), sign_in, federation.clone(), rights.clone(), reveals);
        let sealer = Sealer::new(db.clone(), rights.clone(), secrets.notary.clone());
        let drain = Drain::new();
        let callers = Callers { tokens: secrets.tokens.clone(), federation, answers: secrets.answers.clone() };
        let app = App::try_new(schema, db.clone(), rights.clone(), callers, sealer.clone(), Arc::new(config), drain.clone())
            .expect("an application");
        let url = format!("http://{address}/graphql");
        tokio::spawn(http::serve(listener, app.clone(), None));
        tokio::spawn(rights.clone().watch());
        let due_work = tokio::spawn(due::watch(db.clone(), rights.clone()));
        let raw = connect(&database.url).await.expect("a second connection");
        Self { engine, db, rights, secrets, clock, url, raw, database, app, sealer, due_work, drain, client: reqwest::Client::new() }
    }

    /// Somebody of this user name, signed in.
    pub async fn actor(&self, username: &str) -> Actor<'_> {
        let user = self.db.credentials_unscoped(username).await.unwrap().unwrap_or_else(|| panic!("no user {username}"));
        self.open_sessions().await;
        let bearer = session_of_tests(user.id);
        let token = self.secrets.tokens.issue(bearer, self.clock.now(), TOKEN_SECONDS).unwrap();
        Actor { app: self, token: Some(token.text) }
    }

    /// A session for everybody who has none yet, behind the server's back, so that actors need not sign in.
    async fn open_sessions(&self) {
        if self.number("SELECT COUNT(*) FROM user_account WHERE id NOT IN (SELECT id FROM session)").await == 0 {
            return;
        }
        let now = self.clock.now();
        let (now, end) = (now.0, now.plus_seconds(366 * 86_400).0);
        self.execute(&format!(
            "INSERT INTO session (id, user_id, generation, started_at, used_at, expires_at) \
             SELECT id, id, 0, {now}, {now}, {end} FROM user_account WHERE id NOT IN (SELECT id FROM session) ON CONFLICT DO NOTHING"
        ))
        .await;
    }

    /// Nobody in particular.
    pub fn nobody(&self) -> Actor<'_> {
        Actor { app: self, token: None }
    }

    /// Runs a statement behind the server's back.
    pub async fn execute(&self, sql: &str) {
        self.raw.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Reads behind the server's back.
    pub async fn select(&self, sql: &str) -> Vec<QueryResult> {
        let statement = Statement::from_string(self.raw.get_database_backend(), sql);
        self.raw.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// A whole number that a statement gives.
    pub async fn number(&self, sql: &str) -> i64 {
        self.select(sql).await[0].try_get_by_index(0).unwrap()
    }
}

/// No test waits as long as a server may: an hour is a second.
fn hurried(settings: Settings) -> Settings {
    let ms = std::time::Duration::from_millis;
    Settings { fresh: ms(1_000), kept: ms(4_000), pause: ms(400), longest_pause: ms(1_600), timeout: ms(1_500), ..settings }
}

/// The session that tests have for a user: of the same id.
pub fn session_of_tests(user: UserId) -> Bearer {
    Bearer { user, session: SessionId(user.0) }
}

/// Somebody who sends requests.
pub struct Actor<'a> {
    pub app: &'a TestApp,
    pub token: Option<String>,
}

/// Status and body of an answer.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Json,
}

impl Actor<'_> {
    /// A request with its headers, ready to be changed or sent.
    pub fn request(&self, body: &Json) -> reqwest::RequestBuilder {
        let request = self.app.client.post(&self.app.url).header("accept", "application/json").json(body);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a document.
    pub async fn send(&self, query: &str, variables: Json) -> Answer {
        let answer = self.request(&json!({ "query": query, "variables": variables })).send().await.expect("an answer");
        Answer { status: answer.status().as_u16(), body: answer.json().await.expect("JSON") }
    }

    /// The data of a document that must succeed.
    pub async fn ask(&self, query: &str) -> Json {
        self.ask_with(query, json!({})).await
    }

    /// The data of a document with variables that must succeed.
    pub async fn ask_with(&self, query: &str, variables: Json) -> Json {
        let mut answer = self.send(query, variables).await;
        assert_eq!(answer.body.get("errors"), None, "{query}");
        answer.body["data"].take()
    }

    /// The first error of a document that must fail.
    pub async fn fail(&self, query: &str, variables: Json) -> Json {
        let mut answer = self.send(query, variables).await;
        assert!(answer.body["errors"].is_array(), "{query} succeeded: {}", answer.body);
        answer.body["errors"][0].take()
    }

    /// The code of that error.
    pub async fn code(&self, query: &str, variables: Json) -> String {
        self.fail(query, variables).await["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// One test on both databases: `on_both! { async fn name(app) { ... } }`; `empty` before it starts without the sample group.
#[macro_export]
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($app:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn body($app: $crate::app::TestApp) $body

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                if let Some(app) = $crate::app::TestApp::start($crate::app::Engine::Sqlite).await {
                    body(app).await;
                }
            }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(app) = $crate::app::TestApp::start($crate::app::Engine::Postgres).await {
                    body(app).await;
                }
            }
        }
    )*};
}
