//! Why, or why not: by the API and by the command line. A record out of sight is explained as one that never was.

use branchwise::cli::explain::Explain;
use clap::Parser;
use serde_json::{Value as Json, json};

use crate::app::TestApp;
use crate::on_both;
use crate::raw::invented;
use crate::tables::{contact_id, customer_id, unit_id, user_id};

const EXPLAIN: &str = "query($id: ID!, $action: Action!) { explainAccess(id: $id, action: $action) { allowed level
    ways { source role unit { code } reach level sideways ownRows onBehalfOf reachesRecord } deniedBy { role unit { code } } } }";

async fn explained(app: &TestApp, who: &str, id: &Json, action: &str) -> Json {
    app.actor(who).await.ask_with(EXPLAIN, json!({ "id": id, "action": action })).await["explainAccess"].clone()
}

fn leading(explained: &Json) -> Vec<&Json> {
    explained["ways"].as_array().unwrap().iter().filter(|way| way["reachesRecord"] == true).collect()
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    explain: Explain,
}

async fn printed(app: &TestApp, words: &[&str]) -> String {
    let line = Line::try_parse_from([&["explain"], words].concat()).unwrap();
    line.explain.text(&app.db, &app.rights).await.unwrap_or_else(|failure| format!("{failure:?}"))
}

