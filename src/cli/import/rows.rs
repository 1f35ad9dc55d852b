//! From the cells of a record to what a domain imports.

use entity::ActiveEnum;
use rust_decimal::Decimal;
use time::Date;
use time::macros::format_description;

use super::source::{Columns, Record};
use crate::contact::ContactDraft;
use crate::contact::import::ContactLine;
use crate::customer::Draft;
use crate::customer::import::CustomerLine;
use crate::import::RowError;
use crate::money;
use crate::org::units::UnitLine;
use crate::org::users::UserLine;
use crate::patch::Patch;

/// Columns of `org-units`.
pub const ORG_UNITS: Columns =
    Columns { known: &["code", "parent_code", "kind", "name", "business_mode"], required: &["code", "parent_code", "kind", "name"] };
/// Columns of `users`.
pub const USERS: Columns =
    Columns { known: &["username", "name", "email", "role", "unit_code"], required: &["username", "name", "role", "unit_code"] };
/// Columns of `customers`.
pub const CUSTOMERS: Columns = Columns {
    known: &[
        "external_ref",
        "branch_code",
        "kind",
        "name",
        "class",
        "email",
        "phone",
        "birth_date",
        "gender",
        "occupation",
        "education",
        "annual_income",
        "industry",
        "address",
        "owner",
    ],
    required: &["external_ref", "branch_code", "kind", "name"],
};
/// Columns of `contacts`.
pub const CONTACTS: Columns = Columns {
    known: &["customer_ref", "branch_code", "customer_branch_code", "name", "role", "phone", "email"],
    required: &["customer_ref", "branch_code", "name"],
};

fn required(record: &Record, column: &str) -> Result<String, RowError> {
    record.get(column).map(str::to_owned).ok_or_else(|| RowError::at(column, "must not be empty"))
}

/// An absent column leaves the field, an empty cell empties it.
fn text(record: &Record, column: &str) -> Patch<String> {
    if record.has(column) { Patch::from(record.get(column).map(str::to_owned)) } else { Patch::Keep }
}

fn word<E: ActiveEnum<Value = String>>(column: &str, value: &str) -> Result<E, RowError> {
    E::try_from_value(&value.to_ascii_uppercase()).map_err(|_| {
        let words: Vec<String> = E::values();
        RowError::at(column, format!("must be one of {}", words.join(", ")))
    })
}

fn optional_word<E: ActiveEnum<Value = String>>(record: &Record, column: &str) -> Result<Patch<E>, RowError> {
    match text(record, column) {
        Patch::Keep => Ok(Patch::Keep),
        Patch::Clear => Ok(Patch::Clear),
        Patch::Set(value) => word(column, &value).map(Patch::Set),
    }
}

/// A row of `org-units`.
pub fn unit(record: &Record) -> Result<UnitLine, RowError> {
    Ok(UnitLine {
        code: required(record, "code")?,
        parent_code: record.get("parent_code").map(str::to_owned),
        kind: word("kind", &required(record, "kind")?)?,
        name: required(record, "name")?,
        business_mode: optional_word(record, "business_mode")?,
    })
}

/// A row of `users`.
pub fn user(record: &Record) -> Result<UserLine, RowError> {
    Ok(UserLine {
        username: required(record, "username")?,
        name: Some(required(record, "name")?),
        email: text(record, "email"),
        role: required(record, "role")?,
        unit_code: required(record, "unit_code")?,
    })
}

fn date(record: &Record, column: &str) -> Result<Patch<Date>, RowError> {
    match text(record, column) {
        Patch::Keep => Ok(Patch::Keep),
        Patch::Clear => Ok(Patch::Clear),
        Patch::Set(value) => Date::parse(&value, format_description!("[year]-[month]-[day]"))
            .map(Patch::Set)
            .map_err(|_| RowError::at(column, "must be a date as in 1990-12-31")),
    }
}

fn income(record: &Record, currency: &str) -> Result<Patch<(i64, String)>, RowError> {
    const COLUMN: &str = "annual_income";
    match text(record, COLUMN) {
        Patch::Keep => Ok(Patch::Keep),
        Patch::Clear => Ok(Patch::Clear),
        Patch::Set(value) => {
            let amount: Decimal = value.parse().map_err(|_| RowError::at(COLUMN, "must be a number as in 1999.50"))?;
            money::to_minor(amount, currency).map(Patch::Set).map_err(|wrong| RowError::at(COLUMN, wrong.message.en))
        }
    }
}

/// A row of `customers`; amounts are in `currency`.
pub fn customer(record: &Record, currency: &str) -> Result<CustomerLine, RowError> {
    // An empty class cell says nothing: a customer always has one.
    let class = match optional_word(record, "class")? {
        Patch::Clear => Patch::Keep,
        class => class,
    };
    let draft = Draft {
        name: Patch::Set(required(record, "name")?),
        kind: Patch::Set(word("kind", &required(record, "kind")?)?),
        class,
        industry: text(record, "industry"),
        phone: text(record, "phone"),
        email: text(record, "email"),
        address: text(record, "address"),
        birth_date: date(record, "birth_date")?,
        gender: text(record, "gender"),
        occupation: text(record, "occupation"),
        education: text(record, "education"),
        annual_income: income(record, currency)?,
        ..Draft::default()
    };
    Ok(CustomerLine {
        external_ref: required(record, "external_ref")?,
        branch_code: record.get("branch_code").map(str::to_owned),
        owner: record.get("owner").map(str::to_owned),
        draft,
    })
}

/// A row of `contacts`.
pub fn contact(record: &Record) -> Result<ContactLine, RowError> {
    let name = required(record, "name")?;
    Ok(ContactLine {
        customer_ref: required(record, "customer_ref")?,
        branch_code: record.get("customer_branch_code").or_else(|| record.get("branch_code")).map(str::to_owned),
        draft: ContactDraft {
            name: Patch::Set(name.clone()),
            role: text(record, "role"),
            phone: text(record, "phone"),
            email: text(record, "email"),
        },
        name,
    })
}
