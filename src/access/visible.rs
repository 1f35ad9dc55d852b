//! Every row rule, in one file: how the arms of a viewer become conditions on the rows of each table.
//!
//! A table without a rule here cannot be read at all:
//!
//! ```compile_fail,E0277
//! fn read(scoped: &branchwise::db::Scoped) {
//!     let _ = scoped.find::<entity::epoch::Entity>();
//! }
//! ```
//!
//! One with a rule can, within it:
//!
//! ```no_run
//! fn read(scoped: &branchwise::db::Scoped) {
//!     let _ = scoped.find::<entity::customer::Entity>();
//! }
//! ```

use entity::{
    Stored, Timestamp, UnitId, UserId, audit, contact, customer, delegation, due_work, org_path, org_unit, policy_rule, post, role,
    role_gives, user,
};
use sea_orm::sea_query::{DynIden, Expr, ExprTrait, IntoIden, Query, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait};

use super::action::{
    Acts, AuditRead, ContactArchive, ContactCreate, ContactUpdate, CustomerArchive, CustomerAssign, CustomerCreate, CustomerRead,
    CustomerUpdate, OrganisationAdminister, OrganisationRead, UserRead,
};
use super::{Action, Area, Arm, Level, Origin, Resource, Viewer};

mod changed;
mod personal;

pub use changed::changes_of;
pub use personal::{Personal, changed_by, of_users, own};

/// One way to some rows.
#[derive(Clone, Debug)]
pub struct RowArm {
    /// What the rows fulfil.
    pub condition: Condition,
    /// More than one unit named one by one: a page takes each unit's own top N.
    pub units: Option<Vec<UnitId>>,
}

/// Where a row stands: what decides its level for a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose row it is.
    pub unit: UnitId,
    /// Who owns it.
    pub owner: Option<UserId>,
}

impl Place {
    /// At no unit: only an arm of the whole group reaches there.
    pub const NOWHERE: Self = Self { unit: UnitId(uuid::Uuid::nil()), owner: None };
}

/// A table that viewers may read, and by which rule.
pub trait Visible: Stored<Model: Send + Sync> {
    /// The action that reads it.
    type Read: Acts;

    /// The least level at which a row exists for a viewer.
    const FLOOR: Level = Level::Card;

    /// The column of the unit by which a page takes each unit's own top N, where rows have one.
    fn unit() -> Option<Self::Column> {
        None
    }

    /// An expression for the owner of a row, where the model itself does not tell.
    fn owner() -> Option<SimpleExpr> {
        None
    }

    /// The ways to the rows that `arms` reach.
    fn ways(arms: &[Arm], viewer: &Viewer, now: Timestamp) -> Vec<RowArm>;

    /// Where a row stands; `owner` is what [`Visible::owner`] told. None: every visible row is at the floor.
    fn place(row: &Self::Model, owner: Option<UserId>) -> Option<Place>;

    /// Where a new row would stand, for the permit that adds it; `told` counts only for what the row itself does not tell.
    fn goes_to(row: &Self::Model, told: Place) -> Place {
        Self::place(row, told.owner).unwrap_or(told)
    }
}

/// Action `Self` may write table `E`.
pub trait Writes<E: EntityTrait>: Acts {
    /// The rows that the action's arms reach.
    fn ways(arms: &[Arm], viewer: &Viewer, now: Timestamp) -> Vec<RowArm>;

    /// The same of one row that was read, and stands at `stands`: the place that an arm must reach. None: only the ways tell.
    fn place(_row: &E::Model, stands: Option<Place>) -> Option<Place> {
        stands
    }
}

macro_rules! writes {
    ($($entity:ident by $($action:ident)*;)*) => {$($(
        impl Writes<$entity::Entity> for $action {
            fn ways(arms: &[Arm], viewer: &Viewer, now: Timestamp) -> Vec<RowArm> {
                <$entity::Entity as Visible>::ways(arms, viewer, now)
            }
        }
    )*)*};
}

writes! {
    customer by CustomerCreate CustomerUpdate CustomerAssign CustomerArchive;
    contact by ContactCreate ContactUpdate ContactArchive;
}

/// A post is written by whoever administers its unit.
impl Writes<post::Entity> for OrganisationAdminister {
    fn ways(arms: &[Arm], _: &Viewer, _: Timestamp) -> Vec<RowArm> {
        arms.iter().map(|arm| RowArm { condition: posted_in(&arm.area), units: None }).collect()
    }
}

