//! Values against the types of the schema, before anything runs: literals and variables alike. The executor would find a wrong value while
//! it executes, field by field, after the mutations before it have been carried out; and it would name the field, not the input.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition,
    VariableDefinition,
};
use async_graphql::{Name, Positioned, ScalarType, Value as Constant, Variables};
use async_graphql_value::Value;
use time::{Date, OffsetDateTime};

use super::decimal::Decimal;
use crate::error::{Error, Violation};

/// One answer names at most so many faults.
const MOST: usize = 50;

/// A place that takes a value.
struct Input {
    of: Type,
    has_default: bool,
}

impl Input {
    fn may_be_absent(&self) -> bool {
        self.of.nullable || self.has_default
    }
}

type Inputs = HashMap<Name, Input>;

enum Kind {
    Scalar,
    Enum(HashSet<Name>),
    Object(Inputs),
}

struct Field {
    arguments: Inputs,
    of: Name,
}

/// What every field of the schema takes in.
pub struct InputTypes {
    kinds: HashMap<Name, Kind>,
    fields: HashMap<Name, HashMap<Name, Field>>,
}

/// The places of one operation that take values, looked through once: what is wrong with its literals, and where its variables go.
#[derive(Default)]
pub struct Places {
    uses: HashMap<Name, Use>,
    wrong: Vec<Violation>,
}

/// Where a variable goes.
#[derive(Clone)]
struct Use {
    /// The first of its places, as clients name inputs: `input.name`.
    place: String,
    /// One of its places takes no null.
    is_needed: bool,
}

struct Check<'a> {
    types: &'a InputTypes,
    document: &'a ExecutableDocument,
    /// The variables of the operation that is meant: another one of the document may have others of the same names.
    declared: &'a [Positioned<VariableDefinition>],
    places: Places,
    walked: HashSet<&'a Name>,
}

fn named(of: &Type) -> Name {
    match &of.base {
        BaseType::Named(name) => name.clone(),
        BaseType::List(inner) => named(inner),
    }
}

/// The operation that a request means.
pub(super) fn meant<'a>(document: &'a ExecutableDocument, operation: Option<&str>) -> Option<&'a OperationDefinition> {
    let is_meant = |name: Option<&Name>| operation.is_none_or(|wanted| name.is_some_and(|name| name.as_str() == wanted));
    document.operations.iter().find(|(name, _)| is_meant(*name)).map(|(_, operation)| &operation.node)
}

