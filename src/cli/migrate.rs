//! `branchwise migrate`.

use std::io::Write;

use clap::{Args, Subcommand};

use super::{Failure, start};
use crate::db::MigrationState;

#[derive(Args)]
pub struct Migrate {
    #[command(subcommand)]
    direction: Direction,
}

#[derive(Subcommand)]
enum Direction {
    /// Takes all pending steps.
    Up,
    /// Takes steps back; this loses their data.
    Down {
        /// How many steps.
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// Lists every step and whether it was taken.
    Status,
}

impl Migrate {
    pub async fn run(self) -> Result<(), Failure> {
        let db = start::database(&start::config()?, false).await?;
        match self.direction {
            Direction::Up => db.migrate_up().await?,
            Direction::Down { steps } => db.migrate_down(Some(steps)).await?,
            Direction::Status => {
                let mut out = std::io::stdout();
                for (name, state) in db.migrations().await? {
                    let state = match state {
                        MigrationState::Applied => "applied",
                        MigrationState::Pending => "pending",
                    };
                    writeln!(out, "{state}  {name}")?;
                }
            }
        }
        db.close().await;
        Ok(())
    }
}
