//! Writing customers through the front door: what lands, what is refused, and what the audit keeps of it.

use serde_json::{Value as Json, json};

use crate::app::{Actor, TestApp};
use crate::on_both;
use crate::tables::{Audit, allow, audits, audits_since, contact_id, contents, count, customer_id, unit_id, user_id, uuid_of};

/// Every field of a customer but those that change by themselves.
const CUSTOMER: &str = "id externalRef name kind class unit { code } owner { name } industry phone email address birthDate gender \
                        occupation education annualIncome { amount currency } identityNumber customFields { key value } archivedAt";
const CONTACT: &str = "id name role phone email archivedAt";

/// Calls a mutation and gives back the record of its payload, with version and times.
pub async fn call(actor: &Actor<'_>, mutation: &str, input: &Json) -> Json {
    let mut answer = actor.ask_with(&document(mutation), json!({ "input": input })).await;
    answer[mutation][record(mutation)].take()
}

/// Calls a mutation that must fail and gives back its error.
pub async fn refused(actor: &Actor<'_>, mutation: &str, input: &Json) -> Json {
    actor.fail(&document(mutation), json!({ "input": input })).await
}

fn record(mutation: &str) -> &'static str {
    if mutation.ends_with("Contact") { "contact" } else { "customer" }
}

fn fields(mutation: &str) -> &'static str {
    if mutation.ends_with("Contact") { CONTACT } else { CUSTOMER }
}

fn input_type(mutation: &str) -> String {
    match mutation {
        "restoreCustomer" => "ArchiveCustomerInput".to_owned(),
        "restoreContact" => "ArchiveContactInput".to_owned(),
        other => format!("{}{}Input", other[..1].to_uppercase(), &other[1..]),
    }
}

fn document(mutation: &str) -> String {
    let (input, record, fields) = (input_type(mutation), record(mutation), fields(mutation));
    format!("mutation($input: {input}!) {{ {mutation}(input: $input) {{ {record} {{ {fields} version createdAt updatedAt }} }} }}")
}

/// A record by its id, as `actor` sees it.
async fn look(actor: &Actor<'_>, of: &str, id: &Json) -> Json {
    let (name, fields) = if of.ends_with("Contact") { ("Contact", CONTACT) } else { ("Customer", CUSTOMER) };
    let query = format!("query($id: ID!) {{ node(id: $id) {{ ... on {name} {{ {fields} version createdAt updatedAt }} }} }}");
    actor.ask_with(&query, json!({ "id": id })).await["node"].take()
}

fn whole_customer(unit: &Json) -> Json {
    json!({
        "unitId": unit, "kind": "PERSON", "name": "Ada Lovelace", "externalRef": "NEW-1", "class": "TARGET", "industry": "Computing",
        "phone": "13912345678", "email": "ada@example.com", "address": "上海市徐汇区1号", "birthDate": "1985-12-10", "gender": "FEMALE",
        "occupation": "Analyst", "education": "Master", "annualIncome": { "amount": "123456.78", "currency": "cny" },
        "identityNumber": "310101198512101234", "customFields": [{ "key": "shoe_size", "value": "38" }],
    })
}

