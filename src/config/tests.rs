use secrecy::ExposeSecret;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn loaded(file: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.toml");
    std::fs::write(&path, file).unwrap();
    Config::from_environment(|name| match name {
        "BRANCHWISE_CONFIG" => Some(path.display().to_string()),
        name => environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
    })
}

fn faults(file: &str, environment: &[(&str, &str)]) -> String {
    loaded(file, environment).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn without_anything_there_are_defaults() {
    let config = Config::from_environment(|_| None).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database.url, "sqlite://branchwise.db?mode=rwc");
    assert_eq!((config.currency.as_str(), config.introspection, config.secret.is_none()), ("CNY", true, true));
    assert_eq!(config.http.status_profile, StatusProfile::Audit);
    assert_eq!(config.limits, Limits::default());
}

#[test]
fn the_environment_goes_over_the_file_and_the_file_over_defaults() {
    let file = "listen = '0.0.0.0:1'\nintrospection = false\n[http]\nstatus_profile = 'draft-2026'\n\
        body_limit_bytes = 5\n[limits]\ndepth = 9\n[database]\nurl = 'sqlite://a'\nmax_connections = 3";
    let environment = [("BRANCHWISE_LISTEN", "[::1]:7"), ("DATABASE_URL", "postgres://u:p@h/d"), ("BRANCHWISE_SECRET", SECRET)];
    let config = loaded(file, &environment).unwrap();
    assert_eq!(config.listen.to_string(), "[::1]:7");
    assert_eq!((config.database.url.as_str(), config.database.max_connections), ("postgres://u:p@h/d", 3));
    assert_eq!((config.http.body_limit_bytes, config.http.body_timeout_s), (5, 15));
    assert_eq!(config.http.status_profile, StatusProfile::Draft2026);
    assert_eq!((config.limits.depth, config.limits.aliases, config.introspection), (9, 200, false));
    assert_eq!(config.secret.unwrap().expose_secret(), SECRET);
}

#[test]
fn links_lead_to_the_public_address_or_to_the_one_listened_on() {
    let url = |file: &str, environment: &[(&str, &str)]| {
        let config = loaded(file, environment).unwrap();
        config.http.public_url(config.listen)
    };
    assert_eq!(url("", &[]), "http://127.0.0.1:8080");
    assert_eq!(url("[http]\npublic_url = 'https://a.example'", &[]), "https://a.example");
    let environment = [("BRANCHWISE_PUBLIC_URL", "https://crm.example.com:8443/sales/")];
    assert_eq!(url("[http]\npublic_url = 'https://a.example'", &environment), environment[0].1);
    for wrong in
        ["crm.example.com", "ftp://a", "https://", "https://a b", "https://a/?x", "https://a/#x", "https://a\"><script>", "javascript:1"]
    {
        assert!(faults("", &[("BRANCHWISE_PUBLIC_URL", wrong)]).contains("BRANCHWISE_PUBLIC_URL"), "{wrong}");
    }
}

#[test]
fn operators_have_a_port_of_their_own_or_none() {
    let port = |file: &str, environment: &[(&str, &str)]| loaded(file, environment).unwrap().admin_listen.map(|at| at.to_string());
    assert_eq!(port("", &[]).as_deref(), Some("127.0.0.1:9090"));
    assert_eq!(port("admin_listen = '[::1]:1'", &[]).as_deref(), Some("[::1]:1"));
    assert_eq!(port("admin_listen = ''", &[]), None);
    assert_eq!(port("admin_listen = '[::1]:1'", &[("BRANCHWISE_ADMIN_LISTEN", "")]), None);
    assert!(faults("", &[("BRANCHWISE_ADMIN_LISTEN", "9090")]).contains("BRANCHWISE_ADMIN_LISTEN"));
}

#[test]
fn every_fault_has_its_line() {
    let said = faults("listen = 'here'\ncurrency = 'XYY'\n[http]\nmax_connections = 0", &[("DATABASE_URL", "mysql://u:hidden@h")]);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 4, "{said}");
    assert!(lines[0].contains("BRANCHWISE_LISTEN") && lines[0].contains("here"));
    assert!(lines[1].contains("XYY") && lines[2].contains("DATABASE_URL") && lines[3].contains("http.max_connections"));
    assert!(!said.contains("hidden"));
}

