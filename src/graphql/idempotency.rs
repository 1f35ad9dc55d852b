//! Keys under which a client asks for a change once, however often it sends it: `@idempotent(key:)` on the field, or the header
//! `Idempotency-Key` for a request with one.

use async_graphql::{CustomDirective, Directive, Name, Variables};
use async_graphql_value::ConstValue;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::root::{Given, RootField};
use crate::db::Key;
use crate::error::{Error, Violation};

/// Characters of a key.
const LONGEST: usize = 255;
/// What [`idempotent`] is called in documents.
pub(super) const DIRECTIVE: &str = "idempotent";
/// Fields that take no key: they start or end sessions, or open what the audit is told of each time, and what they answer is kept nowhere;
/// or they have a key for each of their parts.
const WITHOUT_KEY: [&str; 10] = [
    "signIn",
    "refreshSession",
    "setPassword",
    "signOut",
    "signOutEverywhere",
    "endSession",
    "changePassword",
    "createPasswordLink",
    "revealField",
    "applyOperations",
];

struct Idempotent;

impl CustomDirective for Idempotent {}

/// Makes a mutation safe to repeat: sent again by the same user with the same key within 7 days, it does nothing and gives the first answer.
/// Take a new key, such as a random UUID, for each change that you mean, and keep it until you have the answer. The header
/// `Idempotency-Key` does the same for a request with one mutation.
#[Directive(location = "Field")]
pub fn idempotent(
    #[graphql(desc = "1 to 255 visible ASCII characters. With another document or other variables: IDEMPOTENCY_KEY_REUSED.")] key: String,
) -> impl CustomDirective {
    let _ = key;
    Idempotent
}

/// What the header says, with or without quotes. Errors: BAD_USER_INPUT.
pub fn from_header<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Option<String>, Error> {
    let values: Vec<&[u8]> = values.collect();
    let [value] = values.as_slice() else {
        return if values.is_empty() { Ok(None) } else { Err(malformed("Idempotency-Key")) };
    };
    let text = std::str::from_utf8(value).map_err(|_| malformed("Idempotency-Key"))?.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    checked(text, "Idempotency-Key").map(Some)
}

/// The key of a field: that of its directive, or that of the header. Errors: BAD_USER_INPUT for a key of another form, for two of them, and
/// for a field that takes none.
pub fn key_of(field: &RootField, given: &Given, header: Option<&str>) -> Result<Option<String>, Error> {
    let mut names: Vec<String> = header.iter().map(|&header| header.to_owned()).collect();
    for value in field.directive_arguments(DIRECTIVE, "key", given) {
        let ConstValue::String(name) = value else { return Err(malformed(DIRECTIVE)) };
        names.push(checked(&name, DIRECTIVE)?);
    }
    names.dedup();
    if names.len() > 1 {
        return Err(wrong(
            DIRECTIVE,
            "once",
            "gives another key than the header or the same field elsewhere",
            "与请求头或同一字段的其他键不一致",
        ));
    }
    let Some(name) = names.pop() else { return Ok(None) };
    if WITHOUT_KEY.contains(&field.name.as_str()) {
        return Err(wrong(&field.name, "key", "takes no idempotency key", "不支持幂等键"));
    }
    Ok(Some(name))
}

/// The key with a hash of what is asked under it.
pub fn keyed(name: String, text: &str, operation: Option<&str>, field: &Name, variables: &Variables) -> Key {
    // The order of fields in an object means nothing.
    let mut variables: Json = serde_json::to_value(variables).unwrap_or_default();
    variables.sort_all_objects();
    Key { name, asked: hashed(&[text, operation.unwrap_or_default(), field.as_str(), &variables.to_string()]) }
}

/// The key of one part of a field, with a hash of the input of that part.
pub fn keyed_part(name: String, field: &str, mut input: Json) -> Key {
    input.sort_all_objects();
    Key { name, asked: hashed(&[field, &input.to_string()]) }
}

fn hashed(parts: &[&str]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// A key as it may be. Errors: BAD_USER_INPUT, about `field`.
pub fn checked(name: &str, field: &str) -> Result<String, Error> {
    let fits = (1..=LONGEST).contains(&name.len()) && name.bytes().all(|letter| letter.is_ascii_graphic() || letter == b' ');
    if fits { Ok(name.to_owned()) } else { Err(malformed(field)) }
}

fn malformed(field: &str) -> Error {
    wrong(field, "form", "must be one key of 1 to 255 visible ASCII characters", "必须是一个 1 到 255 个可见 ASCII 字符的键")
}

fn wrong(field: &str, rule: &'static str, en: &str, zh: &str) -> Error {
    Error::invalid(Violation::new(field, rule, en, zh))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_header_is_one_key_of_visible_letters() {
        let read = |values: &[&str]| from_header(values.iter().map(|value| value.as_bytes()));
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&["abc"]).unwrap().as_deref(), Some("abc"));
        assert_eq!(read(&[" \"a b\" "]).unwrap().as_deref(), Some("a b"));
        let long = "x".repeat(256);
        for wrong in [&[""][..], &["a", "a"], &["\"\""], &["ä"], &["a\u{1}"], &[long.as_str()]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_asked_is_the_document_and_its_variables_in_any_order() {
        let of = |text: &str, variables: Json| keyed("k".to_owned(), text, None, &Name::new("f"), &Variables::from_json(variables));
        let first = of("a", json!({ "x": { "b": 1, "a": 2 }, "y": 1 }));
        assert_eq!(first, of("a", json!({ "y": 1, "x": { "a": 2, "b": 1 } })));
        for other in [of("b", json!({})), of("a", json!({ "x": { "b": 1, "a": 2 }, "y": 2 })), of("a", json!({}))] {
            assert_ne!(first, other);
        }
    }
}
