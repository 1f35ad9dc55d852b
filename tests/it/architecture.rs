//! Who may use whom: the `use` lines and the paths of the code, held against the rules of the house.

use std::fs;
use std::path::Path;

/// Rooms from the top of the house to its ground; each uses those of lower floors.
const FLOORS: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["http"],
    &["schema"],
    &["config", "lifecycle", "telemetry"],
    &["org", "customer", "contact", "history", "explain", "sync", "queue"],
    &["graphql"],
    &["record"],
    &["audit", "import"],
    &["db"],
    &["access"],
    &["secrets", "clock", "oidc"],
    &["money", "text"],
    &["error", "patch"],
];

/// A domain uses those of a smaller number, by what their mod.rs offers; siblings do not use each other.
const DOMAINS: &[(&str, u8)] = &[("org", 0), ("customer", 1), ("contact", 2), ("history", 3), ("explain", 4), ("sync", 5), ("queue", 6)];

/// A crate, and the places that may know of it: folders end in a slash, `*/` is any domain.
const CRATES: &[(&str, &[&str])] = &[
    ("axum", &["src/http/"]),
    ("hyper", &["src/http/"]),
    ("hyper_util", &["src/http/"]),
    ("tokio_rustls", &["src/http/tls.rs", "src/http/spans.rs", "src/oidc/fetch.rs"]),
    ("reqwest", &["src/oidc/"]),
    ("jsonwebtoken", &["src/secrets/", "src/oidc/"]),
    ("ipnet", &["src/config/"]),
    ("prometheus_client", &["src/http/metrics.rs"]),
    ("opentelemetry", &["src/http/spans.rs"]),
    ("opentelemetry_sdk", &["src/http/spans.rs"]),
    ("opentelemetry_otlp", &["src/http/spans.rs"]),
    ("tower", &["src/http/"]),
    ("tower_http", &["src/http/"]),
    ("flate2", &["src/http/"]),
    ("brotli", &["src/http/"]),
    ("zstd", &["src/http/"]),
    ("async_graphql", &["src/schema.rs", "src/http/", "src/graphql/", "src/*/graphql.rs", "src/*/graphql/", "src/*/filter.rs"]),
    (
        "sea_orm",
        &[
            "entity/",
            "src/access/visible.rs",
            "src/access/visible/",
            "src/db/",
            "src/graphql/filter.rs",
            "src/*/repo.rs",
            "src/*/repo/",
            "src/*/filter.rs",
        ],
    ),
    ("sqlx", &["src/db/"]),
    ("migration", &["src/db/"]),
    ("sea_orm_migration", &["migration/"]),
    ("entity", &["src/"]),
    ("casbin", &["src/access/policy.rs"]),
    ("clap", &["src/cli/"]),
    ("getrandom", &["src/secrets/"]),
];

/// Words of the wall clock, which is handed in.
const CLOCK: &[&str] = &["SystemTime", "now_utc", "now_local"];

/// Functions that read or write without a viewer. This number only ever falls; it rose when the system got to act by itself (work that falls
/// due, signing in), and when access tokens came to name sessions.
const UNSCOPED: usize = 11;

/// Longer files are looked at twice; what stays longer is named here, with the reason. This list only ever shrinks.
/// `access/visible.rs`: every row rule stands in one file, so that nobody has to look for one.
const LONG: &[&str] = &["src/access/visible.rs"];
const MOST_LINES: usize = 400;

/// A source file, by its path from the root of the repository.
struct Source {
    path: String,
    text: String,
}

fn sources(folder: &str, found: &mut Vec<Source>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            sources(&path, found);
        } else if path.ends_with(".rs") {
            found.push(Source { text: fs::read_to_string(entry.path()).unwrap(), path });
        }
    }
}

