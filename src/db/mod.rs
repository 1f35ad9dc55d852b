//! The only door to the database. The connection is private: no Deref, no `ConnectionTrait`. Anyone may build a condition; what runs,
//! runs here, under the rules of `access::visible`.
//!
//! ```compile_fail,E0277
//! use sea_orm::EntityTrait;
//! async fn read(db: &branchwise::db::Db) {
//!     let _ = entity::customer::Entity::find().all(db).await;
//! }
//! ```
//!
//! ```compile_fail,E0616
//! fn take(db: &branchwise::db::Db) {
//!     let _ = &db.read;
//! }
//! ```
//!
//! With a viewer it goes:
//!
//! ```no_run
//! use branchwise::{access::Viewer, db::Db};
//! async fn read(db: &Db, viewer: std::sync::Arc<Viewer>) -> Result<u64, branchwise::Error> {
//!     db.seen_by(viewer).find::<entity::customer::Entity>().count().await
//! }
//! ```

mod bulk;
mod changes;
mod conn;
mod daily;
mod directory;
mod error;
mod failures;
mod first_answer;
mod history;
mod nested;
mod notices;
mod page;
mod personal;
mod policy;
mod pools;
mod query;
mod readers;
mod rehearsal;
mod remove;
mod rights;
mod running;
mod scoped;
mod seals;
mod sql;
mod statement;
mod transaction;
mod tree;
mod turn;
mod unit;
mod write;

pub use bulk::Shares;
pub use changes::{Changed, Moved};
pub use conn::{Db, DbConfig, Migration, MigrationState, sqlite_file};
pub use directory::{Credentials, operator_unscoped, system_unscoped};
pub use failures::{Counted, Limit};
pub use first_answer::{First, Key};
pub use history::{Chapter, History, newest_first};
pub use nested::{Asked, Nested, counts, pages};
pub use page::{KeyValue, Order, PageOf, Slice};
pub use personal::Values;
pub use query::{Query, Row};
pub use rights::{Rights, Touched};
pub use scoped::Scoped;
pub use seals::{Mark, Written};
pub use sql::ScopedSql;
pub use unit::UnitOfWork;
