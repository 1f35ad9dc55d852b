//! The tables of Branchwise, one module a table. No logic, no GraphQL: what a row is, nothing more.
//! Who may see which row stands in the main crate, `access::visible`.

pub mod audit;
pub mod audit_seal;
pub mod change;
pub mod contact;
pub mod customer;
pub mod daily_use;
pub mod delegation;
pub mod due_work;
pub mod epoch;
pub mod idempotency;
mod ids;
pub mod org_parent;
pub mod org_path;
pub mod org_unit;
pub mod party;
pub mod password_link;
pub mod policy_rule;
pub mod post;
pub mod role;
pub mod role_gives;
pub mod session;
pub mod sign_in_failure;
mod stored;
mod timestamp;
pub mod user;

pub use ids::{
    AuditId, ChangeId, ContactId, CustomerId, DelegationId, DueWorkId, OrgParentId, PartyId, PasswordLinkId, PolicyRuleId, PostId,
    SessionId, UnitId, UserId,
};
pub use sea_orm::ActiveEnum;
pub use stored::Stored;
pub use timestamp::Timestamp;
