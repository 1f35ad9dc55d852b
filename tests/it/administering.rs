//! Administering within one's posts: seeing somebody gives no power over them, and a row that is refused has written nothing.

use branchwise::cli::import::Kind;
use serde_json::json;

use crate::import::run;
use crate::on_both;
use crate::tables::{contents, count};

const USERS: &str = "username,name,email,role,unit_code\n";
const UNITS: &str = "code,parent_code,kind,name\n";

on_both! {
    async fn who_left_another_branch_is_not_taken_over(app) {
        // Sees Hangzhou's cards, hence their owner; administers Shanghai alone.
        app.give_post("shanghai.admin", "branch_manager", "SHANGHAI", 1, None).await;
        app.execute("UPDATE post SET valid_to = 2 WHERE user_id = (SELECT id FROM user_account WHERE username = 'hangzhou.rep1')").await;
        app.rights_changed().await;
        let before = contents(&app).await;
        let file = format!("{USERS}hangzhou.rep1,Taken Over,mine@example.com,sales_rep,SHANGHAI\n");
        let told = run(&app, Some("shanghai.admin"), Kind::Users, &file).await;
        assert_eq!((told.counts, told.bad.len()), ([0, 0, 0], 1), "{told:?}");
        assert_eq!(contents(&app).await, before);
    }

    async fn a_future_post_elsewhere_protects_its_holder(app) {
        app.give_post("shanghai.rep1", "group_director", "HQ", i64::MAX / 2, None).await;
        app.rights_changed().await;
        let before = contents(&app).await;
        let file = format!("{USERS}shanghai.rep1,Renamed,,sales_rep,SHANGHAI\n");
        let told = run(&app, Some("shanghai.admin"), Kind::Users, &file).await;
        assert_eq!((told.counts, told.bad.len()), ([0, 0, 0], 1), "{told:?}");
        assert_eq!(contents(&app).await, before);
    }

    async fn an_address_is_not_told_by_being_guessed_right(app) {
        let file = |email: &str| format!("{USERS}east.manager,x,{email},sales_rep,SHANGHAI\n");
        let stands = app.select("SELECT email, name FROM user_account WHERE username = 'east.manager'").await;
        let (email, name): (String, String) = (stands[0].try_get_by_index(0).unwrap(), stands[0].try_get_by_index(1).unwrap());
        app.give_post("shanghai.admin", "branch_manager", "SHANGHAI", 1, None).await;
        app.execute("UPDATE customer SET owner_id = (SELECT id FROM user_account WHERE username = 'east.manager') WHERE external_ref = 'SH-0001'").await;
        app.rights_changed().await;
        let mut told = Vec::new();
        for guess in [email.as_str(), "wrong@example.com"] {
            told.push(run(&app, Some("shanghai.admin"), Kind::Users, &file(guess).replace(",x,", &format!(",{name},"))).await.bad);
        }
        assert_eq!(told[0], told[1]);
    }

    async fn who_is_refused_as_oneself_is_not_renamed_first(app) {
        let before = contents(&app).await;
        let told = run(&app, Some("hq.admin"), Kind::Users, &format!("{USERS}hq.admin,Somebody Else,,group_director,HQ\n")).await;
        assert_eq!((told.counts, told.bad.len()), ([0, 0, 0], 1), "{told:?}");
        assert_eq!(contents(&app).await, before);
    }

    async fn units_come_below_units_of_the_same_file_within_ones_own(app) {
        app.give_post("shanghai.rep1", "branch_admin", "EAST", 1, None).await;
        app.rights_changed().await;
        let file = format!("{UNITS}NINGBO-PORT,NINGBO,SITE,Port\nNINGBO,EAST,BRANCH,Ningbo\nBEIJING,EAST,BRANCH,In use\nXIAN,NORTH,BRANCH,Elsewhere\n");
        let told = run(&app, Some("shanghai.rep1"), Kind::OrgUnits, &file).await;
        assert_eq!((told.counts, told.bad.len()), ([2, 0, 0], 2), "{told:?}");
        let again = run(&app, Some("shanghai.rep1"), Kind::OrgUnits, &format!("{UNITS}NINGBO-PORT,NINGBO,SITE,Port\nNINGBO,EAST,BRANCH,Ningbo\n")).await;
        assert_eq!((again.counts, again.bad.len()), ([0, 0, 2], 0), "{again:?}");
    }

    async fn importing_goes_as_far_as_the_right_to_import(app) {
        // Creates at Beijing as a sales representative, imports at Shanghai as a supervisor.
        app.give_post("shanghai.supervisor", "sales_rep", "BEIJING", 1, None).await;
        app.rights_changed().await;
        let before = count(&app, "customer").await;
        let file = "external_ref,branch_code,kind,name\nIM-1,BEIJING,PERSON,Not here\nIM-2,SHANGHAI,PERSON,Here\n";
        let told = run(&app, Some("shanghai.supervisor"), Kind::Customers, file).await;
        assert_eq!((told.counts, told.bad.len()), ([1, 0, 0], 1), "{told:?}");
        assert_eq!(count(&app, "customer").await, before + 1);
    }

    async fn a_filter_has_a_size(app) {
        let director = app.actor("hq.director").await;
        let query = "query($f: CustomerFilter) { customers(filter: $f) { totalCount } }";
        let leaf = json!({ "name": { "contains": "a" } });
        let branch = json!({ "or": vec![leaf; 20] });
        for filter in [json!({ "class": { "in": vec!["USER"; 70_000] } }), json!({ "or": vec![branch; 20] })] {
            let error = director.fail(query, json!({ "f": filter })).await;
            assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{error}");
        }
    }

    async fn looking_up_an_identity_number_leaves_a_trace_without_it(app) {
        let steward = app.actor("hq.steward").await;
        let before = count(&app, "audit").await;
        steward.ask("{ customers(filter: {identityNumber: {eq: \"310101199001011234\"}}) { totalCount } }").await;
        assert_eq!(count(&app, "audit").await, before + 1);
        // One number under every unit is one lookup, however many units there are.
        let everywhere = "{ orgUnits(first: 100) { nodes { customers(filter: {identityNumber: {eq: \"310101199001011234\"}}) { totalCount } } } }";
        for _ in 0..3 {
            steward.ask(everywhere).await;
        }
        assert_eq!(count(&app, "audit").await, before + 4);
        assert!(contents(&app).await["audit"].iter().all(|row| !row.contains("310101199001011234")));
    }

    async fn without_a_token_errors_do_not_spell_the_schema(app) {
        let nobody = app.nobody();
        for query in ["mutation { createCustomer(input: {}) { customer { id } } }", "{ customers(filter: 1) { nodes { id } } }", "{ nothing }"] {
            assert_eq!(nobody.code(query, json!({})).await, "UNAUTHENTICATED", "{query}");
        }
        nobody.ask("{ __typename }").await;
    }
}
