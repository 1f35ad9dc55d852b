//! The binary itself: exit codes, what it prints, and the files that it takes and leaves.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::app::{Database, Engine, TestApp, has_postgres};
use crate::on_both;
use crate::tables::contents;

const SECRET: &str = "0123456789abcdef0123456789abcdef-commands";
const CUSTOMERS: &str = "external_ref,branch_code,kind,name\n";

struct Done {
    code: i32,
    out: String,
    err: String,
}

/// Runs the binary in `folder`, against the database at `url`.
fn branchwise(folder: &Path, url: &str, arguments: &[&str]) -> Done {
    let mut command = Command::new(env!("CARGO_BIN_EXE_branchwise"));
    command.current_dir(folder).env_clear().env("DATABASE_URL", url).env("BRANCHWISE_SECRET", SECRET).env("RUST_LOG", "error");
    let Output { status, stdout, stderr } = command.args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { code: status.code().expect("an exit code"), out: text(stdout), err: text(stderr) }
}

fn write(app: &TestApp, name: &str, text: impl AsRef<[u8]>) -> String {
    let path: PathBuf = app.database.folder().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn run(app: &TestApp, arguments: &[&str]) -> Done {
    branchwise(&app.database.folder(), &app.database.url, arguments)
}

on_both! {
    async fn an_import_ends_with_its_code_and_one_line(app) {
        let good = write(&app, "good.csv", format!("{CUSTOMERS}NEW-1,SHANGHAI,PERSON,New\n"));
        let done = run(&app, &["import", "customers", &good]);
        assert_eq!((done.code, done.out.as_str()), (0, "1 added, 0 changed, 0 unchanged, 0 bad\n"), "{}", done.err);
        let before = contents(&app).await;
        let done = run(&app, &["import", "customers", &good]);
        assert_eq!((done.code, done.out.as_str()), (0, "0 added, 0 changed, 1 unchanged, 0 bad\n"));
        let more = write(&app, "more.csv", format!("{CUSTOMERS}NEW-2,SHANGHAI,PERSON,New\n"));
        let done = run(&app, &["import", "customers", &more, "--dry-run"]);
        assert_eq!((done.code, done.out.as_str()), (0, "dry run: 1 added, 0 changed, 0 unchanged, 0 bad\n"));
        for (wrong, code) in [
            (&["import", "customers"][..], 2),
            (&["import", "planets", &good], 2),
            (&["import", "customers", &good, "--no-such-option"], 2),
            (&["no-such-command"], 2),
            (&[], 2),
            (&["import", "customers", "nowhere.csv"], 1),
            (&["import", "customers", &good, "--as", "nobody.at.all"], 1),
            (&["import", "customers", &good, "--as", "shanghai.rep1"], 1),
            (&["import", "customers", &good, "--currency", "ZZZ"], 1),
            (&["import", "customers", &good, "--encoding", "klingon"], 1),
            (&["import", "customers", &good, "--map", "nowhere.toml"], 1),
            (&["import", "customers", &good, "--errors", &good], 1),
            (&["import", "customers", &good, "--errors", "no/such/folder.csv"], 1),
            (&["import", "org-units", &good], 1),
        ] {
            let done = run(&app, wrong);
            assert_eq!(done.code, code, "{wrong:?}: {}", done.err);
            assert!(!done.err.trim().is_empty() && !done.err.contains("panicked"), "{wrong:?}: {}", done.err);
        }
        assert_eq!(contents(&app).await, before);
    }

    async fn bad_rows_are_written_down(app) {
        let bad = write(
            &app,
            "bad.csv",
            format!("{CUSTOMERS}NEW-1,SHANGHAI,PERSON,New\nNEW-2,SHANGHAI,ROBOT,Bad\n=cmd,NOWHERE,PERSON,Bad\nNEW-3\n"),
        );
        let errors = app.database.folder().join("errors.csv");
        let done = run(&app, &["import", "customers", &bad, "--errors", errors.to_str().unwrap(), "--as", "shanghai.manager"]);
        assert_eq!((done.code, done.out.as_str()), (1, "1 added, 0 changed, 0 unchanged, 3 bad\n"), "{}", done.err);
        assert!(done.err.contains("correct them and import the file again"), "{}", done.err);
        let written = std::fs::read_to_string(errors).unwrap();
        let mut lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.remove(0), "line,column,reason");
        lines.sort_unstable();
        assert_eq!(lines.len(), 3, "{written}");
        assert!(lines[0].starts_with("3,kind,") && lines[1].starts_with("4,branch_code,") && lines[2].starts_with("5,,"), "{written}");
        assert_eq!(app.number("SELECT COUNT(*) FROM customer WHERE external_ref LIKE 'NEW-%'").await, 1);
        let told = run(&app, &["import", "customers", &bad]);
        assert!(told.err.contains("line 3, kind:") && told.err.contains("line 5:"), "{}", told.err);
    }

    async fn encodings_maps_and_currencies_are_named(app) {
        let text = "客户编号,分公司,类型,名称,年收入\nNEW-1,SHANGHAI,PERSON,上海测试,2000\n";
        let (gbk, _, _) = encoding_rs::GBK.encode(text);
        let file = write(&app, "partner.csv", gbk);
        let map = write(
            &app,
            "map.toml",
            "客户编号 = external_ref\n分公司 = branch_code\n类型 = kind\n\"名称\" = \"name\"\n年收入 = annual_income\n",
        );
        let done = run(&app, &["import", "customers", &file, "--map", &map]);
        assert_eq!(done.code, 1);
        assert!(done.err.contains("GBK") && done.err.contains("--encoding gbk"), "{}", done.err);
        let done = run(&app, &["import", "customers", &file, "--map", &map, "--encoding", "gbk", "--currency", "jpy"]);
        assert_eq!(done.code, 0, "{}", done.err);
        let row =
            &app.select("SELECT name, annual_income_minor, annual_income_currency FROM customer WHERE external_ref = 'NEW-1'").await[0];
        let stored: (String, i64, String) =
            (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap());
        assert_eq!(stored, ("上海测试".to_owned(), 2_000, "JPY".to_owned()));
    }

    async fn a_token_of_the_binary_is_good_for_a_server_with_its_secret_only(app) {
        let done = run(&app, &["token", "--user", "hq.director", "--ttl", "1h"]);
        assert_eq!((done.code, done.out.matches('.').count()), (0, 2), "{}", done.err);
        let foreign = crate::app::Actor { app: &app, token: Some(done.out.trim().to_owned()) };
        assert_eq!(
            foreign.code("{ viewer { name } }", serde_json::json!({})).await,
            "UNAUTHENTICATED",
            "another secret signs another token"
        );
        for wrong in [&["token", "--user", "nobody.at.all"][..], &["user", "passwd", "nobody.at.all", "--password-stdin"]] {
            assert_eq!(run(&app, wrong).code, 1, "{wrong:?}");
        }
        assert_eq!(run(&app, &["token", "--user", "hq.director", "--ttl", "31d"]).code, 2);
        assert_eq!(run(&app, &["user", "disable", "shanghai.manager"]).code, 0);
        assert_eq!(run(&app, &["token", "--user", "shanghai.manager"]).code, 1);
    }
}

