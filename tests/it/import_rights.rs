//! Importing within somebody's rights: what the file names but the user may not touch is a bad row, and tells no more than any other door.

use branchwise::cli::import::{Kind, Options, import};
use serde_json::json;

use crate::app::TestApp;
use crate::import::run;
use crate::on_both;
use crate::tables::{audits, audits_since, contents, count, user_id, uuid_of};

const HEAD: &str = "external_ref,branch_code,kind,name,phone,owner\n";

/// The code of an import that is refused before it reads a row.
async fn refused(app: &TestApp, user: &str, kind: Kind, text: &str) -> String {
    let path = app.database.folder().join("refused.csv");
    std::fs::write(&path, text).unwrap();
    let user = app.db.credentials_unscoped(user).await.unwrap().unwrap();
    let viewer = app.rights.viewer(user.id).await.unwrap().unwrap();
    match import(&app.db.seen_by(viewer), &app.secrets.identity, Options::new(kind, path)).await {
        Ok(report) => panic!("imported: {}", report.summary()),
        Err(failure) => format!("{failure:?}"),
    }
}

/// The reasons of bad rows without their lines.
fn reasons(bad: &[String]) -> Vec<&str> {
    bad.iter().map(|line| line.split_once([',', ':']).unwrap().1.trim()).collect()
}