/// A user is written by whoever administers a unit at which the user holds a post that has not ended, or has yet to begin; one without any
/// such post only by whoever administers everything. Seeing a user gives no power over one.
impl Writes<user::Entity> for OrganisationAdminister {
    fn ways(arms: &[Arm], _: &Viewer, now: Timestamp) -> Vec<RowArm> {
        arms.iter().map(|arm| RowArm { condition: administered_in(&arm.area, now, user::Column::Id), units: None }).collect()
    }
}

/// The people who hold a post in an area that has not ended; in the whole group: everybody.
fn administered_in<C: ColumnTrait>(area: &Area, now: Timestamp, person: C) -> Condition {
    if *area == Area::Group {
        return Condition::all();
    }
    let posts =
        Query::select().column(post::Column::UserId).from(post::Entity).cond_where(posted_in(area)).cond_where(open_posts(now)).to_owned();
    Condition::all().add(person.in_subquery(posts))
}

/// Posts that have not ended at `now`, begun or not.
pub fn open_posts(now: Timestamp) -> Condition {
    Condition::any().add(post::Column::ValidTo.is_null()).add(post::Column::ValidTo.gt(now))
}

/// Posts at the units of an area; posts carry no region.
fn posted_in(area: &Area) -> Condition {
    match area {
        Area::Region(region) => Condition::all().add(post::Column::UnitId.in_subquery(below(&[*region]))),
        area => area_condition(area, post::Column::UnitId, post::Column::UnitId),
    }
}

/// A unit is written by whoever administers the unit above it.
impl Writes<org_unit::Entity> for OrganisationAdminister {
    fn ways(arms: &[Arm], _: &Viewer, _: Timestamp) -> Vec<RowArm> {
        arms.iter().map(|arm| RowArm { condition: hung_in(&arm.area), units: None }).collect()
    }

    fn place(row: &org_unit::Model, _: Option<Place>) -> Option<Place> {
        Some(row.parent_id.map_or(Place::NOWHERE, |above| Place { unit: above, owner: None }))
    }
}

/// The units that hang directly under one of an area; for the whole group HQ too.
fn hung_in(area: &Area) -> Condition {
    match area {
        Area::Region(region) => Condition::all().add(org_unit::Column::ParentId.in_subquery(below(&[*region]))),
        area => area_condition(area, org_unit::Column::ParentId, org_unit::Column::RegionId),
    }
}

impl Writes<due_work::Entity> for OrganisationAdminister {
    fn ways(arms: &[Arm], viewer: &Viewer, now: Timestamp) -> Vec<RowArm> {
        <due_work::Entity as Visible>::ways(arms, viewer, now)
    }
}

/// What falls due for a unit: known to whoever administers the unit above it.
impl Visible for due_work::Entity {
    type Read = OrganisationAdminister;

    fn ways(arms: &[Arm], _: &Viewer, _: Timestamp) -> Vec<RowArm> {
        let of_units = |area: &Area| {
            let units = Query::select().column(org_unit::Column::Id).from(org_unit::Entity).cond_where(hung_in(area)).to_owned();
            Condition::all().add(due_work::Column::UnitId.in_subquery(units))
        };
        let condition = |area: &Area| if *area == Area::Group { Condition::all() } else { of_units(area) };
        arms.iter().map(|arm| RowArm { condition: condition(&arm.area), units: None }).collect()
    }

    fn place(_: &due_work::Model, _: Option<UserId>) -> Option<Place> {
        None
    }

    /// `told` is the unit above.
    fn goes_to(_: &due_work::Model, told: Place) -> Place {
        told
    }
}

/// A table whose rows carry the topmost region above their unit: what changes where a unit moves into another region.
pub struct Regional {
    /// The table.
    pub table: DynIden,
    /// The column of the unit.
    pub unit: DynIden,
    /// The column of the region.
    pub region: DynIden,
}

/// Every table of that kind; units themselves come first.
pub fn regional() -> [Regional; 3] {
    fn of<E: EntityTrait>(unit: E::Column, region: E::Column) -> Regional {
        Regional { table: E::default().into_iden(), unit: unit.into_iden(), region: region.into_iden() }
    }
    [
        of::<org_unit::Entity>(org_unit::Column::Id, org_unit::Column::RegionId),
        of::<customer::Entity>(customer::Column::UnitId, customer::Column::RegionId),
        of::<contact::Entity>(contact::Column::UnitId, contact::Column::RegionId),
    ]
}

