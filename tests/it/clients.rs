//! Clients that nobody here wrote, from tests/clients. Their packages come by `npm ci` there; where there is no Node, or they have not come,
//! one line says so.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use branchwise::config::StatusProfile;

use crate::app::{Engine, TestApp};
use crate::on_both;

/// The folder of the clients; none: they cannot run here.
fn clients() -> Option<&'static Path> {
    static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        let lacks = match Command::new("node").arg("--version").output() {
            Err(_) => "no Node here",
            Ok(_) if !folder.join("node_modules").is_dir() => "no `npm ci` in tests/clients yet",
            Ok(_) => return Some(folder),
        };
        // Straight to stderr: what a passing test prints is swallowed.
        let _ = writeln!(std::io::stderr(), "{lacks}: the clients of tests/clients are not tested");
        None
    });
    FOLDER.as_deref()
}

/// Runs a script of the folder to its end, which must be a good one.
async fn node(script: &'static str, arguments: Vec<String>) {
    let Some(folder) = clients() else { return };
    let running = move || Command::new("node").current_dir(folder).arg(script).args(&arguments).output();
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
        node("audits.mjs", vec![app.url.clone(), token(&app).await]).await;
    }

    async fn apollo_client_and_urql_work_unchanged(app) {
        for script in ["apollo.mjs", "urql.mjs"] {
            node(script, vec![app.url.clone(), token(&app).await]).await;
        }
    }

    async fn apollo_client_and_urql_send_hashes_over_get(app) {
        for script in ["apollo.mjs", "urql.mjs"] {
            node(script, vec![app.url.clone(), token(&app).await, "persisted".to_owned()]).await;
        }
    }

    async fn relay_compiler_and_graphql_codegen_compile_what_the_server_runs(app) {
        for script in ["relay.mjs", "codegen.mjs"] {
            node(script, vec![app.url.clone(), token(&app).await, schema()]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_drafts_profile_only_what_the_draft_changed_is_not() {
    let draft = |config: &mut branchwise::config::Config| config.http.status_profile = StatusProfile::Draft2026;
    let app = TestApp::start_filled_with(Engine::Sqlite, draft).await.unwrap();
    node("audits.mjs", vec![app.url.clone(), token(&app).await, "draft-2026".to_owned()]).await;
}
