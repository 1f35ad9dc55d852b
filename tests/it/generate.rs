//! Generated groups: the same for the same seed, skewed like real ones, and nothing that the importer would not take.

use std::collections::BTreeMap;

use branchwise::cli::generate::{Made, Plan, generate};
use branchwise::cli::import::Kind;
use branchwise::db::operator_unscoped;
use serde_json::json;

use crate::app::{Engine, PASSWORD, TestApp};
use crate::import;
use crate::on_both;
use crate::tables::{audits, contents};

const SMALL: Plan = Plan { customers: 3_000, branches: 30, regions: 6, seed: 7 };

/// An empty database with a group of this plan in it. None: no PostgreSQL here.
async fn generated(engine: Engine, plan: &Plan) -> Option<(TestApp, Made)> {
    let app = TestApp::start_empty(engine).await?;
    let scoped = app.db.seen_by(operator_unscoped(&app.rights));
    let made = generate(&scoped, plan.clone(), PASSWORD, "CNY").await.expect("a group");
    app.rights.refresh().await.unwrap();
    Some((app, made))
}

/// All rows but those that tell when a group was made, and by which password one signs in.
async fn data(app: &TestApp) -> BTreeMap<String, Vec<String>> {
    app.execute("UPDATE user_account SET password_hash = NULL").await;
    let mut contents = contents(app).await;
    contents.retain(|table, _| table != "audit" && table != "org_parent" && !table.starts_with("seaql"));
    contents
}

async fn the_same_seed_makes_the_same_group(engine: Engine) {
    let Some((app, made)) = generated(engine, &SMALL).await else { return };
    let first = data(&app).await;
    for (table, rows) in
        [("org_unit", made.units), ("user_account", made.users), ("customer", made.customers), ("contact", made.contacts), ("party", 3_000)]
    {
        assert_eq!(first[table].len() as u64, rows, "{table}");
    }
    let Some((again, _)) = generated(engine, &SMALL).await else { return };
    assert_eq!(data(&again).await, first);
    let Some((other, _)) = generated(engine, &Plan { seed: 8, ..SMALL }).await else { return };
    let other = data(&other).await;
    for table in ["org_unit", "user_account", "post", "customer", "contact"] {
        assert!(!other[table].iter().any(|row| first[table].contains(row)), "{table} of another seed");
    }
}

