//! What a client asks for, done once: in one unit of work, tried again as a whole where it collides with others; under a key that was used
//! before, not at all.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::access::Viewer;
use crate::db::{First, Key, Scoped};
use crate::error::Error;
use crate::secrets::Cipher;

/// How often a unit of work is tried.
const MOST_TRIES: u32 = 4;
/// Between two tries at least, and at most twice as long, for each try before.
const BETWEEN_TRIES_MS: u64 = 15;
/// Bytes of an answer that is kept under a key.
const MOST_KEPT: usize = 1024 * 1024;

/// Something to be done in a unit of work.
pub trait Work: Sync {
    /// What comes of it.
    type Done: Send;
    /// Why nothing came of it.
    type Undone: From<Error> + Send;

    /// What is remembered holds nothing of records but which they are: whoever asks again sees them as they stand, by the rights of then.
    const IS_SHOWN_ANEW: bool = false;

    /// Does it: all of it on `scoped`, which must not be kept.
    fn attempt(&self, scoped: Scoped) -> impl Future<Output = Result<Self::Done, Self::Undone>> + Send;

    /// What is remembered of it under its key; none: only that it was done.
    fn remembered(&self, done: &Self::Done) -> Result<Option<Vec<u8>>, Error>;

    /// It is about to be tried again as a whole.
    fn again(&self) {}

    /// The error of ours that it failed with.
    fn error(undone: &Self::Undone) -> Option<&Error>;
}

/// What came of it.
pub enum Once<T> {
    /// It was done now.
    Now(T),
    /// It was done when it was asked before.
    Before(Before),
}

/// What is remembered; none: that is no longer the viewer's to see.
pub type Before = Option<Vec<u8>>;

/// Does `work` as `viewer`. Errors: its own, IDEMPOTENCY_KEY_REUSED, and those of [`crate::db::UnitOfWork::commit`].
pub async fn once<W: Work>(
    scoped: &Scoped,
    viewer: &Arc<Viewer>,
    key: Option<&Key>,
    answers: &Cipher,
    work: &W,
) -> Result<Once<W::Done>, W::Undone> {
    let mut tries = 0;
    loop {
        tries += 1;
        if let Some(before) = before(scoped, viewer, key, answers, W::IS_SHOWN_ANEW).await? {
            return Ok(Once::Before(before));
        }
        let unit = scoped.unit_of_work(viewer.clone(), key.cloned())?;
        let attempted = work.attempt(unit.scoped().clone()).await;
        let repeated = unit.repeated();
        let kept = attempted.and_then(|done| {
            let answer = match key {
                Some(_) => work.remembered(&done)?.map(|answer| kept(&answer, answers)).transpose()?,
                None => None,
            };
            Ok((done, answer))
        });
        let undone = match kept {
            Ok((done, answer)) => match unit.commit(answer.as_deref()).await {
                Ok(()) => return Ok(Once::Now(done)),
                Err(error) => error.into(),
            },
            Err(undone) => {
                unit.take_back().await;
                undone
            }
        };
        match W::error(&undone) {
            Some(Error::Collided) if tries < MOST_TRIES => tokio::time::sleep(pause(scoped, tries)).await,
            _ if repeated.load(Ordering::Acquire) && tries < MOST_TRIES => {}
            // What stands under the key is the outcome. Nothing there is no proof: the commit may be on its way.
            Some(Error::OutcomeUnknown) if let Ok(Some(before)) = before(scoped, viewer, key, answers, W::IS_SHOWN_ANEW).await => {
                return Ok(Once::Before(before));
            }
            _ => return Err(undone),
        }
        work.again();
    }
}

/// What is kept of an answer: encrypted, since it may hold what is encrypted elsewhere.
fn kept(answer: &[u8], answers: &Cipher) -> Result<Vec<u8>, Error> {
    if answer.len() > MOST_KEPT {
        return Err(Error::CostLimit { what: "bytes of an answer under a key", limit: MOST_KEPT as u64 });
    }
    answers.encrypt(answer)
}

/// What came of it before. None: it is new.
async fn before(
    scoped: &Scoped,
    viewer: &Arc<Viewer>,
    key: Option<&Key>,
    answers: &Cipher,
    shown_anew: bool,
) -> Result<Option<Before>, Error> {
    let Some(key) = key else { return Ok(None) };
    let kept = match scoped.seen_by(viewer.clone()).first_answer(key).await? {
        None => return Ok(None),
        Some(First::OfSomethingElse) => return Err(Error::KeyReused),
        Some(First::Answer(kept)) => Some(kept),
        Some(First::Closed(kept)) => kept.filter(|_| shown_anew),
    };
    let Some(kept) = kept else { return Ok(Some(None)) };
    match answers.decrypt(&kept) {
        Some(answer) => Ok(Some(Some(answer))),
        None => Err(Error::internal("a kept answer cannot be opened")),
    }
}

/// Longer each time, and never the same for two that met.
fn pause(scoped: &Scoped, tries: u32) -> Duration {
    let dice: uuid::Uuid = scoped.clock().id();
    let (_, dice) = dice.as_u64_pair();
    Duration::from_millis(u64::from(tries) * (BETWEEN_TRIES_MS + dice % BETWEEN_TRIES_MS))
}
