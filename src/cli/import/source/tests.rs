use std::{io::Write as _, path::PathBuf};

use tempfile::TempDir;

use super::*;

const COLUMNS: Columns = Columns { known: &["external_ref", "name", "email", "birth_date"], required: &["external_ref", "name"] };

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn csv_as(bytes: impl AsRef<[u8]>, encoding: Option<&str>) -> Result<Source, SourceError> {
    open(&Folder::new().file("in.csv", bytes), encoding, None, &COLUMNS)
}

fn csv(bytes: impl AsRef<[u8]>) -> Result<Source, SourceError> {
    csv_as(bytes, None)
}

fn refused(bytes: impl AsRef<[u8]>) -> String {
    csv(bytes).map(|_| ()).unwrap_err().to_string()
}

/// Each row as `line: name` or `line column: reason`.
fn told(source: Source) -> Vec<String> {
    source
        .map(|row| match row {
            Ok(record) => format!("{}: {}", record.line, record.get("name").unwrap_or("-")),
            Err(bad) => format!("{} {}: {}", bad.line, bad.column.unwrap_or_default(), bad.reason),
        })
        .collect()
}

#[test]
fn reads_columns_in_any_order_and_tells_absent_from_empty() {
    let mut source = csv("\u{feff} Name ,EXTERNAL_REF,email\r\n 张伟 ,SH-0001,\r\n").unwrap();
    let record = source.next().unwrap().unwrap();
    assert_eq!(record.line, 2);
    assert_eq!((record.get("name"), record.get("external_ref")), (Some("张伟"), Some("SH-0001")));
    assert_eq!((record.get("email"), record.has("email")), (None, true));
    assert_eq!((record.get("birth_date"), record.has("birth_date")), (None, false));
    assert!(source.next().is_none());
    let Size::Bytes(size) = source.size() else { panic!("CSV counts bytes") };
    assert_eq!(source.counter().get(), size);
    assert!(!format!("{record:?}").contains("张伟"));
}

#[test]
fn refuses_a_wrong_header() {
    let tells = |header: &str, part: &str| {
        let told = refused(header);
        assert!(told.contains(part), "{header:?}: {told}");
    };
    tells("", "is empty: its first line must name the columns, of external_ref, name");
    tells("\n\n,,\n", "is empty");
    tells("name,external_ref,shoe_size,\u{7}hat\n", "unknown in the header: shoe_size, \u{fffd}hat; known are external_ref, name");
    tells("name,external_ref,Name\n", "more than once in the header: name");
    tells("email,name\n", "missing in the header: external_ref: add");
    tells("name,,external_ref\n", "column 2 of the header has no name");
    tells("name;external_ref\n", "separated by semicolons");
    tells("name\texternal_ref\n", "separated by tabs");
    tells("name,external_ref\r1,2\r", "CR alone");
    tells(&format!("\n{}\n", "n".repeat(2_000_000)), "the header (line 2) is a line of more than");
    tells("name,\"external_ref\n1,2\n", "the header (line 1) opens a quote");
    assert!(csv("name,external_ref,,\nA,1,,\n").is_ok());
}

#[test]
fn renames_a_partners_columns() {
    let folder = Folder::new();
    let file = folder.file("in.csv", "客户编号,name\nK1,A\n");
    let map = folder.file("map.toml", "\u{feff}\"客户编号\" = \"external_ref\"\n");
    let mut source = open(&file, None, Some(&map), &COLUMNS).unwrap();
    assert_eq!(source.next().unwrap().unwrap().get("external_ref"), Some("K1"));
    let wrong = folder.file("wrong.toml", "客户编号 = ref\n");
    assert!(matches!(open(&file, None, Some(&wrong), &COLUMNS), Err(SourceError::MapTarget { line: 1, .. })));
    let both = folder.file("both.csv", "客户编号,external_ref,name\n");
    assert!(matches!(open(&both, None, Some(&map), &COLUMNS), Err(SourceError::Duplicate(_))));
    assert!(matches!(open(&file, None, Some(&folder.0.path().join("none")), &COLUMNS), Err(SourceError::MapUnreadable(_))));
}