async fn it_is_skewed_and_whole(engine: Engine) {
    let Some((app, made)) = generated(engine, &SMALL).await else { return };
    let number = async |sql: &str| app.number(sql).await;
    let of = |code: &str| format!("SELECT COUNT(*) FROM customer c JOIN org_unit u ON u.id = c.unit_id WHERE u.code {code}");
    assert_eq!(made.customers, 3_000);
    assert_eq!(number("SELECT COUNT(*) FROM org_unit WHERE kind = 'BRANCH'").await, 30);
    assert_eq!(number("SELECT COUNT(*) FROM org_unit WHERE kind = 'REGION'").await, 6);
    let huge = number(&of("= 'B01'")).await;
    assert!((850..1_200).contains(&huge), "a third in one branch: {huge}");
    // The branch before the last is quiet in every group: a few customers, or none, all from the first years.
    let quiet = number(&of("= 'B29'")).await;
    assert!((0..10).contains(&quiet), "{quiet}");
    let few = "SELECT unit_id FROM customer GROUP BY unit_id HAVING COUNT(*) < 10";
    let old = number(&format!("SELECT COUNT(*) FROM customer WHERE unit_id IN ({few}) AND external_ref < 'C-0000150'")).await;
    assert!(old > 0, "some quiet branch has customers");
    for (what, sql) in [
        ("a region in a region", "SELECT COUNT(*) FROM org_unit r JOIN org_unit a ON a.id = r.parent_id WHERE a.kind = r.kind"),
        ("sites", "SELECT COUNT(*) FROM org_unit WHERE kind = 'SITE'"),
        ("modes", "SELECT COUNT(*) FROM org_unit WHERE business_mode IS NOT NULL"),
        ("customers with contacts", "SELECT COUNT(DISTINCT customer_id) FROM contact"),
        ("customers without an owner", "SELECT COUNT(*) FROM customer WHERE owner_id IS NULL"),
        ("archived customers", "SELECT COUNT(*) FROM customer WHERE archived_at IS NOT NULL"),
        ("Chinese names", "SELECT COUNT(*) FROM customer WHERE name LIKE '王%'"),
        ("English companies", "SELECT COUNT(*) FROM customer WHERE name LIKE '% Ltd' AND kind = 'COMPANY'"),
        ("incomes", "SELECT COUNT(*) FROM customer WHERE annual_income_minor > 0 AND annual_income_currency = 'CNY'"),
    ] {
        assert!(number(sql).await > 0, "{what}");
    }
    for column in ["class", "kind", "industry", "phone", "email", "address", "birth_date", "gender", "occupation", "education"] {
        let values = number(&format!("SELECT COUNT(DISTINCT {column}) FROM customer")).await;
        let wanted = if column == "class" { 4 } else { 2 };
        assert!(values >= wanted, "{column}: {values}");
    }
    for (broken, sql) in [
        ("HQs beside the first", "SELECT COUNT(*) - 1 FROM org_unit WHERE parent_id IS NULL"),
        (
            "units without themselves in the closure",
            "SELECT COUNT(*) FROM org_unit u WHERE NOT EXISTS (SELECT 1 FROM org_path p \
            WHERE p.ancestor_id = u.id AND p.descendant_id = u.id AND p.depth = 0)",
        ),
        (
            "units whose closure is not their parent's and themselves",
            "SELECT COUNT(*) FROM org_unit u WHERE (SELECT COUNT(*) FROM \
            org_path p WHERE p.descendant_id = u.id) <> 1 + (SELECT COUNT(*) FROM org_path p WHERE p.descendant_id = u.parent_id)",
        ),
        (
            "units of a region that is not their topmost",
            "SELECT COUNT(*) FROM org_unit u JOIN org_path p ON p.descendant_id = u.id \
            JOIN org_unit r ON r.id = p.ancestor_id JOIN org_unit hq ON hq.id = r.parent_id \
            WHERE r.kind = 'REGION' AND hq.kind = 'HQ' AND (u.region_id IS NULL OR u.region_id <> r.id)",
        ),
        (
            "units without a parent in their history",
            "SELECT COUNT(*) FROM org_unit u LEFT JOIN org_parent p ON p.unit_id = u.id \
            AND p.valid_to IS NULL WHERE p.id IS NULL OR (p.parent_id IS NULL) <> (u.parent_id IS NULL)",
        ),
        (
            "customers of another region",
            "SELECT COUNT(*) FROM customer c JOIN org_unit u ON u.id = c.unit_id WHERE \
            (c.region_id IS NULL) <> (u.region_id IS NULL) OR c.region_id <> u.region_id OR c.origin_unit_id <> u.id",
        ),
        (
            "owners without a post there",
            "SELECT COUNT(*) FROM customer c WHERE c.owner_id IS NOT NULL AND NOT EXISTS \
            (SELECT 1 FROM post p WHERE p.user_id = c.owner_id AND p.unit_id = c.unit_id)",
        ),
        ("contacts elsewhere", "SELECT COUNT(*) FROM contact c JOIN customer k ON k.id = c.customer_id WHERE c.unit_id <> k.unit_id"),
        (
            "customers from before their unit",
            "SELECT COUNT(*) FROM customer c JOIN org_unit u ON u.id = c.unit_id \
            WHERE c.created_at < u.created_at",
        ),
    ] {
        assert_eq!(number(sql).await, 0, "{broken}");
    }
}

/// A file of these columns of what a statement finds.
async fn file(app: &TestApp, columns: &[&str], sql: &str) -> String {
    let mut text = columns.join(",");
    for row in app.select(sql).await {
        let cells = columns.iter().map(|column| row.try_get::<Option<String>>("", column).unwrap().unwrap_or_default());
        text += &format!("\n{}", cells.map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(","));
    }
    text
}

/// What the importer says to generated rows: nothing differs, and nothing is wrong with any of them.
async fn the_importer_would_have_taken_it(engine: Engine) {
    let Some((app, made)) = generated(engine, &SMALL).await else { return };
    let units = file(
        &app,
        &["code", "parent_code", "kind", "name", "business_mode"],
        "SELECT u.code, p.code AS parent_code, u.kind, u.name, u.business_mode FROM org_unit u LEFT JOIN org_unit p ON p.id = u.parent_id",
    );
    let users = file(
        &app,
        &["username", "name", "email", "role", "unit_code"],
        "SELECT a.username, a.name, a.email, p.role, u.code AS unit_code FROM user_account a JOIN post p ON p.user_id = a.id \
            JOIN org_unit u ON u.id = p.unit_id",
    );
    let date = match engine {
        Engine::Sqlite => "birth_date",
        Engine::Postgres => "CAST(birth_date AS text) AS birth_date",
    };
    let sql = format!(
        "SELECT c.external_ref, u.code AS branch_code, c.kind, c.name, c.class, c.email, c.phone, {date}, c.gender, c.occupation, \
            c.education, CAST(c.annual_income_minor / 100 AS text) AS annual_income, c.industry, c.address FROM customer c \
            JOIN org_unit u ON u.id = c.unit_id"
    );
    let columns = [
        "external_ref",
        "branch_code",
        "kind",
        "name",
        "class",
        "email",
        "phone",
        "birth_date",
        "gender",
        "occupation",
        "education",
        "annual_income",
        "industry",
        "address",
    ];
    let customers = file(&app, &columns, &sql);
    let before = contents(&app).await;
    for (kind, text, rows) in [
        (Kind::OrgUnits, units.await, made.units),
        (Kind::Users, users.await, made.users),
        (Kind::Customers, customers.await, made.customers),
    ] {
        let told = import::run(&app, None, kind, &text).await;
        assert_eq!(told, import::Outcome { counts: [0, 0, rows], bad: vec![] }, "{kind:?}");
    }
    assert_eq!(contents(&app).await, before);
}

