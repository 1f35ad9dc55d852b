use std::sync::Arc;

use async_graphql::{PathSegment, Pos, ServerError};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::error::{Conflict, Violation};

fn json_of(answer: &Answer) -> Json {
    serde_json::from_slice(&answer.body).unwrap()
}

fn failed(source: Error) -> ServerError {
    let mut error = async_graphql::Error::from(source).into_server_error(Pos { line: 1, column: 3 });
    error.path = vec![PathSegment::Field("customers".to_owned()), PathSegment::Index(2)];
    error
}

fn answer(errors: Vec<ServerError>) -> Answer {
    Answer::of_response(&Response::from_errors(errors), Locale::En, true, &Limits::default())
}

fn first(error: ServerError) -> Json {
    json_of(&answer(vec![error]))["errors"][0].clone()
}

#[test]
fn an_error_of_a_resolver_keeps_place_path_and_code() {
    let answer = answer(vec![failed(Error::not_found_field("input.owner"))]);
    assert_eq!(answer.stage, Stage::Executed { errors: true });
    assert_eq!(answer.codes, ["NOT_FOUND"]);
    assert_eq!(
        json_of(&answer),
        json!({"errors": [{
            "message": "input.owner leads to nothing that you can see",
            "locations": [{"line": 1, "column": 3}],
            "path": ["customers", 2],
            "extensions": {"code": "NOT_FOUND", "field": "input.owner"},
        }], "data": null})
    );
}

#[test]
fn extensions_are_those_of_the_contract() {
    let extensions = |error: Error| first(failed(error))["extensions"].clone();
    let wrong = Violation::required("input.name");
    assert_eq!(
        extensions(Error::invalid(wrong.clone())),
        json!({"code": "BAD_USER_INPUT", "violations": [{"field": "input.name", "rule": "required", "message": "must not be empty"}]})
    );
    let conflict = Conflict { current_version: Some(7), current: json!({"name": "A"}), fields: vec!["name".to_owned()], violation: None };
    assert_eq!(
        extensions(Error::Conflict(Box::new(conflict))),
        json!({"code": "CONFLICT", "currentVersion": 7, "current": {"name": "A"}, "fields": ["name"]})
    );
    assert_eq!(
        extensions(Error::taken("input.username")),
        json!({"code": "CONFLICT", "fields": ["input.username"],
            "violations": [{"field": "input.username", "rule": "unique", "message": "is already in use"}]})
    );
    assert_eq!(extensions(Error::forbidden()), json!({"code": "FORBIDDEN"}));
    assert_eq!(
        extensions(Error::RateLimited { what: "tries", limit: Some(3), retry_after: Duration::from_millis(1_200) }),
        json!({"code": "RATE_LIMITED", "what": "tries", "limit": 3, "retryAfterSeconds": 2})
    );
    assert_eq!(
        extensions(Error::CostLimit { what: "aliases", limit: 200 }),
        json!({"code": "COST_LIMIT_EXCEEDED", "what": "aliases", "limit": 200})
    );
    let id = Uuid::from_u128(7);
    assert_eq!(extensions(Error::Internal(id)), json!({"code": "INTERNAL_SERVER_ERROR", "errorId": id.to_string()}));
}

