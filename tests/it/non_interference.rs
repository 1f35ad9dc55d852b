//! Answers are the same, byte for byte, whether or not rows beyond the viewer's reach exist or change: on groups at random, for documents
//! that try every door. What a level closes is beyond reach too.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::TestApp;
use crate::on_groups_at_random;
use crate::oracle::{Customer, Sight, World};
use crate::raw::{Bytes, global, sql_id};
use crate::row_rules::Asker;

const CUSTOMER: &str = "id level hiddenFields externalRef name kind class unit { id code name } owner { id name title } industry phone \
    email address birthDate gender occupation education annualIncome { amount currency } identityNumber customFields { key value } \
    createdAt updatedAt version archivedAt contacts(first: 2) { totalCount nodes { id name role phone email } pageInfo { endCursor } }";
const SORTS: [&str; 6] = [
    "field: CREATED_AT, direction: DESC",
    "field: UPDATED_AT",
    "field: NAME, direction: DESC",
    "field: EXTERNAL_REF",
    "field: INDUSTRY",
    "field: ANNUAL_INCOME",
];

/// A document and its variables.
type Request = (String, Json);

fn page(arguments: &str) -> String {
    format!(
        "{{ customers({arguments}) {{ totalCount edges {{ cursor node {{ {CUSTOMER} }} }}
            pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
    )
}

/// Reading by lists, filters and orders.
fn lists(world: &World) -> Vec<Request> {
    let phone = world.customers[0].phone.as_deref().unwrap_or_default();
    let mut all = Vec::new();
    for sort in SORTS {
        for slice in ["first: 3", "last: 3"] {
            let least = if sort.contains("INCOME") { "FULL" } else { "CARD" };
            all.push(page(&format!("{slice}, sort: {{{sort}}}, filter: {{minLevel: {least}}}")));
        }
    }
    for filter in [
        "minLevel: BASIC".to_owned(),
        "archived: true".to_owned(),
        format!("phone: {{eq: \"{phone}\"}}"),
        format!("not: {{phone: {{eq: \"{phone}\"}}}}"),
        format!("or: [{{phone: {{eq: \"{phone}\"}}}}, {{industry: {{eq: \"Food\"}}}}, {{name: {{contains: \"anna\"}}}}]"),
        "name: {startsWith: \"b\"}".to_owned(),
        "externalRef: {isNull: true}".to_owned(),
        "contact: {name: {in: [\"Person 1\", \"Person 2\"]}}".to_owned(),
        "annualIncome: {currency: \"CNY\", gte: 0}".to_owned(),
    ] {
        all.push(page(&format!("first: 100, filter: {{{filter}}}")));
    }
    let units = "{ orgUnits(first: 100) { totalCount edges { cursor node { id code name kind businessMode createdAt parent { id }
        ancestors { id code } children(first: 5) { totalCount nodes { id code } }
        customers(first: 2, sort: {field: NAME}) { totalCount nodes { id name } pageInfo { hasNextPage endCursor } } } } } }";
    all.push(units.to_owned());
    all.push("{ viewer { name posts { id role unit { code } } can(resource: CUSTOMER, action: READ) } }".to_owned());
    all.into_iter().map(|document| (document, json!({}))).collect()
}

/// Reading by id: every id there is.
fn ids(world: &World) -> Vec<Request> {
    let customers: Vec<String> = world.customers.iter().map(|customer| global("Customer", customer.id)).collect();
    let contacts: Vec<String> = world.contacts.iter().map(|contact| global("Contact", contact.id)).collect();
    let units: Vec<String> = world.units.keys().map(|unit| global("OrgUnit", *unit)).collect();
    let users: Vec<String> = world.users.keys().map(|user| global("User", *user)).collect();
    let nodes = format!(
        "query($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on Customer {{ {CUSTOMER} }} ... on Contact {{ name phone customer {{ id }} }}
            ... on OrgUnit {{ code name parent {{ id }} customers(first: 1) {{ totalCount }} }} ... on User {{ name title }} }} }}"
    );
    let mut all: Vec<Request> = [&customers, &contacts, &units, &users].map(|ids| (nodes.clone(), json!({ "ids": ids }))).into();
    let filtered = |field: &str, ids: &[String]| {
        let document =
            format!("query($ids: [ID!]!) {{ customers(first: 100, filter: {{{field}: {{in: $ids}}}}) {{ totalCount nodes {{ id }} }} }}");
        (document, json!({ "ids": ids }))
    };
    all.extend([filtered("id", &customers), filtered("unit", &units), filtered("owner", &users)]);
    let under = "query($id: ID!) { customers(filter: {underUnit: $id}) { totalCount nodes { id } } orgUnit(id: $id) { name } }";
    all.extend(units.iter().map(|unit| (under.to_owned(), json!({ "id": unit }))));
    all
}

