//! Why somebody may do something to a record, or why not.

pub mod graphql;

use entity::{ContactId, CustomerId, UnitId, UserId, user};
use uuid::Uuid;

use crate::access::action::OrganisationAdminister;
use crate::access::visible::Place;
use crate::access::{Action, Explanation, Level, Resource};
use crate::db::Scoped;
use crate::error::{Error, Violation};
use crate::{contact, customer, org};

/// A record of a kind that can be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// A customer.
    Customer(CustomerId),
    /// A person at a customer.
    Contact(ContactId),
    /// A unit.
    Unit(UnitId),
    /// Somebody who works in the group.
    User(UserId),
}

impl Record {
    /// The record of this kind, as global ids name it; none: a kind that has no explanation.
    pub fn from_global(kind: &str, id: Uuid) -> Option<Self> {
        match kind {
            "Customer" => Some(Self::Customer(id.into())),
            "Contact" => Some(Self::Contact(id.into())),
            "OrgUnit" => Some(Self::Unit(id.into())),
            "User" => Some(Self::User(id.into())),
            _ => None,
        }
    }

    /// What rights speak of when they speak of such a record. Errors: BAD_USER_INPUT for an action that there is not.
    pub fn resource(self, action: Action) -> Result<Resource, Error> {
        let (resource, has) = match self {
            Self::Customer(_) => (Resource::Customer, Resource::Customer.actions().contains(&action)),
            Self::Contact(_) => (Resource::Contact, action == Action::Read || Resource::Contact.actions().contains(&action)),
            Self::Unit(_) => (Resource::Organisation, matches!(action, Action::Read | Action::Administer)),
            Self::User(_) if action == Action::Read => (Resource::User, true),
            Self::User(_) => (Resource::Organisation, action == Action::Administer),
        };
        let wrong = || Error::invalid(Violation::new("action", "unknown", "is not done to such a record", "不适用于此类记录"));
        has.then_some(resource).ok_or_else(wrong)
    }
}

/// Why the viewer may do this to the record, or why not. A record out of sight is explained as one that never was. Errors: BAD_USER_INPUT
/// for an action that is not done to such a record.
pub async fn explain(scoped: &Scoped, record: Record, action: Action) -> Result<Explanation, Error> {
    let resource = record.resource(action)?;
    let viewer = scoped.viewer();
    match record {
        Record::Customer(id) => {
            let row = customer::by_ids(scoped.clone(), vec![id]).await?.remove(&id);
            let shows_masks = row.as_ref().is_some_and(|row| row.level >= Level::Basic);
            let explained = viewer.explain(resource, action, row.and_then(|row| row.place));
            // A card has nothing that could be opened.
            Ok(Explanation { allowed: explained.allowed && (action != Action::Reveal || shows_masks), ..explained })
        }
        Record::Contact(id) => {
            let row = contact::by_ids(scoped.clone(), vec![id]).await?.remove(&id);
            Ok(viewer.explain(resource, action, row.and_then(|row| row.place)))
        }
        Record::Unit(id) => {
            let row = org::unit(scoped, id).await?.map(|row| row.model);
            // A unit is administered from above; what is above HQ is HQ.
            let stands = row.map(|row| if action == Action::Administer { row.parent_id.unwrap_or(row.id) } else { row.id });
            Ok(viewer.explain(resource, action, stands.map(|unit| Place { unit, owner: None })))
        }
        Record::User(id) => explain_user(scoped, id, action, resource).await,
    }
}

/// People stand where their posts are; those who are seen for another reason (oneself, owners of customers in sight, whoever has no post)
/// are reached by no way of these.
async fn explain_user(scoped: &Scoped, id: UserId, action: Action, resource: Resource) -> Result<Explanation, Error> {
    let viewer = scoped.viewer();
    let (reached, posts) = match action {
        Action::Administer => {
            let reached = scoped.reached_by::<user::Entity, OrganisationAdminister>();
            (scoped.find::<user::Entity>().id(id.0).filter(reached).one().await?, org::open_posts(scoped, vec![id]).await?)
        }
        _ => (org::user(scoped, id).await?, org::active_posts(scoped, vec![id]).await?),
    };
    let mut explained = viewer.explain(resource, action, None);
    for post in posts {
        let by_post = viewer.explain(resource, action, Some(Place { unit: post.unit_id, owner: None }));
        for (way, leads) in explained.ways.iter_mut().zip(by_post.ways) {
            way.reaches |= leads.reaches;
        }
    }
    let level = reached.as_ref().map(|_| Level::Card);
    Ok(Explanation { allowed: reached.is_some(), level, ..explained })
}
