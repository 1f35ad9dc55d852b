//! The sealer: gives every audit row that is committed its position and its link in the chain, in the order in which rows became visible.
//! Every instance looks several times a second, and one at a time seals. A row that no program with the secret has stamped is refused, and
//! so is a chain whose end is not the one that this instance knows: neither gets a seal that would make it look right.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use entity::{AuditId, audit, audit_seal};
use tokio::sync::Mutex;

use super::content;
use crate::db::{Db, Mark, Rights, Scoped, system_unscoped};
use crate::error::Error;
use crate::secrets::Notary;

/// Who seals, as a viewer.
const REASON: &str = "sealing";
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Rows that are looked at, and sealed, at once.
const AT_ONCE: u64 = 5_000;
/// How often the log tells of something that stays wrong.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Seals audit rows.
pub struct Sealer {
    db: Db,
    rights: Arc<Rights>,
    notary: Arc<Notary>,
    state: Mutex<State>,
    caught_up: RwLock<Instant>,
    refused: AtomicU64,
}

#[derive(Default)]
struct State {
    mark: Option<Mark>,
    head: Option<Head>,
    /// Refused, and still ahead of the mark.
    refused: HashSet<AuditId>,
}

/// The end of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its position; 0: nothing is sealed.
    pub position: i64,
    /// The value of the chain there.
    pub chain: String,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// All that was visible is sealed, but for what is refused.
    CaughtUp,
    /// Another instance is at it.
    Busy,
    /// The end of the chain is not what it was.
    Broken,
}

enum Sealing {
    Done { head: Head, refused: Vec<AuditId> },
    Not(Look),
}

/// Where a sealing begins, and what it knows.
#[derive(Clone)]
struct From {
    mark: Mark,
    settled: i64,
    known: Option<Head>,
    notary: Arc<Notary>,
}

impl Sealer {
    /// Nothing is known of the chain yet.
    pub fn new(db: Db, rights: Arc<Rights>, notary: Arc<Notary>) -> Arc<Self> {
        let (state, caught_up) = (Mutex::default(), RwLock::new(Instant::now()));
        Arc::new(Self { db, rights, notary, state, caught_up, refused: AtomicU64::new(0) })
    }

    /// Seals until the process ends.
    pub async fn watch(self: Arc<Self>) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told: Option<Instant> = None;
        loop {
            tick.tick().await;
            let look = self.look().await;
            if matches!(look, Ok(Look::CaughtUp | Look::Busy)) {
                told = None;
            } else if told.is_none_or(|at| at.elapsed() > TOLD_EVERY) {
                told = Some(Instant::now());
                match look {
                    Err(error) => tracing::warn!(%error, "audit rows could not be sealed"),
                    Ok(_) => tracing::error!("the seals of the audit were changed, and nothing more is sealed: branchwise audit verify"),
                }
            }
        }
    }

    /// How long ago everything was sealed, as far as this instance knows.
    pub fn caught_up_ago(&self) -> Duration {
        self.caught_up.read().map_or(Duration::MAX, |at| at.elapsed())
    }

    /// Rows that were refused since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Seals what is visible and unsealed.
    pub async fn look(&self) -> Result<Look, Error> {
        let mut state = self.state.lock().await;
        let system = self.db.seen_by(system_unscoped(&self.rights, REASON));
        let settled = system.audit_settled().await?;
        let mut mark = match state.mark {
            Some(mark) => mark,
            None => beginning(&system, settled).await?,
        };
        loop {
            let some = system.audit_written_after(mark, AT_ONCE).await?;
            let Some(last) = some.last() else { break };
            if some.iter().any(|row| row.position.is_none() && !state.refused.contains(&AuditId(row.mark.id))) {
                let from = From { mark, settled, known: state.head.clone(), notary: self.notary.clone() };
                match system.transaction(move |tx| async move { seal(&tx, from).await }).await? {
                    Sealing::Not(look) => return Ok(look),
                    Sealing::Done { head, refused } => {
                        state.head = Some(head);
                        self.refuse(&mut state, refused);
                    }
                }
            }
            mark = last.mark;
            if (some.len() as u64) < AT_ONCE {
                break;
            }
        }
        let mark = mark.min(Mark::before(settled));
        if state.mark.is_some_and(|before| before < mark) {
            state.refused.clear();
        }
        state.mark = Some(mark);
        if let Ok(mut caught_up) = self.caught_up.write() {
            *caught_up = Instant::now();
        }
        Ok(Look::CaughtUp)
    }

    fn refuse(&self, state: &mut State, refused: Vec<AuditId>) {
        for id in refused {
            if state.refused.insert(id) {
                self.refused.fetch_add(1, Ordering::Relaxed);
                tracing::error!(audit = %id.0, "not sealed: no program with the secret wrote this audit row");
            }
        }
    }
}