async fn its_people_see_what_their_posts_say(engine: Engine) {
    let Some((app, _)) = generated(engine, &SMALL).await else { return };
    let total = async |username: &str| {
        let answer = app.actor(username).await.ask("{ customers { totalCount } }").await;
        answer["customers"]["totalCount"].as_i64().unwrap()
    };
    let below = |code: &str| {
        format!(
            "SELECT COUNT(*) FROM customer c JOIN org_path p ON p.descendant_id = c.unit_id JOIN org_unit u ON u.id = p.ancestor_id \
                WHERE c.archived_at IS NULL AND u.code = '{code}'"
        )
    };
    assert_eq!(total("hq.director").await, app.number(&below("HQ")).await);
    // Branches that work for themselves: nobody above them has set a mode, and DISTRIBUTED is what HQ has then.
    let alone = app
        .select(
            "SELECT b.code FROM org_unit b WHERE b.kind = 'BRANCH' AND NOT EXISTS (SELECT 1 FROM org_path p JOIN org_unit a ON \
                a.id = p.ancestor_id WHERE p.descendant_id = b.id AND a.business_mode IS NOT NULL) ORDER BY b.code",
        )
        .await;
    assert!(alone.len() > 2, "the seed has such branches");
    let mut seen = 0;
    for row in &alone {
        let code: String = row.try_get_by_index(0).unwrap();
        let (own, manager) = (app.number(&below(&code)).await, format!("{}.manager", code.to_lowercase()));
        assert_eq!(total(&manager).await, own, "{manager}");
        seen = own.max(seen);
        let stranger = app
            .select(&format!(
                "SELECT c.external_ref, u.code FROM customer c JOIN org_unit u ON u.id = c.unit_id \
            WHERE u.code NOT LIKE '{code}%' ORDER BY c.id LIMIT 1"
            ))
            .await;
        let (reference, at): (String, String) = (stranger[0].try_get_by_index(0).unwrap(), stranger[0].try_get_by_index(1).unwrap());
        let query = "query($r: String!, $u: String!) { customer(externalRef: $r, originUnitCode: $u) { name } }";
        let answer = app.actor(&manager).await.ask_with(query, json!({ "r": reference, "u": at })).await;
        assert_eq!(answer["customer"], json!(null), "{manager} and {at}");
    }
    assert!(seen > 0, "somebody has customers");
    let region = "SELECT r.code FROM org_unit r WHERE r.kind = 'REGION' AND r.region_id = r.id AND (r.business_mode IS NULL \
        OR r.business_mode <> 'CENTRALISED') ORDER BY r.code LIMIT 1";
    let region: String = app.select(region).await[0].try_get_by_index(0).unwrap();
    assert_eq!(total(&format!("{}.manager", region.to_lowercase())).await, app.number(&below(&region)).await);
    let signed_in = "mutation($p: String!) { signIn(input: { username: \"b01.rep1\", password: $p }) { accessToken } }";
    assert!(app.nobody().ask_with(signed_in, json!({ "p": PASSWORD })).await["signIn"]["accessToken"].is_string());
}

async fn one_row_of_the_audit_tells_of_it(engine: Engine) {
    let Some((app, _)) = generated(engine, &Plan { customers: 10, branches: 1, regions: 0, seed: 1 }).await else { return };
    let rows = audits(&app).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].actor, rows[0].action.as_str()), (None, "organisation:administer"));
    assert_eq!(rows[0].changes, json!({ "generated": { "customers": 10, "branches": 1, "regions": 0, "seed": 1 } }));
    assert_eq!(app.number("SELECT COUNT(*) FROM audit WHERE reason = 'operator'").await, 1);
}

/// The tests above, each on databases of its own.
macro_rules! on_empty {
    ($engine:ident: $($name:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            super::$name(super::Engine::$engine).await;
        }
    )*};
}

mod sqlite {
    on_empty! { Sqlite:
        the_same_seed_makes_the_same_group
        it_is_skewed_and_whole
        the_importer_would_have_taken_it
        its_people_see_what_their_posts_say
        one_row_of_the_audit_tells_of_it
    }
}

mod postgres {
    on_empty! { Postgres:
        the_same_seed_makes_the_same_group
        it_is_skewed_and_whole
        the_importer_would_have_taken_it
        its_people_see_what_their_posts_say
        one_row_of_the_audit_tells_of_it
    }
}

on_both! {
    async fn where_there_is_an_hq_nothing_is_made(app) {
        let before = contents(&app).await;
        let scoped = app.db.seen_by(operator_unscoped(&app.rights));
        let Err(failure) = generate(&scoped, SMALL, PASSWORD, "CNY").await else { panic!("a second group") };
        assert!(format!("{failure:?}").contains("holds a group already, of HQ 'HQ'"), "{failure:?}");
        assert_eq!(contents(&app).await, before);
    }
}
