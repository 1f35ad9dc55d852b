//! One marker type an action, and the permit that proves it.
//!
//! A permit cannot be made by hand:
//!
//! ```compile_fail,E0451
//! use branchwise::access::{Permit, action::CustomerUpdate};
//! fn forge(viewer: std::sync::Arc<branchwise::access::Viewer>) -> Permit<CustomerUpdate> {
//!     Permit { viewer, _action: std::marker::PhantomData }
//! }
//! ```
//!
//! A viewer makes it, or says no:
//!
//! ```no_run
//! use branchwise::access::{Permit, Permits, Viewer, action::CustomerUpdate};
//! fn ask(viewer: std::sync::Arc<Viewer>) -> Result<Permit<CustomerUpdate>, branchwise::Error> {
//!     viewer.permit::<CustomerUpdate>()
//! }
//! ```

use std::marker::PhantomData;
use std::sync::Arc;

use super::{Action, Arm, Resource, Viewer};
use crate::Error;

/// A pair of resource and action as a type.
pub trait Acts: Send + Sync + 'static {
    /// What it is done to.
    const RESOURCE: Resource;
    /// What is done.
    const ACTION: Action;
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $resource:ident $action:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}
        impl Acts for $name {
            const RESOURCE: Resource = Resource::$resource;
            const ACTION: Action = Action::$action;
        }
    )*};
}

actions! {
    /// Seeing customers and what follows them.
    CustomerRead = Customer Read,
    /// Adding customers.
    CustomerCreate = Customer Create,
    /// Changing customers.
    CustomerUpdate = Customer Update,
    /// Giving a customer an owner.
    CustomerAssign = Customer Assign,
    /// Archiving and restoring customers.
    CustomerArchive = Customer Archive,
    /// Importing customers.
    CustomerImport = Customer Import,
    /// Opening single masked values of customers and their contacts.
    CustomerReveal = Customer Reveal,
    /// Adding contacts.
    ContactCreate = Contact Create,
    /// Changing contacts.
    ContactUpdate = Contact Update,
    /// Archiving and restoring contacts.
    ContactArchive = Contact Archive,
    /// Seeing units.
    OrganisationRead = Organisation Read,
    /// Managing units, users and posts.
    OrganisationAdminister = Organisation Administer,
    /// Seeing users.
    UserRead = User Read,
    /// Seeing the audit.
    AuditRead = Audit Read,
}

/// Proof that a viewer may perform action `A` on some row at least; which rows, its arms say.
#[derive(Clone, Debug)]
pub struct Permit<A> {
    viewer: Arc<Viewer>,
    _action: PhantomData<A>,
}

impl<A: Acts> Permit<A> {
    /// The arms of the action.
    pub fn arms(&self) -> &[Arm] {
        self.viewer.arms(A::RESOURCE, A::ACTION)
    }
}

/// What only a viewer can give.
pub trait Permits {
    /// The proof for action `A`. Errors: FORBIDDEN without an arm.
    fn permit<A: Acts>(&self) -> Result<Permit<A>, Error>;
}

impl Permits for Arc<Viewer> {
    fn permit<A: Acts>(&self) -> Result<Permit<A>, Error> {
        if self.arms(A::RESOURCE, A::ACTION).is_empty() {
            return Err(Error::forbidden());
        }
        Ok(Permit { viewer: self.clone(), _action: PhantomData })
    }
}
