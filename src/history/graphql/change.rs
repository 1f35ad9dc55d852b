//! Single changes: what `told` lets through, with the records that values name as this viewer sees them.

use async_graphql::{Context, Json, Result, SimpleObject};
use entity::{UnitId, UserId};
use serde_json::{Value as Plain, json};

use crate::access::{Action, Level, Resource};
use crate::audit::RecordType;
use crate::graphql::context::Ask;
use crate::graphql::id::to_global;
use crate::history::told::{Change, Value, changes};
use crate::org::graphql::{OrgUnit, User};

/// What became of a field, as far as you see the field today. Phone, e-mail and address are masked where you see them masked; identity
/// numbers are told as "present", "changed" and "revealed" alone.
#[derive(SimpleObject)]
pub struct FieldChange {
    /// The field.
    field: String,
    /// The value before, as the record shows it: a text or number, an amount of money, a unit as `{id, code, name}`, a user as
    /// `{id, name}`. Null: there was none, or you may not see whom or what it names.
    before: Option<Json<Plain>>,
    /// The value after. Null: there is none, or you may not see whom or what it names.
    after: Option<Json<Plain>>,
    /// true: the value before names a user or unit that you do not see.
    before_hidden: bool,
    /// true: the value after names a user or unit that you do not see.
    after_hidden: bool,
}

/// A value as it goes out.
enum Seen {
    As(Plain),
    OutOfSight,
    /// The whole change is for others.
    Untold,
}

/// What somebody who sees the record at `level` is told.
pub async fn told(ctx: &Context<'_>, kind: RecordType, level: Level, kept: &Plain) -> Result<Vec<FieldChange>> {
    let told = changes(kind, level, kept).into_iter().map(|change| one(ctx, change));
    Ok(futures::future::try_join_all(told).await?.into_iter().flatten().collect())
}

/// What was refused in a request, in the words of the answer: no values of anybody's.
pub fn refused(kept: &Plain) -> Vec<FieldChange> {
    let plain = |field: &str, after: &Plain| FieldChange {
        field: field.to_owned(),
        before: None,
        after: Some(Json(after.clone())),
        before_hidden: false,
        after_hidden: false,
    };
    let denied = kept["denied"].as_array().into_iter().flatten();
    let denied = denied.filter_map(|one| Some(plain(one["path"].as_str()?, &one["code"])));
    let rest = ["operation", "leftOut"].into_iter().filter_map(|name| Some(plain(name, kept.get(name)?)));
    denied.chain(rest).collect()
}

async fn one(ctx: &Context<'_>, change: Change) -> Result<Option<FieldChange>> {
    let (before, after) = futures::try_join!(seen(ctx, change.before), seen(ctx, change.after))?;
    if matches!(before, Seen::Untold) || matches!(after, Seen::Untold) {
        return Ok(None);
    }
    let (before_hidden, after_hidden) = (matches!(before, Seen::OutOfSight), matches!(after, Seen::OutOfSight));
    let shown = |seen| match seen {
        Seen::As(value) if !value.is_null() => Some(Json(value)),
        _ => None,
    };
    Ok(Some(FieldChange { field: change.field, before: shown(before), after: shown(after), before_hidden, after_hidden }))
}

async fn seen(ctx: &Context<'_>, value: Value) -> Result<Seen> {
    let value = match value {
        Value::Plain(value) => Some(value),
        Value::Id(RecordType::User, id) => user(ctx, UserId(id)).await?,
        Value::Id(RecordType::OrgUnit, id) => unit(ctx, UnitId(id)).await?,
        Value::Id(..) => None,
        Value::Post { role, unit: at } => {
            let viewer = ctx.scoped()?.viewer();
            let administers = viewer.arms(Resource::Organisation, Action::Administer);
            if !administers.iter().any(|arm| arm.reaches(viewer.tree(), UnitId(at), None)) {
                return Ok(Seen::Untold);
            }
            Some(json!({ "role": role, "unit": unit(ctx, UnitId(at)).await? }))
        }
    };
    Ok(value.map_or(Seen::OutOfSight, Seen::As))
}

async fn user(ctx: &Context<'_>, id: UserId) -> Result<Option<Plain>> {
    let user = User::load(ctx, id).await?;
    Ok(user.map(|User(row)| json!({ "id": to_global(row.model.id).0, "name": row.model.name })))
}

async fn unit(ctx: &Context<'_>, id: UnitId) -> Result<Option<Plain>> {
    let unit = OrgUnit::load(ctx, id).await?;
    Ok(unit.map(|OrgUnit(row)| json!({ "id": to_global(row.model.id).0, "code": row.model.code, "name": row.model.name })))
}
