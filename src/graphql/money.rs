//! Money in the API: a decimal amount and its currency; at rest minor units in a 64-bit integer.

use async_graphql::{InputObject, SimpleObject};

use super::decimal::Decimal;
use crate::error::{Error, Violation};
use crate::money;

/// An amount of money.
#[derive(Clone, Debug, SimpleObject)]
pub struct Money {
    /// The amount in whole units of the currency, as in "1999.50".
    pub amount: Decimal,
    /// ISO 4217 code, as in "CNY".
    pub currency: String,
}

/// An amount of money.
#[derive(Clone, Debug, InputObject)]
pub struct MoneyInput {
    /// The amount in whole units of the currency, as in "1999.50"; no more decimals than the currency has.
    pub amount: Decimal,
    /// ISO 4217 code, as in "CNY".
    pub currency: String,
}

impl Money {
    /// From minor units.
    pub fn new(minor: i64, currency: &str) -> Self {
        Self { amount: Decimal(money::from_minor(minor, currency)), currency: currency.to_owned() }
    }
}

impl MoneyInput {
    /// In minor units, with the currency in capitals. Errors: BAD_USER_INPUT for an unknown currency, too many decimals, or too much.
    pub fn to_minor(&self, field: &str) -> Result<(i64, String), Error> {
        money::to_minor(self.amount.0, &self.currency).map_err(|wrong| {
            Error::invalid(Violation { field: format!("{field}.{}", wrong.part), rule: wrong.rule, message: wrong.message })
        })
    }
}
