//! Omitted, null and a value are three things, in literals, in a whole input as one variable, and in a variable for each field.

use serde_json::{Map, Value as Json, json};

use crate::app::{Actor, TestApp};
use crate::on_both;
use crate::tables::{contact_id, customer_id};

/// A field that may be empty: its type, two values as they are sent, and whether they come back as they are.
struct Field {
    name: &'static str,
    kind: &'static str,
    values: fn() -> [Json; 2],
    select: &'static str,
    shown: fn(&Json) -> Json,
}

fn plain(value: &Json) -> Json {
    value.clone()
}

const fn text(name: &'static str, values: fn() -> [Json; 2]) -> Field {
    Field { name, kind: "String", values, select: "", shown: plain }
}

const CUSTOMER: &[Field] = &[
    text("industry", || [json!("Tea"), json!("Silk")]),
    text("phone", || [json!("13900000001"), json!("13900000002")]),
    text("email", || [json!("a@example.com"), json!("b@example.com")]),
    text("address", || [json!("上海 1"), json!("上海 \"2\"")]),
    text("gender", || [json!("FEMALE"), json!("MALE")]),
    text("occupation", || [json!("Clerk"), json!("Baker")]),
    text("education", || [json!("Master"), json!("Bachelor")]),
    Field { name: "birthDate", kind: "Date", values: || [json!("1990-01-02"), json!("1991-02-03")], select: "", shown: plain },
    Field {
        name: "annualIncome",
        kind: "MoneyInput",
        values: || [json!({ "amount": "10.00", "currency": "CNY" }), json!({ "amount": "20.00", "currency": "USD" })],
        select: "{ amount currency }",
        shown: plain,
    },
    Field {
        name: "identityNumber",
        kind: "String",
        values: || [json!("310101199001011111"), json!("310101199001012222")],
        select: "",
        shown: |value| json!(format!("****{}", &value.as_str().unwrap()[14..])),
    },
];

const CUSTOM_FIELDS: &[Field] = &[Field {
    name: "customFields",
    kind: "[CustomFieldInput!]",
    values: || [json!([{ "key": "size", "value": "38" }]), json!([{ "key": "size", "value": "39" }])],
    select: "{ key value }",
    shown: plain,
}];

const CONTACT: &[Field] = &[
    text("role", || [json!("Buyer"), json!("Seller")]),
    text("phone", || [json!("13900000001"), json!("13900000002")]),
    text("email", || [json!("a@example.com"), json!("b@example.com")]),
];

/// How an input can be written down.
#[derive(Clone, Copy, Debug)]
enum Style {
    Literal,
    WholeVariable,
    FieldVariables,
}

struct Updated<'a> {
    actor: &'a Actor<'a>,
    mutation: &'static str,
    record: &'static str,
    input: &'static str,
    id: Json,
    fields: &'static [Field],
}

