//! What somebody sends who means harm, or whose client is broken: each gets its code and field, at once, and nothing changes.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::app::{Actor, PASSWORD};
use crate::on_both;
use crate::tables::{contact_id, contents, customer_id, rights_changed, unit_id, user_id};

/// Longest that a refusal may take, unoptimised and beside other tests.
const AT_ONCE: Duration = Duration::from_millis(250);

/// The extensions of the first error.
async fn refused(actor: &Actor<'_>, query: &str, variables: Json) -> Json {
    actor.fail(query, variables).await["extensions"].take()
}

/// The code of a refusal that must come at once, on the first try or, where the machine was busy with something else, on another.
async fn refused_at_once(actor: &Actor<'_>, query: &str) -> Json {
    let mut least = Duration::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        let code = refused(actor, query, json!({})).await["code"].take();
        least = least.min(started.elapsed());
        if least < AT_ONCE {
            return code;
        }
    }
    panic!("{:?} for {}", least, query.chars().take(80).collect::<String>());
}

fn wrong_fields(extensions: &Json) -> Vec<(&str, &str)> {
    assert_eq!(extensions["code"], "BAD_USER_INPUT", "{extensions}");
    let violations = extensions["violations"].as_array().unwrap();
    violations.iter().map(|wrong| (wrong["field"].as_str().unwrap(), wrong["rule"].as_str().unwrap())).collect()
}

fn nested_lists(levels: usize) -> String {
    format!("{{ customers(filter: {}{}) {{ totalCount }} }}", "[".repeat(levels), "]".repeat(levels))
}

fn nested_objects(levels: usize) -> String {
    format!("{{ customers(filter: {}{{}}{}) {{ totalCount }} }}", "{not: ".repeat(levels), "}".repeat(levels))
}

fn doubling(levels: usize) -> String {
    let fragments: String = (0..levels).map(|at| format!("fragment F{at} on Query {{ ...F{0} ...F{0} }} ", at + 1)).collect();
    format!("{{ ...F0 }} {fragments} fragment F{levels} on Query {{ viewer {{ name }} }}")
}

fn fan_out(width: usize, depth: usize) -> String {
    let spreads = |at: usize| format!("...W{} ", at + 1).repeat(width);
    let fragments: String = (0..depth).map(|at| format!("fragment W{at} on Query {{ {} }} ", spreads(at))).collect();
    format!("{{ ...W0 }} {fragments} fragment W{depth} on Query {{ viewer {{ name }} }}")
}