/// Where the last one to seal left off; from the first row on where that is of another cluster, or of a file before it was packed.
async fn beginning(scoped: &Scoped, settled: i64) -> Result<Mark, Error> {
    let last = scoped.last_seals(1).await?.pop().map_or(0, |seal| seal.settled);
    Ok(Mark::before(if last > settled { 0 } else { last }))
}

async fn seal(tx: &Scoped, from: From) -> Result<Sealing, Error> {
    let From { mut mark, settled, known, notary } = from;
    if !tx.turn_to_seal().await? {
        return Ok(Sealing::Not(Look::Busy));
    }
    let Some(mut head) = head(tx, &notary, known).await? else { return Ok(Sealing::Not(Look::Broken)) };
    // What is there when sealing begins may be older than stamps. All of it in one unit of work: nothing is without a stamp later.
    let is_first = head.position == 0;
    let mut refused = Vec::new();
    loop {
        let some = tx.audit_written_after(mark, AT_ONCE).await?;
        let Some(last) = some.last() else { break };
        let reached = last.mark.at.min(settled);
        let unsealed: Vec<AuditId> = some.iter().filter(|row| row.position.is_none()).map(|row| AuditId(row.mark.id)).collect();
        let rows = tx.audit_rows(unsealed.clone()).await?;
        let now = tx.now();
        let mut seals = Vec::with_capacity(rows.len());
        for row in unsealed.iter().filter_map(|id| rows.get(id)) {
            let digest = digest(row, &notary)?;
            if row.stamp.as_ref().map_or(!is_first, |stamp| *stamp != digest) {
                refused.push(row.id);
                continue;
            }
            let position = head.position + 1;
            let chain = notary.link(&head.chain, position, row.id, now, &digest)?;
            head = Head { position, chain: chain.clone() };
            seals.push(audit_seal::Model { position, audit_id: row.id, sealed_at: now, digest, chain, settled: reached });
        }
        tx.add_seals(seals).await?;
        mark = last.mark;
        if !is_first || (some.len() as u64) < AT_ONCE {
            break;
        }
    }
    Ok(Sealing::Done { head, refused })
}

/// What a row's seal vouches for.
pub(super) fn digest(row: &audit::Model, notary: &Notary) -> Result<String, Error> {
    notary.digest(&content::of(row), row.stamp.is_some())
}

/// The end of the chain. None: it is no link of ours, or what stood at the `known` position is gone or another.
pub async fn head(scoped: &Scoped, notary: &Notary, known: Option<Head>) -> Result<Option<Head>, Error> {
    let mut last = scoped.last_seals(2).await?.into_iter();
    let (end, before) = (last.next(), last.next());
    let head = match end {
        None => Head::default(),
        Some(end) => {
            let (at, chain) = before.map(|seal| (seal.position, seal.chain)).unwrap_or_default();
            let link = notary.link(&chain, end.position, end.audit_id, end.sealed_at, &end.digest)?;
            if at + 1 != end.position || link != end.chain {
                return Ok(None);
            }
            Head { position: end.position, chain: end.chain }
        }
    };
    let Some(known) = known.filter(|known| *known != head && known.position > 0) else { return Ok(Some(head)) };
    let stands = scoped.seals_after(known.position - 1, 1).await?.pop();
    let stands = stands.is_some_and(|seal| seal.position == known.position && seal.chain == known.chain);
    Ok((stands && head.position >= known.position).then_some(head))
}
