//! `branchwise import`: all good rows land, every bad row is reported with line, column and reason, and a second run changes nothing.

pub mod progress;
pub mod report;
mod rows;
pub mod source;

use std::collections::VecDeque;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio::task::JoinHandle;

use super::{Failure, start};
use crate::contact::import::ContactImport;
use crate::customer::import::CustomerImport;
use crate::db::{MigrationState, Rights, Scoped, Shares, operator_unscoped};
use crate::import::{Outcome, RowError, RowResult};
use crate::org::rules::password_violation;
use crate::org::{units, users};
use crate::secrets::{Identity, Secrets, hash_password, random_text};
use progress::Progress;
use report::Report;
use source::{BadRecord, Columns, Record, Source};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// code, parent_code, kind, name, business_mode
    OrgUnits,
    /// username, name, email, role, unit_code
    Users,
    /// external_ref, branch_code, kind, name, and more
    Customers,
    /// customer_ref, branch_code, name, role, phone, email
    Contacts,
}

#[derive(Args)]
pub struct Import {
    /// What the file holds.
    kind: Kind,
    /// The file: CSV, or XLSX by its ending.
    file: PathBuf,
    /// Changes nothing; reports what would happen.
    #[arg(long)]
    dry_run: bool,
    /// With the rights of this user; left out: as the operator of the machine, which the audit notes.
    #[arg(long = "as", value_name = "USER")]
    as_user: Option<String>,
    /// Writes the bad rows here: line, column, reason.
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
    /// The encoding of a CSV file that is not UTF-8, as in gbk.
    #[arg(long)]
    encoding: Option<String>,
    /// Renames the columns of a partner's file: lines of `their_name = "our_name"`.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// The currency of the file's amounts; the group's where left out.
    #[arg(long, value_name = "ISO")]
    currency: Option<String>,
    /// users: a file whose first line is the first password of everybody new.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// How a file is imported.
#[derive(Clone, Debug)]
pub struct Options {
    kind: Kind,
    file: PathBuf,
    errors: Option<PathBuf>,
    encoding: Option<String>,
    map: Option<PathBuf>,
    currency: String,
    /// users: how everybody new signs in.
    pub password_hash: Option<String>,
}

impl Options {
    /// As a plain file in UTF-8.
    pub fn new(kind: Kind, file: PathBuf) -> Self {
        Self { kind, file, errors: None, encoding: None, map: None, currency: "CNY".to_owned(), password_hash: None }
    }
}

impl Import {
    pub async fn run(self) -> Result<(), Failure> {
        let config = start::config()?;
        let currency = self.currency.unwrap_or_else(|| config.currency.clone()).to_ascii_uppercase();
        if !crate::money::is_currency(&currency) {
            return Err(Failure::new(format!("'{currency}' is not an ISO 4217 currency: give one as in USD")));
        }
        let db = start::database_for_bulk(&config, !self.dry_run).await?;
        if db.migrations().await?.iter().any(|(_, state)| *state == MigrationState::Pending) {
            return Err(Failure::new("the database has steps to take first: branchwise migrate up"));
        }
        let db = if self.dry_run { db.rehearsing() } else { db };
        let rights = Rights::init(db.clone()).await?;
        start::writes(&config, &db.seen_by(operator_unscoped(&rights))).await?;
        let viewer = match &self.as_user {
            None => operator_unscoped(&rights),
            Some(name) => {
                let nobody = || Failure::new(format!("there is no user '{name}' to import as"));
                let user = db.credentials_unscoped(name).await?.ok_or_else(nobody)?;
                rights.viewer(user.id).await?.ok_or_else(nobody)?
            }
        };
        // No import writes identity numbers, so that none needs the operator's secret.
        let secret = config.secret.clone().map_or_else(|| random_text().map(Into::into), Ok)?;
        let identity = Secrets::try_new(&secret)?.identity;
        let password_hash = self.password_file.map(|file| first_password(&file)).transpose()?;
        let options = Options {
            kind: self.kind,
            file: self.file,
            errors: self.errors,
            encoding: self.encoding,
            map: self.map,
            currency,
            password_hash,
        };
        let mut report = import(&db.seen_by(viewer), &identity, options).await?;
        report.finish(&mut std::io::stderr()).map_err(|error| Failure::new(error.to_string()))?;
        let prefix = if self.dry_run { "dry run: " } else { "" };
        writeln!(std::io::stdout(), "{prefix}{}", report.summary())?;
        db.close().await;
        if report.bad > 0 {
            return Err(Failure::new("some rows were left out: correct them and import the file again; the others change nothing then"));
        }
        Ok(())
    }
}

fn first_password(file: &std::path::Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::new(format!("{} cannot be read: {error}", file.display())))?;
    let password = text.lines().next().unwrap_or_default();
    if let Some(wrong) = password_violation("password", password) {
        return Err(Failure::new(format!("the first line of {} {}", file.display(), wrong.message.en)));
    }
    Ok(hash_password(password)?)
}

