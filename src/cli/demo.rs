//! `branchwise demo`.

use std::collections::HashSet;
use std::io::Write;

use clap::Args;
use secrecy::SecretString;

use super::{Failure, sample, start};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, DbConfig, Rights};
use crate::secrets::{Secrets, random_text};

const PASSWORD: &str = "branchwise-demo";

#[derive(Args)]
pub struct Demo {}

impl Demo {
    pub async fn run(self) -> Result<(), Failure> {
        let folder = tempfile::Builder::new().prefix("branchwise-demo-").tempdir()?;
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("demo.db").display());
        // A demo has no operators, and shall run beside whatever else listens.
        let config = Config { admin_listen: None, ..start::config()? };
        let secrets = Secrets::try_new(&SecretString::from(format!("{}{}", random_text()?, random_text()?)))?;
        let db = Db::connect(DbConfig::new(url), Clock::wall()).await?.stamping(secrets.notary.clone());
        db.migrate_up().await?;
        let rights = Rights::init(db.clone()).await?;
        sample::fill(&db, &rights, &secrets, PASSWORD, folder.path()).await?;
        // The folder goes with `folder` when serving ends.
        start::serve(db, rights, secrets, config, |address| welcome(address).unwrap_or_default()).await
    }
}

fn welcome(address: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "Branchwise serves a sample group at {address}")?;
    writeln!(out, "Open it in a browser, or sign in with password '{PASSWORD}' as\n")?;
    let mut shown = HashSet::new();
    for (username, role, unit) in sample::users() {
        if shown.insert(role.clone()) {
            writeln!(out, "  {username:<22} {role} at {unit}")?;
        }
    }
    writeln!(out, "\nThe data is gone when this ends (Ctrl-C).")
}