on_both! {
    async fn documents_that_would_take_the_stack_or_the_afternoon_are_refused_at_once(app) {
        let before = contents(&app).await;
        let aliases: String = (0..5_000).map(|at| format!("a{at}: viewer {{ name }} ")).collect();
        let directives = format!("{{ viewer {{ name {} }} }}", "@include(if: true) ".repeat(2_000));
        let unknown: String = (0..5_000).map(|at| format!("unknown{at} ")).collect();
        let deep = format!("{{ {} {} }}", "viewer { ".repeat(5_000), "} ".repeat(5_000));
        let wide = "{ customers(first: 100) { nodes { contacts(first: 100) { nodes { customer { contacts(first: 100) { nodes { id } } } } \
                } } } }";
        for actor in [app.nobody(), app.actor("hq.director").await] {
            for (document, code) in [
                (nested_lists(4_000), "COST_LIMIT_EXCEEDED"),
                (nested_lists(30_000), "COST_LIMIT_EXCEEDED"),
                (nested_objects(4_000), "COST_LIMIT_EXCEEDED"),
                (doubling(30), "COST_LIMIT_EXCEEDED"),
                (doubling(500), "COST_LIMIT_EXCEEDED"),
                (fan_out(20, 5), "COST_LIMIT_EXCEEDED"),
                (format!("{{ {aliases} }}"), "COST_LIMIT_EXCEEDED"),
                (directives.clone(), "COST_LIMIT_EXCEEDED"),
                (deep.clone(), "COST_LIMIT_EXCEEDED"),
                (wide.to_owned(), "COST_LIMIT_EXCEEDED"),
                ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
                ("{ ...Nowhere }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
                ("{ customers(filter: \"".to_owned(), "GRAPHQL_PARSE_FAILED"),
                ("\u{0}".to_owned(), "GRAPHQL_PARSE_FAILED"),
                (String::new(), "GRAPHQL_PARSE_FAILED"),
            ] {
                assert_eq!(refused_at_once(&actor, &document).await, code, "{}", document.chars().take(60).collect::<String>());
            }
            let answer = actor.send(&format!("{{ {unknown} }}"), json!({})).await;
            assert!(answer.body.to_string().len() < 100_000, "an answer must not be many times its question");
        }
        assert_eq!(contents(&app).await, before);
    }

    async fn filters_nest_three_deep(app) {
        let actor = app.actor("shanghai.manager").await;
        let query = "query($filter: CustomerFilter) { customers(filter: $filter) { totalCount } }";
        let nested = |levels: usize, with: &str| {
            (0..levels).fold(json!({ "kind": { "eq": "PERSON" } }), |inner, _| {
                if with == "not" { json!({ "not": inner }) } else { json!({ "or": [inner] }) }
            })
        };
        for with in ["not", "or"] {
            for levels in 0..=3 {
                actor.ask_with(query, json!({ "filter": nested(levels, with) })).await;
            }
            for levels in [4, 10] {
                let extensions = refused(&actor, query, json!({ "filter": nested(levels, with) })).await;
                assert_eq!(wrong_fields(&extensions), [("filter", "depth")], "{levels} {with}");
            }
            // Values that nest far deeper are not read at all, be they literals or variables.
            assert_eq!(actor.code(query, json!({ "filter": nested(50, with) })).await, "COST_LIMIT_EXCEEDED", "{with}");
        }
        let branches = |number: usize| json!({ "filter": { "or": vec![json!({ "kind": { "eq": "PERSON" } }); number] } });
        actor.ask_with(query, branches(20)).await;
        assert_eq!(wrong_fields(&refused(&actor, query, branches(21)).await), [("filter.or", "length")]);
        for inner in [json!({ "archived": true }), json!({ "minLevel": "CARD" })] {
            let extensions = refused(&actor, query, json!({ "filter": { "not": inner } })).await;
            assert_eq!(wrong_fields(&extensions)[0].1, "top");
        }
    }

    async fn ids_are_of_one_type(app) {
        let actor = app.actor("shanghai.manager").await;
        let before = contents(&app).await;
        let (customer, contact) = (customer_id(&app, "SH-0003", "SHANGHAI").await, contact_id(&app, "SH-0003", "SHANGHAI").await);
        let (unit, user) = (unit_id(&app, "SHANGHAI").await, user_id(&app, "shanghai.rep1").await);
        for (query, field, others) in [
            ("query($id: ID!) { customer(id: $id) { id } }", "id", [&contact, &unit, &user]),
            ("query($id: ID!) { orgUnit(id: $id) { id } }", "id", [&contact, &customer, &user]),
            ("query($id: ID!) { customers(filter: {id: {eq: $id}}) { totalCount } }", "filter.id", [&contact, &unit, &user]),
            ("query($id: ID!) { customers(filter: {unit: {in: [$id]}}) { totalCount } }", "filter.unit", [&contact, &customer, &user]),
            ("query($id: ID!) { customers(filter: {underUnit: $id}) { totalCount } }", "filter.underUnit", [&contact, &customer, &user]),
            ("query($id: ID!) { customers(filter: {owner: {eq: $id}}) { totalCount } }", "filter.owner", [&contact, &customer, &unit]),
            ("mutation($id: ID!) { updateCustomer(input: {id: $id}) { __typename } }", "input.id", [&contact, &unit, &user]),
            ("mutation($id: ID!) { archiveCustomer(input: {id: $id}) { __typename } }", "input.id", [&contact, &unit, &user]),
            ("mutation($id: ID!) { restoreCustomer(input: {id: $id}) { __typename } }", "input.id", [&contact, &unit, &user]),
            ("mutation($id: ID!) { assignCustomer(input: {id: $id}) { __typename } }", "input.id", [&contact, &unit, &user]),
            (
                "mutation($id: ID!) { createContact(input: {customerId: $id, name: \"X\"}) { __typename } }",
                "input.customerId",
                [&contact, &unit, &user],
            ),
            ("mutation($id: ID!) { updateContact(input: {id: $id}) { __typename } }", "input.id", [&customer, &unit, &user]),
            ("mutation($id: ID!) { archiveContact(input: {id: $id}) { __typename } }", "input.id", [&customer, &unit, &user]),
        ] {
            let by_hand = [json!("1"), json!(7), json!(""), json!("Q3VzdG9tZXI6MQ"), json!("Customer:1")];
            for id in others.into_iter().chain(&by_hand) {
                assert_eq!(wrong_fields(&refused(&actor, query, json!({ "id": id })).await), [(field, "id")], "{query} {id}");
            }
        }
        for query in ["query($id: ID!) { node(id: $id) { id } }", "query($id: ID!) { nodes(ids: [$id]) { id } }"] {
            for id in ["", "1", "T3JnVW5pdDo", "UG9zdDowMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA"] {
                assert_eq!(wrong_fields(&refused(&actor, query, json!({ "id": id })).await)[0].1, "id", "{query} {id}");
            }
        }
        let many = refused(&actor, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": vec![customer; 101] })).await;
        assert_eq!(wrong_fields(&many), [("ids", "length")]);
        assert_eq!(contents(&app).await, before);
    }

    async fn words_that_are_none_are_refused(app) {
        let actor = app.actor("shanghai.manager").await;
        let unit = unit_id(&app, "SHANGHAI").await;
        let before = contents(&app).await;
        for (query, variables) in [
            ("{ customers(sort: {field: PHONE}) { totalCount } }", json!({})),
            ("{ customers(filter: {class: {eq: VIP}}) { totalCount } }", json!({})),
            ("{ viewer { can(resource: CUSTOMER, action: DELETE) } }", json!({})),
            ("query($class: CustomerClass) { customers(filter: {class: {eq: $class}}) { totalCount } }", json!({ "class": "VIP" })),
            ("query($class: CustomerClass) { customers(filter: {class: {eq: $class}}) { totalCount } }", json!({ "class": "account" })),
            (
                "mutation($unit: ID!) { createCustomer(input: {unitId: $unit, kind: ROBOT, name: \"X\"}) { __typename } }",
                json!({ "unit": unit }),
            ),
        ] {
            let extensions = refused(&actor, query, variables).await;
            let code = extensions["code"].as_str().unwrap();
            assert!(["GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"].contains(&code), "{query}: {extensions}");
        }
        assert_eq!(contents(&app).await, before);
    }

    async fn an_expired_post_signs_in_and_may_do_nothing(app) {
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let unit = unit_id(&app, "SHANGHAI").await;
        app.execute(
            "UPDATE post SET valid_to = valid_from + 1 WHERE user_id = (SELECT id FROM user_account WHERE username = 'shanghai.manager')",
        )
        .await;
        rights_changed(&app).await;
        let sign_in = "mutation($input: SignInInput!) { signIn(input: $input) { accessToken expiresAt } }";
        let signed_in = app.nobody().ask_with(sign_in, json!({ "input": { "username": "shanghai.manager", "password": PASSWORD } })).await;
        let actor = Actor { app: &app, token: Some(signed_in["signIn"]["accessToken"].as_str().unwrap().to_owned()) };
        let viewer = actor.ask("{ viewer { username posts { id } can(resource: CUSTOMER, action: READ) } }").await;
        assert_eq!(viewer["viewer"], json!({ "username": "shanghai.manager", "posts": [], "can": false }));
        let before = contents(&app).await;
        let variables = json!({ "id": id, "unit": unit });
        for (field, arguments) in [
            ("query { customers { totalCount } }", ""),
            ("query { orgUnits { totalCount } }", ""),
            ("query($id: ID!) { customer(id: $id) { id } }", "id"),
            ("query($id: ID!) { node(id: $id) { id } }", "id"),
            ("query($id: ID!) { nodes(ids: [$id]) { id } }", "id"),
            ("query($unit: ID!) { node(id: $unit) { id } }", "unit"),
            ("query($unit: ID!) { orgUnit(id: $unit) { id } }", "unit"),
            ("mutation($unit: ID!) { createCustomer(input: {unitId: $unit, kind: PERSON, name: \"X\"}) { __typename } }", "unit"),
            ("mutation($id: ID!) { updateCustomer(input: {id: $id, name: \"X\"}) { __typename } }", "id"),
            ("mutation($id: ID!) { assignCustomer(input: {id: $id}) { __typename } }", "id"),
            ("mutation($id: ID!) { archiveCustomer(input: {id: $id}) { __typename } }", "id"),
            ("mutation($id: ID!) { createContact(input: {customerId: $id, name: \"X\"}) { __typename } }", "id"),
        ] {
            let given = if arguments.is_empty() { json!({}) } else { json!({ arguments: variables[arguments] }) };
            assert_eq!(refused(&actor, field, given).await, json!({ "code": "FORBIDDEN" }), "{field}");
        }
        assert_eq!(contents(&app).await, before);
    }

    async fn nobody_without_a_token_learns_anything(app) {
        let nobody = app.nobody();
        assert_eq!(nobody.ask("{ __typename }").await["__typename"], "Query");
        for query in
            ["{ viewer { name } }", "{ customers { totalCount } }", "{ node(id: \"x\") { id } }", "{ __schema { types { name } } }"]
        {
            assert_eq!(nobody.code(query, json!({})).await, "UNAUTHENTICATED", "{query}");
        }
        let sign_in = "mutation($input: SignInInput!) { signIn(input: $input) { accessToken } }";
        let mut answers = Vec::new();
        for (username, password) in
            [("shanghai.manager", "wrong password"), ("nobody.at.all", PASSWORD), ("", ""), ("x' OR '1'='1", PASSWORD)]
        {
            answers.push(nobody.send(sign_in, json!({ "input": { "username": username, "password": password } })).await);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "a wrong name and a wrong password answer alike: {answers:?}");
        assert_eq!(answers[0].body["errors"][0]["extensions"], json!({ "code": "UNAUTHENTICATED" }));
        let twice = "mutation($input: SignInInput!) { a: signIn(input: $input) { expiresAt } b: signIn(input: $input) { expiresAt } }";
        let second = nobody.fail(twice, json!({ "input": { "username": "hq.admin", "password": PASSWORD } })).await;
        assert_eq!(wrong_fields(&second["extensions"]), [("signIn", "once")], "one try a request");
    }

    async fn a_level_that_is_not_reached_cannot_be_filtered_or_sorted_by(app) {
        let auditor = app.actor("hq.auditor").await;
        for (query, field) in [
            ("{ customers(filter: {phone: {eq: \"1\"}}) { totalCount } }", "filter.phone"),
            ("{ customers(filter: {or: [{not: {birthDate: {isNull: true}}}]}) { totalCount } }", "filter.birthDate"),
            ("{ customers(filter: {industry: {isNull: true}}) { totalCount } }", "filter.industry"),
            ("{ customers(filter: {contact: {name: {eq: \"x\"}}}) { totalCount } }", "filter.contact"),
            ("{ customers(filter: {minLevel: BASIC}) { totalCount } }", "filter.minLevel"),
            ("{ customers(sort: {field: INDUSTRY}) { totalCount } }", "sort.field"),
            ("{ customers(sort: {field: ANNUAL_INCOME}, filter: {minLevel: CARD}) { totalCount } }", "sort.field"),
        ] {
            assert_eq!(refused(&auditor, query, json!({})).await, json!({ "code": "FORBIDDEN", "field": field }), "{query}");
        }
    }
}
