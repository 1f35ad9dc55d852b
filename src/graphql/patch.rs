//! Omitted, null and given: apart, in literals and in variables alike.

use async_graphql::MaybeUndefined;

use crate::patch::Patch;

/// What an input says of a field.
pub fn patch<T>(said: MaybeUndefined<T>) -> Patch<T> {
    match said {
        MaybeUndefined::Undefined => Patch::Keep,
        MaybeUndefined::Null => Patch::Clear,
        MaybeUndefined::Value(value) => Patch::Set(value),
    }
}
