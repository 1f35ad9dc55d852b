//! An import file as records: CSV or XLSX, whatever the encoding, with every fault named by line and column.
//!
//! What is wrong with the file as a whole (its encoding, its header) is a [`SourceError`] before anything is read; what is wrong with one
//! row is a [`BadRecord`], and reading goes on behind it.

mod archive;
mod csv;
mod encoding;
mod error;
mod header;
mod line;
mod map;
#[cfg(test)]
mod tests;
mod xlsx;

use std::{
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub use error::SourceError;

use header::Header;
use map::ColumnMap;

/// The longest cell, in bytes; far above any field of the model, far below what would hurt.
const CELL_MOST: usize = 64 * 1024;

/// The columns of one kind of import.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Every column that may stand in the header, in lower case.
    pub known: &'static [&'static str],
    /// Those that must.
    pub required: &'static [&'static str],
}

/// A row as the file has it. Its values may be personal data: Debug shows the line alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The line of the file on which the row starts; the header is line 1.
    pub line: u64,
    header: Arc<Header>,
    values: Vec<Option<String>>,
}

impl Record {
    /// The trimmed value; none where the cell is empty or the file has no such column.
    pub fn get(&self, column: &str) -> Option<&str> {
        self.values.get(self.header.position(column)?)?.as_deref()
    }

    /// Whether the file has the column. An absent column means "leave it", an empty cell "empty it".
    pub fn has(&self, column: &str) -> bool {
        self.header.position(column).is_some()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("record").field("line", &self.line).finish_non_exhaustive()
    }
}

/// A row that cannot be imported, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// The line of the file on which the row starts.
    pub line: u64,
    /// The column by our name for it; none: the row as a whole.
    pub column: Option<String>,
    /// For people; never the value itself.
    pub reason: String,
}

impl BadRecord {
    /// About the row as a whole.
    pub fn row(line: u64, reason: impl Into<String>) -> Self {
        Self { line, column: None, reason: reason.into() }
    }

    /// About one cell.
    pub fn cell(line: u64, column: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { line, column: Some(column.into()), reason: reason.into() }
    }
}

/// How much there is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Bytes of the file.
    Bytes(u64),
    /// Rows under the header.
    Rows(u64),
}

/// How much has been read, in the unit of [`Size`]; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// So far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// So much more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }
}

enum Rows {
    Csv(Box<csv::Rows>),
    Xlsx(xlsx::Rows),
}

/// The records of an open file, in order. A file that cannot be read to its end yields a last bad record that says so.
pub struct Source {
    header: Arc<Header>,
    rows: Rows,
    size: Size,
    counter: Counter,
}

impl Source {
    /// How much there is to read.
    pub fn size(&self) -> Size {
        self.size
    }

    /// How much has been read.
    pub fn counter(&self) -> Counter {
        self.counter.clone()
    }
}

impl Iterator for Source {
    type Item = Result<Record, BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.rows {
            Rows::Csv(rows) => rows.record(&self.header),
            Rows::Xlsx(rows) => rows.record(&self.header, &self.counter),
        }
    }
}

/// Opens an import file and checks its header. XLSX is known by its extension, anything else is read as CSV; `encoding` names that of a CSV
/// file that is not UTF-8, `map` a file of `partner_name = our_name` lines.
pub fn open(path: &Path, encoding: Option<&str>, map: Option<&Path>, columns: &Columns) -> Result<Source, SourceError> {
    let map = map.map(|path| ColumnMap::try_read(path, columns)).transpose()?.unwrap_or_default();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    match extension.as_str() {
        "xlsx" if encoding.is_some() => Err(SourceError::EncodingOfWorkbook),
        "xlsx" => {
            let (cells, rows) = xlsx::open(path)?;
            let header = Header::try_new(cells, &map, columns)?;
            Ok(Source { header: Arc::new(header), size: Size::Rows(rows.total()), rows: Rows::Xlsx(rows), counter: Counter::default() })
        }
        "xls" | "xlsm" | "xlsb" | "ods" | "et" | "numbers" => Err(SourceError::OtherWorkbook),
        _ => {
            let counter = Counter::default();
            let (reader, size) = encoding::open(path, encoding, &counter)?;
            let mut rows = csv::Rows::new(reader);
            let header = Header::try_new(rows.header(columns)?, &map, columns)?;
            Ok(Source { header: Arc::new(header), rows: Rows::Csv(Box::new(rows)), size: Size::Bytes(size), counter })
        }
    }
}

/// A piece of a file, fit for one line on a terminal: no control characters, not endless.
pub(super) fn printable(text: &str, most: usize) -> String {
    let mut out: String = text.chars().take(most).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out
}

/// Turns a cell into a value.
fn value(line: u64, column: &str, cell: &str) -> Result<Option<String>, BadRecord> {
    let cell = cell.trim();
    if cell.len() > CELL_MOST {
        return Err(BadRecord::cell(line, column, format!("is longer than {CELL_MOST} bytes")));
    }
    if cell.contains('\0') {
        return Err(BadRecord::cell(line, column, "contains a NUL byte"));
    }
    Ok((!cell.is_empty()).then(|| cell.to_owned()))
}
