//! Running a mutation: its root fields one after the other, each as one unit of work. What collides with others is tried again as a whole;
//! what was asked before under the same key gets its first answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Name, PathSegment, Response, ServerError, Value, Variables};

use super::App;
use crate::access::Viewer;
use crate::db::{First, Key, Scoped, UnitOfWork};
use crate::error::Error;
use crate::graphql::idempotency::{key_of, keyed};
use crate::graphql::root::{RootField, root_fields};
use crate::org::Peer;
use crate::schema::{Tried, asking, prepare};

/// How often a unit of work is tried.
const MOST_TRIES: u32 = 4;
/// Between two tries at least, and at most twice as long, for each try before.
const BETWEEN_TRIES_MS: u64 = 15;
/// Bytes of an answer that is kept under a key.
const MOST_KEPT: usize = 1024 * 1024;

/// A mutation, and what it is run with.
pub struct Mutation<'a> {
    /// What everything runs on.
    pub app: &'a App,
    /// The document as it was sent.
    pub text: &'a str,
    /// The document.
    pub document: &'a ExecutableDocument,
    /// The name of the operation.
    pub operation: Option<&'a str>,
    /// Values of its variables.
    pub variables: Variables,
    /// Whoever connected.
    pub peer: Peer,
    /// The key of the request, for the one field that it has then.
    pub key: Option<&'a str>,
}

/// What came of it.
pub struct Done {
    /// The response of the executor, or what it was the first time.
    pub response: Response,
    /// Was anything answered as it was the first time?
    pub is_replay: bool,
}

/// A field that did not come to its end.
enum Undone {
    /// The response says why.
    Told(Response),
    /// The error does.
    Failed(Error),
}

impl Mutation<'_> {
    /// Runs it. Errors of fields stand in the response, of which the first one ends it: what was done before stays done.
    pub async fn run(&self, mut viewer: Option<Arc<Viewer>>) -> Done {
        let Some((fields, given)) = root_fields(self.document, self.operation, &self.variables) else {
            return Done { response: Response::default(), is_replay: false };
        };
        if self.key.is_some() && fields.len() > 1 {
            let wrong =
                crate::error::Violation::new("Idempotency-Key", "once", "is for a request with one mutation", "仅用于单个变更的请求");
            return Done { response: failed(None, Error::invalid(wrong)), is_replay: false };
        }
        let keys: Result<Vec<_>, _> = fields.iter().map(|field| key_of(field, &given, self.key).map_err(|error| (field, error))).collect();
        let keys = match keys {
            Ok(keys) => keys,
            Err((field, error)) => return Done { response: failed(Some(&field.key), error), is_replay: false },
        };
        let tried = Arc::new(Tried::default());
        let (mut whole, mut is_replay) = (Response::new(Value::Object(Default::default())), false);
        let several = fields.len() > 1;
        for (at, (field, key)) in fields.iter().zip(keys).enumerate() {
            if at > 0 {
                viewer = match self.rights_of_now(viewer).await {
                    Ok(viewer) => viewer,
                    Err(error) => {
                        merge(&mut whole, failed(Some(&field.key), error));
                        break;
                    }
                };
            }
            let alone = if several { field.alone(self.document, self.operation) } else { self.document.clone() };
            let key = key.map(|name| keyed(name, self.text, self.operation, &field.key, &self.variables));
            let one = One { mutation: self, field, alone, tried: &tried };
            let done = match viewer.clone() {
                Some(viewer) => one.run(viewer, key).await,
                None => Done { response: one.execute(None).await, is_replay: false },
            };
            is_replay |= done.is_replay;
            let ended = done.response.data == Value::Null;
            merge(&mut whole, done.response);
            if ended {
                break;
            }
        }
        self.catch_up().await;
        Done { response: whole, is_replay }
    }

    async fn rights_of_now(&self, viewer: Option<Arc<Viewer>>) -> Result<Option<Arc<Viewer>>, Error> {
        let Some(viewer) = viewer else { return Ok(None) };
        self.catch_up().await;
        self.app.rights.anew(&viewer).await
    }

    async fn catch_up(&self) {
        if let Err(error) = self.app.rights.catch_up().await {
            tracing::warn!(%error, "changed rights are taken in later");
        }
    }
}

/// One root field.
struct One<'a> {
    mutation: &'a Mutation<'a>,
    field: &'a RootField,
    /// The document with nothing but this field.
    alone: ExecutableDocument,
    tried: &'a Arc<Tried>,
}

