//! Rows of the first sheet of an XLSX workbook. They are held in memory, within limits: a workbook cannot be read any other way, since
//! its texts stand in one part and its cells in another.

use std::{fs::File, io::BufReader, path::Path, sync::Arc};

use calamine::{DataRef, ExcelDateTime, Reader, Xlsx, XlsxError};

use super::{BadRecord, Counter, Header, Record, SourceError, archive, printable, value};

const FILE_MOST: u64 = 200 * 1024 * 1024;
const UNPACKED_MOST: u64 = 1024 * 1024 * 1024;
const CELLS_MOST: u64 = 2_000_000;
/// All texts together; one that is shared by many cells counts for each.
const TEXT_MOST: usize = 256 * 1024 * 1024;
/// The most columns a header may have; no import has as many.
const COLUMNS_MOST: usize = 1_000;
/// Spreadsheets keep 15 digits of a number and make the others zero.
const EXACT_BELOW: f64 = 1e15;

/// A cell as text, or why it has none.
type Cell = Result<String, &'static str>;

/// The cells of a row that are not empty, with their columns.
struct Row {
    line: u64,
    cells: Vec<(usize, Cell)>,
}

/// The rows under the header.
pub(super) struct Rows {
    rows: std::vec::IntoIter<Row>,
    total: u64,
}

impl Rows {
    /// How many there are.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The next record.
    pub(super) fn record(&mut self, header: &Arc<Header>, counter: &Counter) -> Option<Result<Record, BadRecord>> {
        let row = self.rows.next()?;
        counter.add(1);
        Some(read(row, header))
    }
}

fn read(row: Row, header: &Arc<Header>) -> Result<Record, BadRecord> {
    let line = row.line;
    let mut values = vec![None; header.names().len()];
    for (at, cell) in row.cells {
        let (Some(slot), Some(name)) = (values.get_mut(at), header.names().get(at)) else {
            return Err(BadRecord::row(line, format!("has a value in column {}, the header has {} columns", at + 1, header.names().len())));
        };
        *slot = value(line, name, &cell.map_err(|reason| BadRecord::cell(line, *name, reason))?)?;
    }
    Ok(Record { line, header: Arc::clone(header), values })
}

/// The header's cells and the rows under it. Empty rows are left out.
pub(super) fn open(path: &Path) -> Result<(Vec<String>, Rows), SourceError> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(SourceError::Directory);
    }
    if metadata.len() > FILE_MOST {
        return Err(too_large("the file has", metadata.len(), "bytes", FILE_MOST));
    }
    let unpacked = archive::unpacked_size(&mut file)?.ok_or_else(|| SourceError::Workbook("not a plain XLSX archive".to_owned()))?;
    if unpacked > UNPACKED_MOST {
        return Err(too_large("the workbook unpacks to", unpacked, "bytes", UNPACKED_MOST));
    }
    let mut book: Xlsx<_> = Xlsx::new(BufReader::new(file)).map_err(unreadable)?;
    let sheet = book.sheet_names().into_iter().next().ok_or_else(|| SourceError::Workbook("it has no sheet".to_owned()))?;
    let mut rows = collect(&mut book, &sheet)?.into_iter();
    let mut cells = Vec::new();
    for (at, cell) in rows.next().map(|row| row.cells).unwrap_or_default() {
        if at >= COLUMNS_MOST {
            return Err(too_large("the header has", number(at + 1), "columns", number(COLUMNS_MOST)));
        }
        cells.resize(cells.len().max(at + 1), String::new());
        if let (Some(slot), Ok(text)) = (cells.get_mut(at), cell) {
            *slot = text;
        }
    }
    let total = number(rows.len());
    Ok((cells, Rows { rows, total }))
}

fn collect(book: &mut Xlsx<BufReader<File>>, sheet: &str) -> Result<Vec<Row>, SourceError> {
    let mut reader = book.worksheet_cells_reader(sheet).map_err(unreadable)?;
    let spans = reader.dimensions();
    let side = |from: u32, to: u32| u64::from(to.saturating_sub(from)) + 1;
    let spanned = side(spans.start.0, spans.end.0) * side(spans.start.1, spans.end.1);
    if spanned > CELLS_MOST {
        return Err(too_large("the first sheet spans", spanned, "cells", CELLS_MOST));
    }
    let mut rows: Vec<Row> = Vec::new();
    let (mut count, mut size) = (0, 0);
    while let Some(cell) = reader.next_cell().map_err(unreadable)? {
        count += 1;
        if count > CELLS_MOST {
            return Err(too_large("the first sheet has", count, "cells", CELLS_MOST));
        }
        let Some(text) = text(cell.get_value()) else { continue };
        size += text.as_ref().map_or(0, String::len);
        if size > TEXT_MOST {
            return Err(too_large("the first sheet has", number(size), "bytes of text", number(TEXT_MOST)));
        }
        let (row, column) = cell.get_position();
        let line = u64::from(row) + 1;
        let at = usize::try_from(column).unwrap_or(usize::MAX);
        match rows.last_mut() {
            Some(last) if last.line == line => last.cells.push((at, text)),
            Some(last) if last.line > line => return Err(SourceError::Workbook("its rows are out of order".to_owned())),
            _ => rows.push(Row { line, cells: vec![(at, text)] }),
        }
    }
    Ok(rows)
}

/// A cell as CSV would have it; none: it is empty.
fn text(data: &DataRef<'_>) -> Option<Cell> {
    let text = match data {
        DataRef::Empty => return None,
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Int(whole) => whole.to_string(),
        DataRef::Float(number) if number.abs() >= EXACT_BELOW => {
            return Some(Err("is a number of more than 15 digits, which spreadsheets round: make the column text and enter it again"));
        }
        DataRef::Float(number) => decimal(*number),
        DataRef::Bool(is) => is.to_string(),
        DataRef::DateTime(time) if time.is_datetime() => iso(time),
        DataRef::DateTime(duration) => decimal(duration.as_f64()),
        DataRef::DateTimeIso(text) => text.strip_suffix("T00:00:00").unwrap_or(text).to_owned(),
        DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(_) => return Some(Err("holds an error of the spreadsheet instead of a value")),
    };
    (!text.trim().is_empty()).then_some(Ok(text))
}

/// As the spreadsheet shows it: 15 digits, without those that binary fractions add.
fn decimal(number: f64) -> String {
    format!("{number:.14e}").parse().unwrap_or(number).to_string()
}

/// ISO 8601, the time of day only where there is one.
fn iso(time: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second) == (0, 0, 0) { date } else { format!("{date}T{hour:02}:{minute:02}:{second:02}") }
}

fn unreadable(error: XlsxError) -> SourceError {
    match error {
        XlsxError::Password => SourceError::Workbook("it is protected by a password".to_owned()),
        error => SourceError::Workbook(printable(&error.to_string(), 200)),
    }
}

fn too_large(what: &str, found: u64, unit: &str, most: u64) -> SourceError {
    SourceError::TooLarge { what: format!("{what} {found} {unit}, at most {most} are read") }
}

fn number(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}
