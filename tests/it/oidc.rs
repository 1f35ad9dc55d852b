//! Tokens of an issuer of OpenID Connect: which are taken, and how its keys are asked for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use branchwise::config::Config;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value as Json, json};

use crate::app::{Actor, Engine, TestApp};

pub const AUDIENCE: &str = "branchwise-api";
/// The subject of shanghai.manager.
pub const MANAGER: &str = "f5b7a6de-shanghai";

const ONE: &[u8] = include_bytes!("keys/rsa_one.der");
const TWO: &[u8] = include_bytes!("keys/rsa_two.der");
const SHORT: &[u8] = include_bytes!("keys/rsa_short.der");
const CURVE: &[u8] = include_bytes!("keys/ec.der");

fn rsa(id: &str, n: &str) -> Json {
    json!({ "kty": "RSA", "kid": id, "use": "sig", "n": n, "e": "AQAB" })
}

/// Keys as the issuer tells them.
pub fn keys(ids: &[&str]) -> Json {
    let of = |id: &&str| match *id {
        "one" => rsa("one", include_str!("keys/rsa_one.n")),
        "two" => rsa("two", include_str!("keys/rsa_two.n")),
        "short" => rsa("short", include_str!("keys/rsa_short.n")),
        "curve" => {
            json!({ "kty": "EC", "kid": "curve", "crv": "P-256", "alg": "ES256", "x": include_str!("keys/ec.x"), "y": include_str!("keys/ec.y") })
        }
        "secret" => json!({ "kty": "oct", "kid": "secret", "alg": "HS256", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA" }),
        _ => json!({ "kty": "made up", "kid": id }),
    };
    json!({ "keys": ids.iter().map(of).collect::<Vec<_>>() })
}

/// How the issuer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    Away,
    Slow,
    Huge,
    Redirects,
    NamesAnother,
    KeysElsewhere,
    Babbles,
}

pub struct Known {
    url: String,
    mood: Mutex<Mood>,
    keys: Mutex<Json>,
    asked: AtomicUsize,
    lured: AtomicUsize,
}

/// An issuer on this machine.
pub struct Provider(Arc<Known>);

impl Provider {
    pub async fn start(ids: &[&str]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (mood, keys) = (Mutex::new(Mood::Well), Mutex::new(keys(ids)));
        let known = Arc::new(Known { url, mood, keys, asked: AtomicUsize::new(0), lured: AtomicUsize::new(0) });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(told))
            .route("/elsewhere", get(lured))
            .with_state(known.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self(known)
    }

    pub fn configure(&self) -> impl Fn(&mut Config) + use<> {
        let issuer = self.0.url.clone();
        move |config| {
            config.oidc.issuer = Some(issuer.clone());
            config.oidc.audience = Some(AUDIENCE.to_owned());
            config.oidc.allow_http = true;
        }
    }

    pub fn url(&self) -> &str {
        &self.0.url
    }

    pub fn be(&self, mood: Mood) {
        *self.0.mood.lock().unwrap() = mood;
    }

    fn tell(&self, ids: &[&str]) {
        *self.0.keys.lock().unwrap() = keys(ids);
    }

    fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Claims that are in order.
    pub fn claims(&self, app: &TestApp, subject: &str) -> Json {
        let now = app.clock.now().0 / 1_000_000;
        json!({ "iss": self.0.url, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 300 })
    }

    /// Signed by the first key.
    pub fn sign(&self, claims: &Json) -> String {
        signed("one", Algorithm::RS256, ONE, claims)
    }

    /// A token that is in order.
    pub fn token(&self, app: &TestApp, subject: &str) -> String {
        self.sign(&self.claims(app, subject))
    }
}

async fn discovery(State(known): State<Arc<Known>>) -> Response {
    known.asked.fetch_add(1, Ordering::SeqCst);
    let mood = *known.mood.lock().unwrap();
    let jwks = if mood == Mood::KeysElsewhere { "http://192.0.2.1/keys".to_owned() } else { format!("{}/keys", known.url) };
    let issuer = if mood == Mood::NamesAnother { "https://login.example.com" } else { &known.url };
    match mood {
        Mood::Away => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mood::Slow => {
            tokio::time::sleep(Duration::from_secs(20)).await;
            StatusCode::OK.into_response()
        }
        Mood::Redirects => (StatusCode::FOUND, [(header::LOCATION, format!("{}/elsewhere", known.url))]).into_response(),
        Mood::Babbles => "<html>sign in</html>".into_response(),
        _ => json!({ "issuer": issuer, "jwks_uri": jwks, "response_types_supported": ["code"] }).to_string().into_response(),
    }
}

async fn told(State(known): State<Arc<Known>>) -> Response {
    let keys = known.keys.lock().unwrap().to_string();
    if *known.mood.lock().unwrap() == Mood::Huge {
        format!("{keys}{}", " ".repeat(1024 * 1024)).into_response()
    } else {
        keys.into_response()
    }
}

async fn lured(State(known): State<Arc<Known>>) -> Response {
    known.lured.fetch_add(1, Ordering::SeqCst);
    json!({ "issuer": known.url, "jwks_uri": format!("{}/keys", known.url) }).to_string().into_response()
}

fn signed(id: &str, algorithm: Algorithm, key: &[u8], claims: &Json) -> String {
    let header = Header { kid: Some(id.to_owned()), ..Header::new(algorithm) };
    with(&header, key, claims)
}

fn with(header: &Header, key: &[u8], claims: &Json) -> String {
    let key = match header.alg {
        Algorithm::HS256 => EncodingKey::from_secret(key),
        Algorithm::ES256 => EncodingKey::from_ec_der(key),
        _ => EncodingKey::from_rsa_der(key),
    };
    encode(header, claims, &key).unwrap()
}

/// Status and body of who am I; the user name where one is known.
pub async fn who(app: &TestApp, token: &str) -> (u16, Json) {
    let answer = Actor { app, token: Some(token.to_owned()) }.send("{ viewer { username } }", json!({})).await;
    match answer.body["data"]["viewer"]["username"].as_str() {
        Some(name) => (answer.status, json!(name)),
        None => (answer.status, answer.body),
    }
}

async fn is_taken(app: &TestApp, token: &str) -> bool {
    who(app, token).await == (200, json!("shanghai.manager"))
}

/// The sample group, in which the issuer knows shanghai.manager.
async fn app(engine: Engine, provider: &Provider) -> Option<TestApp> {
    let app = TestApp::start_filled_with(engine, provider.configure()).await?;
    app.execute(&format!(
        "UPDATE user_account SET issuer = '{}', subject = '{MANAGER}' WHERE username = 'shanghai.manager'",
        provider.url()
    ))
    .await;
    Some(app)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_tokens_that_are_in_order_are_taken() {
    let provider = Provider::start(&["one", "curve", "short", "secret", "unknown kind"]).await;
    let app = app(Engine::Sqlite, &provider).await.unwrap();
    let good = provider.claims(&app, MANAGER);
    let now = good["iat"].as_i64().unwrap();
    let but = |field: &str, value: Json| {
        let mut claims = good.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(field)
        } else {
            claims.as_object_mut().unwrap().insert(field.to_owned(), value)
        };
        claims
    };
    for token in [
        signed("one", Algorithm::RS256, ONE, &good),
        signed("one", Algorithm::PS384, ONE, &good),
        signed("curve", Algorithm::ES256, CURVE, &good),
        signed("one", Algorithm::RS256, ONE, &but("aud", json!(["other", AUDIENCE]))),
        signed("one", Algorithm::RS256, ONE, &but("exp", json!(now - 20))),
        signed("one", Algorithm::RS256, ONE, &but("iat", json!(now + 20))),
        signed("one", Algorithm::RS256, ONE, &but("exp", json!(now as f64 + 300.5))),
        signed("one", Algorithm::RS256, ONE, &but("iat", Json::Null)),
        with(&Header { typ: Some("at+jwt".to_owned()), kid: Some("one".to_owned()), ..Header::new(Algorithm::RS256) }, ONE, &good),
    ] {
        assert_eq!(who(&app, &token).await, (200, json!("shanghai.manager")));
    }
    let refused = who(&app, "garbage").await;
    assert_eq!((refused.0, refused.1["errors"][0]["extensions"]["code"].as_str()), (401, Some("UNAUTHENTICATED")));
    let payload = URL_SAFE_NO_PAD.encode(good.to_string());
    let unsigned = |header: &str| format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(header));
    let rsa_public = URL_SAFE_NO_PAD.decode(include_str!("keys/rsa_one.n")).unwrap();
    let typed =
        |kind: &str| with(&Header { typ: Some(kind.to_owned()), kid: Some("one".to_owned()), ..Header::new(Algorithm::RS256) }, ONE, &good);
    let mut cut = signed("one", Algorithm::RS256, ONE, &good);
    cut.truncate(cut.len() - 8);
    for (why, token) in [
        ("another issuer", signed("one", Algorithm::RS256, ONE, &but("iss", json!("https://login.example.com")))),
        ("the issuer with a slash", signed("one", Algorithm::RS256, ONE, &but("iss", json!(format!("{}/", provider.url()))))),
        ("no issuer", signed("one", Algorithm::RS256, ONE, &but("iss", Json::Null))),
        ("another audience", signed("one", Algorithm::RS256, ONE, &but("aud", json!("another-api")))),
        ("no audience", signed("one", Algorithm::RS256, ONE, &but("aud", Json::Null))),
        ("expired", signed("one", Algorithm::RS256, ONE, &but("exp", json!(now - 40)))),
        ("no end", signed("one", Algorithm::RS256, ONE, &but("exp", Json::Null))),
        ("from the future", signed("one", Algorithm::RS256, ONE, &but("iat", json!(now + 60)))),
        ("not yet", signed("one", Algorithm::RS256, ONE, &but("nbf", json!(now + 60)))),
        ("another subject", signed("one", Algorithm::RS256, ONE, &but("sub", json!("F5B7A6DE-SHANGHAI")))),
        ("an empty subject", signed("one", Algorithm::RS256, ONE, &but("sub", json!("")))),
        ("no subject", signed("one", Algorithm::RS256, ONE, &but("sub", Json::Null))),
        ("a user name as subject", signed("one", Algorithm::RS256, ONE, &but("sub", json!("shanghai.manager")))),
        ("HMAC by the public key", signed("one", Algorithm::HS256, &rsa_public, &good)),
        ("HMAC by its text", signed("one", Algorithm::HS256, include_bytes!("keys/rsa_one.n"), &good)),
        ("HMAC by a key of the set", signed("secret", Algorithm::HS256, b"secret-secret-secret-secret-secret", &good)),
        ("no signature", unsigned(r#"{"alg":"none","typ":"JWT"}"#)),
        ("no signature under a key", unsigned(r#"{"alg":"RS256","kid":"one","typ":"JWT"}"#)),
        ("another key under this name", signed("one", Algorithm::RS256, TWO, &good)),
        ("a key that is too short", signed("short", Algorithm::RS256, SHORT, &good)),
        ("an unknown key", signed("two", Algorithm::RS256, TWO, &good)),
        ("no name of a key, where there are several", with(&Header::new(Algorithm::RS256), ONE, &good)),
        ("for something else", typed("logout+jwt")),
        ("cut", cut),
        ("too long", signed("one", Algorithm::RS256, ONE, &but("name", json!("x".repeat(17_000))))),
    ] {
        let answer = who(&app, &token).await;
        // A header beyond what the server reads is refused before anybody looks at it.
        assert!(answer == refused || (why == "too long" && answer.0 >= 400), "{why}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate_and_a_flood_of_unknown_ones_asks_seldom() {
    let provider = Provider::start(&["one"]).await;
    let app = app(Engine::Sqlite, &provider).await.unwrap();
    let claims = provider.claims(&app, MANAGER);
    let [old, new] = [signed("one", Algorithm::RS256, ONE, &claims), signed("two", Algorithm::RS256, TWO, &claims)];
    assert!(is_taken(&app, &old).await && !is_taken(&app, &new).await);
    assert!(is_taken(&app, &with(&Header::new(Algorithm::RS256), ONE, &claims)).await, "the only key need not be named");
    provider.tell(&["two", "one"]);
    let start = Instant::now();
    while !is_taken(&app, &new).await {
        assert!(start.elapsed() < Duration::from_secs(5), "the new key was not found");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(is_taken(&app, &old).await);
    provider.tell(&["two"]);
    let (asked, start) = (provider.asked(), Instant::now());
    let flood = (0..200).map(|at| signed(&format!("made up {at}"), Algorithm::RS256, TWO, &claims)).collect::<Vec<_>>();
    for some in flood.chunks(40) {
        let answers = futures::future::join_all(some.iter().map(|token| is_taken(&app, token))).await;
        assert!(answers.iter().all(|taken| !taken));
    }
    let most = 2 + start.elapsed().as_millis() / 400;
    assert!((provider.asked() - asked) as u128 <= most, "{} questions", provider.asked() - asked);
    // What is asked for anew when it has grown old no longer holds the first key.
    let start = Instant::now();
    while is_taken(&app, &old).await {
        assert!(start.elapsed() < Duration::from_secs(6), "a key that was withdrawn stays");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(is_taken(&app, &new).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_is_away_or_unwell_harms_nobody_else() {
    let provider = Provider::start(&["one"]).await;
    provider.be(Mood::Away);
    let app = app(Engine::Sqlite, &provider).await.unwrap();
    let token = provider.token(&app, MANAGER);
    assert!(!is_taken(&app, &token).await);
    for mood in [Mood::Slow, Mood::Huge, Mood::Redirects, Mood::NamesAnother, Mood::KeysElsewhere, Mood::Babbles] {
        provider.be(mood);
        tokio::time::sleep(Duration::from_millis(1_700)).await;
        let (asked, start) = (provider.asked(), Instant::now());
        assert!(!is_taken(&app, &token).await, "{mood:?}");
        assert!(provider.asked() > asked && start.elapsed() < Duration::from_secs(4), "{mood:?}: {:?}", start.elapsed());
        app.actor("shanghai.rep1").await.ask("{ viewer { name } }").await;
    }
    assert_eq!(provider.0.lured.load(Ordering::SeqCst), 0, "no redirect is followed");
    provider.be(Mood::Well);
    tokio::time::sleep(Duration::from_millis(1_700)).await;
    assert!(is_taken(&app, &token).await, "it came back");
    provider.be(Mood::Away);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(is_taken(&app, &token).await, "its last good keys count");
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert!(!is_taken(&app, &token).await, "but not for ever");
}
