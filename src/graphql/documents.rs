//! Operations by the SHA-256 of their text and name: the parsed document, and what was found out about it that holds for every request.
//! Parsing, measuring and validating are the dearest parts of a small request.

use std::sync::{Arc, OnceLock};

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::parser::{Error as ParseError, parse_query};
use async_graphql::{Response, Variables};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::coercion::{InputTypes, Places};
use super::limits::{Analysis, Limits, Prices, Refusal, analyse, lexer, shallow};
use crate::error::{Error, Text};

/// What the cache may hold, in estimated bytes.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// A parsed document takes about this many times its text.
const BYTES_A_BYTE: usize = 16;
const BYTES_AN_ENTRY: usize = 1024;
/// The parser's own limit on nested selection sets.
const PARSER_DEPTH: u64 = 64;
/// Characters of the parser's expectation that are shown.
const MOST_SHOWN: usize = 200;

/// One operation of a document, with what was found out about it so far. Nothing in it depends on who asks or on values of variables.
pub struct Operation {
    document: ExecutableDocument,
    name: Option<String>,
    text_bytes: usize,
    analysis: OnceLock<Result<Analysis, Refusal>>,
    places: OnceLock<Places>,
    validity: OnceLock<Result<(), Box<Response>>>,
}

impl Operation {
    /// The document.
    pub fn document(&self) -> &ExecutableDocument {
        &self.document
    }

    /// The name by which the request chooses it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What it does and costs. Errors: what exceeds the limits.
    pub fn analysis(&self, variables: &Variables, documents: &Documents) -> Result<Analysis, Refusal> {
        shallow(variables, &documents.limits)?;
        if let Some(known) = self.analysis.get() {
            return known.clone();
        }
        let found = analyse(&self.document, self.name(), variables, &documents.limits, &documents.prices);
        if found.always {
            return self.analysis.get_or_init(|| found.analysis).clone();
        }
        found.analysis
    }

    /// Do its literals and these variables fit the schema? Errors: BAD_USER_INPUT.
    pub fn check(&self, inputs: &InputTypes, variables: &Variables) -> Result<(), Error> {
        let places = self.places.get_or_init(|| inputs.places(&self.document, self.name()));
        inputs.check(places, &self.document, self.name(), variables)
    }

    /// What `validate` says of it, asked once.
    pub fn validity(&self, validate: impl FnOnce() -> Result<(), Box<Response>>) -> &Result<(), Box<Response>> {
        self.validity.get_or_init(validate)
    }
}

/// A cache of operations, bounded by bytes. Cheap to clone.
#[derive(Clone)]
pub struct Documents {
    known: Cache<[u8; 32], Arc<Operation>>,
    limits: Limits,
    prices: Arc<Prices>,
}

impl Documents {
    /// An empty cache.
    pub fn new(limits: Limits, prices: Prices) -> Self {
        let weigh = |_: &[u8; 32], known: &Arc<Operation>| {
            u32::try_from(known.text_bytes.saturating_mul(BYTES_A_BYTE).saturating_add(BYTES_AN_ENTRY)).unwrap_or(u32::MAX)
        };
        Self { known: Cache::builder().max_capacity(MOST_BYTES).weigher(weigh).build(), limits, prices: Arc::new(prices) }
    }

    /// Operations at hand.
    pub fn entries(&self) -> u64 {
        self.known.run_pending_tasks();
        self.known.entry_count()
    }

    /// The limits that documents are held to.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The operation of this name, or the only one, of a text, parsed now or before. Whether there is one is for validation to say.
    /// Errors: what the lexer refuses, and what is not GraphQL.
    pub fn operation(&self, text: &str, name: Option<&str>) -> Result<Arc<Operation>, Refusal> {
        if text.len() > self.limits.bytes {
            return Err(Refusal::too_much("bytes", self.limits.bytes));
        }
        let key = key(text, name);
        if let Some(known) = self.known.get(&key) {
            return Ok(known);
        }
        lexer::check(text, &self.limits)?;
        let operation = Arc::new(Operation {
            document: parse_query(text).map_err(|error| refusal(&error))?,
            name: name.map(str::to_owned),
            text_bytes: text.len().saturating_add(name.map_or(0, str::len)),
            analysis: OnceLock::new(),
            places: OnceLock::new(),
            validity: OnceLock::new(),
        });
        self.known.insert(key, operation.clone());
        Ok(operation)
    }
}

/// The length keeps text and name apart; no name is not an empty one.
fn key(text: &str, name: Option<&str>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text);
    if let Some(name) = name {
        hash.update([0]);
        hash.update(name);
    }
    hash.finalize().into()
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

    fn documents() -> Documents {
        let sdl = "type Q { c(first: Int): C @listSize(slicingArguments: [\"first\"], sizedFields: [\"nodes\"]) }
            type C { nodes: [Q] }
            schema { query: Q }";
        Documents::new(Limits::default(), Prices::try_new(sdl).unwrap())
    }

    #[test]
    fn the_same_text_is_parsed_once() {
        let documents = documents();
        let first = documents.operation("{ a }", None).unwrap();
        assert!(Arc::ptr_eq(&first, &documents.operation("{ a }", None).unwrap()));
        for (text, name) in [("{ b }", None), ("{ a }", Some("")), ("{ a }", Some("A"))] {
            assert!(!Arc::ptr_eq(&first, &documents.operation(text, name).unwrap()));
        }
    }

    #[test]
    fn what_depends_on_variables_is_measured_again() {
        let documents = documents();
        let cost = |text: &str, first: i32| {
            let variables = Variables::from_json(serde_json::json!({ "n": first }));
            documents.operation(text, None).unwrap().analysis(&variables, &documents).unwrap().cost
        };
        for text in
            ["query($n: Int) { c(first: $n) { nodes { a } } }", "query($n: Int) { ...F } fragment F on Q { c(first: $n) { nodes { a } } }"]
        {
            assert!(cost(text, 3) < cost(text, 50), "{text}");
            assert!(cost(text, 50) > cost(text, 4), "{text}");
        }
        assert_eq!(cost("{ c(first: 3) { nodes { a } } }", 3), cost("{ c(first: 3) { nodes { a } } }", 50));
    }

    #[test]
    fn validity_is_asked_once() {
        let operation = documents().operation("{ a }", None).unwrap();
        assert!(operation.validity(|| Err(Box::default())).is_err());
        assert!(operation.validity(|| panic!("asked again")).is_err());
    }

    #[test]
    fn what_is_no_graphql_is_refused_without_being_quoted() {
        let documents = documents();
        let Err(Refusal::Malformed { at, why }) = documents.operation("{ customers(name: \"Shi Yan\"", None).map(|_| ()) else { panic!() };
        assert!(!why.en.contains("Shi Yan") && why.en.contains("expected"), "{why:?}");
        assert_eq!(at.first().map(|at| at.line), Some(1));
        assert!(matches!(documents.operation("", None), Err(Refusal::Malformed { .. })));
        assert!(matches!(documents.operation("{ a } { b }", None), Err(Refusal::Malformed { .. })));
    }

    #[test]
    fn the_lexer_comes_before_the_parser() {
        let documents = documents();
        let text = format!("{{ f(x: {}{}) }}", "[".repeat(20_000), "]".repeat(20_000));
        assert!(matches!(documents.operation(&text, None), Err(Refusal::TooMuch(_))));
        let deep = format!("{}a{}", "{a".repeat(80), "}".repeat(80));
        assert!(matches!(documents.operation(&deep, None), Err(Refusal::TooMuch(_))));
    }
}
