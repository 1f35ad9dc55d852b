//! One error of an answer: message, locations, path and extensions.

use async_graphql::{PathSegment, Pos, ServerError};
use serde_json::{Map, Value as Json, json};

use super::locale::Locale;
use super::words;
use crate::error::{Error, Text, Violation};

/// Violations that one error lists.
const MOST_VIOLATIONS: usize = 50;
/// Characters of a message that is not ours, and of anything quoted in it.
const MOST_MESSAGE: usize = 200;
const MOST_QUOTED: usize = 100;

/// An error as clients see it, with its code.
pub(super) struct Entry {
    pub(super) code: &'static str,
    pub(super) json: Json,
}

/// An error of ours.
pub(super) fn of_error(error: &Error, locale: Locale, locations: &[Pos], path: &[PathSegment]) -> Entry {
    let code = words::code(error);
    let extensions = extensions(error, locale);
    entry(code, locale.of(&words::text(error)), extensions, locations, path)
}

/// One that the executor reports: from a resolver, with our error as its source; or its own, from reading an input or from validation.
pub(super) fn of_server_error(error: &ServerError, locale: Locale) -> Entry {
    if let Some(ours) = error.source::<Error>() {
        return of_error(ours, locale, &error.locations, &error.path);
    }
    if error.path.is_empty() && error.source.is_none() {
        return of_validation(&Text::new(error.message.clone(), error.message.clone()), locale, &error.locations);
    }
    let ours = match unread_input(&error.message) {
        Some(message) if error.source.is_none() => Error::invalid(Violation { field: field(&error.path), rule: "type", message }),
        _ => Error::internal("an error of the executor that is none of ours"),
    };
    of_error(&ours, locale, &error.locations, &error.path)
}

/// A document that is GraphQL but does not fit the schema.
pub(super) fn of_validation(why: &Text, locale: Locale, locations: &[Pos]) -> Entry {
    let message = Text::new(tidy(&why.en), format!("查询文档无效：{}", tidy(&why.zh)));
    let field = argument(&why.en).map(|field| ("field".to_owned(), Json::from(field)));
    entry("GRAPHQL_VALIDATION_FAILED", locale.of(&message), field.into_iter().collect(), locations, &[])
}

/// The argument, or field of one, that a message of the validation is about.
fn argument(message: &str) -> Option<&str> {
    message.strip_prefix("Invalid value for argument \"")?.split('"').next()
}

/// A document that is not GraphQL.
pub(super) fn of_syntax(why: &Text, locale: Locale, locations: &[Pos]) -> Entry {
    let message = Text::new(format!("syntax error: {}", why.en), format!("语法错误：{}", why.zh));
    entry("GRAPHQL_PARSE_FAILED", locale.of(&message), Map::new(), locations, &[])
}

fn entry(code: &'static str, message: &str, mut extensions: Map<String, Json>, locations: &[Pos], path: &[PathSegment]) -> Entry {
    extensions.insert("code".to_owned(), code.into());
    let mut error = Map::new();
    error.insert("message".to_owned(), message.into());
    let locations: Vec<_> = locations.iter().filter(|at| at.line > 0).map(|at| json!({"line": at.line, "column": at.column})).collect();
    if !locations.is_empty() {
        error.insert("locations".to_owned(), locations.into());
    }
    if !path.is_empty() {
        let path = path.iter().map(|segment| match segment {
            PathSegment::Field(name) => Json::from(name.as_str()),
            PathSegment::Index(index) => Json::from(*index),
        });
        error.insert("path".to_owned(), path.collect());
    }
    error.insert("extensions".to_owned(), extensions.into());
    Entry { code, json: error.into() }
}

fn extensions(error: &Error, locale: Locale) -> Map<String, Json> {
    let mut extensions = Map::new();
    let mut put = |key: &str, value: Json| extensions.insert(key.to_owned(), value);
    match error {
        Error::Forbidden { field: Some(field) } | Error::NotFound { field: Some(field) } => {
            put("field", field.as_str().into());
        }
        Error::Invalid(violations) => {
            put("violations", violations.iter().take(MOST_VIOLATIONS).map(|wrong| violation(wrong, locale)).collect());
        }
        Error::Conflict(conflict) => {
            if let Some(version) = conflict.current_version {
                put("currentVersion", version.into());
            }
            if !conflict.current.is_null() {
                put("current", conflict.current.clone());
            }
            if !conflict.fields.is_empty() {
                put("fields", conflict.fields.clone().into());
            }
            if let Some(wrong) = &conflict.violation {
                put("violations", vec![violation(wrong, locale)].into());
            }
        }
        Error::CostLimit { what, limit } | Error::Crowded { what, limit } => {
            put("what", (*what).into());
            put("limit", (*limit).into());
        }
        Error::Timeout { what, limit } => {
            put("what", (*what).into());
            if let Some(limit) = limit {
                put("limit", (*limit).into());
            }
        }
        Error::RateLimited { what, limit, retry_after } => {
            put("what", (*what).into());
            if let Some(limit) = limit {
                put("limit", (*limit).into());
            }
            put("retryAfterSeconds", super::whole_seconds(*retry_after).into());
        }
        Error::Internal(id) => {
            put("errorId", id.to_string().into());
        }
        Error::Unauthenticated
        | Error::Forbidden { field: None }
        | Error::NotFound { field: None }
        | Error::Overloaded
        | Error::Collided
        | Error::KeyReused
        | Error::PersistedQueryNotFound
        | Error::Unavailable
        | Error::OutcomeUnknown
        | Error::InsufficientStorage => {}
    }
    extensions
}

fn violation(wrong: &Violation, locale: Locale) -> Json {
    json!({"field": wrong.field, "rule": wrong.rule, "message": locale.of(&wrong.message)})
}

fn field(path: &[PathSegment]) -> String {
    let named = path.iter().rev().find_map(|segment| match segment {
        PathSegment::Field(name) => Some(name.clone()),
        PathSegment::Index(_) => None,
    });
    named.unwrap_or_default()
}

/// What a scalar or input object says when it cannot read a value. None: the message is about something else, perhaps about our insides.
fn unread_input(message: &str) -> Option<Text> {
    if let Some(rest) = message.strip_prefix("Expected input type \"") {
        let expected = rest.split('"').next().unwrap_or_default();
        return Some(Text::new(format!("must be of type {expected}"), format!("类型必须为 {expected}")));
    }
    let (_, why) = message.strip_prefix("Failed to parse \"")?.split_once("\": ")?;
    let why = why.split(" (occurred while parsing").next().unwrap_or_default();
    let why = clip(why, MOST_QUOTED);
    Some(Text::new(why.clone(), format!("无法识别：{why}")))
}

/// A message of the executor without suggestions and without long values.
fn tidy(message: &str) -> String {
    let message = message.split(" Did you mean").next().unwrap_or_default();
    let parts: Vec<_> = message.split('"').map(|part| clip(part, MOST_QUOTED)).collect();
    clip(&parts.join("\""), MOST_MESSAGE)
}

fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
