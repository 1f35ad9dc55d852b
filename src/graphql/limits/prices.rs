//! What each field of the schema costs, from the directives that the schema itself carries.

use std::collections::{HashMap, HashSet};

use async_graphql::Name;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, ConstDirective, FieldDefinition, Type, TypeKind, TypeSystemDefinition};
use async_graphql::{Number, Positioned, Value};

use crate::error::Error;

/// How many items a field holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListSize {
    /// Where no argument says it.
    pub assumed: u64,
    /// The arguments that say it.
    pub arguments: Vec<Name>,
    /// The items are in fields below, not in the field itself.
    pub is_below: bool,
}

/// A field of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The type that it answers with.
    pub of: Name,
    /// Points for itself.
    pub weight: u64,
    /// None: one.
    pub size: Option<ListSize>,
    /// It holds as many items as the field around it says.
    pub is_sized_above: bool,
    /// It is a list.
    pub is_list: bool,
}

/// What everything costs.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    fields: HashMap<Name, HashMap<Name, Price>>,
    query: Option<Name>,
    mutation: Option<Name>,
}

impl Prices {
    /// From the schema definition language. Errors: INTERNAL_SERVER_ERROR for what is no schema, or says what is no number.
    pub fn try_new(sdl: &str) -> Result<Self, Error> {
        let schema = parse_schema(sdl).map_err(|_| Error::internal("the schema does not parse"))?;
        let (mut prices, mut sized) = (Self::default(), HashSet::new());
        for definition in schema.definitions {
            let definition = match definition {
                TypeSystemDefinition::Schema(roots) => {
                    prices.query = roots.node.query.map(|root| root.node);
                    prices.mutation = roots.node.mutation.map(|root| root.node);
                    continue;
                }
                TypeSystemDefinition::Type(definition) => definition.node,
                TypeSystemDefinition::Directive(_) => continue,
            };
            let fields = match definition.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => continue,
            };
            let priced = fields.into_iter().map(|field| price(&field.node, &mut sized).map(|price| (field.node.name.node, price)));
            prices.fields.insert(definition.name.node, priced.collect::<Result<_, _>>()?);
        }
        for (of, field) in sized {
            if let Some(price) = prices.fields.get_mut(&of).and_then(|fields| fields.get_mut(&field)) {
                price.is_sized_above = true;
            }
        }
        Ok(prices)
    }

    /// The type of queries.
    pub fn query(&self) -> Option<&Name> {
        self.query.as_ref()
    }

    /// The type of mutations.
    pub fn mutation(&self) -> Option<&Name> {
        self.mutation.as_ref()
    }

    /// The price of a field; none: there is no such field, which validation refuses, or one of introspection.
    pub fn of(&self, parent: &Name, field: &Name) -> Option<&Price> {
        self.fields.get(parent)?.get(field)
    }
}

fn named(of: &Type) -> (Name, bool) {
    match &of.base {
        BaseType::Named(name) => (name.clone(), false),
        BaseType::List(inner) => (named(inner).0, true),
    }
}

fn price(field: &FieldDefinition, sized: &mut HashSet<(Name, Name)>) -> Result<Price, Error> {
    let (of, is_list) = named(&field.ty.node);
    let mut price = Price { of, weight: 1, size: None, is_sized_above: false, is_list };
    for directive in field.directives.iter().map(|directive| &directive.node) {
        match directive.name.node.as_str() {
            "cost" => price.weight = weight(directive).ok_or_else(|| Error::internal("a weight of the schema is no whole number"))?,
            "listSize" => {
                let below = names(directive, "sizedFields");
                price.size = Some(ListSize {
                    assumed: number(directive, "assumedSize").unwrap_or(1),
                    arguments: names(directive, "slicingArguments"),
                    is_below: !below.is_empty(),
                });
                sized.extend(below.into_iter().map(|field| (price.of.clone(), field)));
            }
            _ => {}
        }
    }
    Ok(price)
}

fn argument<'a>(directive: &'a ConstDirective, name: &str) -> Option<&'a Value> {
    directive.get_argument(name).map(|Positioned { node, .. }| node)
}

fn weight(directive: &ConstDirective) -> Option<u64> {
    match argument(directive, "weight")? {
        Value::String(weight) => weight.parse().ok(),
        _ => None,
    }
}

fn number(directive: &ConstDirective, name: &str) -> Option<u64> {
    match argument(directive, name)? {
        Value::Number(number) => Number::as_u64(number),
        _ => None,
    }
}

fn names(directive: &ConstDirective, name: &str) -> Vec<Name> {
    let Some(Value::List(words)) = argument(directive, name) else { return Vec::new() };
    let name = |word: &Value| match word {
        Value::String(word) => Some(Name::new(word)),
        _ => None,
    };
    words.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDL: &str = "directive @cost(weight: String!) on FIELD_DEFINITION
        type Query {
            rows(first: Int): Rows! @listSize(assumedSize: 20, slicingArguments: [\"first\"], sizedFields: [\"nodes\"])
            dear: Int @cost(weight: \"70\")
            many: [Int!]! @listSize(assumedSize: 9)
        }
        type Rows { nodes: [Int!]!, total: Int }
        schema { query: Query }";

    #[test]
    fn the_schema_says_what_its_fields_cost() {
        let prices = Prices::try_new(SDL).unwrap();
        let of = |parent: &str, field: &str| prices.of(&Name::new(parent), &Name::new(field)).cloned();
        let rows = of("Query", "rows").unwrap();
        let size = ListSize { assumed: 20, arguments: vec![Name::new("first")], is_below: true };
        assert_eq!((rows.of.as_str(), rows.weight, rows.size), ("Rows", 1, Some(size)));
        assert_eq!(of("Query", "dear").unwrap().weight, 70);
        assert_eq!(of("Query", "many").unwrap().size.unwrap().assumed, 9);
        assert!(of("Rows", "nodes").unwrap().is_sized_above && !of("Rows", "total").unwrap().is_sized_above);
        assert_eq!((of("Rows", "else"), of("Nothing", "at")), (None, None));
        assert_eq!((prices.query().map(Name::as_str), prices.mutation()), (Some("Query"), None));
    }

    #[test]
    fn a_weight_is_a_number() {
        assert!(Prices::try_new("type Query { a: Int @cost(weight: \"dear\") }").is_err());
        assert!(Prices::try_new("type Query {").is_err());
    }
}
