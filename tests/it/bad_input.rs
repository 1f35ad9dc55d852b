//! Wrong values for everything that the schema takes in: each gets its code and field, quickly, and nothing changes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Map, Value as Json, json};

use crate::app::{Actor, Answer, TestApp};
use crate::on_both;
use crate::raw::{global, invented};
use crate::tables::{contact_id, customer_id, tables, unit_id, user_id};

/// What `extensions.code` may be.
const CODES: [&str; 16] = [
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "BAD_USER_INPUT",
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "NOT_FOUND",
    "CONFLICT",
    "IDEMPOTENCY_KEY_REUSED",
    "PERSISTED_QUERY_NOT_FOUND",
    "COST_LIMIT_EXCEEDED",
    "RATE_LIMITED",
    "OVERLOADED",
    "TIMEOUT",
    "UNAVAILABLE",
    "OUTCOME_UNKNOWN",
    "INSUFFICIENT_STORAGE",
];

/// How many problems a failure shows.
const MOST_SHOWN: usize = 60;

/// What tells of our insides, or of nothing to a person.
const INSIDES: [&str; 18] = [
    "::",
    "Option<",
    "Vec<",
    "Some(",
    "Err(",
    "i32",
    "i64",
    "u64",
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    ".rs",
    "sqlx",
    "sea_orm",
    "serde",
    "panicked",
    "invalid length",
    "expected struct",
];

/// Checks an answer to wrong input. Returns whether it tells of an error; Err: what is wrong with the answer.
fn check(answer: &Answer) -> Result<bool, String> {
    if answer.status != 200 && answer.status != 400 {
        return Err(format!("{} {}", answer.status, answer.body));
    }
    let Some(errors) = answer.body.get("errors") else { return Ok(false) };
    for error in errors.as_array().ok_or("errors are no list")? {
        let code = error["extensions"]["code"].as_str().unwrap_or_default();
        if !CODES.contains(&code) {
            return Err(format!("code {code} in {error}"));
        }
        let violations = error["extensions"]["violations"].as_array().map_or(&[][..], Vec::as_slice);
        let says = |wrong: &Json| ["field", "rule", "message"].iter().all(|key| wrong[key].as_str().is_some_and(|text| !text.is_empty()));
        if code == "BAD_USER_INPUT" && (violations.is_empty() || !violations.iter().all(says)) {
            return Err(format!("violations in {error}"));
        }
        let text = error.to_string();
        if text.len() > 16_000 {
            return Err(format!("an error of {} bytes", text.len()));
        }
        if let Some(inside) = INSIDES.iter().find(|inside| text.contains(**inside)) {
            return Err(format!("{inside} in {text}"));
        }
    }
    Ok(true)
}

/// Does every violation say which argument or field of an input it is about? A client marks that in its form.
fn names_the_input(field: &str, answer: &Answer) -> bool {
    let errors = answer.body["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let violations = errors.iter().filter_map(|error| error["extensions"]["violations"].as_array()).flatten();
    violations.into_iter().all(|wrong| wrong["field"] != field)
}

/// Every table with its number of rows and its highest version.
async fn marks(app: &TestApp) -> BTreeMap<String, (i64, i64)> {
    // Failed sign-ins are counted, and told of in the audit.
    let marks = tables(app).await.into_iter().filter(|table| table != "sign_in_failure").map(|table| {
        let versioned = ["org_unit", "user_account", "post", "customer", "contact"].contains(&table.as_str());
        let version = if versioned { "COALESCE(MAX(version), 0)" } else { "0" };
        // A refusal is told of, and changes nothing.
        let which = if table == "audit" { "WHERE record_type NOT IN ('request', 'session')" } else { "" };
        format!("SELECT '{table}', COUNT(*), CAST({version} AS bigint) FROM {table} {which}")
    });
    let rows = app.select(&marks.collect::<Vec<_>>().join(" UNION ALL ")).await;
    let mark = |row: &sea_orm::QueryResult| (row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap());
    rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), mark(row))).collect()
}