on_both! {
    async fn a_document_whose_variables_do_not_fit_changes_nothing(app) {
        let manager = app.actor("shanghai.manager").await;
        let customer = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let before = contents(&app).await;
        for (declared, given) in [("String", json!({})), ("[String!]", json!({ "n": ["a"] })), ("ID!", json!({ "n": "a" }))] {
            let document = format!("mutation($c: ID!, $n: {declared}) {{
                one: createContact(input: {{customerId: $c, name: \"Half way\"}}) {{ contact {{ id }} }}
                two: createContact(input: {{customerId: $c, name: $n}}) {{ contact {{ id }} }} }}");
            let mut variables = given;
            variables["c"] = customer.clone();
            assert_eq!(manager.code(&document, variables).await, "BAD_USER_INPUT", "{declared}");
            assert_eq!(contents(&app).await, before, "{declared}");
        }
    }

    async fn a_customer_is_created_as_it_was_said(app) {
        let manager = app.actor("shanghai.manager").await;
        let unit = unit_id(&app, "SHANGHAI").await;
        let (audit, parties) = (audits(&app).await, count(&app, "party").await);
        let made = call(&manager, "createCustomer", &whole_customer(&unit)).await;
        for (field, value) in [
            ("externalRef", json!("NEW-1")),
            ("name", json!("Ada Lovelace")),
            ("kind", json!("PERSON")),
            ("class", json!("TARGET")),
            ("unit", json!({ "code": "SHANGHAI" })),
            ("owner", Json::Null),
            ("industry", json!("Computing")),
            ("phone", json!("13912345678")),
            ("email", json!("ada@example.com")),
            ("address", json!("上海市徐汇区1号")),
            ("birthDate", json!("1985-12-10")),
            ("gender", json!("FEMALE")),
            ("occupation", json!("Analyst")),
            ("education", json!("Master")),
            ("annualIncome", json!({ "amount": "123456.78", "currency": "CNY" })),
            ("identityNumber", json!("****1234")),
            ("customFields", json!([{ "key": "shoe_size", "value": "38" }])),
            ("version", json!(1)),
            ("archivedAt", Json::Null),
        ] {
            assert_eq!(made[field], value, "{field}");
        }
        assert_eq!(look(&manager, "createCustomer", &made["id"]).await, made);
        assert_eq!(count(&app, "party").await, parties + 1);
        let [row] = audits_since(&app, &audit).await.try_into().expect("one audit row");
        assert_eq!((row.action.as_str(), row.record, row.unit), ("customer:create", uuid_of(&made["id"]), Some(uuid_of(&unit))));
        assert_eq!(row.actor, Some(uuid_of(&user_id(&app, "shanghai.manager").await)));
        assert_eq!(row.changes["name"], json!([null, "Ada Lovelace"]));
        assert_eq!(row.changes["phone"], json!([null, "13912345678"]));
        assert_eq!(row.changes["identityNumber"], json!([null, "present"]));
    }

    async fn who_creates_decides_whose_it_is(app) {
        let (shanghai, me) = (unit_id(&app, "SHANGHAI").await, user_id(&app, "shanghai.rep1").await);
        let rep = app.actor("shanghai.rep1").await;
        let input = |owner: Option<Json>| {
            let mut input = json!({ "unitId": shanghai, "kind": "COMPANY", "name": "Whose", "phone": "13912345678" });
            if let Some(owner) = owner {
                input["ownerId"] = owner;
            }
            input
        };
        assert_eq!(call(&rep, "createCustomer", &input(None)).await["owner"]["name"], "王磊");
        assert_eq!(call(&rep, "createCustomer", &input(Some(me))).await["owner"]["name"], "王磊");
        let nobodys = call(&rep, "createCustomer", &input(Some(Json::Null))).await;
        assert_eq!((&nobodys["owner"], &nobodys["phone"]), (&Json::Null, &Json::Null), "seen as a card from now on");
        let manager = app.actor("shanghai.manager").await;
        assert_eq!(call(&manager, "createCustomer", &input(None)).await["owner"], Json::Null, "a manager works none of its own");
        let before = contents(&app).await;
        let error = refused(&rep, "createCustomer", &input(Some(user_id(&app, "shanghai.rep2").await))).await;
        assert_eq!(error["extensions"], json!({ "code": "FORBIDDEN", "field": "input.ownerId" }), "that takes the right to assign");
        let error = refused(&manager, "createCustomer", &input(Some(user_id(&app, "beijing.rep1").await))).await;
        assert_eq!(error["extensions"], json!({ "code": "NOT_FOUND", "field": "input.ownerId" }));
        assert_eq!(contents(&app).await, before);
    }

    async fn a_reference_is_taken_once_at_its_unit(app) {
        let manager = app.actor("shanghai.manager").await;
        let input = |unit: &Json, reference: &str| json!({ "unitId": unit, "kind": "PERSON", "name": "Twice", "externalRef": reference });
        let (shanghai, pudong) = (unit_id(&app, "SHANGHAI").await, unit_id(&app, "SHANGHAI-PUDONG").await);
        let before = contents(&app).await;
        let error = refused(&manager, "createCustomer", &input(&shanghai, " SH-0001 ")).await;
        assert_eq!((&error["extensions"]["code"], &error["extensions"]["fields"]), (&json!("CONFLICT"), &json!(["input.externalRef"])));
        assert_eq!(error["extensions"]["violations"][0]["rule"], "unique");
        for code in ["EAST", "HQ", "HANGZHOU"] {
            let foreign = unit_id(&app, code).await;
            for reference in ["HQ-0001", "EA-0001", "HZ-0001", "never-was"] {
                let error = refused(&manager, "createCustomer", &input(&foreign, reference)).await;
                assert_eq!(error["extensions"], json!({ "code": "FORBIDDEN", "field": "input.unitId" }), "{reference} at {code}");
            }
        }
        let error = refused(&manager, "createCustomer", &input(&unit_id(&app, "BEIJING").await, "BJ-0001")).await;
        assert_eq!(error["extensions"], json!({ "code": "NOT_FOUND", "field": "input.unitId" }));
        assert_eq!(contents(&app).await, before);
        assert_eq!(call(&manager, "createCustomer", &input(&pudong, "SH-0001")).await["externalRef"], "SH-0001");
    }

    async fn versions_rise_with_every_change_and_with_nothing_else(app) {
        let manager = app.actor("shanghai.manager").await;
        for (update, archive, restore, id) in [
            ("updateCustomer", "archiveCustomer", "restoreCustomer", customer_id(&app, "SH-0003", "SHANGHAI").await),
            ("updateContact", "archiveContact", "restoreContact", contact_id(&app, "SH-0003", "SHANGHAI").await),
        ] {
            let before = look(&manager, update, &id).await;
            let version = before["version"].as_i64().unwrap();
            let audit = audits(&app).await;
            let input = json!({ "id": id, "expectedVersion": version, "name": "Renamed", "phone": "021-5555-0101" });
            let after = call(&manager, update, &input).await;
            assert_eq!((&after["name"], &after["version"]), (&json!("Renamed"), &json!(version + 1)));
            assert!(after["updatedAt"].as_str() > before["updatedAt"].as_str(), "{before} {after}");
            assert_eq!(after["createdAt"], before["createdAt"]);
            let [row] = audits_since(&app, &audit).await.try_into().expect("one audit row");
            let resource = record(update);
            assert_eq!((row.action, row.record), (format!("{resource}:update"), uuid_of(&id)));
            assert_eq!(row.actor, Some(uuid_of(&user_id(&app, "shanghai.manager").await)));
            assert_eq!(row.changes, json!({ "name": [before["name"], "Renamed"], "phone": [before["phone"], "021-5555-0101"] }));

            let unchanged = contents(&app).await;
            let again = json!({ "id": id, "expectedVersion": version + 1, "name": "Renamed", "phone": "021-5555-0101" });
            assert_eq!(call(&manager, update, &again).await, after, "the same again changes nothing");
            let error =
                refused(&manager, update, &json!({ "id": id, "expectedVersion": version, "name": "Late", "phone": "021-5555-0101" })).await;
            let told = &error["extensions"];
            assert_eq!(
                (&told["code"], &told["currentVersion"], &told["fields"]),
                (&json!("CONFLICT"), &json!(version + 1), &json!(["name"]))
            );
            // The record as it stands, in the words of the API: what was not spoken of too, identity numbers never.
            assert_eq!((&told["current"]["name"], &told["current"]["phone"]), (&json!("Renamed"), &json!("021-5555-0101")));
            assert!(told["current"].get("email").is_some() && told["current"].get("identityNumber").is_none(), "{told}");
            for (mutation, expected) in [(archive, version), (restore, version + 7)] {
                let error = refused(&manager, mutation, &json!({ "id": id, "expectedVersion": expected })).await;
                assert_eq!(error["extensions"]["code"], "CONFLICT", "{mutation}");
                assert_eq!(error["extensions"]["currentVersion"], version + 1, "{mutation}");
            }
            assert_eq!(call(&manager, restore, &json!({ "id": id })).await, after, "what is not archived is restored already");
            assert_eq!(contents(&app).await, unchanged);

            let archived = call(&manager, archive, &json!({ "id": id, "expectedVersion": version + 1 })).await;
            assert_eq!((archived["version"].as_i64(), archived["archivedAt"].is_string()), (Some(version + 2), true));
            assert_eq!(call(&manager, archive, &json!({ "id": id })).await, archived, "archived once, at that time");
            let restored = call(&manager, restore, &json!({ "id": id })).await;
            assert_eq!((&restored["version"], &restored["archivedAt"]), (&json!(version + 3), &Json::Null));
            let actions: Vec<String> = audits_since(&app, &audit).await.into_iter().map(|row| row.action).collect();
            assert_eq!(actions.iter().filter(|action| **action == format!("{resource}:archive")).count(), 2, "{actions:?}");
            assert_eq!(actions.len(), 3);
        }
    }

    async fn an_owner_is_somebody_who_works_there(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let input = |owner: Json| json!({ "id": id, "ownerId": owner });
        let audit = audits(&app).await;
        let given = call(&manager, "assignCustomer", &input(user_id(&app, "shanghai.rep2").await)).await;
        assert_eq!(given["owner"]["name"], "Emily Zhao");
        let [row]: [Audit; 1] = audits_since(&app, &audit).await.try_into().expect("one audit row");
        let uuids = [uuid_of(&user_id(&app, "shanghai.rep1").await), uuid_of(&user_id(&app, "shanghai.rep2").await)];
        assert_eq!((row.action.as_str(), row.changes), ("customer:assign", json!({ "ownerId": uuids })));

        let before = contents(&app).await;
        for (owner, extensions) in [
            (user_id(&app, "beijing.rep1").await, json!({ "code": "NOT_FOUND", "field": "input.ownerId" })),
            (user_id(&app, "hq.director").await, json!({ "code": "NOT_FOUND", "field": "input.ownerId" })),
        ] {
            assert_eq!(refused(&manager, "assignCustomer", &input(owner)).await["extensions"], extensions);
        }
        let below = refused(&manager, "assignCustomer", &input(user_id(&app, "pudong.rep1").await)).await;
        assert_eq!(below["extensions"]["code"], "BAD_USER_INPUT");
        assert_eq!(below["extensions"]["violations"][0]["field"], "input.ownerId");
        let stale = json!({ "id": id, "ownerId": null, "expectedVersion": 1 });
        assert_eq!(refused(&manager, "assignCustomer", &stale).await["extensions"]["currentVersion"], given["version"]);
        let rep = app.actor("shanghai.rep2").await;
        assert_eq!(refused(&rep, "assignCustomer", &input(Json::Null)).await["extensions"], json!({ "code": "FORBIDDEN" }));
        assert_eq!(contents(&app).await, before);
        assert_eq!(call(&manager, "assignCustomer", &input(Json::Null)).await["owner"], Json::Null);
    }

    async fn a_field_that_the_level_does_not_open_is_not_written(app) {
        allow(&app, "service_agent", "customer", "update", "UNIT").await;
        let service = app.actor("shanghai.service").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let before = contents(&app).await;
        for (field, value) in [
            ("phone", json!("138****8017")),
            ("email", json!("x@example.com")),
            ("address", Json::Null),
            ("birthDate", json!("1990-01-01")),
            ("gender", json!("MALE")),
            ("occupation", json!("Clerk")),
            ("education", json!("Master")),
            ("annualIncome", json!({ "amount": "1", "currency": "CNY" })),
            ("identityNumber", json!("310101198512101234")),
            ("customFields", json!([{ "key": "a", "value": "b" }])),
        ] {
            let mut input = json!({ "id": id, "industry": "Seen" });
            input[field] = value;
            let error = refused(&service, "updateCustomer", &input).await;
            // A masked value is no phone number either; whichever is told first, nothing lands.
            if field == "phone" && error["extensions"]["code"] == "BAD_USER_INPUT" {
                assert_eq!(error["extensions"]["violations"][0]["field"], "input.phone");
            } else {
                assert_eq!(error["extensions"], json!({ "code": "FORBIDDEN", "field": format!("input.{field}") }), "{field}");
            }
        }
        assert_eq!(contents(&app).await, before);
        assert_eq!(call(&service, "updateCustomer", &json!({ "id": id, "industry": "Seen", "class": "USER" })).await["industry"], "Seen");
    }

    async fn a_row_out_of_the_actions_reach_is_not_written(app) {
        let before = contents(&app).await;
        let own = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let colleagues = customer_id(&app, "SH-0004", "SHANGHAI").await;
        let sideways = customer_id(&app, "HZ-0001", "HANGZHOU").await;
        let foreign = customer_id(&app, "BJ-0001", "BEIJING").await;
        for (actor, id, code) in [
            ("shanghai.rep1", &colleagues, "FORBIDDEN"),
            ("shanghai.rep1", &foreign, "NOT_FOUND"),
            ("shanghai.supervisor", &sideways, "FORBIDDEN"),
            ("shanghai.supervisor", &foreign, "NOT_FOUND"),
            ("shanghai.service", &own, "FORBIDDEN"),
            ("hq.director", &own, "FORBIDDEN"),
            ("hq.admin", &own, "FORBIDDEN"),
        ] {
            let error = refused(&app.actor(actor).await, "updateCustomer", &json!({ "id": id, "name": "Taken" })).await;
            assert_eq!(error["extensions"], json!({ "code": code }), "{actor}");
        }
        assert_eq!(contents(&app).await, before);
        for actor in ["shanghai.rep1", "shanghai.supervisor", "shanghai.manager", "east.manager", "hq.steward", "shanghai.integration"] {
            let input = json!({ "id": own, "name": actor, "phone": "13900000000", "education": actor, "identityNumber": "AB123456" });
            assert_eq!(call(&app.actor(actor).await, "updateCustomer", &input).await["name"], actor);
        }
    }

    async fn everything_wrong_is_told_at_once(app) {
        let manager = app.actor("shanghai.manager").await;
        let mut input = whole_customer(&unit_id(&app, "SHANGHAI").await);
        for (field, value) in [
            ("name", "  "),
            (
                "phone",
                "call \
            me",
            ),
            ("email", "nobody@"),
            ("birthDate", "1849-12-31"),
            ("gender", "\u{7}"),
        ] {
            input[field] = json!(value);
        }
        let before = contents(&app).await;
        let error = refused(&manager, "createCustomer", &input).await;
        let told: Vec<&str> =
            error["extensions"]["violations"].as_array().unwrap().iter().map(|wrong| wrong["field"].as_str().unwrap()).collect();
        for field in ["input.name", "input.phone", "input.email", "input.birthDate", "input.gender"] {
            assert!(told.contains(&field), "{field} in {told:?}");
        }
        assert_eq!(contents(&app).await, before);
    }
}

/// How an amount is shown and kept in minor units, or the field that is wrong.
type Kept = Result<(&'static str, i64), &'static str>;

/// Amounts with their currencies, and what comes of them.
const AMOUNTS: [(&str, &str, Kept); 10] = [
    ("19.99", "CNY", Ok(("19.99", 1_999))),
    ("20", "JPY", Ok(("20", 20))),
    ("1.234", "KWD", Ok(("1.234", 1_234))),
    ("0", "usd", Ok(("0.00", 0))),
    ("92233720368547758.07", "CNY", Ok(("92233720368547758.07", i64::MAX))),
    ("92233720368547758.08", "CNY", Err("input.annualIncome.amount")),
    ("20.5", "JPY", Err("input.annualIncome.amount")),
    ("19.999", "CNY", Err("input.annualIncome.amount")),
    ("-0.01", "CNY", Err("input.annualIncome")),
    ("1", "ZZ", Err("input.annualIncome.currency")),
];

async fn check_amount(app: &TestApp, id: &Json, amount: &str, currency: &str, expected: Kept) {
    let manager = app.actor("shanghai.manager").await;
    let input = json!({ "id": id, "annualIncome": { "amount": amount, "currency": currency } });
    match expected {
        Ok((shown, minor)) => {
            let money = call(&manager, "updateCustomer", &input).await["annualIncome"].take();
            assert_eq!(money, json!({ "amount": shown, "currency": currency.to_uppercase() }));
            let stored = app.number("SELECT annual_income_minor FROM customer WHERE external_ref = 'SH-0003'").await;
            assert_eq!(stored, minor, "{amount} {currency}");
        }
        Err(field) => {
            let error = refused(&manager, "updateCustomer", &input).await;
            assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{amount} {currency}");
            assert_eq!(error["extensions"]["violations"][0]["field"], field, "{amount} {currency}");
        }
    }
}

on_both! {
    async fn money_is_kept_in_minor_units(app) {
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        for (amount, currency, expected) in AMOUNTS {
            check_amount(&app, &id, amount, currency, expected).await;
        }
    }
}
