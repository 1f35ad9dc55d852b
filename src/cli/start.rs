//! What commands begin with: configuration, database, rights, keys.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::audit::seal::Sealer;
use crate::clock::Clock;
use crate::config::Config;
use crate::customer::reveal::RevealsPerDay;
use crate::db::{Db, DbConfig, Rights, Scoped, sqlite_file};
use crate::graphql::manifests::Manifests;
use crate::http::{App, Callers, Tls};
use crate::lifecycle::{Drain, drain_on_signal, on_hangup};
use crate::oidc::Issuer;
use crate::org::{Federation, Links, SignIn, due};
use crate::secrets::Secrets;
use crate::{http, schema};

use super::Failure;

/// For so long the end waits for the last audit rows to be sealed.
const SEALED_WITHIN: Duration = Duration::from_secs(2);

/// The configuration. Errors: a line for each fault.
pub fn config() -> Result<Config, Failure> {
    Config::load().map_err(|error| Failure::new(error.to_string()))
}

/// The database of the configuration, migrated. Errors: where nothing answers.
pub async fn database(config: &Config, migrate: bool) -> Result<Db, Failure> {
    connect(config, migrate, false).await
}

/// The same for commands that write very many rows.
pub async fn database_for_bulk(config: &Config, migrate: bool) -> Result<Db, Failure> {
    connect(config, migrate, true).await
}

async fn connect(config: &Config, migrate: bool, bulk: bool) -> Result<Db, Failure> {
    let db = Db::connect(DbConfig { bulk, ..config.database.to_db() }, Clock::wall()).await.map_err(|error| {
        match sqlite_file(&config.database.url) {
            Some(file) => Failure::new(format!("{} cannot be opened: is the folder there, and may you write it?", file.display())),
            None => Failure::from(error),
        }
    })?;
    if migrate {
        db.migrate_up().await?;
    }
    match &config.secret {
        Some(secret) => Ok(db.stamping(Secrets::try_new(secret)?.notary)),
        None => Ok(db),
    }
}

/// The keys. Errors: where no secret is configured.
pub fn secrets(config: &Config) -> Result<Secrets, Failure> {
    let secret = config.secret.as_ref().ok_or_else(|| {
        Failure::new(
            "BRANCHWISE_SECRET is not set: give at least 32 random characters (openssl rand -hex 32), or the path of a file with them",
        )
    })?;
    Ok(Secrets::try_new(secret)?)
}

/// For commands that leave audit rows. Errors: without a secret once a server seals them: nobody could tell such a row from a forged one.
pub async fn writes(config: &Config, operator: &Scoped) -> Result<(), Failure> {
    if config.secret.is_none() && !operator.last_seals(1).await?.is_empty() {
        secrets(config)?;
    }
    Ok(())
}

async fn listen(at: SocketAddr, remedy: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(at).await.map_err(|error| Failure::new(format!("{at} cannot be listened on ({error}): {remedy}")))
}

/// Serves until a signal ends it.
pub async fn serve(db: Db, rights: Arc<Rights>, secrets: Secrets, config: Config, ready: impl FnOnce(&str)) -> Result<(), Failure> {
    let tls = Tls::try_new(&config.http).map_err(Failure::new)?.map(Arc::new);
    let listener = listen(config.listen, "set BRANCHWISE_LISTEN to another address").await?;
    let address = listener.local_addr()?;
    let operators = match config.admin_listen {
        Some(at) => Some(listen(at, "set BRANCHWISE_ADMIN_LISTEN to another address, or to nothing").await?),
        None => None,
    };
    tokio::spawn(rights.clone().watch());
    // What fell due while nobody served comes first: nobody sees the tree of yesterday.
    due::catch_up(&db, &rights).await?;
    let due_work = tokio::spawn(due::watch(db.clone(), rights.clone()));
    let sealer = Sealer::new(db.clone(), rights.clone(), secrets.notary.clone());
    let sealing = tokio::spawn(sealer.clone().watch());
    let drain = Drain::new();
    tokio::spawn(drain_on_signal(drain.clone(), config.http.drain_deadline()));
    let links = Links::new(&secrets, &config.http.public_url(address));
    let sign_in = SignIn::try_new(db.clone(), rights.clone(), secrets.clone(), links)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    if let Some(tls) = tls.clone() {
        tokio::spawn(on_hangup(move || match tls.reload() {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(fault) => tracing::error!(fault, "the certificate stays as it was"),
        }));
    }
    let reveals = RevealsPerDay(config.limits.reveals_per_day);
    let issuer = config.oidc.settings().map(Issuer::try_new).transpose()?;
    let federation = Federation::new(db.clone(), rights.clone(), issuer, config.oidc.create_users);
    let callers = Callers { tokens: secrets.tokens.clone(), federation: federation.clone(), answers: secrets.answers.clone() };
    let schema = schema::build(secrets, sign_in, federation, rights.clone(), reveals);
    let manifests = config.documents.manifests.clone();
    let app = App::try_new(schema, db.clone(), rights, callers, sealer.clone(), Arc::new(config), drain.clone())?;
    let manifests = Manifests::take(manifests, app.persisted.clone(), app.validator.clone()).map_err(Failure::new)?;
    tokio::spawn(manifests.watch());
    if let Some(listener) = &operators {
        tracing::info!(address = %listener.local_addr()?, "serving operators");
    }
    let operators = operators.map(|listener| tokio::spawn(http::serve_operators(listener, app.clone())));
    tracing::info!(%address, "serving");
    ready(&format!("{scheme}://{address}/graphql"));
    http::serve(listener, app.clone(), tls).await?;
    due_work.abort();
    sealing.abort();
    // What the last requests left.
    if !matches!(tokio::time::timeout(SEALED_WITHIN, sealer.look()).await, Ok(Ok(_))) {
        tracing::warn!("the last audit rows are left for the next server to seal");
    }
    if let Some(operators) = operators {
        operators.abort();
    }
    let end = async {
        db.close().await;
        // On a thread that may wait; if it fails, spans are missing, and that is told.
        let _ = tokio::task::spawn_blocking(move || app.end_spans()).await;
    };
    tokio::select! {
        () = end => {}
        // What was cut off may keep its connection.
        () = drain.aborted() => {}
    }
    Ok(())
}
