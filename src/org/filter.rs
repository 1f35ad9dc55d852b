//! Filters and orders of unit lists.

use async_graphql::{Enum, InputObject};
use entity::org_unit;
use sea_orm::{ColumnTrait, Condition};

use crate::access::Permits;
use crate::access::action::OrganisationAdminister;
use crate::db::{Order, Scoped};
use crate::error::Error;
use crate::graphql::filter::{ExactFilter, Wrong};
use crate::graphql::words::{SortDirection, UnitKind};

/// Which units a list shows. Options are ANDed.
#[derive(Clone, Debug, Default, InputObject)]
pub struct OrgUnitFilter {
    /// By code.
    pub code: Option<ExactFilter>,
    /// By whole name.
    pub name: Option<ExactFilter>,
    /// Of one of these kinds.
    pub kind: Option<Vec<UnitKind>>,
    /// true: archived units as well; needs the right to administer, and shows those within it.
    pub archived: Option<bool>,
}

/// By what units are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OrgUnitSortField {
    /// By code.
    Code,
}

/// In which order units come.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct OrgUnitSort {
    /// By what.
    pub field: OrgUnitSortField,
    /// Which way.
    #[graphql(default)]
    pub direction: SortDirection,
}

impl OrgUnitFilter {
    /// What rows fulfil. Errors: BAD_USER_INPUT, FORBIDDEN.
    pub fn condition(&self, scoped: &Scoped) -> Result<Condition, Error> {
        use org_unit::Column;
        let kept = kept(scoped, self.archived, "filter.archived")?;
        let mut wrong = Wrong::default();
        self.kind.iter().for_each(|kinds| wrong.count("filter.kind", kinds.len()));
        let kinds = self.kind.as_ref().map(|kinds| Column::Kind.is_in(kinds.iter().map(|kind| org_unit::UnitKind::from(*kind))));
        let condition = Condition::all()
            .add_option(self.code.as_ref().map(|code| code.condition(Column::Code, "filter.code", &mut wrong)))
            .add_option(self.name.as_ref().map(|name| name.condition(Column::Name, "filter.name", &mut wrong)))
            .add_option(kinds)
            .add(kept);
        Error::unless_empty(wrong.0)?;
        Ok(condition)
    }
}

/// Units that lists show: those that are not archived, and where it is asked for the archived ones that the caller administers. Errors:
/// FORBIDDEN with the field, without the right to administer.
pub fn kept(scoped: &Scoped, archived: Option<bool>, field: &str) -> Result<Condition, Error> {
    let current = org_unit::Column::ArchivedAt.is_null();
    if archived != Some(true) {
        return Ok(Condition::all().add(current));
    }
    scoped.viewer().permit::<OrganisationAdminister>().map_err(|_| Error::forbidden_field(field))?;
    Ok(Condition::any().add(current).add(scoped.reached_by::<org_unit::Entity, OrganisationAdminister>()))
}

/// The order behind a sort; none: by code.
pub fn order(sort: Option<OrgUnitSort>) -> Order<org_unit::Entity> {
    super::repo::by_code(sort.is_some_and(|sort| sort.direction == SortDirection::Desc))
}
