//! What a customer may look like. Pure: no I/O, and no clock but the day handed in.

use std::collections::BTreeMap;

use entity::customer::{CustomerClass, CustomerKind, Model};
use serde_json::{Map, Value as Json};
use time::Date;
use unicode_normalization::UnicodeNormalization;

use super::fields;
use crate::error::Violation;
use crate::patch::Patch;
use crate::text::{email_violation, phone_violation, text_violation};

const LONGEST_NAME: usize = 200;
const LONGEST_REF: usize = 64;
const LONGEST_WORD: usize = 100;
const LONGEST_PHONE: usize = 32;
const LONGEST_EMAIL: usize = 254;
const LONGEST_TEXT: usize = 500;
const LONGEST_KEY: usize = 40;
const MOST_CUSTOM: usize = 50;

/// What an input says of a customer.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The name.
    pub name: Patch<String>,
    /// A person or a company.
    pub kind: Patch<CustomerKind>,
    /// How far the relationship has come.
    pub class: Patch<CustomerClass>,
    /// Line of business.
    pub industry: Patch<String>,
    /// Phone number.
    pub phone: Patch<String>,
    /// E-mail address.
    pub email: Patch<String>,
    /// Postal address.
    pub address: Patch<String>,
    /// Day of birth.
    pub birth_date: Patch<Date>,
    /// As the person says.
    pub gender: Patch<String>,
    /// What the person does.
    pub occupation: Patch<String>,
    /// What the person learned.
    pub education: Patch<String>,
    /// Minor units and ISO 4217 code.
    pub annual_income: Patch<(i64, String)>,
    /// ID number of a person, registration number of a company.
    pub identity_number: Patch<String>,
    /// By key; without a value: removed. Keys that are not named stay; clearing removes all.
    pub custom: Patch<BTreeMap<String, Option<String>>>,
}

/// The form in which names are searched and sorted: compatibility form, lower case, single spaces.
pub fn fold(name: &str) -> String {
    let folded: String = name.nfkc().flat_map(char::to_lowercase).collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Draft {
    /// Without white space around texts; a text of nothing else means "empty it".
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        for text in [
            &mut self.name,
            &mut self.industry,
            &mut self.phone,
            &mut self.email,
            &mut self.address,
            &mut self.gender,
            &mut self.occupation,
            &mut self.education,
            &mut self.identity_number,
        ] {
            if let Patch::Set(value) = text {
                let trimmed = value.trim();
                *text = if trimmed.is_empty() { Patch::Clear } else { Patch::Set(trimmed.to_owned()) };
            }
        }
        self
    }

    /// The names of the fields that it speaks of.
    pub fn said(&self) -> Vec<&'static str> {
        let said = [
            (fields::NAME, self.name.is_said()),
            (fields::KIND, self.kind.is_said()),
            (fields::CLASS, self.class.is_said()),
            (fields::INDUSTRY, self.industry.is_said()),
            (fields::PHONE, self.phone.is_said()),
            (fields::EMAIL, self.email.is_said()),
            (fields::ADDRESS, self.address.is_said()),
            (fields::BIRTH_DATE, self.birth_date.is_said()),
            (fields::GENDER, self.gender.is_said()),
            (fields::OCCUPATION, self.occupation.is_said()),
            (fields::EDUCATION, self.education.is_said()),
            (fields::ANNUAL_INCOME, self.annual_income.is_said()),
            (fields::IDENTITY_NUMBER, self.identity_number.is_said()),
            (fields::CUSTOM_FIELDS, self.custom.is_said()),
        ];
        said.into_iter().filter(|(_, said)| *said).map(|(name, _)| name).collect()
    }

    /// Everything that is wrong with it, by field of the API, `prefix` before each.
    pub fn violations(&self, prefix: &str, today: Date) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let at = |field: &str| format!("{prefix}{field}");
        for (field, is_cleared) in [
            (fields::NAME, self.name == Patch::Clear),
            (fields::KIND, self.kind == Patch::Clear),
            (fields::CLASS, self.class == Patch::Clear),
        ] {
            if is_cleared {
                wrong.push(Violation::required(at(field)));
            }
        }
        for (field, text, most) in [
            (fields::NAME, &self.name, LONGEST_NAME),
            (fields::INDUSTRY, &self.industry, LONGEST_WORD),
            (fields::PHONE, &self.phone, LONGEST_PHONE),
            (fields::EMAIL, &self.email, LONGEST_EMAIL),
            (fields::ADDRESS, &self.address, LONGEST_TEXT),
            (fields::GENDER, &self.gender, LONGEST_WORD),
            (fields::OCCUPATION, &self.occupation, LONGEST_WORD),
            (fields::EDUCATION, &self.education, LONGEST_WORD),
            (fields::IDENTITY_NUMBER, &self.identity_number, LONGEST_REF),
        ] {
            wrong.extend(text.value().and_then(|text| text_violation(&at(field), text, most)));
        }
        wrong.extend(self.phone.value().and_then(|phone| phone_violation(&at(fields::PHONE), phone)));
        wrong.extend(self.email.value().and_then(|email| email_violation(&at(fields::EMAIL), email)));
        wrong.extend(
            self.birth_date
                .value()
                .filter(|day| **day > today || day.year() < 1850)
                .map(|_| Violation::new(at(fields::BIRTH_DATE), "range", "must lie between 1850 and today", "必须在1850年到今天之间")),
        );
        wrong.extend(
            self.annual_income
                .value()
                .filter(|(minor, _)| *minor < 0)
                .map(|_| Violation::new(at(fields::ANNUAL_INCOME), "range", "must not be negative", "不能为负数")),
        );
        wrong.extend(self.identity_number.value().and_then(|number| identity_violation(&at(fields::IDENTITY_NUMBER), number)));
        self.custom_violations(&at(fields::CUSTOM_FIELDS), &mut wrong);
        wrong
    }

    fn custom_violations(&self, field: &str, wrong: &mut Vec<Violation>) {
        for (key, value) in self.custom.value().into_iter().flatten() {
            let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
            if key.is_empty()
                || key.len() > LONGEST_KEY
                || !key.chars().all(fits)
                || !key.starts_with(|first: char| first.is_ascii_lowercase())
            {
                wrong.push(Violation::form(
                    format!("{field}.key"),
                    "must be a lower-case letter, then lower-case letters, digits and _, at most 40",
                    "必须以小写字母开头，只含小写字母、数字和下划线，最多40个",
                ));
            }
            wrong.extend(value.as_deref().and_then(|value| text_violation(&format!("{field}.value"), value, LONGEST_TEXT)));
        }
    }

    /// Writes it into a row. Identity numbers are not among it: they need a key.
    pub fn apply(self, row: &mut Model) {
        if let Patch::Set(name) = self.name {
            row.name_folded = fold(&name);
            row.name = name;
        }
        if let Patch::Set(kind) = self.kind {
            row.kind = kind;
        }
        if let Patch::Set(class) = self.class {
            row.class = class;
        }
        self.industry.apply(&mut row.industry);
        self.phone.apply(&mut row.phone);
        self.email.apply(&mut row.email);
        self.address.apply(&mut row.address);
        self.birth_date.apply(&mut row.birth_date);
        self.gender.apply(&mut row.gender);
        self.occupation.apply(&mut row.occupation);
        self.education.apply(&mut row.education);
        match self.annual_income {
            Patch::Keep => {}
            Patch::Clear => (row.annual_income_minor, row.annual_income_currency) = (None, None),
            Patch::Set((minor, currency)) => (row.annual_income_minor, row.annual_income_currency) = (Some(minor), Some(currency)),
        }
        if self.custom == Patch::Clear {
            row.custom = Json::Object(Map::new());
        }
        if let (Json::Object(custom), Patch::Set(named)) = (&mut row.custom, self.custom) {
            for (key, value) in named {
                match value {
                    Some(value) => custom.insert(key, Json::String(value)),
                    None => custom.remove(&key),
                };
            }
        }
    }
}