#[test]
fn recognises_gbk_and_decodes_it_when_named() {
    let (bytes, ..) = encoding_rs::GBK.encode("external_ref,name\n1,张伟\n2,上海远通\n");
    assert_eq!(refused(&bytes), "this looks like GBK: say --encoding gbk");
    assert_eq!(told(csv_as(&bytes, Some("GBK")).unwrap()), ["2: 张伟", "3: 上海远通"]);
    assert_eq!(told(csv_as(&bytes, Some("gb18030")).unwrap()), ["2: 张伟", "3: 上海远通"]);
    assert!(matches!(csv_as(&bytes, Some("klingon")), Err(SourceError::UnknownEncoding { .. })));
    // A broken pair spoils its row alone.
    let broken = [&bytes[..], b"3,\xD5\n4,B\n"].concat();
    let told = told(csv_as(broken, Some("gbk")).unwrap());
    assert!(told[2].starts_with("4 name: contains bytes that are no text"), "{told:?}");
    assert_eq!(told[3], "5: B");
}

#[test]
fn takes_nothing_else_for_gbk() {
    let latin = b"external_ref,name\n1,M\xFCller\n2,Caf\xE9\n3,Gr\xF6n\n";
    assert!(refused(latin).starts_with("not UTF-8, first wrong byte at line 2:"));
    assert_eq!(told(csv_as(latin, Some("windows-1252")).unwrap()), ["2: Müller", "3: Café", "4: Grön"]);
    let damaged = ["external_ref,name\n1,张伟\n2,上海远通\n3,".as_bytes(), b"\xFF\n"].concat();
    assert!(refused(&damaged).starts_with("not UTF-8, first wrong byte at line 4:"));
    assert_eq!(told(csv_as(damaged, Some("utf-8")).unwrap()).len(), 3);
}

#[test]
fn recognises_utf16_with_and_without_a_mark() {
    let text = "external_ref,name\r\n1,张伟\r\n";
    let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let marked = [b"\xFF\xFE", &le[..]].concat();
    assert_eq!(refused(&marked), "this looks like UTF-16: say --encoding utf-16le");
    assert_eq!(refused(&le), "this looks like UTF-16: say --encoding utf-16le");
    assert_eq!(refused(&be), "this looks like UTF-16: say --encoding utf-16be");
    for (bytes, label) in [(marked, "utf-16le"), (le, "utf-16le"), (be, "utf-16be")] {
        assert_eq!(told(csv_as(bytes, Some(label)).unwrap()), ["2: 张伟"]);
    }
}

#[test]
fn a_wrong_byte_behind_the_head_spoils_its_row_alone() {
    let mut bytes = b"external_ref,name\n".to_vec();
    let lines = 60_000;
    for line in 2..lines {
        bytes.extend_from_slice(format!("{line},customer number {line}\n").as_bytes());
    }
    bytes.extend_from_slice(b"x,\xFF\ny,B\n");
    assert!(bytes.len() > 1_100_000);
    let told = told(csv(bytes).unwrap());
    assert_eq!(told.len(), lines);
    assert!(told[lines - 2].starts_with(&format!("{lines} name: contains bytes")), "{}", told[lines - 2]);
    assert_eq!(told[lines - 1], format!("{}: B", lines + 1));
}

#[test]
fn a_character_cut_by_the_end_of_the_head_is_no_fault() {
    for shift in 0..3 {
        let bytes = format!("external_ref,name\n1,{}A\n{}", " ".repeat(shift), "2,远\n".repeat(200_000));
        assert_eq!(csv(bytes).unwrap().filter(Result::is_ok).count(), 200_001);
    }
}

#[test]
fn counts_lines_through_quotes_and_empty_lines() {
    let text = "external_ref,name\n1,\"two\r\nlines, \"\"quoted\"\"\"\n\n  \n,,,\n2,B\n3,C";
    assert_eq!(told(csv(text).unwrap()), ["2: two\nlines, \"quoted\"", "7: B", "8: C"]);
}

#[test]
fn tells_rows_of_another_width() {
    let told = told(csv("external_ref,name\n1\n2,A, Inc.\n3,B,,\n4,\"C\nD\",x\n5,E\n").unwrap());
    assert_eq!(
        told,
        [
            "2 : has 1 fields, the header has 2",
            "3 : has 3 fields, the header has 2; put quotes around a text that contains a comma",
            "4: B",
            "5 : has 3 fields, the header has 2; a quote makes lines 5 to 6 one row",
            "7: E",
        ]
    );
}

#[test]
fn a_quote_that_is_not_closed_costs_one_row() {
    assert_eq!(told(csv("external_ref,name\n1,\"A\n2,B\n\n3,C\n").unwrap()), ["2 : opens a quote that is not closed", "3: B", "5: C"]);
    let far = format!("external_ref,name\n1,\"A\n{}9,\"Z\"\n", "2,B\n".repeat(400_000));
    let told = told(csv(far).unwrap());
    assert_eq!(told.len(), 400_002);
    assert_eq!((told[0].as_str(), told[1].as_str()), ("2 : opens a quote that is not closed", "3: B"));
    assert_eq!(told[400_001], "400003: Z");
}

