//! Which audit rows a list shows. Only what every auditor of a row sees is filtered by: a record counts where the caller sees the record.

use async_graphql::{Enum, ID, InputObject};
use entity::{ContactId, CustomerId, PostId, UnitId, UserId, audit, contact, customer, org_unit, post, user};
use sea_orm::{ColumnTrait, Condition};

use crate::access::Level;
use crate::access::action::OrganisationAdminister;
use crate::audit::RecordType;
use crate::db::Scoped;
use crate::error::{Error, Violation};
use crate::graphql::filter::{DateTimeFilter, ExactFilter, IdFilter, Wrong};
use crate::graphql::id::{GlobalId, parse};

/// What an audit row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::audit::RecordType")]
pub enum AuditRecordType {
    /// A customer.
    Customer,
    /// A person at a customer.
    Contact,
    /// A unit.
    OrgUnit,
    /// Somebody who signs in.
    User,
    /// One user holding one role at one unit.
    Post,
    /// Rights lent to somebody else.
    Delegation,
    /// A role.
    Role,
    /// A row of the policy.
    PolicyRule,
    /// A stretch of being signed in.
    Session,
    /// A unit that is to hang elsewhere from a moment on.
    PlannedMove,
    /// A request that was refused something.
    Request,
}

/// Which audit rows a list shows. Options are ANDed.
#[derive(Clone, Debug, Default, InputObject)]
pub struct AuditFilter {
    /// About one of these.
    pub record_type: Option<Vec<AuditRecordType>>,
    /// About this customer, contact, unit, user or post. Of a record that you do not see there are none.
    pub record_id: Option<ID>,
    /// By who did it; `isNull: true`: the system or the operator of the machine.
    pub actor_id: Option<IdFilter>,
    /// By what was done, as in "customer:update".
    pub action: Option<ExactFilter>,
    /// By when it was done.
    pub at: Option<DateTimeFilter>,
}

impl AuditFilter {
    /// What rows fulfil. Errors: BAD_USER_INPUT.
    pub fn condition(&self, scoped: &Scoped) -> Result<Condition, Error> {
        use audit::Column;
        let mut wrong = Wrong::default();
        self.record_type.iter().for_each(|kinds| wrong.count("filter.recordType", kinds.len()));
        let kinds =
            self.record_type.as_ref().map(|kinds| Column::RecordType.is_in(kinds.iter().map(|kind| RecordType::from(*kind).word())));
        let mut condition = Condition::all()
            .add_option(kinds)
            .add_option(self.actor_id.as_ref().map(|id| id.condition::<_, UserId>(Column::ActorId, "filter.actorId", &mut wrong)))
            .add_option(self.action.as_ref().map(|action| action.condition(Column::Action, "filter.action", &mut wrong)))
            .add_option(self.at.as_ref().map(|at| at.condition(Column::At, "filter.at", &mut wrong)));
        if let Some(id) = &self.record_id {
            match about(scoped, id) {
                Some(about) => condition = condition.add(about),
                None => wrong.0.push(Violation::new("filter.recordId", "id", "is not the id of a record", "不是记录的标识")),
            }
        }
        Error::unless_empty(wrong.0)?;
        Ok(condition)
    }
}

/// About this record, where the viewer sees it; none: no id of a record.
fn about(scoped: &Scoped, id: &ID) -> Option<Condition> {
    let (name, uuid) = parse(id)?;
    let all = Condition::all;
    let (kind, seen) = match name.as_str() {
        CustomerId::TYPE => (RecordType::Customer, scoped.exists::<customer::Entity>(customer::Column::Id.eq(uuid), all(), Level::Card)),
        ContactId::TYPE => (RecordType::Contact, scoped.exists::<contact::Entity>(contact::Column::Id.eq(uuid), all(), Level::Card)),
        UnitId::TYPE => (RecordType::OrgUnit, scoped.exists::<org_unit::Entity>(org_unit::Column::Id.eq(uuid), all(), Level::Card)),
        UserId::TYPE => (RecordType::User, scoped.exists::<user::Entity>(user::Column::Id.eq(uuid), all(), Level::Card)),
        PostId::TYPE => {
            let administered = scoped.reached_by::<post::Entity, OrganisationAdminister>();
            (RecordType::Post, scoped.exists::<post::Entity>(post::Column::Id.eq(uuid), administered, Level::Card))
        }
        _ => return None,
    };
    Some(all().add(audit::Column::RecordType.eq(kind.word())).add(audit::Column::RecordId.eq(uuid)).add(seen))
}
