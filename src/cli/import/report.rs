//! What became of the rows of an import: counts, and every bad row with its line, column and reason.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use indicatif::HumanCount;

use super::source::{BadRecord, printable};

/// How many bad rows are told on the terminal.
const SHOWN_MOST: usize = 20;

/// Why the bad rows cannot be written down.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file of errors would overwrite the import.
    #[error("--errors names the file that is to be imported: name another one")]
    Same,
    /// The file of errors cannot be written.
    #[error("{} cannot be written ({error}): name another file after --errors", .path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

struct ErrorFile {
    path: PathBuf,
    rows: csv::Writer<File>,
}

impl ErrorFile {
    fn write(&mut self, fields: [&str; 3]) -> Result<(), ReportError> {
        self.rows.write_record(fields).map_err(|error| Self::failed(&self.path, error.into()))
    }

    fn failed(path: &Path, error: io::Error) -> ReportError {
        ReportError::Unwritable { path: path.to_owned(), error }
    }
}

/// What became of the rows. Bad rows go to the file at once, so any number of them takes the same memory.
pub struct Report {
    /// Rows that made a new record.
    pub added: u64,
    /// Rows that changed one.
    pub changed: u64,
    /// Rows that said what was already so.
    pub unchanged: u64,
    /// Rows that did nothing.
    pub bad: u64,
    /// The first bad rows, where no file has them.
    shown: Vec<BadRecord>,
    file: Option<ErrorFile>,
}

impl Report {
    /// An empty report on the import of `source`; the bad rows go to the file `errors`, which holds nothing but a header if there are none.
    pub fn try_new(source: &Path, errors: Option<&Path>) -> Result<Self, ReportError> {
        let file = errors.map(|path| Self::create(source, path)).transpose()?;
        Ok(Self { added: 0, changed: 0, unchanged: 0, bad: 0, shown: Vec::new(), file })
    }

    fn create(source: &Path, path: &Path) -> Result<ErrorFile, ReportError> {
        if let (Ok(source), Ok(errors)) = (source.canonicalize(), path.canonicalize())
            && source == errors
        {
            return Err(ReportError::Same);
        }
        let file = File::create(path).map_err(|error| ErrorFile::failed(path, error))?;
        let mut file = ErrorFile { path: path.to_owned(), rows: csv::Writer::from_writer(file) };
        file.write(["line", "column", "reason"])?;
        Ok(file)
    }

    /// Counts a bad row and writes it down.
    pub fn reject(&mut self, bad: BadRecord) -> Result<(), ReportError> {
        self.bad += 1;
        match &mut self.file {
            Some(file) => file.write([&bad.line.to_string(), &defused(bad.column.as_deref().unwrap_or_default()), &defused(&bad.reason)]),
            None => {
                if self.shown.len() < SHOWN_MOST {
                    self.shown.push(bad);
                }
                Ok(())
            }
        }
    }

    /// Completes the file of errors; without one tells the first bad rows.
    pub fn finish(&mut self, out: &mut dyn Write) -> Result<(), ReportError> {
        if let Some(file) = &mut self.file {
            return file.rows.flush().map_err(|error| ErrorFile::failed(&file.path, error));
        }
        // A terminal that has gone away is no reason to call the import failed.
        self.tell(out).or(Ok(()))
    }

    fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        for bad in &self.shown {
            let column = bad.column.as_deref().map(|column| format!(", {}", printable(column, 60))).unwrap_or_default();
            writeln!(out, "line {}{column}: {}", bad.line, printable(&bad.reason, 300))?;
        }
        match self.bad.saturating_sub(u64::try_from(self.shown.len()).unwrap_or_default()) {
            0 => Ok(()),
            more => writeln!(out, "and {} more: say --errors FILE to have them all", HumanCount(more)),
        }
    }

    /// One line: `120 added, 3 changed, 18,025 unchanged, 2 bad`.
    pub fn summary(&self) -> String {
        let Self { added, changed, unchanged, bad, .. } = *self;
        format!(
            "{} added, {} changed, {} unchanged, {} bad",
            HumanCount(added),
            HumanCount(changed),
            HumanCount(unchanged),
            HumanCount(bad)
        )
    }
}

/// A text that no spreadsheet takes for a formula.
fn defused(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_first_twenty_and_the_sum() {
        let mut report = Report::try_new(Path::new("in.csv"), None).unwrap();
        report.added = 120;
        report.changed = 3;
        report.unchanged = 18_025;
        for line in 2..=1_024 {
            report.reject(BadRecord::cell(line, "email", "is\u{1b}[2J no address")).unwrap();
        }
        let mut out = Vec::new();
        report.finish(&mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.lines().count(), 21);
        assert!(out.starts_with("line 2, email: is\u{fffd}[2J no address\n"), "{out}");
        assert!(out.ends_with("and 1,003 more: say --errors FILE to have them all\n"), "{out}");
        assert_eq!(report.summary(), "120 added, 3 changed, 18,025 unchanged, 1,023 bad");
    }

    #[test]
    fn writes_every_bad_row_defused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("errors.csv");
        let mut report = Report::try_new(&folder.path().join("in.csv"), Some(&path)).unwrap();
        report.reject(BadRecord::row(7, "=cmd, \"quoted\"")).unwrap();
        for (line, start) in ["+", "-", "@", "\t", "\r"].into_iter().enumerate() {
            report.reject(BadRecord::cell(line as u64, start, "fine")).unwrap();
        }
        let mut out = Vec::new();
        report.finish(&mut out).unwrap();
        assert!(out.is_empty());
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(
            written.starts_with("line,column,reason\n7,,\"'=cmd, \"\"quoted\"\"\"\n0,'+,fine\n1,'-,fine\n2,'@,fine\n3,'\t,fine\n"),
            "{written}"
        );
    }

    #[test]
    fn never_overwrites_the_import() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.csv");
        std::fs::write(&path, "name\n").unwrap();
        assert!(matches!(Report::try_new(&path, Some(&path)), Err(ReportError::Same)));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "name\n");
        let nowhere = folder.path().join("no/errors.csv");
        assert!(matches!(Report::try_new(&path, Some(&nowhere)), Err(ReportError::Unwritable { .. })));
    }
}
