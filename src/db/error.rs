//! Errors of the database become errors of the contract. Only kinds and SQL states reach the log: texts may carry values.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlxError};

use crate::error::{Conflict, Error, Violation};

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Self::Overloaded,
            DbErr::ConnectionAcquire(_) => Self::Unavailable,
            DbErr::Conn(RuntimeErr::SqlxError(inner)) => match inner.as_ref() {
                SqlxError::PoolTimedOut => Self::Overloaded,
                inner => from_sqlx(inner).unwrap_or(Self::Unavailable),
            },
            DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
                from_sqlx(inner.as_ref()).unwrap_or_else(|| Self::internal(kind(inner.as_ref())))
            }
            DbErr::Migration(what) => Self::internal(format!("migration: {what}")),
            DbErr::Type(what) => Self::internal(format!("a column of another type: {what}")),
            _ => Self::internal("an unexpected error of the database layer"),
        }
    }
}

/// Was it waited for a connection in vain?
pub(super) fn is_without_connection(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => true,
        DbErr::Conn(RuntimeErr::SqlxError(inner))
        | DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
            matches!(inner.as_ref(), SqlxError::PoolTimedOut)
        }
        _ => false,
    }
}

fn from_sqlx(error: &SqlxError) -> Option<Error> {
    match error {
        SqlxError::PoolTimedOut => Some(Error::Overloaded),
        SqlxError::Io(_) | SqlxError::PoolClosed | SqlxError::WorkerCrashed => Some(Error::Unavailable),
        SqlxError::Database(inner) => match inner.code().as_deref() {
            // PostgreSQL: cancelled, out of disk, shutting down, too many clients.
            Some("57014") => Some(Error::Timeout { what: "seconds of a statement", limit: None }),
            Some("53100") => Some(Error::InsufficientStorage),
            Some("57P01" | "57P02" | "57P03" | "08006" | "08003") => Some(Error::Unavailable),
            // PostgreSQL: too many clients.
            Some("53300") => Some(Error::Overloaded),
            // PostgreSQL: a deadlock, a write that cannot be put in order, a lock that was waited for too long.
            Some("40P01" | "40001" | "55P03") => Some(Error::Collided),
            // SQLite: full, busy.
            Some("13") => Some(Error::InsufficientStorage),
            Some("5" | "517" | "261") => Some(Error::Overloaded),
            // PostgreSQL: text, moments and numbers that it cannot hold.
            Some("22021" | "22P05" | "22008" | "22003") => Some(Error::invalid(Violation::form(
                "input",
                "holds something that cannot be stored or compared",
                "包含无法存储或比较的内容",
            ))),
            // An id that is in use.
            Some("1555") => Some(Error::Conflict(Box::new(Conflict::over_id()))),
            Some("23505") if inner.constraint().is_some_and(|name| name.ends_with("_pkey")) => {
                Some(Error::Conflict(Box::new(Conflict::over_id())))
            }
            // A name that somebody took between our look and our write.
            Some("23505" | "2067") => Some(Error::Conflict(Box::default())),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn kind(error: &SqlxError) -> String {
    match error {
        SqlxError::Database(inner) => {
            format!("database error {} on constraint {}", inner.code().unwrap_or_default(), inner.constraint().unwrap_or("none"))
        }
        SqlxError::ColumnDecode { index, .. } => format!("column {index} cannot be read"),
        SqlxError::ColumnNotFound(column) => format!("no column {column}"),
        _ => "an unexpected error of the driver".to_owned(),
    }
}
