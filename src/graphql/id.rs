//! Global ids: opaque to clients, typed for us. An id of another type is refused before anything is looked up.

use async_graphql::ID;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::{AuditId, ContactId, CustomerId, DelegationId, DueWorkId, PolicyRuleId, PostId, SessionId, UnitId, UserId};
use uuid::Uuid;

use crate::error::{Error, Violation};

/// An id that clients see.
pub trait GlobalId: From<Uuid> + Into<Uuid> + Copy {
    /// The GraphQL type that it leads to.
    const TYPE: &'static str;
}

macro_rules! global_ids {
    ($($id:ident $name:literal,)*) => {$(impl GlobalId for $id { const TYPE: &'static str = $name; })*};
}

global_ids! {
    AuditId "AuditEntry",
    ContactId "Contact",
    CustomerId "Customer",
    DelegationId "Delegation",
    DueWorkId "PlannedMove",
    PolicyRuleId "PolicyRule",
    PostId "Post",
    SessionId "Session",
    UnitId "OrgUnit",
    UserId "User",
}

/// The id as clients see it.
pub fn to_global<I: GlobalId>(id: I) -> ID {
    let uuid: Uuid = id.into();
    ID(URL_SAFE_NO_PAD.encode(format!("{}:{}", I::TYPE, uuid.simple())))
}

/// The type and id that a client's id names; none where it is not one of ours.
pub fn parse(id: &str) -> Option<(String, Uuid)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
    let (name, uuid) = text.split_once(':')?;
    let parsed = Uuid::try_parse(uuid).ok()?;
    (parsed.simple().to_string() == uuid).then(|| (name.to_owned(), parsed))
}

/// The id that a client means in `field`. Errors: BAD_USER_INPUT for what is no id, or an id of another type.
pub fn from_global<I: GlobalId>(id: &ID, field: &str) -> Result<I, Error> {
    match parse(id) {
        Some((name, uuid)) if name == I::TYPE => Ok(uuid.into()),
        _ => Err(Error::invalid(Violation::new(
            field,
            "id",
            format!("is not the id of a record of type {}", I::TYPE),
            format!("不是{}类型记录的标识", I::TYPE),
        ))),
    }
}
