//! The header row: which column of the file is which of ours.

use super::{Columns, SourceError, map::ColumnMap, printable};

/// The columns of a file in its own order, by our names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header(Vec<&'static str>);

impl Header {
    /// Reads the header, all faults of one sort at once. Empty cells behind the last name are what spreadsheets leave behind, and are dropped.
    pub(super) fn try_new(mut cells: Vec<String>, map: &ColumnMap, columns: &Columns) -> Result<Self, SourceError> {
        while cells.last().is_some_and(|cell| cell.trim().is_empty()) {
            cells.pop();
        }
        if cells.is_empty() {
            return Err(SourceError::Empty { known: columns.known });
        }
        if let [only] = cells.as_slice() {
            for (sign, name) in [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")] {
                if only.contains(sign) {
                    return Err(SourceError::Separator(name));
                }
            }
        }
        let mut names = Vec::with_capacity(cells.len());
        let mut unknown = Vec::new();
        for (at, cell) in cells.iter().map(|cell| cell.trim()).enumerate() {
            if cell.is_empty() {
                return Err(SourceError::Unnamed(at + 1));
            }
            match map.target(cell).or_else(|| known(cell, columns)) {
                Some(name) => names.push(name),
                None => unknown.push(printable(cell, 60)),
            }
        }
        if !unknown.is_empty() {
            unknown.truncate(20);
            return Err(SourceError::Unknown { names: unknown, known: columns.known });
        }
        let count = |column: &str| names.iter().filter(|name| **name == column).count();
        let twice: Vec<_> = columns.known.iter().copied().filter(|column| count(column) > 1).collect();
        if !twice.is_empty() {
            return Err(SourceError::Duplicate(twice));
        }
        let missing: Vec<_> = columns.required.iter().copied().filter(|column| count(column) == 0).collect();
        if !missing.is_empty() {
            return Err(SourceError::Missing(missing));
        }
        Ok(Self(names))
    }

    /// Our names, in the order of the file.
    pub(super) fn names(&self) -> &[&'static str] {
        &self.0
    }

    /// Where a column stands. There are too few of them for anything but a walk.
    pub(super) fn position(&self, column: &str) -> Option<usize> {
        self.0.iter().position(|name| *name == column)
    }
}

/// Our column of that name, in any case.
pub(super) fn known(name: &str, columns: &Columns) -> Option<&'static str> {
    columns.known.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
}
