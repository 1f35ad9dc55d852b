//! The command line. Exit codes: 0 done, 1 failed, 2 wrong usage; every error says what to do next.

mod audit;
mod demo;
pub mod explain;
pub mod generate;
pub mod import;
mod migrate;
pub mod sample;
mod serve;
mod start;
mod token;
mod user;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// One GraphQL endpoint over all the customers of a corporate group.
#[derive(Parser)]
#[command(name = "branchwise", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves a sample group from an embedded database in a temporary folder.
    Demo(demo::Demo),
    /// Serves; configured by branchwise.toml and the environment.
    Serve(serve::Serve),
    /// Takes the steps of the database schema, takes them back, or lists them.
    Migrate(migrate::Migrate),
    /// Prints the GraphQL schema.
    Schema,
    /// Adds users, sets passwords, disables.
    User(user::User),
    /// Prints a bearer token for scripts.
    Token(token::Token),
    /// Imports a CSV or XLSX file.
    Import(import::Import),
    /// Checks the audit against its seals, and takes anchors of them.
    Audit(audit::Audit),
    /// Tells why somebody may do something, or why not.
    Explain(explain::Explain),
    /// Makes a group of any size in an empty database, for trials and benchmarks; the same seed makes the same group.
    Generate(generate::Generate),
}

/// Why a command failed, and what to do next.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<crate::Error> for Failure {
    fn from(error: crate::Error) -> Self {
        use crate::Error;
        Self(match error {
            Error::Unavailable | Error::Overloaded | Error::Collided | Error::Crowded { .. } => {
                "the database does not answer: is it running, and is DATABASE_URL right?".to_owned()
            }
            Error::Forbidden { .. } => "this user may not do that: name another one after --as, or leave it out".to_owned(),
            Error::InsufficientStorage => "the disk of the database is full: make room and run it again".to_owned(),
            Error::Internal(id) => format!("an error of ours, {id} in the log above: run it again with RUST_LOG=debug and report it"),
            Error::Conflict(_) => "somebody else changed the same record meanwhile: run it again".to_owned(),
            other => other.to_string(),
        })
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Parses the command line and runs it.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    if let Err(fault) = crate::telemetry::init(|name| std::env::var(name).ok()) {
        return fail(&Failure::new(fault));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::from(error)),
    };
    match runtime.block_on(execute(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    // Nobody reads a closed stderr; the exit code tells.
    let _ = writeln!(std::io::stderr(), "branchwise: {}", failure.0);
    ExitCode::FAILURE
}

async fn execute(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(demo) => demo.run().await,
        Command::Serve(serve) => serve.run().await,
        Command::Migrate(migrate) => migrate.run().await,
        Command::Schema => Ok(writeln!(std::io::stdout(), "{}", crate::schema::sdl().trim_end())?),
        Command::User(user) => user.run().await,
        Command::Token(token) => token.run().await,
        Command::Import(import) => import.run().await,
        Command::Audit(audit) => audit.run().await,
        Command::Explain(explain) => explain.run().await,
        Command::Generate(generate) => generate.run().await,
    }
}
