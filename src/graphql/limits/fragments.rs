//! The order in which fragments can be measured, each once.

use std::collections::HashSet;

use async_graphql::Pos;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use super::Refusal;

/// The fragments, each after those that it spreads. On a stack of its own: fragments may chain a thousand deep.
pub fn inner_first(document: &ExecutableDocument) -> Result<Vec<&str>, Refusal> {
    let mut ordered = Vec::with_capacity(document.fragments.len());
    let mut open = HashSet::new();
    let mut done = HashSet::new();
    for start in document.fragments.keys() {
        let mut stack = vec![Visit::of(document, start)];
        while let Some(visit) = stack.last_mut() {
            if done.contains(visit.name) {
                stack.pop();
                continue;
            }
            open.insert(visit.name);
            match visit.spreads.pop() {
                Some((spread, at)) if open.contains(spread) && !done.contains(spread) => {
                    return Err(Refusal::Cycle { at, fragment: spread.to_owned() });
                }
                Some((spread, _)) if done.contains(spread) || !document.fragments.contains_key(spread) => {}
                Some((spread, _)) => stack.push(Visit::of(document, spread)),
                None => {
                    done.insert(visit.name);
                    ordered.push(visit.name);
                    stack.pop();
                }
            }
        }
    }
    Ok(ordered)
}

struct Visit<'a> {
    name: &'a str,
    spreads: Vec<(&'a str, Pos)>,
}

impl<'a> Visit<'a> {
    fn of(document: &'a ExecutableDocument, name: &'a str) -> Self {
        let mut spreads = Vec::new();
        if let Some(fragment) = document.fragments.get(name) {
            collect_spreads(&fragment.node.selection_set.node, &mut spreads);
        }
        Self { name, spreads }
    }
}

fn collect_spreads<'a>(set: &'a SelectionSet, into: &mut Vec<(&'a str, Pos)>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => collect_spreads(&field.node.selection_set.node, into),
            Selection::FragmentSpread(spread) => into.push((spread.node.fragment_name.node.as_str(), selection.pos)),
            Selection::InlineFragment(inline) => collect_spreads(&inline.node.selection_set.node, into),
        }
    }
}
