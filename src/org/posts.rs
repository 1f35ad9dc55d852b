//! The fields of posts: what their audit rows tell. Whoever administers a post sees all of it, and nobody else any.

use entity::{ActiveEnum, Timestamp, UnitId, UserId, post};
use serde_json::json;
use uuid::Uuid;

use crate::access::FieldClass;
use crate::audit::RecordType;
use crate::graphql::id::to_global;
use crate::record::{FieldOf, Record, Shown};

const USER: Shown = Shown::Id(RecordType::User, |id| to_global(UserId(id)).0);

const FIELDS: &[FieldOf<post::Model>] = &[
    FieldOf { name: "userId", class: FieldClass::Note, value: |row| json!(row.user_id.0), shown: Some(USER) },
    FieldOf { name: "role", class: FieldClass::Note, value: |row| json!(row.role), shown: None },
    FieldOf {
        name: "unitId",
        class: FieldClass::Note,
        value: |row| json!(row.unit_id.0),
        shown: Some(Shown::Id(RecordType::OrgUnit, |id| to_global(UnitId(id)).0)),
    },
    FieldOf { name: "validFrom", class: FieldClass::Note, value: |row| json!(row.valid_from.0), shown: Some(Shown::Moment) },
    FieldOf { name: "validTo", class: FieldClass::Note, value: |row| json!(row.valid_to.map(|at| at.0)), shown: Some(Shown::Moment) },
    FieldOf { name: "origin", class: FieldClass::Note, value: |row| json!(row.origin.to_value()), shown: None },
    FieldOf { name: "actingFor", class: FieldClass::Note, value: |row| json!(row.acting_for.map(|user| user.0)), shown: Some(USER) },
];

impl Record for post::Entity {
    const TYPE: RecordType = RecordType::Post;

    fn fields() -> &'static [FieldOf<post::Model>] {
        FIELDS
    }

    fn id(row: &post::Model) -> Uuid {
        row.id.0
    }

    fn version(row: &post::Model) -> i64 {
        row.version
    }

    fn stamp(row: &mut post::Model, now: Timestamp) {
        row.version += 1;
        row.updated_at = now;
    }
}
