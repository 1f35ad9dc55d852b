//! Customers in the API.

mod mutation;
mod object;
mod query;
mod reveal;

pub use mutation::{ArchiveCustomerInput, AssignCustomerInput, CreateCustomerInput, CustomerMutation, UpdateCustomerInput};
pub use object::{Customer, CustomerConnection};
pub use query::{CustomerQuery, unit_customers};
pub use reveal::RevealMutation;
