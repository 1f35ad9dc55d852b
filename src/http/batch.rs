//! Several requests in one body: each runs by itself, with limits of its own, and its answer stands in its place. One runs after the other, so
//! that a batch never holds more than the one permit of a request.

use std::sync::Arc;
use std::time::Instant;

use super::App;
use super::media::Media;
use super::parameters::Parameters;
use super::reply::Reply;
use super::run::{Ask, run};
use super::spans::Span;
use super::told;
use crate::error::Error;
use crate::graphql::answer::{Answer, Locale, Stage};

/// The status of answers that do not agree on one.
const MIXED: u16 = 200;

/// Runs each request of a batch, and tells operators of each. One without parameters that make sense has its refusal in its place.
pub async fn run_all(
    app: &Arc<App>,
    requests: Vec<Result<Parameters, Error>>,
    ask: impl Fn(Parameters) -> Ask,
    media: Media,
    locale: Locale,
    batch: &Span,
) -> Reply {
    let most = app.config.limits.answer_bytes;
    let mut whole = Whole::default();
    for request in requests {
        let (started, mut span) = (Instant::now(), app.spans.operation(batch));
        let reply = match request {
            Ok(_) if whole.body.len() > most => {
                let error = Error::CostLimit { what: "bytes of answer", limit: most as u64 };
                Reply::new(Answer::at(&error, Stage::Validation, locale))
            }
            Ok(parameters) => run(app.clone(), ask(parameters)).await,
            Err(error) => Reply::new(Answer::at(&error, Stage::Parameters, locale)),
        };
        let status = reply.status(app.config.http.status_profile, media);
        told::tell(app, &reply, status, started.elapsed(), &mut span);
        whole.take(reply, status);
    }
    whole.into_reply()
}

/// What has been answered so far.
#[derive(Default)]
struct Whole {
    body: Vec<u8>,
    statuses: Vec<u16>,
    codes: Vec<&'static str>,
    retry_after: Option<std::time::Duration>,
    challenge: bool,
}

impl Whole {
    fn take(&mut self, reply: Reply, status: u16) {
        self.body.push(if self.body.is_empty() { b'[' } else { b',' });
        self.body.extend_from_slice(&reply.answer.body);
        self.statuses.push(status);
        let new = reply.answer.codes.into_iter().filter(|code| !self.codes.contains(code));
        self.codes.extend(new.collect::<Vec<_>>());
        self.retry_after = self.retry_after.max(reply.answer.retry_after);
        self.challenge |= reply.challenge;
    }

    fn into_reply(mut self) -> Reply {
        self.body.push(b']');
        let first = self.statuses.first().copied().unwrap_or(MIXED);
        let status = if self.statuses.iter().all(|status| *status == first) { first } else { MIXED };
        let answer = Answer { body: self.body, stage: Stage::Refused(status), codes: self.codes, retry_after: self.retry_after };
        Reply { challenge: self.challenge && status == 401, ..Reply::refused(answer, status) }
    }
}
