//! Clients that nobody here wrote, from tests/clients. Their packages come by `npm ci` there, those of Python by `tests/clients/python`; where
//! there is no Node or Python, or they have not come, one line says so.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use branchwise::config::StatusProfile;

use crate::app::{Engine, TestApp};
use crate::on_both;
use crate::process::Process;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients"));

/// What runs scripts of the folder; none: nothing here can.
type Runner = LazyLock<Option<PathBuf>>;

static NODE: Runner = LazyLock::new(|| {
    let lacks = match Command::new("node").arg("--version").output() {
        Err(_) => "no Node here",
        Ok(_) if !FOLDER.join("node_modules").is_dir() => "no `npm ci` in tests/clients yet",
        Ok(_) => return Some("node".into()),
    };
    lacking(lacks, "the clients of tests/clients in JavaScript are")
});

static PYTHON: Runner = LazyLock::new(|| {
    let python = FOLDER.join(".venv/bin/python");
    // Written last of all.
    let is_whole = FOLDER.join(".venv/made").is_file();
    if is_whole { Some(python) } else { lacking("no `tests/clients/python` yet", "Python's gql is") }
});

fn lacking(lacks: &str, who: &str) -> Option<PathBuf> {
    // Straight to stderr: what a passing test prints is swallowed.
    let _ = writeln!(std::io::stderr(), "{lacks}: {who} not tested");
    None
}

/// Runs a script of the folder to its end, which must be a good one.
async fn run(runner: &'static Runner, script: &'static str, arguments: Vec<String>) {
    let Some(program) = &**runner else { return };
    let running = move || Command::new(program).current_dir(&*FOLDER).arg(script).args(&arguments).output();
    let output = tokio::task::spawn_blocking(running).await.unwrap().unwrap();
    let told = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    assert!(output.status.success(), "{script}: {}\n{told}", output.status);
}

/// The schema that strangers' tools read.
fn schema() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql").display().to_string()
}

async fn token(app: &TestApp) -> String {
    app.actor("shanghai.manager").await.token.unwrap()
}

on_both! {
    async fn every_audit_of_graphql_over_http_is_ok(app) {
        run(&NODE, "audits.mjs", vec![app.url.clone(), token(&app).await]).await;
    }

    async fn apollo_client_and_urql_work_unchanged(app) {
        for script in ["apollo.mjs", "urql.mjs"] {
            run(&NODE, script, vec![app.url.clone(), token(&app).await]).await;
        }
    }

    async fn apollo_client_and_urql_send_hashes_over_get(app) {
        for script in ["apollo.mjs", "urql.mjs"] {
            run(&NODE, script, vec![app.url.clone(), token(&app).await, "persisted".to_owned()]).await;
        }
    }

    async fn the_page_of_our_own_shows_the_schema_and_asks_nobody_else(app) {
        run(&NODE, "explorer.mjs", vec![app.url.clone(), token(&app).await, schema()]).await;
    }

    async fn relay_compiler_and_graphql_codegen_compile_what_the_server_runs(app) {
        for script in ["relay.mjs", "codegen.mjs"] {
            run(&NODE, script, vec![app.url.clone(), token(&app).await, schema()]).await;
        }
    }

    async fn gql_of_python_works_unchanged(app) {
        run(&PYTHON, "python_gql.py", vec![app.url.clone(), token(&app).await, schema()]).await;
    }

    async fn what_they_compile_is_trusted_and_nothing_else_runs(app) {
        for script in ["relay.mjs", "codegen.mjs"] {
            let (manifest, config) = (app.database.folder().join("manifest.json"), app.database.folder().join("trusting.toml"));
            std::fs::write(&manifest, "{}").unwrap();
            std::fs::write(&config, format!("[documents]\ntrust = \"only\"\nmanifests = [{manifest:?}]\n")).unwrap();
            let server = Process::start(&app.database.url, &[("BRANCHWISE_CONFIG", config.to_str().unwrap())]);
            let url = format!("http://{}/graphql", server.address());
            run(&NODE, script, vec![url, token(&app).await, schema(), manifest.display().to_string()]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_drafts_profile_only_what_the_draft_changed_is_not() {
    let draft = |config: &mut branchwise::config::Config| config.http.status_profile = StatusProfile::Draft2026;
    let app = TestApp::start_filled_with(Engine::Sqlite, draft).await.unwrap();
    run(&NODE, "audits.mjs", vec![app.url.clone(), token(&app).await, "draft-2026".to_owned()]).await;
}