/// Imports a file as whoever `scoped` is. Errors: a file that cannot be read as a whole, and what the database says.
pub async fn import(scoped: &Scoped, identity: &Arc<Identity>, options: Options) -> Result<Report, Failure> {
    let columns: Columns = match options.kind {
        Kind::OrgUnits => rows::ORG_UNITS,
        Kind::Users => rows::USERS,
        Kind::Customers => rows::CUSTOMERS,
        Kind::Contacts => rows::CONTACTS,
    };
    let report = Report::try_new(&options.file, options.errors.as_deref()).map_err(|error| Failure::new(error.to_string()))?;
    let source = source::open(&options.file, options.encoding.as_deref(), options.map.as_deref(), &columns)
        .map_err(|error| Failure::new(error.to_string()))?;
    let mut run = Run { progress: Progress::new(source.size(), source.counter()), source, report };
    let done = run.all(scoped, identity, options).await;
    run.progress.finish();
    if let Err(failure) = done {
        // What was found wrong so far is not lost with the rest; that the terminal may be gone is no news then.
        let _ = run.report.finish(&mut std::io::stderr());
        return Err(failure);
    }
    Ok(run.report)
}

struct Run {
    source: Source,
    report: Report,
    progress: Progress,
}

/// Rows on their way into the database, with their lines in the file.
type Batch = (Vec<u64>, JoinHandle<Result<Vec<RowResult>, crate::Error>>);

impl Run {
    async fn all(&mut self, scoped: &Scoped, identity: &Arc<Identity>, options: Options) -> Result<(), Failure> {
        let shares = scoped.shares();
        let scoped = scoped.clone();
        match options.kind {
            Kind::OrgUnits => {
                let import = |lines| {
                    let scoped = scoped.clone();
                    async move { units::import(&scoped, lines).await }
                };
                self.through(Shares { rows: usize::MAX, lanes: 1 }, rows::unit, import).await
            }
            Kind::Users => {
                let import = |lines| {
                    let (scoped, hash) = (scoped.clone(), options.password_hash.clone());
                    async move { users::import(&scoped, lines, hash).await }
                };
                self.through(Shares { rows: usize::MAX, lanes: 1 }, rows::user, import).await
            }
            Kind::Customers => {
                let mut import = CustomerImport::init(&scoped, identity).await?;
                self.through(shares, |record| rows::customer(record, &options.currency), |lines| import.take_in(lines)).await
            }
            Kind::Contacts => {
                let mut import = ContactImport::init(&scoped).await?;
                // Whether a contact stands in the file twice is known once its customer is: one share after the other, so that the first wins.
                let shares = Shares { lanes: 1, ..shares };
                self.through(shares, rows::contact, |lines| import.take_in(lines)).await
            }
        }
    }

    /// Reads, parses and hands over a share of the rows at a time; while shares are written, the next is read.
    async fn through<L, F>(
        &mut self,
        shares: Shares,
        parse: impl Fn(&Record) -> Result<L, RowError>,
        mut take_in: impl FnMut(Vec<L>) -> F,
    ) -> Result<(), Failure>
    where
        F: Future<Output = Result<Vec<RowResult>, crate::Error>> + Send + 'static,
    {
        let mut lines = Vec::new();
        let mut numbers = Vec::new();
        let mut written: VecDeque<Batch> = VecDeque::new();
        let done = loop {
            let next = self.source.next();
            let at_end = next.is_none();
            let rejected = match next {
                Some(Ok(record)) => match parse(&record) {
                    Ok(line) => {
                        lines.push(line);
                        numbers.push(record.line);
                        Ok(())
                    }
                    Err(wrong) => self.reject(record.line, wrong),
                },
                Some(Err(bad)) => self.report.reject(bad).map_err(|error| Failure::new(error.to_string())),
                None => Ok(()),
            };
            if rejected.is_err() {
                break rejected;
            }
            if lines.len() >= shares.rows || (at_end && !lines.is_empty()) {
                if written.len() >= shares.lanes
                    && let Some(first) = written.pop_front()
                    && let Err(failure) = self.settle(first).await
                {
                    break Err(failure);
                }
                written.push_back((std::mem::take(&mut numbers), tokio::spawn(take_in(std::mem::take(&mut lines)))));
            }
            self.progress.look();
            if at_end {
                break Ok(());
            }
        };
        // What is on its way lands, whatever stopped the rest; the first failure is the one that is told.
        let mut done = done;
        for batch in written {
            let settled = self.settle(batch).await;
            done = done.and(settled);
        }
        done
    }

    /// Waits for a batch and counts what became of its rows.
    async fn settle(&mut self, (numbers, batch): Batch) -> Result<(), Failure> {
        let results = batch.await.map_err(|_| crate::Error::internal("a batch panicked"))??;
        for (line, result) in numbers.into_iter().zip(results) {
            match result {
                Ok(Outcome::Added) => self.report.added += 1,
                Ok(Outcome::Changed) => self.report.changed += 1,
                Ok(Outcome::Unchanged) => self.report.unchanged += 1,
                Err(wrong) => self.reject(line, wrong)?,
            }
        }
        Ok(())
    }

    fn reject(&mut self, line: u64, wrong: RowError) -> Result<(), Failure> {
        let bad = BadRecord { line, column: wrong.column, reason: wrong.reason };
        self.report.reject(bad).map_err(|error| Failure::new(error.to_string()))
    }
}
