//! Importing files: all good rows land, every bad row is told with line, column and reason, and a second run changes nothing.

use std::path::{Path, PathBuf};

use branchwise::cli::Failure;
use branchwise::cli::import::{Kind, Options, import, report::Report};
use branchwise::db::operator_unscoped;
use serde_json::json;

use crate::app::TestApp;
use crate::on_both;
use crate::tables::{audits, audits_since, contents, count};

/// What became of a file: added, changed, unchanged, and the bad rows as they are told.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub counts: [u64; 3],
    pub bad: Vec<String>,
}

fn file(app: &TestApp, bytes: &[u8]) -> PathBuf {
    let path = app.database.folder().join("import.csv");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Imports a file as a user, or as the operator of the machine.
async fn import_file(app: &TestApp, user: Option<&str>, kind: Kind, path: &Path, rehearse: bool) -> Result<Report, Failure> {
    let viewer = match user {
        None => operator_unscoped(&app.rights),
        Some(name) => {
            let user = app.db.credentials_unscoped(name).await.unwrap().unwrap();
            app.rights.viewer(user.id).await.unwrap().unwrap()
        }
    };
    let db = if rehearse { app.db.clone().rehearsing() } else { app.db.clone() };
    let report = import(&db.seen_by(viewer), &app.secrets.identity, Options::new(kind, path.to_owned())).await;
    app.rights.refresh().await.unwrap();
    report
}

fn outcome(mut report: Report) -> Outcome {
    let mut told = Vec::new();
    report.finish(&mut told).unwrap();
    let bad: Vec<String> = String::from_utf8(told).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(report.bad, bad.len() as u64, "{bad:?}");
    Outcome { counts: [report.added, report.changed, report.unchanged], bad }
}

/// Imports a text that can be read as a whole.
pub async fn run(app: &TestApp, user: Option<&str>, kind: Kind, text: &str) -> Outcome {
    outcome(import_file(app, user, kind, &file(app, text.as_bytes()), false).await.expect("a file that can be read"))
}

/// The reason why a file is refused as a whole.
async fn refused(app: &TestApp, user: Option<&str>, kind: Kind, bytes: &[u8]) -> String {
    let before = contents(app).await;
    let Err(failure) = import_file(app, user, kind, &file(app, bytes), false).await else { panic!("the file was read") };
    assert_eq!(contents(app).await, before);
    format!("{failure:?}")
}

const SAMPLE: [(Kind, &str); 4] = [
    (Kind::OrgUnits, include_str!("../../src/cli/sample/org-units.csv")),
    (Kind::Users, include_str!("../../src/cli/sample/users.csv")),
    (Kind::Customers, include_str!("../../src/cli/sample/customers.csv")),
    (Kind::Contacts, include_str!("../../src/cli/sample/contacts.csv")),
];

on_both! {
    async fn a_second_run_changes_nothing_at_all(app) {
        let before = contents(&app).await;
        for (kind, text) in SAMPLE {
            let rows = text.lines().count() as u64 - 1;
            assert_eq!(run(&app, None, kind, text).await, Outcome { counts: [0, 0, rows], bad: vec![] }, "{kind:?}");
            assert_eq!(contents(&app).await, before, "{kind:?}");
        }
        let own: String = SAMPLE[2]
            .1
            .lines()
            .enumerate()
            .filter(|(at, line)| *at == 0 || line.starts_with("SH-"))
            .map(|(_, line)| format!("{line}\n"))
            .collect();
        assert_eq!(run(&app, Some("shanghai.manager"), Kind::Customers, &own).await, Outcome { counts: [0, 0, 22], bad: vec![] });
        assert_eq!(contents(&app).await, before);
    }

    async fn a_dry_run_changes_nothing_and_tells_what_would_happen(app) {
        let text = "external_ref,branch_code,kind,name,phone\nNEW-1,SHANGHAI,PERSON,New,\nSH-0001,SHANGHAI,COMPANY,Renamed,\n\
            SH-0002,SHANGHAI,ROBOT,Bad,\n";
        let path = file(&app, text.as_bytes());
        let before = contents(&app).await;
        let rehearsed = outcome(import_file(&app, None, Kind::Customers, &path, true).await.unwrap());
        assert_eq!(contents(&app).await, before);
        assert_eq!(rehearsed.counts, [1, 1, 0]);
        let units = "code,parent_code,kind,name\nWEST,HQ,REGION,West\nCHENGDU,WEST,BRANCH,Chengdu\n";
        assert_eq!(outcome(import_file(&app, None, Kind::OrgUnits, &file(&app, units.as_bytes()), true).await.unwrap()).counts, [2, 0, 0]);
        let users = "username,name,role,unit_code\nnew.one,New,sales_rep,SHANGHAI\n";
        assert_eq!(outcome(import_file(&app, None, Kind::Users, &file(&app, users.as_bytes()), true).await.unwrap()).counts, [1, 0, 0]);
        assert_eq!(contents(&app).await, before);
        assert_eq!(run(&app, None, Kind::Customers, text).await, rehearsed, "the real run does what the dry run told");
    }

    async fn good_rows_land_and_bad_ones_are_told(app) {
        let (customers, audit) = (count(&app, "customer").await, audits(&app).await);
        let text = "external_ref,branch_code,kind,name,class,birth_date,annual_income,phone,email,owner\n\
            OK-1,SHANGHAI,PERSON,Good One,,1990-12-31,1234.5,13900000001,a@example.com,shanghai.rep1\n\
            ,SHANGHAI,PERSON,No reference,,,,,,\n\
            B-2,SHANGHAI,PERSON,,,,,,,\n\
            B-3,NOWHERE,PERSON,Unknown unit,,,,,,\n\
            B-4,SHANGHAI,ROBOT,Unknown kind,,,,,,\n\
            B-5,SHANGHAI,PERSON,Unknown class,VIP,,,,,\n\
            B-6,SHANGHAI,PERSON,No date,,31.12.1990,,,,\n\
            B-7,SHANGHAI,PERSON,Not born yet,,2999-01-01,,,,\n\
            B-8,SHANGHAI,PERSON,No amount,,,lots,,,\n\
            B-9,SHANGHAI,PERSON,Too exact,,,0.001,,,\n\
            B-10,SHANGHAI,PERSON,Negative,,,-1,,,\n\
            B-11,SHANGHAI,PERSON,No phone,,,,call me,,\n\
            B-12,SHANGHAI,PERSON,No address,,,,,nobody,\n\
            B-13,SHANGHAI,PERSON,No owner,,,,,,nobody.at.all\n\
            B-14,SHANGHAI,PERSON,Owner elsewhere,,,,,,beijing.rep1\n\
            OK-1,SHANGHAI,PERSON,Twice,,,,,,\n\
            B-16,SHANGHAI,PERSON,Too few\n\
            B-17,SHANGHAI,PERSON,Control\u{7},,,,,,\n\
            OK-2,,COMPANY,At HQ,USER,,,,,\n";
        let told = run(&app, None, Kind::Customers, text).await;
        let wanted = [
            "line 3, external_ref:",
            "line 4, name:",
            "line 5, branch_code:",
            "line 6, kind:",
            "line 7, class:",
            "line 8, birth_date:",
            "line 9, birth_date:",
            "line 10, annual_income:",
            "line 11, annual_income:",
            "line 12, annual_income:",
            "line 13, phone:",
            "line 14, email:",
            "line 15, owner:",
            "line 16, owner:",
            "line 17, external_ref:",
            "line 18:",
            "line 19, name:",
        ];
        assert_eq!(told.counts, [2, 0, 0], "{told:?}");
        for start in wanted {
            assert_eq!(told.bad.iter().filter(|line| line.starts_with(start)).count(), 1, "{start} in {:#?}", told.bad);
        }
        assert_eq!(told.bad.len(), wanted.len(), "{:#?}", told.bad);
        assert_eq!(count(&app, "customer").await, customers + 2);
        let rows = audits_since(&app, &audit).await;
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|row| row.action == "customer:create" && row.actor.is_none()), "{rows:?}");
        let query = "{ customer(externalRef: \"OK-1\", originUnitCode: \"SHANGHAI\") { name class birthDate annualIncome { amount \
            currency } owner { name } unit { code } } }";
        let landed = app.actor("shanghai.manager").await.ask(query).await["customer"].clone();
        assert_eq!(
            landed,
            json!({
                "name": "Good One", "class": "ACCOUNT", "birthDate": "1990-12-31", "annualIncome": { "amount": "1234.50", "currency": "CNY" },
                "owner": { "name": "王磊" }, "unit": { "code": "SHANGHAI" },
            })
        );
    }

    async fn an_absent_column_leaves_and_an_empty_cell_empties(app) {
        let say = async |text: &str| {
            let told = run(&app, None, Kind::Customers, text).await;
            assert_eq!(told.bad, Vec::<String>::new());
            let query = "{ customer(externalRef: \"SH-0003\", originUnitCode: \"SHANGHAI\") { phone email class industry owner { \
                name } version } }";
            (told.counts, app.actor("shanghai.manager").await.ask(query).await["customer"].clone())
        };
        let head = "external_ref,branch_code,kind,name";
        let row = "SH-0003,SHANGHAI,COMPANY,上海云杉精密机械有限公司";
        let audit = audits(&app).await;
        let (counts, stands) = say(&format!("{head}\n{row}\n")).await;
        assert_eq!((counts, &stands["version"]), ([0, 0, 1], &json!(1)));
        let (counts, emptied) = say(&format!("{head},phone,class,owner\n{row},,,shanghai.rep2\n")).await;
        assert_eq!(counts, [0, 1, 0]);
        let mut wanted = stands.clone();
        wanted["phone"] = json!(null);
        wanted["version"] = json!(2);
        assert_eq!(emptied, wanted, "an empty class says nothing, and an owner counts on creation only");
        let (counts, set) = say(&format!("{head},Phone , CLASS\n{row}, 13900000001 ,user\n")).await;
        assert_eq!((counts, &set["phone"], &set["class"]), ([0, 1, 0], &json!("13900000001"), &json!("USER")));
        let rows = audits_since(&app, &audit).await;
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().any(|row| row.changes == json!({ "phone": ["13800138017", null] })), "{rows:?}");
    }

    async fn a_file_of_several_units_of_work_is_one_file(app) {
        let many = app.db.seen_by(operator_unscoped(&app.rights)).shares().rows + 500;
        let branches = ["SHANGHAI", "HANGZHOU", "", "LONDON"];
        let row = |number: usize| format!("N-{number},{},PERSON,Name {number},{}\n", branches[number % 4], if number.is_multiple_of(3) { "" } else { "Retail" });
        let text = "external_ref,branch_code,kind,name,industry\n".to_owned() + (0..many).map(row).collect::<String>().as_str();
        // The first line once more, behind everything, and the same reference at another branch.
        let text = text + "N-0,SHANGHAI,PERSON,Again,\nN-0,BEIJING,PERSON,Another,\n";
        let told = run(&app, None, Kind::Customers, &text).await;
        let twice = format!("line {}, external_ref: 'N-0' stands in the file twice for this branch", many + 2);
        assert_eq!(told, Outcome { counts: [many as u64 + 1, 0, 0], bad: vec![twice.clone()] });
        assert_eq!(app.number("SELECT COUNT(*) FROM customer WHERE external_ref LIKE 'N-%' AND industry IS NULL").await as usize, many.div_ceil(3) + 1);
        assert_eq!(app.number("SELECT COUNT(*) FROM audit a JOIN customer c ON c.id = a.record_id WHERE c.external_ref LIKE 'N-%'").await as usize, many + 1);
        let before = contents(&app).await;
        assert_eq!(run(&app, None, Kind::Customers, &text).await, Outcome { counts: [0, 0, many as u64 + 1], bad: vec![twice] });
        assert_eq!(contents(&app).await, before);
        let contact = |number: usize| format!("N-{},{},Somebody,{number}00\n", number % 7, branches[number % 7 % 4]);
        let text = "customer_ref,branch_code,name,phone\n".to_owned() + (0..many).map(contact).collect::<String>().as_str();
        let path = file(&app, text.as_bytes());
        let report = import_file(&app, None, Kind::Contacts, &path, false).await.unwrap();
        assert_eq!((report.added, report.bad), (7, many as u64 - 7), "the first of each wins, however far behind the others stand");
        let phones = app.number("SELECT COUNT(*) FROM contact WHERE name = 'Somebody' AND phone IN ('000', '100', '200', '300', '400', '500', '600')").await;
        assert_eq!(phones, 7);
    }

    async fn files_that_cannot_be_read_are_refused_as_a_whole(app) {
        let (gbk, _, _) = encoding_rs::GBK.encode("external_ref,branch_code,kind,name\nSH-0001,SHANGHAI,COMPANY,上海晨帆物流有限公司\n");
        let utf16: Vec<u8> = "external_ref,branch_code".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, says) in [
            (&b""[..], "is empty"),
            (b"\n\n", "is empty"),
            (b"external_ref,branch_code,kind,name,shoe_size\n", "unknown in the header: shoe_size"),
            (b"external_ref,branch_code,kind,name,name\n", "more than once in the header: name"),
            (b"external_ref,kind,name\n", "missing in the header: branch_code"),
            (b"external_ref;branch_code;kind;name\n", "separated by semicolons"),
            (b"external_ref,branch_code,kind,name\rA,B,C,D\r", "CR alone"),
            (b"PK\x03\x04garbage", "XLSX"),
            (b"external_ref,branch_code,kind,name\nA,SHANGHAI,PERSON,\xff\xfe\xff\n", "not UTF-8, first wrong byte at line 2"),
            (&gbk, "GBK"),
            (&utf16, "UTF-16"),
        ] {
            let told = refused(&app, None, Kind::Customers, bytes).await;
            assert!(told.contains(says), "{says} in {told}");
        }
        let path = app.database.folder().join("nowhere.csv");
        let Err(failure) = import_file(&app, None, Kind::Customers, &path, false).await else { panic!("there is no such file") };
        assert!(format!("{failure:?}").contains("cannot be read"), "{failure:?}");
    }

    async fn a_line_of_a_hundred_megabytes_is_one_bad_row(app) {
        let path = app.database.folder().join("long.csv");
        let mut bytes = b"external_ref,branch_code,kind,name\nOK-1,SHANGHAI,PERSON,Before\nLONG,SHANGHAI,PERSON,".to_vec();
        bytes.resize(bytes.len() + 100 * 1024 * 1024, b'x');
        bytes.extend(b"\nOK-2,SHANGHAI,PERSON,Behind\n");
        std::fs::write(&path, bytes).unwrap();
        let told = outcome(import_file(&app, None, Kind::Customers, &path, false).await.unwrap());
        assert_eq!(told.counts, [2, 0, 0]);
        assert_eq!(told.bad, ["line 3: is a line of more than 1048576 bytes"]);
    }

    async fn contacts_find_their_customer(app) {
        let text = "customer_ref,branch_code,name,role,phone,email\n\
            SH-0003,SHANGHAI,黎芳,Chief,13800138130,sh.0003.c1@example.com\n\
            SH-0003,SHANGHAI,New Person,,,\n\
            SH-0003,SHANGHAI,New Person,,,\n\
            SH-9999,SHANGHAI,Nobody's,,,\n\
            HQ-0001,,At HQ,,,\n\
            SH-0003,SHANGHAI,Bad Phone,,x,\n";
        let told = run(&app, None, Kind::Contacts, text).await;
        assert_eq!(told.counts, [2, 1, 0], "{told:?}");
        assert_eq!(told.bad.len(), 3);
        for start in ["line 4, name:", "line 5, customer_ref:", "line 7, phone:"] {
            assert!(told.bad.iter().any(|line| line.starts_with(start)), "{start} in {:#?}", told.bad);
        }
    }
}
