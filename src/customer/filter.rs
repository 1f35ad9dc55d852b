//! Filters and orders of customer lists, and what they mean in SQL. A predicate on a classed field narrows the list to rows whose level
//! opens that class, whatever `or` and `not` it stands in.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Mutex;

use async_graphql::{Enum, ID, InputObject};
use entity::{UnitId, UserId, customer, org_path, org_unit};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _, clock::DefaultClock};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query as Sql};
use sea_orm::{ColumnTrait, Condition};

use super::fields;
use super::rules::fold;
use crate::access::action::{CustomerArchive, CustomerRead};
use crate::access::{Level, Permits};
use crate::contact::filter::ContactFilter;
use crate::db::{KeyValue, Order, Scoped};
use crate::error::{Error, Violation};
use crate::graphql::filter::{DateFilter, DateTimeFilter, ExactFilter, IdFilter, MOST_NESTED, MoneyFilter, TextFilter, Wrong};
use crate::graphql::id::from_global;
use crate::graphql::words::{CustomerClass, CustomerKind, SightLevel, SortDirection};
use crate::secrets::Identity;

const MOST_BRANCHES: usize = 20;
const LOOKUPS_A_MINUTE: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// Matches the kind of a customer.
#[derive(Clone, Debug, Default, InputObject)]
pub struct CustomerKindFilter {
    /// Equal to this.
    pub eq: Option<CustomerKind>,
    /// Equal to one of these.
    #[graphql(name = "in")]
    pub one_of: Option<Vec<CustomerKind>>,
}

/// Matches the class of a customer.
#[derive(Clone, Debug, Default, InputObject)]
pub struct CustomerClassFilter {
    /// Equal to this.
    pub eq: Option<CustomerClass>,
    /// Equal to one of these.
    #[graphql(name = "in")]
    pub one_of: Option<Vec<CustomerClass>>,
}

/// Matches an identity number as a whole.
#[derive(Clone, Debug, InputObject)]
pub struct IdentityFilter {
    /// Exactly this number; white space, dashes and case do not count.
    pub eq: String,
}

/// Which customers a list shows. Options are ANDed. An option on a field that your rights open on some customers only (phone, birth date,
/// annual income, ...) shows no others; on a field that they open nowhere it is FORBIDDEN.
#[derive(Clone, Debug, Default, InputObject)]
pub struct CustomerFilter {
    /// By id.
    pub id: Option<IdFilter>,
    /// By what other systems call the customer.
    pub external_ref: Option<ExactFilter>,
    /// By name, without regard to case and width.
    pub name: Option<TextFilter>,
    /// By kind.
    pub kind: Option<CustomerKindFilter>,
    /// By class.
    pub class: Option<CustomerClassFilter>,
    /// By the unit that serves the customer.
    pub unit: Option<IdFilter>,
    /// Served by this unit or one below it.
    pub under_unit: Option<ID>,
    /// By owner.
    pub owner: Option<IdFilter>,
    /// By the moment of creation.
    pub created_at: Option<DateTimeFilter>,
    /// By the moment of the last change.
    pub updated_at: Option<DateTimeFilter>,
    /// By line of business (needs BASIC).
    pub industry: Option<ExactFilter>,
    /// By whole phone number (needs FULL).
    pub phone: Option<ExactFilter>,
    /// By whole e-mail address (needs FULL).
    pub email: Option<ExactFilter>,
    /// By day of birth (needs FULL).
    pub birth_date: Option<DateFilter>,
    /// By gender (needs FULL).
    pub gender: Option<ExactFilter>,
    /// By occupation (needs FULL).
    pub occupation: Option<ExactFilter>,
    /// By education (needs FULL).
    pub education: Option<ExactFilter>,
    /// By annual income (needs FULL).
    pub annual_income: Option<MoneyFilter>,
    /// By identity number (needs FULL; at most 20 times a minute).
    pub identity_number: Option<IdentityFilter>,
    /// Has a contact like this (needs BASIC).
    pub contact: Option<ContactFilter>,
    /// At least one of these holds. Nests at most 3 deep with `not`.
    pub or: Option<Vec<CustomerFilter>>,
    /// This does not hold.
    pub not: Option<Box<CustomerFilter>>,
    /// true: archived customers as well; needs the right to archive, and shows those within it. At the top of a filter only.
    pub archived: Option<bool>,
    /// Only customers that you see at this level or above. At the top of a filter only.
    pub min_level: Option<SightLevel>,
}

