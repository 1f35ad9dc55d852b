//! `branchwise audit`: is the audit what it was?

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{Failure, start};
use crate::audit::verify::{Anchor, Fault, Summary, anchor, anchors, verify};
use crate::db::{Db, MigrationState, Rights, Scoped, operator_unscoped};
use crate::secrets::Notary;

#[derive(Args)]
pub struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Checks every audit row and its seal, while servers run or not; names the first row that is not what it was.
    Verify {
        /// A file with anchors: without one, rows cut off at the end are not missed, nor a chain made anew by who has the secret.
        #[arg(long)]
        anchor: Option<PathBuf>,
    },
    /// Prints the end of the chain, to be kept where nobody who writes the database can change it.
    Anchor {
        /// Adds it to the end of this file instead.
        #[arg(long)]
        file: Option<PathBuf>,
    },
}

impl Audit {
    pub async fn run(self) -> Result<(), Failure> {
        let config = start::config()?;
        let notary = start::secrets(&config)?.notary;
        let db = start::database(&config, false).await?;
        let done = self.on(&db, &notary).await;
        db.close().await;
        done
    }

    async fn on(self, db: &Db, notary: &Arc<Notary>) -> Result<(), Failure> {
        if db.migrations().await?.iter().any(|(_, state)| *state == MigrationState::Pending) {
            return Err(Failure::new("the database has steps to take first: branchwise migrate up"));
        }
        let rights = Rights::init(db.clone()).await?;
        let operator = db.seen_by(operator_unscoped(&rights));
        match self.what {
            What::Verify { anchor } => {
                let anchors = anchor.map(|file| read(&file)).transpose()?.unwrap_or_default();
                match verify(&operator, notary, anchors).await? {
                    Ok(summary) => Ok(tell(summary)?),
                    Err(fault) => Err(tampered(&fault)),
                }
            }
            What::Anchor { file } => take(&operator, notary, file).await,
        }
    }
}

fn tampered(fault: &Fault) -> Failure {
    Failure::new(format!(
        "{fault}\nthe audit is not what it was: keep a copy of the database as it is, and compare this row with your backups. Where all rows \
         seem wrong from position 1 on, this is not the secret of the server"
    ))
}

fn tell(summary: Summary) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let Summary { sealed, anchors, waiting, overdue } = summary;
    writeln!(out, "{sealed} sealed rows are what they were, {anchors} anchors hold, {waiting} rows wait to be sealed")?;
    if overdue > 0 {
        writeln!(
            std::io::stderr(),
            "branchwise: {overdue} rows wait for longer than 10 seconds: a server seals them; does one run, and what does its log say?"
        )?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<Anchor>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::new(format!("{} cannot be read ({error})", file.display())))?;
    let found = anchors(&text);
    let found =
        found.map_err(|line| Failure::new(format!("{}: line {line} is no anchor as `branchwise audit anchor` prints", file.display())))?;
    if found.is_empty() {
        return Err(Failure::new(format!("{} holds no anchor: branchwise audit anchor --file {0}", file.display())));
    }
    Ok(found)
}

async fn take(operator: &Scoped, notary: &Notary, file: Option<PathBuf>) -> Result<(), Failure> {
    let end = anchor(operator, notary).await?.map_err(|fault| tampered(&fault))?;
    let end = end.ok_or_else(|| Failure::new("nothing is sealed yet: a server seals audit rows within a second (branchwise serve)"))?;
    let line = end.line()?;
    let Some(path) = file else { return Ok(writeln!(std::io::stdout(), "{line}")?) };
    let written = OpenOptions::new().append(true).create(true).open(&path).and_then(|mut file: File| {
        writeln!(file, "{line}")?;
        file.sync_all()
    });
    written.map_err(|error| Failure::new(format!("{} cannot be written ({error})", path.display())))?;
    Ok(writeln!(std::io::stdout(), "anchored at position {}", end.position)?)
}
