//! Running a mutation: its root fields one after the other, each as one unit of work. What collides with others is tried again as a whole;
//! what was asked before under the same key gets its first answer.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Name, PathSegment, Response, ServerError, Value, Variables};

use super::App;
use crate::access::Viewer;
use crate::db::{Key, Scoped};
use crate::error::Error;
use crate::graphql::answer::Locale;
use crate::graphql::denied::Refused;
use crate::graphql::idempotency::{key_of, keyed};
use crate::graphql::once::{Once, Work, once};
use crate::graphql::root::{RootField, root_fields};
use crate::org::Peer;
use crate::schema::{Tried, asking, prepare};

/// Fields that are no unit of work, but have several.
const IN_PARTS: [&str; 1] = ["applyOperations"];

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
    /// The language of messages within the answer.
    pub locale: Locale,
    /// What is refused within the answer.
    pub refused: Arc<Refused>,
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
    Told(Box<Response>),
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
                Some(viewer) if IN_PARTS.contains(&field.name.as_str()) => {
                    Done { response: one.execute(Some(self.app.db.seen_by(viewer))).await, is_replay: false }
                }
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
        let Mutation { app, operation, variables, peer, locale, refused, .. } = self.mutation;
        let request = asking(&self.alone, *operation).variables(variables.clone());
        app.schema.execute(prepare(request, scoped, *peer, self.tried.clone()).data(*locale).data(refused.clone())).await
    }

    async fn run(&self, viewer: Arc<Viewer>, key: Option<Key>) -> Done {
        let app = self.mutation.app;
        let outcome = match once(&app.db.seen_by(viewer.clone()), &viewer, key.as_ref(), &app.callers.answers, self).await {
            Ok(Once::Now(response)) => return Done { response, is_replay: false },
            Ok(Once::Before(Some(answer))) => self.first(&answer),
            Ok(Once::Before(None)) => Err(Error::forbidden_field("idempotencyKey").into()),
            Err(undone) => Err(undone),
        };
        match outcome {
            Ok(response) => Done { response, is_replay: true },
            Err(undone) => Done { response: undone.told(&self.field.key), is_replay: false },
        }
    }

    /// The first answer to what is asked again.
    fn first(&self, answer: &[u8]) -> Result<Response, Undone> {
        let value: Value = serde_json::from_slice(answer).map_err(|_| Error::internal("a kept answer is no JSON"))?;
        Ok(Response::new(Value::Object([(self.field.key.clone(), value)].into_iter().collect())))
    }

    fn value<'a>(&self, response: &'a Response) -> Option<&'a Value> {
        match &response.data {
            Value::Object(fields) => fields.get(&self.field.key).filter(|value| **value != Value::Null),
            _ => None,
        }
    }
}

impl Work for One<'_> {
    type Done = Response;
    type Undone = Undone;

    /// What has an answer is done.
    async fn attempt(&self, scoped: Scoped) -> Result<Response, Undone> {
        let response = self.execute(Some(scoped)).await;
        if self.value(&response).is_some() { Ok(response) } else { Err(Undone::Told(Box::new(response))) }
    }

    /// An answer with errors is not the whole of it: it is given once.
    fn remembered(&self, done: &Response) -> Result<Option<Vec<u8>>, Error> {
        let answer = done.is_ok().then(|| serde_json::to_vec(&self.value(done)));
        answer.transpose().map_err(|_| Error::internal("an answer that is no JSON"))
    }

    fn again(&self) {
        self.tried.forget(&self.field.name);
    }

    fn error(undone: &Undone) -> Option<&Error> {
        match undone {
            Undone::Failed(error) => Some(error),
            Undone::Told(response) => response.errors.first().and_then(ServerError::source::<Error>),
        }
    }
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Undone {
    fn told(self, key: &Name) -> Response {
        match self {
            Self::Told(response) => *response,
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
