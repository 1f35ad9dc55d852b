//! Changing a record, the same way for every table: read it as the viewer sees it, check what the input may touch, write it under both
//! row rules, leave an audit row, and show it as it stands.

use entity::Timestamp;
use serde_json::{Map, Value as Json, json};
use time::Date;
use uuid::Uuid;

use crate::access::visible::{Place, Visible, Writes};
use crate::access::{FieldClass, Level, Permit, Permits};
use crate::audit::{self, Changes, Entry, RecordType};
use crate::db::{Row, Scoped};
use crate::error::{Conflict, Error};

/// A field as clients name it, its class, and its value for the audit.
pub struct FieldOf<M> {
    /// The name in the API.
    pub name: &'static str,
    /// How delicate it is.
    pub class: FieldClass,
    /// The value as the audit keeps it; identity numbers only as a word that tells whether there is one.
    pub value: fn(&M) -> Json,
    /// How the API shows such a value, where it is not as the audit keeps it.
    pub shown: Option<Shown>,
}

/// How a value is shown that the audit keeps in another form.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// A moment, kept in microseconds.
    Moment,
    /// A day, kept as year and number within the year.
    Day,
    /// Texts by key, kept as an object.
    Pairs,
    /// A text of CONTACT data, and its mask for whoever sees no more of it.
    Masked(fn(&str) -> String),
    /// Another record of this type, kept by its id; and the id as clients see it.
    Id(RecordType, fn(Uuid) -> String),
}

impl Shown {
    /// A value in clear, as the API shows it.
    pub fn in_clear(self, value: &Json) -> Json {
        match self {
            Self::Moment => json!(value.as_i64().and_then(|at| Timestamp(at).rfc3339())),
            Self::Day => json!(day(value).map(|day| day.to_string())),
            Self::Pairs => value.as_object().into_iter().flatten().map(|(key, value)| json!({ "key": key, "value": value })).collect(),
            Self::Masked(_) => value.clone(),
            Self::Id(_, global) => json!(value.as_str().and_then(|id| Uuid::try_parse(id).ok()).map(global)),
        }
    }
}

fn day(value: &Json) -> Option<Date> {
    let part = |at: usize| value.get(at).and_then(Json::as_i64);
    Date::from_ordinal_date(i32::try_from(part(0)?).ok()?, u16::try_from(part(1)?).ok()?).ok()
}

impl<M> FieldOf<M> {
    /// The value of a row, as the API shows it.
    fn shown_of(&self, row: &M) -> Json {
        let value = (self.value)(row);
        match self.shown {
            Some(shown) => shown.in_clear(&value),
            None => value,
        }
    }
}

/// A table whose rows are changed one by one, with a version.
pub trait Record: Visible {
    /// What the audit calls it.
    const TYPE: RecordType;
    /// May clients keep copies of it?
    const IS_COPIED: bool = false;

    /// Its fields.
    fn fields() -> &'static [FieldOf<Self::Model>];
    /// The id of a row.
    fn id(row: &Self::Model) -> Uuid;
    /// The version of a row.
    fn version(row: &Self::Model) -> i64;
    /// Raises version and time of change.
    fn stamp(row: &mut Self::Model, now: Timestamp);
    /// When a row was archived; none for tables whose rows are not.
    fn archived_at(_row: &mut Self::Model) -> Option<&mut Option<Timestamp>> {
        None
    }
    /// Holds what decides where a row stands, beside the row itself, until the unit of work ends.
    fn hold(_scoped: &Scoped, _id: Uuid) -> impl Future<Output = Result<(), Error>> + Send {
        std::future::ready(Ok(()))
    }
    /// Changed beyond what the fields show: an identity number replaced by another.
    fn differs_unseen(_before: &Self::Model, _after: &Self::Model) -> Option<&'static str> {
        None
    }
}

/// What an input says of a record.
pub struct Said {
    /// The names of the fields that it speaks of.
    pub fields: Vec<&'static str>,
    /// The version that it was made against; none: whatever stands.
    pub expected_version: Option<i64>,
}

/// What differs between two states, for the audit.
pub fn differences<E: Record>(before: &E::Model, after: &E::Model) -> Changes {
    let mut changes = Map::new();
    for field in E::fields() {
        audit::note(&mut changes, field.name, (field.value)(before), (field.value)(after));
    }
    if let Some(field) = E::differs_unseen(before, after) {
        changes.entry(field).or_insert_with(|| json!("changed"));
    }
    changes
}

/// The fields that are null at this level.
pub fn hidden_fields<E: Record>(level: Level) -> impl Iterator<Item = &'static str> {
    E::fields().iter().filter(move |field| field.class.hidden(level)).map(|field| field.name)
}

