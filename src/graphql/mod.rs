//! The toolkit that every domain's GraphQL is made of: ids, pages and cursors, filters, loaders, money, documents and their limits.

pub mod answer;
pub mod coercion;
pub mod connection;
pub mod context;
pub mod decimal;
pub mod denied;
pub mod documents;
pub mod filter;
pub mod id;
pub mod idempotency;
pub mod limits;
pub mod listing;
pub mod loader;
pub mod manifests;
pub mod money;
pub mod nodes;
pub mod nullable;
pub mod once;
pub mod page;
pub mod patch;
pub mod persisted;
pub mod root;
pub mod validation;
pub mod words;
