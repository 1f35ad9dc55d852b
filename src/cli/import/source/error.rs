//! What can be wrong with an import file as a whole.

/// Encodings worth naming to somebody who has to choose one.
const ENCODINGS: &str = "utf-8, gbk, gb18030, big5, shift_jis, euc-kr, windows-1252, utf-16le";

/// Why a file is not imported at all. Each is one line that says what to do next; the caller puts the name of the file before it.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The import file or the column map cannot be read.
    #[error("cannot be read ({0}): check the path and your right to read it")]
    Unreadable(#[from] std::io::Error),
    /// A directory.
    #[error("is a directory: name a CSV or XLSX file in it")]
    Directory,
    /// No header.
    #[error("is empty: its first line must name the columns, of {}", .known.join(", "))]
    Empty {
        /// The columns to choose from.
        known: &'static [&'static str],
    },
    /// A label that means no encoding.
    #[error("there is no encoding {label}: say --encoding with one of {ENCODINGS}")]
    UnknownEncoding {
        /// As it was given.
        label: String,
    },
    /// Another encoding, recognised.
    #[error("this looks like {name}: say --encoding {label}")]
    LooksLike {
        /// What people call it.
        name: &'static str,
        /// What `--encoding` calls it.
        label: &'static str,
    },
    /// Another encoding, or damage.
    #[error("not UTF-8, first wrong byte at line {line}: name its encoding with --encoding ({ENCODINGS}), or correct that line")]
    NotUtf8 {
        /// The line of the first wrong byte.
        line: u64,
    },
    /// An encoding was named for XLSX.
    #[error("a workbook knows its encoding: leave out --encoding")]
    EncodingOfWorkbook,
    /// Read as CSV, but XLSX by its content.
    #[error("this is no text but looks like an XLSX workbook: give it a name that ends in .xlsx")]
    Packed,
    /// A workbook of another format.
    #[error("workbooks of this format are not read: save it as .xlsx or as CSV in UTF-8")]
    OtherWorkbook,
    /// A workbook that cannot be read.
    #[error("cannot be read as a workbook ({0}): open it, save it again as .xlsx, or save it as CSV in UTF-8")]
    Workbook(String),
    /// A workbook beyond the limits.
    #[error("{what}: delete what lies outside the table, split it, or save it as CSV in UTF-8")]
    TooLarge {
        /// How large, and how large it may be.
        what: String,
    },
    /// The header is no row.
    #[error("the header (line {line}) {reason}: correct it")]
    Header {
        /// Where it stands.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// Lines that end in CR alone.
    #[error("its lines end in CR alone, as on an old Macintosh: save it with LF or CRLF")]
    LineEnds,
    /// Separated by something else.
    #[error("its columns are separated by {0}: save it with commas")]
    Separator(&'static str),
    /// A header cell without a name, before others that have one.
    #[error("column {0} of the header has no name: name it or delete the column")]
    Unnamed(usize),
    /// Columns that this import does not have.
    #[error("unknown in the header: {}; known are {}: delete them, or rename them with --map FILE", .names.join(", "), .known.join(", "))]
    Unknown {
        /// As the file has them.
        names: Vec<String>,
        /// Those to choose from.
        known: &'static [&'static str],
    },
    /// Columns that stand there twice.
    #[error("more than once in the header: {}: keep one of each", .0.join(", "))]
    Duplicate(Vec<&'static str>),
    /// Columns that have to be there.
    #[error("missing in the header: {}: add them, or rename the file's own columns with --map FILE", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// The column map cannot be read.
    #[error("the column map cannot be read ({0}): check the path after --map")]
    MapUnreadable(std::io::Error),
    /// A line of the column map that says nothing.
    #[error("line {line} of the column map {reason}: write partner_name = our_name")]
    MapLine {
        /// Which.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A column map that leads to no column.
    #[error("line {line} of the column map leads to {target}, which is no column; known are {}", .known.join(", "))]
    MapTarget {
        /// Which.
        line: usize,
        /// As it was given.
        target: String,
        /// Those to choose from.
        known: &'static [&'static str],
    },
}