/// By what customers are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum CustomerSortField {
    /// By the moment of creation.
    CreatedAt,
    /// By the moment of the last change.
    UpdatedAt,
    /// By name.
    Name,
    /// By what other systems call the customer; without a reference first.
    ExternalRef,
    /// By line of business; without one first. Needs `filter.minLevel: BASIC`.
    Industry,
    /// By annual income in minor units of whatever currency; without one first. Needs `filter.minLevel: FULL`.
    AnnualIncome,
}

/// In which order customers come.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct CustomerSort {
    /// By what.
    pub field: CustomerSortField,
    /// Which way.
    #[graphql(default)]
    pub direction: SortDirection,
}

/// Counts exact lookups of identity numbers by user.
pub struct IdentityLookups(DefaultKeyedRateLimiter<UserId>);

impl Default for IdentityLookups {
    fn default() -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(LOOKUPS_A_MINUTE)))
    }
}

impl IdentityLookups {
    fn count(&self, user: Option<UserId>) -> Result<(), Error> {
        let Some(user) = user else { return Ok(()) };
        self.0.check_key(&user).map_err(|until| Error::RateLimited {
            what: "identity numbers looked up a minute",
            limit: Some(LOOKUPS_A_MINUTE.get().into()),
            retry_after: until.wait_time_from(DefaultClock::default().now()),
        })
    }
}

/// The numbers that a request has looked up: the same list under many units looks one number up once.
#[derive(Default)]
pub struct LookedUp(Mutex<HashSet<Vec<u8>>>);

impl LookedUp {
    fn is_new(&self, index: &[u8]) -> bool {
        self.0.lock().map_or(true, |mut seen| seen.insert(index.to_vec()))
    }
}

/// What a filter needs to be understood.
pub struct Understanding<'a> {
    /// Who asks.
    pub scoped: &'a Scoped,
    /// Indexes identity numbers.
    pub identity: &'a Identity,
    /// Limits lookups of them.
    pub lookups: &'a IdentityLookups,
    /// Those of this request.
    pub looked_up: &'a LookedUp,
}

/// A filter as it goes into a query.
#[derive(Clone, Debug)]
pub struct Understood {
    /// What rows fulfil.
    pub condition: Condition,
    /// The level that they are seen at, at least.
    pub floor: Level,
    /// How many identity numbers it looks up that the request has not looked up before: each leaves an audit row before the answer.
    pub lookups: usize,
}

struct Reading<'a> {
    with: &'a Understanding<'a>,
    wrong: Wrong,
    needs: Level,
    lookups: usize,
}

/// Understands filter and sort. Errors: BAD_USER_INPUT, FORBIDDEN naming a field that the viewer may not filter or sort by, RATE_LIMITED.
pub fn understand(filter: Option<&CustomerFilter>, sort: Option<CustomerSort>, with: &Understanding<'_>) -> Result<Understood, Error> {
    let permit = with.scoped.viewer().permit::<CustomerRead>()?;
    let nothing = CustomerFilter::default();
    let filter = filter.unwrap_or(&nothing);
    let mut reading = Reading { with, wrong: Wrong::default(), needs: Level::Card, lookups: 0 };
    let mut condition = reading.read(filter, 0)?;
    let (needs, lookups) = (reading.needs, reading.lookups);
    Error::unless_empty(reading.wrong.0)?;
    let floor = filter.min_level.map_or(Level::Card, Level::from);
    if let Some(field) = sort.map(|sort| sort.field.name())
        && floor < fields::class(field).filters_at()
    {
        return Err(Error::forbidden_field("sort.field"));
    }
    let floor = floor.max(needs);
    if !permit.arms().iter().any(|arm| arm.level >= floor) {
        return Err(Error::forbidden_field("filter.minLevel"));
    }
    if filter.archived == Some(true) {
        with.scoped.viewer().permit::<CustomerArchive>().map_err(|_| Error::forbidden_field("filter.archived"))?;
        let theirs = with.scoped.reached_by::<customer::Entity, CustomerArchive>();
        condition = condition.add(Condition::any().add(customer::Column::ArchivedAt.is_null()).add(theirs));
    } else {
        condition = condition.add(customer::Column::ArchivedAt.is_null());
    }
    Ok(Understood { condition, floor, lookups })
}