on_both! {
    async fn each_way_is_named(app) {
        let own = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let reads = explained(&app, "shanghai.rep1", &own, "READ").await;
        assert_eq!((&reads["allowed"], &reads["level"]), (&json!(true), &json!("FULL")));
        let by_owner = json!({ "source": "POST", "role": "sales_rep", "unit": { "code": "SHANGHAI" }, "reach": "SELF", "level": "FULL",
            "sideways": false, "ownRows": true, "onBehalfOf": null, "reachesRecord": true });
        assert!(leading(&reads).contains(&&by_owner), "{reads}");
        let archives = explained(&app, "shanghai.rep1", &own, "ARCHIVE").await;
        assert_eq!((&archives["allowed"], &archives["ways"]), (&json!(false), &json!([])));

        let sideways = explained(&app, "shanghai.rep1", &customer_id(&app, "HZ-0001", "HANGZHOU").await, "READ").await;
        assert_eq!((&sideways["allowed"], &sideways["level"]), (&json!(true), &json!("CARD")));
        assert!(leading(&sideways).iter().all(|way| way["sideways"] == true), "{sideways}");
        let contact = contact_id(&app, "HZ-0001", "HANGZHOU").await;
        assert_eq!(explained(&app, "shanghai.rep1", &contact, "READ").await["allowed"], false);
        assert_eq!(explained(&app, "hq.director", &contact, "READ").await["allowed"], true);

        let unit = unit_id(&app, "SHANGHAI").await;
        assert_eq!(explained(&app, "shanghai.rep1", &unit, "READ").await["ways"][0]["source"], "STANDING");
        assert_eq!(explained(&app, "shanghai.admin", &unit, "ADMINISTER").await["allowed"], false, "its own unit is administered from above");
        assert_eq!(explained(&app, "hq.admin", &unit, "ADMINISTER").await["allowed"], true);
        let rep = user_id(&app, "shanghai.rep1").await;
        assert_eq!(explained(&app, "shanghai.admin", &rep, "ADMINISTER").await["allowed"], true);
        assert_eq!(explained(&app, "shanghai.manager", &rep, "ADMINISTER").await["allowed"], false);

        let error = app.actor("hq.director").await.fail(EXPLAIN, json!({ "id": unit, "action": "SHARE" })).await;
        assert_eq!(error["extensions"]["violations"][0]["field"], "action");
        let error = app.actor("hq.director").await.fail(EXPLAIN, json!({ "id": "x", "action": "READ" })).await;
        assert_eq!(error["extensions"]["violations"][0]["field"], "id");
    }

    async fn a_deny_and_a_lender_are_named(app) {
        let own = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let absent = crate::raw::sql_id(app.engine, app.user("shanghai.rep1").await);
        app.give_post("shanghai.service", "sales_rep", "SHANGHAI", 1, None).await;
        app.execute(&format!("UPDATE post SET origin = 'ACTING', acting_for = {absent} WHERE role = 'sales_rep' AND created_at = 1")).await;
        app.rights_changed().await;
        let acting = explained(&app, "shanghai.service", &own, "UPDATE").await;
        assert_eq!((&acting["allowed"], &leading(&acting)[0]["source"]), (&json!(true), &json!("ACTING")));
        assert!(leading(&acting)[0]["onBehalfOf"].is_string());
        app.add_rule(["service_agent", "customer", "update", "*", "*", "deny"]).await;
        app.rights_changed().await;
        let denied = explained(&app, "shanghai.service", &own, "UPDATE").await;
        let by = json!([{ "role": "service_agent", "unit": { "code": "SHANGHAI" } }]);
        assert_eq!((&denied["allowed"], &denied["ways"], &denied["deniedBy"]), (&json!(false), &json!([]), &by));
    }

    async fn a_record_out_of_sight_is_one_that_never_was(app) {
        for (kind, id) in [
            ("Customer", customer_id(&app, "LN-0001", "LONDON").await),
            ("Contact", contact_id(&app, "LN-0001", "LONDON").await),
            ("User", user_id(&app, "london.rep1").await),
            ("OrgUnit", unit_id(&app, "LONDON").await),
        ] {
            for action in ["READ", if matches!(kind, "User" | "OrgUnit") { "ADMINISTER" } else { "UPDATE" }] {
                for who in ["shanghai.manager", "shanghai.admin"] {
                    let foreign = app.actor(who).await.bytes(EXPLAIN, &json!({ "id": id, "action": action })).await;
                    let never = app.actor(who).await.bytes(EXPLAIN, &json!({ "id": invented(kind), "action": action })).await;
                    assert_eq!(foreign, never, "{who} {kind} {action}");
                    assert_eq!(explained(&app, who, &id, action).await["allowed"], false);
                }
            }
        }
    }

    async fn a_person_is_reached_where_their_posts_are(app) {
        let rep = user_id(&app, "shanghai.rep1").await;
        for (who, action) in [("shanghai.manager", "READ"), ("shanghai.admin", "ADMINISTER")] {
            let told = explained(&app, who, &rep, action).await;
            assert_eq!((&told["allowed"], &told["level"]), (&json!(true), &json!("CARD")), "{who}");
            assert!(!leading(&told).is_empty(), "{who}: {told}");
        }
        let manager = explained(&app, "shanghai.rep1", &user_id(&app, "hq.director").await, "READ").await;
        assert_eq!((&manager["allowed"], &manager["level"], leading(&manager).len()), (&json!(false), &Json::Null, 0));
    }

    async fn nothing_is_opened_on_a_card(app) {
        app.add_rule(["sales_rep", "customer", "reveal", "UNIT", "FULL", "allow"]).await;
        app.rights_changed().await;
        let of = async |reference| explained(&app, "shanghai.rep1", &customer_id(&app, reference, "SHANGHAI").await, "REVEAL").await["allowed"].clone();
        assert_eq!((of("SH-0003").await, of("SH-0002").await), (json!(true), json!(false)));
    }

    async fn the_operator_is_told_the_truth(app) {
        let foreign = customer_id(&app, "LN-0001", "LONDON").await;
        let own = customer_id(&app, "SH-0003", "SHANGHAI").await;
        let text = printed(&app, &["shanghai.rep1", "customer:read", own.as_str().unwrap()]).await;
        assert!(text.contains("allowed on this record\n") && text.contains("- sales_rep at SHANGHAI: SELF FULL: leads to this record"), "{text}");
        let text = printed(&app, &["shanghai.rep1", "customer:read", foreign.as_str().unwrap()]).await;
        assert!(text.contains("not allowed on this record") && !text.contains("leads to this record\n"), "{text}");
        let text = printed(&app, &["shanghai.rep1", "customer:read", &invented("Customer")]).await;
        assert!(text.contains("there is no such record"), "{text}");
        let text = printed(&app, &["shanghai.rep1", "contact:read", own.as_str().unwrap()]).await;
        assert!(text.contains("is not done to a record of that kind"), "{text}");
        let text = printed(&app, &["shanghai.rep1", "customer:archive"]).await;
        assert!(text.contains("no post of this user grants it"), "{text}");
        assert!(printed(&app, &["shanghai.rep1", "customer"]).await.contains("as in customer:update"));
        assert!(printed(&app, &["nobody.here", "customer:read"]).await.contains("there is no user"));
    }
}
