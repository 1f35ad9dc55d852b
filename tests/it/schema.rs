//! The schema is the file that people review, and everything in it says what it is.

use serde_json::Value as Json;

use crate::app::{Engine, TestApp};

#[test]
fn the_file_is_what_the_program_serves() {
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql")).unwrap();
    let schema = branchwise::schema::sdl();
    let differs = file.lines().zip(schema.lines()).position(|(file, schema)| file != schema);
    if let Some(line) = differs {
        panic!("schema.graphql:{}: run `cargo run -- schema > schema.graphql` and read the difference", line + 1);
    }
    assert_eq!(file.trim_end().lines().count(), schema.trim_end().lines().count(), "run `cargo run -- schema > schema.graphql`");
}

/// Lists of records say how long they are, pages by their arguments, and rehearsals what they cost: else a document would cost more than
/// was known before.
#[test]
fn whatever_multiplies_says_how_often() {
    use async_graphql::parser::types::{BaseType, TypeKind, TypeSystemDefinition};

    let schema = async_graphql::parser::parse_schema(branchwise::schema::sdl()).unwrap();
    let types = schema.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        _ => None,
    });
    let types: Vec<_> = types.collect();
    let is_record = |name: &str| types.iter().any(|one| one.name.node == name && !matches!(one.kind, TypeKind::Scalar | TypeKind::Enum(_)));
    let fields = types.iter().filter_map(|one| match &one.kind {
        TypeKind::Object(object) => Some(object.fields.iter().map(|field| &field.node)),
        _ => None,
    });
    let fields: Vec<_> = fields.flatten().collect();
    // What every field that leads to a type says of its length holds for the lists within it.
    let is_sized_above = |name: &str| {
        let mut leading = fields.iter().filter(|field| matches!(&field.ty.node.base, BaseType::Named(of) if of == name)).peekable();
        leading.peek().is_some() && leading.all(|field| field.directives.iter().any(|directive| directive.node.name.node == "listSize"))
    };
    let mut silent = Vec::new();
    for one in &types {
        let TypeKind::Object(object) = &one.kind else { continue };
        for field in object.fields.iter().map(|field| &field.node) {
            let says = |word: &str| field.directives.iter().any(|directive| directive.node.name.node == word);
            let is_page = field.arguments.iter().any(|argument| argument.node.name.node == "first");
            let is_list = match &field.ty.node.base {
                BaseType::List(inner) => matches!(&inner.base, BaseType::Named(name) if is_record(name)),
                BaseType::Named(_) => false,
            };
            let rehearses = field.name.node.starts_with("preview");
            if (is_page || is_list && !is_sized_above(&one.name.node)) && !says("listSize") || rehearses && !says("cost") {
                silent.push(format!("{}.{}", one.name.node, field.name.node));
            }
        }
    }
    assert!(silent.is_empty(), "without @listSize or @cost: {}", silent.join(", "));
}

const EVERYTHING: &str = "{ __schema {
    types {
        kind name description
        fields(includeDeprecated: true) { name description args(includeDeprecated: true) { name description } }
        inputFields(includeDeprecated: true) { name description }
        enumValues(includeDeprecated: true) { name description }
    }
    directives { name description }
} }";

fn list<'a>(of: &'a Json, name: &str) -> &'a [Json] {
    of[name].as_array().map_or(&[], Vec::as_slice)
}

/// Notes what has a name and says nothing.
fn look(owner: &str, member: &Json, silent: &mut Vec<String>) -> String {
    let name = format!("{owner}{}", member["name"].as_str().unwrap());
    if member["description"].as_str().is_none_or(|said| said.trim().is_empty()) {
        silent.push(name.clone());
    }
    name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_has_a_description() {
    let app = TestApp::start(Engine::Sqlite).await.unwrap();
    let schema = app.actor("hq.director").await.ask(EVERYTHING).await;
    let (mut silent, mut seen) = (Vec::new(), 0);
    let ours = |of: &&Json| !of["name"].as_str().unwrap().starts_with("__") && of["name"] != "ID";
    for of_type in list(&schema["__schema"], "types").iter().filter(ours) {
        let name = look("", of_type, &mut silent) + ".";
        for member in ["fields", "inputFields", "enumValues"].iter().flat_map(|members| list(of_type, members)) {
            let name = look(&name, member, &mut silent) + ".";
            list(member, "args").iter().for_each(|argument| drop(look(&name, argument, &mut silent)));
            seen += 1;
        }
    }
    assert!(seen > 250, "introspection shows {seen} members only");
    silent.sort();
    assert!(silent.is_empty(), "without a description:\n{}", silent.join("\n"));
}
