//! Documents that clients name instead of sending them.

use std::path::PathBuf;

use serde::Deserialize;

use crate::graphql::persisted::Trust;

/// Documents that clients name instead of sending them.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DocumentsConfig {
    /// What other documents than those of the manifests are worth: off, log or only.
    pub trust: Trust,
    /// Files with the documents of the group's own apps, as relay-compiler, graphql-codegen or Apollo's tools write them. Read again when
    /// they change.
    pub manifests: Vec<PathBuf>,
    /// Bytes of all documents that signed-in clients register by their hash; 0: none are.
    pub registered_bytes: u64,
}

impl Default for DocumentsConfig {
    fn default() -> Self {
        Self { trust: Trust::Off, manifests: Vec::new(), registered_bytes: 16 * 1024 * 1024 }
    }
}
