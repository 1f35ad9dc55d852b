//! The organisation: units in a tree, users, and the posts that users hold at units.

pub mod delegations;
pub mod filter;
pub mod graphql;
pub mod policy;
pub mod posts;
pub mod repo;
pub mod roles;
pub mod rules;
pub mod sign_in;
pub mod units;
pub mod users;

pub use repo::{UnitRow, active_posts, every_unit, holds_post_at, unit, unit_for_share, units_for_share, user, users_by_names};
pub use sign_in::SignIn;
pub use units::{Units, due, unless_archived};
