//! Lending rights: what is lent is the lender's and no more, for its time and no longer, and nobody else hears of it.

use serde_json::{Value as Json, json};

use crate::app::{Actor, TestApp};
use crate::on_both;
use crate::raw::{invented, sql_id};
use crate::tables::{audits, audits_since, contents, customer_id, uuid_of};

const LEND: &str = "mutation($input: LendInput!) { lend(input: $input) { delegation { id level validTo actions { resource action } \
                    delegator { name } delegate { name } unit { code } } } }";
const END: &str = "mutation($id: ID!) { endDelegation(input: {id: $id}) { delegation { id } } }";
const SEEN: &str = "query($id: ID!) { customer(id: $id) { level phone owner { name } unit { code } } }";
const LIST: &str = "{ delegations { totalCount nodes { id } } }";
const DAY_SECONDS: i64 = 24 * 3_600;

async fn post_of(actor: &Actor<'_>) -> Json {
    actor.ask("{ viewer { posts { id } } }").await["viewer"]["posts"][0]["id"].clone()
}

async fn id_of(actor: &Actor<'_>) -> Json {
    actor.ask("{ viewer { id } }").await["viewer"]["id"].clone()
}

fn after(app: &TestApp, seconds: i64) -> String {
    app.clock.now().plus_seconds(seconds).rfc3339().unwrap()
}

/// What shanghai.rep1 would lend to shanghai.service: reading and changing, for a week.
async fn input(app: &TestApp) -> Json {
    json!({
        "postId": post_of(&app.actor("shanghai.rep1").await).await,
        "delegateId": id_of(&app.actor("shanghai.service").await).await,
        "actions": [{ "resource": "CUSTOMER", "action": "READ" }, { "resource": "CUSTOMER", "action": "UPDATE" }],
        "level": "FULL",
        "validTo": after(app, 7 * DAY_SECONDS),
    })
}

async fn lend(app: &TestApp, input: &Json) -> Json {
    app.actor("shanghai.rep1").await.ask_with(LEND, json!({ "input": input })).await["lend"]["delegation"].clone()
}

async fn refused(app: &TestApp, lender: &str, input: Json, code: &str, field: &str) {
    let before = contents(app).await;
    let error = app.actor(lender).await.fail(LEND, json!({ "input": input })).await;
    assert_eq!(error["extensions"]["code"], code, "{input}: {error}");
    let named = error["extensions"]["field"].as_str().or(error["extensions"]["violations"][0]["field"].as_str());
    assert_eq!(named, Some(field), "{input}: {error}");
    assert_eq!(rows(contents(app).await), rows(before), "{input}");
}

/// All but the audit, which keeps denials.
fn rows(mut contents: std::collections::BTreeMap<String, Vec<String>>) -> std::collections::BTreeMap<String, Vec<String>> {
    contents.remove("audit");
    contents
}