fn literal(value: &Json) -> String {
    match value {
        Json::Object(object) => {
            let entries: Vec<String> = object.iter().map(|(key, value)| format!("{key}: {}", literal(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Json::Array(list) => format!("[{}]", list.iter().map(literal).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

impl Updated<'_> {
    fn selection(&self) -> String {
        let fields: Vec<String> = self.fields.iter().map(|field| format!("{} {}", field.name, field.select)).collect();
        format!("{{ {} {{ name {} }} }}", self.record, fields.join(" "))
    }

    /// Says `said` of the record, in this style, and gives back what stands then.
    async fn say(&self, style: Style, said: &Map<String, Json>) -> Json {
        let (mutation, selection) = (self.mutation, self.selection());
        let mut input = said.clone();
        input.insert("id".to_owned(), self.id.clone());
        let (document, variables) = match style {
            Style::Literal => (format!("mutation {{ {mutation}(input: {}) {selection} }}", literal(&Json::Object(input))), json!({})),
            Style::WholeVariable => {
                (format!("mutation($input: {}!) {{ {mutation}(input: $input) {selection} }}", self.input), json!({ "input": input }))
            }
            Style::FieldVariables => {
                let every =
                    || [("id", "ID!"), ("name", "String")].into_iter().chain(self.fields.iter().map(|field| (field.name, field.kind)));
                let declared: Vec<String> = every().map(|(name, kind)| format!("${name}: {kind}")).collect();
                let passed: Vec<String> = every().map(|(name, _)| format!("{name}: ${name}")).collect();
                let document = format!(
                    "mutation({}) {{ {mutation}(input: {{{}}}) {selection} }}",
                    declared.join(
                        ", \
                    "
                    ),
                    passed.join(", ")
                );
                (document, Json::Object(input))
            }
        };
        let mut answer = self.actor.ask_with(&document, variables).await;
        answer[mutation][self.record].take()
    }

    async fn check(&self, style: Style) {
        let values = |at: usize| self.fields.iter().map(move |field| (field.name.to_owned(), (field.values)()[at].clone()));
        let mut stands = self.say(style, &values(0).collect()).await;
        for field in self.fields {
            assert_eq!(stands[field.name], (field.shown)(&(field.values)()[0]), "{style:?} {}", field.name);
        }
        let renamed = self.say(style, &Map::from_iter([("name".to_owned(), json!(format!("{style:?}")))])).await;
        stands["name"] = json!(format!("{style:?}"));
        assert_eq!(renamed, stands, "{style:?}: what is omitted stays");
        for field in self.fields {
            for (value, shown) in [(Json::Null, Json::Null), ((field.values)()[1].clone(), (field.shown)(&(field.values)()[1]))] {
                // Without custom fields there is an empty list of them.
                stands[field.name] = if shown.is_null() && field.kind.starts_with('[') { json!([]) } else { shown };
                let after = self.say(style, &Map::from_iter([(field.name.to_owned(), value)])).await;
                assert_eq!(after, stands, "{style:?} {}", field.name);
            }
        }
    }
}

async fn check_customer(app: &TestApp, fields: &'static [Field]) {
    let actor = app.actor("shanghai.manager").await;
    let id = customer_id(app, "SH-0003", "SHANGHAI").await;
    let (mutation, record, input) = ("updateCustomer", "customer", "UpdateCustomerInput");
    let updated = Updated { actor: &actor, mutation, record, input, id, fields };
    for style in [Style::Literal, Style::WholeVariable, Style::FieldVariables] {
        updated.check(style).await;
    }
}

on_both! {
    async fn of_a_customer(app) {
        check_customer(&app, CUSTOMER).await;
    }

    async fn of_custom_fields(app) {
        check_customer(&app, CUSTOM_FIELDS).await;
    }

    async fn custom_fields_are_told_one_by_one(app) {
        let actor = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let say = async |custom: Json| {
            crate::writes::call(&actor, "updateCustomer", &json!({ "id": id, "customFields": custom })).await["customFields"].take()
        };
        assert_eq!(
            say(json!([{ "key": "b", "value": "2" }, { "key": "a", "value": "1" }])).await,
            json!([{ "key": "a", "value": "1" }, { "key": "b", "value": "2" }])
        );
        assert_eq!(
            say(json!([{ "key": "a", "value": "3" }])).await,
            json!([{ "key": "a", "value": "3" }, { "key": "b", "value": "2" }]),
            "others stay"
        );
        assert_eq!(
            say(json!([{ "key": "b", "value": null }, { "key": "never", "value": null }])).await,
            json!([{ "key": "a", "value": "3" }])
        );
        let many = |from: usize| Json::Array((from..from + 49).map(|at| json!({ "key": format!("k{at}"), "value": "x" })).collect());
        say(many(0)).await;
        let error = crate::writes::refused(&actor, "updateCustomer", &json!({ "id": id, "customFields": many(49) })).await;
        assert_eq!(error["extensions"]["violations"][0]["field"], "input.customFields", "at most 50 of a customer, not of an input");
    }

    async fn of_a_contact(app) {
        let actor = app.actor("shanghai.manager").await;
        let id = contact_id(&app, "SH-0003", "SHANGHAI").await;
        let (mutation, record, input) = ("updateContact", "contact", "UpdateContactInput");
        let updated = Updated { actor: &actor, mutation, record, input, id, fields: CONTACT };
        for style in [Style::Literal, Style::WholeVariable, Style::FieldVariables] {
            updated.check(style).await;
        }
    }

    async fn what_cannot_be_empty_is_not_emptied(app) {
        let actor = app.actor("shanghai.manager").await;
        let before = crate::tables::contents(&app).await;
        for (mutation, input, id, fields) in [
            ("updateCustomer", "UpdateCustomerInput", customer_id(&app, "SH-0003", "SHANGHAI").await, &["name", "kind", "class"][..]),
            ("updateContact", "UpdateContactInput", contact_id(&app, "SH-0003", "SHANGHAI").await, &["name"]),
        ] {
            for field in fields {
                let document = format!("mutation($input: {input}!) {{ {mutation}(input: $input) {{ __typename }} }}");
                let error = actor.fail(&document, json!({ "input": { "id": id, *field: null } })).await;
                assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{mutation} {field}");
                let wrong = json!({ "field": format!("input.{field}"), "rule": "required", "message": "must not be empty" });
                assert_eq!(error["extensions"]["violations"], json!([wrong]));
            }
        }
        assert_eq!(crate::tables::contents(&app).await, before);
    }

    async fn a_variable_with_a_default_says_the_default(app) {
        let actor = app.actor("shanghai.manager").await;
        let document = "mutation($id: ID!, $industry: String = \"Default\") { updateCustomer(input: {id: $id, industry: $industry}) \
            { customer { industry } } }";
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        for (variables, industry) in [(json!({ "id": id }), json!("Default")), (json!({ "id": id, "industry": null }), Json::Null)] {
            assert_eq!(actor.ask_with(document, variables).await["updateCustomer"]["customer"]["industry"], industry);
        }
    }
}