/// Rows that carry unit and region: the shapes that were measured at a million rows.
fn scoped_ways<C: ColumnTrait>(arms: &[Arm], unit: C, region: C, owned: impl Fn(UserId) -> Condition) -> Vec<RowArm> {
    arms.iter()
        .map(|arm| {
            let mut condition = area_condition(&arm.area, unit, region);
            if let Some(owner) = arm.owner {
                condition = condition.add(owned(owner));
            }
            let units = match &arm.area {
                Area::Units(units) if units.len() > 1 && arm.owner.is_none() => Some(units.to_vec()),
                _ => None,
            };
            RowArm { condition, units }
        })
        .collect()
}

fn area_condition<C: ColumnTrait>(area: &Area, unit: C, region: C) -> Condition {
    match area {
        Area::Group => Condition::all(),
        Area::Region(id) => Condition::all().add(region.eq(*id)),
        Area::Units(units) => match units.as_ref() {
            [only] => Condition::all().add(unit.eq(*only)),
            several => Condition::all().add(unit.is_in(several.iter().copied())),
        },
        Area::Under { roots, except } => {
            let within = Condition::all().add(unit.in_subquery(below(roots)));
            if except.is_empty() { within } else { within.add(unit.not_in_subquery(below(except))) }
        }
    }
}

/// The units at or below `roots`, from the closure of the tree.
fn below(roots: &[UnitId]) -> SelectStatement {
    Query::select()
        .column(org_path::Column::DescendantId)
        .from(org_path::Entity)
        .and_where(org_path::Column::AncestorId.is_in(roots.iter().copied()))
        .to_owned()
}

impl Visible for customer::Entity {
    type Read = CustomerRead;

    fn unit() -> Option<customer::Column> {
        Some(customer::Column::UnitId)
    }

    fn ways(arms: &[Arm], _: &Viewer, _: Timestamp) -> Vec<RowArm> {
        scoped_ways(arms, customer::Column::UnitId, customer::Column::RegionId, |owner| {
            Condition::all().add(customer::Column::OwnerId.eq(owner))
        })
    }

    fn place(row: &customer::Model, _: Option<UserId>) -> Option<Place> {
        Some(Place { unit: row.unit_id, owner: row.owner_id })
    }
}

/// The tables that follow a customer: they exist for whoever has BASIC on it, SELF reads its owner, and they move with it.
impl Visible for contact::Entity {
    type Read = CustomerRead;

    const FLOOR: Level = Level::Basic;

    fn unit() -> Option<contact::Column> {
        Some(contact::Column::UnitId)
    }

    fn owner() -> Option<SimpleExpr> {
        let owner = Query::select()
            .column(customer::Column::OwnerId)
            .from(customer::Entity)
            .and_where(Expr::col((customer::Entity, customer::Column::Id)).equals((contact::Entity, contact::Column::CustomerId)))
            .to_owned();
        Some(SimpleExpr::from(owner))
    }

    fn ways(arms: &[Arm], _: &Viewer, _: Timestamp) -> Vec<RowArm> {
        scoped_ways(arms, contact::Column::UnitId, contact::Column::RegionId, |owner| {
            let owned = Query::select()
                .column(customer::Column::Id)
                .from(customer::Entity)
                .and_where(customer::Column::OwnerId.eq(owner))
                .to_owned();
            Condition::all().add(contact::Column::CustomerId.in_subquery(owned))
        })
    }

    fn place(row: &contact::Model, owner: Option<UserId>) -> Option<Place> {
        Some(Place { unit: row.unit_id, owner })
    }
}

/// Units: one's own line and subtree, and cards sideways.
impl Visible for org_unit::Entity {
    type Read = OrganisationRead;

    fn ways(arms: &[Arm], _: &Viewer, _: Timestamp) -> Vec<RowArm> {
        let mut ways = scoped_ways(arms, org_unit::Column::Id, org_unit::Column::RegionId, |_| Condition::all());
        ways.iter_mut().for_each(|way| way.units = None);
        ways
    }

    fn place(row: &org_unit::Model, _: Option<UserId>) -> Option<Place> {
        Some(Place { unit: row.id, owner: None })
    }

    /// A unit is added under another; `told` is the nearest unit above that stood before the unit of work began.
    fn goes_to(row: &org_unit::Model, told: Place) -> Place {
        if row.parent_id.is_some() { told } else { Place { unit: row.id, owner: None } }
    }
}

