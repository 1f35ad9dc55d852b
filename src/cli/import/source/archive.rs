//! How large a ZIP archive unpacks to, by its directory, before anything unpacks it.
//!
//! The ZIP reader holds each part to the size that its directory gives, so the directory's word is enough. An archive with two ends, or with
//! bytes before its first part, could show that reader another directory than this one: it is refused.

use std::io::{self, Read, Seek, SeekFrom};

const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;
/// A comment of this length may stand behind the end.
const COMMENT_MOST: u64 = 65_535;
/// A workbook has a few dozen parts.
const DIRECTORY_MOST: u64 = 1024 * 1024;

/// The sum of the unpacked sizes of all parts; none: not an archive that a spreadsheet would write. Sizes of 4 GB and more count as 4 GB each.
pub(super) fn unpacked_size<R: Read + Seek>(archive: &mut R) -> io::Result<Option<u64>> {
    let length = archive.seek(SeekFrom::End(0))?;
    let tail_start = length.saturating_sub(COMMENT_MOST + 22);
    let tail = read(archive, tail_start, length)?;
    let ends: Vec<usize> = tail.windows(END.len()).enumerate().filter(|(_, window)| *window == END).map(|(at, _)| at).collect();
    let [end] = ends.as_slice() else { return Ok(None) };
    let (Some(size), Some(start), Some(comment)) = (u32_at(&tail, end + 12), u32_at(&tail, end + 16), u16_at(&tail, end + 20)) else {
        return Ok(None);
    };
    let end_at = tail_start + u64::try_from(*end).unwrap_or_default();
    let exact = start + size == end_at && end + END_BYTES + usize::from(comment) == tail.len();
    if !exact || size > DIRECTORY_MOST {
        return Ok(None);
    }
    Ok(sum(&read(archive, start, end_at)?))
}

fn sum(mut directory: &[u8]) -> Option<u64> {
    let mut total: u64 = 0;
    while !directory.is_empty() {
        if !directory.starts_with(ENTRY) {
            return None;
        }
        total += u32_at(directory, 24)?;
        let names = [28, 30, 32].into_iter().map(|at| u16_at(directory, at).map(usize::from)).sum::<Option<usize>>()?;
        directory = directory.get(ENTRY_BYTES + names..)?;
    }
    Some(total)
}

fn read<R: Read + Seek>(archive: &mut R, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    archive.seek(SeekFrom::Start(from))?;
    archive.take(to.saturating_sub(from)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|found| u16::from_le_bytes(*found))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|found| u64::from(u32::from_le_bytes(*found)))
}