#[test]
fn an_open_quote_on_every_line_costs_no_more_than_a_sound_file() {
    let text = format!("external_ref,name\n{}", "\"1\",\"A\n".repeat(400_000));
    let mut source = csv(text).unwrap();
    assert!(source.by_ref().all(|row| row.is_err_and(|bad| bad.reason == "opens a quote that is not closed")));
    assert!(source.next().is_none());
}

#[test]
fn a_line_that_is_too_long_is_told_and_passed() {
    let long = "x".repeat(3 * 1024 * 1024);
    let text = format!("external_ref,name\n1,A\n2,{long}\n3,B\n4,\"C\n5,{long}\n6,D\n7,{long}");
    let told = told(csv(text).unwrap());
    let too_long = |line: u64| format!("{line} : is a line of more than 1048576 bytes");
    assert_eq!(told, ["2: A", &too_long(3), "4: B", "5 : opens a quote that is not closed", &too_long(6), "7: D", &too_long(8),]);
}

#[test]
fn tells_cells_that_no_field_takes() {
    let told = told(csv(format!("external_ref,name\n1,a\0b\n2,{}\n3,C\n", "x".repeat(70_000))).unwrap());
    assert_eq!(told, ["2 name: contains a NUL byte", "3 name: is longer than 65536 bytes", "4: C"]);
}

#[test]
fn refuses_what_is_no_csv() {
    let folder = Folder::new();
    let tells = |path: &Path, part: &str| {
        let told = open(path, None, None, &COLUMNS).map(|_| ()).unwrap_err().to_string();
        assert!(told.contains(part), "{told}");
    };
    tells(folder.0.path(), "is a directory");
    tells(&folder.0.path().join("none.csv"), "cannot be read (");
    tells(&folder.file("in.csv", b"PK\x03\x04..."), "give it a name that ends in .xlsx");
    tells(&folder.file("in.xls", b"\xD0\xCF\x11\xE0"), "save it as .xlsx or as CSV");
    tells(&folder.file("named.csv", b"\xD0\xCF\x11\xE0"), "save it as .xlsx or as CSV");
    tells(&folder.file("in.xlsx", "external_ref,name\n"), "cannot be read as a workbook (not a plain XLSX archive)");
}

const HEADER_ROW: &str =
    r#"<row r="1"><c r="A1" t="inlineStr"><is><t>external_ref</t></is></c><c r="B1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row>"#;