/// Changes one record in a unit of work of its own. `edit` turns the state before into the state after. Returns the record as it stands;
/// none where the change took it out of sight. Errors: NOT_FOUND, FORBIDDEN (with the field, where it is about one), CONFLICT, those of
/// `edit`.
pub async fn change<E: Record, A: Writes<E>>(
    scoped: &Scoped,
    permit: Permit<A>,
    id: Uuid,
    said: Said,
    edit: impl FnOnce(&mut E::Model) -> Result<(), Error> + Send + 'static,
) -> Result<Option<Row<E>>, Error> {
    scoped.transaction(move |tx| async move { change_within::<E, A>(&tx, &permit, id, said, edit).await }).await
}

/// Archives or restores one record. Errors: FORBIDDEN, NOT_FOUND, CONFLICT.
pub async fn set_archived<E: Record, A: Writes<E>>(
    scoped: &Scoped,
    id: Uuid,
    archived: bool,
    expected_version: Option<i64>,
) -> Result<Option<Row<E>>, Error> {
    let permit = scoped.viewer().permit::<A>()?;
    let now = scoped.now();
    let said = Said { fields: Vec::new(), expected_version };
    change::<E, A>(scoped, permit, id, said, move |row| {
        if let Some(archived_at) = E::archived_at(row) {
            *archived_at = archived.then(|| archived_at.unwrap_or(now));
        }
        Ok(())
    })
    .await
}

/// Changes one record within a unit of work that does more than that.
pub async fn change_within<E: Record, A: Writes<E>>(
    scoped: &Scoped,
    permit: &Permit<A>,
    id: Uuid,
    said: Said,
    edit: impl FnOnce(&mut E::Model) -> Result<(), Error> + Send,
) -> Result<Option<Row<E>>, Error> {
    E::hold(scoped, id).await?;
    let row = scoped.find::<E>().id(id).for_update().one().await?.ok_or_else(Error::not_found)?;
    if !change_row(scoped, permit, &row, &said, edit).await? {
        return Ok(Some(row));
    }
    scoped.find::<E>().id(id).one().await
}

/// Changes a record that was read in this unit of work. Returns whether anything changed. Errors: FORBIDDEN, CONFLICT, those of `edit`.
pub async fn change_row<E: Record, A: Writes<E>>(
    scoped: &Scoped,
    permit: &Permit<A>,
    row: &Row<E>,
    said: &Said,
    edit: impl FnOnce(&mut E::Model) -> Result<(), Error> + Send,
) -> Result<bool, Error> {
    if !scoped.reaches_row::<E, A>(permit, &row.model, row.place) {
        return Err(Error::forbidden());
    }
    if let Some(field) = closed::<E>(said, row.level) {
        return Err(Error::forbidden_field(format!("input.{}", field.name)));
    }
    let mut after = row.model.clone();
    edit(&mut after)?;
    Ok(store::<E, A>(scoped, permit, row, row.place, said, after).await?.is_some())
}

/// Writes what a record has become, with its audit row, which tells of it at `place`. Returns it as it stands; none where nothing differs.
/// Errors: CONFLICT.
pub async fn store<E: Record, A: Writes<E>>(
    scoped: &Scoped,
    permit: &Permit<A>,
    row: &Row<E>,
    place: Option<Place>,
    said: &Said,
    mut after: E::Model,
) -> Result<Option<E::Model>, Error> {
    if said.expected_version.is_some_and(|expected| expected != E::version(&row.model)) {
        return Err(stale::<E>(row, &after, said));
    }
    let changes = differences::<E>(&row.model, &after);
    if changes.is_empty() {
        return Ok(None);
    }
    E::stamp(&mut after, scoped.now());
    if scoped.save::<E, A>(permit, &row.model, &after).await? == 0 {
        return Err(stale::<E>(row, &after, said));
    }
    let stands = E::place(&after, row.place.and_then(|place| place.owner));
    let entry = Entry::of::<A>(E::TYPE, E::id(&row.model), place, changes);
    audit::record(scoped, vec![if E::IS_COPIED { entry.moved(row.place, stands) } else { entry }]).await?;
    Ok(Some(after))
}

/// The first field spoken of that this level does not open in clear. Identity numbers may be replaced whole where they are seen masked.
fn closed<E: Record>(said: &Said, level: Level) -> Option<&'static FieldOf<E::Model>> {
    let opens = |class: FieldClass| match class {
        FieldClass::Identity => !class.hidden(level),
        class => class.opens(level),
    };
    E::fields().iter().find(|field| said.fields.contains(&field.name) && !opens(field.class))
}

/// CONFLICT: the record as it stands, as far as this viewer may see it, and what clashes.
pub fn stale<E: Record>(row: &Row<E>, wanted: &E::Model, said: &Said) -> Error {
    let mut current = Map::new();
    let mut fields = Vec::new();
    for field in E::fields().iter().filter(|field| field.class.opens(row.level)) {
        if said.fields.contains(&field.name) && (field.value)(&row.model) != (field.value)(wanted) {
            fields.push(field.name.to_owned());
        }
        current.insert(field.name.to_owned(), field.shown_of(&row.model));
    }
    Error::Conflict(Box::new(Conflict {
        current_version: Some(E::version(&row.model)),
        current: Json::Object(current),
        fields,
        violation: None,
    }))
}
