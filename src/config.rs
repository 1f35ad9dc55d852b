//! The configuration: defaults, then a file, then the environment. It checks itself, and secrets stay out of Debug output and messages.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use iso_currency::Currency;
use secrecy::SecretString;
use serde::Deserialize;

use crate::graphql::limits::Limits;
use crate::graphql::persisted::Trust;

pub use database::DatabaseConfig;
pub use documents::DocumentsConfig;
pub use oidc::OidcConfig;
pub use proxies::TrustedProxies;
pub use rates::RateConfig;

use values::{address, is_public_url, otlp_fault, secret};

const DEFAULT_FILE: &str = "branchwise.toml";
/// Requests of one batch, at most.
const MOST_BATCH: usize = 10;

/// Everything that can be configured.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where operators find metrics and the details of readiness; none: nowhere.
    pub admin_listen: Option<SocketAddr>,
    /// What signing and sealing keys are derived from; commands that need it say so.
    pub secret: Option<SecretString>,
    /// The currency of the group: ISO 4217.
    pub currency: String,
    /// May signed-in users ask for the schema?
    pub introspection: bool,
    /// The public port.
    pub http: HttpConfig,
    /// The database.
    pub database: DatabaseConfig,
    /// The collector of OpenTelemetry that spans of requests go to: `http://127.0.0.1:4318`; none: they go nowhere.
    pub otlp_endpoint: Option<String>,
    /// What a document may cost.
    pub limits: Limits,
    /// Documents that clients name.
    pub documents: DocumentsConfig,
    /// What documents may cost in a minute.
    pub rates: RateConfig,
    /// Whose tokens are taken besides our own.
    pub oidc: OidcConfig,
}

/// The public port.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Largest request body.
    pub body_limit_bytes: usize,
    /// From the first byte of a request to the end of its headers.
    pub header_timeout_s: u64,
    /// From the end of the headers to the end of the body.
    pub body_timeout_s: u64,
    /// For parsing, checking and executing.
    pub request_timeout_s: u64,
    /// A connection on which nothing happens.
    pub idle_timeout_s: u64,
    /// Open connections; others wait to be accepted, and those on which nothing happens make room.
    pub max_connections: usize,
    /// Requests in execution; others wait a moment, and are refused with OVERLOADED.
    pub max_concurrent_requests: usize,
    /// How long requests may take to finish once the server is told to end.
    pub drain_deadline_s: u64,
    /// The certificate and those that vouch for it, in PEM; none: no TLS here.
    pub tls_certificate: Option<PathBuf>,
    /// The key of the certificate, in PEM.
    pub tls_key: Option<PathBuf>,
    /// Proxies whose `Forwarded` or `X-Forwarded-For` tells who asks; nobody else's does.
    pub trusted_proxies: TrustedProxies,
    /// Operations that take longer are told in the log.
    pub slow_ms: u64,
    /// Requests that one body may hold, up to 10; 0: a body holds one request and no list.
    pub max_batch: usize,
    /// Those of one user.
    pub max_concurrent_requests_user: usize,
    /// Which status codes answers carry.
    pub status_profile: StatusProfile,
    /// Where clients find this server, for links that leave it: `https://crm.example.com`; none: the address that it listens on.
    pub public_url: Option<String>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            body_limit_bytes: 1024 * 1024,
            header_timeout_s: 10,
            body_timeout_s: 15,
            request_timeout_s: 10,
            idle_timeout_s: 75,
            max_connections: 4096,
            drain_deadline_s: 30,
            tls_certificate: None,
            tls_key: None,
            trusted_proxies: TrustedProxies::default(),
            slow_ms: 1000,
            max_batch: 0,
            max_concurrent_requests: 32,
            max_concurrent_requests_user: 24,
            status_profile: StatusProfile::Audit,
            public_url: None,
        }
    }
}

impl HttpConfig {
    /// Where clients find a server that listens there.
    pub fn public_url(&self, listening: SocketAddr) -> String {
        let scheme = if self.tls_certificate.is_some() { "https" } else { "http" };
        self.public_url.clone().unwrap_or_else(|| format!("{scheme}://{listening}"))
    }

    /// How long requests may take to finish once the server is told to end.
    pub fn drain_deadline(&self) -> Duration {
        Duration::from_secs(self.drain_deadline_s)
    }

