//! The tables of Branchwise, one module a table. No logic, no GraphQL: what a row is, nothing more.
//! Who may see which row stands in the main crate, `access::visible`.

pub mod audit;
pub mod contact;
pub mod customer;
pub mod epoch;
mod ids;
pub mod org_parent;
pub mod org_path;
pub mod org_unit;
pub mod party;
pub mod policy_rule;
pub mod post;
pub mod role;
pub mod role_gives;
mod timestamp;
pub mod user;

pub use ids::{AuditId, ContactId, CustomerId, OrgParentId, PartyId, PolicyRuleId, PostId, UnitId, UserId};
pub use sea_orm::ActiveEnum;
pub use timestamp::Timestamp;
