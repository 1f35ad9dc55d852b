//! Queues of clients that were offline: in their order, each operation once, with the rights of its moment.

use std::time::Duration;

use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::{Actor, Engine, TestApp};
use crate::on_both;
use crate::raw::{global, invented, sql_id};
use crate::tables::{contact_id, contents, customer_id, refusals, unit_id};

const APPLY: &str = "mutation($input: ApplyOperationsInput!) { applyOperations(input: $input) { outcomes {
    key status customer { id name version phone } contact { id name customer { id } } error { code message extensions }
} } }";

async fn apply(actor: &Actor<'_>, operations: &Json, on_failure: &str) -> Vec<Json> {
    let input = json!({ "input": { "operations": operations, "onFailure": on_failure } });
    let mut data = actor.ask_with(APPLY, input).await;
    serde_json::from_value(data["applyOperations"]["outcomes"].take()).unwrap()
}

fn statuses(outcomes: &[Json]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome["status"].as_str().unwrap()).collect()
}

fn codes(outcomes: &[Json]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome["error"]["code"].as_str().unwrap_or_default()).collect()
}

/// An id that a client makes.
fn made(kind: &str, number: u128) -> String {
    global(kind, Uuid::from_u128((1_750_000_000_000 << 80) | 0x7000_8000_0000_0000_0000 | number))
}

fn rename(key: &str, id: &Json, name: &str) -> Json {
    json!({ "key": key, "updateCustomer": { "id": id, "name": name } })
}

async fn number_of(app: &TestApp, name: &str) -> i64 {
    app.number(&format!("SELECT COUNT(*) FROM customer WHERE name = '{name}'")).await
}

/// Somebody's posts end, as of now.
async fn end_posts(app: &TestApp, username: &str) {
    app.execute(&format!("UPDATE post SET valid_to = 1 WHERE user_id = {}", sql_id(app.engine, app.user(username).await))).await;
    app.rights_changed().await;
}

