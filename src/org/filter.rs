//! Filters and orders of the lists of units and users.

use async_graphql::{Enum, InputObject};
use entity::{UnitId, org_unit, post, user};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition};

use crate::access::action::OrganisationAdminister;
use crate::access::visible::open_posts;
use crate::access::{Level, Permits};
use crate::db::{Order, Scoped};
use crate::error::Error;
use crate::graphql::filter::{ExactFilter, IdFilter, TextFilter, Wrong};
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

/// Matches names, without regard to the case of the letters a to z.
#[derive(Clone, Debug, Default, InputObject)]
pub struct NameFilter {
    /// Equal to this, case and all.
    pub eq: Option<String>,
    /// Contains this anywhere.
    pub contains: Option<String>,
}

/// Which users a list shows. Options are ANDed. Everything but the name is for administrators, and then only those whom you administer are
/// found.
#[derive(Clone, Debug, Default, InputObject)]
pub struct UserFilter {
    /// By name.
    pub name: Option<NameFilter>,
    /// By the name for signing in (needs administer).
    pub username: Option<NameFilter>,
    /// By whole e-mail address (needs administer).
    pub email: Option<ExactFilter>,
    /// With a post that has not ended, at one of these units, of those that you administer.
    pub unit: Option<IdFilter>,
    /// With a post of this role that has not ended, at a unit that you administer.
    pub role: Option<ExactFilter>,
    /// true: disabled; false: not (needs administer).
    pub disabled: Option<bool>,
}

/// By what users are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum UserSortField {
    /// By name.
    Name,
    /// By the name for signing in (needs administer, and finds only those whom you administer).
    Username,
}

/// In which order users come.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct UserSort {
    /// By what.
    pub field: UserSortField,
    /// Which way.
    #[graphql(default)]
    pub direction: SortDirection,
}

impl NameFilter {
    fn condition<C: ColumnTrait>(&self, scoped: &Scoped, column: C, field: &str, wrong: &mut Wrong) -> Condition {
        let exact = ExactFilter { eq: self.eq.clone(), ..ExactFilter::default() }.condition(column, field, wrong);
        let part = self.contains.as_ref().map(|part| {
            let within = TextFilter { contains: Some(part.clone()), ..TextFilter::default() };
            within.condition_on(scoped.lower_a_to_z(column), str::to_ascii_lowercase, field, wrong)
        });
        exact.add_option(part)
    }
}

impl UserFilter {
    /// The first option that is for administrators.
    fn administrators_option(&self) -> Option<&'static str> {
        let options = [
            ("filter.username", self.username.is_some()),
            ("filter.email", self.email.is_some()),
            ("filter.unit", self.unit.is_some()),
            ("filter.role", self.role.is_some()),
            ("filter.disabled", self.disabled.is_some()),
        ];
        options.into_iter().find(|(_, is_there)| *is_there).map(|(field, _)| field)
    }

    /// What rows fulfil. What is hidden tells nothing by being filtered or sorted by: only those are found whose it is not hidden. Errors:
    /// BAD_USER_INPUT; FORBIDDEN naming an option that is for administrators.
    pub fn condition(&self, scoped: &Scoped, sort: Option<UserSort>) -> Result<Condition, Error> {
        use user::Column;
        let by_username = sort.is_some_and(|sort| sort.field == UserSortField::Username);
        let needs = self.administrators_option().or(by_username.then_some("sort.field"));
        if let Some(field) = needs {
            scoped.viewer().permit::<OrganisationAdminister>().map_err(|_| Error::forbidden_field(field))?;
        }
        let mut wrong = Wrong::default();
        let mut all = Condition::all()
            .add_option(needs.map(|_| scoped.reached_by::<user::Entity, OrganisationAdminister>()))
            .add_option(self.name.as_ref().map(|name| name.condition(scoped, Column::Name, "filter.name", &mut wrong)))
            .add_option(self.username.as_ref().map(|name| name.condition(scoped, Column::Username, "filter.username", &mut wrong)))
            .add_option(self.email.as_ref().map(|email| email.condition(Column::Email, "filter.email", &mut wrong)))
            .add_option(self.disabled.map(|is_disabled| match is_disabled {
                true => Column::DisabledAt.is_not_null(),
                false => Column::DisabledAt.is_null(),
            }));
        if self.unit.is_some() || self.role.is_some() {
            let unit = self.unit.as_ref().map(|unit| unit.condition::<_, UnitId>(post::Column::UnitId, "filter.unit", &mut wrong));
            let role = self.role.as_ref().map(|role| role.condition(post::Column::Role, "filter.role", &mut wrong));
            let held =
                scoped.reached_by::<post::Entity, OrganisationAdminister>().add_option(unit).add_option(role).add(open_posts(scoped.now()));
            let theirs = Expr::col(post::Column::UserId.as_column_ref()).equals(Column::Id.as_column_ref());
            all = all.add(scoped.exists::<post::Entity>(theirs, Condition::all().add(held), Level::Card));
        }
        Error::unless_empty(wrong.0)?;
        Ok(all)
    }
}

/// The order behind a sort; none: by name.
pub fn user_order(sort: Option<UserSort>) -> Order<user::Entity> {
    let descending = sort.is_some_and(|sort| sort.direction == SortDirection::Desc);
    match sort.map(|sort| sort.field) {
        Some(UserSortField::Username) => super::repo::by_username(descending),
        Some(UserSortField::Name) | None => super::repo::by_name(descending),
    }
}