impl InputTypes {
    /// From the schema definition language. Errors: INTERNAL_SERVER_ERROR for what is no schema.
    pub fn try_new(sdl: &str) -> Result<Self, Error> {
        let schema = parse_schema(sdl).map_err(|_| Error::internal("the schema does not parse"))?;
        let mut types = Self { kinds: HashMap::new(), fields: HashMap::new() };
        for name in ["Int", "Float", "String", "Boolean", "ID"] {
            types.kinds.insert(Name::new(name), Kind::Scalar);
        }
        let inputs = |given: Vec<Positioned<async_graphql::parser::types::InputValueDefinition>>| -> Inputs {
            let input = |value: async_graphql::parser::types::InputValueDefinition| {
                (value.name.node, Input { of: value.ty.node, has_default: value.default_value.is_some() })
            };
            given.into_iter().map(|value| input(value.node)).collect()
        };
        for definition in schema.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let (name, kind) = (definition.node.name.node, definition.node.kind);
            let fields = match kind {
                TypeKind::Scalar => {
                    types.kinds.insert(name, Kind::Scalar);
                    continue;
                }
                TypeKind::Enum(words) => {
                    let words = words.values.into_iter().map(|word| word.node.value.node).collect();
                    types.kinds.insert(name, Kind::Enum(words));
                    continue;
                }
                TypeKind::InputObject(object) => {
                    types.kinds.insert(name, Kind::Object(inputs(object.fields)));
                    continue;
                }
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Union(_) => continue,
            };
            let fields = fields.into_iter().map(|field| {
                let field = field.node;
                (field.name.node, Field { of: named(&field.ty.node), arguments: inputs(field.arguments) })
            });
            types.fields.insert(name, fields.collect());
        }
        Ok(types)
    }

    /// Does the operation that a request means select nothing at its root but these fields?
    pub fn selects_only(document: &ExecutableDocument, operation: Option<&str>, fields: &[&str]) -> bool {
        let Some(meant) = meant(document, operation) else { return true };
        let mut open = vec![&meant.selection_set.node];
        let mut walked = HashSet::new();
        while let Some(set) = open.pop() {
            for selection in &set.items {
                match &selection.node {
                    Selection::Field(field) if fields.contains(&field.node.name.node.as_str()) => {}
                    Selection::Field(_) => return false,
                    Selection::InlineFragment(fragment) => open.push(&fragment.node.selection_set.node),
                    Selection::FragmentSpread(spread) => {
                        let name = &spread.node.fragment_name.node;
                        if let Some(fragment) = document.fragments.get(name)
                            && walked.insert(name)
                        {
                            open.push(&fragment.node.selection_set.node);
                        }
                    }
                }
            }
        }
        true
    }

    /// Looks through the operation that requests mean, whatever the values of its variables.
    pub fn places(&self, document: &ExecutableDocument, operation: Option<&str>) -> Places {
        let Some(meant) = meant(document, operation) else { return Places::default() };
        let declared = &meant.variable_definitions;
        let mut check = Check { types: self, document, declared, places: Places::default(), walked: HashSet::new() };
        let root = match meant.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        check.selections(&meant.selection_set.node, &Name::new(root));
        check.places
    }

    /// Everything that does not fit in the operation that a request means, `places` being those of this operation. Errors:
    /// BAD_USER_INPUT. What is wrong with the document itself is left to validation.
    pub fn check(
        &self,
        places: &Places,
        document: &ExecutableDocument,
        operation: Option<&str>,
        variables: &Variables,
    ) -> Result<(), Error> {
        let Some(meant) = meant(document, operation) else { return Ok(()) };
        if meant.variable_definitions.is_empty() && places.wrong.is_empty() {
            return Ok(());
        }
        let known = Places { wrong: places.wrong.clone(), ..Places::default() };
        let declared = &meant.variable_definitions;
        let mut check = Check { types: self, document, declared, places: known, walked: HashSet::new() };
        check.variables(variables, &places.uses);
        check.places.wrong.truncate(MOST);
        Error::unless_empty(check.places.wrong)
    }
}

