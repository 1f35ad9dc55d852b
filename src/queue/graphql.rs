//! `applyOperations`.

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::{Context, Enum, InputObject, Json, Object, Result, SimpleObject, Value};
use serde_json::Value as Plain;

use super::{About, Operation, Outcome, Queue};
use crate::contact::Contacts;
use crate::contact::graphql::{ArchiveContactInput, Contact, CreateContactInput, UpdateContactInput};
use crate::customer::Customers;
use crate::customer::graphql::{ArchiveCustomerInput, AssignCustomerInput, CreateCustomerInput, Customer, UpdateCustomerInput};
use crate::db::{Rights, Scoped};
use crate::error::{Error, Violation};
use crate::graphql::answer::{Locale, within};
use crate::graphql::context::{Ask, seen_anew};
use crate::graphql::denied::Refused;
use crate::graphql::idempotency::{checked, keyed_part};
use crate::graphql::limits::words::OneForEach;
use crate::secrets::{Identity, Secrets};

/// Operations of one request.
const MOST: usize = 100;
const FIELD: &str = "applyOperations";

/// What happens behind an operation that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OnFailure {
    /// The others are not tried.
    Stop,
    /// The others are tried all the same.
    GoOn,
}

/// One mutation of the queue: its key, and the input of exactly one.
#[derive(Clone, InputObject)]
pub struct OperationInput {
    /// What makes it safe to send again, as with `@idempotent(key:)`: 1 to 255 visible ASCII characters, such as a random UUID.
    key: String,
    /// As `createCustomer` takes it. With an `id` of your own, later operations can name the customer.
    create_customer: Option<CreateCustomerInput>,
    /// As `updateCustomer` takes it.
    update_customer: Option<UpdateCustomerInput>,
    /// As `assignCustomer` takes it.
    assign_customer: Option<AssignCustomerInput>,
    /// As `archiveCustomer` takes it.
    archive_customer: Option<ArchiveCustomerInput>,
    /// As `restoreCustomer` takes it.
    restore_customer: Option<ArchiveCustomerInput>,
    /// As `createContact` takes it.
    create_contact: Option<CreateContactInput>,
    /// As `updateContact` takes it.
    update_contact: Option<UpdateContactInput>,
    /// As `archiveContact` takes it.
    archive_contact: Option<ArchiveContactInput>,
    /// As `restoreContact` takes it.
    restore_contact: Option<ArchiveContactInput>,
}

impl OperationInput {
    /// The names of the mutations that it holds.
    fn names(&self) -> Vec<&'static str> {
        let members = [
            ("createCustomer", self.create_customer.is_some()),
            ("updateCustomer", self.update_customer.is_some()),
            ("assignCustomer", self.assign_customer.is_some()),
            ("archiveCustomer", self.archive_customer.is_some()),
            ("restoreCustomer", self.restore_customer.is_some()),
            ("createContact", self.create_contact.is_some()),
            ("updateContact", self.update_contact.is_some()),
            ("archiveContact", self.archive_contact.is_some()),
            ("restoreContact", self.restore_contact.is_some()),
        ];
        members.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
    }

    /// Carries out the mutation that it holds. Returns the record, where it is still in sight.
    pub(super) async fn apply(self, scoped: &Scoped, identity: &Arc<Identity>) -> Result<Option<About>, Error> {
        let (customers, contacts) = (Customers { scoped, identity }, Contacts { scoped });
        let customer = if let Some(input) = self.create_customer {
            input.apply(&customers).await?
        } else if let Some(input) = self.update_customer {
            input.apply(&customers).await?
        } else if let Some(input) = self.assign_customer {
            input.apply(&customers).await?
        } else if let Some(input) = self.archive_customer {
            input.apply(&customers, true).await?
        } else if let Some(input) = self.restore_customer {
            input.apply(&customers, false).await?
        } else {
            let contact = if let Some(input) = self.create_contact {
                input.apply(&contacts).await?
            } else if let Some(input) = self.update_contact {
                input.apply(&contacts).await?
            } else if let Some(input) = self.archive_contact {
                input.apply(&contacts, true).await?
            } else if let Some(input) = self.restore_contact {
                input.apply(&contacts, false).await?
            } else {
                return Err(Error::internal("an operation without a mutation"));
            };
            return Ok(contact.map(|row| About::Contact(row.model.id.0)));
        };
        Ok(customer.map(|row| About::Customer(row.model.id.0)))
    }
}

/// The queue of a client that was offline.
#[derive(InputObject)]
pub struct ApplyOperationsInput {
    /// What is to be done, in this order: 1 to 100 operations, each with a key of its own.
    operations: Vec<OperationInput>,
    /// What happens behind an operation that failed. Without a valid sign-in nothing goes on.
    #[graphql(default_with = "OnFailure::Stop")]
    on_failure: OnFailure,
}

/// How far an operation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OperationStatus {
    /// It is done.
    Done,
    /// It was done when you sent it before, under the same key and with the same input; nothing was done again.
    Replayed,
    /// Nothing was changed: `error` says why. Only with OUTCOME_UNKNOWN it may have been done all the same: send it again.
    Failed,
    /// One before it failed. Its key stays free.
    NotTried,
}

/// Why an operation failed, as errors of answers say it.
#[derive(SimpleObject)]
pub struct OperationError {
    /// The code: what a mutation would have in `extensions.code`.
    code: String,
    /// The message, in your language.
    message: String,
    /// What a mutation would have in `extensions`: `field`, `violations`, with CONFLICT `currentVersion` and `current`. Fields of the input
    /// have the names that the mutation alone would give them, as in `input.name`.
    extensions: Json<Plain>,
}