/// Values that are wrong for most fields, and at the edge of what others take.
fn wrong_values(foreign_id: &Json) -> Vec<Json> {
    let mut values = vec![
        Json::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(101),
        json!(2_147_483_648_i64),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1.5),
        json!(1e300),
        json!([]),
        json!([null]),
        json!([[1]]),
        json!({}),
        json!({ "eq": "x" }),
        json!({ "nothing": { "of": ["the", "sort"] } }),
        Json::Array((0..300).map(|at| json!(format!("v{at}"))).collect()),
        Json::Array(vec![foreign_id.clone(); 300]),
        foreign_id.clone(),
    ];
    let texts = [
        "",
        " ",
        "\u{0}",
        "a\u{0}b",
        "\u{1}\u{1b}[31m\u{7f}",
        "\u{202e}\u{feff}😀👩‍👩‍👧‍👦",
        "NOPE",
        "customer",
        "%_\\'\";--",
        "2024-13-45",
        "2024-02-30",
        "0000-00-00",
        "-9999-01-01",
        "9999-12-31",
        "-9999-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "2024-01-01T25:00:00Z",
        "1e999",
        "NaN",
        "-0.000000000000000000000000001",
        "79228162514264337593543950335",
        "123456789012345678901234567890123456789",
        "Q3VzdG9tZXI6",
        "Q3VzdG9tZXI6MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA",
    ];
    values.extend(texts.map(Json::from));
    values.push(json!("x".repeat(10_000)));
    values.push(json!("上".repeat(10_000)));
    values
}

/// The schema as clients see it.
struct Schema {
    types: BTreeMap<String, Json>,
}