/// Writing to what is out of sight.
fn writes(world: &World, hidden: &[&Customer], units: &[Uuid]) -> Vec<Request> {
    let mut all = Vec::new();
    for customer in hidden.iter().take(4) {
        let id = json!({ "id": global("Customer", customer.id) });
        for document in [
            "mutation($id: ID!) { updateCustomer(input: {id: $id, name: \"Taken\"}) { customer { id } } }",
            "mutation($id: ID!) { updateCustomer(input: {id: $id, phone: null, expectedVersion: 1}) { customer { id } } }",
            "mutation($id: ID!) { assignCustomer(input: {id: $id}) { customer { id } } }",
            "mutation($id: ID!) { archiveCustomer(input: {id: $id}) { customer { id } } }",
            "mutation($id: ID!) { restoreCustomer(input: {id: $id}) { customer { id } } }",
            "mutation($id: ID!) { createContact(input: {customerId: $id, name: \"Spy\"}) { contact { id } } }",
        ] {
            all.push((document.to_owned(), id.clone()));
        }
        for contact in world.contacts.iter().filter(|contact| contact.customer == customer.id) {
            let document = "mutation($id: ID!) { updateContact(input: {id: $id, name: \"Taken\"}) { contact { id } } }";
            all.push((document.to_owned(), json!({ "id": global("Contact", contact.id) })));
        }
    }
    let create =
        "mutation($id: ID!) { createCustomer(input: {unitId: $id, kind: PERSON, name: \"N\", externalRef: \"R-1\"}) { customer { id } } }";
    all.extend(units.iter().take(3).map(|unit| (create.to_owned(), json!({ "id": global("OrgUnit", *unit) }))));
    all
}

/// Changes, inserts, archives and deletes what the asker does not see, and what it does not see of what it sees.
async fn disturb(app: &TestApp, asker: &Asker<'_>, hidden: &[&Customer], units: &[Uuid]) {
    let sql = |id: Uuid| sql_id(app.engine, id);
    let personal = "birth_date = NULL, gender = 'x', occupation = NULL, education = 'x', annual_income_minor = 1, \
                    annual_income_currency = 'CNY', custom = '{\"other\":\"thing\"}'";
    for (customer, sight) in asker.seen(|_, sight| sight < Sight::Full) {
        let id = sql(customer.id);
        let mut closed = personal.to_owned();
        if sight == Sight::Card {
            closed.push_str(", industry = 'Food', phone = '13800000000', email = NULL, address = NULL");
            app.execute(&format!("DELETE FROM contact WHERE customer_id = {id}")).await;
        }
        app.execute(&format!("UPDATE customer SET {closed} WHERE id = {id}")).await;
    }
    let copied = "party_id, unit_id, region_id, origin_unit_id, owner_id, kind, class, name, name_folded, industry, phone, email, address, \
                  custom, created_at, updated_at, version";
    for (at, customer) in hidden.iter().enumerate() {
        let (id, copy) = (sql(customer.id), sql(app.clock.id()));
        match at % 4 {
            0 => {
                app.execute(&format!("DELETE FROM contact WHERE customer_id = {id}")).await;
                app.execute(&format!("DELETE FROM customer WHERE id = {id}")).await;
            }
            1 => app.execute(&format!("INSERT INTO customer (id, {copied}) SELECT {copy}, {copied} FROM customer WHERE id = {id}")).await,
            2 => app.execute(&format!("UPDATE customer SET archived_at = 9, version = 7, owner_id = NULL WHERE id = {id}")).await,
            _ => {
                let seen = "archived_at = NULL, name = 'anna', name_folded = 'anna', industry = 'Food', created_at = 3, updated_at = 2";
                app.execute(&format!("UPDATE customer SET {seen}, phone = '13800000000', {personal} WHERE id = {id}")).await;
                app.execute(&format!("UPDATE contact SET name = 'Person 1', archived_at = NULL WHERE customer_id = {id}")).await;
            }
        }
    }
    for unit in units {
        let id = sql(*unit);
        app.execute(&format!("UPDATE org_unit SET name = 'Other', code = 'X' || code, business_mode = 'SINGLE' WHERE id = {id}")).await;
    }
    for user in asker.world.users.keys().filter(|user| **user != asker.user && !asker.world.sees_user(asker.user, **user)) {
        let id = sql(*user);
        app.execute(&format!("UPDATE user_account SET name = 'Other', username = 'x' || username WHERE id = {id}")).await;
        app.execute(&format!("UPDATE post SET valid_to = 2 WHERE user_id = {id} AND valid_from < 2")).await;
    }
    app.rights_changed().await;
}

async fn record(asker: &Asker<'_>, requests: &[Request]) -> Vec<Bytes> {
    let mut answers = Vec::new();
    for (document, variables) in requests {
        answers.push(asker.actor.bytes(document, variables).await);
    }
    answers
}

async fn answers_stay(app: &TestApp) {
    let names = World::read(app).await.users;
    for user in names.keys() {
        let world = World::read(app).await;
        let askers = Asker::everybody(app, &world).await;
        let asker = askers.iter().find(|asker| asker.user == *user).expect("one of them");
        let hidden: Vec<&Customer> = world.customers.iter().filter(|customer| world.sight(*user, customer).is_none()).collect();
        let mut units: Vec<Uuid> = world.units.keys().copied().filter(|unit| world.unit_sight(*user, *unit).is_none()).collect();
        units.sort();
        let requests = [lists(&world), ids(&world), writes(&world, &hidden, &units)].concat();
        let before = record(asker, &requests).await;
        disturb(app, asker, &hidden, &units).await;
        for ((before, after), (document, variables)) in before.iter().zip(record(asker, &requests).await).zip(&requests) {
            assert_eq!(*before, after, "{document} {variables}");
            let refused = ["INTERNAL", "GRAPHQL_", "COST_LIMIT", "BAD_USER_INPUT"].iter().any(|code| before.body.contains(code));
            assert!(before.status == 200 && !refused, "{document}: {}", before.body);
        }
    }
}

on_groups_at_random! {
    answers(8, [24, 0]) = answers_stay;
}
