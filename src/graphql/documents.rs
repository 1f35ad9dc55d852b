//! Parsed documents by the SHA-256 of their text. Parsing is the dearest part of a small request.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::parser::{Error as ParseError, parse_query};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::limits::{Limits, Refusal, lexer};
use crate::error::Text;

/// What the cache may hold, in estimated bytes.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// A parsed document takes about this many times its text.
const BYTES_A_BYTE: usize = 16;
const BYTES_AN_ENTRY: usize = 1024;
/// The parser's own limit on nested selection sets.
const PARSER_DEPTH: u64 = 64;
/// Characters of the parser's expectation that are shown.
const MOST_SHOWN: usize = 200;

struct Parsed {
    document: Arc<ExecutableDocument>,
    text_bytes: usize,
}

/// A cache of parsed documents, bounded by bytes. Cheap to clone.
#[derive(Clone)]
pub struct Documents {
    parsed: Cache<[u8; 32], Arc<Parsed>>,
    limits: Limits,
}

impl Documents {
    /// An empty cache.
    pub fn new(limits: Limits) -> Self {
        let weigh = |_: &[u8; 32], parsed: &Arc<Parsed>| {
            u32::try_from(parsed.text_bytes.saturating_mul(BYTES_A_BYTE).saturating_add(BYTES_AN_ENTRY)).unwrap_or(u32::MAX)
        };
        Self { parsed: Cache::builder().max_capacity(MOST_BYTES).weigher(weigh).build(), limits }
    }

    /// The limits that documents are held to.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The document of a text, parsed now or before. Errors: what the lexer refuses, and what is not GraphQL.
    pub fn parse(&self, text: &str) -> Result<Arc<ExecutableDocument>, Refusal> {
        if text.len() > self.limits.bytes {
            return Err(Refusal::too_much("bytes", self.limits.bytes));
        }
        let key: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        if let Some(parsed) = self.parsed.get(&key) {
            return Ok(parsed.document.clone());
        }
        lexer::check(text, &self.limits)?;
        let document = Arc::new(parse_query(text).map_err(|error| refusal(&error))?);
        self.parsed.insert(key, Arc::new(Parsed { document: document.clone(), text_bytes: text.len() }));
        Ok(document)
    }
}

/// The parser's message quotes the line that it stopped at; only what it expected is passed on.
fn refusal(error: &ParseError) -> Refusal {
    let why = match error {
        ParseError::RecursionLimitExceeded => return Refusal::too_much("levels of nesting", PARSER_DEPTH),
        ParseError::Syntax { message, .. } => {
            message.rsplit("\n").find_map(|line| line.trim_start().strip_prefix("= ")).unwrap_or_default().to_owned()
        }
        other => other.to_string(),
    };
    let why: String = why.chars().take(MOST_SHOWN).collect();
    Refusal::Malformed { at: error.positions().collect(), why: Text::new(why.clone(), why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_parsed_once() {
        let documents = Documents::new(Limits::default());
        let first = documents.parse("{ a }").unwrap();
        assert!(Arc::ptr_eq(&first, &documents.parse("{ a }").unwrap()));
        assert!(!Arc::ptr_eq(&first, &documents.parse("{ b }").unwrap()));
    }

    #[test]
    fn what_is_no_graphql_is_refused_without_being_quoted() {
        let documents = Documents::new(Limits::default());
        let Err(Refusal::Malformed { at, why }) = documents.parse("{ customers(name: \"Shi Yan\"").map(|_| ()) else { panic!() };
        assert!(!why.en.contains("Shi Yan") && why.en.contains("expected"), "{why:?}");
        assert_eq!(at.first().map(|at| at.line), Some(1));
        assert!(matches!(documents.parse(""), Err(Refusal::Malformed { .. })));
        assert!(matches!(documents.parse("{ a } { b }"), Err(Refusal::Malformed { .. })));
    }

    #[test]
    fn the_lexer_comes_before_the_parser() {
        let documents = Documents::new(Limits::default());
        let text = format!("{{ f(x: {}{}) }}", "[".repeat(20_000), "]".repeat(20_000));
        assert!(matches!(documents.parse(&text), Err(Refusal::TooMuch(_))));
        let deep = format!("{}a{}", "{a".repeat(80), "}".repeat(80));
        assert!(matches!(documents.parse(&deep), Err(Refusal::TooMuch(_))));
    }
}
