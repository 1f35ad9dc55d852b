//! Is the audit what it was? The chain from its first link on, each row against what its seal vouches for, the anchors that were taken of
//! it, and then the rows that are not sealed. Rows are read some thousands at a time, however many there are.

use std::collections::HashMap;
use std::fmt;

use entity::{AuditId, audit, audit_seal};
use serde::{Deserialize, Serialize};

use super::content;
use super::seal::{digest, head};
use crate::db::{Mark, Scoped};
use crate::error::Error;
use crate::secrets::Notary;

const AT_ONCE: u64 = 5_000;
/// A server seals within a second; a row that waits for longer is told of.
const SEALED_WITHIN_S: i64 = 10;

/// The end of the chain at some moment, kept outside the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The position.
    pub position: i64,
    /// The value of the chain there.
    pub chain: String,
    /// When it was taken: RFC 3339.
    pub at: String,
}

/// What is there, where all of it is in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Sealed rows.
    pub sealed: i64,
    /// Anchors that the chain agrees with.
    pub anchors: usize,
    /// Rows that are not sealed yet.
    pub waiting: u64,
    /// Of these, those that a running server would have sealed by now.
    pub overdue: u64,
}

/// The first row that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its position in the chain; none: it is not sealed.
    pub position: Option<i64>,
    /// The row; none: not even its id is left.
    pub row: Option<AuditId>,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "position {position}, ")?;
        }
        match self.row {
            Some(row) => write!(f, "audit row {}: {}", row.0, self.what),
            None => write!(f, "audit row unknown: {}", self.what),
        }
    }
}

/// The end of the chain. None: nothing is sealed. Errors: a fault where the end is no link of this secret's chain.
pub async fn anchor(scoped: &Scoped, notary: &Notary) -> Result<Result<Option<Anchor>, Fault>, Error> {
    let Some(end) = head(scoped, notary, None).await? else {
        let end = scoped.last_seals(1).await?.pop();
        return Ok(Err(Fault { position: end.as_ref().map(|seal| seal.position), row: end.map(|seal| seal.audit_id), what: not_ours() }));
    };
    let at = scoped.now().rfc3339().unwrap_or_default();
    Ok(Ok((end.position > 0).then_some(Anchor { position: end.position, chain: end.chain, at })))
}

/// Looks at everything. The inner error is the first row that is not what it was.
pub async fn verify(scoped: &Scoped, notary: &Notary, mut anchors: Vec<Anchor>) -> Result<Result<Summary, Fault>, Error> {
    anchors.sort_by_key(|anchor| anchor.position);
    let mut chain = Chain { notary, anchors: &anchors, summary: Summary::default(), before: String::new() };
    loop {
        let seals = scoped.seals_after(chain.summary.sealed, AT_ONCE).await?;
        if seals.is_empty() {
            break;
        }
        let rows = scoped.audit_rows(seals.iter().map(|seal| seal.audit_id).collect()).await?;
        for seal in &seals {
            if let Some(what) = chain.fault(seal, &rows)? {
                return Ok(Err(what));
            }
        }
    }
    if let Some(anchor) = chain.anchors.first() {
        let (end, at) = (chain.summary.sealed, anchor.position);
        let what = format!("it and all behind it are gone: the chain ends at {end}, and was anchored at {at} on {}", anchor.at);
        return Ok(Err(Fault { position: Some(end + 1), row: None, what }));
    }
    unsealed(scoped, notary, chain.summary).await
}

/// The chain as far as it was followed.
struct Chain<'a> {
    notary: &'a Notary,
    /// Those ahead.
    anchors: &'a [Anchor],
    summary: Summary,
    before: String,
}

impl Chain<'_> {
    /// What is wrong with the next link, or with its row.
    fn fault(&mut self, seal: &audit_seal::Model, rows: &HashMap<AuditId, audit::Model>) -> Result<Option<Fault>, Error> {
        let next = self.summary.sealed + 1;
        let fault = |what: String| Ok(Some(Fault { position: Some(seal.position), row: Some(seal.audit_id), what }));
        if seal.position != next {
            let what = format!("its seal is gone; the next one is at {}", seal.position);
            return Ok(Some(Fault { position: Some(next), row: None, what }));
        }
        if self.notary.link(&self.before, seal.position, seal.audit_id, seal.sealed_at, &seal.digest)? != seal.chain {
            return fault(not_ours());
        }
        while let Some((anchor, ahead)) = self.anchors.split_first().filter(|(anchor, _)| anchor.position <= seal.position) {
            if anchor.position < seal.position || anchor.chain != seal.chain {
                return fault(format!("the chain was made anew with the secret: it is not what was anchored on {}", anchor.at));
            }
            self.anchors = ahead;
            self.summary.anchors += 1;
        }
        let Some(row) = rows.get(&seal.audit_id) else { return fault("it is sealed, and gone".to_owned()) };
        let digest = digest(row, self.notary)?;
        if digest != seal.digest {
            return fault("it was changed after it was sealed".to_owned());
        }
        if row.stamp.as_ref().is_some_and(|stamp| *stamp != digest) {
            return fault("its stamp was changed after it was sealed".to_owned());
        }
        self.summary.sealed = seal.position;
        self.before.clone_from(&seal.chain);
        Ok(None)
    }
}

fn not_ours() -> String {
    "its seal is not the one that this secret makes behind the one before: it was changed, moved or made by somebody without the secret"
        .to_owned()
}

/// The rows that wait to be sealed: each must be stamped, once sealing has begun.
async fn unsealed(scoped: &Scoped, notary: &Notary, mut summary: Summary) -> Result<Result<Summary, Fault>, Error> {
    let mut mark = Mark::before(0);
    let overdue = scoped.now().plus_seconds(-SEALED_WITHIN_S);
    loop {
        let some = scoped.audit_written_after(mark, AT_ONCE).await?;
        let Some(last) = some.last() else { return Ok(Ok(summary)) };
        mark = last.mark;
        let waiting: Vec<AuditId> = some.iter().filter(|row| row.position.is_none()).map(|row| AuditId(row.mark.id)).collect();
        let rows = if waiting.is_empty() { HashMap::new() } else { scoped.audit_rows(waiting.clone()).await? };
        for row in waiting.iter().filter_map(|id| rows.get(id)) {
            let right = notary.digest(&content::of(row), true)?;
            if row.stamp.as_ref().map_or(summary.sealed > 0, |stamp| *stamp != right) {
                let what = "it was added or changed by somebody without the secret".to_owned();
                return Ok(Err(Fault { position: None, row: Some(row.id), what }));
            }
            summary.waiting += 1;
            summary.overdue += u64::from(row.at < overdue);
        }
    }
}

/// Anchors as they are kept: one a line. Errors: the number of a line that is none.
pub fn anchors(text: &str) -> Result<Vec<Anchor>, usize> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| serde_json::from_str(line).map_err(|_| at + 1)).collect()
}

impl Anchor {
    /// As it is kept: a line.
    pub fn line(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|_| Error::internal("an anchor could not be written"))
    }
}
