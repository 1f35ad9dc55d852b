//! The lines of a text, none of them longer than memory likes, handed to the CSV reader one at a time.

use std::{
    collections::VecDeque,
    io::{self, BufRead, Read},
};

/// The longest line, and the longest row of several lines, in bytes.
pub(super) const LINE_MOST: usize = 1024 * 1024;

/// The most lines that quotes may hold together as one row.
const LINES_MOST: usize = 10_000;

/// Why a row was given up while it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The line is longer than [`LINE_MOST`].
    TooLong,
    /// The row opens a quote that nothing closes within reason.
    Unclosed,
}

#[derive(Debug, Default)]
struct Line {
    number: u64,
    /// Without its end; empty if too long.
    text: Vec<u8>,
    too_long: bool,
}

struct Lines<R> {
    inner: R,
    read: u64,
    /// Lines to be read again.
    back: VecDeque<Line>,
}

impl<R: BufRead> Lines<R> {
    /// The next line; false: there is none. What exceeds the limit is skipped, not stored.
    fn read(&mut self, line: &mut Line) -> io::Result<bool> {
        if let Some(again) = self.back.pop_front() {
            *line = again;
            return Ok(true);
        }
        line.text.clear();
        line.too_long = false;
        let mut begun = false;
        loop {
            let chunk = match self.inner.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            if chunk.is_empty() {
                if !begun {
                    return Ok(false);
                }
                break;
            }
            begun = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            if line.too_long || line.text.len() + part.len() > LINE_MOST {
                line.too_long = true;
                line.text.clear();
            } else {
                line.text.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.inner.consume(used);
            if end.is_some() {
                break;
            }
        }
        if line.text.last() == Some(&b'\r') {
            line.text.pop();
        }
        self.read += 1;
        line.number = self.read;
        Ok(true)
    }
}

/// Feeds the CSV reader line by line, so that the lines that it asks for from one [`Feed::begin`] to the next are those of one row.
///
/// The CSV reader asks for more than one only inside quotes. A row that has to be given up is brought to its end with bytes of our own;
/// whoever reads it looks at [`Feed::fault`] first.
pub(super) struct Feed<R> {
    lines: Lines<R>,
    line: Line,
    /// What the CSV reader gets of the line, and how much of it it has.
    given: Vec<u8>,
    at: usize,
    first: Option<u64>,
    last: u64,
    /// The lines of the row behind its first, to be read again if no quote closes it.
    more: Vec<Line>,
    size: usize,
    fault: Option<Fault>,
    /// Up to this line no quote is closed at the end of a line: one was given up that stayed open so far.
    open_until: u64,
}

impl<R: BufRead> Feed<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            lines: Lines { inner, read: 0, back: VecDeque::new() },
            line: Line::default(),
            given: Vec::new(),
            at: 0,
            first: None,
            last: 0,
            more: Vec::new(),
            size: 0,
            fault: None,
            open_until: 0,
        }
    }

    /// A new row starts.
    pub(super) fn begin(&mut self) {
        self.first = None;
        self.more.clear();
        self.size = 0;
        self.fault = None;
    }

    /// The first and last line of the row; before its first, those of the row before.
    pub(super) fn span(&self) -> (u64, u64) {
        (self.first.unwrap_or(self.last), self.last)
    }

    /// Why the row was given up.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Makes the next line ready; false: there is none.
    fn advance(&mut self) -> io::Result<bool> {
        if self.first.is_some() {
            return self.go_on().map(|()| true);
        }
        loop {
            if !self.lines.read(&mut self.line)? {
                return Ok(false);
            }
            // The CSV reader would skip an empty line and ask for the next, as it does inside quotes.
            if self.line.too_long || !self.line.text.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        self.first = Some(self.line.number);
        self.last = self.line.number;
        self.size = self.line.text.len();
        if self.line.too_long {
            self.fault = Some(Fault::TooLong);
            self.give(b"-");
        } else {
            let text = std::mem::take(&mut self.line.text);
            self.give(&text);
            self.line.text = text;
        }
        Ok(true)
    }

    /// The next line inside quotes, or their end.
    fn go_on(&mut self) -> io::Result<()> {
        if self.first.is_some_and(|first| first <= self.open_until) {
            self.give_up();
            return Ok(());
        }
        let mut line = Line::default();
        if !self.lines.read(&mut line)? {
            self.give_up();
            return Ok(());
        }
        self.size += line.text.len();
        let fits = !line.too_long && self.size <= LINE_MOST && self.more.len() < LINES_MOST;
        if fits {
            self.last = line.number;
            self.give(&line.text);
        }
        self.more.push(line);
        if !fits {
            self.give_up();
        }
        Ok(())
    }

    /// Closes the quote and goes back to the line behind the one that opened it: the rows from there on may be sound. Should one of them leave
    /// a quote open as well, it is open as far as this one was, so that it is given up without reading on: no line is read a third time.
    fn give_up(&mut self) {
        self.fault = Some(Fault::Unclosed);
        self.open_until = self.open_until.max(self.last);
        self.last = self.first.unwrap_or(self.last);
        for line in self.more.drain(..).rev() {
            self.lines.back.push_front(line);
        }
        self.give(b"\"");
    }

    fn give(&mut self, text: &[u8]) {
        self.given.clear();
        self.given.extend_from_slice(text);
        self.given.push(b'\n');
        self.at = 0;
    }
}

impl<R: BufRead> Read for Feed<R> {
    /// Never goes past the end of a line.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.given.len() && !self.advance()? {
            return Ok(0);
        }
        let mut rest = self.given.get(self.at..).unwrap_or_default();
        let read = rest.read(into)?;
        self.at += read;
        Ok(read)
    }
}
