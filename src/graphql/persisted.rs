//! Documents that a client names instead of sending them: those of the group's own apps, by the ids of their manifests (trusted), and those
//! that a signed-in client has sent once, by their SHA-256 (Apollo's automatic persisted queries).

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arc_swap::ArcSwap;
use moka::sync::Cache;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use crate::error::{Error, Violation};

const BYTES_AN_ENTRY: usize = 200;
const APOLLO: &str = "apollo-persisted-query-manifest";

/// What the documents of strangers are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Any document runs.
    Off,
    /// Any document runs; one that is not trusted leaves a line with its hash in the log.
    Log,
    /// Only trusted documents run.
    Only,
}

/// A name for a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// By its id in a manifest: `documentId`, or Relay's `doc_id`.
    Id(String),
    /// By the SHA-256 of its text, in hexadecimal: `extensions.persistedQuery.sha256Hash`.
    Hash(String),
}

/// What a request gives of its document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The text.
    pub text: Option<String>,
    /// A name for it.
    pub named: Option<Named>,
}

/// A document, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The text.
    pub text: Arc<str>,
    /// Was it named, whether or not it was sent too?
    pub was_named: bool,
}

/// The documents of manifests.
#[derive(Debug, Default)]
pub struct Trusted {
    by_id: HashMap<String, Arc<str>>,
    by_hash: HashMap<String, Arc<str>>,
}

/// Everything that can be named.
pub struct Persisted {
    trust: Trust,
    trusted: ArcSwap<Trusted>,
    registered: Cache<String, Arc<str>>,
}

/// Apollo's manifest.
#[derive(Deserialize)]
struct ApolloManifest {
    format: String,
    operations: Vec<ApolloOperation>,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
}

/// The documents of a manifest: Apollo's, or the map of ids to texts that relay-compiler and graphql-codegen write. Errors: what is neither,
/// in words for whoever configures it.
pub fn manifest(json: &str) -> Result<Vec<(String, String)>, String> {
    let read: Json = serde_json::from_str(json).map_err(|error| format!("is not JSON: {error}"))?;
    if read.get("format").is_some() {
        let apollo: ApolloManifest = serde_json::from_value(read).map_err(|error| format!("is no manifest of Apollo: {error}"))?;
        if apollo.format != APOLLO {
            return Err(format!("has the format {:?}, not {APOLLO}", apollo.format));
        }
        return Ok(apollo.operations.into_iter().map(|operation| (operation.id, operation.body)).collect());
    }
    let pairs: HashMap<String, String> =
        serde_json::from_value(read).map_err(|_| "is neither a manifest of Apollo nor a map of ids to documents".to_owned())?;
    Ok(pairs.into_iter().collect())
}

/// SHA-256 in hexadecimal.
pub fn hash(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl Given {
    /// Takes what names or holds the document out of the parameters of a request. What is wrong goes to `wrong`.
    pub fn take(parameters: &mut Map<String, Json>, wrong: &mut Vec<Violation>) -> Self {
        let mut text_of = |field: &'static str| match parameters.remove(field) {
            Some(Json::String(text)) => Some(text),
            None | Some(Json::Null) => None,
            Some(_) => {
                wrong.push(Violation::new(field, "type", "must be a string", "必须是字符串"));
                None
            }
        };
        let text = text_of("query");
        let id = text_of("documentId").or(text_of("doc_id"));
        let hash = match parameters.get("extensions").and_then(|extensions| extensions.get("persistedQuery")) {
            None | Some(Json::Null) => None,
            Some(persisted) => {
                let hash = persisted.get("sha256Hash").and_then(Json::as_str).map(str::to_ascii_lowercase);
                if persisted.get("version") != Some(&Json::from(1)) || hash.is_none() {
                    let field = "extensions.persistedQuery";
                    wrong.push(Violation::new(field, "type", "must have version 1 and a sha256Hash", "必须包含 version 1 和 sha256Hash"));
                }
                hash
            }
        };
        let named = id.map(Named::Id).or(hash.map(Named::Hash));
        if text.is_none() && named.is_none() && wrong.is_empty() {
            wrong.push(Violation::required("query"));
        }
        Self { text, named }
    }
}

