//! What can go wrong, in the words of the contract. The HTTP edge turns it into code, message and extensions, in the caller's language.

use std::time::Duration;

use serde_json::Value as Json;
use uuid::Uuid;

/// A text in the languages that clients may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

impl Text {
    /// The same thing said twice.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }
}

/// One thing wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The input field, as the client wrote it: `input.name`, `first`.
    pub field: String,
    /// Which rule: a word that never changes.
    pub rule: &'static str,
    /// The same for people.
    pub message: Text,
}

impl Violation {
    /// A violation in both languages.
    pub fn new(field: impl Into<String>, rule: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { field: field.into(), rule, message: Text::new(en, zh) }
    }

    /// Must not be empty.
    pub fn required(field: impl Into<String>) -> Self {
        Self::new(field, "required", "must not be empty", "不能为空")
    }

    /// Longer than it may be, in characters.
    pub fn too_long(field: impl Into<String>, most: usize) -> Self {
        Self::new(field, "length", format!("must not be longer than {most} characters"), format!("不能超过{most}个字符"))
    }

    /// Not of the form it must have.
    pub fn form(field: impl Into<String>, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::new(field, "form", en, zh)
    }

    /// An id or code that leads to nothing the caller may see.
    pub fn unknown(field: impl Into<String>) -> Self {
        Self::new(field, "unknown", "leads to nothing that you can see", "没有您可以看到的对应记录")
    }

    /// Already in use.
    pub fn taken(field: impl Into<String>) -> Self {
        Self::new(field, "unique", "is already in use", "已被使用")
    }
}

/// A write that met a newer record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conflict {
    /// The version that stands; none: it is no question of versions.
    pub current_version: Option<i64>,
    /// The record as it stands, as far as the caller sees it, by field of the input.
    pub current: Json,
    /// The fields of the input that differ from what stands.
    pub fields: Vec<String>,
    /// What clashes, where it is not the version.
    pub violation: Option<Violation>,
}

impl Conflict {
    /// The id of a new record is in use.
    pub fn over_id() -> Self {
        Self { fields: vec!["id".to_owned()], ..Self::default() }
    }

    /// Is it the id of a new record that clashes?
    pub fn is_over_id(&self) -> bool {
        *self == Self::over_id()
    }
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// No token, an invalid one, or a wrong name or password.
    #[error("not signed in")]
    Unauthenticated,
    /// No grant; the field, where it is about one.
    #[error("forbidden")]
    Forbidden {
        /// The field of the input or filter.
        field: Option<String>,
    },
    /// Nothing there that the caller may see.
    #[error("not found")]
    NotFound {
        /// The field of the input that leads nowhere.
        field: Option<String>,
    },
    /// The input is wrong: all of it at once.
    #[error("bad input: {}", .0.iter().map(|wrong| format!("{} {}", wrong.field, wrong.message.en)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Violation>),
    /// A newer record, or a name in use.
    #[error("conflict")]
    Conflict(Box<Conflict>),
    /// The document costs more than one may.
    #[error("the document exceeds the limit of {limit} {what}")]
    CostLimit {
        /// Of what.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// Too often.
    #[error("too often")]
    RateLimited {
        /// Of what.
        what: &'static str,
        /// How much is allowed; none: that depends.
        limit: Option<u64>,
        /// When to try again.
        retry_after: Duration,
    },
    /// No capacity now.
    #[error("overloaded")]
    Overloaded,
    /// Two units of work were in each other's way; this one was taken back, and may be tried again.
    #[error("in the way of another unit of work")]
    Collided,
    /// Something else was asked under the same key.
    #[error("the key was used for something else")]
    KeyReused,
    /// The name of a document leads to none.
    #[error("no such document")]
    PersistedQueryNotFound,
    /// Too many at once: no capacity now.
    #[error("more than {limit} {what}")]
    Crowded {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: u64,
    },
    /// It took too long and was given up; nothing was changed.
    #[error("more than {what} may take")]
    Timeout {
        /// Of what: seconds of a request.
        what: &'static str,
        /// How many there may be; none: that is not known where it is told.
        limit: Option<u64>,
    },
    /// The database is away.
    #[error("unavailable")]
    Unavailable,
    /// The change may or may not have happened.
    #[error("outcome unknown")]
    OutcomeUnknown,
    /// The disk is full.
    #[error("insufficient storage")]
    InsufficientStorage,
    /// A fault of ours; the id stands in the log.
    #[error("internal error {0}")]
    Internal(Uuid),
}

impl Error {
    /// FORBIDDEN, about no field in particular.
    pub fn forbidden() -> Self {
        Self::Forbidden { field: None }
    }

    /// FORBIDDEN, naming a field.
    pub fn forbidden_field(field: impl Into<String>) -> Self {
        Self::Forbidden { field: Some(field.into()) }
    }

    /// NOT_FOUND for the record itself.
    pub fn not_found() -> Self {
        Self::NotFound { field: None }
    }

    /// NOT_FOUND for what a field of the input leads to.
    pub fn not_found_field(field: impl Into<String>) -> Self {
        Self::NotFound { field: Some(field.into()) }
    }

    /// BAD_USER_INPUT for one thing.
    pub fn invalid(wrong: Violation) -> Self {
        Self::Invalid(vec![wrong])
    }

    /// CONFLICT over a name in use.
    pub fn taken(field: &str) -> Self {
        Self::Conflict(Box::new(Conflict {
            current_version: None,
            current: Json::Null,
            fields: vec![field.to_owned()],
            violation: Some(Violation::taken(field)),
        }))
    }

    /// CONFLICT over what stands, which is no question of versions.
    pub fn clash(violation: Violation) -> Self {
        Self::Conflict(Box::new(Conflict { fields: vec![violation.field.clone()], violation: Some(violation), ..Conflict::default() }))
    }

    /// CONFLICT: nobody would be left who administers the whole group in their own name and without an end.
    pub fn last_administrator(field: &str) -> Self {
        Self::clash(Violation::new(
            field,
            "last_administrator",
            "would leave nobody who administers the group: give somebody else such a post first",
            "将导致集团没有管理员：请先为其他人授予该岗位",
        ))
    }

    /// A fault of ours: `what` goes to the log under an id, the client gets the id. Never hand in data of users.
    #[expect(clippy::disallowed_methods, reason = "an id for the log belongs to no record")]
    pub fn internal(what: impl std::fmt::Display) -> Self {
        let id = Uuid::now_v7();
        tracing::error!(error_id = %id, "{what}");
        Self::Internal(id)
    }

    /// What came of several readings of input; what is wrong with any of them goes to `wrong`. Errors: the first of another kind.
    pub fn gather<T>(read: impl Iterator<Item = Result<T, Self>>, wrong: &mut Vec<Violation>) -> Result<Vec<T>, Self> {
        let mut fine = Vec::new();
        for one in read {
            match one {
                Ok(one) => fine.push(one),
                Err(Self::Invalid(more)) => wrong.extend(more),
                Err(other) => return Err(other),
            }
        }
        Ok(fine)
    }

    /// Nothing if there is nothing wrong.
    pub fn unless_empty(wrong: Vec<Violation>) -> Result<(), Self> {
        if wrong.is_empty() { Ok(()) } else { Err(Self::Invalid(wrong)) }
    }
}
