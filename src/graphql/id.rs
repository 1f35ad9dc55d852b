//! Global ids: opaque to clients, typed for us. An id of another type is refused before anything is looked up.

use async_graphql::ID;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::{AuditId, ContactId, CustomerId, DelegationId, DueWorkId, PolicyRuleId, PostId, SessionId, Timestamp, UnitId, UserId};
use uuid::{Uuid, Variant, Version};

use crate::error::{Error, Violation};

/// So far ahead of ours the clock of a client may be that makes an id, in seconds.
const MOST_AHEAD: i64 = 86_400;

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

/// The id of a record to be, which a client has made: a UUID v7 of no later than tomorrow. Errors: BAD_USER_INPUT.
pub fn of_client<I: GlobalId>(id: &ID, field: &str, now: Timestamp) -> Result<I, Error> {
    let made: I = from_global(id, field)?;
    let uuid: Uuid = made.into();
    let is_v7 = uuid.get_version() == Some(Version::SortRand) && uuid.get_variant() == Variant::RFC4122;
    if !is_v7 {
        return Err(Error::invalid(Violation::form(field, "must hold a UUID of version 7", "必须包含版本 7 的 UUID")));
    }
    let at = uuid.get_timestamp().map_or(u64::MAX, |at| at.to_unix().0);
    if i64::try_from(at).map_or(true, |at| at > now.plus_seconds(MOST_AHEAD).0 / 1_000_000) {
        return Err(Error::invalid(Violation::new(field, "range", "must not be of a later day than tomorrow", "其时间不能晚于明天")));
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_makes_ids_of_version_7_and_of_its_time() {
        let now = Timestamp(1_750_000_000_000_000);
        let at = |milliseconds: u128| Uuid::from_u128(milliseconds << 80 | 0x7000_8000_0000_0000_0001);
        let read = |uuid: Uuid| of_client::<CustomerId>(&to_global(CustomerId(uuid)), "input.id", now);
        let last = 1_750_000_000_000 + 86_400_000;
        for fine in [at(0), at(1_750_000_000_000), at(last)] {
            assert_eq!(read(fine), Ok(CustomerId(fine)));
        }
        let version_4 = Uuid::from_u128(0x4000_8000_0000_0000_0001);
        let no_variant = Uuid::from_u128(0x7000_0000_0000_0000_0001);
        for wrong in [Uuid::nil(), Uuid::max(), version_4, no_variant, at(last + 1_000), at(u128::from(u32::MAX) << 16)] {
            assert!(matches!(read(wrong), Err(Error::Invalid(_))), "{wrong}");
        }
        assert!(of_client::<ContactId>(&to_global(CustomerId(at(0))), "input.id", now).is_err());
    }
}
