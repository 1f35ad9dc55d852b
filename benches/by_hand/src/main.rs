//! Two handlers as one would write them by hand: a page of a unit's newest customers, and one customer. The same JSON as the gateway's
//! answer to the same question, and no permissions.
//!
//! Usage: `by-hand LISTEN`, with `DATABASE_URL`.

use std::str::FromStr;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_postgres::{NoTls, Row};
use uuid::Uuid;

/// As many as the gateway has.
const CONNECTIONS: usize = 4;

const PAGE: &str = "SELECT id, name, kind, class, external_ref, created_at, version FROM customer \
    WHERE unit_id = $1 AND archived_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 20";
const ONE: &str = "SELECT id, name, kind, class, external_ref, created_at, version FROM customer WHERE id = $1";

#[derive(Serialize)]
struct Answer<T> {
    data: T,
}

#[derive(Serialize)]
struct Page {
    customers: Nodes,
}

#[derive(Serialize)]
struct Nodes {
    nodes: Vec<Customer>,
}

#[derive(Serialize)]
struct One {
    customer: Option<Customer>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Customer {
    id: String,
    name: String,
    kind: String,
    class: String,
    external_ref: Option<String>,
    created_at: String,
    version: i64,
}

impl From<&Row> for Customer {
    fn from(row: &Row) -> Self {
        let created_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.get::<_, i64>(5)) * 1_000).expect("a moment");
        Self {
            id: URL_SAFE_NO_PAD.encode(format!("Customer:{}", row.get::<_, Uuid>(0).simple())),
            name: row.get(1),
            kind: row.get(2),
            class: row.get(3),
            external_ref: row.get(4),
            created_at: created_at.format(&Rfc3339).expect("a moment"),
            version: row.get(6),
        }
    }
}

async fn rows(pool: &Pool, sql: &str, id: Uuid) -> Result<Vec<Row>, StatusCode> {
    let client = pool.get().await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let statement = client.prepare_cached(sql).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    client.query(&statement, &[&id]).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn page(State(pool): State<Pool>, Path(unit): Path<Uuid>) -> Result<Json<Answer<Page>>, StatusCode> {
    let nodes = rows(&pool, PAGE, unit).await?.iter().map(Customer::from).collect();
    Ok(Json(Answer { data: Page { customers: Nodes { nodes } } }))
}

async fn one(State(pool): State<Pool>, Path(id): Path<Uuid>) -> Result<Json<Answer<One>>, StatusCode> {
    let customer = rows(&pool, ONE, id).await?.first().map(Customer::from);
    Ok(Json(Answer { data: One { customer } }))
}

#[tokio::main]
async fn main() {
    let listen = std::env::args().nth(1).expect("by-hand LISTEN");
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL");
    let config = tokio_postgres::Config::from_str(&url).expect("an address");
    let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let pool = Pool::builder(manager).max_size(CONNECTIONS).build().expect("a pool");
    let router = Router::new().route("/units/{id}/customers", get(page)).route("/customers/{id}", get(one)).with_state(pool);
    let listener = tokio::net::TcpListener::bind(listen).await.expect("to listen");
    axum::serve(listener, router).await.expect("to serve");
}
