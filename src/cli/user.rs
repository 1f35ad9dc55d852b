//! `branchwise user`: the first administrator, and recovery.

use std::io::{BufRead, Write};

use clap::{Args, Subcommand};

use super::{Failure, start};
use crate::db::{Rights, operator_unscoped};
use crate::org::rules::password_violation;
use crate::org::users::{self, UserLine};
use crate::patch::Patch;
use crate::secrets::hash_password;

#[derive(Args)]
pub struct User {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Adds a user with a post, or gives a user another post.
    Add {
        /// The name for signing in.
        name: String,
        /// The role of the post, as in branch_manager.
        #[arg(long)]
        role: String,
        /// The code of the post's unit.
        #[arg(long)]
        unit: String,
        /// The name that others see; the user name where left out.
        #[arg(long)]
        full_name: Option<String>,
        /// Reads the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Sets a user's password.
    Passwd {
        /// The name for signing in.
        name: String,
        /// Reads the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Disables a user at once.
    Disable {
        /// The name for signing in.
        name: String,
    },
}

pub(super) fn password(from_stdin: bool) -> Result<String, Failure> {
    let password = if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    } else {
        rpassword::prompt_password("Password: ")?
    };
    match password_violation("password", &password) {
        Some(wrong) => Err(Failure::new(format!("the password {}", wrong.message.en))),
        None => Ok(password),
    }
}

impl User {
    pub async fn run(self) -> Result<(), Failure> {
        let config = start::config()?;
        let db = start::database(&config, true).await?;
        let rights = Rights::init(db.clone()).await?;
        let scoped = db.seen_by(operator_unscoped(&rights));
        start::writes(&config, &scoped).await?;
        let mut out = std::io::stdout();
        match self.what {
            What::Add { name, role, unit, full_name, password_stdin } => {
                let known = db.credentials_unscoped(&name).await?.is_some();
                let hash = if known { None } else { Some(hash_password(&password(password_stdin)?)?) };
                let line =
                    UserLine { username: name.clone(), name: full_name, email: Patch::Keep, role: role.clone(), unit_code: unit.clone() };
                if let Some(Err(wrong)) = users::import(&scoped, vec![line], hash).await?.into_iter().next() {
                    return Err(match wrong.column.as_deref() {
                        Some("unit_code") => {
                            Failure::new(format!("there is no unit '{unit}': import your units first (branchwise import org-units FILE)"))
                        }
                        Some("role") => Failure::new(format!("there is no role '{role}': the default ones stand in the README")),
                        column => Failure::new(format!("{}: {}", column.unwrap_or_default(), wrong.reason)),
                    });
                }
                writeln!(out, "{name} is {role} at {unit}")?;
            }
            What::Passwd { name, password_stdin } => {
                users::set_password(&scoped, &name, hash_password(&password(password_stdin)?)?)
                    .await
                    .map_err(|error| nobody(error, &name))?;
                writeln!(out, "{name} has a new password")?;
            }
            What::Disable { name } => {
                users::disable(&scoped, &name).await.map_err(|error| nobody(error, &name))?;
                writeln!(out, "{name} is disabled")?;
            }
        }
        db.close().await;
        Ok(())
    }
}

fn nobody(error: crate::Error, name: &str) -> Failure {
    match error {
        crate::Error::NotFound { .. } => Failure::new(format!("there is no user '{name}'")),
        error => error.into(),
    }
}