on_both! {
    async fn what_is_created_with_lent_rights_is_the_lenders(app) {
        let mut lent = input(&app).await;
        lent["actions"].as_array_mut().unwrap().push(json!({ "resource": "CUSTOMER", "action": "CREATE" }));
        lend(&app, &lent).await;
        let service = app.actor("shanghai.service").await;
        let lender = id_of(&app.actor("shanghai.rep1").await).await;
        let create = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id level owner { id } } } }";
        let unit = crate::tables::unit_id(&app, "SHANGHAI").await;
        let new = |owner: Json| {
            let mut input = json!({ "unitId": unit, "name": "New", "kind": "PERSON" });
            if !owner.is_null() {
                input["ownerId"] = owner;
            }
            json!({ "input": input })
        };
        for owner in [Json::Null, lender.clone()] {
            let made = service.ask_with(create, new(owner)).await["createCustomer"]["customer"].clone();
            assert_eq!((&made["owner"]["id"], &made["level"]), (&lender, &json!("FULL")));
            let update = "mutation($id: ID!) { updateCustomer(input: {id: $id, name: \"Newer\"}) { customer { name } } }";
            assert_eq!(service.ask_with(update, json!({ "id": made["id"] })).await["updateCustomer"]["customer"]["name"], "Newer");
        }
        let other = id_of(&app.actor("shanghai.rep2").await).await;
        assert_eq!(service.fail(create, new(other)).await["extensions"], json!({ "code": "FORBIDDEN", "field": "input.ownerId" }));
    }

    async fn rights_to_read_make_nobody_an_owner(app) {
        let mut lent = input(&app).await;
        lent["delegateId"] = id_of(&app.actor("shanghai.manager").await).await;
        lend(&app, &lent).await;
        let unit = crate::tables::unit_id(&app, "SHANGHAI").await;
        let create = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { owner { id } } } }";
        let new = json!({ "input": { "unitId": unit, "name": "New", "kind": "PERSON" } });
        let made = app.actor("shanghai.manager").await.ask_with(create, new).await;
        assert_eq!(made["createCustomer"]["customer"]["owner"], Json::Null, "created in the manager's own name");
    }

    async fn a_disabled_colleague_gets_nothing(app) {
        let service = sql_id(app.engine, app.user("shanghai.service").await);
        let lent = input(&app).await;
        app.execute(&format!("UPDATE user_account SET disabled_at = 1 WHERE id = {service}")).await;
        refused(&app, "shanghai.rep1", lent, "BAD_USER_INPUT", "input.delegateId").await;
        let owner = json!({ "id": customer_id(&app, "SH-0003", "SHANGHAI").await, "ownerId": crate::tables::user_id(&app, "shanghai.service").await });
        let assign = "mutation($input: AssignCustomerInput!) { assignCustomer(input: $input) { customer { id } } }";
        let error = app.actor("shanghai.manager").await.fail(assign, json!({ "input": owner })).await;
        assert_eq!(error["extensions"]["violations"][0]["field"], "input.ownerId");
    }

    async fn the_delegate_works_the_lenders_rows_in_the_lenders_name(app) {
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let service = app.actor("shanghai.service").await;
        let seen = json!({ "id": id });
        assert_eq!(service.ask_with(SEEN, seen.clone()).await["customer"]["level"], "BASIC");
        let update = "mutation($id: ID!) { updateCustomer(input: {id: $id, industry: \"Lent\"}) { customer { industry } } }";
        assert_eq!(service.code(update, seen.clone()).await, "FORBIDDEN");

        let lent = lend(&app, &input(&app).await).await;
        assert_eq!(lent["unit"]["code"], "SHANGHAI");
        assert_eq!(lent["actions"][1], json!({ "resource": "CUSTOMER", "action": "UPDATE" }));
        assert_eq!(service.ask_with(SEEN, seen.clone()).await["customer"]["level"], "FULL");
        let before = audits(&app).await;
        assert_eq!(service.ask_with(update, seen.clone()).await["updateCustomer"]["customer"]["industry"], "Lent");
        let row = &audits_since(&app, &before).await[0];
        assert_eq!((row.actor, row.action.as_str()), (Some(app.user("shanghai.service").await), "customer:update"));
        let names = app.select(&format!("SELECT behalf_of_id, behalf_of_name, actor_name FROM audit WHERE id = {}", sql_id(app.engine, row.id))).await;
        assert_eq!(names[0].try_get_by_index::<Option<uuid::Uuid>>(0).unwrap(), Some(app.user("shanghai.rep1").await));
        assert!(names[0].try_get_by_index::<Option<String>>(1).unwrap().is_some());
        assert!(names[0].try_get_by_index::<Option<String>>(2).unwrap().is_some());

        // What somebody else owns stays as it was: SELF is the lender's rows alone.
        let others = customer_id(&app, "SH-0004", "SHANGHAI").await;
        assert_ne!(uuid_of(&others), uuid_of(&id));
        assert_eq!(service.ask_with(SEEN, json!({ "id": others })).await["customer"]["level"], "BASIC");
        assert_eq!(service.code(update, json!({ "id": others })).await, "FORBIDDEN");

        app.actor("shanghai.rep1").await.ask_with(END, json!({ "id": lent["id"] })).await;
        assert_eq!(service.ask_with(SEEN, seen.clone()).await["customer"]["level"], "BASIC");
        assert_eq!(service.code(update, seen).await, "FORBIDDEN");
    }

    async fn no_level_beyond_the_lent_one(app) {
        let mut input = input(&app).await;
        input["level"] = json!("CARD");
        let care = id_of(&app.actor("shanghai.integration").await).await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        // Somebody who sees no customers of its own: take the reading away first.
        app.execute("DELETE FROM policy_rule WHERE role = 'integration'").await;
        app.rights_changed().await;
        input["delegateId"] = care;
        let delegate = app.actor("shanghai.integration").await;
        assert_eq!(delegate.code(SEEN, json!({ "id": id })).await, "FORBIDDEN");
        lend(&app, &input).await;
        let customer = delegate.ask_with(SEEN, json!({ "id": id })).await["customer"].clone();
        assert_eq!((&customer["level"], &customer["phone"]), (&json!("CARD"), &Json::Null));
        assert_eq!(customer["unit"]["code"], "SHANGHAI");
        let update = "mutation($id: ID!) { updateCustomer(input: {id: $id, industry: \"x\"}) { customer { id } } }";
        assert_eq!(delegate.fail(update, json!({ "id": id })).await["extensions"]["field"], "input.industry");
    }

    async fn what_may_not_be_lent_is_refused(app) {
        let good = input(&app).await;
        let with = |field: &str, value: Json| {
            let mut input = good.clone();
            input[field] = value;
            input
        };
        let rep = "shanghai.rep1";
        refused(&app, rep, with("validTo", json!(after(&app, 31 * DAY_SECONDS))), "BAD_USER_INPUT", "input.validTo").await;
        refused(&app, rep, with("validTo", json!(after(&app, -60))), "BAD_USER_INPUT", "input.validTo").await;
        refused(&app, rep, with("validFrom", json!(after(&app, -3_600))), "BAD_USER_INPUT", "input.validFrom").await;
        let mut far_off = with("validFrom", json!("9000-01-01T00:00:00Z"));
        far_off["validTo"] = json!("9000-01-02T00:00:00Z");
        refused(&app, rep, far_off, "BAD_USER_INPUT", "input.validFrom").await;
        refused(&app, rep, with("actions", json!([])), "BAD_USER_INPUT", "input.actions").await;
        refused(&app, rep, with("delegateId", id_of(&app.actor(rep).await).await), "BAD_USER_INPUT", "input.delegateId").await;
        refused(&app, rep, with("delegateId", json!(invented("User"))), "NOT_FOUND", "input.delegateId").await;
        // Somebody out of sight is nobody.
        refused(&app, rep, with("delegateId", id_of(&app.actor("london.rep1").await).await), "NOT_FOUND", "input.delegateId").await;
        refused(&app, rep, with("postId", json!(invented("Post"))), "NOT_FOUND", "input.postId").await;
        refused(&app, rep, with("postId", post_of(&app.actor("shanghai.manager").await).await), "NOT_FOUND", "input.postId").await;
        let beyond = json!([{ "resource": "CUSTOMER", "action": "ARCHIVE" }]);
        refused(&app, rep, with("actions", beyond), "FORBIDDEN", "input.actions").await;

        let manager = post_of(&app.actor("shanghai.manager").await).await;
        let manages = |resource: &str, action: &str| {
            let mut input = with("postId", manager.clone());
            input["actions"] = json!([{ "resource": resource, "action": action }]);
            input
        };
        refused(&app, "shanghai.manager", manages("CUSTOMER", "REVEAL"), "FORBIDDEN", "input.actions").await;
        refused(&app, "shanghai.manager", manages("CUSTOMER", "EXPORT"), "FORBIDDEN", "input.actions").await;
        let mut admin = manages("ORGANISATION", "ADMINISTER");
        admin["postId"] = post_of(&app.actor("shanghai.admin").await).await;
        refused(&app, "shanghai.admin", admin, "FORBIDDEN", "input.actions").await;

        app.execute("UPDATE role SET delegates_sensitive = TRUE WHERE code = 'branch_manager'").await;
        app.rights_changed().await;
        app.actor("shanghai.manager").await.ask_with(LEND, json!({ "input": manages("CUSTOMER", "REVEAL") })).await;
        // What the role no longer says is no longer lent.
        let service = app.actor("shanghai.service").await;
        let can = "{ viewer { can(resource: CUSTOMER, action: REVEAL) } }";
        assert_eq!(service.ask(can).await["viewer"]["can"], true);
        app.execute("UPDATE role SET delegates_sensitive = FALSE WHERE code = 'branch_manager'").await;
        app.rights_changed().await;
        assert_eq!(service.ask(can).await["viewer"]["can"], false);
    }

    async fn what_is_lent_or_held_for_another_is_not_passed_on(app) {
        let good = input(&app).await;
        lend(&app, &good).await;
        let mut on = good.clone();
        on["delegateId"] = id_of(&app.actor("shanghai.rep2").await).await;
        refused(&app, "shanghai.service", on.clone(), "BAD_USER_INPUT", "input.postId").await;
        let absent = sql_id(app.engine, app.user("shanghai.supervisor").await);
        app.execute(&format!("UPDATE post SET origin = 'ACTING', acting_for = {absent} WHERE user_id = {}", sql_id(app.engine, app.user("shanghai.rep1").await)))
            .await;
        app.rights_changed().await;
        refused(&app, "shanghai.rep1", on, "BAD_USER_INPUT", "input.postId").await;
        // And what was lent of it rests.
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        assert_eq!(app.actor("shanghai.service").await.ask_with(SEEN, json!({ "id": id })).await["customer"]["level"], "BASIC");
    }

    async fn it_rests_while_a_single_unit_stands_between(app) {
        let mut input = input(&app).await;
        let manager = app.actor("east.manager").await;
        input["postId"] = post_of(&manager).await;
        let lent = manager.ask_with(LEND, json!({ "input": input })).await;
        assert!(lent["lend"]["delegation"]["id"].is_string());
        let elsewhere = customer_id(&app, "HZ-0001", "HANGZHOU").await;
        let service = app.actor("shanghai.service").await;
        assert_eq!(service.ask_with(SEEN, json!({ "id": elsewhere })).await["customer"]["level"], "FULL");
        app.execute("UPDATE org_unit SET business_mode = 'SINGLE' WHERE code = 'SHANGHAI'").await;
        app.rights_changed().await;
        assert_eq!(service.ask_with(SEEN, json!({ "id": elsewhere })).await["customer"], Json::Null);
        refused(&app, "east.manager", input, "BAD_USER_INPUT", "input.delegateId").await;
        app.execute("UPDATE org_unit SET business_mode = NULL WHERE code = 'SHANGHAI'").await;
        app.rights_changed().await;
        assert_eq!(service.ask_with(SEEN, json!({ "id": elsewhere })).await["customer"]["level"], "FULL");
    }

    async fn customers_of_a_single_unit_do_not_go_along(app) {
        let mut input = input(&app).await;
        let manager = app.actor("east.manager").await;
        input["postId"] = post_of(&manager).await;
        manager.ask_with(LEND, json!({ "input": input })).await;
        let service = app.actor("shanghai.service").await;
        let id = json!({ "id": customer_id(&app, "HZ-0001", "HANGZHOU").await });
        let update = "mutation($id: ID!) { updateCustomer(input: {id: $id, industry: \"Lent\"}) { customer { id } } }";
        let total = async || service.ask("{ customers { totalCount } }").await["customers"]["totalCount"].as_i64().unwrap();
        let (all, hangzhou) = (total().await, sql_id(app.engine, app.unit("HANGZHOU").await));
        let there = app.number(&format!("SELECT COUNT(*) FROM customer WHERE unit_id = {hangzhou} AND archived_at IS NULL")).await;
        assert!(there > 0);
        assert_eq!(service.ask_with(SEEN, id.clone()).await["customer"]["level"], "FULL");

        app.execute("UPDATE org_unit SET business_mode = 'SINGLE' WHERE code = 'HANGZHOU'").await;
        app.rights_changed().await;
        assert_eq!(service.ask_with(SEEN, id.clone()).await["customer"], Json::Null);
        assert_eq!(service.code(update, id.clone()).await, "NOT_FOUND");
        assert_eq!(total().await, all - there);
        assert_eq!(service.ask("{ orgUnit(code: \"HANGZHOU\") { id } }").await["orgUnit"], Json::Null);
        let beside = json!({ "id": customer_id(&app, "PD-0001", "SHANGHAI-PUDONG").await });
        assert_eq!(service.ask_with(SEEN, beside).await["customer"]["level"], "FULL", "the rest is lent as before");
        assert_eq!(manager.ask_with(SEEN, id.clone()).await["customer"]["level"], "FULL", "whoever stands above sees down");

        // Whoever holds a post there crosses no border.
        app.give_post("shanghai.service", "care_planner", "HANGZHOU", 1, None).await;
        app.rights_changed().await;
        assert_eq!(service.ask_with(SEEN, id.clone()).await["customer"]["level"], "FULL");
        service.ask_with(update, id).await;
        assert_eq!(total().await, all);
    }

    async fn of_lent_units_only_cards_are_seen_and_only_where_customers_are_lent(app) {
        let service = app.actor("shanghai.service").await;
        let hangzhou = "{ orgUnit(code: \"HANGZHOU\") { code version businessMode createdAt children { totalCount } history { nodes { action } } } }";
        let units = async || service.ask("{ orgUnits { totalCount } }").await["orgUnits"]["totalCount"].as_i64().unwrap();
        let own = units().await;
        assert_eq!(service.ask(hangzhou).await["orgUnit"], Json::Null);

        let mut input = input(&app).await;
        let manager = app.actor("east.manager").await;
        input["postId"] = post_of(&manager).await;
        let reading = input["actions"].clone();
        input["actions"] = json!([{ "resource": "CUSTOMER", "action": "UPDATE" }]);
        let lent = manager.ask_with(LEND, json!({ "input": input })).await;
        assert_eq!(service.ask(hangzhou).await["orgUnit"], Json::Null);
        assert_eq!(units().await, own);
        manager.ask_with(END, json!({ "id": lent["lend"]["delegation"]["id"] })).await;

        input["actions"] = reading;
        manager.ask_with(LEND, json!({ "input": input })).await;
        let card = json!({ "code": "HANGZHOU", "version": null, "businessMode": null, "createdAt": null, "children": null, "history": null });
        assert_eq!(service.ask(hangzhou).await["orgUnit"], card);
        assert!(units().await > own);
        let children = "{ orgUnit(code: \"EAST\") { children { nodes { code } } } }";
        let below = service.ask(children).await["orgUnit"]["children"]["nodes"].to_string();
        assert!(!below.contains("HANGZHOU"), "where a card stands is not told: {below}");
    }

    async fn the_same_is_lent_once_at_a_time_and_no_more_than_fifty_times(app) {
        let (first, rep) = (input(&app).await, app.actor("shanghai.rep1").await);
        lend(&app, &first).await;
        refused(&app, "shanghai.rep1", first.clone(), "CONFLICT", "input.validFrom").await;
        let mut part = first.clone();
        part["actions"] = json!([{ "resource": "CUSTOMER", "action": "READ" }]);
        part["validFrom"] = json!(after(&app, 6 * DAY_SECONDS));
        refused(&app, "shanghai.rep1", part, "CONFLICT", "input.validFrom").await;
        let mut other = first;
        other["delegateId"] = id_of(&app.actor("shanghai.rep2").await).await;
        lend(&app, &other).await;
        // One after the other is no clash.
        let mut next = other.clone();
        for day in 7..55 {
            (next["validFrom"], next["validTo"]) = (other["validTo"].clone(), json!(after(&app, (day + 1) * DAY_SECONDS)));
            lend(&app, &next).await;
            other = next.clone();
        }
        next["validFrom"] = json!(after(&app, 60 * DAY_SECONDS));
        next["validTo"] = json!(after(&app, 61 * DAY_SECONDS));
        refused(&app, "shanghai.rep1", next.clone(), "BAD_USER_INPUT", "input").await;
        let lent = rep.ask(LIST).await["delegations"]["nodes"][0]["id"].clone();
        rep.ask_with(END, json!({ "id": lent })).await;
        lend(&app, &next).await;
    }

    async fn whoever_is_lent_something_may_hand_it_back(app) {
        let lent = lend(&app, &input(&app).await).await;
        let id = json!({ "id": customer_id(&app, "SH-0003", "SHANGHAI").await });
        let service = app.actor("shanghai.service").await;
        assert_eq!(service.ask_with(SEEN, id.clone()).await["customer"]["level"], "FULL");
        let before = audits(&app).await;
        service.ask_with(END, json!({ "id": lent["id"] })).await;
        assert_eq!(service.ask_with(SEEN, id).await["customer"]["level"], "BASIC");
        let told = audits_since(&app, &before).await;
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].action.as_str(), told[0].actor), ("delegation:end", Some(app.user("shanghai.service").await)));
        assert_eq!(app.actor("shanghai.rep1").await.ask(LIST).await["delegations"]["totalCount"], 0);
    }

    async fn denies_on_either_side_take_it_away(app) {
        lend(&app, &input(&app).await).await;
        let can = "{ viewer { can(resource: CUSTOMER, action: UPDATE) } }";
        let service = app.actor("shanghai.service").await;
        for role in ["service_agent", "sales_rep"] {
            assert_eq!(service.ask(can).await["viewer"]["can"], true);
            app.add_rule([role, "customer", "update", "*", "*", "deny"]).await;
            app.rights_changed().await;
            assert_eq!(service.ask(can).await["viewer"]["can"], false, "{role}");
            app.execute("DELETE FROM policy_rule WHERE effect = 'deny'").await;
            app.rights_changed().await;
        }
        // A deny of the lender's other post counts too, and does not come along.
        app.add_rule(["supervisor", "customer", "update", "*", "*", "deny"]).await;
        app.give_post("shanghai.rep1", "supervisor", "SHANGHAI", 1, None).await;
        app.rights_changed().await;
        assert_eq!(service.ask(can).await["viewer"]["can"], false);
        assert_eq!(service.ask("{ viewer { can(resource: CUSTOMER, action: READ) } }").await["viewer"]["can"], true);
    }

    async fn it_goes_with_the_post_and_with_the_lender(app) {
        lend(&app, &input(&app).await).await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let service = app.actor("shanghai.service").await;
        let level = async || service.ask_with(SEEN, json!({ "id": id })).await["customer"]["level"].clone();
        let lender = sql_id(app.engine, app.user("shanghai.rep1").await);
        let scope = app.user("shanghai.rep1").await.to_string();
        assert_eq!(level().await, "FULL");
        // Told of the lender alone, the delegate's rights are compiled anew.
        for (ends, begins) in [
            (format!("UPDATE user_account SET disabled_at = 1 WHERE id = {lender}"), format!("UPDATE user_account SET disabled_at = NULL WHERE id = {lender}")),
            (format!("UPDATE post SET valid_to = 2 WHERE user_id = {lender}"), format!("UPDATE post SET valid_to = NULL WHERE user_id = {lender}")),
        ] {
            app.execute(&ends).await;
            app.raise_epoch(&scope).await;
            app.rights.refresh().await.unwrap();
            assert_eq!(level().await, "BASIC", "{ends}");
            app.execute(&begins).await;
            app.raise_epoch(&scope).await;
            app.rights.refresh().await.unwrap();
            assert_eq!(level().await, "FULL", "{begins}");
        }
    }

    async fn only_those_whom_it_concerns_hear_of_it(app) {
        let lent = lend(&app, &input(&app).await).await;
        for (who, sees) in [
            ("shanghai.rep1", true),
            ("shanghai.service", true),
            ("shanghai.admin", true),
            ("hq.admin", true),
            ("shanghai.rep2", false),
            ("shanghai.manager", false),
            ("hq.director", false),
        ] {
            let seen = app.actor(who).await.ask(LIST).await["delegations"].clone();
            assert_eq!(seen["totalCount"], json!(i32::from(sees)), "{who}");
            assert_eq!(seen["nodes"].as_array().map(Vec::len), Some(usize::from(sees)), "{who}");
        }
        let end = json!({ "id": lent["id"] });
        let foreign = app.actor("shanghai.rep2").await.send(END, end.clone()).await;
        let never = app.actor("shanghai.rep2").await.send(END, json!({ "id": invented("Delegation") })).await;
        assert_eq!(foreign, never);
        assert_eq!(foreign.body["errors"][0]["extensions"]["code"], "NOT_FOUND");
        app.actor("shanghai.admin").await.ask_with(END, end).await;
        assert_eq!(app.actor("shanghai.rep1").await.ask(LIST).await["delegations"]["totalCount"], 0);
    }
}

async fn its_last_second(engine: crate::app::Engine) {
    let Some(app) = TestApp::start_standing(engine).await else { return };
    let mut input = input(&app).await;
    input["validFrom"] = json!(after(&app, 60));
    input["validTo"] = json!(after(&app, 120));
    lend(&app, &input).await;
    let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
    let service = app.actor("shanghai.service").await;
    for (seconds, level) in [(0, "BASIC"), (59, "BASIC"), (1, "FULL"), (59, "FULL"), (1, "BASIC")] {
        app.clock.advance_seconds(seconds);
        assert_eq!(service.ask_with(SEEN, json!({ "id": id })).await["customer"]["level"], level);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_counts_from_its_first_second_to_its_last_sqlite() {
    its_last_second(crate::app::Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_counts_from_its_first_second_to_its_last_postgres() {
    its_last_second(crate::app::Engine::Postgres).await;
}