/// What came of an operation.
pub struct OperationOutcome {
    key: String,
    outcome: Outcome,
}

/// What came of an operation.
#[Object]
impl OperationOutcome {
    /// Its key.
    async fn key(&self) -> &str {
        &self.key
    }

    /// How far it came.
    async fn status(&self) -> OperationStatus {
        match self.outcome {
            Outcome::Done(_) => OperationStatus::Done,
            Outcome::Replayed(_) => OperationStatus::Replayed,
            Outcome::Failed(_) => OperationStatus::Failed,
            Outcome::NotTried => OperationStatus::NotTried,
        }
    }

    /// The customer that it was about, as it stands behind all of the operations and you see it; null where nothing was done, or it is out
    /// of your sight by then.
    async fn customer(&self, ctx: &Context<'_>) -> Result<Option<Customer>> {
        match self.outcome {
            Outcome::Done(Some(About::Customer(id))) | Outcome::Replayed(Some(About::Customer(id))) => Customer::load(ctx, id.into()).await,
            _ => Ok(None),
        }
    }

    /// The contact that it was about, as it stands behind all of the operations and you see it; null where nothing was done, or it is out
    /// of your sight by then.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        match self.outcome {
            Outcome::Done(Some(About::Contact(id))) | Outcome::Replayed(Some(About::Contact(id))) => Contact::load(ctx, id.into()).await,
            _ => Ok(None),
        }
    }

    /// Why it failed; null where it did not.
    async fn error(&self, ctx: &Context<'_>) -> Result<Option<OperationError>> {
        let Outcome::Failed(error) = &self.outcome else { return Ok(None) };
        let (code, message, extensions) = within(error, *ctx.given::<Locale>()?);
        Ok(Some(OperationError { code: code.to_owned(), message, extensions: Json(extensions) }))
    }
}

/// What came of the queue.
#[derive(SimpleObject)]
pub struct ApplyOperationsPayload {
    /// What came of each operation, in their order.
    outcomes: Vec<OperationOutcome>,
}

/// Operations with their keys. Errors: BAD_USER_INPUT.
fn operations(inputs: Vec<OperationInput>, asked: Vec<Value>) -> Result<Vec<Operation>, Error> {
    if !(1..=MOST).contains(&inputs.len()) || inputs.len() != asked.len() {
        let wrong = Violation::new("input.operations", "length", "must be 1 to 100 operations", "必须包含1到100个操作");
        return Err(Error::invalid(wrong));
    }
    let (mut known, mut wrong) = (HashSet::new(), Vec::new());
    let read = inputs.into_iter().zip(asked).enumerate().map(|(at, (input, asked))| {
        let place = format!("input.operations.{at}");
        let name = checked(&input.key, &format!("{place}.key"))?;
        if !known.insert(name.clone()) {
            let (en, zh) = ("is the key of an operation before it", "与之前操作的键重复");
            return Err(Error::invalid(Violation::new(format!("{place}.key"), "unique", en, zh)));
        }
        let [mutation] = input.names()[..] else {
            let (en, zh) = ("must hold exactly one mutation beside its key", "除键以外必须且只能包含一个变更");
            return Err(Error::invalid(Violation::new(place, "one", en, zh)));
        };
        let asked = asked.into_json().map_err(|_| Error::internal("an input that is no JSON"))?;
        Ok(Operation { key: keyed_part(name, FIELD, asked), name: mutation, input })
    });
    let operations = Error::gather(read, &mut wrong)?;
    Error::unless_empty(wrong)?;
    Ok(operations)
}

/// The operations as the client wrote them, omitted and null apart.
fn as_written(ctx: &Context<'_>) -> Result<Vec<Value>> {
    let given = ctx.field().arguments()?;
    let input = given.into_iter().find(|(name, _)| name == "input").map(|(_, input)| input);
    let Some(Value::Object(mut fields)) = input else { return Ok(Vec::new()) };
    Ok(match fields.swap_remove("operations") {
        Some(Value::List(operations)) => operations,
        // One item is as good as a list of it.
        Some(one) => vec![one],
        None => Vec::new(),
    })
}

/// Applying what was written down offline.
#[derive(Default)]
pub struct QueueMutation;

#[Object]
impl QueueMutation {
    /// Applies what a device wrote down while it was offline: operations in their order, each done wholly or not at all, whatever comes of
    /// the others, and each with the rights that you have when its turn comes. Send the same again where you had no answer: what was done
    /// is not done twice. It takes no `@idempotent` itself. An operation that fails is no error of the answer.
    #[graphql(directive = OneForEach::apply("input.operations"))]
    async fn apply_operations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ApplyOperationsInput,
    ) -> Result<ApplyOperationsPayload> {
        let scoped = ctx.scoped()?;
        let operations = operations(input.operations, as_written(ctx)?)?;
        let queue = Queue {
            scoped,
            rights: ctx.given::<Arc<Rights>>()?,
            secrets: ctx.given::<Secrets>()?,
            refused: ctx.given::<Arc<Refused>>()?,
            goes_on: input.on_failure == OnFailure::GoOn,
        };
        let (outcomes, viewer) = queue.apply(&operations).await;
        let is_seen = viewer.is_some();
        if let Some(viewer) = viewer {
            seen_anew(ctx, viewer);
        }
        let outcomes = operations.into_iter().zip(outcomes).map(|(operation, outcome)| OperationOutcome {
            key: operation.key.name,
            outcome: if is_seen { outcome } else { outcome.out_of_sight() },
        });
        Ok(ApplyOperationsPayload { outcomes: outcomes.collect() })
    }
}
