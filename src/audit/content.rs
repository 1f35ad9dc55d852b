//! What an audit row says, as bytes that are the same wherever it was stored: PostgreSQL keeps the keys of JSON in an order of its own and
//! writes numbers in its own way, SQLite keeps the text.

use entity::audit;
use serde_json::{Number, Value as Json};

/// The content of a row, but for its stamp. A column that is added later comes behind these, and only where it holds something: what was
/// stamped before must come to the same bytes.
pub fn of(row: &audit::Model) -> Vec<u8> {
    let audit::Model {
        id,
        at,
        actor_id,
        reason,
        action,
        record_type,
        record_id,
        unit_id,
        changes,
        actor_name,
        behalf_of_id,
        behalf_of_name,
        stamp: _,
    } = row;
    let mut bytes = Vec::with_capacity(512);
    put(&mut bytes, Some(id.0.as_bytes()));
    put(&mut bytes, Some(&at.0.to_be_bytes()));
    put(&mut bytes, actor_id.as_ref().map(|id| id.0.as_bytes().as_slice()));
    put(&mut bytes, reason.as_deref().map(str::as_bytes));
    put(&mut bytes, Some(action.as_bytes()));
    put(&mut bytes, Some(record_type.as_bytes()));
    put(&mut bytes, Some(record_id.as_bytes()));
    put(&mut bytes, unit_id.as_ref().map(|id| id.0.as_bytes().as_slice()));
    put(&mut bytes, actor_name.as_deref().map(str::as_bytes));
    put(&mut bytes, behalf_of_id.as_ref().map(|id| id.0.as_bytes().as_slice()));
    put(&mut bytes, behalf_of_name.as_deref().map(str::as_bytes));
    put_json(&mut bytes, changes);
    bytes
}

/// A value with its length, so that no two rows come to the same bytes.
fn put(bytes: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => bytes.push(b'-'),
        Some(value) => {
            bytes.push(b'+');
            bytes.extend((value.len() as u64).to_be_bytes());
            bytes.extend(value);
        }
    }
}

fn put_json(bytes: &mut Vec<u8>, json: &Json) {
    match json {
        Json::Null => bytes.push(b'0'),
        Json::Bool(value) => bytes.push(if *value { b't' } else { b'f' }),
        Json::Number(number) => put_number(bytes, number),
        Json::String(text) => {
            bytes.push(b's');
            put(bytes, Some(text.as_bytes()));
        }
        Json::Array(values) => {
            bytes.push(b'a');
            bytes.extend((values.len() as u64).to_be_bytes());
            values.iter().for_each(|value| put_json(bytes, value));
        }
        Json::Object(fields) => {
            bytes.push(b'o');
            bytes.extend((fields.len() as u64).to_be_bytes());
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            for (key, value) in fields {
                put(bytes, Some(key.as_bytes()));
                put_json(bytes, value);
            }
        }
    }
}

/// By its digits, without an exponent: 1e3 and 1000 are one number, and PostgreSQL turns the first into the second.
fn put_number(bytes: &mut Vec<u8>, number: &Number) {
    let digits = match number.as_f64().filter(|_| number.is_f64()) {
        Some(0.0) => "0".to_owned(),
        Some(fraction) => fraction.to_string(),
        None => number.to_string(),
    };
    bytes.push(b'n');
    put(bytes, Some(digits.as_bytes()));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_json(json: &Json) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_json(&mut bytes, json);
        bytes
    }

    #[test]
    fn json_is_one_whatever_its_order_and_its_way_of_writing_numbers() {
        let read = |text: &str| of_json(&serde_json::from_str(text).unwrap());
        assert_eq!(read("[1.2345678901234567e19, 1e16, 1e-7]"), read("[12345678901234567000, 10000000000000000, 0.00000010]"));
        assert_eq!(read(r#"{"bb":1,"a":[1.0,-0.0]}"#), read(r#"{ "a": [1, 0], "bb": 1e0 }"#));
        let different = [
            json!(null),
            json!(""),
            json!([]),
            json!({}),
            json!(0),
            json!("0"),
            json!(false),
            json!([null]),
            json!([[], null]),
            json!([[null]]),
            json!({"a": "b"}),
            json!({"ab": ""}),
            json!(0.5),
            json!(u64::MAX),
            json!(-1),
            json!(1.5e19),
            json!(1e19),
            json!(["a", "b"]),
            json!(["ab"]),
        ];
        let all: std::collections::HashSet<_> = different.iter().map(of_json).collect();
        assert_eq!(all.len(), different.len());
    }
}
