//! Histories and the audit in the API.

mod change;
mod entry;
mod log;

pub use change::FieldChange;
pub use entry::{Chapters, HistoryConnection, Lengths, UserHistories, history_of};
pub use log::{AuditConnection, AuditQuery, PostsAdministered};
