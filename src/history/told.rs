//! What an audit row tells a reader of its changes. Pure. What is not known to be open stays untold: a field that no table names, a value
//! of another form than its field has.

use entity::{contact, customer, org_unit, post, user};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::access::{FieldClass, Level};
use crate::audit::RecordType;
use crate::record::{Record, Shown};

/// What a change says where it tells no values.
const WORDS: [&str; 3] = ["present", "changed", "revealed"];

/// A value before or after.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// As it is shown.
    Plain(Json),
    /// A record, which not every reader may see.
    Id(RecordType, Uuid),
    /// A post, told by its role and unit; for whoever administers the unit.
    Post {
        /// The role's code.
        role: String,
        /// Where.
        unit: Uuid,
    },
}

/// A change that a reader may be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The field, as clients name it.
    pub field: String,
    /// The value before.
    pub before: Value,
    /// The value after.
    pub after: Value,
}

/// What is known of a field of a record.
#[derive(Clone, Copy)]
struct Known {
    class: FieldClass,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    AsKept,
    Shown(Shown),
    Post,
}

fn known(kind: RecordType, name: &str) -> Option<Known> {
    match kind {
        RecordType::Customer => of::<customer::Entity>(name),
        RecordType::Contact => of::<contact::Entity>(name),
        RecordType::OrgUnit => of::<org_unit::Entity>(name),
        RecordType::User => of::<user::Entity>(name).or_else(|| beside_a_user(name)),
        RecordType::Post => of::<post::Entity>(name),
        RecordType::Delegation
        | RecordType::Role
        | RecordType::PolicyRule
        | RecordType::Session
        | RecordType::PlannedMove
        | RecordType::Request => None,
    }
}

fn of<E: Record>(name: &str) -> Option<Known> {
    let field = E::fields().iter().find(|field| field.name == name)?;
    Some(Known { class: field.class, form: field.shown.map_or(Form::AsKept, Form::Shown) })
}

/// What rows of a user tell that is no field of the user.
fn beside_a_user(name: &str) -> Option<Known> {
    let form = match name {
        "password" | "disabled" => Form::AsKept,
        "post" => Form::Post,
        _ => return None,
    };
    Some(Known { class: FieldClass::Note, form })
}

/// What somebody who sees the record at `level` is told of `changes`, by name of the field.
pub fn changes(kind: RecordType, level: Level, changes: &Json) -> Vec<Change> {
    let told = |(field, change): (&String, &Json)| {
        let known = known(kind, field).filter(|known| !known.class.hidden(level))?;
        let (before, after) = sides(known, level, change)?;
        Some(Change { field: field.clone(), before, after })
    };
    let mut told: Vec<Change> = changes.as_object().into_iter().flatten().filter_map(told).collect();
    told.sort_by(|one, other| one.field.cmp(&other.field));
    told
}

fn sides(known: Known, level: Level, change: &Json) -> Option<(Value, Value)> {
    match change {
        Json::Array(sides) => match sides.as_slice() {
            [before, after] => Some((value(known, level, before)?, value(known, level, after)?)),
            _ => None,
        },
        Json::String(word) if WORDS.contains(&word.as_str()) => Some((Value::Plain(Json::Null), Value::Plain(change.clone()))),
        Json::Bool(_) if matches!(known.form, Form::AsKept) => Some((Value::Plain(Json::Null), Value::Plain(change.clone()))),
        _ => None,
    }
}

fn value(known: Known, level: Level, value: &Json) -> Option<Value> {
    if value.is_null() {
        return Some(Value::Plain(Json::Null));
    }
    let is_open = known.class.opens(level);
    match known.form {
        // Identity numbers are told by words alone, whatever the level.
        _ if known.class == FieldClass::Identity => value.as_str().filter(|word| WORDS.contains(word)).map(|_| Value::Plain(value.clone())),
        Form::Shown(Shown::Masked(mask)) if !is_open => value.as_str().map(|text| Value::Plain(Json::String(mask(text)))),
        _ if !is_open => None,
        Form::AsKept => Some(Value::Plain(value.clone())),
        Form::Shown(Shown::Id(kind, _)) => Some(Value::Id(kind, id(value)?)),
        Form::Shown(shown) => Some(Value::Plain(shown.in_clear(value))),
        Form::Post => Some(Value::Post { role: value["role"].as_str()?.to_owned(), unit: id(&value["unitId"])? }),
    }
}

