//! The root fields of a mutation, one after the other: each is a unit of work of its own, and runs as a document of its own.

use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Variables};
use async_graphql_value::{ConstValue, Value};

use super::coercion::meant;

/// The fields of the root that answer under one key.
pub struct RootField {
    /// The key of the answer: the alias, or the name.
    pub key: Name,
    /// The name in the schema.
    pub name: Name,
    fields: Vec<Positioned<Field>>,
}

impl RootField {
    /// The same document with nothing else in its operation.
    pub fn alone(&self, document: &ExecutableDocument, operation: Option<&str>) -> ExecutableDocument {
        let mut alone = document.clone();
        let chosen = match &mut alone.operations {
            DocumentOperations::Single(only) => Some(only),
            DocumentOperations::Multiple(several) => match operation {
                Some(name) => several.get_mut(name),
                None => several.values_mut().next(),
            },
        };
        if let Some(chosen) = chosen {
            let selections = self.fields.iter().map(|field| Positioned::new(Selection::Field(field.clone()), field.pos));
            chosen.node.selection_set.node.items = selections.collect();
        }
        alone
    }

    /// The arguments called `argument` of its directives called `directive`, with the values of variables in place.
    pub fn directive_arguments(&self, directive: &str, argument: &str, given: &Given) -> Vec<ConstValue> {
        let of = self.fields.iter().flat_map(|field| &field.node.directives).filter(|found| found.node.name.node == directive);
        of.filter_map(|found| given.argument(&found.node, argument)).collect()
    }
}

/// The values that an operation is run with.
pub struct Given<'a> {
    operation: &'a OperationDefinition,
    variables: &'a Variables,
}

impl Given<'_> {
    fn argument(&self, directive: &Directive, argument: &str) -> Option<ConstValue> {
        let (_, value) = directive.arguments.iter().find(|(name, _)| name.node == argument)?;
        match &value.node {
            Value::Variable(name) => {
                let default = || {
                    let declared = self.operation.variable_definitions.iter().find(|declared| declared.node.name.node == *name)?;
                    declared.node.default_value.as_ref().map(|value| value.node.clone())
                };
                self.variables.get(name).cloned().or_else(default)
            }
            other => other.clone().into_const(),
        }
    }

    fn is_left_out(&self, directives: &[Positioned<Directive>]) -> bool {
        let says = |name: &str, value: bool| {
            let found = directives.iter().find(|directive| directive.node.name.node == name);
            found.and_then(|directive| self.argument(&directive.node, "if")) == Some(ConstValue::Boolean(value))
        };
        says("skip", true) || says("include", false)
    }
}

/// The root fields of the meant operation in the order of their answers, and what they are run with. None: there is no such operation.
pub fn root_fields<'a>(
    document: &'a ExecutableDocument,
    operation: Option<&str>,
    variables: &'a Variables,
) -> Option<(Vec<RootField>, Given<'a>)> {
    let operation = meant(document, operation)?;
    let given = Given { operation, variables };
    let mut found = Vec::new();
    collect(document, &given, &operation.selection_set.node, &mut found);
    Some((found, given))
}

fn collect(document: &ExecutableDocument, given: &Given, set: &SelectionSet, found: &mut Vec<RootField>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) if given.is_left_out(&field.node.directives) => {}
            Selection::Field(field) => {
                let key = field.node.response_key().node.clone();
                match found.iter_mut().find(|known| known.key == key) {
                    Some(known) => known.fields.push(field.clone()),
                    None => found.push(RootField { key, name: field.node.name.node.clone(), fields: vec![field.clone()] }),
                }
            }
            Selection::InlineFragment(fragment) if !given.is_left_out(&fragment.node.directives) => {
                collect(document, given, &fragment.node.selection_set.node, found);
            }
            Selection::FragmentSpread(spread) if !given.is_left_out(&spread.node.directives) => {
                // Validated: no fragment contains itself.
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    collect(document, given, &fragment.node.selection_set.node, found);
                }
            }
            Selection::InlineFragment(_) | Selection::FragmentSpread(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn keys(text: &str, variables: serde_json::Value) -> Vec<(String, usize)> {
        let document = parse_query(text).unwrap();
        let variables = Variables::from_json(variables);
        let (fields, _) = root_fields(&document, None, &variables).unwrap();
        fields.iter().map(|field| (field.key.to_string(), field.fields.len())).collect()
    }

    #[test]
    fn fields_are_found_through_fragments_and_joined_by_their_key() {
        let text = "mutation($no: Boolean = false) { a: write { x } ...F ... on M { b: write { x } } c: write @skip(if: true) { x } }
            fragment F on M { a: write { y } d: write @include(if: $no) { x } ... @include(if: $no) { e: write { x } } }";
        assert_eq!(keys(text, json!({})), [("a".to_owned(), 2), ("b".to_owned(), 1)]);
        let all = [("a", 2), ("d", 1), ("e", 1), ("b", 1)].map(|(key, fields)| (key.to_owned(), fields));
        assert_eq!(keys(text, json!({ "no": true })), all);
    }

    #[test]
    fn a_field_alone_is_all_that_its_document_asks() {
        let document = parse_query("mutation A { a: write { x } b: write { x } } mutation B { c: write { x } d: write { x } }").unwrap();
        let variables = Variables::default();
        let (fields, _) = root_fields(&document, Some("B"), &variables).unwrap();
        let alone = fields[1].alone(&document, Some("B"));
        let (left, _) = root_fields(&alone, Some("B"), &variables).unwrap();
        assert_eq!(left.iter().map(|field| field.key.as_str()).collect::<Vec<_>>(), ["d"]);
    }

    #[test]
    fn arguments_of_directives_come_from_literals_variables_and_defaults() {
        let document = parse_query(
            "mutation($k: String!, $d: String = \"e\") { a: write @once(key: \"l\") { x } b: write @once(key: $k) { x } \
             c: write @once(key: $d) { x } d: write { x } }",
        )
        .unwrap();
        let variables = Variables::from_json(json!({ "k": "v" }));
        let (fields, given) = root_fields(&document, None, &variables).unwrap();
        let found: Vec<_> = fields.iter().map(|field| field.directive_arguments("once", "key", &given)).collect();
        assert_eq!(found, [vec!["l".into()], vec!["v".into()], vec!["e".into()], vec![]] as [Vec<ConstValue>; 4]);
    }
}
