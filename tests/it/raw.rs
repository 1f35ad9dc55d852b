//! What tests do behind the server's back: ids as SQL and as clients write them, answers as bytes, epochs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::{Actor, Engine, TestApp};

/// A global id as clients write it.
pub fn global(kind: &str, id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind}:{}", id.simple()))
}

/// An id that belongs to nothing: the same for every run.
pub fn invented(kind: &str) -> String {
    global(kind, Uuid::from_u128(0x0199_dead_beef_7000_8000_0000_0000_0001))
}

/// An id as SQL writes it.
pub fn sql_id(engine: Engine, id: Uuid) -> String {
    match engine {
        Engine::Sqlite => format!("X'{}'", id.simple()),
        Engine::Postgres => format!("'{id}'"),
    }
}

/// A text as SQL writes it.
pub fn sql_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Status, headers and body of an answer, byte for byte. `date` and `x-request-id` are left out, which no
/// two answers share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Actor<'_> {
    /// The answer to a document, byte for byte.
    pub async fn bytes(&self, query: &str, variables: &Json) -> Bytes {
        let answer = self.request(&json!({ "query": query, "variables": variables })).send().await.expect("an answer");
        let named = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let mut headers: Vec<(String, String)> =
            answer.headers().iter().map(named).filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str())).collect();
        headers.sort();
        Bytes { status: answer.status().as_u16(), headers, body: answer.text().await.expect("a body") }
    }
}

impl TestApp {
    /// An id that a statement gives.
    pub async fn id(&self, sql: &str) -> Uuid {
        let rows = self.select(sql).await;
        rows.first().unwrap_or_else(|| panic!("nothing: {sql}")).try_get_by_index(0).unwrap()
    }

    /// The id of a unit.
    pub async fn unit(&self, code: &str) -> Uuid {
        self.id(&format!("SELECT id FROM org_unit WHERE code = {}", sql_text(code))).await
    }

    /// The id of a user.
    pub async fn user(&self, username: &str) -> Uuid {
        self.id(&format!("SELECT id FROM user_account WHERE username = {}", sql_text(username))).await
    }

    /// The id of a customer of the sample group.
    pub async fn customer(&self, reference: &str) -> Uuid {
        self.id(&format!("SELECT id FROM customer WHERE external_ref = {}", sql_text(reference))).await
    }

    /// The id of the first contact of a customer of the sample group.
    pub async fn contact(&self, reference: &str) -> Uuid {
        let customer = sql_id(self.engine, self.customer(reference).await);
        self.id(&format!("SELECT id FROM contact WHERE customer_id = {customer} ORDER BY created_at, id")).await
    }

    /// Says whose rights have changed, in one transaction as the server itself does, without telling this instance.
    pub async fn raise_epoch(&self, scope: &str) {
        let scope = sql_text(scope);
        self.execute(&format!(
            "BEGIN; UPDATE epoch SET value = value + 1 WHERE scope = '*'; \
             INSERT INTO epoch (scope, value) SELECT {scope}, value FROM epoch WHERE scope = '*' \
             ON CONFLICT (scope) DO UPDATE SET value = excluded.value; COMMIT"
        ))
        .await;
    }

    /// Says that the rights of everybody have changed, and lets this instance know.
    pub async fn rights_changed(&self) {
        self.raise_epoch("group").await;
        self.rights.refresh().await.unwrap();
    }

    /// Gives a user a post.
    pub async fn give_post(&self, username: &str, role: &str, unit: &str, from: i64, to: Option<i64>) {
        let id = self.clock.id::<Uuid>();
        let [id, user, unit] = [id, self.user(username).await, self.unit(unit).await].map(|id| sql_id(self.engine, id));
        let to = to.map_or("NULL".to_owned(), |to| to.to_string());
        let role = sql_text(role);
        self.execute(&format!(
            "INSERT INTO post (id, user_id, role, unit_id, valid_from, valid_to, created_at) \
             VALUES ({id}, {user}, {role}, {unit}, {from}, {to}, 1)"
        ))
        .await;
    }

    /// Adds a row to the policy.
    pub async fn add_rule(&self, [role, resource, action, reach, level, effect]: [&str; 6]) {
        let id = sql_id(self.engine, self.clock.id::<Uuid>());
        let words = [role, resource, action, reach, level, effect].map(sql_text).join(", ");
        self.execute(&format!("INSERT INTO policy_rule (id, role, resource, action, reach, level, effect) VALUES ({id}, {words})")).await;
    }
}