/// A workbook of one sheet. Its style 1 is a date; its shared strings are name and birth_date.
fn workbook(dimension: &str, rows: &str) -> Vec<u8> {
    let book = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let rels = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    archive_of(&[
        (
            "_rels/.rels",
            &format!(
                r#"<Relationships xmlns="{package}"><Relationship Id="rId1" Type="{rels}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
            ),
        ),
        (
            "xl/workbook.xml",
            &format!(
                r#"<workbook xmlns="{book}" xmlns:r="{rels}"><sheets><sheet name="客户" sheetId="1" r:id="rId1"/></sheets></workbook>"#
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            &format!(
                r#"<Relationships xmlns="{package}"><Relationship Id="rId1" Type="{rels}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#
            ),
        ),
        (
            "xl/styles.xml",
            &format!(r#"<styleSheet xmlns="{book}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>"#),
        ),
        ("xl/sharedStrings.xml", &format!(r#"<sst xmlns="{book}" uniqueCount="2"><si><t>Name</t></si><si><t>birth_date</t></si></sst>"#)),
        (
            "xl/worksheets/sheet1.xml",
            &format!(r#"<worksheet xmlns="{book}"><dimension ref="{dimension}"/><sheetData>{rows}</sheetData></worksheet>"#),
        ),
    ])
}

/// A ZIP archive of uncompressed parts.
fn archive_of(parts: &[(&str, &str)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    let u16 = |number: usize| u16::try_from(number).unwrap().to_le_bytes();
    let u32 = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    for (name, text) in parts {
        let offset = out.len();
        let common = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &crc32(text.as_bytes()).to_le_bytes(),
            &u32(text.len()),
            &u32(text.len()),
            &u16(name.len()),
            &[0, 0],
        ]
        .concat();
        out.write_all(&[b"PK\x03\x04", &common[..], name.as_bytes(), text.as_bytes()].concat()).unwrap();
        directory.write_all(&[b"PK\x01\x02\x14\0".as_slice(), &common[..], &[0; 10], &u32(offset), name.as_bytes()].concat()).unwrap();
    }
    let end = [b"PK\x05\x06", &[0; 4][..], &u16(parts.len()), &u16(parts.len()), &u32(directory.len()), &u32(out.len()), &[0, 0]].concat();
    [out, directory, end].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 }))
}

fn xlsx(bytes: &[u8]) -> Result<Source, SourceError> {
    open(&Folder::new().file("in.XLSX", bytes), None, None, &COLUMNS)
}

#[test]
fn reads_the_first_sheet_of_a_workbook() {
    let rows = format!(
        r#"{HEADER_ROW}<row r="2"><c r="A2"><v>13800138000</v></c><c r="B2" t="inlineStr"><is><t> 张伟 </t></is></c><c r="C2" s="1"><v>31413</v></c></row>
        <row r="4"><c r="A4"><v>0.30000000000000004</v></c><c r="C4" s="1"><v>31413.5</v></c><c r="F4"/></row>
        <row r="5"><c r="A5"><v>110101199003070000</v></c></row>
        <row r="6"><c r="B6" t="e"><v>#N/A</v></c></row>
        <row r="7"><c r="D7"><v>1</v></c></row>
        <row r="8"><c r="A8" t="b"><v>1</v></c></row>"#
    );
    let mut source = xlsx(&workbook("A1:D8", &rows)).unwrap();
    assert_eq!(source.size(), Size::Rows(6));
    let record = source.next().unwrap().unwrap();
    assert_eq!(record.line, 2);
    assert_eq!(
        (record.get("external_ref"), record.get("name"), record.get("birth_date")),
        (Some("13800138000"), Some("张伟"), Some("1986-01-01"))
    );
    assert!(!record.has("email"));
    let record = source.next().unwrap().unwrap();
    assert_eq!((record.line, record.get("external_ref"), record.get("name")), (4, Some("0.3"), None));
    assert_eq!(record.get("birth_date"), Some("1986-01-01T12:00:00"));
    assert_eq!(source.counter().get(), 2);
    let told = told(source);
    assert!(told[0].starts_with("5 external_ref: is a number of more than 15 digits"), "{told:?}");
    assert!(told[1].starts_with("6 name: holds an error of the spreadsheet"), "{told:?}");
    assert_eq!(told[2], "7 : has a value in column 4, the header has 3 columns");
    assert_eq!(told[3], "8: -");
}

#[test]
fn refuses_workbooks_that_are_too_large_or_broken() {
    let told = |bytes: &[u8]| xlsx(bytes).map(|_| ()).unwrap_err().to_string();
    assert!(
        told(&workbook("A1:XFD1048576", HEADER_ROW))
            .starts_with("the first sheet spans 17179869184 cells, at most 2000000 are read: delete")
    );
    assert!(told(&workbook("A1:B2", "")).starts_with("is empty"));
    assert!(
        told(&workbook("A1:B2", r#"<row r="1"><c r="XFD1"><v>1</v></c></row>"#)).starts_with("the header has 16384 columns, at most 1000")
    );
    let sound = workbook("A1:C1", HEADER_ROW);
    assert!(xlsx(&sound).is_ok());
    assert!(told(&sound[..sound.len() - 30]).contains("not a plain XLSX archive"));
    assert!(told(&[b"MZ", &sound[..]].concat()).contains("not a plain XLSX archive"));
    assert!(told(&[&sound[..], &sound[..]].concat()).contains("not a plain XLSX archive"));
    // A directory that owns up to a bomb, and one that does not.
    let entry = sound.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let mut bomb = sound.clone();
    bomb[entry + 24..entry + 28].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(told(&bomb).starts_with("the workbook unpacks to 4294968"), "{}", told(&bomb));
    let mut liar = sound.clone();
    let strings = sound.windows(20).rposition(|window| window == b"xl/sharedStrings.xml").unwrap() - 46;
    liar[strings + 24..strings + 28].copy_from_slice(&8_u32.to_le_bytes());
    assert!(told(&liar).starts_with("cannot be read as a workbook ("), "{}", told(&liar));
    assert!(matches!(open(&Folder::new().file("in.xlsx", &sound), Some("gbk"), None, &COLUMNS), Err(SourceError::EncodingOfWorkbook)));
}