fn everything() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["src", "entity/src", "migration/src"] {
        sources(folder, &mut found);
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

/// A word, `::` or a sign, with its line.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// The code without comments, texts and characters.
fn tokens(source: &str) -> Vec<Token> {
    let code: Vec<char> = source.chars().collect();
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    let starts = |at: usize, text: &str| text.chars().enumerate().all(|(i, c)| code.get(at + i) == Some(&c));
    while at < code.len() {
        let begin = at;
        let c = code[at];
        if starts(at, "//") {
            at += code[at..].iter().position(|c| *c == '\n').unwrap_or(code.len() - at);
        } else if starts(at, "/*") {
            let mut depth = 0;
            while at < code.len() {
                depth += i32::from(starts(at, "/*")) - i32::from(starts(at, "*/"));
                at += if starts(at, "/*") || starts(at, "*/") { 2 } else { 1 };
                if depth == 0 {
                    break;
                }
            }
        } else if let Some(hashes) = raw(&code[at..]) {
            let end = format!("\"{}", "#".repeat(hashes));
            at += code[at..].iter().position(|c| *c == '"').unwrap() + 1;
            while at < code.len() && !starts(at, &end) {
                at += 1;
            }
            at += end.len();
        } else if c == '"' {
            at += 1;
            while at < code.len() && code[at] != '"' {
                at += if code[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if c == '\'' {
            // A lifetime has no second quote.
            at += match code.get(at + 1..at + 3) {
                Some(['\\', _]) => code[at + 3..].iter().position(|c| *c == '\'').unwrap() + 4,
                Some([_, '\'']) => 3,
                _ => 1,
            };
        } else if c.is_alphanumeric() || c == '_' {
            while at < code.len() && (code[at].is_alphanumeric() || code[at] == '_') {
                at += 1;
            }
            found.push(Token { text: code[begin..at].iter().collect(), line });
        } else {
            at += if starts(at, "::") { 2 } else { 1 };
            if !c.is_whitespace() {
                found.push(Token { text: code[begin..at].iter().collect(), line });
            }
        }
        line += code[begin..at.min(code.len())].iter().filter(|c| **c == '\n').count();
    }
    found
}

/// The number of hashes of the raw text that begins here.
fn raw(code: &[char]) -> Option<usize> {
    let start = usize::from(code.first() == Some(&'b'));
    if code.get(start) != Some(&'r') {
        return None;
    }
    let hashes = code[start + 1..].iter().take_while(|c| **c == '#').count();
    (code.get(start + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// A path that the code names, in full.
#[derive(Debug, PartialEq)]
struct Named {
    path: Vec<String>,
    line: usize,
}

/// Every path of a file: those of `use`, with groups taken apart, and those in the code, seen through the file's imports.
fn named(source: &Source) -> Vec<Named> {
    let tokens = tokens(&source.text);
    let (mut found, mut inline) = (Vec::new(), Vec::new());
    let mut imports: Vec<(String, Vec<String>)> = Vec::new();
    // Where modules within the file begin, by depth of braces.
    let (mut depth, mut within): (usize, Vec<(usize, String)>) = (0, Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let here = module(&source.path).into_iter().chain(within.iter().map(|(_, name)| name.clone())).collect::<Vec<_>>();
        match tokens[at].text.as_str() {
            "use" if tokens.get(at + 1).is_some_and(|next| next.is_word() || next.text == "::" || next.text == "{") => {
                let line = tokens[at].line;
                at += 1;
                tree(&tokens, &mut at, &[], &mut |path, alias| {
                    let path = resolve(path, &here);
                    imports.push((alias.to_owned(), path.clone()));
                    found.push(Named { path, line });
                });
            }
            "mod" if tokens.get(at + 2).is_some_and(|brace| brace.text == "{") => {
                within.push((depth, tokens[at + 1].text.clone()));
                at += 1;
            }
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                within.retain(|(opened, _)| *opened < depth);
            }
            _ if tokens[at].is_word() && !(at > 0 && tokens[at - 1].text == "::" && at > 1 && tokens[at - 2].is_word()) => {
                let line = tokens[at].line;
                let mut path = vec![tokens[at].text.clone()];
                while tokens.get(at + 1).is_some_and(|t| t.text == "::") && tokens.get(at + 2).is_some_and(Token::is_word) {
                    path.push(tokens[at + 2].text.clone());
                    at += 2;
                }
                if path.len() > 1 {
                    inline.push(Named { path: resolve(&path, &here), line });
                }
            }
            _ => {}
        }
        at += 1;
    }
    for mut name in inline {
        if let Some((_, full)) = imports.iter().find(|(alias, full)| *alias == name.path[0] && *full != name.path) {
            name.path.splice(0..1, full.iter().cloned());
        }
        found.push(name);
    }
    found
}

/// Takes a tree of `use` apart, from its first word to its end.
fn tree(tokens: &[Token], at: &mut usize, before: &[String], found: &mut dyn FnMut(&[String], &str)) {
    let mut path = before.to_vec();
    loop {
        let Some(token) = tokens.get(*at) else { return };
        match token.text.as_str() {
            "::" => {}
            "{" => {
                *at += 1;
                while tokens.get(*at).is_some_and(|token| token.text != "}") {
                    tree(tokens, at, &path, found);
                    if tokens.get(*at).is_some_and(|token| token.text == ",") {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "as" => {
                found(&path, &tokens[*at + 1].text);
                *at += 2;
                return;
            }
            "," | "}" | ";" => {
                found(&path, path.last().map_or("", String::as_str));
                return;
            }
            "self" if !path.is_empty() => {}
            _ => path.push(token.text.clone()),
        }
        *at += 1;
    }
}

/// The module of a file, from the root of its crate.
fn module(path: &str) -> Vec<String> {
    let (_, inner) = path.split_once("src/").unwrap();
    let inner = inner.trim_end_matches(".rs").trim_end_matches("/mod");
    inner.split('/').filter(|part| *part != "lib").map(str::to_owned).collect()
}

fn resolve(path: &[String], here: &[String]) -> Vec<String> {
    let mut base = here.to_vec();
    let mut rest = path;
    let mut is_relative = false;
    while let [first, more @ ..] = rest {
        match first.as_str() {
            "super" => drop(base.pop()),
            "self" => {}
            _ => break,
        }
        (rest, is_relative) = (more, true);
    }
    if !is_relative {
        return path.to_vec();
    }
    ["crate".to_owned()].into_iter().chain(base).chain(rest.iter().cloned()).collect()
}

/// Does a place of `CRATES` hold this file?
fn holds(place: &str, path: &str) -> bool {
    let fits = |place: &str| if place.ends_with('/') { path.starts_with(place) } else { path == place };
    match place.split_once('*') {
        None => fits(place),
        Some((before, behind)) => DOMAINS.iter().any(|(domain, _)| fits(&format!("{before}{domain}{behind}"))),
    }
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn domain(room: &str) -> Option<u8> {
    DOMAINS.iter().find(|(name, _)| *name == room).map(|(_, rank)| *rank)
}

/// May this file use that path within the crate? If not: why.
fn inside(path: &str, used: &[String]) -> Result<(), String> {
    let own = module(path);
    let (Some(from), Some(to)) = (own.first(), used.first()) else { return Ok(()) };
    if from == to || to.starts_with(char::is_uppercase) {
        return Ok(());
    }
    let from_floor = floor(from).ok_or_else(|| format!("{from} stands on no floor: give it its place in FLOORS"))?;
    let to_floor = floor(to).ok_or_else(|| format!("{to} stands on no floor: give it its place in FLOORS"))?;
    let (Some(mine), Some(theirs)) = (domain(from), domain(to)) else {
        return if from_floor < to_floor { Ok(()) } else { Err(format!("{from} does not stand above {to}")) };
    };
    let room = used.get(1).map_or("", String::as_str);
    let edge = matches!(own.get(1).map(String::as_str), Some("graphql" | "filter"));
    if edge && matches!(room, "graphql" | "filter" | "repo") {
        return Ok(());
    }
    if mine <= theirs {
        return Err(format!("{from} does not stand above {to}"));
    }
    if room.starts_with(char::is_lowercase) && Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/{to}/{room}.rs")).exists() {
        return Err(format!("{from} uses {to} by its mod.rs alone, not {to}::{room}"));
    }
    Ok(())
}

/// Everything in a file that breaks a rule: path, line, reason.
fn faults(source: &Source) -> Vec<String> {
    let path = &source.path;
    let mut found = Vec::new();
    for Named { path: used, line } in named(source) {
        let mut say = |reason: String| found.push(format!("{path}:{line}: {}: {reason}", used.join("::")));
        if path.starts_with("src/")
            && let [root, rest @ ..] = used.as_slice()
            && (root == "crate" || root == "branchwise")
            && let Err(reason) = inside(path, rest)
        {
            say(reason);
        }
        if let Some((name, places)) = CRATES.iter().find(|(name, _)| *name == used[0])
            && !places.iter().any(|place| holds(place, path))
        {
            say(format!("{name} is known in {} only", places.join(", ")));
        }
    }
    let tokens = tokens(&source.text);
    for token in &tokens {
        if CLOCK.contains(&token.text.as_str()) && path != "src/clock.rs" {
            found.push(format!("{path}:{}: {}: the clock is handed in", token.line, token.text));
        }
    }
    for (name, line) in unscoped(&tokens) {
        if !path.starts_with("src/db/") {
            found.push(format!("{path}:{line}: {name}: what goes round the lock lives in src/db/"));
        }
    }
    let lines = source.text.lines().count();
    if lines > MOST_LINES && !LONG.contains(&path.as_str()) {
        found.push(format!("{path}: {lines} lines: look twice, and take it apart"));
    }
    found
}

/// Functions that go round the lock.
fn unscoped(tokens: &[Token]) -> Vec<(&str, usize)> {
    let pairs = tokens.windows(2).filter(|pair| pair[0].text == "fn" && pair[1].text.ends_with("_unscoped"));
    pairs.map(|pair| (pair[1].text.as_str(), pair[1].line)).collect()
}

#[test]
fn everybody_uses_only_what_the_house_allows() {
    let found: Vec<String> = everything().iter().flat_map(faults).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn ways_round_the_lock_only_get_fewer() {
    let sources = everything();
    let names: Vec<_> = sources.iter().map(|source| (tokens(&source.text), &source.path)).collect();
    let names: Vec<_> = names.iter().flat_map(|(tokens, path)| unscoped(tokens).into_iter().map(move |(name, _)| (name, path))).collect();
    assert_eq!(names.len(), UNSCOPED, "fewer: lower UNSCOPED; more: go through the lock: {names:?}");
}

#[test]
fn migrations_do_not_depend_on_entities() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("migration/Cargo.toml")).unwrap();
    assert!(!manifest.lines().any(|line| line.starts_with("entity")), "migration/Cargo.toml");
}

#[test]
fn long_files_that_were_taken_apart_leave_the_list() {
    for path in LONG {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default();
        assert!(text.lines().count() > MOST_LINES, "{path} is short by now: take it off LONG");
    }
}

#[track_caller]
fn caught(path: &str, text: &str, reason: &str) {
    let found = faults(&Source { path: path.to_owned(), text: text.to_owned() });
    assert!(found.len() == 1 && found[0].contains(reason), "{path}: {text}: {found:#?}");
}

#[track_caller]
fn passes(path: &str, text: &str) {
    let found = faults(&Source { path: path.to_owned(), text: text.to_owned() });
    assert!(found.is_empty(), "{path}: {text}: {found:#?}");
}

#[test]
fn who_looks_up_is_caught() {
    caught("src/access/arm.rs", "use std::fmt;\nuse crate::db::Db;", "src/access/arm.rs:2: crate::db::Db: access does not stand above db");
    caught("src/db/page.rs", "use crate::{error::Error, graphql::page::Paging};", "crate::graphql::page::Paging");
    caught("src/db/page.rs", "fn f() { crate::schema::sdl(); }", "db does not stand above schema");
    caught("src/graphql/page.rs", "use super::super::org as o;\nfn f() {}", "graphql does not stand above org");
    caught("src/graphql/page.rs", "mod tests { use super::super::super::http; }", "graphql does not stand above http");
    caught("src/main.rs", "fn main() { branchwise::nowhere::f() }", "nowhere stands on no floor");
    caught("src/money.rs", "use crate::text::f;", "money does not stand above text");
    passes(
        "src/graphql/page.rs",
        "use super::id;\nuse crate::db::Db;\nmod tests { use super::super::id; use super::*; }\nuse super::money::M;",
    );
    passes("src/http/run.rs", "use crate::{Error, access::Viewer, schema};\nfn f() { schema::prepare() }");
}

#[test]
fn domains_keep_their_order() {
    caught("src/org/rules.rs", "use crate::customer::Customers;", "org does not stand above customer");
    caught("src/customer/mod.rs", "use crate::contact;\n", "customer does not stand above contact");
    caught("src/customer/rules.rs", "use crate::org::rules::code_violation;", "by its mod.rs alone");
    caught("src/org/graphql/unit.rs", "use crate::customer::rules::fold;", "org does not stand above customer");
    passes("src/contact/mod.rs", "use crate::customer::CustomerRow;\nuse crate::org::SignIn;");
    passes("src/org/graphql/unit.rs", "use crate::customer::{graphql::Customer, filter::CustomerFilter, repo};");
    passes("src/org/filter.rs", "use crate::contact::filter::ContactFilter;");
}

#[test]
fn crates_keep_to_their_rooms() {
    caught("src/cli/serve.rs", "use axum::Router;", "src/cli/serve.rs:1: axum::Router: axum is known in src/http/ only");
    caught("src/customer/mod.rs", "use std::a;\nfn f() -> sea_orm::Condition { }", "src/customer/mod.rs:2: sea_orm::Condition");
    caught("src/customer/rules.rs", "use async_graphql as g;", "async_graphql is known in");
    caught("src/access/arm.rs", "use sea_orm::{ColumnTrait};", "sea_orm is known in");
    caught("src/schema.rs", "fn f() { ::hyper::body::to_bytes(); }", "hyper is known in");
    caught("migration/src/lib.rs", "use entity::customer;", "entity is known in src/ only");
    caught("entity/src/user.rs", "use async_graphql::Object;", "async_graphql is known in");
    passes("src/customer/graphql/object.rs", "use async_graphql::Object;");
    passes("src/contact/graphql.rs", "use async_graphql::Object;");
    passes("src/contact/repo.rs", "use sea_orm::{ColumnTrait, Condition};");
    passes(
        "src/cli/mod.rs",
        "// use axum::Router;\n/* axum::x /* axum::y */ */ const A: &str = \"axum::x\"; const B: &str = r#\"\"axum::x\"#; const C: char = '\"';",
    );
}

#[test]
fn the_clock_the_lock_and_the_length_are_held() {
    caught("src/db/rights.rs", "fn f<'a>(c: &'a str) { std::time::SystemTime::now(); }", "SystemTime: the clock is handed in");
    caught("src/org/repo.rs", "fn f() { let a = '\\''; OffsetDateTime::now_utc() }", "now_utc: the clock is handed in");
    passes("src/clock.rs", "fn f() { OffsetDateTime::now_utc() }");
    caught("src/org/repo.rs", "pub async fn all_unscoped() {}", "lives in src/db/");
    passes("src/org/repo.rs", "fn f() { db.credentials_unscoped() }");
    caught("src/org/repo.rs", &"//\n".repeat(MOST_LINES + 1), "401 lines");
}
