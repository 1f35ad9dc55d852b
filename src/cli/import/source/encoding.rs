//! The bytes of a CSV file as UTF-8: what the file looks like, and decoding what it was said to be.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
};

use encoding_rs::{Decoder, DecoderResult, Encoding, GB18030};

use super::{Counter, SourceError, csv::Bytes, printable};

/// How much is looked at before anything is read.
const HEAD: u64 = 1024 * 1024;

/// Stands for what the decoder could not read: a byte that is in no UTF-8, so that its row turns out bad.
const WRONG: u8 = 0xFF;

/// The content as UTF-8 without a mark at its start, and the size of the file. Wrong bytes stay wrong: their rows tell.
pub(super) fn open(path: &Path, label: Option<&str>, counter: &Counter) -> Result<(Bytes, u64), SourceError> {
    let encoding = label.map(named).transpose()?;
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(SourceError::Directory);
    }
    let mut file = Counted { inner: file, counter: counter.clone() };
    let mut head = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut head)?;
    if head.starts_with(b"PK\x03\x04") {
        return Err(SourceError::Packed);
    }
    if head.starts_with(b"\xD0\xCF\x11\xE0") {
        return Err(SourceError::OtherWorkbook);
    }
    let bytes: Bytes = match encoding {
        Some(encoding) => Box::new(Decoded::new(Cursor::new(head).chain(file), encoding)),
        None => {
            let whole = u64::try_from(head.len()).is_ok_and(|read| read < HEAD);
            check_utf8(&head, whole)?;
            let mark = if head.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
            let mut head = Cursor::new(head);
            head.set_position(mark);
            Box::new(head.chain(file))
        }
    };
    Ok((bytes, metadata.len()))
}

fn named(label: &str) -> Result<&'static Encoding, SourceError> {
    Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| SourceError::UnknownEncoding { label: printable(label, 40) })
}

/// Refuses a text that is no UTF-8, with a guess at what it is. Unless it is the whole text, its last character may be cut.
fn check_utf8(head: &[u8], whole: bool) -> Result<(), SourceError> {
    if let Some(label) = utf16(head) {
        return Err(SourceError::LooksLike { name: "UTF-16", label });
    }
    let Err(wrong) = std::str::from_utf8(head) else { return Ok(()) };
    if wrong.error_len().is_none() && !whole {
        return Ok(());
    }
    if is_gbk(head, whole) {
        return Err(SourceError::LooksLike { name: "GBK", label: "gbk" });
    }
    let before = head.get(..wrong.valid_up_to()).unwrap_or_default();
    let line = before.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>() + 1;
    Err(SourceError::NotUtf8 { line })
}

/// UTF-16 by its mark, or by NULs in every other place.
fn utf16(head: &[u8]) -> Option<&'static str> {
    match head {
        [0xFF, 0xFE, ..] => return Some("utf-16le"),
        [0xFE, 0xFF, ..] => return Some("utf-16be"),
        _ => {}
    }
    let nuls = |first: usize| head.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    match (nuls(0), nuls(1)) {
        (0, odd) if odd > head.len() / 8 => Some("utf-16le"),
        (even, 0) if even > head.len() / 8 => Some("utf-16be"),
        _ => None,
    }
}

/// Chinese in GBK, or GB18030 around it. Two other things decode without a fault as well: a text in UTF-8 with a few wrong bytes, and Latin
/// letters with accents. The first has more characters in UTF-8 than faults; in the second a letter with its neighbour, one high byte and one
/// low, passes for a character, where those of everyday Chinese are two high bytes.
fn is_gbk(head: &[u8], whole: bool) -> bool {
    let (mut right, mut wrong) = (0, 0);
    for chunk in head.utf8_chunks() {
        right += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        wrong += usize::from(!chunk.invalid().is_empty());
    }
    if right > wrong {
        return false;
    }
    let mut decoder = GB18030.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length_without_replacement(head.len()).unwrap_or(0));
    let (result, _) = decoder.decode_to_string_without_replacement(head, &mut text, whole);
    if result != DecoderResult::InputEmpty {
        return false;
    }
    let high = head.iter().filter(|byte| !byte.is_ascii()).count();
    let characters = text.chars().filter(|c| !c.is_ascii()).count();
    text.chars().any(|c| matches!(c, '\u{4E00}'..='\u{9FFF}')) && high * 2 >= characters * 3
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    counter: Counter,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.counter.add(u64::try_from(read).unwrap_or_default());
        Ok(read)
    }
}

/// Decodes while reading.
struct Decoded<R> {
    inner: R,
    decoder: Decoder,
    raw: Vec<u8>,
    /// What of `raw` is still to be decoded.
    start: usize,
    end: usize,
    text: Vec<u8>,
    /// How much of `text` was handed out.
    at: usize,
    last: bool,
    done: bool,
}

impl<R: Read> Decoded<R> {
    /// A mark at the start of the text outweighs the name.
    fn new(inner: R, encoding: &'static Encoding) -> Self {
        Self {
            inner,
            decoder: encoding.new_decoder(),
            raw: vec![0; 64 * 1024],
            start: 0,
            end: 0,
            text: Vec::new(),
            at: 0,
            last: false,
            done: false,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start == self.end && !self.last {
            self.start = 0;
            self.end = self.inner.read(&mut self.raw)?;
            self.last = self.end == 0;
        }
        self.at = 0;
        self.text.resize(64 * 1024, 0);
        let raw = self.raw.get(self.start..self.end).unwrap_or_default();
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(raw, &mut self.text, self.last);
        self.start += read;
        self.text.truncate(written);
        match result {
            DecoderResult::Malformed(..) => self.text.push(WRONG),
            DecoderResult::InputEmpty => self.done = self.last,
            DecoderResult::OutputFull => {}
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() {
            if self.done {
                return Ok(0);
            }
            self.fill()?;
        }
        let mut rest = self.text.get(self.at..).unwrap_or_default();
        let read = rest.read(into)?;
        self.at += read;
        Ok(read)
    }
}