impl Reading<'_> {
    /// A predicate on a classed field: FORBIDDEN where no arm of the viewer opens it, else the list is narrowed to rows that do.
    fn needs(&mut self, field: &'static str) -> Result<(), Error> {
        let level = fields::class(field).filters_at();
        self.needs_level(level, field)
    }

    fn needs_level(&mut self, level: Level, field: &str) -> Result<(), Error> {
        let arms = self.with.scoped.viewer().arms(crate::access::Resource::Customer, crate::access::Action::Read);
        if !arms.iter().any(|arm| arm.level >= level) {
            return Err(Error::forbidden_field(format!("filter.{field}")));
        }
        self.needs = self.needs.max(level);
        Ok(())
    }

    fn read(&mut self, filter: &CustomerFilter, depth: usize) -> Result<Condition, Error> {
        use customer::Column;
        if depth > MOST_NESTED {
            return Err(Error::invalid(Violation::new("filter", "depth", "nests or and not more than 3 deep", "or和not嵌套超过3层")));
        }
        if depth > 0 {
            for (field, is_given) in [("archived", filter.archived.is_some()), ("minLevel", filter.min_level.is_some())] {
                if is_given {
                    self.wrong.0.push(Violation::new(
                        format!("filter.{field}"),
                        "top",
                        "stands at the top of a filter only",
                        "只能位于过滤器顶层",
                    ));
                }
            }
        }
        let mut all = Condition::all()
            .add_option(filter.id.as_ref().map(|id| id.condition::<_, entity::CustomerId>(Column::Id, "filter.id", &mut self.wrong)))
            .add_option(filter.external_ref.as_ref().map(|text| text.condition(Column::ExternalRef, "filter.externalRef", &mut self.wrong)))
            .add_option(filter.name.as_ref().map(|name| name.condition(Column::NameFolded, fold, "filter.name", &mut self.wrong)))
            .add_option(filter.unit.as_ref().map(|unit| unit.condition::<_, UnitId>(Column::UnitId, "filter.unit", &mut self.wrong)))
            .add_option(filter.owner.as_ref().map(|owner| owner.condition::<_, UserId>(Column::OwnerId, "filter.owner", &mut self.wrong)))
            .add_option(filter.created_at.as_ref().map(|at| at.condition(Column::CreatedAt, "filter.createdAt", &mut self.wrong)))
            .add_option(filter.updated_at.as_ref().map(|at| at.condition(Column::UpdatedAt, "filter.updatedAt", &mut self.wrong)));
        if let Some(kind) = &filter.kind {
            self.wrong.count("filter.kind", kind.one_of.as_ref().map_or(0, Vec::len));
            let kinds = kind.one_of.as_ref().map(|kinds| Column::Kind.is_in(kinds.iter().map(|kind| customer::CustomerKind::from(*kind))));
            all = all.add_option(kind.eq.map(|kind| Column::Kind.eq(customer::CustomerKind::from(kind)))).add_option(kinds);
        }
        if let Some(class) = &filter.class {
            self.wrong.count("filter.class", class.one_of.as_ref().map_or(0, Vec::len));
            let classes = class.one_of.as_ref();
            let classes = classes.map(|some| Column::Class.is_in(some.iter().map(|class| customer::CustomerClass::from(*class))));
            all = all.add_option(class.eq.map(|class| Column::Class.eq(customer::CustomerClass::from(class)))).add_option(classes);
        }
        if let Some(unit) = &filter.under_unit {
            self.wrong.count("filter.underUnit", 1);
            all = all.add(self.under(unit)?);
        }
        for (field, exact, column) in [
            (fields::INDUSTRY, &filter.industry, Column::Industry),
            (fields::PHONE, &filter.phone, Column::Phone),
            (fields::EMAIL, &filter.email, Column::Email),
            (fields::GENDER, &filter.gender, Column::Gender),
            (fields::OCCUPATION, &filter.occupation, Column::Occupation),
            (fields::EDUCATION, &filter.education, Column::Education),
        ] {
            if let Some(exact) = exact {
                self.needs(field)?;
                all = all.add(exact.condition(column, &format!("filter.{field}"), &mut self.wrong));
            }
        }
        if let Some(date) = &filter.birth_date {
            self.needs(fields::BIRTH_DATE)?;
            all = all.add(date.condition(Column::BirthDate, "filter.birthDate", &mut self.wrong));
        }
        if let Some(money) = &filter.annual_income {
            self.needs(fields::ANNUAL_INCOME)?;
            let (minor, currency) = (Column::AnnualIncomeMinor, Column::AnnualIncomeCurrency);
            all = all.add(money.condition(minor, currency, "filter.annualIncome", &mut self.wrong));
        }
        if let Some(number) = &filter.identity_number {
            self.needs(fields::IDENTITY_NUMBER)?;
            self.wrong.count("filter.identityNumber", 1);
            let index = self.with.identity.index(&number.eq)?;
            if self.with.looked_up.is_new(&index) {
                self.lookups += 1;
                self.with.lookups.count(self.with.scoped.viewer().user_id())?;
            }
            all = all.add(Column::IdentityIndex.eq(index));
        }
        if let Some(contact) = &filter.contact {
            self.needs_level(contact.needs(), "contact")?;
            all = all.add(contact.exists(self.with.scoped, &mut self.wrong));
        }
        self.branches(filter, depth, all)
    }

    fn branches(&mut self, filter: &CustomerFilter, depth: usize, mut all: Condition) -> Result<Condition, Error> {
        if let Some(branches) = &filter.or {
            if branches.len() > MOST_BRANCHES {
                self.wrong.0.push(Violation::new("filter.or", "length", "must not have more than 20 branches", "不能超过20个分支"));
            }
            let mut any = Condition::any();
            for branch in branches.iter().take(MOST_BRANCHES) {
                let branch = self.read(branch, depth + 1)?;
                // An empty branch holds for every row.
                any = any.add(if branch.is_empty() { Condition::all().add(Expr::cust("1 = 1")) } else { branch });
            }
            if !any.is_empty() {
                all = all.add(any);
            }
        }
        if let Some(not) = &filter.not {
            let not = self.read(not, depth + 1)?;
            // Whatever is unknown of a row is not fulfilled, so its contrary is.
            let holds = if not.is_empty() { Expr::cust("1 = 1") } else { not.into() };
            all = all.add(Expr::expr(Func::coalesce([holds, Expr::val(false)])).not());
        }
        Ok(all)
    }

    /// In the subtree of a unit whose place in the tree the viewer sees; of any other, nothing.
    fn under(&mut self, unit: &ID) -> Result<Condition, Error> {
        let unit = match from_global::<UnitId>(unit, "filter.underUnit") {
            Ok(unit) => unit,
            Err(Error::Invalid(wrong)) => {
                self.wrong.0.extend(wrong);
                return Ok(Condition::all());
            }
            Err(error) => return Err(error),
        };
        let below = Sql::select()
            .column(org_path::Column::DescendantId)
            .from(org_path::Entity)
            .and_where(org_path::Column::AncestorId.eq(unit))
            .to_owned();
        let seen = self.with.scoped.exists::<org_unit::Entity>(org_unit::Column::Id.eq(unit), Condition::all(), Level::Full);
        Ok(Condition::all().add(customer::Column::UnitId.in_subquery(below)).add(seen))
    }
}

