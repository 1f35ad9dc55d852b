//! What resolvers ask of a request.

use std::any::TypeId;
use std::sync::{Arc, OnceLock};

use async_graphql::{Context, Data};

use crate::access::Viewer;
use crate::db::Scoped;
use crate::error::Error;

/// Makes what a request carries for one sight of the database: its loaders.
pub type Carry = fn(&Arc<Scoped>) -> Data;

/// The database as the caller sees it, with the loaders that look through it. A request whose mutation changes rights goes on with a sight
/// compiled anew: its answer shows what stands then.
pub struct Sight {
    scoped: Arc<Scoped>,
    /// Made when first asked for: many a request needs none of it.
    carried: OnceLock<Data>,
    carry: Carry,
    renewed: OnceLock<Box<Sight>>,
}

impl Sight {
    /// The first sight of a request.
    pub fn new(scoped: Scoped, carry: Carry) -> Self {
        Self { scoped: Arc::new(scoped), carried: OnceLock::new(), carry, renewed: OnceLock::new() }
    }

    fn carried<T: Send + Sync + 'static>(&self) -> Option<&T> {
        let carried = self.carried.get_or_init(|| (self.carry)(&self.scoped));
        carried.get(&TypeId::of::<T>()).and_then(|found| found.downcast_ref())
    }

    /// A field has one resolver that writes: nobody else renews the latest.
    fn renew(&self, scoped: Scoped) {
        let _ = self.renewed.set(Box::new(Self::new(scoped, self.carry)));
    }

    fn latest(&self) -> &Self {
        let mut latest = self;
        while let Some(newer) = latest.renewed.get() {
            latest = newer;
        }
        latest
    }
}

/// What resolvers ask of a request.
pub trait Ask<'a> {
    /// The database as the caller sees it. Errors: UNAUTHENTICATED without a valid token.
    fn scoped(&self) -> Result<&'a Scoped, Error>;

    /// Something that every request carries. Errors: INTERNAL_SERVER_ERROR where it was forgotten.
    fn given<T: Send + Sync + 'static>(&self) -> Result<&'a T, Error>;
}

impl<'a> Ask<'a> for Context<'a> {
    fn scoped(&self) -> Result<&'a Scoped, Error> {
        self.data_opt::<Sight>().map(|sight| sight.latest().scoped.as_ref()).ok_or(Error::Unauthenticated)
    }

    fn given<T: Send + Sync + 'static>(&self) -> Result<&'a T, Error> {
        self.data_opt::<T>()
            .or_else(|| self.data_opt::<Sight>().and_then(|sight| sight.latest().carried()))
            .ok_or_else(|| Error::internal(format!("no {} in the request", std::any::type_name::<T>())))
    }
}

/// Goes on with the rights that this unit of work has made: what its answer shows is seen with them. The next request has them too, once
/// it is committed.
pub async fn rights_changed(ctx: &Context<'_>) -> Result<(), Error> {
    let Some(sight) = ctx.data_opt::<Sight>().map(Sight::latest) else { return Ok(()) };
    let scoped = sight.scoped.as_ref().clone().anew().await?;
    sight.renew(scoped);
    Ok(())
}

/// Goes on as `viewer`, whose rights have been compiled since, and with nothing that was loaded before.
pub fn seen_anew(ctx: &Context<'_>, viewer: Arc<Viewer>) {
    if let Some(sight) = ctx.data_opt::<Sight>().map(Sight::latest) {
        sight.renew(sight.scoped.seen_by(viewer));
    }
}
