//! What was done to records: their histories, for whoever sees the record, and the audit, for whoever audits a unit. Both are read only;
//! rows are written by [`crate::audit`] beside what they tell. Values go through the classes of today's fields and the level at which the
//! reader sees the record today.

pub mod filter;
pub mod graphql;
pub mod repo;
pub mod told;
