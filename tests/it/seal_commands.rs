//! Sealing by the binary: a server seals, `branchwise audit` tells.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::app::{SECRET, TestApp};
use crate::on_both;
use crate::process::Process;

/// Runs the binary: exit code, and both outputs.
fn branchwise(app: &TestApp, secret: Option<&str>, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_branchwise"));
    command.current_dir(app.database.folder()).env_clear().env("DATABASE_URL", &app.database.url).env("RUST_LOG", "error");
    if let Some(secret) = secret {
        command.env("BRANCHWISE_SECRET", secret);
    }
    let Output { status, stdout, stderr } = command.args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().expect("an exit code"), text(stdout), text(stderr))
}

async fn get(address: &str, path: &str) -> String {
    reqwest::get(format!("http://{address}{path}")).await.unwrap().text().await.unwrap()
}

async fn sealed(app: &TestApp) -> bool {
    app.number("SELECT COUNT(*) FROM audit").await == app.number("SELECT COUNT(*) FROM audit_seal").await
}

/// How long it takes until everything is sealed.
async fn until_sealed(app: &TestApp) -> Duration {
    let start = Instant::now();
    while !sealed(app).await {
        assert!(start.elapsed() < Duration::from_secs(20), "nothing was sealed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

on_both! {
    async fn a_server_seals_and_the_command_line_verifies(app) {
        let run = |arguments: &[&str]| branchwise(&app, Some(SECRET), arguments);
        let (code, _, err) = run(&["audit", "anchor"]);
        assert!(code == 1 && err.contains("branchwise serve"), "{err}");
        let server = Process::start(&app.database.url, &[("BRANCHWISE_ADMIN_LISTEN", "127.0.0.1:0")]);
        let (address, operators) = (server.address(), server.told("serving operators", "address"));
        until_sealed(&app).await;
        let token = app.actor("shanghai.manager").await.token.unwrap();
        let ask = async |query: &str| -> Json {
            let request = reqwest::Client::new().post(format!("http://{address}/graphql")).bearer_auth(&token);
            request.header("accept", "application/json").json(&json!({ "query": query })).send().await.unwrap().json().await.unwrap()
        };
        let unit = ask("{ viewer { posts { unit { id } } } }").await["data"]["viewer"]["posts"][0]["unit"]["id"].take();
        for name in ["One", "Two", "Three"] {
            let before = app.number("SELECT COUNT(*) FROM audit_seal").await;
            let create = format!("mutation {{ createCustomer(input: {{unitId: {unit}, kind: PERSON, name: \"{name}\"}}) {{ customer {{ name }} }} }}");
            assert_eq!(ask(&create).await["data"]["createCustomer"]["customer"]["name"], name);
            until_sealed(&app).await;
            assert_eq!(app.number("SELECT COUNT(*) FROM audit_seal").await, before + 1);
        }
        let total = app.number("SELECT COUNT(*) FROM audit").await;
        let file = app.database.folder().join("anchors");
        let file = file.to_str().unwrap();
        let (code, out, err) = run(&["audit", "anchor", "--file", file]);
        assert_eq!((code, out), (0, format!("anchored at position {total}\n")), "{err}");
        let (code, out, _) = run(&["audit", "anchor"]);
        let printed: Json = serde_json::from_str(&out).unwrap();
        assert!(code == 0 && printed["position"] == total && std::fs::read_to_string(file).unwrap().contains(printed["chain"].as_str().unwrap()));
        // While it serves, and with the server's own secret alone.
        let whole = format!("{total} sealed rows are what they were, 1 anchors hold, 0 rows wait to be sealed\n");
        assert_eq!(run(&["audit", "verify", "--anchor", file]), (0, whole, String::new()));
        let (code, _, err) = branchwise(&app, Some("another secret of thirty-two letters"), &["audit", "verify"]);
        assert!(code == 1 && err.contains("position 1, audit row"), "{err}");
        assert_eq!(branchwise(&app, None, &["audit", "verify"]).0, 1);
        for (wrong, expected) in [(&["audit"][..], 2), (&["audit", "verify", "--no-such"], 2), (&["audit", "verify", "--anchor", "nowhere"], 1)] {
            let (code, _, err) = run(wrong);
            assert!(code == expected && !err.contains("panicked"), "{wrong:?}: {err}");
        }
        let metrics = get(&operators, "/metrics").await;
        let lag = metrics.lines().find_map(|line| line.strip_prefix("branchwise_audit_seal_lag_seconds ")).unwrap();
        assert!(lag.parse::<f64>().unwrap() < 5.0 && metrics.contains("branchwise_audit_rows_refused_total 0"), "{metrics}");
        let details: Json = serde_json::from_str(&get(&operators, "/health/details").await).unwrap();
        assert!(details["audit"]["sealedMsAgo"].as_u64().unwrap() < 5_000, "{details}");

        // The last row goes, with its seal: only the anchor tells. A row that is edited is named without.
        server.signal("TERM");
        assert!(server.ended().0.success());
        app.execute(&format!("DELETE FROM audit WHERE id = (SELECT audit_id FROM audit_seal WHERE position = {total}); DELETE FROM audit_seal WHERE position = {total}")).await;
        assert_eq!(run(&["audit", "verify"]).0, 0);
        let (code, _, err) = run(&["audit", "verify", "--anchor", file]);
        assert!(code == 1 && err.contains(&format!("position {total}, audit row unknown")), "{err}");
        app.execute("UPDATE audit SET action = 'customer:read' WHERE id = (SELECT audit_id FROM audit_seal WHERE position = 3)").await;
        let (code, out, err) = run(&["audit", "verify"]);
        assert!(code == 1 && out.is_empty() && err.starts_with("branchwise: position 3, audit row "), "{err}");
    }

    async fn commands_need_the_secret_once_a_server_seals(app) {
        let file = app.database.folder().join("new.csv");
        let rows = |name: &str| format!("external_ref,branch_code,kind,name\n{name},SHANGHAI,PERSON,New\n");
        std::fs::write(&file, rows("NEW-1")).unwrap();
        let import = ["import", "customers", file.to_str().unwrap()];
        let (code, _, err) = branchwise(&app, None, &import);
        assert_eq!(code, 0, "before sealing begins it goes without: {err}");
        let server = Process::start(&app.database.url, &[]);
        server.address();
        until_sealed(&app).await;
        std::fs::write(&file, rows("NEW-2")).unwrap();
        let (code, _, err) = branchwise(&app, None, &import);
        assert!(code == 1 && err.contains("BRANCHWISE_SECRET"), "{err}");
        assert_eq!(branchwise(&app, None, &["user", "disable", "shanghai.rep1"]).0, 1);
        assert_eq!(app.number("SELECT COUNT(*) FROM customer WHERE external_ref = 'NEW-2'").await, 0);
        let (code, _, err) = branchwise(&app, Some(SECRET), &import);
        assert_eq!(code, 0, "{err}");
        until_sealed(&app).await;
        assert_eq!(branchwise(&app, Some(SECRET), &["audit", "verify"]).0, 0);
    }
}
