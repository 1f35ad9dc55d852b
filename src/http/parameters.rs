//! What a request asks: query, variables and operation name, from a body or from a query string.

use std::time::Duration;

use async_graphql::Variables;
use axum::body::Body;
use axum::extract::Query;
use axum::http::Uri;
use futures::StreamExt;
use serde_json::{Map, Value as Json};

use crate::error::{Error, Violation};
use crate::graphql::persisted::Given;

/// What a request asks.
#[derive(Debug)]
pub struct Parameters {
    /// The document, or what names it.
    pub document: Given,
    /// Which operation of it.
    pub operation_name: Option<String>,
    /// Values of its variables.
    pub variables: Variables,
}

/// What a body asks.
#[derive(Debug)]
pub enum Asked {
    /// One request.
    One(Box<Parameters>),
    /// Several; of some, what is wrong with them.
    Batch(Vec<Result<Parameters, Error>>),
}

impl Asked {
    /// From the body of a POST, which may be a batch of up to `most_batch` requests: with 0, of none.
    pub fn from_body(body: &[u8], most_batch: usize) -> Result<Self, Error> {
        match serde_json::from_slice(body) {
            Ok(Json::Object(parameters)) => Parameters::from_map(parameters).map(|one| Self::One(Box::new(one))),
            Ok(Json::Array(_)) if most_batch == 0 => {
                Err(wrong("body", "batch", "must be one request; batches are not accepted", "只能是单个请求，不支持批量"))
            }
            Ok(Json::Array(requests)) if requests.is_empty() => {
                Err(wrong("body", "batch", "must hold at least one request", "至少包含一个请求"))
            }
            Ok(Json::Array(requests)) if requests.len() > most_batch => {
                Err(Error::CostLimit { what: "requests in a batch", limit: most_batch as u64 })
            }
            Ok(Json::Array(requests)) => {
                let read = |request| match request {
                    Json::Object(parameters) => Parameters::from_map(parameters),
                    _ => Err(no_object()),
                };
                Ok(Self::Batch(requests.into_iter().map(read).collect()))
            }
            Ok(_) | Err(_) => Err(no_object()),
        }
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than it may be.
    TooLarge,
    /// It did not come in time.
    TooSlow,
    /// The connection broke.
    Broken,
}

/// The whole body, unless it exceeds `most` bytes or takes longer than `within`.
pub async fn read(body: Body, most: usize, within: Duration) -> Result<Vec<u8>, Unread> {
    let reading = async {
        let mut whole = Vec::new();
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Unread::Broken)?;
            if whole.len().saturating_add(chunk.len()) > most {
                return Err(Unread::TooLarge);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    };
    tokio::time::timeout(within, reading).await.unwrap_or(Err(Unread::TooSlow))
}

impl Parameters {
    /// From the query string of a GET. Does it hold any parameter of GraphQL at all? None: no.
    pub fn from_query_string(uri: &Uri) -> Result<Option<Self>, Error> {
        let unread = || wrong("query", "form", "the query string cannot be read", "无法解析查询字符串");
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| unread())?;
        let mut parameters = Map::new();
        for (name, text) in pairs {
            let value = match name.as_str() {
                "query" | "operationName" | "documentId" | "doc_id" => Json::String(text),
                "variables" | "extensions" if text.is_empty() => Json::Null,
                "variables" | "extensions" => match serde_json::from_str(&text) {
                    Ok(value) => value,
                    Err(_) => return Err(wrong(&name, "form", "must be a JSON object", "必须是 JSON 对象")),
                },
                _ => continue,
            };
            if parameters.insert(name.clone(), value).is_some() {
                return Err(wrong(&name, "form", "must be given once", "只能出现一次"));
            }
        }
        if parameters.is_empty() { Ok(None) } else { Self::from_map(parameters).map(Some) }
    }

