//! Opening one masked value.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use entity::{ContactId, CustomerId, contact, customer};
use serde_json::Value as Json;

use crate::access::Permits;
use crate::access::action::CustomerReveal;
use crate::customer::fields;
use crate::customer::reveal::{RevealsPerDay, Wanted, reveal};
use crate::error::{Error, Violation};
use crate::graphql::context::Ask;
use crate::graphql::id::{GlobalId, parse};
use crate::record::Record;
use crate::secrets::Secrets;

/// Which value, and why.
#[derive(InputObject)]
pub struct RevealFieldInput {
    /// The customer or contact.
    id: ID,
    /// The field, as in "phone" or "identityNumber".
    field: String,
    /// Why you need it, at most 500 characters. It stays in the audit: no values in it.
    reason: String,
}

/// The value.
#[derive(SimpleObject)]
pub struct RevealFieldPayload {
    /// The value in clear; null where the record has none.
    value: Option<String>,
}

/// Opening masked values.
#[derive(Default)]
pub struct RevealMutation;

#[Object]
impl RevealMutation {
    /// Opens one masked value of a customer or contact: phone, e-mail or address where you see them masked, an identity number where you see
    /// the rest of the customer in clear. Needs the right to reveal. Each time counts and is told in the audit, with your reason; 50 a day
    /// unless configured otherwise, then RATE_LIMITED until the next day begins in UTC.
    async fn reveal_field(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which value, and why.")] input: RevealFieldInput,
    ) -> Result<RevealFieldPayload> {
        let scoped = ctx.scoped()?;
        scoped.viewer().permit::<CustomerReveal>()?;
        let most = *ctx.given::<RevealsPerDay>()?;
        let wanted = |id| Wanted { id, field: input.field, reason: input.reason };
        let value = match parse(&input.id) {
            Some((name, id)) if name == CustomerId::TYPE => {
                let identity = ctx.given::<Secrets>()?.identity.clone();
                let in_clear = move |row: &customer::Model, field: &'static str| match (field, &row.identity_cipher) {
                    (fields::IDENTITY_NUMBER, sealed) => sealed.as_deref().map(|sealed| identity.decrypt(sealed)).transpose(),
                    _ => text_of::<customer::Entity>(row, field),
                };
                reveal::<customer::Entity>(scoped, wanted(id), most, in_clear).await?
            }
            Some((name, id)) if name == ContactId::TYPE => {
                reveal::<contact::Entity>(scoped, wanted(id), most, text_of::<contact::Entity>).await?
            }
            _ => return Err(no_record().into()),
        };
        Ok(RevealFieldPayload { value })
    }
}

fn no_record() -> Error {
    Error::invalid(Violation::new("input.id", "id", "is not the id of a customer or contact", "不是客户或联系人的标识"))
}

/// A text as it stands in a row.
fn text_of<E: Record>(row: &E::Model, field: &'static str) -> Result<Option<String>, Error> {
    let value = E::fields().iter().find(|known| known.name == field).map_or(Json::Null, |known| (known.value)(row));
    Ok(value.as_str().map(str::to_owned))
}
