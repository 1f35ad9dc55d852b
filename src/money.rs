//! Minor units: 19.99 CNY is 1999, 20 JPY is 20.

use iso_currency::Currency;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::error::Text;

/// What is wrong with an amount.
#[derive(Debug)]
pub struct WrongMoney {
    /// `amount` or `currency`.
    pub part: &'static str,
    /// Which rule.
    pub rule: &'static str,
    /// The same for people.
    pub message: Text,
}

fn decimals(currency: &str) -> Option<u32> {
    let currency = Currency::from_code(currency)?;
    Some(currency.exponent().map_or(0, u32::from))
}

/// Is it an ISO 4217 code?
pub fn is_currency(code: &str) -> bool {
    decimals(code).is_some()
}

/// Whole units of minor ones.
pub fn from_minor(minor: i64, currency: &str) -> Decimal {
    Decimal::new(minor, decimals(currency).unwrap_or_default())
}

/// Minor units of whole ones, and the currency in capitals.
pub fn to_minor(amount: Decimal, currency: &str) -> Result<(i64, String), WrongMoney> {
    let currency = currency.to_ascii_uppercase();
    let wrong = |part, rule, en: &str, zh: &str| WrongMoney { part, rule, message: Text::new(en, zh) };
    let decimals = decimals(&currency).ok_or_else(|| wrong("currency", "currency", "is not an ISO 4217 code", "不是ISO 4217货币代码"))?;
    let too_large = || wrong("amount", "range", "is too large", "金额过大");
    let scaled = Decimal::from(10_i64.pow(decimals)).checked_mul(amount).ok_or_else(too_large)?;
    if !scaled.is_integer() {
        return Err(wrong("amount", "decimals", "has more decimals than the currency", "小数位数超过该货币"));
    }
    let minor = scaled.to_i64().ok_or_else(too_large)?;
    Ok((minor, currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_follow_the_currency() {
        let amount = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(to_minor(amount("19.99"), "cny").unwrap(), (1999, "CNY".to_owned()));
        assert_eq!(to_minor(amount("20"), "JPY").unwrap().0, 20);
        assert_eq!(to_minor(amount("20.5"), "JPY").unwrap_err().rule, "decimals");
        assert_eq!(to_minor(amount("1"), "XX").unwrap_err().part, "currency");
        assert_eq!(to_minor(amount("92233720368547758.08"), "CNY").unwrap_err().rule, "range");
        assert_eq!(from_minor(1999, "CNY").to_string(), "19.99");
    }
}
