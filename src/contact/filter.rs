//! Filters on contacts, and "has a contact like this" on customers.

use async_graphql::InputObject;
use entity::{contact, customer};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition};

use crate::access::Level;
use crate::access::Permits;
use crate::access::action::ContactArchive;
use crate::db::Scoped;
use crate::error::Error;
use crate::graphql::filter::{ExactFilter, Wrong};

/// Matches contacts. Options are ANDed.
#[derive(Clone, Debug, Default, InputObject)]
pub struct ContactFilter {
    /// By whole name.
    pub name: Option<ExactFilter>,
    /// By what the person is at the customer.
    pub role: Option<ExactFilter>,
    /// By whole phone number (needs FULL).
    pub phone: Option<ExactFilter>,
    /// By whole e-mail address (needs FULL).
    pub email: Option<ExactFilter>,
}

impl ContactFilter {
    /// The level that a customer is seen at, at least, for this to be answered.
    pub fn needs(&self) -> Level {
        if self.phone.is_some() || self.email.is_some() { Level::Full } else { Level::Basic }
    }

    /// What contacts fulfil; archived ones never do.
    fn condition(&self, wrong: &mut Wrong) -> Condition {
        use contact::Column;
        let mut all = Condition::all().add(Column::ArchivedAt.is_null());
        for (field, exact, column) in [
            ("name", &self.name, Column::Name),
            ("role", &self.role, Column::Role),
            ("phone", &self.phone, Column::Phone),
            ("email", &self.email, Column::Email),
        ] {
            if let Some(exact) = exact {
                all = all.add(exact.condition(column, &format!("filter.contact.{field}"), wrong));
            }
        }
        all
    }

    /// "The customer has a contact like this, which the viewer sees".
    pub fn exists(&self, scoped: &Scoped, wrong: &mut Wrong) -> Condition {
        let link = Expr::col((contact::Entity, contact::Column::CustomerId)).equals((customer::Entity, customer::Column::Id));
        scoped.exists::<contact::Entity>(link, self.condition(wrong), self.needs())
    }
}

/// Contacts that are not archived; `archived`: those too, as far as the viewer may archive. Errors: FORBIDDEN.
pub fn listed(scoped: &Scoped, archived: bool) -> Result<Condition, Error> {
    let current = Condition::any().add(contact::Column::ArchivedAt.is_null());
    if !archived {
        return Ok(Condition::all().add(current));
    }
    scoped.viewer().permit::<ContactArchive>().map_err(|_| Error::forbidden_field("archived"))?;
    Ok(Condition::all().add(current.add(scoped.reached_by::<contact::Entity, ContactArchive>())))
}
