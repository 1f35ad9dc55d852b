//! What resolvers ask of a request.

use std::sync::Arc;

use async_graphql::Context;

use crate::db::Scoped;
use crate::error::Error;

/// What resolvers ask of a request.
pub trait Ask<'a> {
    /// The database as the caller sees it. Errors: UNAUTHENTICATED without a valid token.
    fn scoped(&self) -> Result<&'a Scoped, Error>;

    /// Something that every request carries. Errors: INTERNAL_SERVER_ERROR where it was forgotten.
    fn given<T: Send + Sync + 'static>(&self) -> Result<&'a T, Error>;
}

impl<'a> Ask<'a> for Context<'a> {
    fn scoped(&self) -> Result<&'a Scoped, Error> {
        self.data_opt::<Arc<Scoped>>().map(Arc::as_ref).ok_or(Error::Unauthenticated)
    }

    fn given<T: Send + Sync + 'static>(&self) -> Result<&'a T, Error> {
        self.data_opt::<T>().ok_or_else(|| Error::internal(format!("no {} in the request", std::any::type_name::<T>())))
    }
}
