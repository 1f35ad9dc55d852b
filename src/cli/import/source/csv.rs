//! Rows of a CSV file.

use std::{
    io::{BufReader, Read},
    sync::Arc,
};

use ::csv::{ByteRecord, Reader, ReaderBuilder, Terminator};

use super::{
    BadRecord, Columns, Header, Record, SourceError,
    line::{Fault, Feed, LINE_MOST},
    value,
};

/// What a CSV file is read from, decoded.
pub(super) type Bytes = Box<dyn Read + Send>;

/// The rows of a CSV file, in order.
pub(super) struct Rows {
    reader: Reader<Feed<BufReader<Bytes>>>,
    row: ByteRecord,
    ended: bool,
}

impl Rows {
    pub(super) fn new(bytes: Bytes) -> Self {
        let feed = Feed::new(BufReader::with_capacity(64 * 1024, bytes));
        // The feed has taken the CR from the ends of lines; one inside a line is data.
        let reader = ReaderBuilder::new().has_headers(false).flexible(true).terminator(Terminator::Any(b'\n')).from_reader(feed);
        Self { reader, row: ByteRecord::new(), ended: false }
    }

    /// The cells of the first row that has any.
    pub(super) fn header(&mut self, columns: &Columns) -> Result<Vec<String>, SourceError> {
        let line = match self.advance() {
            None => return Err(SourceError::Empty { known: columns.known }),
            Some(Err(bad)) => return Err(SourceError::Header { line: bad.line, reason: bad.reason }),
            Some(Ok(line)) => line,
        };
        let mut cells = Vec::with_capacity(self.row.len());
        for cell in &self.row {
            let wrong = |reason: &str| SourceError::Header { line, reason: reason.to_owned() };
            if cell.contains(&0) {
                return Err(wrong("contains a NUL byte"));
            }
            if cell.contains(&b'\r') {
                return Err(SourceError::LineEnds);
            }
            cells.push(std::str::from_utf8(cell).map_err(|_| wrong("contains bytes that are no text in this encoding"))?.to_owned());
        }
        Ok(cells)
    }

    /// The next record.
    pub(super) fn record(&mut self, header: &Arc<Header>) -> Option<Result<Record, BadRecord>> {
        let advanced = self.advance()?;
        Some(advanced.and_then(|line| self.read(line, header)))
    }

    /// Goes to the next row that has a value, and tells its line; rows of nothing but commas are what spreadsheets leave behind.
    fn advance(&mut self) -> Option<Result<u64, BadRecord>> {
        while !self.ended {
            self.reader.get_mut().begin();
            let read = self.reader.read_byte_record(&mut self.row);
            let (line, _) = self.reader.get_ref().span();
            match (read, self.reader.get_ref().fault()) {
                (Err(error), _) => {
                    self.ended = true;
                    return Some(Err(BadRecord::row(line, format!("is the last that could be read ({error}); import the file again"))));
                }
                (Ok(false), _) => self.ended = true,
                (Ok(true), Some(Fault::TooLong)) => {
                    return Some(Err(BadRecord::row(line, format!("is a line of more than {LINE_MOST} bytes"))));
                }
                (Ok(true), Some(Fault::Unclosed)) => return Some(Err(BadRecord::row(line, "opens a quote that is not closed"))),
                (Ok(true), None) => {
                    if !self.row.iter().all(|cell| cell.iter().all(u8::is_ascii_whitespace)) {
                        return Some(Ok(line));
                    }
                }
            }
        }
        None
    }

    fn read(&self, line: u64, header: &Arc<Header>) -> Result<Record, BadRecord> {
        let names = header.names();
        let beyond = self.row.iter().skip(names.len()).any(|cell| !cell.trim_ascii().is_empty());
        if beyond || self.row.len() < names.len() {
            let mut reason = format!("has {} fields, the header has {}", self.row.len(), names.len());
            let (_, last) = self.reader.get_ref().span();
            if last > line {
                reason.push_str(&format!("; a quote makes lines {line} to {last} one row"));
            } else if beyond {
                reason.push_str("; put quotes around a text that contains a comma");
            }
            return Err(BadRecord::row(line, reason));
        }
        let mut values = Vec::with_capacity(names.len());
        for (name, cell) in names.iter().zip(&self.row) {
            let cell = std::str::from_utf8(cell)
                .map_err(|_| BadRecord::cell(line, *name, "contains bytes that are no text in the encoding of the file"))?;
            values.push(value(line, name, cell)?);
        }
        Ok(Record { line, header: Arc::clone(header), values })
    }
}