#[test]
fn tls_takes_two_files_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.pem");
    std::fs::write(&file, "").unwrap();
    let file = file.display();
    assert!(loaded(&format!("[http]\ntls_certificate = '{file}'\ntls_key = '{file}'"), &[]).is_ok());
    assert!(faults(&format!("[http]\ntls_certificate = '{file}'"), &[]).contains("both or neither"));
    let said = faults("[http]\ntls_certificate = '/nowhere/a'\ntls_key = '/nowhere/b'", &[]);
    assert!(said.lines().count() == 2 && said.contains("http.tls_certificate: ") && said.contains("http.tls_key: "), "{said}");
}

#[test]
fn proxies_are_addresses_and_networks() {
    let config = loaded("[http]\ntrusted_proxies = ['10.0.0.0/8', '::1']", &[]).unwrap();
    for (address, trusted) in [("10.9.8.7", true), ("::1", true), ("11.0.0.1", false), ("::2", false)] {
        assert_eq!(config.http.trusted_proxies.contains(address.parse().unwrap()), trusted, "{address}");
    }
    for wrong in ["proxy.example.com", "10.0.0.0/33", "", "*"] {
        let said = faults(&format!("[http]\ntrusted_proxies = ['{wrong}']"), &[]);
        assert!(said.contains("trusted_proxies") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn spans_go_to_a_collector_or_the_start_says_why_not() {
    let said = |url: &str| loaded("", &[("BRANCHWISE_OTLP_ENDPOINT", url)]).map(|config| config.otlp_endpoint);
    assert_eq!(said("").unwrap(), None);
    let fits = said("http://127.0.0.1:4318");
    if cfg!(feature = "otlp") {
        assert_eq!(fits.unwrap().as_deref(), Some("http://127.0.0.1:4318"));
    } else {
        let fault = fits.unwrap_err().to_string();
        assert!(fault.contains("BRANCHWISE_OTLP_ENDPOINT") && fault.contains("--features otlp") && fault.lines().count() == 1, "{fault}");
    }
    for wrong in ["https://collector.example.com", "collector:4318", "http://", "http://a b"] {
        let fault = said(wrong).unwrap_err().to_string();
        assert!(fault.contains("otlp_endpoint") && fault.lines().count() == 1, "{fault}");
    }
}

#[test]
fn a_batch_holds_ten_requests_at_most() {
    assert_eq!(loaded("", &[]).unwrap().http.max_batch, 0);
    assert_eq!(loaded("[http]\nmax_batch = 10", &[]).unwrap().http.max_batch, 10);
    assert_eq!(faults("[http]\nmax_batch = 11", &[]), "http.max_batch: must be at most 10");
}

#[test]
fn unknown_and_malformed_entries_are_named() {
    assert!(faults("lissen = 'x'", &[]).contains("lissen"));
    assert!(faults("[http]\nbody_limit = 1", &[]).contains("body_limit"));
    assert!(faults("[limits]\ndepth = 'deep'", &[]).contains("depth"));
    assert!(faults("[http]\nstatus_profile = 'other'", &[]).contains("other"));
}

#[test]
fn the_secret_is_never_told() {
    let said = faults(&format!("secret = '{SECRET}\nlisten = 3"), &[]);
    assert!(said.contains("line 1") && !said.contains(SECRET), "{said}");
    let short = faults("", &[("BRANCHWISE_SECRET", "hush-hush")]);
    assert!(short.contains("32") && !short.contains("hush"), "{short}");
    let config = loaded("", &[("BRANCHWISE_SECRET", SECRET), ("DATABASE_URL", "postgres://u:hidden@h/d")]).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("hidden"), "{shown}");
}

#[test]
fn the_secret_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    let config = loaded("", &[("BRANCHWISE_SECRET", path.to_str().unwrap())]).unwrap();
    assert_eq!(config.secret.unwrap().expose_secret(), SECRET);
    let missing = "/run/secrets/branchwise/a-path-of-more-than-32-characters";
    assert!(faults("", &[("BRANCHWISE_SECRET", missing)]).contains("cannot be read"));
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let named = |name: &str| (name == "BRANCHWISE_CONFIG").then(|| "/nowhere/branchwise.toml".to_owned());
    let said = Config::from_environment(named).unwrap_err().to_string();
    assert!(said.contains("/nowhere/branchwise.toml"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
