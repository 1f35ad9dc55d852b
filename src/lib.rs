//! Branchwise: one GraphQL endpoint over all the customers of a corporate group.
//!
//! # The map
//!
//! From top to bottom; each room uses those below it, and `tests/it/architecture.rs` holds that.
//!
//! | room | what happens there |
//! |---|---|
//! | [`cli`] | the commands: serve, demo, migrate, schema, user, token, import, explain, generate |
//! | [`http`] | connections, media types, tokens, deadlines; the only place that knows axum and hyper |
//! | [`schema`] | the domains' queries and mutations put together, and what every request carries |
//! | [`config`], [`lifecycle`], [`telemetry`] | what a process is set to, how it ends, what it logs |
//! | [`org`], [`customer`], [`contact`], [`history`], [`explain`], [`sync`], [`queue`] | the domains, in this order: a later one may use an earlier one's facade |
//! | [`graphql`] | the toolkit of the domains' GraphQL: ids, pages, filters, loaders, limits, answers |
//! | [`record`], [`audit`], [`import`] | changing a record the same way everywhere; the rows that tell of it; what importers say of a row |
//! | [`db`] | the only door to the database: [`db::Db`], [`db::Scoped`], [`db::Query`], units of work |
//! | [`access`] | who may do what: [`access::Viewer`], [`access::Permit`], the policy, and every row rule in [`access::visible`] |
//! | [`secrets`], [`clock`], [`oidc`] | keys, passwords, tokens, seals and randomness; the time and the ids; tokens of an issuer of OpenID Connect |
//! | [`money`], [`text`], [`patch`], [`Error`] | values and what is wrong with them |
//!
//! The tables are the crate `entity`, the steps that make them the crate `migration`, which never uses `entity`.
//!
//! A domain has the same rooms every time: `mod.rs` says what it is and holds its facade, the use cases that write; `graphql` has objects,
//! inputs, queries and mutations; `repo` reads and writes on [`db::Scoped`]; `filter` turns input into conditions; `fields` names every
//! field with its class; `rules` are pure functions; `import` takes in the rows of a file.
//!
//! # The one way a request goes
//!
//! ```text
//! POST /graphql
//!   http      media type, size, a permit to run, and to the end
//!             token -> access::Viewer: who, and the grants compiled into arms
//!             text -> limits -> parsed document
//!   schema    execution; the request carries db::Scoped, the database as this viewer sees it, and its loaders
//!   domain    graphql: ids, page and filter, nothing else
//!             a read:  repo
//!             a write: facade: viewer.permit(action)?, rules, one unit of work with its audit row, repo
//!   db        Scoped adds the rule of the table, from access::visible; SQL; rows come back with the level they are seen at
//!   domain    an object around the row: a field that the level does not open is null
//!   http      one From turns errors into codes and messages; status and headers
//! ```
//!
//! # The lock
//!
//! There is no query without a viewer, by construction: the connection is private to [`db`]; a table without [`access::visible::Visible`]
//! cannot be read and one without [`access::visible::Writes`] cannot be written; a write takes a [`access::Permit`], which only a viewer
//! gives. What must not compile stands in the doctests of [`db`] and [`access::action`], each with a twin that does. Functions that go
//! round it end in `_unscoped`, live in [`db`], and a test counts them.

pub mod access;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod contact;
pub mod customer;
pub mod db;
mod error;
pub mod explain;
pub mod graphql;
pub mod history;
pub mod http;
pub mod import;
pub mod lifecycle;
pub mod money;
pub mod oidc;
pub mod org;
pub mod patch;
pub mod queue;
pub mod record;
pub mod schema;
pub mod secrets;
pub mod sync;
pub mod telemetry;
pub mod text;

pub use error::{Conflict, Error, Text, Violation};
