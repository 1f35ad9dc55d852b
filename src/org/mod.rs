//! The organisation: units in a tree, users, and the posts that users hold at units.

pub mod filter;
pub mod graphql;
pub mod repo;
pub mod rules;
pub mod sign_in;
pub mod units;
pub mod users;

pub use sign_in::SignIn;