/// Not an identity number; a masked one least of all.
fn identity_violation(field: &str, number: &str) -> Option<Violation> {
    let fits = number.chars().all(|letter| letter.is_alphanumeric() || " -./".contains(letter));
    let long_enough = number.chars().filter(|letter| letter.is_alphanumeric()).count() >= 4;
    (!fits || !long_enough).then(|| {
        Violation::form(
            field,
            "must be a whole number of letters and digits, not a masked one",
            "必须是完整的号码（字母和数字），不能是脱敏后的号码",
        )
    })
}

/// More custom fields than a customer may have.
pub fn too_many_custom(row: &Model) -> Option<Violation> {
    let many = row.custom.as_object().is_some_and(|custom| custom.len() > MOST_CUSTOM);
    many.then(|| {
        Violation::new(format!("input.{}", fields::CUSTOM_FIELDS), "length", "must not be more than 50 in all", "总数不能超过50项")
    })
}

/// Not a reference: it is what other systems call the customer.
pub fn reference_violation(field: &str, reference: &str) -> Option<Violation> {
    if reference.trim().is_empty() {
        return Some(Violation::required(field));
    }
    text_violation(field, reference, LONGEST_REF)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = time::macros::date!(2026 - 11 - 21);

    fn rules(draft: &Draft) -> Vec<(String, &'static str)> {
        draft.violations("input.", TODAY).into_iter().map(|wrong| (wrong.field, wrong.rule)).collect()
    }

    #[test]
    fn names_fold_by_width_case_and_space() {
        assert_eq!(fold("ＡＢＣ　Ｔｒａｄｉｎｇ"), "abc trading");
        assert_eq!(fold("  Émile   Straße "), "émile straße");
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let set = |text: &str| Patch::Set(text.to_owned());
        let draft = Draft {
            name: Patch::Clear,
            phone: set("call me"),
            email: set("nobody@"),
            birth_date: Patch::Set(time::macros::date!(2026 - 11 - 22)),
            identity_number: set("****1234"),
            custom: Patch::Set(BTreeMap::from([("Bad Key".to_owned(), None)])),
            ..Draft::default()
        };
        let fields: Vec<String> = rules(&draft).into_iter().map(|(field, _)| field).collect();
        assert_eq!(
            fields,
            ["input.name", "input.phone", "input.email", "input.birthDate", "input.identityNumber", "input.customFields.key"]
        );
        assert!(rules(&Draft { phone: set("138****5678"), ..Draft::default() }).contains(&("input.phone".to_owned(), "form")));
        assert!(rules(&Draft { name: set("上海"), phone: set("+86 138-0013-8000"), ..Draft::default() }).is_empty());
    }

    #[test]
    fn a_text_of_spaces_empties() {
        let draft = Draft { industry: Patch::Set("  ".to_owned()), name: Patch::Set(" A ".to_owned()), ..Draft::default() }.trimmed();
        assert_eq!((draft.industry, draft.name), (Patch::Clear, Patch::Set("A".to_owned())));
    }
}
