//! Running a request: to its end, in a place of its own and under a deadline. A client that hangs up does not cut it half-way, which would leave a
//! database connection inside a transaction; a panic does not take the connection with it.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use async_graphql::parser::types::OperationType;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use tokio::runtime::Handle;
use tracing::Instrument;

use super::App;
use super::mutations::{Done, Mutation};
use super::parameters::Parameters;
use super::reply::Reply;
use super::slow::{self, Ran};
use super::token::{self, Credential};
use crate::error::{Error, Violation};
use crate::graphql::answer::{Answer, Locale, Stage, status};
use crate::graphql::coercion::InputTypes;
use crate::graphql::denied::{Denied, Refused};
use crate::graphql::limits::Refusal;
use crate::graphql::persisted::hash;
use crate::org::Peer;
use crate::schema::{asking, prepare};

/// What may be asked without a token.
const WITHOUT_TOKEN: [&str; 4] = ["signIn", "refreshSession", "setPassword", "__typename"];
/// What somebody asks who has no valid token and wants one: a client that sends its expired token along is answered all the same.
const FOR_A_TOKEN: [&str; 3] = ["signIn", "refreshSession", "setPassword"];

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
    /// Its document is told to whoever traces it.
    pub is_traced: bool,
    /// The answer tells what the request costs.
    pub tells_cost: bool,
    /// The key under which a mutation is asked once.
    pub key: Option<String>,
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

/// Work that is done to its end: in the task that waits for it, or, once nobody does, in one of its own.
struct ToItsEnd<T: Send + 'static>(Option<BoxFuture<'static, Option<T>>>);

impl<T: Send> ToItsEnd<T> {
    /// None comes back for work that panicked.
    fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(AssertUnwindSafe(work).catch_unwind().map(Result::ok))))
    }
}

impl<T: Send> Future for ToItsEnd<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = &mut self.0 else { return Poll::Ready(None) };
        let done = work.as_mut().poll(context);
        if done.is_ready() {
            self.0 = None;
        }
        done
    }
}

impl<T: Send + 'static> Drop for ToItsEnd<T> {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work.in_current_span());
        }
    }
}

/// Runs a request.
pub async fn run(app: Arc<App>, ask: Ask) -> Reply {
    let locale = ask.locale;
    let deadline = app.config.http.request_timeout();
    let too_long = too_long(&app);
    let progress = Arc::new(Progress::default());
    let work = ToItsEnd::new({
        let progress = progress.clone();
        async move {
            let mut document = None;
            let reply = steps(&app, ask, &progress, &mut document).await;
            Reply { document, ..reply }
        }
    });
    let failed = match tokio::time::timeout(deadline, work).await {
        Ok(Some(reply)) => return reply,
        Ok(None) => Error::internal("a request panicked"),
        // The work goes on, and keeps its place: cancelled database work harms whoever gets the connection next.
        Err(_) if progress.enter(Progress::GIVEN_UP) => too_long,
        Err(_) => Error::OutcomeUnknown,
    };
    Reply::new(Answer::of_error(&failed, locale))
}

fn too_long(app: &App) -> Error {
    Error::Timeout { what: "seconds of a request", limit: Some(app.config.http.request_timeout_s) }
}

