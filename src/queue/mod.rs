//! What a client wrote down while it was offline: mutations in their order, each a unit of work of its own under a key of its own, done with
//! the rights that stand when its turn comes.

pub mod graphql;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::graphql::OperationInput;
use crate::access::Viewer;
use crate::db::{Key, Rights, Scoped};
use crate::error::Error;
use crate::graphql::denied::Refused;
use crate::graphql::once::{Once, Work, once};
use crate::secrets::Secrets;

/// The record that an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum About {
    /// A customer.
    Customer(Uuid),
    /// A contact.
    Contact(Uuid),
}

/// A mutation of the queue.
pub struct Operation {
    /// Under which it is done once.
    pub key: Key,
    /// The mutation by its name.
    pub name: &'static str,
    /// What it takes in.
    pub input: OperationInput,
}

/// What came of one.
#[derive(Debug)]
pub enum Outcome {
    /// It is done; with the record, where it is still in the viewer's sight.
    Done(Option<About>),
    /// It was done before, under the same key.
    Replayed(Option<About>),
    /// Nothing was changed.
    Failed(Error),
    /// One before it failed.
    NotTried,
}

impl Outcome {
    /// The same without its record.
    fn out_of_sight(self) -> Self {
        match self {
            Self::Done(_) => Self::Done(None),
            Self::Replayed(_) => Self::Replayed(None),
            other => other,
        }
    }
}

/// Whoever applies operations, and by what.
pub struct Queue<'a> {
    /// As whom it began.
    pub scoped: &'a Scoped,
    /// The rights of the moment.
    pub rights: &'a Rights,
    /// Seals identity numbers, and what is remembered.
    pub secrets: &'a Secrets,
    /// What the audit is told of.
    pub refused: &'a Refused,
    /// Goes on behind an operation that failed.
    pub goes_on: bool,
}

impl Queue<'_> {
    /// Does them in their order. Returns what came of each, and the viewer as of the end; none: whoever asked is no longer signed in, or it
    /// cannot be confirmed, and sees nothing of what was done.
    pub async fn apply(&self, operations: &[Operation]) -> (Vec<Outcome>, Option<Arc<Viewer>>) {
        let mut outcomes = Vec::with_capacity(operations.len());
        let mut has_ended = false;
        for (at, operation) in operations.iter().enumerate() {
            let outcome = if has_ended { Outcome::NotTried } else { self.one(operation).await.unwrap_or_else(Outcome::Failed) };
            if let Outcome::Failed(error) = &outcome {
                self.refused.note(&format!("applyOperations.operations.{at}.{}", operation.name), error);
                has_ended = !self.goes_on || *error == Error::Unauthenticated;
            }
            outcomes.push(outcome);
        }
        (outcomes, self.rights_of_now().await.ok())
    }

    async fn one(&self, operation: &Operation) -> Result<Outcome, Error> {
        let viewer = self.rights_of_now().await?;
        let turn = Turn { operation, secrets: self.secrets };
        match once(self.scoped, &viewer, Some(&operation.key), &self.secrets.answers, &turn).await? {
            Once::Now(about) => Ok(Outcome::Done(about)),
            Once::Before(None) => Ok(Outcome::Replayed(None)),
            Once::Before(Some(about)) => match serde_json::from_slice(&about) {
                Ok(about) => Ok(Outcome::Replayed(about)),
                Err(_) => Err(Error::internal("what a kept answer is about cannot be read")),
            },
        }
    }

    /// Errors: UNAUTHENTICATED, UNAVAILABLE.
    async fn rights_of_now(&self) -> Result<Arc<Viewer>, Error> {
        self.rights.catch_up().await?;
        self.rights.anew(self.scoped.viewer()).await?.ok_or(Error::Unauthenticated)
    }
}

/// One operation whose turn has come.
struct Turn<'a> {
    operation: &'a Operation,
    secrets: &'a Secrets,
}

impl Work for Turn<'_> {
    type Done = Option<About>;
    type Undone = Error;

    const IS_SHOWN_ANEW: bool = true;

    async fn attempt(&self, scoped: Scoped) -> Result<Self::Done, Error> {
        self.operation.input.clone().apply(&scoped, &self.secrets.identity).await
    }

    fn remembered(&self, about: &Self::Done) -> Result<Option<Vec<u8>>, Error> {
        serde_json::to_vec(about).map(Some).map_err(|_| Error::internal("what an answer is about cannot be written"))
    }

    fn error(undone: &Error) -> Option<&Error> {
        Some(undone)
    }
}
