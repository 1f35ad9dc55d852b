//! Branchwise: one GraphQL endpoint over all the customers of a corporate group.

pub mod access;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod contact;
pub mod customer;
pub mod db;
mod error;
pub mod graphql;
pub mod http;
pub mod import;
pub mod lifecycle;
pub mod money;
pub mod org;
pub mod patch;
pub mod record;
pub mod schema;
pub mod secrets;
pub mod telemetry;
pub mod text;

pub use error::{Conflict, Error, Text, Violation};
