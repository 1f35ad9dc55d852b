//! Units, users and the viewer in the API.

mod delegation;
mod planned_move;
mod preview;
mod sign_in;
mod unit;
mod unit_mutation;
mod user;
mod viewer;

pub use delegation::{DelegationMutation, DelegationQuery};
pub use planned_move::PlannedMoveQuery;
pub use preview::RightsPreview;
pub use sign_in::{SignInMutation, TriedToSignIn};
pub use unit::{OrgUnit, OrgUnitConnection, OrgUnitQuery};
pub use unit_mutation::{OrgUnitMutation, UnitPreviewQuery};
pub use user::User;
pub use viewer::{Viewer, ViewerQuery};
