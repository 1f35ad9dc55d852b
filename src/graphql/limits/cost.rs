//! The pass before validation: what the selected operation costs, how many rows its answer may hold, and how large the document is with its
//! fragments written out. Each fragment is measured once, so that the time is linear in the document, however often it is spread.
//!
//! Points are the weights of the schema's `@cost`, 1 without one, times the lengths of its `@listSize`. Those of a selection set are the
//! linear form `own + page size * paged`: what holds the items is paid for each item of the page, and the page size is only known at the
//! field around it. That field turns it into a number.

use std::cell::Cell;
use std::collections::HashMap;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Number, Value, Variables};

use super::fragments::inner_first;
use super::prices::{ListSize, Prices};
use super::{Limits, Refusal};

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
    /// How many rows its answer may hold.
    pub nodes: u64,
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
pub fn analyse(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: &Variables,
    limits: &Limits,
    prices: &Prices,
) -> Found {
    let selected = select(&document.operations, operation_name);
    let operation = selected.map(|(_, operation)| operation);
    let mut meter = Meter { prices, variables, operation, done: HashMap::new(), asked_variables: Cell::new(false) };
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
            let on = &fragment.node.type_condition.node.on.node;
            let mut measure = meter.set(&fragment.node.selection_set.node, Some(on));
            measure.directives = measure.directives.saturating_add(fragment.node.directives.len() as u64);
            meter.done.insert(name, measure);
        }
    }
    let within = |found: u64, limit: u64, what| if found > limit { Err(Refusal::too_much(what, limit)) } else { Ok(()) };
    let operations = document.operations.iter().map(|(_, operation)| meter.operation(&operation.node).selections);
    within(operations.fold(0, u64::saturating_add), limits.selections, "expanded selections")?;
    // Validation looks into fragments that nothing spreads as well.
    let fragments = meter.done.values().map(|fragment| fragment.selections);
    within(fragments.fold(0, u64::saturating_add), limits.selections, "expanded selections")?;
    let Some((name, operation)) = selected else {
        return Ok(Analysis { kind: None, name: None, introspects: false, root_fields: 0, cost: 0, nodes: 0 });
    };
    let measure = meter.operation(operation);
    let on_variables: usize = operation.variable_definitions.iter().map(|variable| variable.node.directives.len()).sum();
    let directives = measure.directives.saturating_add((operation.directives.len() + on_variables) as u64);
    let (cost, nodes) = (measure.cost.whole(MOST_PAGE), measure.nodes.whole(MOST_PAGE));
    within(measure.depth, limits.depth, "levels of depth")?;
    within(measure.aliases, limits.aliases, "aliases")?;
    within(directives, limits.directives, "directives")?;
    within(measure.root_fields, limits.root_fields, "root fields")?;
    within(cost, limits.cost, "points of cost")?;
    within(nodes, limits.nodes, "nodes")?;
    Ok(Analysis {
        kind: Some(operation.ty),
        name: name.map(|name| name.to_string()),
        introspects: measure.introspects,
        root_fields: measure.root_fields,
        cost,
        nodes,
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

/// `own + page size * paged`.
#[derive(Clone, Copy, Default)]
struct Sum {
    own: u64,
    paged: u64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.own = self.own.saturating_add(other.own);
        self.paged = self.paged.saturating_add(other.paged);
    }

    fn whole(self, page: u64) -> u64 {
        self.own.saturating_add(self.paged.saturating_mul(page))
    }
}

/// A selection set, fragments written out.
#[derive(Clone, Copy, Default)]
struct Measure {
    cost: Sum,
    nodes: Sum,
    selections: u64,
    depth: u64,
    aliases: u64,
    directives: u64,
    root_fields: u64,
    introspects: bool,
}

impl Measure {
    fn add(&mut self, other: Self) {
        self.cost.add(other.cost);
        self.nodes.add(other.nodes);
        self.selections = self.selections.saturating_add(other.selections);
        self.depth = self.depth.max(other.depth);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.root_fields = self.root_fields.saturating_add(other.root_fields);
        self.introspects |= other.introspects;
    }

    /// A spread or inline fragment around this.
    fn wrapped(mut self, directives: usize) -> Self {
        self.cost.own = self.cost.own.saturating_add(1);
        self.selections = self.selections.saturating_add(1);
        self.directives = self.directives.saturating_add(directives as u64);
        self
    }
}

struct Meter<'a> {
    prices: &'a Prices,
    variables: &'a Variables,
    operation: Option<&'a OperationDefinition>,
    done: HashMap<&'a str, Measure>,
    asked_variables: Cell<bool>,
}

