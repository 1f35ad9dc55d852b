use std::time::{Duration, Instant};

use async_graphql::parser::parse_query;
use serde_json::json;

use super::*;
use crate::error::Error;

const SDL: &str = "type Q { a: Q, b: Q, x: Q, name: Q, id: Q, d(first: Int, last: Int): C @listSize(assumedSize: 20, \
        slicingArguments: [\"first\", \"last\"], sizedFields: [\"nodes\", \"edges\"], requireOneSlicingArgument: false)
        c(first: Int, last: Int): C @listSize(assumedSize: 20, slicingArguments: [\"first\", \"last\"], sizedFields: \
        [\"nodes\", \"edges\"], requireOneSlicingArgument: false)
        nodes(ids: [ID!]!): [Q]! @listSize(slicingArguments: [\"ids\"])
        some: [Q] @listSize(assumedSize: 5), any: [Q]
        preview: Q @cost(weight: \"20000\") }
    type C { totalCount: Q, nodes: [Q], edges: [E] }
    type E { node: Q }
    type Mutation { a: Q }
    schema { query: Q, mutation: Mutation }";

fn prices() -> Prices {
    Prices::try_new(SDL).unwrap()
}

fn with(text: &str, name: Option<&str>, variables: serde_json::Value) -> Result<Analysis, Refusal> {
    analyse(&parse_query(text).unwrap(), name, &Variables::from_json(variables), &Limits::default(), &prices()).analysis
}

fn cost(text: &str) -> u64 {
    with(text, None, json!({})).unwrap().cost
}

fn refused(text: &str) -> &'static str {
    match with(text, None, json!({})) {
        Err(Refusal::TooMuch(Error::CostLimit { what, .. })) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_page_multiplies_what_stands_below_nodes_and_edges() {
    assert_eq!(cost("{ a }"), 1);
    assert_eq!(cost("{ a { b c } }"), 3);
    assert_eq!(cost("{ c(first: 10) { totalCount nodes { a b } } }"), 1 + 2 + 10 * 2);
    assert_eq!(cost("{ c(last: 10) { edges { node { a } } } }"), 1 + 1 + 10 * 2);
    assert_eq!(cost("{ c { nodes { a } } }"), 1 + 1 + 20);
    assert_eq!(cost("{ c(first: 100000) { nodes { a } } }"), 1 + 1 + 100);
    assert_eq!(cost("{ c(first: 99999999999999999999) { nodes { a } } }"), 1 + 1 + 100);
    assert_eq!(cost("{ c(first: -1) { nodes { a } } }"), 2);
    assert_eq!(cost("{ c(first: 10) { nodes { d(first: 5) { nodes { a } } } } }"), 2 + 10 * (2 + 5));
}

#[test]
fn lists_count_as_often_as_the_schema_says() {
    assert_eq!(cost("{ some { a b } }"), 1 + 5 * 2);
    assert_eq!(cost("{ any { a b } }"), 1 + 2);
    assert_eq!(cost("{ some { some { some { a } } } }"), 1 + 5 * (1 + 5 * (1 + 5)));
    assert_eq!(cost("{ nodes(ids: 1) { id } }"), 2);
}

#[test]
fn rows_are_counted_apart() {
    let nodes = |text: &str| with(text, None, json!({})).unwrap().nodes;
    assert_eq!(nodes("{ a { b { x } } }"), 0);
    assert_eq!(nodes("{ c(first: 10) { totalCount nodes { a b } } }"), 10);
    assert_eq!(nodes("{ c(first: 10) { edges { node { a } } nodes { b } } }"), 20);
    assert_eq!(nodes("{ c(first: 10) { nodes { ...D } } } fragment D on Q { d(first: 5) { nodes { a } } some { a } }"), 10 * (1 + 5 + 5));
    assert_eq!(nodes("{ nodes(ids: [1, 2, 3]) { id } any { a } }"), 3 + 1);
    let many = |at: usize| format!("a{at}: c(first: 100) {{ nodes {{ d(first: 100) {{ nodes {{ id }} }} }} }} ");
    assert_eq!(refused(&format!("{{ {} }}", (0..3).map(many).collect::<String>())), "nodes");
}

#[test]
fn fragments_carry_the_page_of_where_they_are_spread() {
    let text = "{ x: c(first: 10) { ...P } y: c(first: 3) { ...P } } fragment P on C { nodes { a } }";
    assert_eq!(cost(text), 2 * (1 + 1 + 1) + 10 + 3);
    assert_eq!(cost("{ c(first: 10) { ... on C { nodes { a } } } }"), 1 + 1 + 1 + 10);
}

#[test]
fn variables_count_by_value_then_default_then_the_usual_page() {
    let text = "query($n: Int = 7) { c(first: $n) { nodes { a } } }";
    assert_eq!(with(text, None, json!({"n": 3})).unwrap().cost, 5);
    assert_eq!(with(text, None, json!({})).unwrap().cost, 9);
    assert_eq!(with("query($n: Int) { c(first: $n) { nodes { a } } }", None, json!({})).unwrap().cost, 22);
    let ids = "query($i: [ID!]!) { nodes(ids: $i) { id name } }";
    assert_eq!(with(ids, None, json!({"i": ["a", "b", "c"]})).unwrap().cost, 1 + 3 * 2);
    assert_eq!(cost("{ nodes(ids: [1, 2]) { id } }"), 3);
}

#[test]
fn too_much_is_refused_by_name() {
    assert_eq!(refused("{ c(first: 100) { nodes { d(first: 100) { nodes { c(first: 100) { nodes { a } } } } } } }"), "points of cost");
    let aliases = |n: usize| (0..n).map(|i| format!("a{i}: x ")).collect::<String>();
    assert_eq!(refused(&format!("{{ {} }}", aliases(201))), "aliases");
    assert_eq!(refused(&format!("{{ a {{ ...F ...F }} }} fragment F on A {{ {} }}", aliases(101))), "aliases");
    assert_eq!(refused(&format!("{{ {} }}", aliases(51))), "root fields");
    assert_eq!(refused(&format!("{{ ...F }} fragment F on Q {{ {} }}", aliases(51))), "root fields");
    assert!(with(&format!("{{ {} }}", aliases(50)), None, json!({})).is_ok());
    assert_eq!(refused(&format!("{{ a {} }}", "@skip(if: false) ".repeat(101))), "directives");
    assert_eq!(refused(&format!("query Q {} {{ a }}", "@d ".repeat(101))), "directives");
    let deep = |n: usize| format!("{{ {}a{} }}", "a { ".repeat(n - 1), " }".repeat(n - 1));
    assert!(with(&deep(15), None, json!({})).is_ok());
    assert_eq!(refused(&deep(16)), "levels of depth");
}

#[test]
fn a_rehearsal_is_dear() {
    assert_eq!(cost("{ preview { name } a }"), 20_000 + 1 + 1);
    assert_eq!(refused("{ a: preview { b } b: preview { b } c: preview { b } }"), "points of cost");
}

#[test]
fn depth_below_schema_does_not_count_and_nothing_hides_beside_it() {
    let deep = format!("{}a{}", "a { ".repeat(20), " }".repeat(20));
    let found = with(&format!("{{ __schema {{ {deep} }} }}"), None, json!({})).unwrap();
    assert!(found.introspects);
    assert_eq!(refused(&format!("{{ __schema {{ a }} {deep} }}")), "levels of depth");
}

#[test]
fn tells_what_the_selected_operation_is() {
    let text = "query A { a } mutation B { b c } query C { ...F } fragment F on Q { ... { __type(name: \"X\") { name } } }";
    let a = with(text, Some("A"), json!({})).unwrap();
    assert_eq!((a.kind, a.introspects, a.name.as_deref()), (Some(OperationType::Query), false, Some("A")));
    let b = with(text, Some("B"), json!({})).unwrap();
    assert_eq!((b.kind, b.root_fields), (Some(OperationType::Mutation), 2));
    assert!(with(text, Some("C"), json!({})).unwrap().introspects);
    for nothing in [None, Some("D")] {
        assert_eq!(with(text, nothing, json!({})).unwrap().kind, None);
    }
    assert_eq!(with("{ a }", Some("A"), json!({})).unwrap().kind, None);
    assert_eq!(with("{ __typename }", None, json!({})).map(|found| found.introspects), Ok(false));
}

#[test]
fn circles_are_refused_and_unknown_fragments_left_to_validation() {
    for text in [
        "{ ...A } fragment A on Q { ...A }",
        "{ ...A } fragment A on Q { ...B } fragment B on Q { a { ...A } }",
        "{ a } fragment A on Q { ...B ...B } fragment B on Q { ...A ...A }",
    ] {
        assert!(matches!(with(text, None, json!({})), Err(Refusal::Cycle { .. })), "{text}");
    }
    assert_eq!(with("{ ...Unknown }", None, json!({})).unwrap().cost, 1);
    let twice = "{ ...A ...B } fragment A on Q { ...C } fragment B on Q { ...C } fragment C on Q { a }";
    assert_eq!(cost(twice), 2 * (1 + 1 + 1));
}

#[test]
fn a_long_chain_of_fragments_takes_no_stack() {
    let chain: String = (0..1_500).map(|i| format!("fragment F{i} on Q {{ ...F{} }} ", i + 1)).collect();
    let text = format!("{{ ...F0 }} {chain} fragment F1500 on Q {{ a }}");
    let on_a_small_stack = move || {
        let document = parse_query(&text).unwrap();
        analyse(&document, None, &Variables::default(), &Limits { selections: u64::MAX, ..Limits::default() }, &prices())
            .analysis
            .unwrap()
            .cost
    };
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(on_a_small_stack).unwrap();
    assert_eq!(thread.join().unwrap(), 1_502);
}

#[test]
fn doubling_and_wide_fragments_are_answered_at_once() {
    let doubling: String = (0..30).map(|i| format!("fragment F{i} on Q {{ ...F{0} ...F{0} }} ", i + 1)).collect();
    let spreads = |i: usize| format!("...W{} ", i + 1).repeat(20);
    let wide: String = (0..5).map(|i| format!("fragment W{i} on Q {{ {} }} ", spreads(i))).collect();
    let unused = format!("{{ a }} {doubling} fragment F30 on Q {{ a }}");
    for text in
        [format!("{{ ...F0 }} {doubling} fragment F30 on Q {{ a }}"), format!("{{ ...W0 }} {wide} fragment W5 on Q {{ a }}"), unused]
    {
        let document = parse_query(&text).unwrap();
        let started = Instant::now();
        let found = analyse(&document, None, &Variables::default(), &Limits::default(), &prices());
        assert!(matches!(found.analysis, Err(Refusal::TooMuch(Error::CostLimit { what: "expanded selections", .. }))), "{found:?}");
        // Walking what is spread out, a thousand million selections, would not end here.
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }
}