    /// From the first byte of a request to the end of its headers.
    pub fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_timeout_s)
    }

    /// From the end of the headers to the end of the body.
    pub fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout_s)
    }

    /// For parsing, checking and executing.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_s)
    }

    /// A connection on which nothing happens.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_s)
    }
}

/// Which status codes answers carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum StatusProfile {
    /// What the public audit suite of GraphQL over HTTP asks for.
    #[serde(rename = "audit")]
    Audit,
    /// What the draft of August 2026 recommends.
    #[serde(rename = "draft-2026")]
    Draft2026,
}

/// What is wrong with the configuration: a line for each fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

/// As written; what needs a closer look is still text.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    listen: String,
    admin_listen: String,
    secret: Option<String>,
    currency: String,
    introspection: bool,
    otlp_endpoint: Option<String>,
    http: HttpConfig,
    database: DatabaseConfig,
    limits: Limits,
    documents: DocumentsConfig,
    rates: RateConfig,
    oidc: OidcConfig,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            admin_listen: "127.0.0.1:9090".to_owned(),
            secret: None,
            currency: "CNY".to_owned(),
            introspection: true,
            otlp_endpoint: None,
            http: HttpConfig::default(),
            database: DatabaseConfig::default(),
            limits: Limits::default(),
            documents: DocumentsConfig::default(),
            rates: RateConfig::default(),
            oidc: OidcConfig::default(),
        }
    }
}

impl Config {
    /// From the process environment, and the file that it names or `branchwise.toml`.
    pub fn load() -> Result<Self, ConfigError> {
        Self::from_environment(|name| std::env::var(name).ok())
    }

    /// From an environment that is handed in.
    pub fn from_environment(environment: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        let named = variable("BRANCHWISE_CONFIG").map(PathBuf::from);
        let path = named.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        let file = config::File::from(path.as_path()).format(config::FileFormat::Toml).required(named.is_some());
        let overridden = [
            ("database.url", "DATABASE_URL"),
            ("listen", "BRANCHWISE_LISTEN"),
            ("secret", "BRANCHWISE_SECRET"),
            ("http.public_url", "BRANCHWISE_PUBLIC_URL"),
            ("otlp_endpoint", "BRANCHWISE_OTLP_ENDPOINT"),
        ];
        // This one may be set to nothing.
        let operators = environment("BRANCHWISE_ADMIN_LISTEN");
        let written = overridden
            .into_iter()
            .try_fold(config::Config::builder().add_source(file), |builder, (key, name)| builder.set_override_option(key, variable(name)))
            .and_then(|builder| builder.set_override_option("admin_listen", operators))
            .and_then(|builder| builder.build())
            .and_then(|sources| sources.try_deserialize::<Written>())
            .map_err(|error| ConfigError { faults: vec![unread(&error, &path)] })?;
        written.checked()
    }
}

/// One line without the text of the file, which may hold the secret.
fn unread(error: &config::ConfigError, path: &Path) -> String {
    match error {
        config::ConfigError::FileParse { cause, .. } => {
            let cause = cause.to_string();
            let place = cause.lines().next().unwrap_or_default();
            format!("{}: not TOML: {place}", path.display())
        }
        config::ConfigError::Foreign(cause) => format!("{}: cannot be read: {cause}", path.display()),
        other => format!("{}: {other}", path.display()).lines().next().unwrap_or_default().to_owned(),
    }
}