async fn an_empty_database_becomes_a_group(engine: Engine) {
    let database = Database::empty(engine).await;
    let folder = database.folder();
    let run = |arguments: &[&str]| branchwise(&folder, &database.url, arguments);
    assert!(run(&["migrate", "status"]).out.lines().all(|line| line.starts_with("pending")));
    for (kind, text) in [
        ("org-units", include_str!("../../src/cli/sample/org-units.csv")),
        ("users", include_str!("../../src/cli/sample/users.csv")),
        ("customers", include_str!("../../src/cli/sample/customers.csv")),
        ("contacts", include_str!("../../src/cli/sample/contacts.csv")),
    ] {
        std::fs::write(folder.join("file.csv"), text).unwrap();
        let done = run(&["import", kind, "file.csv"]);
        let rows = text.lines().count() - 1;
        assert_eq!(done.code, 0, "{kind}: {}", done.err);
        // Somebody with two posts is added by the first row and changed by the second.
        let (added, changed) = if kind == "users" { (rows - 1, 1) } else { (rows, 0) };
        assert_eq!(done.out, format!("{added} added, {changed} changed, 0 unchanged, 0 bad\n"), "{kind}");
        assert_eq!(run(&["import", kind, "file.csv"]).out, format!("0 added, 0 changed, {rows} unchanged, 0 bad\n"), "{kind}");
    }
    assert!(run(&["migrate", "status"]).out.lines().all(|line| line.starts_with("applied")));
    let nowhere = branchwise(&folder, "sqlite:///no/such/folder/at.all?mode=rwc", &["migrate", "up"]);
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.err.contains("cannot be opened"), "{}", nowhere.err);
}

#[tokio::test]
async fn an_empty_database_becomes_a_group_on_sqlite() {
    an_empty_database_becomes_a_group(Engine::Sqlite).await;
}

#[tokio::test]
async fn an_empty_database_becomes_a_group_on_postgres() {
    if has_postgres().await {
        an_empty_database_becomes_a_group(Engine::Postgres).await;
    }
}

async fn a_group_is_generated_once(engine: Engine) {
    let database = Database::empty(engine).await;
    let folder = database.folder();
    let run = |more: &[&str]| {
        let plan = ["generate", "--customers", "1200", "--branches", "10", "--regions", "3", "--seed", "1"];
        branchwise(&folder, &database.url, &[&plan, more].concat())
    };
    // Nothing stands on standard input, which is no password.
    assert_eq!(run(&["--password-stdin"]).code, 1);
    let done = run(&[]);
    assert_eq!(done.code, 0, "{}", done.err);
    let lines: Vec<&str> = done.out.lines().collect();
    assert!(lines[0].contains(" users, 1,200 customers, "), "{}", done.out);
    assert!(lines[1].starts_with("everybody's password, told this once: ") && lines[1].len() > 50, "{}", done.out);
    let again = run(&[]);
    assert_eq!((again.code, again.out.as_str()), (1, ""));
    assert!(again.err.contains("holds a group already, of HQ 'HQ'") && again.err.lines().count() == 1, "{}", again.err);
    for wrong in [["--branches", "0"], ["--customers", "-1"], ["--seed", "x"], ["--regions", "100000"]] {
        let plan = ["--customers", "1", "--branches", "1", "--regions", "1", "--seed", "1"];
        let plan: Vec<&str> = plan.chunks(2).flat_map(|pair| if pair[0] == wrong[0] { wrong.to_vec() } else { pair.to_vec() }).collect();
        let done = branchwise(&folder, &database.url, &[&["generate"], plan.as_slice()].concat());
        assert_eq!(done.code, 2, "{wrong:?}: {}", done.err);
    }
    assert_eq!(branchwise(&folder, &database.url, &["token", "--user", "b01.manager"]).code, 0);
}

#[tokio::test]
async fn a_group_is_generated_once_on_sqlite() {
    a_group_is_generated_once(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_group_is_generated_once_on_postgres() {
    if has_postgres().await {
        a_group_is_generated_once(Engine::Postgres).await;
    }
}
