//! Ids are UUID v7 behind a type of their own, so that a unit cannot stand where a user is meant.

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
        pub struct $name(pub Uuid);

        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

ids! {
    /// A row of `audit`.
    AuditId,
    /// A row of `change`.
    ChangeId,
    /// A person at a customer.
    ContactId,
    /// One unit's relationship with a party.
    CustomerId,
    /// Some of a post's rights, lent to somebody else for a time.
    DelegationId,
    /// Something that falls due at a moment.
    DueWorkId,
    /// A stretch of time under one parent.
    OrgParentId,
    /// A link by which somebody sets a password, once.
    PasswordLinkId,
    /// The group-wide identity behind customers.
    PartyId,
    /// One row of the policy.
    PolicyRuleId,
    /// One user holding one role at one unit, for a time.
    PostId,
    /// A stretch of being signed in on one device.
    SessionId,
    /// A unit of the organisation tree.
    UnitId,
    /// Somebody who signs in.
    UserId,
}
