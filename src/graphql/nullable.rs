//! Errors of fields that may be null: such a field is null then, and its neighbours stand.

use async_graphql::{Context, Result};

/// What a resolver found, or null with the error in the answer. async-graphql gives the error of a resolver to the object around the
/// field, which for a field of the root leaves nothing of the answer.
pub fn or_null<T>(ctx: &Context<'_>, found: Result<Option<T>>) -> Option<T> {
    found.unwrap_or_else(|error| {
        ctx.add_error(ctx.set_error_path(error.into_server_error(ctx.item.pos)));
        None
    })
}