impl Schema {
    async fn read(actor: &Actor<'_>) -> Self {
        let answer = actor
            .ask(
                "{ __schema { types { name kind enumValues { name }
                     fields { name args { name type { ...T } } type { ...T } }
                     inputFields { name type { ...T } } } } }
                 fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }",
            )
            .await;
        let types = answer["__schema"]["types"].as_array().unwrap();
        Self { types: types.iter().map(|of| (of["name"].as_str().unwrap().to_owned(), of.clone())).collect() }
    }

    fn fields(&self, of: &str) -> &[Json] {
        self.types[of]["fields"].as_array().map_or(&[], Vec::as_slice)
    }

    fn input_fields(&self, of: &str) -> &[Json] {
        self.types[of]["inputFields"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// The name inside lists and non-nulls.
fn named(of: &Json) -> &str {
    if of["ofType"].is_object() { named(&of["ofType"]) } else { of["name"].as_str().unwrap() }
}

/// A type as documents write it.
fn written(of: &Json) -> String {
    match of["kind"].as_str() {
        Some("NON_NULL") => format!("{}!", written(&of["ofType"])),
        Some("LIST") => format!("[{}]", written(&of["ofType"])),
        _ => of["name"].as_str().unwrap().to_owned(),
    }
}

/// One argument of one field, and how to reach that field from the root.
struct Door {
    kind: &'static str,
    field: String,
    argument: String,
    of: Json,
    /// Written around the field: `{ orgUnit(code: "SHANGHAI") { FIELD } }`.
    around: &'static str,
    /// Other arguments that the field cannot do without.
    beside: &'static str,
}

const NESTED: [(&str, &str, &str); 8] = [
    ("Contact", "history", "customer(externalRef: \"SH-0003\", originUnitCode: \"SHANGHAI\") { contacts(first: 1) { nodes { FIELD } } }"),
    ("Customer", "history", "customer(externalRef: \"SH-0003\", originUnitCode: \"SHANGHAI\") { FIELD }"),
    ("OrgUnit", "history", "orgUnit(code: \"SHANGHAI\") { FIELD }"),
    ("User", "history", "users(first: 1) { nodes { FIELD } }"),
    ("Customer", "contacts", "customer(externalRef: \"SH-0003\", originUnitCode: \"SHANGHAI\") { FIELD }"),
    ("OrgUnit", "children", "orgUnit(code: \"EAST\") { FIELD }"),
    ("OrgUnit", "customers", "orgUnit(code: \"SHANGHAI\") { FIELD }"),
    ("Viewer", "can", "viewer { FIELD }"),
];

fn doors(schema: &Schema) -> Vec<Door> {
    let mut doors = Vec::new();
    for of in schema.types.values().filter(|of| of["kind"] == "OBJECT" && !of["name"].as_str().unwrap().starts_with("__")) {
        let of = of["name"].as_str().unwrap();
        for field in schema.fields(of) {
            let name = field["name"].as_str().unwrap();
            for argument in field["args"].as_array().unwrap() {
                let argument_name = argument["name"].as_str().unwrap();
                let around = match of {
                    "Query" | "Mutation" => "FIELD",
                    _ => NESTED
                        .iter()
                        .find(|(on, nested, _)| *on == of && *nested == name)
                        .map_or_else(|| panic!("{of}.{name} takes arguments: say in NESTED how to reach it"), |(_, _, around)| around),
                };
                let beside = match (name, argument_name) {
                    ("customer", "externalRef") => "originUnitCode: \"SHANGHAI\"",
                    ("customer", "originUnitCode") => "externalRef: \"SH-0003\"",
                    ("can", "resource") => "action: READ",
                    ("can", "action") => "resource: CUSTOMER",
                    _ => "",
                };
                doors.push(Door {
                    kind: if of == "Mutation" { "mutation" } else { "query" },
                    field: name.to_owned(),
                    argument: argument_name.to_owned(),
                    of: argument["type"].clone(),
                    around,
                    beside,
                });
            }
        }
    }
    doors
}

impl Door {
    fn document(&self, schema: &Schema) -> String {
        let root = ["Query", "Mutation", "Contact", "Customer", "OrgUnit", "User", "Viewer"];
        let field = root.iter().flat_map(|of| schema.fields(of)).find(|field| field["name"] == self.field.as_str()).unwrap();
        let selection = if schema.types[named(&field["type"])]["kind"] == "SCALAR" { "" } else { "{ __typename }" };
        let (name, argument, of) = (&self.field, &self.argument, written(&self.of));
        let inner = format!("{name}({} {argument}: $value) {selection}", self.beside);
        format!("{}($value: {of}) {{ {} }}", self.kind, self.around.replace("FIELD", &inner))
    }
}

/// Builds the whole input around a wrong value.
type Place = Box<dyn Fn(&Json) -> Json>;

/// Places in an input where a wrong value can stand, each with the whole input around it.
struct Places<'a> {
    schema: &'a Schema,
    ids: &'a Map<String, Json>,
    found: Vec<(String, Place)>,
    /// Input types that were looked into behind another door: what stands inside them is the same again.
    known: &'a HashSet<String>,
}

impl Places<'_> {
    /// The least that an input of this type can be.
    fn least(&self, door: &Door, of: &str) -> Json {
        let mut least = Map::new();
        for field in self.schema.input_fields(of).iter().filter(|field| field["type"]["kind"] == "NON_NULL") {
            let name = field["name"].as_str().unwrap();
            let inner = named(&field["type"]);
            let value = match (inner, name) {
                ("ID", "id") => {
                    let of =
                        ["Contact", "OrgUnit", "User", "Post", "PolicyRule", "Delegation"].into_iter().find(|of| door.field.ends_with(of));
                    self.ids[of.unwrap_or("Customer")].clone()
                }
                ("ID", "customerId") => self.ids["Customer"].clone(),
                ("ID", "unitId" | "orgUnitId" | "parentId") => self.ids["OrgUnit"].clone(),
                ("ID", "userId" | "delegateId") => self.ids["User"].clone(),
                ("ID", "postId") => self.ids["Post"].clone(),
                ("DateTime", _) => json!("2090-01-01T00:00:00Z"),
                ("Decimal", _) => json!("1"),
                ("String", "currency") => json!("CNY"),
                ("String", _) => json!("x"),
                _ if self.schema.types[inner]["kind"] == "ENUM" => self.schema.types[inner]["enumValues"][0]["name"].clone(),
                _ if self.schema.types[inner]["kind"] == "INPUT_OBJECT" => self.least(door, inner),
                _ => panic!("{of}.{name}: say what a right value is"),
            };
            let value = if written(&field["type"]).starts_with('[') { json!([value]) } else { value };
            least.insert(name.to_owned(), value);
        }
        Json::Object(least)
    }

    /// A type within itself is looked into once: what stands deeper is the same again.
    fn collect(&mut self, door: &Door, path: &[(String, Json, bool)], of: &Json, above: &mut Vec<String>) {
        let owned: Vec<(String, Json, bool)> = path.to_vec();
        let label = std::iter::once(door.field.as_str()).chain(path.iter().map(|(name, ..)| name.as_str())).collect::<Vec<_>>().join(".");
        self.found.push((
            label,
            Box::new(move |wrong| {
                owned.iter().rev().fold(wrong.clone(), |value, (name, least, in_list)| {
                    let mut object = least.clone();
                    object[name] = value;
                    if *in_list { json!([object]) } else { object }
                })
            }),
        ));
        let inner = named(of).to_owned();
        if self.schema.types[&inner]["kind"] != "INPUT_OBJECT" || above.contains(&inner) || self.known.contains(&inner) {
            return;
        }
        above.push(inner.clone());
        let (least, in_list) = (self.least(door, &inner), written(of).starts_with('['));
        for field in self.schema.input_fields(&inner).to_vec() {
            let mut deeper = path.to_vec();
            deeper.push((field["name"].as_str().unwrap().to_owned(), least.clone(), in_list));
            self.collect(door, &deeper, &field["type"], above);
        }
        above.pop();
    }
}

