//! Units, users and the viewer in the API.

mod delegation;
mod planned_move;
mod policy;
mod post;
mod preview;
mod role;
mod session;
mod sign_in;
mod unit;
mod unit_mutation;
mod user;
mod user_mutation;
mod viewer;

pub use delegation::{DelegationMutation, DelegationQuery};
pub use planned_move::PlannedMoveQuery;
pub use policy::{PolicyMutation, PolicyQuery};
pub use post::{PostMutation, PostQuery, Versions};
pub use preview::RightsPreview;
pub use role::{RoleMutation, RoleQuery};
pub use session::{PasswordLinkPayload, Session, SessionMutation};
pub use sign_in::{SignInMutation, Tried};
pub use unit::{OrgUnit, OrgUnitConnection, OrgUnitQuery};
pub use unit_mutation::{OrgUnitMutation, UnitPreviewQuery};
pub use user::{Administered, Posts, User, UserConnection, UserQuery};
pub use user_mutation::UserMutation;
pub use viewer::{Viewer, ViewerQuery};
