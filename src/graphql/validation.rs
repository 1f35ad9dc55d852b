//! Documents against the schema, by every rule of the specification. async-graphql's own rules let some pass, such as
//! fields of one name that differ below. Variables inside inputs, which this one lets pass too, are for [`super::coercion`].

use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Schema};
use async_graphql::{Pos, Response, ServerError};

use super::idempotency::DIRECTIVE;
use crate::error::Error;

/// The type of the fields of mutations.
const MUTATION: &str = "Mutation";

/// Checks documents against one schema.
pub struct Validator {
    schema: Valid<Schema>,
    /// Faults of a document that are kept.
    most: usize,
}

impl Validator {
    /// From the schema definition language; of the faults of a document as many are kept as an answer tells, and one by which it sees that
    /// there were more. Errors: INTERNAL_SERVER_ERROR for what is no schema.
    pub fn try_new(sdl: &str, most_errors: usize) -> Result<Self, Error> {
        match Schema::parse_and_validate(sdl, "schema") {
            Ok(schema) => Ok(Self { schema, most: most_errors.saturating_add(1) }),
            Err(wrong) => Err(Error::internal(wrong.errors)),
        }
    }

    /// Does the document fit the schema, and has it this operation? Values of variables are not looked at: that is for
    /// [`super::coercion`]. The text has passed the lexer's limits. Errors: the response that says why.
    pub fn validate(&self, text: &str, operation: Option<&str>) -> Result<(), Box<Response>> {
        match ExecutableDocument::parse_and_validate(&self.schema, text, "document") {
            Ok(valid) => operation_of(&valid, operation).and_then(|()| keys_stand_where_they_count(&valid)),
            Err(wrong) => Err(Box::new(faults(&wrong.errors, self.most))),
        }
    }
}

fn operation_of(document: &ExecutableDocument, operation: Option<&str>) -> Result<(), Box<Response>> {
    let wrong = |message: &str| Box::new(Response::from_errors(vec![ServerError::new(message, None)]));
    document.operations.get(operation).map(|_| ()).map_err(|_| match operation {
        Some(_) => wrong("operationName names no operation of the document"),
        None => wrong("the document has several operations: operationName must say which"),
    })
}

/// A key anywhere but on a field of a mutation would keep nothing from being done twice.
fn keys_stand_where_they_count(document: &ExecutableDocument) -> Result<(), Box<Response>> {
    let of_operations = document.operations.iter().map(|operation| &operation.selection_set);
    let mut open: Vec<&SelectionSet> = of_operations.chain(document.fragments.values().map(|fragment| &fragment.selection_set)).collect();
    while let Some(set) = open.pop() {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) if field.directives.has(DIRECTIVE) && set.ty != MUTATION => {
                    let told = ServerError::new(format!("@{DIRECTIVE} stands on fields of a mutation alone"), None);
                    return Err(Box::new(Response::from_errors(vec![told])));
                }
                Selection::Field(field) => open.push(&field.selection_set),
                Selection::InlineFragment(fragment) => open.push(&fragment.selection_set),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    Ok(())
}

fn faults(wrong: &DiagnosticList, most: usize) -> Response {
    let told = wrong.iter().take(most).map(|fault| {
        let fault = fault.to_json();
        let at = fault.locations.iter().map(|at| Pos { line: at.line, column: at.column });
        ServerError { locations: at.collect(), ..ServerError::new(fault.message, None) }
    });
    Response::from_errors(told.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDL: &str = "input Input { name: String!, many: [Int!] }
        type Person { name: String, nick: String, friend: Person }
        type Query { person(id: ID!): Person  none: Person }
        type Mutation { write(input: Input!): Person }";

    fn faults(text: &str, operation: Option<&str>) -> usize {
        Validator::try_new(SDL, 50).unwrap().validate(text, operation).err().map_or(0, |response| response.errors.len())
    }

    #[test]
    fn fields_of_one_name_are_one_field() {
        assert_eq!(faults("{ none { friend { x: name } friend { x: name } } }", None), 0);
        assert_ne!(faults("{ none { friend { x: name } friend { x: nick } } }", None), 0);
    }

    #[test]
    fn the_operation_is_there_and_the_only_one_of_its_name() {
        assert_eq!(faults("query A { none { name } } query B { none { name } }", Some("B")), 0);
        for (text, operation) in [
            ("query A { none { name } } query B { none { name } }", None),
            ("query A { none { name } } query B { none { name } }", Some("C")),
            ("query A { none { name } } query A { none { name } }", Some("A")),
            ("{ none { name } }", Some("A")),
        ] {
            assert_ne!(faults(text, operation), 0, "{text} {operation:?}");
        }
    }

    #[test]
    fn few_of_many_faults_are_kept() {
        let many: String = (0..10_000).map(|at| format!("f{at} ")).collect();
        assert_eq!(faults(&format!("{{ {many} }}"), None), 51);
    }
}