fn id(value: &Json) -> Option<Uuid> {
    value.as_str().and_then(|id| Uuid::try_parse(id).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::FieldOf;

    const EVERY: [RecordType; 5] = [RecordType::Customer, RecordType::Contact, RecordType::OrgUnit, RecordType::User, RecordType::Post];

    type Fields = Vec<(&'static str, FieldClass, Option<Shown>)>;

    fn fields<E: Record>() -> Fields {
        E::fields().iter().map(|FieldOf { name, class, shown, .. }| (*name, *class, *shown)).collect()
    }

    fn every_field() -> Vec<(RecordType, Fields)> {
        let all = [
            fields::<customer::Entity>(),
            fields::<contact::Entity>(),
            fields::<org_unit::Entity>(),
            fields::<user::Entity>(),
            fields::<post::Entity>(),
        ];
        EVERY.into_iter().zip(all).collect()
    }

    #[test]
    fn every_field_that_is_kept_in_another_form_says_how_it_is_shown() {
        for (kind, fields) in every_field() {
            assert!(!fields.is_empty());
            for (name, class, shown) in fields {
                let is_id = matches!(shown, Some(Shown::Id(..)));
                assert_eq!(is_id, name.ends_with("Id") || name == "actingFor", "{kind:?} {name}: an id names somebody or something");
                let is_moment = matches!(shown, Some(Shown::Moment));
                assert_eq!(is_moment, name.ends_with("At") || name.starts_with("valid"), "{kind:?} {name}: a moment is kept as a number");
                assert_eq!(matches!(shown, Some(Shown::Day)), name.ends_with("Date"), "{kind:?} {name}: a day is kept as numbers");
                let is_masked = matches!(shown, Some(Shown::Masked(_)));
                assert_eq!(is_masked, class == FieldClass::Contact, "{kind:?} {name}: CONTACT has a mask, and nothing else has");
            }
        }
    }

    #[test]
    fn no_level_tells_more_than_the_class_opens() {
        let secret = json!(["SECRET-OLD-VALUE", "SECRET-NEW-VALUE"]);
        for (kind, fields) in every_field() {
            for (name, class, _) in fields {
                for level in Level::EVERY {
                    let told = changes(kind, *level, &json!({ name: secret }));
                    assert!(!class.hidden(*level) || told.is_empty(), "{kind:?} {name} {level:?}: {told:?}");
                    let clear = format!("{told:?}").contains("SECRET-OLD-VALUE");
                    assert!(!clear || class.opens(*level), "{kind:?} {name} {level:?}: {told:?}");
                    let opens = class.opens(*level) && known(kind, name).is_some_and(|known| matches!(known.form, Form::AsKept));
                    assert_eq!(clear, opens || (class.opens(*level) && class == FieldClass::Contact), "{kind:?} {name} {level:?}");
                }
            }
        }
    }

    #[test]
    fn masks_cover_both_sides() {
        let kept = json!({ "phone": ["13812345678", "13987654321"], "name": ["Anna", "Anne"], "birthDate": [null, "1990-01-01"] });
        let told = changes(RecordType::Customer, Level::Basic, &kept);
        let plain = |text: &str| Value::Plain(json!(text));
        assert_eq!(told.len(), 2);
        assert_eq!((&told[0].before, &told[0].after), (&plain("Anna"), &plain("Anne")));
        assert_eq!((&told[1].before, &told[1].after), (&plain("138****5678"), &plain("139****4321")));
    }

    #[test]
    fn what_no_table_names_stays_untold() {
        let kept = json!({
            "identityNumber": ["310101199001011234", "present"], "customerId": [null, Uuid::nil()], "secret": ["a", "b"], "phone": "13800138000",
            "unitId": [7, 8], "password": ["old", "new"],
        });
        assert_eq!(changes(RecordType::Customer, Level::Full, &kept), []);
        assert_eq!(changes(RecordType::Request, Level::Full, &kept), []);
        let words = changes(RecordType::Customer, Level::Full, &json!({ "identityNumber": "changed", "phone": "revealed" }));
        assert_eq!(words.len(), 2);
        let hidden = changes(RecordType::Customer, Level::Card, &json!({ "identityNumber": "changed", "phone": "revealed" }));
        assert_eq!(hidden, []);
    }
}
