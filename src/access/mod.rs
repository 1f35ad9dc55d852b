//! Who may do what, how far and how clearly.
//!
//! casbin holds the small truth: what a role may do (`policy`). It is compiled once into a table, and a user's posts with it into a
//! [`Viewer`]: for each resource and action a list of [`Arm`]s. SQL holds the large truth: [`visible`] turns arms into conditions on
//! rows, and is the only place that does. A [`Permit`] is the proof that a viewer may act at all; nobody but a viewer makes one.

pub mod action;
mod arm;
mod delegated;
mod explain;
mod field;
mod mask;
pub mod policy;
mod shift;
mod sight;
mod tree;
mod viewer;
pub mod visible;
mod vocabulary;

pub use action::{Permit, Permits};
pub use arm::{Area, Arm, MOST_UNITS, Origin};
pub use delegated::{HeldDelegation, Lender, may_be_lent};
pub use explain::{Explanation, Source, Way};
pub use field::FieldClass;
pub use mask::{mask_email, mask_end, mask_phone, mask_text};
pub use policy::{Grant, GrantTable, MalformedPolicy, RoleTerms, Rule};
pub use shift::{Shift, Shifted, units_that_differ};
pub use tree::{OrgTree, TreeUnit};
pub use viewer::{ActiveDelegation, ActivePost, HeldPost, Holding, Viewer, Who};
pub use vocabulary::{Action, Level, Reach, Resource, pair_from_word};
