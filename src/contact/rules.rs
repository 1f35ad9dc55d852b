//! What a contact may look like. Pure.

use entity::contact::Model;

use super::fields;
use crate::error::Violation;
use crate::patch::Patch;
use crate::text::{email_violation, phone_violation, text_violation};

const LONGEST_NAME: usize = 200;
const LONGEST_ROLE: usize = 100;
const LONGEST_PHONE: usize = 32;
const LONGEST_EMAIL: usize = 254;

/// What an input says of a contact.
#[derive(Clone, Debug, Default)]
pub struct ContactDraft {
    /// The name.
    pub name: Patch<String>,
    /// What the person is at the customer.
    pub role: Patch<String>,
    /// Phone number.
    pub phone: Patch<String>,
    /// E-mail address.
    pub email: Patch<String>,
}

impl ContactDraft {
    /// Without white space around texts; a text of nothing else means "empty it".
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        for text in [&mut self.name, &mut self.role, &mut self.phone, &mut self.email] {
            if let Patch::Set(value) = text {
                let trimmed = value.trim();
                *text = if trimmed.is_empty() { Patch::Clear } else { Patch::Set(trimmed.to_owned()) };
            }
        }
        self
    }

    /// The names of the fields that it speaks of.
    pub fn said(&self) -> Vec<&'static str> {
        let said = [(fields::NAME, &self.name), (fields::ROLE, &self.role), (fields::PHONE, &self.phone), (fields::EMAIL, &self.email)];
        said.into_iter().filter(|(_, patch)| patch.is_said()).map(|(name, _)| name).collect()
    }

    /// Everything that is wrong with it, by field of the API, `prefix` before each.
    pub fn violations(&self, prefix: &str) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let at = |field: &str| format!("{prefix}{field}");
        if self.name == Patch::Clear {
            wrong.push(Violation::required(at(fields::NAME)));
        }
        for (field, text, most) in [
            (fields::NAME, &self.name, LONGEST_NAME),
            (fields::ROLE, &self.role, LONGEST_ROLE),
            (fields::PHONE, &self.phone, LONGEST_PHONE),
            (fields::EMAIL, &self.email, LONGEST_EMAIL),
        ] {
            wrong.extend(text.value().and_then(|text| text_violation(&at(field), text, most)));
        }
        wrong.extend(self.phone.value().and_then(|phone| phone_violation(&at(fields::PHONE), phone)));
        wrong.extend(self.email.value().and_then(|email| email_violation(&at(fields::EMAIL), email)));
        wrong
    }

    /// Writes it into a row.
    pub fn apply(self, row: &mut Model) {
        if let Patch::Set(name) = self.name {
            row.name = name;
        }
        self.role.apply(&mut row.role);
        self.phone.apply(&mut row.phone);
        self.email.apply(&mut row.email);
    }
}