impl<'a> Meter<'a> {
    fn operation(&self, operation: &OperationDefinition) -> Measure {
        let root = match operation.ty {
            OperationType::Query => self.prices.query(),
            OperationType::Mutation => self.prices.mutation(),
            OperationType::Subscription => None,
        };
        self.set(&operation.selection_set.node, root)
    }

    /// What is selected of a type; none: of one that the schema does not have, which validation refuses. Descends with the selection
    /// sets, of which the parser allows 64, never through a spread.
    fn set(&self, set: &SelectionSet, of: Option<&Name>) -> Measure {
        let mut sum = Measure::default();
        for selection in &set.items {
            sum.add(match &selection.node {
                Selection::Field(field) => self.field(&field.node, of),
                Selection::FragmentSpread(spread) => {
                    let fragment = self.done.get(spread.node.fragment_name.node.as_str()).copied().unwrap_or_default();
                    fragment.wrapped(spread.node.directives.len())
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref().map(|on| &on.node.on.node);
                    self.set(&inline.node.selection_set.node, on.or(of)).wrapped(inline.node.directives.len())
                }
            });
        }
        sum
    }

    fn field(&self, field: &Field, of: Option<&Name>) -> Measure {
        let name = &field.name.node;
        let price = of.and_then(|of| self.prices.of(of, name));
        let inner = self.set(&field.selection_set.node, price.map(|price| &price.of));
        let length = price.and_then(|price| price.size.as_ref()).map(|size| self.length(field, size));
        let is_below = price.and_then(|price| price.size.as_ref()).is_some_and(|size| size.is_below);
        let weight = price.map_or(1, |price| price.weight);
        let is_list = price.is_some_and(|price| price.is_list);
        let (cost, nodes) = match length {
            // Each item of the page around.
            None if price.is_some_and(|price| price.is_sized_above) => {
                let each = inner.nodes.whole(MOST_PAGE).saturating_add(1);
                (Sum { own: weight, paged: inner.cost.whole(MOST_PAGE) }, Sum { own: 0, paged: each })
            }
            Some(length) if is_below => {
                let cost = inner.cost.whole(length).saturating_add(weight);
                (Sum { own: cost, paged: 0 }, Sum { own: inner.nodes.whole(length), paged: 0 })
            }
            length => {
                let length = length.unwrap_or(1);
                let cost = length.saturating_mul(inner.cost.whole(MOST_PAGE)).saturating_add(weight);
                let each = inner.nodes.whole(MOST_PAGE).saturating_add(u64::from(is_list));
                (Sum { own: cost, paged: 0 }, Sum { own: length.saturating_mul(each), paged: 0 })
            }
        };
        let meta = name == "__schema" || name == "__type";
        Measure {
            cost,
            nodes,
            selections: inner.selections.saturating_add(1),
            depth: if meta { 1 } else { inner.depth.saturating_add(1) },
            aliases: inner.aliases.saturating_add(u64::from(field.alias.is_some())),
            directives: inner.directives.saturating_add(field.directives.len() as u64),
            root_fields: 1,
            introspects: meta,
        }
    }

    /// How many items a field is asked for.
    fn length(&self, field: &Field, size: &ListSize) -> u64 {
        let asked = size.arguments.iter().filter_map(|name| match self.argument(field, name)? {
            Value::Number(number) => Some(clamp(&number)),
            Value::List(items) => Some(items.len() as u64),
            Value::Null => None,
            // One item is as good as a list of it.
            _ => Some(1),
        });
        asked.max().unwrap_or(size.assumed)
    }

    /// An argument with its variables put in, or a field within it (`input.operations`); one that is not given is null.
    fn argument(&self, field: &Field, path: &str) -> Option<Value> {
        let mut names = path.split('.');
        let value = field.get_argument(names.next()?)?.node.clone();
        let value = value.into_const_with(|name| Ok::<_, ()>(self.variable(&name).cloned().unwrap_or_default())).ok()?;
        names.try_fold(value, |value, name| match value {
            Value::Object(mut fields) => fields.swap_remove(name),
            _ => None,
        })
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

fn clamp(number: &Number) -> u64 {
    match number.as_i64() {
        Some(asked) => u64::try_from(asked).unwrap_or_default().min(MOST_PAGE),
        None => MOST_PAGE,
    }
}

#[cfg(test)]
mod tests;
