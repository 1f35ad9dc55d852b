//! Customers in the API.

mod mutation;
mod object;
mod query;

pub use mutation::CustomerMutation;
pub use object::{Customer, CustomerConnection};
pub use query::{CustomerQuery, unit_customers};
