//! What the page of operations promises to name: every key of the configuration, every variable of the environment, every metric.

use std::fs;
use std::path::Path;

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The fields of a struct that is written in this file.
fn fields(path: &str, name: &str) -> Vec<String> {
    let text = file(path);
    let body = text.split(&format!("struct {name} {{")).nth(1).unwrap_or_else(|| panic!("{path}: no struct {name}"));
    let body = body.split("\n}").next().unwrap();
    let lines = body.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let found: Vec<String> =
        lines.filter_map(|line| line.split_once(": ")).map(|(field, _)| field.trim_start_matches("pub ").to_owned()).collect();
    assert!(found.len() > 2, "{path}: {name}: {found:?}");
    found
}

/// Words in quotes that begin like this.
fn quoted(path: &str, start: &str) -> Vec<String> {
    let text = file(path);
    text.split('"')
        .skip(1)
        .step_by(2)
        .filter(|word| word.starts_with(start) && word.bytes().all(|b| b == b'_' || b.is_ascii_alphabetic()))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_key_variable_and_metric_stands_on_the_page_of_operations() {
    let page = file("docs/operations.md");
    let mut wanted = Vec::new();
    for (path, name) in [
        ("src/config.rs", "Written"),
        ("src/config.rs", "HttpConfig"),
        ("src/config/database.rs", "DatabaseConfig"),
        ("src/config/documents.rs", "DocumentsConfig"),
        ("src/config/rates.rs", "RateConfig"),
        ("src/config/oidc.rs", "OidcConfig"),
        ("src/graphql/limits/mod.rs", "Limits"),
    ] {
        let sections = ["http", "database", "limits", "documents", "rates", "oidc"];
        wanted.extend(fields(path, name).into_iter().filter(|field| !sections.contains(&field.as_str())));
    }
    for path in ["src/config.rs", "src/telemetry.rs"] {
        wanted.extend(quoted(path, "BRANCHWISE_").into_iter().chain(quoted(path, "DATABASE_URL")).chain(quoted(path, "RUST_LOG")));
    }
    assert!(wanted.iter().any(|word| word == "BRANCHWISE_ADMIN_LISTEN") && wanted.len() > 40, "{wanted:?}");
    for word in &wanted {
        assert!(page.contains(&format!("`{word}`")) || page.contains(&format!(".{word}`")), "docs/operations.md does not name {word}");
    }
    let metrics = file("src/http/metrics.rs");
    for metric in metrics.split("registry.register(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(page.contains(&format!("`branchwise_{metric}")), "docs/operations.md does not name {metric}");
    }
}