impl Trusted {
    /// From the documents of all manifests.
    pub fn new(documents: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut trusted = Self::default();
        for (id, text) in documents {
            let text: Arc<str> = text.into();
            trusted.by_hash.insert(hash(&text), text.clone());
            trusted.by_id.insert(id, text);
        }
        trusted
    }

    fn get(&self, name: &Named) -> Option<&Arc<str>> {
        match name {
            Named::Id(id) => self.by_id.get(id),
            // Clients of Apollo name trusted documents by their id in the same place.
            Named::Hash(hash) => self.by_id.get(hash).or_else(|| self.by_hash.get(hash)),
        }
    }
}

impl Persisted {
    /// Nothing yet; up to so many bytes of what clients register.
    pub fn new(trust: Trust, most_bytes: u64) -> Self {
        let weigh = |_: &String, text: &Arc<str>| u32::try_from(text.len().saturating_add(BYTES_AN_ENTRY)).unwrap_or(u32::MAX);
        let registered = Cache::builder().max_capacity(most_bytes).weigher(weigh).build();
        Self { trust, trusted: ArcSwap::default(), registered }
    }

    /// Replaces the trusted documents.
    pub fn trust(&self, trusted: Trusted) {
        self.trusted.store(Arc::new(trusted));
    }

    /// The document that a request means. Only a caller who is signed in registers a text under its hash, or finds one. Errors:
    /// PERSISTED_QUERY_NOT_FOUND for a name of nothing; BAD_USER_INPUT for a hash of another text; FORBIDDEN for a text that is not trusted
    /// where only those run.
    pub fn find(&self, given: &Given, is_signed_in: bool) -> Result<Found, Error> {
        let trusted = self.trusted.load();
        match (&given.text, &given.named) {
            (None, None) => Err(Error::invalid(Violation::required("query"))),
            (None, Some(named)) => {
                if let Some(text) = trusted.get(named) {
                    return Ok(Found { text: text.clone(), was_named: true });
                }
                let Named::Hash(hash) = named else { return Err(Error::PersistedQueryNotFound) };
                let registered = (self.trust != Trust::Only && is_signed_in).then(|| self.registered.get(hash)).flatten();
                let text = registered.ok_or(Error::PersistedQueryNotFound)?;
                Ok(Found { text, was_named: true })
            }
            (Some(text), named) => {
                // Where it is not looked at it is not worked out: most requests come with their text.
                let own_hash = if named.is_some() || self.trust != Trust::Off { hash(text) } else { String::new() };
                let is_trusted = trusted.by_hash.contains_key(&own_hash);
                if self.trust == Trust::Only && !is_trusted {
                    return Err(Error::forbidden_field("query"));
                }
                if self.trust == Trust::Log && !is_trusted {
                    tracing::info!(hash = own_hash, "a document that is not trusted");
                }
                let text: Arc<str> = text.as_str().into();
                if let Some(Named::Hash(hash)) = named {
                    if *hash != own_hash {
                        let field = "extensions.persistedQuery.sha256Hash";
                        return Err(Error::invalid(Violation::new(field, "hash", "is not the hash of the query", "与查询内容不符")));
                    }
                    if is_signed_in {
                        self.registered.insert(own_hash, text.clone());
                    }
                }
                Ok(Found { text, was_named: named.is_some() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "{ viewer { id } }";

    fn sent(text: &str) -> Given {
        Given { text: Some(text.to_owned()), named: None }
    }

    fn named(named: Named) -> Given {
        Given { text: None, named: Some(named) }
    }

    fn with_hash(text: &str, hash: String) -> Given {
        Given { text: Some(text.to_owned()), named: Some(Named::Hash(hash)) }
    }

    #[test]
    fn manifests_of_each_kind_are_read() {
        let apollo = json!({ "format": APOLLO, "version": 1, "operations": [{ "id": "a1", "name": "A", "type": "query", "body": TEXT }] });
        assert_eq!(manifest(&apollo.to_string()).unwrap(), [("a1".to_owned(), TEXT.to_owned())]);
        assert_eq!(manifest(&json!({ "b2": TEXT }).to_string()).unwrap(), [("b2".to_owned(), TEXT.to_owned())]);
        for wrong in ["", "[]", "{\"a\": 1}", "{\"format\": \"other\", \"operations\": []}", "{\"format\": 1}"] {
            assert!(manifest(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_text_is_known_once_somebody_signed_in_has_sent_it() {
        let persisted = Persisted::new(Trust::Off, 10_000);
        let by_hash = named(Named::Hash(hash(TEXT)));
        assert_eq!(persisted.find(&by_hash, true), Err(Error::PersistedQueryNotFound));
        persisted.find(&with_hash(TEXT, hash(TEXT)), false).unwrap();
        assert_eq!(persisted.find(&by_hash, true), Err(Error::PersistedQueryNotFound), "nobody in particular registers nothing");
        persisted.find(&with_hash(TEXT, hash(TEXT)), true).unwrap();
        assert_eq!(&*persisted.find(&by_hash, true).unwrap().text, TEXT);
        assert_eq!(persisted.find(&by_hash, false), Err(Error::PersistedQueryNotFound));
        assert!(matches!(persisted.find(&with_hash(TEXT, hash("{ a }")), true), Err(Error::Invalid(_))));
    }

    #[test]
    fn what_clients_register_is_bounded_by_bytes() {
        let persisted = Persisted::new(Trust::Off, 10_000);
        for at in 0..1_000 {
            let text = format!("{{ a{at} }}");
            persisted.find(&with_hash(&text, hash(&text)), true).unwrap();
        }
        persisted.registered.run_pending_tasks();
        assert!(persisted.registered.weighted_size() <= 10_000);
    }

    #[test]
    fn only_trusted_documents_run_where_only_those_are_trusted() {
        let persisted = Persisted::new(Trust::Only, 10_000);
        persisted.trust(Trusted::new([("one".to_owned(), TEXT.to_owned())]));
        for given in [named(Named::Id("one".to_owned())), named(Named::Hash("one".to_owned())), named(Named::Hash(hash(TEXT))), sent(TEXT)]
        {
            assert!(persisted.find(&given, false).is_ok(), "{given:?}");
        }
        assert!(matches!(persisted.find(&sent("{ a }"), true), Err(Error::Forbidden { .. })));
        assert!(matches!(persisted.find(&with_hash("{ a }", hash("{ a }")), true), Err(Error::Forbidden { .. })));
        assert_eq!(persisted.find(&named(Named::Id("two".to_owned())), true), Err(Error::PersistedQueryNotFound));
        persisted.trust(Trusted::new([("two".to_owned(), "{ a }".to_owned())]));
        assert!(persisted.find(&named(Named::Id("two".to_owned())), true).is_ok() && persisted.find(&sent(TEXT), true).is_err());
    }

    #[test]
    fn what_names_a_document_is_taken_out_of_the_parameters() {
        let take = |parameters: Json| {
            let mut wrong = Vec::new();
            let Json::Object(mut parameters) = parameters else { panic!() };
            (Given::take(&mut parameters, &mut wrong), wrong.into_iter().map(|wrong| wrong.field).collect::<Vec<_>>())
        };
        let apollo = |version: i32, hash: Json| json!({ "extensions": { "persistedQuery": { "version": version, "sha256Hash": hash } } });
        assert_eq!(take(apollo(1, json!("AB"))), (named(Named::Hash("ab".to_owned())), vec![]));
        assert_eq!(take(json!({ "documentId": "x" })), (named(Named::Id("x".to_owned())), vec![]));
        assert_eq!(take(json!({ "doc_id": "x", "query": null })), (named(Named::Id("x".to_owned())), vec![]));
        assert_eq!(take(json!({})).1, ["query"]);
        assert_eq!(take(json!({ "query": 1, "documentId": [] })).1, ["query", "documentId"]);
        assert_eq!(take(apollo(2, json!("ab"))).1, ["extensions.persistedQuery"]);
        assert_eq!(take(apollo(1, json!(7))).1, ["extensions.persistedQuery"]);
    }
}
