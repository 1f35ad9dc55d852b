//! Reading the audit.

use std::collections::HashMap;

use entity::{PostId, audit, post};

use crate::access::action::OrganisationAdminister;
use crate::db::{Row, Scoped};
use crate::error::Error;

/// An audit row as a viewer sees it. In a history its level is that of the record.
pub type AuditRow = Row<audit::Entity>;

/// Of these posts, those that the viewer administers.
pub async fn posts_administered(scoped: Scoped, ids: Vec<PostId>) -> Result<HashMap<PostId, post::Model>, Error> {
    let most = ids.len() as u64;
    let administered = scoped.reached_by::<post::Entity, OrganisationAdminister>();
    let rows = scoped.find::<post::Entity>().ids(ids.into_iter().map(|id| id.0).collect()).filter(administered).all(most).await?;
    Ok(rows.into_iter().map(|row| (row.model.id, row.model)).collect())
}
