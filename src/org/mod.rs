//! The organisation: units in a tree, users, the posts that users hold at units, and how users sign in.

pub mod delegations;
pub mod federation;
pub mod filter;
pub mod graphql;
pub mod passwords;
pub mod policy;
pub mod posts;
pub mod repo;
pub mod roles;
pub mod rules;
pub mod sessions;
pub mod sign_in;
pub mod units;
pub mod users;

pub use federation::Federation;
pub use passwords::Links;
pub use repo::{UnitRow, active_posts, every_unit, holds_post_at, open_posts, unit, unit_for_share, units_for_share, user, users_by_names};
pub use sign_in::{Peer, SignIn};
pub use units::{Units, due, unless_archived};