impl<'a> Check<'a> {
    fn selections(&mut self, set: &'a SelectionSet, of: &Name) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let types = self.types;
                    let Some(known) = types.fields.get(of).and_then(|fields| fields.get(&field.node.name.node)) else { continue };
                    for (name, value) in &field.node.arguments {
                        if let Some(input) = known.arguments.get(&name.node) {
                            self.value(&value.node, &input.of, input.has_default, name.node.as_str());
                        }
                    }
                    self.selections(&field.node.selection_set.node, &known.of);
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                    self.selections(&fragment.node.selection_set.node, condition.unwrap_or(of));
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name)
                        && self.walked.insert(name)
                    {
                        self.selections(&fragment.node.selection_set.node, &fragment.node.type_condition.node.on.node);
                    }
                }
            }
        }
    }

    fn variables(&mut self, given: &Variables, uses: &HashMap<Name, Use>) {
        for definition in self.declared {
            let (name, of) = (&definition.node.name.node, &definition.node.var_type.node);
            let used = uses.get(name);
            let place = used.map_or_else(|| format!("${name}"), |used| used.place.clone());
            let default = definition.node.default_value.as_ref().map(|default| &default.node);
            match given.get(name).or(default) {
                // Declared so that it may be left out, not so that a place without null takes it.
                Some(Constant::Null) if used.is_some_and(|used| used.is_needed) => {
                    self.places.wrong.push(Violation::new(place, "required", "must not be null", "不能为null"));
                }
                Some(value) => self.value(&value.clone().into_value(), of, false, &place),
                None if of.nullable => {}
                None => self.places.wrong.push(Violation::new(place, "required", "must be given", "必须提供")),
            }
        }
    }

    /// `has_default`: the place takes null where nothing is given.
    fn value(&mut self, value: &Value, of: &Type, has_default: bool, place: &str) {
        if self.places.wrong.len() >= MOST {
            return;
        }
        match (value, &of.base) {
            (Value::Variable(name), _) => self.used(name, of, has_default, place),
            (Value::Null, _) if of.nullable => {}
            (Value::Null, _) => self.places.wrong.push(Violation::new(place, "required", "must not be null", "不能为null")),
            (Value::List(items), BaseType::List(inner)) => items.iter().for_each(|item| self.value(item, inner, false, place)),
            (one, BaseType::List(inner)) => self.value(one, inner, false, place),
            (value, BaseType::Named(name)) => {
                let types = self.types;
                match (types.kinds.get(name), value) {
                    (Some(Kind::Object(inputs)), Value::Object(fields)) => self.object(inputs, fields, place),
                    (Some(Kind::Enum(words)), Value::Enum(word)) if words.contains(word) => {}
                    (Some(Kind::Enum(words)), Value::String(word)) if words.contains(word.as_str()) => {}
                    (Some(Kind::Scalar), value) if fits(name, value) => {}
                    (None, _) => {}
                    _ => self.places.wrong.push(Violation::new(
                        place,
                        "type",
                        format!("must be of type {name}"),
                        format!("类型必须为 {name}"),
                    )),
                }
            }
        }
    }

    fn object(&mut self, inputs: &Inputs, fields: &async_graphql::indexmap::IndexMap<Name, Value>, place: &str) {
        for (name, value) in fields {
            match inputs.get(name) {
                Some(input) => self.value(value, &input.of, input.has_default, &format!("{place}.{name}")),
                None => {
                    self.places.wrong.push(Violation::new(place, "type", "has a field that is not in the schema", "含有架构中没有的字段"))
                }
            }
        }
        let mut missing: Vec<&Name> =
            inputs.iter().filter(|(name, input)| !input.may_be_absent() && !fields.contains_key(*name)).map(|(name, _)| name).collect();
        missing.sort();
        self.places
            .wrong
            .extend(missing.into_iter().map(|name| Violation::new(format!("{place}.{name}"), "required", "must be given", "必须提供")));
    }

    /// A variable fits where every value that it may have fits ("All Variable Usages Are Allowed"): a value that is missing where one is
    /// needed would be found only when earlier mutations of the document have been carried out.
    fn used(&mut self, name: &Name, of: &Type, has_default: bool, place: &str) {
        let Some(definition) = self.declared.iter().find(|definition| definition.node.name.node == *name) else { return };
        let (given, default) = (&definition.node.var_type.node, definition.node.default_value.as_ref());
        let is_there = has_default || default.is_some_and(|default| default.node != Constant::Null);
        if !is_always(given, of, is_there) {
            let message = (format!("takes a variable of type {of}"), format!("只能使用类型为 {of} 的变量"));
            self.places.wrong.push(Violation::new(place, "type", message.0, message.1));
        }
        let used = self.places.uses.entry(definition.node.name.node.clone());
        used.or_insert_with(|| Use { place: place.to_owned(), is_needed: false }).is_needed |= !of.nullable;
    }
}

/// Is every value of the one type one of the other? `is_there`: null becomes a default.
fn is_always(given: &Type, of: &Type, is_there: bool) -> bool {
    let null_fits = of.nullable || !given.nullable || is_there;
    null_fits
        && match (&given.base, &of.base) {
            (BaseType::Named(given), BaseType::Named(of)) => given == of,
            (BaseType::List(given), BaseType::List(of)) => is_always(given, of, false),
            _ => false,
        }
}

/// Would the scalar read this value?
fn fits(scalar: &Name, value: &Value) -> bool {
    let constant = || value.clone().into_const().unwrap_or(Constant::Null);
    match (scalar.as_str(), value) {
        ("Int", Value::Number(number)) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        ("ID", Value::Number(number)) => number.is_i64(),
        ("Float", Value::Number(_)) | ("String" | "ID", Value::String(_)) | ("Boolean", Value::Boolean(_)) => true,
        ("Int" | "Float" | "String" | "ID" | "Boolean", _) => false,
        ("Date", _) => <Date as ScalarType>::parse(constant()).is_ok(),
        ("DateTime", _) => <OffsetDateTime as ScalarType>::parse(constant()).is_ok(),
        ("Decimal", _) => <Decimal as ScalarType>::parse(constant()).is_ok(),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
