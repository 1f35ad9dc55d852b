//! The closed words of the API, each mapped to the word of the table or the policy.

use async_graphql::Enum;

/// Which way a list runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum SortDirection {
    /// Smallest first.
    #[default]
    Asc,
    /// Largest first.
    Desc,
}

/// How clearly you see a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::access::Level")]
pub enum SightLevel {
    /// Who it is and who serves it.
    Card,
    /// Also industry and contacts; phone, e-mail and address masked.
    Basic,
    /// Everything but identity numbers, which stay masked.
    Full,
}

/// A person or a company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::customer::CustomerKind")]
pub enum CustomerKind {
    /// A person.
    Person,
    /// A company.
    Company,
}

/// How far the relationship with a customer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::customer::CustomerClass")]
pub enum CustomerClass {
    /// Somebody the unit has been in touch with.
    Account,
    /// The product fits; managed by segment.
    Target,
    /// A possible purchase, tracked as an opportunity.
    Prospect,
    /// Has bought.
    User,
}

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::org_unit::UnitKind")]
pub enum UnitKind {
    /// The root of the group.
    Hq,
    /// A unit under HQ or another region.
    Region,
    /// A unit that serves customers.
    Branch,
    /// A store, office or service partner below a branch.
    Site,
}

/// How units work together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::org_unit::BusinessMode")]
pub enum BusinessMode {
    /// A unit alone.
    Single,
    /// Each unit keeps its own customers.
    Distributed,
    /// Units see each other's cards within reach.
    Centralised,
}

/// What rights speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::access::Resource")]
pub enum Resource {
    /// Customers.
    Customer,
    /// People at customers.
    Contact,
    /// Calls, visits and messages.
    Touchpoint,
    /// Credit lists and scores.
    Credit,
    /// The audit.
    Audit,
    /// Units, users, posts, roles and the policy.
    Organisation,
    /// Users as others see them.
    User,
}

/// What rights allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::access::Action")]
pub enum Action {
    /// Seeing.
    Read,
    /// Adding.
    Create,
    /// Changing.
    Update,
    /// Archiving, restoring, and seeing the archived in lists.
    Archive,
    /// Moving to another owner or unit.
    Transfer,
    /// Showing to others.
    Share,
    /// Taking from a pool.
    Claim,
    /// Giving an owner.
    Assign,
    /// Joining duplicates.
    Merge,
    /// Importing files.
    Import,
    /// Exporting files.
    Export,
    /// Opening single masked values.
    Reveal,
    /// Approving requests.
    Approve,
    /// Seeing totals.
    Report,
    /// Managing units, users, posts, roles and policy.
    Administer,
}

/// How far a grant goes, seen from the unit of the post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::access::Reach")]
pub enum GrantReach {
    /// Rows that the holder owns, at the unit and below.
    #[graphql(name = "SELF")]
    Own,
    /// Rows of the unit.
    Unit,
    /// Of the unit and everything below.
    Subtree,
    /// Of the topmost region at or above the unit.
    Region,
    /// Of the whole group.
    Group,
}

/// What a row of the policy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum PolicyEffect {
    /// Lets the role do it.
    Allow,
    /// Takes the action away from whoever holds the role, whatever else they hold.
    Deny,
}

/// Where a post comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::post::PostOrigin")]
pub enum PostOrigin {
    /// Held in one's own name.
    Direct,
    /// Held for somebody who is absent: SELF means their rows.
    Acting,
}
