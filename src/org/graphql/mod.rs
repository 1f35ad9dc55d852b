//! Units, users and the viewer in the API.

mod preview;
mod sign_in;
mod unit;
mod user;
mod viewer;

pub use preview::RightsPreview;
pub use sign_in::{SignInMutation, TriedToSignIn};
pub use unit::{OrgUnit, OrgUnitConnection, OrgUnitQuery};
pub use user::User;
pub use viewer::{Viewer, ViewerQuery};