#[test]
fn messages_follow_the_locale_and_codes_do_not() {
    let response = Response::from_errors(vec![failed(Error::invalid(Violation::required("input.name")))]);
    let said = json_of(&Answer::of_response(&response, Locale::ZhCn, true, &Limits::default()));
    assert_eq!(said["errors"][0]["message"], "input.name 不能为空");
    assert_eq!(said["errors"][0]["extensions"]["violations"][0]["message"], "不能为空");
    assert_eq!(said["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

#[test]
fn a_request_error_has_no_data_and_its_stage() {
    let unknown = ServerError::new("Unknown field \"nam\" on type \"Query\". Did you mean \"name\"?", Some(Pos { line: 1, column: 2 }));
    let answer = answer(vec![unknown]);
    assert_eq!(answer.stage, Stage::Validation);
    assert_eq!(
        json_of(&answer),
        json!({"errors": [{
            "message": "Unknown field \"nam\" on type \"Query\".",
            "locations": [{"line": 1, "column": 2}],
            "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
        }]})
    );
    let malformed = Refusal::Malformed { at: vec![], why: Text::new("expected a name", "应为名称") };
    let answer = Answer::of_refusal(&malformed, Locale::En);
    assert_eq!((answer.stage, answer.codes.as_slice()), (Stage::Syntax, ["GRAPHQL_PARSE_FAILED"].as_slice()));
    assert!(json_of(&answer).get("data").is_none());
    let overloaded = Answer::of_error(&Error::Overloaded, Locale::En);
    assert_eq!((overloaded.stage, overloaded.retry_after), (Stage::Refused(503), Some(Duration::from_secs(1))));
    assert!(json_of(&overloaded).get("data").is_none());
}

#[test]
fn data_stays_beside_errors() {
    let mut response = Response::new(Value::from_json(json!({"a": 1, "b": null})).unwrap());
    assert_eq!(json_of(&Answer::of_response(&response, Locale::En, true, &Limits::default())), json!({"data": {"a": 1, "b": null}}));
    response.errors.push(failed(Error::forbidden()));
    let answer = Answer::of_response(&response, Locale::En, true, &Limits::default());
    assert_eq!(answer.stage, Stage::Executed { errors: true });
    assert_eq!(json_of(&answer)["data"], json!({"a": 1, "b": null}));
}

#[test]
fn an_input_that_cannot_be_read_is_the_callers_and_is_not_echoed() {
    let at_path = |message: &str| ServerError { path: vec![PathSegment::Field("customer".to_owned())], ..ServerError::new(message, None) };
    let error = first(at_path("Expected input type \"Int\", found \"Shi Yan\"."));
    let violations = json!([{"field": "customer", "rule": "type", "message": "must be of type Int"}]);
    assert_eq!(error["extensions"], json!({"code": "BAD_USER_INPUT", "violations": violations}));
    let long = "x".repeat(10_000);
    let error = first(at_path(&format!("Failed to parse \"Date\": {long} is no date (occurred while parsing \"Input\")")));
    let said = error["extensions"]["violations"][0]["message"].as_str().unwrap();
    assert!(said.starts_with("xxx") && said.chars().count() <= 101, "{said}");
    let invalid = first(ServerError::new(format!("Invalid value \"{long}\""), None)).to_string();
    assert!(!invalid.contains(&long[..101]) && invalid.contains(&long[..90]), "{invalid}");
}

#[test]
fn our_insides_stay_inside() {
    let insides = "Data `branchwise::db::Scoped` does not exist.";
    let bare = ServerError { path: vec![PathSegment::Field("a".to_owned())], ..ServerError::new(insides, None) };
    let foreign = ServerError { source: Some(Arc::new(std::fmt::Error)), ..ServerError::new(insides, None) };
    for error in [bare, foreign] {
        let said = first(error);
        assert_eq!(said["extensions"]["code"], "INTERNAL_SERVER_ERROR");
        assert!(said["extensions"]["errorId"].is_string());
        assert!(!said.to_string().contains("branchwise"), "{said}");
    }
}

#[test]
fn errors_are_cut_by_number_and_size() {
    let many = answer((0..20_000).map(|_| ServerError::new("Unknown field", None)).collect());
    let told = json_of(&many)["errors"].as_array().unwrap().clone();
    assert_eq!(told.len(), 51);
    assert_eq!(told[50]["extensions"], json!({"code": "COST_LIMIT_EXCEEDED", "what": "errors", "limit": 50}));
    assert_eq!(many.codes, ["GRAPHQL_VALIDATION_FAILED", "COST_LIMIT_EXCEEDED"]);
    let enough = answer((0..50).map(|_| ServerError::new("Unknown field", None)).collect());
    assert_eq!((json_of(&enough)["errors"].as_array().unwrap().len(), enough.codes.len()), (50, 1));
    let large = Error::Invalid(vec![Violation::form("f", "x".repeat(40_000), "x"); 1]);
    let few = answer((0..40).map(|_| failed(large.clone())).collect());
    assert!(few.body.len() < 200_000, "{}", few.body.len());
    let told = json_of(&few)["errors"].as_array().unwrap().clone();
    assert_eq!(told.len(), 2);
    assert_eq!((&told[1]["extensions"]["what"], &told[1]["extensions"]["limit"]), (&json!("bytes of errors"), &json!(60 * 1024)));
}

#[test]
fn an_answer_to_a_query_is_bounded_and_to_a_mutation_told() {
    let limits = Limits { answer_bytes: 1_000, ..Limits::default() };
    let of = |bytes: usize, is_query| {
        let response = Response::new(Value::from_json(json!({"a": "x".repeat(bytes)})).unwrap());
        Answer::of_response(&response, Locale::En, is_query, &limits)
    };
    assert!(of(900, true).codes.is_empty());
    let refused = of(1_000, true);
    assert_eq!(
        json_of(&refused)["errors"][0]["extensions"],
        json!({"code": "COST_LIMIT_EXCEEDED", "what": "bytes of answer", "limit": 1_000})
    );
    assert_eq!(refused.codes, ["COST_LIMIT_EXCEEDED"]);
    assert!(refused.body.len() < 1_000);
    assert!(of(1_000, false).body.len() > 1_000);
}
