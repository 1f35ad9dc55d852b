//! Branchwise: one GraphQL endpoint over all the customers of a corporate group.

pub mod access;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod graphql;
pub mod http;
pub mod lifecycle;
pub mod money;
pub mod secrets;
pub mod telemetry;
pub mod audit;
pub mod patch;
pub mod record;
pub mod customer;
pub mod contact;
pub mod org;
pub mod import;
pub mod text;
pub mod schema;
mod error;

pub use error::{Conflict, Error, Text, Violation};
