//! What a document may cost. Two passes run before anything recursive does: [`lexer`] over the text, before the parser, and [`cost`]
//! over the parsed document, before validation, which walks fragment spreads again and again.

pub mod cost;
mod fragments;
pub mod lexer;
mod prices;
pub mod words;

use async_graphql::{Pos, Value, Variables};
use serde::Deserialize;

use crate::error::{Error, Text};

pub use cost::{Analysis, Found, analyse};
pub use prices::Prices;

/// The numbers. Those of selections, cost, aliases and directives count fragments as often as they are spread.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Lexical tokens of the text.
    pub tokens: usize,
    /// Brackets of any kind open at once.
    pub nesting: usize,
    /// Lists and objects open at once inside arguments, and inside the value of a variable.
    pub value_nesting: usize,
    /// Characters of one name.
    pub name_length: usize,
    /// Fields within fields; what stands below `__schema` and `__type` does not count.
    pub depth: u64,
    /// Aliases of the operation.
    pub aliases: u64,
    /// Directives of the operation.
    pub directives: u64,
    /// Fields at the root of the operation.
    pub root_fields: u64,
    /// Cost of the operation, as [`cost`] counts it.
    pub cost: u64,
    /// Rows that its answer may hold: items of lists, the lists below them in each.
    pub nodes: u64,
    /// Selections of all operations of the document.
    pub selections: u64,
    /// Not of a document: bytes of an answer to a query, and of the answers to a batch, beyond which no more of it runs.
    pub answer_bytes: usize,
    /// Errors that one answer tells.
    pub errors: usize,
    /// Masked values that a user may reveal on one day.
    pub reveals_per_day: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            tokens: 15_000,
            nesting: 100,
            value_nesting: 30,
            name_length: 256,
            depth: 15,
            aliases: 200,
            directives: 100,
            root_fields: 50,
            cost: 50_000,
            nodes: 25_000,
            selections: 50_000,
            answer_bytes: 16 * 1024 * 1024,
            errors: 50,
            reveals_per_day: 50,
        }
    }
}

/// Values are read by functions that call themselves: what nests too deep is refused before. The parser of JSON lets 127 levels in.
pub fn shallow(variables: &Variables, limits: &Limits) -> Result<(), Refusal> {
    fn levels(value: &Value) -> usize {
        match value {
            Value::List(items) => 1 + items.iter().map(levels).max().unwrap_or_default(),
            Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or_default(),
            _ => 0,
        }
    }
    if variables.values().any(|value| levels(value) > limits.value_nesting) {
        return Err(Refusal::too_much("levels of nested values", limits.value_nesting));
    }
    Ok(())
}

/// Why a document is refused before validation.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// It is not GraphQL.
    Malformed {
        /// Where.
        at: Vec<Pos>,
        /// What the parser expected; never the text itself.
        why: Text,
    },
    /// A fragment contains itself.
    Cycle {
        /// The spread that closes the circle.
        at: Pos,
        /// The fragment.
        fragment: String,
    },
    /// More than one may.
    TooMuch(Error),
}

impl Refusal {
    pub(crate) fn too_much(what: &'static str, limit: impl TryInto<u64>) -> Self {
        Self::TooMuch(Error::CostLimit { what, limit: limit.try_into().unwrap_or(u64::MAX) })
    }
}
