//! Units, users and the viewer in the API.

mod delegation;
mod sign_in;
mod unit;
mod user;
mod viewer;

pub use delegation::{DelegationMutation, DelegationQuery};
pub use sign_in::{SignInMutation, TriedToSignIn};
pub use unit::{OrgUnit, OrgUnitConnection, OrgUnitQuery};
pub use user::User;
pub use viewer::{Viewer, ViewerQuery};