impl One<'_> {
    async fn execute(&self, scoped: Option<Scoped>) -> Response {
        let Mutation { app, operation, variables, peer, .. } = self.mutation;
        let request = asking(&self.alone, *operation).variables(variables.clone());
        app.schema.execute(prepare(request, scoped, *peer, self.tried.clone())).await
    }

    async fn run(&self, viewer: Arc<Viewer>, key: Option<Key>) -> Done {
        let app = self.mutation.app;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.first(&viewer, key.as_ref()).await {
                Ok(None) => {}
                Ok(Some(response)) => return Done { response, is_replay: true },
                Err(error) => return Done { response: failed(Some(&self.field.key), error), is_replay: false },
            }
            let work = app.db.unit_of_work(viewer.clone(), key.clone());
            let response = self.execute(Some(work.scoped().clone())).await;
            let repeated = work.repeated();
            let undone = match self.finish(work, response, key.is_some()).await {
                Ok(response) => return Done { response, is_replay: false },
                Err(undone) => undone,
            };
            self.tried.forget(&self.field.name);
            match undone.error() {
                Some(Error::Collided) if tries < MOST_TRIES => tokio::time::sleep(self.pause(tries)).await,
                _ if repeated.load(Ordering::Acquire) && tries < MOST_TRIES => {}
                // What stands under the key is the outcome. Nothing there is no proof: the commit may be on its way.
                Some(Error::OutcomeUnknown) if let Ok(Some(response)) = self.first(&viewer, key.as_ref()).await => {
                    return Done { response, is_replay: true };
                }
                _ => return Done { response: undone.told(&self.field.key), is_replay: false },
            }
        }
    }

    /// Commits what has an answer, with the answer; takes back what has none.
    async fn finish(&self, work: UnitOfWork, response: Response, is_keyed: bool) -> Result<Response, Undone> {
        let value = match &response.data {
            Value::Object(fields) => fields.get(&self.field.key).filter(|value| **value != Value::Null),
            _ => None,
        };
        let Some(value) = value else {
            work.take_back().await;
            return Err(Undone::Told(response));
        };
        // An answer with errors is not the whole of it: it is given once.
        let answer = match (is_keyed && response.is_ok()).then(|| self.kept(value)).transpose() {
            Ok(answer) => answer,
            Err(error) => {
                work.take_back().await;
                return Err(Undone::Failed(error));
            }
        };
        match work.commit(answer.as_deref()).await {
            Ok(()) => Ok(response),
            Err(error) => Err(Undone::Failed(error)),
        }
    }

    /// What is kept of an answer: encrypted, since it may hold what is encrypted elsewhere.
    fn kept(&self, value: &Value) -> Result<Vec<u8>, Error> {
        let text = serde_json::to_vec(value).map_err(|_| Error::internal("an answer that is no JSON"))?;
        if text.len() > MOST_KEPT {
            return Err(Error::CostLimit { what: "bytes of an answer under a key", limit: MOST_KEPT as u64 });
        }
        self.mutation.app.callers.answers.encrypt(&text)
    }

    /// The first answer to what is asked again. Errors: IDEMPOTENCY_KEY_REUSED; FORBIDDEN where the answer is no longer the viewer's to see.
    async fn first(&self, viewer: &Arc<Viewer>, key: Option<&Key>) -> Result<Option<Response>, Error> {
        let Some(key) = key else { return Ok(None) };
        let app = self.mutation.app;
        match app.db.seen_by(viewer.clone()).first_answer(key).await? {
            None => Ok(None),
            Some(First::OfSomethingElse) => Err(Error::KeyReused),
            Some(First::Closed) => Err(Error::forbidden_field("idempotencyKey")),
            Some(First::Answer(kept)) => {
                let text = app.callers.answers.decrypt(&kept).ok_or_else(|| Error::internal("a kept answer cannot be opened"))?;
                let value: Value = serde_json::from_slice(&text).map_err(|_| Error::internal("a kept answer is no JSON"))?;
                Ok(Some(Response::new(Value::Object([(self.field.key.clone(), value)].into_iter().collect()))))
            }
        }
    }

    /// Longer each time, and never the same for two that met.
    fn pause(&self, tries: u32) -> Duration {
        let dice: uuid::Uuid = self.mutation.app.db.clock().id();
        let (_, dice) = dice.as_u64_pair();
        Duration::from_millis(u64::from(tries) * (BETWEEN_TRIES_MS + dice % BETWEEN_TRIES_MS))
    }
}

impl Undone {
    fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Told(response) => response.errors.first().and_then(ServerError::source::<Error>),
        }
    }

    fn told(self, key: &Name) -> Response {
        match self {
            Self::Told(response) => response,
            Self::Failed(error) => failed(Some(key), error),
        }
    }
}

/// A response that says nothing but that a field failed; none: the request.
fn failed(key: Option<&Name>, error: Error) -> Response {
    let mut told = ServerError::new(String::new(), None);
    told.path = key.map(|key| PathSegment::Field(key.to_string())).into_iter().collect();
    told.source = Some(Arc::new(error));
    Response::from_errors(vec![told])
}

/// A mutation that fails leaves no data: its field may not be null.
fn merge(whole: &mut Response, one: Response) {
    match (&mut whole.data, one.data) {
        (Value::Object(fields), Value::Object(more)) => fields.extend(more),
        (data, _) => *data = Value::Null,
    }
    whole.errors.extend(one.errors);
}