/// Every step of a request. The hash of its document goes to `document` where it is traced, however far it gets.
async fn steps(app: &App, ask: Ask, progress: &Progress, document: &mut Option<String>) -> Reply {
    let started = Instant::now();
    let Ask { parameters, credential, peer, may_only_read, is_traced, tells_cost, key, locale } = ask;
    let viewer = token::viewer(app, &credential).await;
    let user = viewer.as_ref().ok().and_then(|viewer| viewer.as_ref()?.user_id());
    // First of all that takes time: what there is no capacity for is refused while it is of use.
    let _place = match app.gate.enter(user).await {
        Ok(place) => place,
        Err(error) => return Reply::new(Answer::of_error(&error, locale)),
    };
    let viewer = match viewer {
        Ok(viewer) => viewer,
        Err(Error::Unauthenticated) if asks_for_a_token(app, &parameters) => None,
        Err(error) => {
            let challenge = error == Error::Unauthenticated;
            return Reply { challenge, ..Reply::new(Answer::of_error(&error, locale)) };
        }
    };
    let found = match app.persisted.find(&parameters.document, viewer.is_some()) {
        Ok(found) => found,
        Err(error) => return Reply::new(Answer::at(&error, Stage::Validation, locale)),
    };
    let (text, was_named) = (found.text, found.was_named);
    *document = is_traced.then(|| hash(&text));
    let asked = match app.documents.operation(&text, parameters.operation_name.as_deref()) {
        Ok(asked) => asked,
        Err(refusal) => return Reply::new(Answer::of_refusal(&refusal, locale)),
    };
    let found = match asked.analysis(&parameters.variables, &app.documents) {
        Ok(found) => found,
        Err(refusal) => return Reply::new(Answer::of_refusal(&refusal, locale)),
    };
    let left = match app.rates.take(viewer.as_deref(), peer, found.cost) {
        Ok(left) => left,
        Err(error @ Error::CostLimit { .. }) => return Reply::new(Answer::of_refusal(&Refusal::TooMuch(error), locale)),
        Err(error) => return Reply::new(Answer::of_error(&error, locale)),
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
                app.denials.keep(&app.db.seen_by(viewer.clone()), vec![Denied::at("__schema", &error)]).await;
            }
            let answer = Answer::at(&error, Stage::Denied(status(&error)), locale);
            return Reply { challenge: viewer.is_none(), operation, ..Reply::new(answer) };
        }
    }
    // Errors about inputs spell the schema out: it is for signed-in users.
    if viewer.is_none() && !InputTypes::selects_only(asked.document(), asked.name(), &WITHOUT_TOKEN) {
        let answer = Answer::at(&Error::Unauthenticated, Stage::Denied(status(&Error::Unauthenticated)), locale);
        return Reply { challenge: true, operation, ..Reply::new(answer) };
    }
    if let Err(error) = asked.check(&app.inputs, &parameters.variables) {
        return Reply { operation, ..Reply::new(Answer::at(&error, Stage::Validation, locale)) };
    }
    let writes = found.kind == Some(OperationType::Mutation);
    if let Err(response) = asked.validity(|| app.validator.validate(&text, asked.name())) {
        return Reply { operation, ..Reply::new(Answer::of_response(response, locale, !writes, app.documents.limits())) };
    }
    if writes && !progress.enter(Progress::WRITING) {
        return Reply::new(Answer::of_error(&too_long(app), locale));
    }
    let (document, variables) = (asked.document(), parameters.variables);
    let refused = Arc::<Refused>::default();
    let Done { response, is_replay } = if writes {
        let (operation, key, refused) = (asked.name(), key.as_deref(), refused.clone());
        let mutation = Mutation { app, text: &text, document, operation, variables, peer, key, locale, refused };
        mutation.run(viewer.clone()).await
    } else {
        let scoped = viewer.clone().map(|viewer| app.db.seen_by(viewer));
        let request = asking(document, asked.name()).variables(variables);
        Done { response: app.schema.execute(prepare(request, scoped, peer, Arc::default())).await, is_replay: false }
    };
    let ran_for_user = viewer.is_some();
    if let Some(viewer) = viewer {
        let mut denied = Denied::in_response(asked.document(), operation.as_deref(), &response, writes);
        denied.extend(refused.take());
        app.denials.keep(&app.db.seen_by(viewer), denied).await;
    }
    let answer = Answer::of_response(&response, locale, !writes, app.documents.limits());
    let (name, codes) = (operation.as_deref(), answer.codes.as_slice());
    slow::tell(app, &Ran { text: &text, name, cost: found.cost, codes, took: started.elapsed() });
    let answer = if tells_cost {
        let limit = app.config.limits.cost;
        answer.extended("cost", &json!({ "estimated": found.cost, "nodes": found.nodes, "limit": limit, "remaining": left }))
    } else {
        answer
    };
    let may_be_kept = was_named && !writes;
    Reply { operation, cost: Some(found.cost), ran_for_user, is_replay, may_be_kept, ..Reply::new(answer) }
}

fn asks_for_a_token(app: &App, parameters: &Parameters) -> bool {
    let Ok(found) = app.persisted.find(&parameters.document, false) else { return false };
    let asked = app.documents.operation(&found.text, parameters.operation_name.as_deref());
    asked.is_ok_and(|asked| {
        asked.analysis(&parameters.variables, &app.documents).is_ok()
            && InputTypes::selects_only(asked.document(), asked.name(), &FOR_A_TOKEN)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits_for_it() {
        let (sender, done) = oneshot::channel();
        let work = ToItsEnd::new(async move {
            sleep(Duration::from_millis(20)).await;
            sender.send("done").unwrap();
        });
        assert!(timeout(Duration::from_millis(1), work).await.is_err());
        assert_eq!(timeout(Duration::from_secs(5), done).await.unwrap(), Ok("done"));
    }

    #[tokio::test]
    async fn a_panic_is_told_and_goes_no_further() {
        let panics = |really| if really { panic!("as asked") } else { 1 };
        assert_eq!(ToItsEnd::new(async move { panics(true) }).await, None);
        assert_eq!(ToItsEnd::new(async move { panics(false) }).await, Some(1));
    }
}
