//! The pass before validation: what the selected operation costs, and how large the document is with its fragments written out. Each
//! fragment is measured once, so that the time is linear in the document, however often it is spread.
//!
//! The cost of a selection set is the linear form `own + page size * paged`: `nodes` and `edges` are paid for each item of the page, and
//! the page size is only known at the field around them. That field turns it into a number.

use std::cell::Cell;
use std::collections::HashMap;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Number, Value, Variables};

use super::fragments::inner_first;
use super::{Limits, Refusal};

/// What a page counts for when nothing says how long it is; the page size that resolvers default to.
const DEFAULT_PAGE: u64 = 20;
/// The most that resolvers allow.
const MOST_PAGE: u64 = 100;

/// What the analysis found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// What the operation does; none: no operation can be selected, which validation refuses.
    pub kind: Option<OperationType>,
    /// Its name in the document.
    pub name: Option<String>,
    /// Does it select `__schema` or `__type`?
    pub introspects: bool,
    /// How many fields it has at the root.
    pub root_fields: u64,
    /// What it costs.
    pub cost: u64,
}

/// What was found, and for which requests it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What was found. Errors: what exceeds the limits, and fragments that contain themselves.
    pub analysis: Result<Analysis, Refusal>,
    /// No variable had a say: it holds for every request with this document and operation.
    pub always: bool,
}

/// Measures a document.
pub fn analyse(document: &ExecutableDocument, operation_name: Option<&str>, variables: &Variables, limits: &Limits) -> Found {
    let selected = select(&document.operations, operation_name);
    let operation = selected.map(|(_, operation)| operation);
    let mut meter = Meter { variables, operation, done: HashMap::new(), asked_variables: Cell::new(false) };
    let analysis = measured(document, selected, &mut meter, limits);
    Found { analysis, always: !meter.asked_variables.get() }
}

fn measured<'a>(
    document: &'a ExecutableDocument,
    selected: Option<(Option<&Name>, &OperationDefinition)>,
    meter: &mut Meter<'a>,
    limits: &Limits,
) -> Result<Analysis, Refusal> {
    for name in inner_first(document)? {
        if let Some(fragment) = document.fragments.get(name) {
            let mut measure = meter.set(&fragment.node.selection_set.node);
            measure.directives = measure.directives.saturating_add(fragment.node.directives.len() as u64);
            meter.done.insert(name, measure);
        }
    }
    let within = |found: u64, limit: u64, what| if found > limit { Err(Refusal::too_much(what, limit)) } else { Ok(()) };
    let operations = document.operations.iter().map(|(_, operation)| meter.set(&operation.node.selection_set.node).selections);
    within(operations.fold(0, u64::saturating_add), limits.selections, "expanded selections")?;
    // Validation looks into fragments that nothing spreads as well.
    let fragments = meter.done.values().map(|fragment| fragment.selections);
    within(fragments.fold(0, u64::saturating_add), limits.selections, "expanded selections")?;
    let Some((name, operation)) = selected else {
        return Ok(Analysis { kind: None, name: None, introspects: false, root_fields: 0, cost: 0 });
    };
    let measure = meter.set(&operation.selection_set.node);
    let on_variables: usize = operation.variable_definitions.iter().map(|variable| variable.node.directives.len()).sum();
    let directives = measure.directives.saturating_add((operation.directives.len() + on_variables) as u64);
    let cost = measure.whole(MOST_PAGE);
    within(measure.depth, limits.depth, "levels of depth")?;
    within(measure.aliases, limits.aliases, "aliases")?;
    within(directives, limits.directives, "directives")?;
    within(measure.root_fields, limits.root_fields, "root fields")?;
    within(cost, limits.cost, "points of cost")?;
    Ok(Analysis {
        kind: Some(operation.ty),
        name: name.map(|name| name.to_string()),
        introspects: measure.introspects,
        root_fields: measure.root_fields,
        cost,
    })
}

/// Chooses as the executor does.
fn select<'a>(operations: &'a DocumentOperations, wanted: Option<&str>) -> Option<(Option<&'a Name>, &'a OperationDefinition)> {
    match (operations, wanted) {
        (DocumentOperations::Single(operation), None) => Some((None, &operation.node)),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(all), Some(wanted)) => {
            all.get_key_value(wanted).map(|(name, operation)| (Some(name), &operation.node))
        }
        (DocumentOperations::Multiple(all), None) => {
            let mut all = all.iter();
            let first = all.next().map(|(name, operation)| (Some(name), &operation.node));
            if all.next().is_some() { None } else { first }
        }
    }
}

/// A selection set, fragments written out.
#[derive(Clone, Copy, Default)]
struct Measure {
    own: u64,
    paged: u64,
    selections: u64,
    depth: u64,
    aliases: u64,
    directives: u64,
    root_fields: u64,
    introspects: bool,
}

