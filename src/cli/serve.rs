//! `branchwise serve`.

use clap::Args;

use super::{Failure, start};
use crate::db::Rights;

#[derive(Args)]
pub struct Serve {
    /// Leave the database schema as it is.
    #[arg(long)]
    no_migrate: bool,
}

impl Serve {
    pub async fn run(self) -> Result<(), Failure> {
        let config = start::config()?;
        let secrets = start::secrets(&config)?;
        let db = start::database(&config, !self.no_migrate).await?;
        let rights = Rights::init(db.clone()).await?;
        start::serve(db, rights, secrets, config, |_| ()).await
    }
}