impl CustomerSortField {
    /// The field behind it.
    fn name(self) -> &'static str {
        match self {
            Self::CreatedAt | Self::UpdatedAt | Self::Name => fields::NAME,
            Self::ExternalRef => fields::EXTERNAL_REF,
            Self::Industry => fields::INDUSTRY,
            Self::AnnualIncome => fields::ANNUAL_INCOME,
        }
    }
}

/// The order behind a sort; none: newest first.
pub fn order(sort: Option<CustomerSort>) -> Order<customer::Entity> {
    use customer::Column;
    let column = |column: Column| Expr::col((customer::Entity, column));
    let text = |column: Column| Expr::expr(Func::coalesce([Expr::col((customer::Entity, column)), Expr::val("")]));
    let (key, key_of): (_, fn(&customer::Model) -> KeyValue) = match sort.map_or(CustomerSortField::CreatedAt, |sort| sort.field) {
        CustomerSortField::CreatedAt => (column(Column::CreatedAt), |row| KeyValue::Int(row.created_at.0)),
        CustomerSortField::UpdatedAt => (column(Column::UpdatedAt), |row| KeyValue::Int(row.updated_at.0)),
        CustomerSortField::Name => (column(Column::NameFolded), |row| KeyValue::Text(row.name_folded.clone())),
        CustomerSortField::ExternalRef => (text(Column::ExternalRef), |row| KeyValue::Text(row.external_ref.clone().unwrap_or_default())),
        CustomerSortField::Industry => (text(Column::Industry), |row| KeyValue::Text(row.industry.clone().unwrap_or_default())),
        CustomerSortField::AnnualIncome => {
            (Expr::expr(Func::coalesce([Expr::col((customer::Entity, Column::AnnualIncomeMinor)), Expr::val(-1_i64)])), |row| {
                KeyValue::Int(row.annual_income_minor.unwrap_or(-1))
            })
        }
    };
    let descending = sort.is_none_or(|sort| sort.direction == SortDirection::Desc);
    Order { key, key_of, id_of: |row| row.id.0, descending }
}
