//! What a client gets: the JSON body of an answer, from the executor's response or from a refusal. The only place where errors get their
//! code and their words.

mod entry;
mod locale;
mod words;

use std::io;
use std::time::Duration;

use async_graphql::{Response, Value};
use serde::Serialize;
use serde_json::{Value as Json, json};

use self::entry::Entry;
use super::limits::{Limits, Refusal};
use crate::error::{Error, Text};

pub use locale::Locale;
pub use words::{code, status};

/// Bytes of the errors of one answer, beyond the first: with what stands around them less than 64 KiB.
const MOST_ERROR_BYTES: usize = 60 * 1024;

/// How far a request got; transports make a status of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The parameters are not those of a GraphQL request.
    Parameters,
    /// The text is not GraphQL.
    Syntax,
    /// The document does not fit the schema, or exceeds the limits.
    Validation,
    /// The caller may not run this document; the status that says so.
    Denied(u16),
    /// Refused or given up for another reason; the status that says so.
    Refused(u16),
    /// It ran. With errors: only in part.
    Executed {
        /// Were there errors?
        errors: bool,
    },
}

/// An answer, ready to send.
#[derive(Clone, Debug)]
pub struct Answer {
    /// JSON.
    pub body: Vec<u8>,
    /// How far the request got.
    pub stage: Stage,
    /// The codes of its errors, each once.
    pub codes: Vec<&'static str>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
}

impl Answer {
    /// The answer to an executed request. One to a query is refused beyond a size; what was changed is always told.
    pub fn of_response(response: &Response, locale: Locale, is_query: bool, limits: &Limits) -> Self {
        let executed = response.data != Value::Null || response.is_ok() || response.errors.iter().any(|error| !error.path.is_empty());
        let ours = response.errors.first().and_then(|error| error.source::<Error>());
        let stage = match (executed, ours) {
            (true, _) => Stage::Executed { errors: response.is_err() },
            (false, Some(error)) => Stage::Refused(status(error)),
            (false, None) => Stage::Validation,
        };
        let entries = response.errors.iter().map(|error| entry::of_server_error(error, locale));
        let (errors, codes) = told(entries, limits.errors, locale);
        let most = if is_query { limits.answer_bytes } else { usize::MAX };
        let mut body = Capped { written: Vec::new(), most };
        match serde_json::to_writer(&mut body, &Body { errors, data: executed.then_some(&response.data) }) {
            Ok(()) => Self { body: body.written, stage, codes, retry_after: None },
            Err(_) => Self::of_refusal(&Refusal::too_much("bytes of answer", limits.answer_bytes), locale),
        }
    }

    /// The answer to a document that is refused before validation.
    pub fn of_refusal(refusal: &Refusal, locale: Locale) -> Self {
        let (entry, stage) = match refusal {
            Refusal::Malformed { at, why } => (entry::of_syntax(why, locale, at), Stage::Syntax),
            Refusal::Cycle { at, fragment } => {
                let why = Text::new(format!("fragment \"{fragment}\" contains itself"), format!("片段 \"{fragment}\" 包含自身"));
                (entry::of_validation(&why, locale, &[*at]), Stage::Validation)
            }
            Refusal::TooMuch(error) => (entry::of_error(error, locale, &[], &[]), Stage::Validation),
        };
        Self::without_data(entry, stage)
    }

    /// The answer to a request that fails as a whole.
    pub fn of_error(error: &Error, locale: Locale) -> Self {
        Self::at(error, Stage::Refused(status(error)), locale)
    }

    /// The answer to a request whose failure is one of a certain stage.
    pub fn at(error: &Error, stage: Stage, locale: Locale) -> Self {
        let retry_after = match error {
            Error::RateLimited { retry_after, .. } => Some(*retry_after),
            Error::Overloaded | Error::Collided | Error::Crowded { .. } => Some(Duration::from_secs(1)),
            _ => None,
        };
        Self { retry_after, ..Self::without_data(entry::of_error(error, locale, &[], &[]), stage) }
    }

    /// The same with something under `extensions`: an answer is an object, and has no other.
    #[must_use]
    pub fn extended(mut self, name: &str, value: &Json) -> Self {
        if self.body.pop() == Some(b'}') {
            self.body.extend_from_slice(format!(",\"extensions\":{}}}", json!({ name: value })).as_bytes());
        }
        self
    }

    fn without_data(entry: Entry, stage: Stage) -> Self {
        Self { body: json!({ "errors": [entry.json] }).to_string().into_bytes(), stage, codes: vec![entry.code], retry_after: None }
    }
}

/// An error that stands within the data of an answer: its code, its message, and its extensions as errors have them.
pub fn within(error: &Error, locale: Locale) -> (&'static str, String, Json) {
    let Entry { code, mut json } = entry::of_error(error, locale, &[], &[]);
    let message = json["message"].as_str().unwrap_or_default().to_owned();
    (code, message, json["extensions"].take())
}

/// As many errors as may be told, and their codes. Where there are more, the last one says by which limit they are left out.
fn told(entries: impl Iterator<Item = Entry>, most: usize, locale: Locale) -> (Vec<Json>, Vec<&'static str>) {
    let (mut errors, mut codes, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut tell = |entry: Entry| {
        if !codes.contains(&entry.code) {
            codes.push(entry.code);
        }
        errors.push(entry.json);
    };
    for (at, entry) in entries.enumerate() {
        bytes += entry.json.to_string().len();
        let over = match at {
            0 => None,
            at if at >= most => Some(Error::CostLimit { what: "errors", limit: most as u64 }),
            _ if bytes > MOST_ERROR_BYTES => Some(Error::CostLimit { what: "bytes of errors", limit: MOST_ERROR_BYTES as u64 }),
            _ => None,
        };
        if let Some(over) = over {
            tell(entry::of_error(&over, locale, &[], &[]));
            break;
        }
        tell(entry);
    }
    (errors, codes)
}

/// Seconds, rounded up: never too early.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// Stops writing at a size.
struct Capped {
    written: Vec<u8>,
    most: usize,
}

impl io::Write for Capped {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.written.len().saturating_add(part.len()) > self.most {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.written.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
