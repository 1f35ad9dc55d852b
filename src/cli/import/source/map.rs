//! The column map: `partner_name = our_name`, one a line. A file of TOML strings reads the same, and bare names may be in any script.

use std::{io::Read, path::Path};

use super::{Columns, SourceError, header::known, printable};

/// More than any header needs.
const MOST_BYTES: u64 = 64 * 1024;

/// A partner's column names, in lower case, and ours.
#[derive(Debug, Default)]
pub(super) struct ColumnMap(Vec<(String, &'static str)>);

impl ColumnMap {
    /// Reads a map. Names that the file does not have are no fault: one map may serve several files.
    pub(super) fn try_read(path: &Path, columns: &Columns) -> Result<Self, SourceError> {
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(SourceError::MapUnreadable)?;
        file.take(MOST_BYTES).read_to_string(&mut text).map_err(SourceError::MapUnreadable)?;
        Self::try_parse(text.trim_start_matches('\u{feff}'), columns)
    }

    fn try_parse(text: &str, columns: &Columns) -> Result<Self, SourceError> {
        let mut pairs: Vec<(String, &'static str)> = Vec::new();
        for (at, content) in text.lines().enumerate() {
            let line = at + 1;
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let wrong = |reason| SourceError::MapLine { line, reason };
            let (partner, rest) = word(content, '=').ok_or(wrong("has an open quote"))?;
            let rest = rest.strip_prefix('=').ok_or(wrong("has no = after the first name"))?;
            let (ours, rest) = word(rest.trim_start(), '#').ok_or(wrong("has an open quote"))?;
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(wrong("goes on behind the second name"));
            }
            if partner.is_empty() || ours.is_empty() {
                return Err(wrong("lacks a name"));
            }
            let target =
                known(ours, columns).ok_or_else(|| SourceError::MapTarget { line, target: printable(ours, 60), known: columns.known })?;
            let partner = partner.to_lowercase();
            if pairs.iter().any(|(known, _)| *known == partner) {
                return Err(wrong("renames a column that an earlier line renames"));
            }
            pairs.push((partner, target));
        }
        Ok(Self(pairs))
    }

    /// What a partner's column is called here.
    pub(super) fn target(&self, name: &str) -> Option<&'static str> {
        let name = name.to_lowercase();
        self.0.iter().find(|(partner, _)| *partner == name).map(|(_, ours)| *ours)
    }
}

/// A name, in quotes or up to `end`, and what stands behind it; none: a quote that is not closed.
fn word(text: &str, end: char) -> Option<(&str, &str)> {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            let (name, rest) = quoted.split_once(quote)?;
            return Some((name.trim(), rest.trim_start()));
        }
    }
    let (name, rest) = text.split_at(text.find(end).unwrap_or(text.len()));
    Some((name.trim(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns = Columns { known: &["external_ref", "name"], required: &[] };

    #[test]
    fn reads_bare_and_quoted_names() {
        let text = "# partner A\n客户编号 = external_ref  # theirs\n\"Full = Name\" = \"Name\"\n'b' = 'name'\n";
        let map = ColumnMap::try_parse(text, &COLUMNS).unwrap();
        assert_eq!(map.target("客户编号"), Some("external_ref"));
        assert_eq!(map.target("FULL = name"), Some("name"));
        assert_eq!(map.target("B"), Some("name"));
        assert_eq!(map.target("name"), None);
    }

    #[test]
    fn refuses_what_leads_nowhere() {
        let wrong = |text: &str| ColumnMap::try_parse(text, &COLUMNS).unwrap_err().to_string();
        assert!(
            wrong("\na = nothing").starts_with("line 2 of the column map leads to nothing, which is no column; known are external_ref")
        );
        for text in ["a", "\"a = name", "a = ", "= name", "a = name\nA = name", "[columns]", "a = \"name\" x"] {
            assert!(wrong(text).contains("of the column map"), "{text}");
        }
    }
}
