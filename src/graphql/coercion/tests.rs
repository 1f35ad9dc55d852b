use async_graphql::parser::parse_query;
use serde_json::json;

use super::*;

const SDL: &str = "enum Class { USER }
    input Nested { day: Date, class: Class }
    input Input { name: String!, many: [Int!], nested: Nested, plain: Boolean! = true }
    scalar Date
    type Query { read(first: Int, id: ID!): Query  deep: Query }
    type Mutation { write(input: Input!): Query }";

fn faults(query: &str, variables: serde_json::Value) -> Vec<(String, &'static str)> {
    let types = InputTypes::try_new(SDL).unwrap();
    let document = parse_query(query).unwrap();
    match types.check(&types.places(&document, None), &document, None, &Variables::from_json(variables)) {
        Ok(()) => Vec::new(),
        Err(Error::Invalid(wrong)) => wrong.into_iter().map(|wrong| (wrong.field, wrong.rule)).collect(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_variable_is_named_by_where_it_goes() {
    let query = "mutation($v: Input!) { write(input: $v) { deep { __typename } } }";
    assert_eq!(faults(query, json!({})), [("input".to_owned(), "required")]);
    assert_eq!(faults(query, json!({ "v": { "many": [1, "x", 3_000_000_000_u64] } })).len(), 3);
    let wrong = faults(query, json!({ "v": { "name": "a", "nested": { "day": "2024-13-45", "class": "VIP" }, "other": 1 } }));
    assert_eq!(wrong, [("input.nested.class".to_owned(), "type"), ("input.nested.day".to_owned(), "type"), ("input".to_owned(), "type")]);
    assert_eq!(faults(query, json!({ "v": { "name": "a", "many": 1, "nested": null } })), []);
}

#[test]
fn a_variable_is_of_the_type_of_its_place() {
    for (declared, fits) in [("String!", true), ("String", false), ("[String!]!", false), ("Int!", false), ("String = \"a\"", true)] {
        let query = format!("mutation($n: {declared}) {{ write(input: {{ name: $n }}) {{ deep {{ __typename }} }} }}");
        let given = if declared.starts_with('[') {
            json!(["a"])
        } else if declared == "Int!" {
            json!(1)
        } else {
            json!("a")
        };
        let found = faults(&query, json!({ "n": given }));
        assert_eq!(found, if fits { vec![] } else { vec![("input.name".to_owned(), "type")] }, "{declared}");
    }
    let lists = |declared: &str| {
        let query = format!("mutation($n: {declared}) {{ write(input: {{ name: \"a\", many: $n }}) {{ deep {{ __typename }} }} }}");
        faults(&query, json!({ "n": [1] })).is_empty()
    };
    assert!(lists("[Int!]") && lists("[Int!]!") && !lists("[Int]") && !lists("[String!]"));
    let plain = "mutation($b: Boolean) { write(input: { name: \"a\", plain: $b }) { deep { __typename } } }";
    assert_eq!(faults(plain, json!({})), [], "a place with a default takes what may be missing");
    assert_eq!(faults(plain, json!({ "b": null })), [("input.plain".to_owned(), "required")], "and no null");
    let default = "mutation($n: String = \"a\") { write(input: { name: $n }) { deep { __typename } } }";
    assert_eq!(faults(default, json!({ "n": null })), [("input.name".to_owned(), "required")]);
}

#[test]
fn each_operation_has_variables_of_its_own() {
    let types = InputTypes::try_new(SDL).unwrap();
    let document =
        parse_query("query A($x: ID!) { read(id: $x) { __typename } } query B($x: Int) { read(id: 1, first: $x) { __typename } }");
    let document = document.unwrap();
    for (operation, given) in [("A", json!({ "x": "id" })), ("B", json!({ "x": 3 }))] {
        let places = types.places(&document, Some(operation));
        assert!(types.check(&places, &document, Some(operation), &Variables::from_json(given)).is_ok(), "{operation}");
    }
}

#[test]
fn literals_are_checked_through_fragments() {
    assert_eq!(
        faults("{ ...F } fragment F on Query { deep { read(first: 3000000000, id: 7) { __typename } } }", json!({})),
        [("first".to_owned(), "type")]
    );
    assert_eq!(faults("query($i: ID!) { read(id: $i) { __typename } }", json!({ "i": null })), [("id".to_owned(), "required")]);
    assert_eq!(faults("query($i: ID = \"x\", $n: Int) { read(id: $i, first: $n) { __typename } }", json!({})), []);
}
