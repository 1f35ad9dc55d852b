//! `branchwise token`.

use std::io::Write;

use clap::Args;

use super::{Failure, start};
use crate::db::{Rights, operator_unscoped};
use crate::org::sessions;
use crate::secrets::Bearer;

/// What the list of the user's sessions calls it.
const DEVICE: &str = "command line";
const LONGEST_S: i64 = 30 * 24 * 3_600;

#[derive(Args)]
pub struct Token {
    /// Whose token.
    #[arg(long)]
    user: String,
    /// How long it lasts, as in 90s, 15m, 1h, 7d; at most 30d.
    #[arg(long, default_value = "1h", value_parser = seconds)]
    ttl: i64,
}

fn seconds(text: &str) -> Result<i64, String> {
    let wrong = || "give a number and s, m, h or d, as in 15m; at most 30d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: i64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).filter(|seconds| (1..=LONGEST_S).contains(seconds)).ok_or_else(wrong)
}

impl Token {
    pub async fn run(self) -> Result<(), Failure> {
        let config = start::config()?;
        let secrets = start::secrets(&config)?;
        let db = start::database(&config, false).await?;
        let user = db.credentials_unscoped(&self.user.to_lowercase()).await?.filter(|user| !user.disabled);
        let user =
            user.ok_or_else(|| Failure::new(format!("there is no user '{}' who may sign in: branchwise user add ...", self.user)))?;
        let rights = Rights::init(db.clone()).await?;
        let (now, ttl) = (db.clock().now(), self.ttl);
        let operator = db.seen_by(operator_unscoped(&rights));
        let started = operator
            .transaction(move |tx| async move { sessions::start(&tx, user.id, Some(DEVICE.to_owned()), now.plus_seconds(ttl)).await });
        let bearer = Bearer { user: user.id, session: started.await?.id };
        let token = secrets.tokens.issue(bearer, now, ttl)?;
        writeln!(std::io::stdout(), "{}", token.text)?;
        db.close().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_to_live() {
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("30d"), Ok(2_592_000));
        for wrong in ["", "m", "31d", "0s", "-1h", "1y", "9223372036854775807d"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
