//! Which changes concern a viewer: those of records that an arm reached before, or reaches after.

use entity::change;
use sea_orm::sea_query::IntoCondition;
use sea_orm::{ColumnTrait, Condition};

use super::{area_condition, below};
use crate::access::{Action, Area, Arm, Level, Resource, Viewer};

/// Changes of records of this type, whose rows exist for a viewer from `floor` on; none where no arm sees that much.
pub fn changes_of(record_type: &str, floor: Level, viewer: &Viewer) -> Option<Condition> {
    let arms = viewer.arms(Resource::Customer, Action::Read);
    let needed = Arm::needed(arms, viewer.tree(), floor);
    if needed.is_empty() {
        return None;
    }
    let touched = needed.iter().fold(Condition::any(), |any, arm| {
        let before = stood(arm, change::Column::UnitBefore, change::Column::OwnerBefore);
        any.add(before).add(stood(arm, change::Column::UnitAfter, change::Column::OwnerAfter))
    });
    Some(change::Column::RecordType.eq(record_type).into_condition().add(touched))
}

fn stood(arm: &Arm, unit: change::Column, owner: change::Column) -> Condition {
    let area = match &arm.area {
        Area::Region(region) => Condition::all().add(unit.in_subquery(below(&[*region]))),
        area => area_condition(area, unit, unit),
    };
    // A row that did not stand anywhere is reached by nobody, not even by who sees the whole group.
    let area = area.add(unit.is_not_null());
    match arm.owner {
        Some(person) => area.add(owner.eq(person)),
        None => area,
    }
}