on_both! {
    async fn a_manager_imports_into_the_own_branch_and_no_other(app) {
        let (before, audit) = (count(&app, "customer").await, audits(&app).await);
        let text = format!(
            "{HEAD}NEW-1,SHANGHAI,PERSON,Here,,\nNEW-2,SHANGHAI-PUDONG,PERSON,Below,,pudong.rep1\nNEW-3,BEIJING,PERSON,Unseen,,\n\
             NEW-4,NOWHERE,PERSON,No such,,\nNEW-5,HANGZHOU,PERSON,Sideways,,\nNEW-6,EAST,PERSON,Above,,\nNEW-7,,PERSON,At the top,,\n\
             NEW-8,SHANGHAI,PERSON,Owner elsewhere,,hangzhou.rep1\nHZ-0001,HANGZHOU,COMPANY,Taken over,,\n\
                 SH-0003,SHANGHAI,COMPANY,Renamed,,\n"
        );
        let told = run(&app, Some("shanghai.manager"), Kind::Customers, &text).await;
        assert_eq!(told.counts, [2, 1, 0], "{told:?}");
        let lines: Vec<&str> = told.bad.iter().map(|line| line.split(&[',', ':']).next().unwrap()).collect();
        assert_eq!(lines.len(), 7, "{:#?}", told.bad);
        for line in ["line 4", "line 5", "line 6", "line 7", "line 8", "line 9", "line 10"] {
            assert!(lines.contains(&line), "{line} in {:#?}", told.bad);
        }
        let (unseen, never) = (told.bad.iter().find(|bad| bad.contains("BEIJING")), told.bad.iter().find(|bad| bad.contains("NOWHERE")));
        let same = |bad: Option<&String>, code: &str| reasons(std::slice::from_ref(bad.unwrap()))[0].replace(code, "X");
        assert_eq!(same(unseen, "BEIJING"), same(never, "NOWHERE"), "a unit out of sight is like one that never was");
        assert_eq!(count(&app, "customer").await, before + 2);
        let me = Some(uuid_of(&user_id(&app, "shanghai.manager").await));
        let rows = audits_since(&app, &audit).await;
        assert!(rows.len() == 3 && rows.iter().all(|row| row.actor == me), "{rows:?}");
    }

    async fn references_out_of_sight_are_told_from_free_ones_only_where_one_may_create(app) {
        let before = contents(&app).await;
        for (user, unit, taken) in
            [("shanghai.manager", "HQ", "HQ-0001"), ("beijing.manager", "NORTH", "NO-0001"), ("beijing.manager", "HQ", "HQ-0001")]
        {
            let text = format!("{HEAD}{taken},{unit},COMPANY,Guess,,\nnever-was,{unit},COMPANY,Guess,,\n");
            let told = run(&app, Some(user), Kind::Customers, &text).await;
            assert_eq!(told.counts, [0, 0, 0]);
            let reasons = reasons(&told.bad);
            assert_eq!(
                reasons[0].replace(taken, "X"),
                reasons[1].replace("never-was", "X"),
                "{user} at {unit} learns which references exist"
            );
        }
        assert_eq!(contents(&app).await, before);
    }

    async fn a_reference_out_of_sight_is_taken_where_one_may_create(app) {
        // The customer began at Shanghai and is served by Beijing now.
        app.execute(
            "UPDATE customer SET unit_id = (SELECT id FROM org_unit WHERE code = 'BEIJING'), region_id = (SELECT id FROM org_unit \
                WHERE code = 'NORTH'), \
             owner_id = NULL WHERE external_ref = 'SH-0003'",
        )
        .await;
        let before = contents(&app).await;
        let text = format!("{HEAD}SH-0003,SHANGHAI,COMPANY,Mine again,,\n");
        let told = run(&app, Some("shanghai.manager"), Kind::Customers, &text).await;
        assert_eq!(told.bad, ["line 2, external_ref: is in use by a customer out of the importing user's sight"]);
        assert_eq!(contents(&app).await, before);
        let told = run(&app, Some("hq.steward"), Kind::Customers, &text).await;
        assert_eq!((told.counts, told.bad), ([0, 1, 0], vec![]), "found by its origin, wherever it is now");
        let unit = app
            .number(
                "SELECT COUNT(*) FROM customer c JOIN org_unit u ON u.id = c.unit_id WHERE c.external_ref = 'SH-0003' \
            AND u.code = 'BEIJING'",
            )
            .await;
        assert_eq!(unit, 1, "an import never moves");
    }

    async fn who_may_not_import_is_refused_as_a_whole(app) {
        let before = contents(&app).await;
        for user in ["shanghai.rep1", "shanghai.service", "hq.director", "hq.admin", "shanghai.admin"] {
            let told = refused(&app, user, Kind::Customers, &format!("{HEAD}NEW-1,SHANGHAI,PERSON,New,,\n")).await;
            assert!(told.contains("may not do that"), "{user}: {told}");
            let told = refused(&app, user, Kind::Contacts, "customer_ref,branch_code,name\nSH-0003,SHANGHAI,New\n").await;
            assert!(told.contains("may not do that"), "{user}: {told}");
        }
        for user in ["shanghai.rep1", "shanghai.manager", "hq.director", "hq.steward"] {
            let told = refused(&app, user, Kind::OrgUnits, "code,parent_code,kind,name\nX,SHANGHAI,SITE,New\n").await;
            assert!(told.contains("may not do that"), "{user}: {told}");
            let told = refused(&app, user, Kind::Users, "username,name,role,unit_code\nnew.one,New,sales_rep,SHANGHAI\n").await;
            assert!(told.contains("may not do that"), "{user}: {told}");
        }
        assert_eq!(contents(&app).await, before);
    }

    async fn a_steward_changes_but_does_not_create(app) {
        let text = format!("{HEAD}BJ-0001,BEIJING,COMPANY,Renamed,,\nNEW-1,BEIJING,COMPANY,New,,\n");
        let told = run(&app, Some("hq.steward"), Kind::Customers, &text).await;
        assert_eq!((told.counts, told.bad.len()), ([0, 1, 0], 1), "{told:?}");
        let contacts = "customer_ref,branch_code,name,role\nBJ-0001,BEIJING,毛雨桐,Chief\nBJ-0001,BEIJING,Nobody yet,\n";
        let told = run(&app, Some("hq.steward"), Kind::Contacts, contacts).await;
        assert_eq!((told.counts, told.bad.len()), ([0, 1, 0], 1), "{told:?}");
    }

    async fn a_branch_administrator_gives_its_five_roles_in_its_subtree(app) {
        let head = "username,name,role,unit_code\n";
        let roles = ["sales_rep", "service_agent", "care_planner", "supervisor", "branch_manager"];
        let good: String = roles.iter().map(|role| format!("new.{role},New,{role},SHANGHAI\n")).collect();
        let told = run(
            &app,
            Some("shanghai.admin"),
            Kind::Users,
            &format!(
                "{head}{good}new.below,New,sales_rep,SHANGHAI-PUDONG\n\
            "
            ),
        )
        .await;
        assert_eq!((told.counts, told.bad), ([6, 0, 0], vec![]));
        let before = contents(&app).await;
        let others = [
            "region_manager",
            "group_director",
            "group_admin",
            "branch_admin",
            "group_reporter",
            "group_auditor",
            "data_steward",
            "integration",
            "region_credit",
            "group_credit",
            "marketing_director",
            "no_such_role",
            "*",
        ];
        let bad: String = others.iter().map(|role| format!("other.{role},New,{role},SHANGHAI\n")).collect();
        let elsewhere: String =
            ["EAST", "HQ", "HANGZHOU", "BEIJING", "NOWHERE"].iter().map(|unit| format!("else.where,New,sales_rep,{unit}\n")).collect();
        let themselves = "shanghai.admin,郑凯,sales_rep,SHANGHAI\n";
        let taken = "hq.director,New,sales_rep,SHANGHAI\n";
        let told = run(
            &app,
            Some("shanghai.admin"),
            Kind::Users,
            &format!("{head}{bad}{elsewhere}{themselves}{taken}Upper Case,New,sales_rep,SHANGHAI\n"),
        )
        .await;
        assert_eq!(told.counts, [0, 0, 0], "{told:?}");
        assert_eq!(told.bad.len(), others.len() + 8, "{told:?}");
        assert_eq!(contents(&app).await, before);
        let renames = format!("{head}shanghai.manager,Renamed,branch_manager,SHANGHAI\n");
        assert_eq!(run(&app, Some("shanghai.admin"), Kind::Users, &renames).await.counts, [0, 1, 0]);
        let integration = format!("{head}shanghai.integration,Renamed,sales_rep,SHANGHAI\n");
        assert_eq!(
            run(&app, Some("shanghai.admin"), Kind::Users, &integration).await.counts,
            [0, 0, 0],
            "whose posts it could not give, it does not rename"
        );
        assert_eq!(
            app.actor("new.supervisor").await.ask("{ viewer { posts { role unit { code } } } }").await["viewer"]["posts"],
            json!([{ "role": "supervisor", "unit": { "code": "SHANGHAI" } }])
        );
    }

    async fn nobody_gives_roles_to_oneself_even_in_a_row_that_renames(app) {
        let before = contents(&app).await;
        let text = "username,name,email,role,unit_code\nshanghai.admin,Promoted,new@example.com,branch_manager,SHANGHAI\n\
            hq.admin,陆文博,hq.admin@example.com,group_director,HQ\n";
        for user in ["shanghai.admin", "hq.admin"] {
            let row: String = text
                .lines()
                .filter(|line| line.starts_with("username") || line.starts_with(user))
                .map(|line| format!("{line}\n"))
                .collect();
            let told = run(&app, Some(user), Kind::Users, &row).await;
            assert_eq!((told.counts, told.bad.len()), ([0, 0, 0], 1), "{user}: {told:?}");
            assert_eq!(contents(&app).await, before, "{user}: a bad row is not half-written");
        }
    }

    async fn units_come_in_any_order_and_never_move(app) {
        let text = "code,parent_code,kind,name,business_mode\nS1,B1,SITE,Site,\nB1,R2,BRANCH,Branch,SINGLE\nR2,R1,REGION,Inner,\n\
            R1,HQ,REGION,Outer,CENTRALISED\n";
        assert_eq!(run(&app, None, Kind::OrgUnits, text).await.counts, [4, 0, 0]);
        let before = contents(&app).await;
        assert_eq!(run(&app, None, Kind::OrgUnits, text).await.counts, [0, 0, 4]);
        assert_eq!(contents(&app).await, before);
        let regions = app.number("SELECT COUNT(*) FROM org_unit u JOIN org_unit r ON r.id = u.region_id WHERE r.code = 'R1'").await;
        assert_eq!(regions, 4, "the topmost region at or above, of itself too");
        let bad = "code,parent_code,kind,name\nHQ2,,HQ,Second\nLOOP,LOOP,REGION,Itself\nA,B,REGION,Round\nB,A,REGION,And \
            round\nB1,HQ,BRANCH,Branch\n\
            B1,R2,BRANCH,Twice\nSHANGHAI,EAST,REGION,Another kind\nX,S1,SITE,Site under site\nY,HQ,SITE,Site under HQ\n\
                Z,B1,BRANCH,Branch under branch\n\
            Q,NOWHERE,BRANCH,No parent\nQ2,Q,BRANCH,Under a bad row\n*,HQ,BRANCH,No code\nHQ,HQ,HQ,HQ under itself\nN,HQ,BRANCH,\n\
                M,HQ,VILLAGE,No kind\n";
        let told = run(&app, None, Kind::OrgUnits, bad).await;
        assert_eq!(told.counts, [0, 0, 0], "{told:?}");
        assert_eq!(told.bad.len(), 16, "{:#?}", told.bad);
        assert_eq!(contents(&app).await, before);
        for (line, says) in [
            (2, "kind: there is an HQ already: 'HQ'"),
            (3, "parent_code: the unit would stand under itself"),
            (4, "parent_code: the unit would stand under itself"),
        ] {
            assert!(told.bad.contains(&format!("line {line}, {says}")), "{line} {says} in {:#?}", told.bad);
        }
    }

    async fn a_branch_administrator_adds_units_below_its_own(app) {
        let text = "code,parent_code,kind,name\nSHANGHAI-2,SHANGHAI,SITE,Below\nOTHER,EAST,BRANCH,Beside\n\
            SHANGHAI,EAST,BRANCH,Renamed\nHANGZHOU,JIANGNAN,BRANCH,Renamed\n\
            SHANGHAI-PUDONG,SHANGHAI,SITE,Renamed\n";
        let told = run(&app, Some("shanghai.admin"), Kind::OrgUnits, text).await;
        assert_eq!((told.counts, told.bad.len()), ([1, 1, 0], 3), "{told:?}");
    }
}
