//! Classes of fields and the level that opens each.

use super::Level;

/// How delicate a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldClass {
    /// Who it is and who serves it.
    Card,
    /// Industry and what else describes a customer at work.
    Profile,
    /// Phone, e-mail, address; masked one level below.
    Contact,
    /// Birth date, gender, occupation, education.
    Personal,
    /// Money.
    Amount,
    /// Free text and custom fields.
    Note,
    /// ID and registration numbers: masked even at FULL.
    Identity,
}

impl FieldClass {
    /// The level from which a field of this class is in clear; none: by no level.
    pub fn opens_at(self) -> Option<Level> {
        match self {
            Self::Card => Some(Level::Card),
            Self::Profile => Some(Level::Basic),
            Self::Contact | Self::Personal | Self::Amount | Self::Note => Some(Level::Full),
            Self::Identity => None,
        }
    }

    /// The level from which something of the field is seen, if only masked.
    pub fn shows_at(self) -> Level {
        match self {
            Self::Card => Level::Card,
            Self::Profile | Self::Contact => Level::Basic,
            Self::Personal | Self::Amount | Self::Note | Self::Identity => Level::Full,
        }
    }

    /// Is it in clear at this level?
    pub fn opens(self, level: Level) -> bool {
        self.opens_at().is_some_and(|least| level >= least)
    }

    /// Is it null at this level?
    pub fn hidden(self, level: Level) -> bool {
        level < self.shows_at()
    }

    /// The level that a row needs for a predicate on such a field: identity numbers match exactly on rows at FULL.
    pub fn filters_at(self) -> Level {
        self.opens_at().unwrap_or(Level::Full)
    }
}