impl Measure {
    fn add(&mut self, other: Self) {
        self.own = self.own.saturating_add(other.own);
        self.paged = self.paged.saturating_add(other.paged);
        self.selections = self.selections.saturating_add(other.selections);
        self.depth = self.depth.max(other.depth);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.root_fields = self.root_fields.saturating_add(other.root_fields);
        self.introspects |= other.introspects;
    }

    fn whole(self, page: u64) -> u64 {
        self.own.saturating_add(self.paged.saturating_mul(page))
    }

    /// A spread or inline fragment around this.
    fn wrapped(mut self, directives: usize) -> Self {
        self.own = self.own.saturating_add(1);
        self.selections = self.selections.saturating_add(1);
        self.directives = self.directives.saturating_add(directives as u64);
        self
    }
}

struct Meter<'a> {
    variables: &'a Variables,
    operation: Option<&'a OperationDefinition>,
    done: HashMap<&'a str, Measure>,
    asked_variables: Cell<bool>,
}

impl<'a> Meter<'a> {
    /// Descends with the selection sets, of which the parser allows 64, never through a spread.
    fn set(&self, set: &SelectionSet) -> Measure {
        let mut sum = Measure::default();
        for selection in &set.items {
            sum.add(match &selection.node {
                Selection::Field(field) => self.field(&field.node),
                Selection::FragmentSpread(spread) => {
                    let fragment = self.done.get(spread.node.fragment_name.node.as_str()).copied().unwrap_or_default();
                    fragment.wrapped(spread.node.directives.len())
                }
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set.node).wrapped(inline.node.directives.len()),
            });
        }
        sum
    }

    fn field(&self, field: &Field) -> Measure {
        let name = field.name.node.as_str();
        let inner = self.set(&field.selection_set.node);
        let (own, paged) = match (name, self.argument(field, "ids")) {
            ("nodes", Some(ids)) => (length(&ids).saturating_mul(inner.whole(MOST_PAGE)).saturating_add(1), 0),
            ("nodes" | "edges", _) => (1, inner.whole(MOST_PAGE)),
            _ => (inner.whole(self.page(field)).saturating_add(1), 0),
        };
        let meta = name == "__schema" || name == "__type";
        Measure {
            own,
            paged,
            selections: inner.selections.saturating_add(1),
            depth: if meta { 1 } else { inner.depth.saturating_add(1) },
            aliases: inner.aliases.saturating_add(u64::from(field.alias.is_some())),
            directives: inner.directives.saturating_add(field.directives.len() as u64),
            root_fields: 1,
            introspects: meta,
        }
    }

    /// The page size that a field asks for.
    fn page(&self, field: &Field) -> u64 {
        let asked = ["first", "last"].into_iter().filter_map(|name| match self.argument(field, name)? {
            Value::Number(number) => Some(clamp(&number)),
            _ => None,
        });
        asked.max().unwrap_or(DEFAULT_PAGE)
    }

    /// An argument with its variables put in; one that is not given is null.
    fn argument(&self, field: &Field, name: &str) -> Option<Value> {
        let value = field.get_argument(name)?.node.clone();
        value.into_const_with(|name| Ok::<_, ()>(self.variable(&name).cloned().unwrap_or_default())).ok()
    }

    fn variable(&self, name: &Name) -> Option<&Value> {
        self.asked_variables.set(true);
        let default = || {
            let definition = self.operation?.variable_definitions.iter().find(|definition| definition.node.name.node == *name)?;
            definition.node.default_value.as_ref().map(|value| &value.node)
        };
        self.variables.get(name).or_else(default)
    }
}

/// How many ids a value holds; one that is no list counts as a list of it.
fn length(ids: &Value) -> u64 {
    match ids {
        Value::List(ids) => ids.len() as u64,
        _ => 1,
    }
}

fn clamp(number: &Number) -> u64 {
    match number.as_i64() {
        Some(asked) => u64::try_from(asked).unwrap_or_default().min(MOST_PAGE),
        None => MOST_PAGE,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;
    use crate::error::Error;

    fn with(text: &str, name: Option<&str>, variables: serde_json::Value) -> Result<Analysis, Refusal> {
        analyse(&parse_query(text).unwrap(), name, &Variables::from_json(variables), &Limits::default()).analysis
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
        assert_eq!(refused("{ a(first: 100) { nodes { b(first: 100) { nodes { c(first: 100) { nodes { d } } } } } } }"), "points of cost");
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
            analyse(&document, None, &Variables::default(), &Limits { selections: u64::MAX, ..Limits::default() }).analysis.unwrap().cost
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
            let found = analyse(&document, None, &Variables::default(), &Limits::default());
            assert!(matches!(found.analysis, Err(Refusal::TooMuch(Error::CostLimit { what: "expanded selections", .. }))), "{found:?}");
            // Walking what is spread out, a thousand million selections, would not end here.
            assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        }
    }
}
