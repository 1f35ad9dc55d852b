//! The pass before the parser: counts bytes, tokens and open brackets in one walk over the text, without recursion. The parser descends
//! once for each bracket, and a few kilobytes of `[` would take its stack.

use async_graphql::Pos;

use super::{Limits, Refusal};
use crate::error::Text;

/// Refuses a text that is too much for the parser. Says nothing about whether it is GraphQL, but for strings that do not end: the parser
/// would go back and read their content as tokens, which were not counted here.
pub fn check(text: &str, limits: &Limits) -> Result<(), Refusal> {
    if text.len() > limits.bytes {
        return Err(Refusal::too_much("bytes", limits.bytes));
    }
    let bytes = text.as_bytes();
    let mut open = Open::default();
    let mut tokens = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let (length, is_token) = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => (1, false),
            b'#' => (run(rest, |byte| byte != b'\n' && byte != b'\r'), false),
            0xEF if rest.starts_with(b"\xEF\xBB\xBF") => (3, false),
            b'"' => (string(rest).ok_or_else(|| unterminated(text, at))?, true),
            b'.' if rest.starts_with(b"...") => (3, true),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let length = run(rest, |byte| byte == b'_' || byte.is_ascii_alphanumeric());
                if length > limits.name_length {
                    return Err(Refusal::too_much("characters in a name", limits.name_length));
                }
                (length, true)
            }
            b'0'..=b'9' => (run(rest, |byte| byte.is_ascii_digit()), true),
            _ => {
                open.take(byte, limits)?;
                (1, true)
            }
        };
        tokens += usize::from(is_token);
        if tokens > limits.tokens {
            return Err(Refusal::too_much("tokens", limits.tokens));
        }
        at += length;
    }
    Ok(())
}

/// Brackets open at once.
#[derive(Default)]
struct Open {
    all: usize,
    round: usize,
    /// `[` and `{` inside `(`.
    values: usize,
}

impl Open {
    fn take(&mut self, byte: u8, limits: &Limits) -> Result<(), Refusal> {
        match byte {
            b'(' | b'[' | b'{' => {
                self.all += 1;
                if byte == b'(' {
                    self.round += 1;
                } else if self.round > 0 {
                    self.values += 1;
                }
            }
            b')' => {
                self.all = self.all.saturating_sub(1);
                self.round = self.round.saturating_sub(1);
                if self.round == 0 {
                    self.values = 0;
                }
            }
            b']' | b'}' => {
                self.all = self.all.saturating_sub(1);
                self.values = self.values.saturating_sub(1);
            }
            _ => {}
        }
        if self.values > limits.value_nesting {
            return Err(Refusal::too_much("levels of nested values", limits.value_nesting));
        }
        if self.all > limits.nesting {
            return Err(Refusal::too_much("levels of nesting", limits.nesting));
        }
        Ok(())
    }
}

fn run(rest: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len())
}

/// The length of the string that `rest` begins with, quotes included; none: it does not end.
fn string(rest: &[u8]) -> Option<usize> {
    if rest.starts_with(b"\"\"\"") {
        let mut at = 3;
        loop {
            let here = rest.get(at..).filter(|here| !here.is_empty())?;
            if here.starts_with(b"\"\"\"") {
                return Some(at + 3);
            }
            at += if here.starts_with(b"\\\"\"\"") { 4 } else { 1 };
        }
    }
    let mut at = 1;
    loop {
        match rest.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' | b'\r' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn unterminated(text: &str, at: usize) -> Refusal {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Refusal::Malformed { at: vec![Pos { line, column }], why: Text::new("a string does not end", "字符串没有结束") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn checked(text: &str) -> Result<(), Refusal> {
        check(text, &Limits::default())
    }

    fn refused(text: &str) -> &'static str {
        match checked(text) {
            Err(Refusal::TooMuch(Error::CostLimit { what, .. })) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn counts_bytes_tokens_and_names() {
        assert_eq!(refused(&" ".repeat(64 * 1024 + 1)), "bytes");
        assert!(checked(&"a ".repeat(15_000)).is_ok());
        assert_eq!(refused(&"a ".repeat(15_001)), "tokens");
        assert_eq!(refused(&"!".repeat(15_001)), "tokens");
        assert!(checked(&"n".repeat(256)).is_ok());
        assert_eq!(refused(&"n".repeat(257)), "characters in a name");
    }

    #[test]
    fn counts_nested_values_in_arguments() {
        let nested = |levels: usize| format!("{{ f(x: {}{}) }}", "[".repeat(levels), "]".repeat(levels));
        assert!(checked(&nested(30)).is_ok());
        assert_eq!(refused(&nested(31)), "levels of nested values");
        assert_eq!(refused(&nested(2_000)), "levels of nested values");
        assert_eq!(refused(&format!("{{ f(x: {}", "{a:".repeat(1_500))), "levels of nested values");
        assert_eq!(refused(&format!("{{ f(x: [{}", "{a:[".repeat(20))), "levels of nested values");
        assert!(checked("{ f(x: [1]) { g(x: {a: [1]}) { h(x: [2]) } } }".repeat(50).as_str()).is_ok());
    }

    #[test]
    fn counts_open_brackets_outside_arguments() {
        assert!(checked(&"{a".repeat(100)).is_ok());
        assert_eq!(refused(&"{a".repeat(101)), "levels of nesting");
        assert!(checked(&"{a}".repeat(1_000)).is_ok());
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let many = "[".repeat(500);
        for text in [
            format!("{{ f(x: \"{many}\") }}"),
            format!("{{ f(x: \"\\\"{many}\\\\\") }}"),
            format!("{{ f(x: \"\"\"{many} \\\"\"\" \" \"\" {many}\n\"\"\") }}"),
            format!("# {many} \" \n{{ a }}"),
            format!("# {many}\r{{ a }}"),
        ] {
            assert_eq!(checked(&text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_string_or_comment_counts() {
        let many = "[".repeat(500);
        for text in [
            format!("{{ f(x: \"#\" {many}"),
            format!("{{ f(x: \"\" {many}"),
            format!("{{ f(x: \"\"\"\"\"\" {many}"),
            format!("{{ f(x: \"\"\"\\\\\"\"\" \"\"\" {many}"),
            format!("{{ f(x: \"\\\\\" {many}"),
            format!("# comment\r{{ f(x: {many}"),
        ] {
            assert_eq!(refused(&text), "levels of nested values", "{text}");
        }
    }

    #[test]
    fn a_string_without_end_is_refused_here() {
        for text in ["{ f(x: \"abc", "{ f(x: \"abc\n\")", "{ f(x: [\"\"\" \" [[[[", "{ f(x: \"\\"] {
            assert!(matches!(checked(text), Err(Refusal::Malformed { .. })), "{text}");
        }
        let Err(Refusal::Malformed { at, .. }) = checked("{\n  f(x: \"") else { panic!() };
        assert_eq!(at, [Pos { line: 2, column: 8 }]);
    }

    #[test]
    fn other_alphabets_are_no_trouble() {
        assert!(checked("\u{feff}{ f(x: \"上海 🏃\") } # 客户").is_ok());
        assert!(checked("{ 客户 }").is_ok());
    }
}