/// Users: oneself, colleagues at one's units and below, owners of customers that one sees, and whom one administers.
impl Visible for user::Entity {
    type Read = UserRead;

    fn ways(arms: &[Arm], viewer: &Viewer, now: Timestamp) -> Vec<RowArm> {
        people_ways(arms, viewer, now, user::Column::Id)
    }

    fn place(_: &user::Model, _: Option<UserId>) -> Option<Place> {
        None
    }
}

/// Posts, of which titles are shown: those of the users that one sees.
impl Visible for post::Entity {
    type Read = UserRead;

    fn ways(arms: &[Arm], viewer: &Viewer, now: Timestamp) -> Vec<RowArm> {
        people_ways(arms, viewer, now, post::Column::UserId)
    }

    fn place(_: &post::Model, _: Option<UserId>) -> Option<Place> {
        None
    }

    fn goes_to(row: &post::Model, _: Place) -> Place {
        Place { unit: row.unit_id, owner: None }
    }
}

/// Delegations: what one has lent and been lent, and those of posts that one administers.
impl Visible for delegation::Entity {
    type Read = UserRead;

    fn ways(arms: &[Arm], viewer: &Viewer, _: Timestamp) -> Vec<RowArm> {
        if arms.is_empty() {
            return Vec::new();
        }
        let mut seen = Condition::any();
        if let Some(me) = viewer.user_id() {
            seen = seen.add(delegation::Column::DelegatorId.eq(me)).add(delegation::Column::DelegateId.eq(me));
        }
        for arm in viewer.arms(Resource::Organisation, Action::Administer) {
            seen = seen.add(lent_in(&arm.area));
        }
        vec![RowArm { condition: Condition::all().add(seen), units: None }]
    }

    fn place(_: &delegation::Model, _: Option<UserId>) -> Option<Place> {
        None
    }
}

/// Delegations of posts at the units of an area.
fn lent_in(area: &Area) -> Condition {
    let posts = Query::select().column(post::Column::Id).from(post::Entity).cond_where(posted_in(area)).to_owned();
    Condition::all().add(delegation::Column::PostId.in_subquery(posts))
}

/// Whoever administers a post's unit may end what is lent of it.
impl Writes<delegation::Entity> for OrganisationAdminister {
    fn ways(arms: &[Arm], _: &Viewer, _: Timestamp) -> Vec<RowArm> {
        arms.iter().map(|arm| RowArm { condition: lent_in(&arm.area), units: None }).collect()
    }
}

/// Audit rows: those of the units that one audits. A row of no unit is for whoever audits the whole group.
impl Visible for audit::Entity {
    type Read = AuditRead;

    fn unit() -> Option<audit::Column> {
        Some(audit::Column::UnitId)
    }

    fn ways(arms: &[Arm], viewer: &Viewer, _: Timestamp) -> Vec<RowArm> {
        // Audit rows carry no region.
        let named = |area: &Area| match area {
            Area::Region(region) => Area::cut_out(viewer.tree(), *region, Vec::new()),
            area => area.clone(),
        };
        let arms: Vec<Arm> = arms.iter().map(|arm| Arm { area: named(&arm.area), ..arm.clone() }).collect();
        scoped_ways(&arms, audit::Column::UnitId, audit::Column::UnitId, |_| Condition::all())
    }

    fn place(row: &audit::Model, _: Option<UserId>) -> Option<Place> {
        row.unit_id.map(|unit| Place { unit, owner: None })
    }
}

/// A table whose rows have a history that is read by whoever reads the row: its audit rows, whatever unit they tell.
pub trait Remembered: Visible {
    /// What the audit calls such a record.
    const RECORD_TYPE: &'static str;

    /// The level from which the history is told.
    const TOLD_FROM: Level = Self::FLOOR;

    /// The id of a row.
    fn id(row: &Self::Model) -> uuid::Uuid;
}

impl Remembered for customer::Entity {
    const RECORD_TYPE: &'static str = "customer";

    fn id(row: &customer::Model) -> uuid::Uuid {
        row.id.0
    }
}

impl Remembered for contact::Entity {
    const RECORD_TYPE: &'static str = "contact";

    fn id(row: &contact::Model) -> uuid::Uuid {
        row.id.0
    }
}

/// Of a unit that is seen as a card only, no history is told.
impl Remembered for org_unit::Entity {
    const RECORD_TYPE: &'static str = "org_unit";
    const TOLD_FROM: Level = Level::Full;

