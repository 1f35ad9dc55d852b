//! Copies that clients keep of what they see: first everything, then what changed since. What left a viewer's sight is told by its id
//! alone, and so is what follows it. Where the viewer's own sight has changed, the copy begins anew.

mod cursor;
pub mod graphql;
mod repo;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::cursor::{Copying, Cursor};
use crate::access::action::CustomerRead;
use crate::access::{Permits, Resource};
use crate::contact::ContactRow;
use crate::customer::CustomerRow;
use crate::db::Scoped;
use crate::error::{Error, Violation};
use crate::secrets::Cipher;

/// What copies are kept of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Customers.
    Customer,
    /// People at customers.
    Contact,
}

impl Kind {
    const EVERY: [Self; 2] = [Self::Customer, Self::Contact];

    /// What the audit and the changes call it.
    fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Contact => "contact",
        }
    }
}

/// A record as it stands and the viewer sees it.
#[expect(clippy::large_enum_variant, reason = "lives as long as one field of one answer")]
pub enum Record {
    /// A customer.
    Customer(CustomerRow),
    /// A contact.
    Contact(ContactRow),
}

/// What a copy is to take in.
#[derive(Default)]
pub struct Step {
    /// New or changed.
    pub upserts: Vec<Record>,
    /// Gone from the viewer's sight, or never in it.
    pub tombstones: Vec<(Kind, Uuid)>,
    /// From where it goes on; none: it must begin anew.
    pub cursor: Option<String>,
    /// There is more to take in right now.
    pub has_more: bool,
}

/// What a client asks.
pub struct Asked {
    /// Where its copy stands; none: it has none yet.
    pub since: Option<String>,
    /// What its copy holds; none: everything.
    pub kinds: Option<Vec<Kind>>,
    /// So many records or changes at once.
    pub most: u64,
}

/// The next step of a copy. Errors: FORBIDDEN for whoever sees no customers at all; BAD_USER_INPUT for a cursor of somebody else, or of
/// other kinds.
pub async fn next(scoped: &Scoped, cipher: &Cipher, asked: Asked) -> Result<Step, Error> {
    scoped.viewer().permit::<CustomerRead>()?;
    let user = scoped.viewer().user_id().ok_or_else(Error::forbidden)?;
    let sight = scoped.viewer().sight_of(Resource::Customer);
    // Before anything is read: what changes meanwhile comes with the next step.
    let (latest, is_all) = scoped.latest_change().await?;
    let mut cursor = match &asked.since {
        None => Cursor::beginning(user, sight, kinds(asked.kinds)?, latest),
        Some(text) => {
            let cursor =
                Cursor::read(cipher, user, text).ok_or_else(|| wrong("since", "cursor", "is no cursor of yours", "不是您的游标"))?;
            if asked.kinds.is_some_and(|asked| asked.len() != cursor.kinds.len() || !asked.iter().all(|kind| cursor.kinds.contains(kind))) {
                return Err(wrong("types", "cursor", "must be those of the cursor, or absent", "必须与游标一致或省略"));
            }
            cursor
        }
    };
    if asked.since.is_some() && !cursor.is_good(&sight, scoped.now()) {
        return Ok(Step::default());
    }
    let mut step = match cursor.copying.take() {
        Some(copying) => copied(scoped, &mut cursor, copying, asked.most).await?,
        None => changed(scoped, &mut cursor, latest, asked.most).await?,
    };
    step.has_more |= !is_all;
    step.cursor = Some(cursor.written(cipher, scoped.now())?);
    Ok(step)
}

fn kinds(asked: Option<Vec<Kind>>) -> Result<Vec<Kind>, Error> {
    let Some(asked) = asked else { return Ok(Kind::EVERY.to_vec()) };
    if asked.is_empty() {
        return Err(Error::invalid(Violation::required("types")));
    }
    Ok(Kind::EVERY.into_iter().filter(|kind| asked.contains(kind)).collect())
}

fn wrong(field: &str, rule: &'static str, en: &str, zh: &str) -> Error {
    Error::invalid(Violation::new(field, rule, en, zh))
}

/// A page of the first copy. What changes behind it is told by the changes that come after the copy.
async fn copied(scoped: &Scoped, cursor: &mut Cursor, copying: Copying, most: u64) -> Result<Step, Error> {
    let page = repo::oldest_first(scoped, copying.kind, copying.from, most).await?;
    let following = || cursor.kinds.iter().skip_while(|kind| **kind != copying.kind).nth(1).copied();
    cursor.copying = match page.last.filter(|_| page.has_more) {
        Some(last) => Some(Copying { kind: copying.kind, from: Some(last) }),
        None => following().map(|kind| Copying { kind, from: None }),
    };
    // A whole copy may be behind what has changed meanwhile.
    Ok(Step { upserts: page.records, has_more: true, ..Step::default() })
}

/// What changed since: each record once, as it stands.
async fn changed(scoped: &Scoped, cursor: &mut Cursor, latest: i64, most: u64) -> Result<Step, Error> {
    let kinds: Vec<&str> = cursor.kinds.iter().map(|kind| kind.word()).collect();
    let changes = scoped.changes(&kinds, cursor.position, latest, most).await?;
    let has_more = changes.len() as u64 == most;
    let last = changes.last().map(|change| change.position).filter(|_| has_more);
    let mut step = Step { has_more, ..Step::default() };
    for kind in cursor.kinds.clone() {
        let mut ids: Vec<Uuid> = changes.iter().filter(|change| change.kind == kind.word()).map(|change| change.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let (seen, unseen) = repo::by_ids(scoped, kind, ids).await?;
        step.upserts.extend(seen);
        step.tombstones.extend(unseen.into_iter().map(|id| (kind, id)));
    }
    cursor.position = last.unwrap_or(latest.max(cursor.position));
    Ok(step)
}
