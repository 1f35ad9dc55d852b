//! Running a request: in a task of its own, under a permit and a deadline. A client that hangs up does not cut it half-way, which would
//! leave a database connection inside a transaction; a panic does not take the connection with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_graphql::Request;
use async_graphql::parser::types::OperationType;

use super::App;
use super::parameters::Parameters;
use super::reply::Reply;
use super::token::{self, Credential};
use crate::error::{Error, Violation};
use crate::graphql::answer::{Answer, Locale, Stage, status};
use crate::graphql::coercion::InputTypes;
use crate::graphql::denied::Denied;
use crate::graphql::limits::analyse;
use crate::org::Peer;

/// What may be asked without a token.
const WITHOUT_TOKEN: [&str; 4] = ["signIn", "refreshSession", "setPassword", "__typename"];

/// Everything about a request that running it depends on.
pub struct Ask {
    /// What is asked.
    pub parameters: Parameters,
    /// Who asks.
    pub credential: Credential,
    /// From where.
    pub peer: Peer,
    /// A GET may only read.
    pub may_only_read: bool,
    /// The language of messages.
    pub locale: Locale,
}

/// Whether a mutation has begun. Decides, once, between the task and whoever waits for it.
#[derive(Default)]
struct Progress(AtomicU8);

impl Progress {
    const WRITING: u8 = 1;
    const GIVEN_UP: u8 = 2;

    fn enter(&self, state: u8) -> bool {
        self.0.compare_exchange(0, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Runs a request. OVERLOADED at once where there is no capacity.
pub async fn run(app: Arc<App>, ask: Ask) -> Reply {
    let locale = ask.locale;
    let Ok(permit) = app.executing.clone().try_acquire_owned() else {
        return Reply::new(Answer::of_error(&Error::Overloaded, locale));
    };
    let deadline = app.config.http.request_timeout();
    let progress = Arc::new(Progress::default());
    let task = tokio::spawn({
        let progress = progress.clone();
        async move {
            let _permit = permit;
            steps(&app, ask, &progress).await
        }
    });
    let failed = match tokio::time::timeout(deadline, task).await {
        Ok(Ok(reply)) => return reply,
        Ok(Err(_)) => Error::internal("a request panicked"),
        // The task goes on, and keeps its permit: cancelled database work harms whoever gets the connection next.
        Err(_) if progress.enter(Progress::GIVEN_UP) => Error::Timeout,
        Err(_) => Error::OutcomeUnknown,
    };
    Reply::new(Answer::of_error(&failed, locale))
}

async fn steps(app: &App, ask: Ask, progress: &Progress) -> Reply {
    let Ask { parameters, credential, peer, may_only_read, locale } = ask;
    let viewer = match token::viewer(app, &credential).await {
        Ok(viewer) => viewer,
        Err(error) => {
            let challenge = error == Error::Unauthenticated;
            return Reply { challenge, ..Reply::new(Answer::of_error(&error, locale)) };
        }
    };
    let document = match app.documents.parse(&parameters.query) {
        Ok(document) => document,
        Err(refusal) => return Reply::new(Answer::of_refusal(&refusal, locale)),
    };
    let name = parameters.operation_name.as_deref();
    let found = match analyse(&document, name, &parameters.variables, app.documents.limits()) {
        Ok(found) => found,
        Err(refusal) => return Reply::new(Answer::of_refusal(&refusal, locale)),
    };
    let operation = found.name;
    if may_only_read && found.kind.is_some_and(|kind| kind != OperationType::Query) {
        let wrong = Violation::new("method", "method", "must be POST for anything but a query", "除查询外必须使用 POST");
        let answer = Answer::of_error(&Error::invalid(wrong), locale);
        return Reply { allow: Some("POST"), operation, ..Reply::refused(answer, 405) };
    }
    if found.introspects {
        let denied = match (&viewer, app.config.introspection) {
            (None, _) => Some(Error::Unauthenticated),
            (Some(_), false) => Some(Error::forbidden_field("__schema")),
            (Some(_), true) => None,
        };
        if let Some(error) = denied {
            if let Some(viewer) = &viewer {
                app.denials.keep(&app.db.seen_by(viewer.clone()), operation.as_deref(), vec![Denied::at("__schema", &error)]).await;
            }
            let answer = Answer::at(&error, Stage::Denied(status(&error)), locale);
            return Reply { challenge: viewer.is_none(), operation, ..Reply::new(answer) };
        }
    }
    // Errors about inputs spell the schema out: it is for signed-in users.
    if viewer.is_none() && !InputTypes::selects_only(&document, name, &WITHOUT_TOKEN) {
        let answer = Answer::at(&Error::Unauthenticated, Stage::Denied(status(&Error::Unauthenticated)), locale);
        return Reply { challenge: true, operation, ..Reply::new(answer) };
    }
    if let Err(error) = app.inputs.check(&document, name, &parameters.variables) {
        return Reply { operation, ..Reply::new(Answer::at(&error, Stage::Validation, locale)) };
    }
    let writes = found.kind == Some(OperationType::Mutation);
    if writes && !progress.enter(Progress::WRITING) {
        return Reply::new(Answer::of_error(&Error::Timeout, locale));
    }
    let mut request = Request::new(String::new()).variables(parameters.variables);
    request.operation_name = parameters.operation_name;
    request.set_parsed_query(document.as_ref().clone());
    let scoped = viewer.clone().map(|viewer| app.db.seen_by(viewer));
    let response = app.schema.execute(crate::schema::prepare(request, scoped, peer)).await;
    if writes && let Err(error) = app.rights.catch_up().await {
        tracing::warn!(%error, "changed rights are taken in later");
    }
    if let (Some(viewer), true) = (viewer, response.is_err()) {
        let denied = Denied::in_response(&document, operation.as_deref(), &response, writes);
        app.denials.keep(&app.db.seen_by(viewer), operation.as_deref(), denied).await;
    }
    Reply { operation, ..Reply::new(Answer::of_response(&response, locale, !writes)) }
}