on_both! {
    async fn nothing_that_is_wrong_anywhere_breaks_anything(app) {
        // Somebody who gets past every permit: what is wrong is met by the rules behind it.
        app.give_post("shanghai.manager", "group_admin", "HQ", 1, None).await;
        app.give_post("shanghai.manager", "group_auditor", "HQ", 1, None).await;
        app.rights_changed().await;
        let actor = app.actor("shanghai.manager").await;
        let schema = Schema::read(&actor).await;
        let one = async |sql: &str| app.id(&format!("SELECT id FROM {sql}")).await;
        let ids = json!({
            "Customer": customer_id(&app, "SH-0003", "SHANGHAI").await,
            "Contact": contact_id(&app, "SH-0003", "SHANGHAI").await,
            "OrgUnit": unit_id(&app, "SHANGHAI").await,
            "User": user_id(&app, "shanghai.rep2").await,
            "Post": global("Post", one("post WHERE user_id = (SELECT id FROM user_account WHERE username = 'shanghai.rep2')").await),
            "PolicyRule": global("PolicyRule", one("policy_rule WHERE role = 'supervisor' AND action = 'report'").await),
            "Delegation": invented("Delegation"),
        });
        let values = wrong_values(&user_id(&app, "shanghai.rep1").await);
        let mut known = marks(&app).await;
        let (mut asked, mut refused, mut problems, mut unnamed) = (0, HashSet::new(), Vec::new(), BTreeSet::new());
        let (mut looked_into, mut of_mutations) = (HashSet::new(), HashSet::new());
        for door in doors(&schema) {
            // An operation takes what a mutation takes, and does the same.
            let known_inputs = if door.field == "applyOperations" { &of_mutations } else { &looked_into };
            let mut places = Places { schema: &schema, ids: ids.as_object().unwrap(), found: Vec::new(), known: known_inputs };
            places.collect(&door, &[], &door.of, &mut Vec::new());
            let document = door.document(&schema);
            for (label, place) in std::mem::take(&mut places.found) {
                let label = format!("{label} ({})", door.argument);
                for value in &values {
                    let answer = actor.send(&document, json!({ "value": place(value) })).await;
                    asked += 1;
                    let told = check(&answer);
                    if !names_the_input(&door.field, &answer) {
                        unnamed.insert(format!("{label}: {}", answer.body["errors"][0]["extensions"]));
                    }
                    if told != Ok(false) {
                        refused.insert(label.clone());
                    }
                    let shown: String = value.to_string().chars().take(60).collect();
                    if door.kind == "mutation" {
                        let now = marks(&app).await;
                        if told != Ok(false) && now != known {
                            problems.push(format!("{label} = {shown}: refused, and changed something"));
                        }
                        known = now;
                    }
                    problems.extend(told.err().map(|problem| format!("{label} = {shown}: {problem}")));
                }
                if !refused.contains(&label) {
                    problems.push(format!("{label} takes anything"));
                }
            }
            // What restores takes what archives takes, but writes something else: mutations are looked into each.
            if door.kind == "query" {
                looked_into.insert(named(&door.of).to_owned());
            } else {
                of_mutations.insert(named(&door.of).to_owned());
            }
        }
        let number = problems.len();
        problems.truncate(MOST_SHOWN);
        assert!(number == 0, "{number} problems in {asked} requests:\n{}", problems.join("\n"));
        // Looking somebody up by identity number leaves an audit row, and nothing else.
        let (mut left, mut known) = (marks(&app).await, known);
        left.remove("audit");
        known.remove("audit");
        assert_eq!(left, known, "queries change nothing");
        assert_eq!(app.number("SELECT COUNT(*) FROM audit WHERE action = 'customer:read' AND record_id IN (SELECT id FROM customer)").await, 0);
        assert!(asked > 5_000, "{asked}");
        let unnamed: Vec<String> = unnamed.into_iter().collect();
        assert!(
            unnamed.is_empty(),
            "{} violations name the field that takes the input, not the input:\n{}",
            unnamed.len(),
            unnamed.join("\n")
        );
    }
}