    fn from_map(mut parameters: Map<String, Json>) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let document = Given::take(&mut parameters, &mut faults);
        let mut fault = |field: &str, rule, en, zh| faults.push(Violation::new(field, rule, en, zh));
        let operation_name = match parameters.remove("operationName") {
            Some(Json::String(name)) => Some(name).filter(|name| !name.is_empty()),
            None | Some(Json::Null) => None,
            Some(_) => {
                fault("operationName", "type", "must be a string", "必须是字符串");
                None
            }
        };
        let variables = match parameters.remove("variables") {
            Some(variables @ Json::Object(_)) => Variables::from_json(variables),
            None | Some(Json::Null) => Variables::default(),
            Some(_) => {
                fault("variables", "type", "must be an object", "必须是对象");
                Variables::default()
            }
        };
        if !matches!(parameters.remove("extensions"), None | Some(Json::Null | Json::Object(_))) {
            fault("extensions", "type", "must be an object", "必须是对象");
        }
        Error::unless_empty(faults)?;
        Ok(Self { document, operation_name, variables })
    }
}

fn no_object() -> Error {
    wrong("body", "form", "must be a JSON object", "必须是 JSON 对象")
}

fn wrong(field: &str, rule: &'static str, en: &str, zh: &str) -> Error {
    Error::invalid(Violation::new(field, rule, en, zh))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(body: &str) -> Vec<(String, &'static str)> {
        match Asked::from_body(body.as_bytes(), 0) {
            Err(Error::Invalid(faults)) => faults.into_iter().map(|wrong| (wrong.field, wrong.rule)).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn one(body: &str) -> Parameters {
        match Asked::from_body(body.as_bytes(), 0) {
            Ok(Asked::One(read)) => *read,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_body_holds_one_request() {
        let body = r#"{"query": "{ a }", "operationName": "A", "variables": {"x": [1, null]}, "extensions": {}, "other": 1}"#;
        let read = one(body);
        assert_eq!((read.document.text.as_deref().unwrap(), read.operation_name.as_deref()), ("{ a }", Some("A")));
        assert_eq!(read.variables.to_string(), "{x: [1, null]}");
        let nulls = r#"{"query": "{ a }", "operationName": null, "variables": null, "extensions": null}"#;
        assert!(one(nulls).operation_name.is_none());
    }

    #[test]
    fn what_is_wrong_is_told_all_at_once() {
        assert_eq!(faults(r#"[{"query": "{ a }"}]"#), [("body".to_owned(), "batch")]);
        for body in ["", "{", "1", "\u{feff}{}", &"[".repeat(10_000)] {
            assert_eq!(faults(body), [("body".to_owned(), "form")]);
        }
        assert_eq!(faults("{}"), [("query".to_owned(), "required")]);
        let all: Vec<_> = faults(r#"{"query": 1, "operationName": [], "variables": "{}", "extensions": false}"#);
        assert_eq!(all.len(), 4);
        assert!(all.iter().all(|(_, rule)| *rule == "type"));
    }

    #[test]
    fn a_query_string_holds_one_too() {
        let uri = |text: &str| Parameters::from_query_string(&text.parse().unwrap());
        let read = uri("/graphql?query=%7Ba%7D&operationName=A&variables=%7B%22x%22%3A1%7D").unwrap().unwrap();
        assert_eq!((read.document.text.as_deref().unwrap(), read.operation_name.as_deref()), ("{a}", Some("A")));
        assert_eq!(read.variables.to_string(), "{x: 1}");
        assert!(uri("/graphql").unwrap().is_none());
        assert!(uri("/graphql?utm=1").unwrap().is_none());
        assert!(uri("/graphql?query=%7Ba%7D&variables=&operationName=").unwrap().unwrap().operation_name.is_none());
        assert!(uri("/graphql?variables=%7B%7D").is_err());
        assert!(uri("/graphql?query=a&variables=%5B1%5D").is_err());
        assert!(uri("/graphql?query=a&variables=%7B").is_err());
        assert!(uri("/graphql?query=a&query=b").is_err());
    }

    #[tokio::test]
    async fn a_body_is_read_within_its_limits() {
        let second = Duration::from_secs(1);
        assert_eq!(read(Body::from("12345"), 5, second).await.unwrap(), b"12345");
        assert_eq!(read(Body::from("123456"), 5, second).await, Err(Unread::TooLarge));
        let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        assert_eq!(read(never, 5, Duration::from_millis(10)).await, Err(Unread::TooSlow));
    }
}