impl Written {
    fn checked(self) -> Result<Config, ConfigError> {
        let mut faults = Vec::new();
        let listen = address(&self.listen, "BRANCHWISE_LISTEN or listen", &mut faults);
        let operators = Some(&self.admin_listen).filter(|written| !written.is_empty());
        let admin_listen = operators.and_then(|written| address(written, "BRANCHWISE_ADMIN_LISTEN or admin_listen", &mut faults));
        let secret = match self.secret.as_deref().map(secret).transpose() {
            Ok(secret) => secret,
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        if Currency::from_code(&self.currency).is_none() {
            faults.push(format!("currency: {:?} is no ISO 4217 code, such as CNY", self.currency));
        }
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|kind| self.database.url.starts_with(kind)) {
            faults.push("DATABASE_URL or database.url: must begin with sqlite:// or postgres://".to_owned());
        }
        if self.http.public_url.as_deref().is_some_and(|url| !is_public_url(url)) {
            faults.push("BRANCHWISE_PUBLIC_URL or http.public_url: must be like https://crm.example.com, without ? and #".to_owned());
        }
        if let Some(fault) = self.otlp_endpoint.as_deref().and_then(otlp_fault) {
            faults.push(format!("BRANCHWISE_OTLP_ENDPOINT or otlp_endpoint: {fault}"));
        }
        if self.documents.trust != Trust::Off && self.documents.manifests.is_empty() {
            faults.push("documents.trust: needs documents.manifests, the files with the documents to trust".to_owned());
        }
        if self.http.tls_certificate.is_some() != self.http.tls_key.is_some() {
            faults.push("http.tls_certificate and http.tls_key: give both or neither".to_owned());
        }
        for (key, file) in [("http.tls_certificate", &self.http.tls_certificate), ("http.tls_key", &self.http.tls_key)] {
            if let Some(error) = file.as_ref().and_then(|path| std::fs::File::open(path).err()) {
                faults.push(format!("{key}: the file cannot be read ({})", error.kind()));
            }
        }
        if self.http.max_batch > MOST_BATCH {
            faults.push(format!("http.max_batch: must be at most {MOST_BATCH}"));
        }
        faults.extend(self.oidc.faults());
        for (key, value) in self.numbers() {
            if value == 0 {
                faults.push(format!("{key}: must not be 0"));
            }
        }
        match listen {
            Some(listen) if faults.is_empty() => {
                let Self { currency, introspection, otlp_endpoint, http, database, limits, documents, rates, oidc, .. } = self;
                Ok(Config {
                    listen,
                    admin_listen,
                    secret,
                    currency,
                    introspection,
                    otlp_endpoint,
                    http,
                    database,
                    limits,
                    documents,
                    rates,
                    oidc,
                })
            }
            _ => Err(ConfigError { faults }),
        }
    }

    fn numbers(&self) -> [(&'static str, u64); 31] {
        let (http, database, limits, rates) = (&self.http, &self.database, &self.limits, &self.rates);
        [
            ("http.body_limit_bytes", http.body_limit_bytes as u64),
            ("http.header_timeout_s", http.header_timeout_s),
            ("http.body_timeout_s", http.body_timeout_s),
            ("http.request_timeout_s", http.request_timeout_s),
            ("http.idle_timeout_s", http.idle_timeout_s),
            ("http.drain_deadline_s", http.drain_deadline_s),
            ("http.max_connections", http.max_connections as u64),
            ("http.max_concurrent_requests", http.max_concurrent_requests as u64),
            ("http.max_concurrent_requests_user", http.max_concurrent_requests_user as u64),
            ("database.max_connections", u64::from(database.max_connections)),
            ("database.acquire_timeout_ms", database.acquire_timeout_ms),
            ("database.statement_timeout_s", database.statement_timeout_s),
            ("limits.bytes", limits.bytes as u64),
            ("limits.tokens", limits.tokens as u64),
            ("limits.nesting", limits.nesting as u64),
            ("limits.value_nesting", limits.value_nesting as u64),
            ("limits.name_length", limits.name_length as u64),
            ("limits.depth", limits.depth),
            ("limits.aliases", limits.aliases),
            ("limits.directives", limits.directives),
            ("limits.root_fields", limits.root_fields),
            ("limits.cost", limits.cost),
            ("limits.nodes", limits.nodes),
            ("limits.selections", limits.selections),
            ("limits.answer_bytes", limits.answer_bytes as u64),
            ("limits.errors", limits.errors as u64),
            ("limits.reveals_per_day", limits.reveals_per_day),
            ("rates.points_per_minute_user", rates.points_per_minute_user.into()),
            ("rates.points_per_minute_session", rates.points_per_minute_session.into()),
            ("rates.points_per_minute_address", rates.points_per_minute_address.into()),
            ("rates.burst_points", rates.burst_points.into()),
        ]
    }
}

mod database;
mod documents;
mod oidc;
mod proxies;
mod rates;
#[cfg(test)]
mod tests;
mod values;
