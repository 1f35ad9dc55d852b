//! What importing comes to, row by row: the same words for every kind of file.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};

use crate::error::{Error, Violation};

/// What became of a good row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was no such record.
    Added,
    /// The record differed.
    Changed,
    /// The record stood as the row says; nothing was written.
    Unchanged,
}

/// Why a row was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The column; none: it is about the row as a whole.
    pub column: Option<String>,
    /// What is wrong, and where it helps what to do.
    pub reason: String,
}

/// What became of a row.
pub type RowResult = Result<Outcome, RowError>;

impl RowError {
    /// About a column.
    pub fn at(column: &str, reason: impl Into<String>) -> Self {
        Self { column: Some(column.to_owned()), reason: reason.into() }
    }

    /// About a name that leads to nothing.
    pub fn unknown(column: &str, name: &str) -> Self {
        Self::at(column, format!("there is no '{name}' that the importing user can see: correct it, or import it first"))
    }

    /// An error of a use case as it concerns this row; errors that concern the whole import come back.
    pub fn of_row(error: Error) -> Result<Self, Error> {
        match error {
            Error::Invalid(violations) => {
                Ok(violations.into_iter().next().map_or_else(|| Self { column: None, reason: "bad input".to_owned() }, Self::from))
            }
            Error::Forbidden { field } => {
                let column = field.map(|field| column_of(&field));
                Ok(Self { column, reason: "the importing user may not do this".to_owned() })
            }
            Error::NotFound { .. } => Ok(Self { column: None, reason: "leads to nothing that the importing user can see".to_owned() }),
            Error::Conflict(_) => {
                Ok(Self { column: None, reason: "was changed by somebody else meanwhile: import the file again".to_owned() })
            }
            other => Err(other),
        }
    }
}

impl From<Violation> for RowError {
    fn from(wrong: Violation) -> Self {
        Self { column: Some(column_of(&wrong.field)), reason: wrong.message.en }
    }
}

/// `input.birthDate` stands in the column `birth_date`.
fn column_of(field: &str) -> String {
    let field = field.strip_prefix("input.").unwrap_or(field);
    field.chars().fold(String::new(), |mut column, letter| {
        if letter.is_ascii_uppercase() {
            column.push('_');
        }
        column.push(letter.to_ascii_lowercase());
        column
    })
}

/// Why a row was not taken in: for a reason of its own, or by an error that may concern the whole import.
#[derive(Debug)]
pub enum Refused {
    /// A reason of its own.
    Row(RowError),
    /// An error of a use case.
    Whole(Error),
}

impl Refused {
    /// As it concerns the row; errors that concern the whole import come back.
    pub fn of_row(self) -> Result<RowError, Error> {
        match self {
            Self::Row(wrong) => Ok(wrong),
            Self::Whole(error) => RowError::of_row(error),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Whole(error)
    }
}

impl From<RowError> for Refused {
    fn from(wrong: RowError) -> Self {
        Self::Row(wrong)
    }
}

/// What stood in a file before. It keeps a print of 128 bits of each row, not the row, so that a long file takes little memory.
#[derive(Debug, Default)]
pub struct Seen {
    halves: [RandomState; 2],
    prints: HashSet<(u64, u64)>,
}

impl Seen {
    /// Takes it in. False: it stood there already.
    pub fn is_new(&mut self, what: &impl Hash) -> bool {
        let [one, other] = &self.halves;
        self.prints.insert((one.hash_one(what), other.hash_one(what)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_is_new() {
        let mut seen = Seen::default();
        assert!((0..1_000).all(|number| seen.is_new(&(number % 7, number.to_string()))));
        assert!(!(0..1_000).any(|number| seen.is_new(&(number % 7, number.to_string()))));
        assert!(seen.is_new(&(8, "1".to_owned())));
    }
}