    fn id(row: &org_unit::Model) -> uuid::Uuid {
        row.id.0
    }
}

fn people_ways<C: ColumnTrait>(arms: &[Arm], viewer: &Viewer, now: Timestamp, person: C) -> Vec<RowArm> {
    if arms.is_empty() {
        return Vec::new();
    }
    // Whoever left or has not begun is nobody's colleague, not even HQ's; only the system and those who administer the group see everybody.
    let administers = Arm::needed(viewer.arms(Resource::Organisation, Action::Administer), viewer.tree(), Level::Card);
    if arms.iter().any(|arm| arm.origin == Origin::System) || administers.iter().any(|arm| arm.area == Area::Group) {
        return vec![RowArm { condition: Condition::all(), units: None }];
    }
    let mut colleagues = Condition::any();
    for arm in arms {
        colleagues = colleagues.add(posted_in(&arm.area));
    }
    let colleagues = Query::select()
        .column(post::Column::UserId)
        .from(post::Entity)
        .cond_where(colleagues)
        .and_where(post::Column::ValidFrom.lte(now))
        .cond_where(open_posts(now))
        .to_owned();
    let mut seen = Condition::any().add(person.in_subquery(colleagues));
    for arm in &administers {
        seen = seen.add(administered_in(&arm.area, now, person));
    }
    if let Some(me) = viewer.user_id() {
        seen = seen.add(person.eq(me));
        // Who lends and who is lent know each other from the lending on, until it ends.
        let mut lent = |them: delegation::Column, us: delegation::Column| {
            let lasts = Condition::all().add(us.eq(me)).add(delegation::Column::ValidTo.gt(now));
            let others = Query::select().column(them).from(delegation::Entity).cond_where(lasts).to_owned();
            seen = seen.clone().add(person.in_subquery(others));
        };
        lent(delegation::Column::DelegatorId, delegation::Column::DelegateId);
        lent(delegation::Column::DelegateId, delegation::Column::DelegatorId);
    }
    let readable = Arm::needed(viewer.arms(Resource::Customer, Action::Read), viewer.tree(), Level::Card);
    for way in <customer::Entity as Visible>::ways(&readable, viewer, now) {
        let owned = Query::select()
            .expr(Expr::val(1))
            .from(customer::Entity)
            .and_where(customer::Column::OwnerId.into_expr().eq(Expr::col(person.as_column_ref())))
            .cond_where(way.condition)
            .to_owned();
        seen = seen.add(Expr::exists(owned));
    }
    vec![RowArm { condition: Condition::all().add(seen), units: None }]
}

/// A table whose rows are deleted when they are not wanted any more. All others are ended or archived: what was, stays.
pub trait Removable: EntityTrait {}

/// Roles and what they may do: read by whoever administers anything, written by whoever administers the whole group.
macro_rules! of_the_group {
    ($($entity:ident)*) => {$(
        impl Visible for $entity::Entity {
            type Read = OrganisationAdminister;

            fn ways(arms: &[Arm], _: &Viewer, _: Timestamp) -> Vec<RowArm> {
                arms.iter().take(1).map(|_| RowArm { condition: Condition::all(), units: None }).collect()
            }

            fn place(_: &$entity::Model, _: Option<UserId>) -> Option<Place> {
                None
            }

            fn goes_to(_: &$entity::Model, _: Place) -> Place {
                Place::NOWHERE
            }
        }

        impl Writes<$entity::Entity> for OrganisationAdminister {
            fn ways(arms: &[Arm], _: &Viewer, _: Timestamp) -> Vec<RowArm> {
                let whole = arms.iter().filter(|arm| arm.area == Area::Group);
                whole.map(|_| RowArm { condition: Condition::all(), units: None }).collect()
            }
        }

        impl Removable for $entity::Entity {}
    )*};
}

of_the_group! { role role_gives policy_rule }

impl Viewer {
    /// How clearly this viewer sees a row by the arms that read it; none: not at all.
    pub fn level_at(&self, resource: Resource, action: Action, place: Place) -> Option<Level> {
        self.arms(resource, action).iter().filter(|arm| arm.reaches(self.tree(), place.unit, place.owner)).map(|arm| arm.level).max()
    }
}

/// A table that is only ever written beside another, in the same unit of work.
pub trait Attendant: EntityTrait {}

impl Attendant for entity::audit::Entity {}
impl Attendant for entity::party::Entity {}