on_both! {
    async fn operations_come_in_their_order_and_once(app) {
        let manager = app.actor("shanghai.manager").await;
        let (customer, contact) = (made("Customer", 1), made("Contact", 1));
        let operations = json!([
            { "key": "q1", "createCustomer": { "id": customer, "unitId": unit_id(&app, "SHANGHAI").await, "kind": "PERSON", "name": "Offline" } },
            { "key": "q2", "createContact": { "id": contact, "customerId": customer, "name": "Beside" } },
            rename("q3", &json!(customer), "Renamed"),
            { "key": "q4", "updateContact": { "id": contact, "name": "Renamed too", "expectedVersion": 1 } },
            { "key": "q5", "archiveContact": { "id": contact } },
            { "key": "q6", "restoreContact": { "id": contact } },
            { "key": "q7", "assignCustomer": { "id": customer, "ownerId": crate::tables::user_id(&app, "shanghai.rep2").await } },
            { "key": "q8", "archiveCustomer": { "id": customer } },
            { "key": "q9", "restoreCustomer": { "id": customer, "expectedVersion": 4 } },
        ]);
        let outcomes = apply(&manager, &operations, "STOP").await;
        assert_eq!(statuses(&outcomes), ["DONE"; 9], "{outcomes:?}");
        let keys: Vec<_> = outcomes.iter().map(|outcome| outcome["key"].as_str().unwrap()).collect();
        assert_eq!(keys, ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9"]);
        assert_eq!((&outcomes[0]["customer"]["id"], &outcomes[1]["contact"]["id"]), (&json!(customer), &json!(contact)));
        assert_eq!((&outcomes[0]["customer"]["name"], &outcomes[0]["customer"]["version"]), (&json!("Renamed"), &json!(5)), "as it stands behind all");
        assert_eq!((&outcomes[1]["contact"]["name"], &outcomes[1]["contact"]["customer"]["id"]), (&json!("Renamed too"), &json!(customer)));
        // The reply was cut, so the whole queue comes again: from a variable or written out, the same fields in another order.
        let before = contents(&app).await;
        let again = apply(&manager, &operations, "GO_ON").await;
        assert_eq!(statuses(&again), ["REPLAYED"; 9]);
        for (first, again) in outcomes.iter().zip(&again) {
            assert_eq!((&first["customer"], &first["contact"]), (&again["customer"], &again["contact"]));
        }
        let written = format!("mutation {{ applyOperations(input: {{ operations: {{ updateCustomer: {{ name: \"Renamed\", id: \"{customer}\" }}, key: \"q3\" }} }}) {{ outcomes {{ status }} }} }}");
        assert_eq!(manager.ask(&written).await["applyOperations"]["outcomes"], json!([{ "status": "REPLAYED" }]));
        assert_eq!(contents(&app).await, before, "no row, no audit row, no version");
        // Under a key of another change nothing is done: null is something else than nothing at all.
        let other = json!([rename("q3", &json!(customer), "Different"), { "key": "q4", "updateContact": { "id": contact, "name": "Renamed too", "expectedVersion": 1, "phone": null } }]);
        assert_eq!(codes(&apply(&manager, &other, "GO_ON").await), ["IDEMPOTENCY_KEY_REUSED"; 2]);
        assert_eq!(contents(&app).await, before);
    }

    async fn of_two_that_send_the_same_at_once_each_operation_runs_once(app) {
        let manager = app.actor("shanghai.manager").await;
        let unit = unit_id(&app, "SHANGHAI").await;
        let operations: Vec<Json> = (0..8)
            .map(|at| json!({ "key": format!("k{at}"), "createCustomer": { "unitId": unit, "kind": "COMPANY", "name": format!("Twice {at}") } }))
            .collect();
        let operations = json!(operations);
        let (one, other) = tokio::join!(apply(&manager, &operations, "STOP"), apply(&manager, &operations, "STOP"));
        for (at, (one, other)) in one.iter().zip(&other).enumerate() {
            let mut both = [one["status"].as_str().unwrap(), other["status"].as_str().unwrap()];
            both.sort_unstable();
            assert_eq!(both, ["DONE", "REPLAYED"], "{one} {other}");
            assert_eq!(one["customer"], other["customer"]);
            assert_eq!(number_of(&app, &format!("Twice {at}")).await, 1);
        }
    }

    async fn what_fails_stops_the_rest_or_not_by_choice(app) {
        let manager = app.actor("shanghai.manager").await;
        let (first, second) = (customer_id(&app, "SH-0003", "SHANGHAI").await, customer_id(&app, "SH-0006", "SHANGHAI").await);
        let operations = json!([
            rename("s1", &first, "Before"),
            { "key": "s2", "updateCustomer": { "id": second, "name": "Stale", "expectedVersion": 99 } },
            rename("s3", &first, "Behind"),
        ]);
        let outcomes = apply(&manager, &operations, "STOP").await;
        assert_eq!((statuses(&outcomes), codes(&outcomes)), (vec!["DONE", "FAILED", "NOT_TRIED"], vec!["", "CONFLICT", ""]));
        let alone = manager.fail("mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { id } } }", json!({ "input": operations[1]["updateCustomer"] })).await;
        assert_eq!(outcomes[1]["error"]["extensions"], alone["extensions"], "as the mutation alone would say it");
        assert!(alone["extensions"]["currentVersion"].is_number() && alone["extensions"]["current"]["name"].is_string(), "{alone}");
        assert_eq!((&outcomes[1]["error"]["message"], &outcomes[1]["customer"], &outcomes[2]["error"]), (&alone["message"], &Json::Null, &Json::Null));
        assert_eq!((number_of(&app, "Before").await, number_of(&app, "Behind").await, number_of(&app, "Stale").await), (1, 0, 0));
        let outcomes = apply(&manager, &operations, "GO_ON").await;
        assert_eq!(statuses(&outcomes), ["REPLAYED", "FAILED", "DONE"]);
        // What failed has left its key free.
        assert_eq!(statuses(&apply(&manager, &json!([rename("s2", &second, "Fresh")]), "STOP").await), ["DONE"]);
        // STOP where nothing is said; messages in the caller's language.
        let input = json!({ "operations": [{ "key": "s4", "updateCustomer": { "id": first, "name": "" } }, rename("s5", &first, "Never")] });
        let answer = manager.request(&json!({ "query": APPLY, "variables": { "input": input } })).header("accept-language", "zh-CN").send().await.unwrap();
        let body: Json = answer.json().await.unwrap();
        let outcomes = body["data"]["applyOperations"]["outcomes"].as_array().unwrap();
        assert_eq!(statuses(outcomes), ["FAILED", "NOT_TRIED"]);
        assert_eq!((&outcomes[0]["error"]["message"], &outcomes[0]["error"]["extensions"]["violations"][0]["field"]), (&json!("input.name 不能为空"), &json!("input.name")));
    }

    async fn a_queue_of_before_a_demotion_meets_the_rights_of_now(app) {
        let rep = app.actor("shanghai.rep1").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let london = unit_id(&app, "LONDON").await;
        assert_eq!(statuses(&apply(&rep, &json!([rename("d1", &id, "Done in time")]), "STOP").await), ["DONE"]);
        // Its answer was lost; then the rep is moved to another region, and the customer changes.
        end_posts(&app, "shanghai.rep1").await;
        app.give_post("shanghai.rep1", "sales_rep", "LONDON", 1, None).await;
        app.rights_changed().await;
        app.actor("shanghai.manager").await.ask_with("mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { id } } }", json!({ "input": { "id": id, "name": "Hidden by now" } })).await;
        let operations = json!([
            rename("d1", &id, "Done in time"),
            rename("d2", &id, "Too late"),
            { "key": "d3", "updateCustomer": { "id": id, "name": "Too late", "expectedVersion": 1 } },
            { "key": "d4", "createContact": { "customerId": id, "name": "Too late" } },
            rename("d5", &json!(invented("Customer")), "Never was"),
            { "key": "d6", "createCustomer": { "unitId": london, "kind": "PERSON", "name": "In London" } },
        ]);
        let outcomes = apply(&rep, &operations, "GO_ON").await;
        assert_eq!(statuses(&outcomes), ["REPLAYED", "FAILED", "FAILED", "FAILED", "FAILED", "DONE"]);
        assert_eq!(codes(&outcomes), ["", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", ""]);
        assert_eq!(outcomes[0]["customer"], Json::Null, "done, and no longer the rep's to see");
        assert_eq!((&outcomes[1]["error"], &outcomes[2]["error"]), (&outcomes[4]["error"], &outcomes[4]["error"]), "as an id that never was");
        assert!(!json!(outcomes).to_string().contains("Hidden by now"));
        assert_eq!((number_of(&app, "Hidden by now").await, number_of(&app, "Too late").await, number_of(&app, "In London").await), (1, 0, 1));
        // The audit is told, as of mutations on their own.
        let (user, told) = refusals(&app).await.pop().unwrap();
        let denied = |at: usize, name: &str| json!({ "path": format!("applyOperations.operations.{at}.{name}"), "code": "NOT_FOUND" });
        assert_eq!(user, Some(app.user("shanghai.rep1").await));
        assert_eq!(told["denied"], json!([denied(1, "updateCustomer"), denied(2, "updateCustomer"), denied(3, "createContact"), denied(4, "updateCustomer")]));
        // Without any post nothing is left to do.
        end_posts(&app, "shanghai.rep1").await;
        assert_eq!(codes(&apply(&rep, &json!([rename("d7", &id, "Too late")]), "STOP").await), ["FORBIDDEN"]);
    }

    async fn keys_are_the_users_own_and_those_of_mutations_on_their_own(app) {
        let (manager, supervisor) = (app.actor("shanghai.manager").await, app.actor("shanghai.supervisor").await);
        let unit = unit_id(&app, "SHANGHAI").await;
        let operations = json!([{ "key": "u1", "createCustomer": { "unitId": unit, "kind": "PERSON", "name": "Shared key" } }]);
        let (first, second) = (apply(&manager, &operations, "STOP").await, apply(&supervisor, &operations, "STOP").await);
        assert_eq!((statuses(&first), statuses(&second)), (vec!["DONE"], vec!["DONE"]));
        assert_ne!(first[0]["customer"]["id"], second[0]["customer"]["id"]);
        let alone = "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) @idempotent(key: \"u1\") { customer { id } } }";
        assert_eq!(manager.code(alone, json!({ "input": operations[0]["createCustomer"] })).await, "IDEMPOTENCY_KEY_REUSED");
        // Nothing of the queue stands in clear among the first answers, which hold no more than an id.
        let kept = app.number("SELECT CAST(MAX(LENGTH(answer)) AS bigint) FROM idempotency").await;
        assert!(kept < 120, "{kept}");
    }

    async fn a_queue_of_another_form_is_refused_as_a_whole(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let many = |number: usize| (0..number).map(|at| rename(&format!("m{at}"), &id, &format!("Name {at}"))).collect::<Vec<_>>();
        let two = json!({ "key": "w", "updateCustomer": { "id": id, "name": "Two" }, "archiveCustomer": { "id": id } });
        let before = contents(&app).await;
        for (operations, field) in [
            (json!([]), "input.operations"),
            (json!(many(101)), "input.operations"),
            (json!([rename("a", &id, "One"), { "key": "b" }]), "input.operations.1"),
            (json!([rename("a", &id, "One"), two]), "input.operations.1"),
            (json!([rename("a", &id, "One"), { "key": "b", "updateCustomer": null }]), "input.operations.1"),
            (json!([rename("a", &id, "One"), rename("b", &id, "Two"), rename("a", &id, "One")]), "input.operations.2.key"),
            (json!([rename("", &id, "One")]), "input.operations.0.key"),
            (json!([rename("ä", &id, "One")]), "input.operations.0.key"),
            (json!([rename("a", &id, "One"), { "key": "b", "updateCustomer": { "name": "No id" } }]), "input.operations.updateCustomer.id"),
        ] {
            let error = manager.fail(APPLY, json!({ "input": { "operations": operations } })).await;
            assert_eq!((&error["extensions"]["code"], &error["extensions"]["violations"][0]["field"]), (&json!("BAD_USER_INPUT"), &json!(field)));
        }
        let keyed = APPLY.replace("(input: $input) {", "(input: $input) @idempotent(key: \"whole\") {");
        assert_eq!(manager.code(&keyed, json!({ "input": { "operations": many(1) } })).await, "BAD_USER_INPUT");
        assert_eq!(app.nobody().code(APPLY, json!({ "input": { "operations": many(1) } })).await, "UNAUTHENTICATED");
        assert_eq!(contents(&app).await, before);
        assert_eq!(statuses(&apply(&manager, &json!(many(100)), "STOP").await), ["DONE"; 100]);
        assert_eq!(number_of(&app, "Name 99").await, 1);
    }

    async fn each_operation_counts(app) {
        let manager = app.actor("shanghai.manager").await;
        let id = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let mut costs = Vec::new();
        for number in [1, 3] {
            let operations: Vec<Json> = (0..number).map(|at| rename(&format!("c{number}.{at}"), &id, "Priced")).collect();
            let body = json!({ "query": APPLY, "variables": { "input": { "operations": operations } } });
            let answer: Json = manager.request(&body).header("x-branchwise-cost", "true").send().await.unwrap().json().await.unwrap();
            costs.push((answer["extensions"]["cost"]["estimated"].as_u64().unwrap(), answer["extensions"]["cost"]["nodes"].as_u64().unwrap()));
        }
        assert!(costs[0].0 > 5);
        assert_eq!((costs[1].0 - 1, costs[1].1), ((costs[0].0 - 1) * 3, costs[0].1 * 3), "{costs:?}");
    }

    async fn ids_of_clients_are_of_their_type_and_time_and_free(app) {
        let manager = app.actor("shanghai.manager").await;
        let unit = unit_id(&app, "SHANGHAI").await;
        let (create, create_contact) = (
            "mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id } } }",
            "mutation($input: CreateContactInput!) { createContact(input: $input) { contact { id } } }",
        );
        let customer = |id: &Json| json!({ "input": { "id": id, "unitId": unit, "kind": "PERSON", "name": "By client", "externalRef": "BC-1" } });
        let mine = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let contact = |id: &Json| json!({ "input": { "id": id, "customerId": mine, "name": "By client" } });
        let before = contents(&app).await;
        let in_a_month = Uuid::from_u128((4_000_000_000_000 << 80) | 0x7000_8000_0000_0000_0001);
        for wrong in [
            json!("nonsense"),
            json!(Uuid::from_u128(1)),
            json!(global("Customer", Uuid::nil())),
            json!(global("Customer", Uuid::from_u128(0x4000_8000_0000_0000_0001))),
            json!(global("Customer", in_a_month)),
            json!(made("Contact", 1)),
        ] {
            let error = manager.fail(create, customer(&wrong)).await;
            assert_eq!((&error["extensions"]["code"], &error["extensions"]["violations"][0]["field"]), (&json!("BAD_USER_INPUT"), &json!("input.id")), "{wrong}");
        }
        assert_eq!(manager.code(create_contact, contact(&json!(made("Customer", 1)))).await, "BAD_USER_INPUT");
        // In use: the same whoever's it is.
        let foreign = json!(global("Customer", app.customer("LN-0001").await));
        let taken = manager.fail(create, customer(&foreign)).await;
        assert_eq!((&taken["extensions"]["code"], &taken["extensions"]["violations"][0]["field"]), (&json!("CONFLICT"), &json!("input.id")));
        assert_eq!(taken, manager.fail(create, customer(&mine)).await);
        let taken = [contact_id(&app, "SH-0003", "SHANGHAI").await, contact_id(&app, "LN-0001", "LONDON").await];
        let [one, other] = [manager.fail(create_contact, contact(&taken[0])).await, manager.fail(create_contact, contact(&taken[1])).await];
        assert_eq!((&one["extensions"]["code"], &one), (&json!("CONFLICT"), &other));
        assert_eq!(contents(&app).await, before);
        // A free one is the record's from then on; the reference is told apart from it.
        let id = json!(made("Customer", 7));
        assert_eq!(manager.ask_with(create, customer(&id)).await["createCustomer"]["customer"]["id"], id);
        let error = manager.fail(create, customer(&json!(made("Customer", 8)))).await;
        assert_eq!((&error["extensions"]["code"], &error["extensions"]["violations"][0]["field"]), (&json!("CONFLICT"), &json!("input.externalRef")));
        let id = json!(made("Contact", 7));
        assert_eq!(manager.ask_with(create_contact, contact(&id)).await["createContact"]["contact"]["id"], id);
    }

    async fn rights_and_sign_ins_that_end_half_way_count_at_once(app) {
        if app.engine == Engine::Sqlite {
            // Nobody can hold up a single row there.
            return;
        }
        let second = app.second().await;
        for (who, ended) in [("shanghai.manager", "disabled"), ("shanghai.supervisor", "without a post")] {
            let actor = app.actor(who).await;
            let (held, free) = (customer_id(&app, "SH-0003", "SHANGHAI").await, customer_id(&app, "SH-0006", "SHANGHAI").await);
            let operations = json!([rename("h1", &held, who), rename("h2", &free, "Too late"), rename("h3", &free, "Too late")]);
            let other = second.raw.begin().await.unwrap();
            other.execute_unprepared("SELECT * FROM customer WHERE external_ref = 'SH-0003' FOR UPDATE").await.unwrap();
            let meanwhile = async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                if ended == "disabled" {
                    app.execute(&format!("UPDATE user_account SET disabled_at = 1 WHERE id = {}", sql_id(app.engine, app.user(who).await))).await;
                    app.rights_changed().await;
                } else {
                    end_posts(&app, who).await;
                }
                other.rollback().await.unwrap();
            };
            let (outcomes, ()) = tokio::join!(apply(&actor, &operations, "GO_ON"), meanwhile);
            assert_eq!(outcomes[0]["status"], "DONE", "{outcomes:?}");
            assert_eq!(outcomes[0]["customer"], Json::Null, "nothing is seen with rights that are gone");
            let (told, refused) = if ended == "disabled" {
                (["DONE", "FAILED", "NOT_TRIED"], ["", "UNAUTHENTICATED", ""])
            } else {
                (["DONE", "FAILED", "FAILED"], ["", "FORBIDDEN", "FORBIDDEN"])
            };
            assert_eq!((statuses(&outcomes), codes(&outcomes)), (told.to_vec(), refused.to_vec()), "{who}");
            assert_eq!((number_of(&app, who).await, number_of(&app, "Too late").await), (1, 0));
        }
    }
}
