//! Decimal numbers travel as strings, so that no client's floating point touches money.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use rust_decimal::Decimal as Number;

/// A decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal(pub Number);

/// A decimal number as a string, as in "1999.50". Never a floating-point number.
#[Scalar(name = "Decimal")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => {
                Ok(Self(text.parse().map_err(|_| InputValueError::custom("must be a decimal number as in \"1999.50\""))?))
            }
            Value::Number(number) if number.is_i64() => Ok(Self(Number::from(number.as_i64().unwrap_or_default()))),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}
