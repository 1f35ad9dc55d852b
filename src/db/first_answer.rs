//! First answers, by the key under which a client asked: a row in the transaction of what was done. Whoever asks again under the same key
//! gets the first answer, as long as it would still be theirs to see.

use entity::idempotency::{self, Column};
use entity::{Timestamp, contact, customer};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query as Sql};
use sea_orm::{ColumnTrait, DbErr};
use uuid::Uuid;

use super::Scoped;
use crate::access::Level;
use crate::access::visible::Remembered;
use crate::error::Error;

/// For so long a key is remembered, in seconds.
const REMEMBERED: i64 = 7 * 86_400;

/// What a client calls something that it asks for once, however often it sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The name; each user has names of their own.
    pub name: String,
    /// A hash of what is asked.
    pub asked: Vec<u8>,
}

/// What came of it the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum First {
    /// The answer that was kept.
    Answer(Vec<u8>),
    /// Something else was asked.
    OfSomethingElse,
    /// It was done; what it answered, if that was kept, is no longer for this viewer to see.
    Closed(Option<Vec<u8>>),
}

impl Scoped {
    /// What the viewer got under this key within the last seven days; none: it is new.
    pub async fn first_answer(&self, key: &Key) -> Result<Option<First>, Error> {
        let Some(user) = self.viewer().user_id() else { return Ok(None) };
        let mut select = Sql::select();
        select
            .columns([Column::Asked, Column::Answer, Column::At, Column::Rights, Column::RecordType, Column::RecordId, Column::Level])
            .from(idempotency::Entity)
            .and_where(Column::UserId.eq(user))
            .and_where(Column::Name.eq(key.name.as_str()))
            .and_where(Column::At.gt(self.forgotten()));
        let rows = self.conn.all(&select).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let get = || -> Result<_, DbErr> {
            let (asked, answer, rights): (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>) =
                (row.try_get("", "asked")?, row.try_get("", "answer")?, row.try_get("", "rights")?);
            let at: Timestamp = row.try_get("", "at")?;
            let of: (Option<String>, Option<Uuid>, Option<String>) =
                (row.try_get("", "record_type")?, row.try_get("", "record_id")?, row.try_get("", "level")?);
            Ok((asked, answer, rights, at, of))
        };
        let (asked, answer, rights, at, (record_type, record_id, level)) = get()?;
        if asked != key.asked {
            return Ok(Some(First::OfSomethingElse));
        }
        let stands = rights.as_deref() == Some(self.viewer().rights().as_slice());
        let Some(answer) = answer else { return Ok(Some(First::Closed(None))) };
        let seen = match (record_type, record_id) {
            (Some(kind), Some(id)) => self.level_of(&kind, id).await?,
            _ => None,
        };
        let seen_then = level.as_deref().and_then(Level::from_word);
        // An answer may show more records than the one that it is about.
        let is_closed = !stands || seen < seen_then || self.anything_moved_since(at).await?;
        Ok(Some(if is_closed { First::Closed(Some(answer)) } else { First::Answer(answer) }))
    }

    /// Takes a key for this unit of work. False: somebody has it. Waits for whoever has taken it and has not ended yet.
    pub(super) async fn take_key(&self, key: &Key) -> Result<bool, Error> {
        let Some(user) = self.viewer().user_id() else { return Err(Error::Unauthenticated) };
        let columns = [Column::UserId, Column::Name, Column::At, Column::Asked];
        let mut take = Sql::insert();
        take.into_table(idempotency::Entity)
            .columns(columns)
            .values_panic([user.into(), key.name.as_str().into(), self.now().into(), key.asked.clone().into()])
            .on_conflict(
                OnConflict::columns([Column::UserId, Column::Name])
                    .update_columns(columns)
                    .values(
                        [Column::Answer, Column::Rights, Column::RecordType, Column::RecordId, Column::Level]
                            .map(|column| (column, Expr::cust("NULL"))),
                    )
                    .action_and_where(Expr::col((idempotency::Entity, Column::At)).lte(self.forgotten()))
                    .to_owned(),
            );
        Ok(self.conn.execute(&take).await?.rows_affected() > 0)
    }

    /// Keeps the answer under the key that this unit of work has taken, with what the viewer may do by now, and sees of the record that it is
    /// about: the unit of work may have changed that.
    pub(super) async fn keep_answer(&self, key: &Key, answer: &[u8]) -> Result<(), Error> {
        let Some(user) = self.viewer().user_id() else { return Err(Error::Unauthenticated) };
        let told = self.conn.told();
        let now = match self.clone().anew().await {
            Ok(now) => Some(now),
            // Signed out meanwhile: it was done, and is shown to nobody again.
            Err(Error::Unauthenticated) => None,
            Err(error) => return Err(error),
        };
        let level = match (&now, told) {
            (Some(now), Some((kind, id))) => now.level_of(kind, id).await?,
            _ => None,
        };
        let (kind, id) = told.unzip();
        let mut keep = Sql::update();
        keep.table(idempotency::Entity)
            .value(Column::Answer, answer.to_vec())
            .value(Column::Rights, now.map(|now| now.viewer().rights().to_vec()))
            .value(Column::At, self.now())
            .value(Column::RecordType, kind.map(str::to_owned))
            .value(Column::RecordId, id)
            .value(Column::Level, level.map(|level| level.word().to_owned()))
            .and_where(Column::UserId.eq(user))
            .and_where(Column::Name.eq(key.name.as_str()));
        self.conn.execute(&keep).await.map(|_| ())
    }

    /// How clearly the viewer sees a customer or contact; none: not at all, or it is something else, of which rights alone decide.
    async fn level_of(&self, kind: &str, id: Uuid) -> Result<Option<Level>, Error> {
        match kind {
            customer::Entity::RECORD_TYPE => Ok(self.find::<customer::Entity>().id(id).one().await?.map(|row| row.level)),
            contact::Entity::RECORD_TYPE => Ok(self.find::<contact::Entity>().id(id).one().await?.map(|row| row.level)),
            _ => Ok(None),
        }
    }

    /// The last moment whose keys no longer count.
    fn forgotten(&self) -> Timestamp {
        self.now().plus_seconds(-REMEMBERED)
    }

    /// Forgets keys that no longer count.
    pub async fn forget_first_answers(&self) -> Result<(), Error> {
        let mut delete = Sql::delete();
        delete.from_table(idempotency::Entity).and_where(Column::At.lte(self.forgotten()));
        self.conn.execute(&delete).await.map(|_| ())
    }
}
