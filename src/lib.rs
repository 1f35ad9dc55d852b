//! Branchwise: one GraphQL endpoint over all the customers of a corporate group.

pub mod access;
pub mod clock;
pub mod db;
mod error;

pub use error::{Conflict, Error, Text, Violation};
