//! Opening one masked value: CONTACT data from BASIC, identity numbers at FULL. Who, when, which field and why stand in the audit before the
//! value leaves; so many a day.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::access::action::CustomerReveal;
use crate::access::{FieldClass, Level, Permits};
use crate::audit::{self, Entry};
use crate::db::Scoped;
use crate::error::{Error, Violation};
use crate::record::Record;
use crate::text::text_violation;

/// What the table of daily uses calls it.
const WHAT: &str = "reveal";
const LONGEST_REASON: usize = 500;
const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// How many values a user may open on one day, in UTC.
#[derive(Clone, Copy, Debug)]
pub struct RevealsPerDay(pub u64);

/// What somebody wants opened, and why.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The record.
    pub id: Uuid,
    /// The name of the field.
    pub field: String,
    /// Why, for the audit.
    pub reason: String,
}

/// Opens a value of a record. `in_clear` gives the value of a field of CONTACT or IDENTITY. Errors: FORBIDDEN without the right anywhere,
/// for a record that it does not reach, and for a level that does not show the field; BAD_USER_INPUT; NOT_FOUND for a record out of sight;
/// RATE_LIMITED until the next day.
pub async fn reveal<E: Record>(
    scoped: &Scoped,
    wanted: Wanted,
    most: RevealsPerDay,
    in_clear: impl FnOnce(&E::Model, &'static str) -> Result<Option<String>, Error> + Send + 'static,
) -> Result<Option<String>, Error> {
    let permit = scoped.viewer().permit::<CustomerReveal>()?;
    let field = E::fields().iter().find(|field| field.name == wanted.field);
    let field = field.filter(|field| matches!(field.class, FieldClass::Contact | FieldClass::Identity));
    let reason = wanted.reason.trim().to_owned();
    let mut wrong = Vec::new();
    if field.is_none() {
        wrong.push(Violation::new("input.field", "masked", "is no field that is shown masked", "不是以掩码显示的字段"));
    }
    if reason.is_empty() {
        wrong.push(Violation::required("input.reason"));
    }
    wrong.extend(text_violation("input.reason", &reason, LONGEST_REASON));
    let Some(field) = field.filter(|_| wrong.is_empty()) else { return Err(Error::Invalid(wrong)) };
    let least = match field.class {
        FieldClass::Contact => Level::Basic,
        _ => Level::Full,
    };
    scoped
        .transaction(move |tx| async move {
            let row = tx.find::<E>().id(wanted.id).one().await?.ok_or_else(Error::not_found)?;
            let Some(place) = row.place.filter(|place| tx.reaches(&permit, *place)) else {
                return Err(Error::forbidden());
            };
            if row.level < least {
                return Err(Error::forbidden_field("input.field"));
            }
            if !tx.use_up(WHAT, most.0).await? {
                return Err(Error::RateLimited { what: "revealed values a day", limit: Some(most.0), retry_after: until_tomorrow(&tx) });
            }
            let told: Map<String, Json> = Map::from_iter([(field.name.to_owned(), json!("revealed"))]);
            let entry = Entry::of::<CustomerReveal>(E::TYPE, wanted.id, Some(place), told).because(reason);
            audit::record(&tx, vec![entry]).await?;
            in_clear(&row.model, field.name)
        })
        .await
}

/// Until the next day begins in UTC.
fn until_tomorrow(scoped: &Scoped) -> Duration {
    let second = scoped.now().0.div_euclid(1_000_000).rem_euclid(SECONDS_A_DAY);
    Duration::from_secs(u64::try_from(SECONDS_A_DAY - second).unwrap_or_default())
}
