//! The whole schema: the domains' queries and mutations put together, what every request carries, and `node`.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{
    Context, Data, EmptySubscription, ID, Interface, MergedObject, Object, Request, Result, SchemaBuilder, ValidationMode,
};
use entity::{ContactId, CustomerId, PostId, UnitId, UserId, contact, customer, org_unit};

use crate::access::action::{CustomerRead, OrganisationRead, UserRead};
use crate::access::{Action, Permits, Resource};
use crate::contact::graphql::{Contact, ContactMutation};
use crate::contact::{self as contacts, ContactRow};
use crate::customer::filter::{IdentityLookups, LookedUp};
use crate::customer::graphql::{Customer, CustomerMutation, CustomerQuery, RevealMutation};
use crate::customer::reveal::RevealsPerDay;
use crate::customer::{self as customers, CustomerRow};
use crate::db::{Rights, Scoped};
use crate::error::{Error, Violation};
use crate::explain::graphql::ExplainQuery;
use crate::graphql::context::{Ask, Sight};
use crate::graphql::id::{GlobalId, parse};
use crate::graphql::idempotency::idempotent;
use crate::graphql::limits::words::OneForEach;
use crate::graphql::listing::{load_pages, load_totals};
use crate::graphql::loader::Loader;
use crate::graphql::nullable::or_null;
use crate::graphql::page::MOST;
use crate::history;
use crate::history::graphql::{AuditQuery, Chapters, Lengths, PostsAdministered, UserHistories};
pub use crate::org::graphql::Tried;
use crate::org::graphql::{
    Administered, DelegationMutation, DelegationQuery, OrgUnit, OrgUnitMutation, OrgUnitQuery, PlannedMoveQuery, PolicyMutation,
    PolicyQuery, PostMutation, PostQuery, Posts, RoleMutation, RoleQuery, SessionMutation, SignInMutation, UnitPreviewQuery, User,
    UserMutation, UserQuery, Versions, ViewerQuery,
};
use crate::org::repo::{UnitRow, UserRow};
use crate::org::{self, Federation, Peer, SignIn};
use crate::queue::graphql::QueueMutation;
use crate::secrets::Secrets;
use crate::sync::graphql::SyncQuery;

/// Anything with a global id.
#[derive(Interface)]
#[expect(clippy::large_enum_variant, reason = "lives as long as one field of one answer")]
#[graphql(field(name = "id", ty = "ID", desc = "The global id."))]
pub enum Node {
    /// A customer.
    Customer(Customer),
    /// A contact.
    Contact(Contact),
    /// A unit.
    OrgUnit(OrgUnit),
    /// A user.
    User(User),
}

/// Reading by global id.
#[derive(Default)]
pub struct NodeQuery;

/// What can be read.
#[derive(MergedObject, Default)]
pub struct Query(
    ViewerQuery,
    NodeQuery,
    OrgUnitQuery,
    PlannedMoveQuery,
    UnitPreviewQuery,
    UserQuery,
    PostQuery,
    RoleQuery,
    PolicyQuery,
    DelegationQuery,
    CustomerQuery,
    AuditQuery,
    ExplainQuery,
    SyncQuery,
);

/// What can be changed.
#[derive(MergedObject, Default)]
pub struct Mutation(
    SignInMutation,
    SessionMutation,
    OrgUnitMutation,
    UserMutation,
    PostMutation,
    RoleMutation,
    PolicyMutation,
    DelegationMutation,
    CustomerMutation,
    RevealMutation,
    ContactMutation,
    QueueMutation,
);

/// The executor. It takes the word of [`crate::graphql::validation`] that a document is valid, which is asked once a document.
pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// A request for a document that was parsed before.
pub fn asking(document: &ExecutableDocument, operation: Option<&str>) -> Request {
    let mut request = Request::new(String::new());
    request.operation_name = operation.map(str::to_owned);
    request.set_parsed_query(document.clone());
    request
}

/// The schema over these secrets; `sign_in` verifies passwords, `rights` are told of changes, `federation` knows the issuer of subjects, `reveals`
/// bounds what a user may open.
pub fn build(secrets: Secrets, sign_in: SignIn, federation: Arc<Federation>, rights: Arc<Rights>, reveals: RevealsPerDay) -> Schema {
    let data = definition().data(secrets).data(sign_in).data(federation).data(rights).data(reveals).data(IdentityLookups::default());
    data.validation_mode(ValidationMode::Fast).finish()
}

/// The schema in the schema definition language, as `schema.graphql` holds it.
pub fn sdl() -> String {
    definition().finish().sdl()
}

fn definition() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    async_graphql::Schema::build(Query::default(), Mutation::default(), EmptySubscription).directive(idempotent).disable_suggestions()
}

/// Gives a request what its resolvers ask for: the database as the caller sees it, and loaders that live as long as the request. `tried`
/// is what the same request has tried before.
pub fn prepare(request: Request, scoped: Option<Scoped>, peer: Peer, tried: Arc<Tried>) -> Request {
    let request = request.data(tried).data(peer);
    let Some(scoped) = scoped else { return request };
    request.data(LookedUp::default()).data(Sight::new(scoped, carry))
}

/// The loaders through one sight of the database.
fn carry(scoped: &Arc<Scoped>) -> Data {
    let mut data = Data::default();
    data.insert(Loader::<UnitId, UnitRow>::new(scoped, |scoped, ids| Box::pin(org::repo::units_by_ids(scoped, ids))));
    data.insert(Loader::<UserId, UserRow>::new(scoped, |scoped, ids| Box::pin(org::repo::users_by_ids(scoped, ids))));
    data.insert(Loader::<UserId, String>::new(scoped, |scoped, ids| Box::pin(org::repo::titles(scoped, ids))));
    data.insert(Administered::new(scoped, |scoped, ids| Box::pin(org::repo::administered(scoped, ids))));
    data.insert(Posts::new(scoped, |scoped, ids| Box::pin(org::repo::administered_posts(scoped, ids))));
    data.insert(Versions::new(scoped, |scoped, ids| Box::pin(org::repo::post_versions(scoped, ids))));
    data.insert(Loader::<PostId, UnitId>::new(scoped, |scoped, ids| Box::pin(org::repo::units_of_posts(scoped, ids))));
    data.insert(Loader::<CustomerId, CustomerRow>::new(scoped, |scoped, ids| Box::pin(customers::repo::by_ids(scoped, ids))));
    data.insert(Loader::<ContactId, ContactRow>::new(scoped, |scoped, ids| Box::pin(contacts::repo::by_ids(scoped, ids))));
    data.insert(load_pages::<org_unit::Entity>(scoped));
    data.insert(load_totals::<org_unit::Entity>(scoped));
    data.insert(load_pages::<customer::Entity>(scoped));
    data.insert(load_totals::<customer::Entity>(scoped));
    data.insert(load_pages::<contact::Entity>(scoped));
    data.insert(load_totals::<contact::Entity>(scoped));
    data.insert(Chapters::new(scoped, |scoped, asked| Box::pin(async move { scoped.histories(asked).await })));
    data.insert(Lengths::new(Loader::new(scoped, |scoped, asked| Box::pin(async move { scoped.histories_counted(asked).await }))));
    data.insert(UserHistories::new(scoped, |scoped, ids| Box::pin(async move { scoped.histories_of_users(ids).await })));
    data.insert(PostsAdministered::new(scoped, |scoped, ids| Box::pin(history::repo::posts_administered(scoped, ids))));
    data
}

async fn load(ctx: &Context<'_>, id: &ID, field: &str) -> Result<Option<Node>> {
    let viewer = ctx.scoped()?.viewer();
    let unknown = || Error::invalid(Violation::new(field, "id", "is not the id of a record", "不是记录的标识"));
    let (name, uuid) = parse(id).ok_or_else(unknown)?;
    match name.as_str() {
        CustomerId::TYPE => {
            viewer.permit::<CustomerRead>()?;
            Ok(Customer::load(ctx, uuid.into()).await?.map(Node::Customer))
        }
        ContactId::TYPE => {
            if !viewer.can(Resource::Contact, Action::Read) {
                return Err(Error::forbidden().into());
            }
            Ok(Contact::load(ctx, uuid.into()).await?.map(Node::Contact))
        }
        UnitId::TYPE => {
            viewer.permit::<OrganisationRead>()?;
            Ok(OrgUnit::load(ctx, uuid.into()).await?.map(Node::OrgUnit))
        }
        UserId::TYPE => {
            viewer.permit::<UserRead>()?;
            Ok(User::load(ctx, uuid.into()).await?.map(Node::User))
        }
        _ => Err(unknown().into()),
    }
}

#[Object]
impl NodeQuery {
    /// Any record by its global id. Null where you see no such record.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "The global id.")] id: ID) -> Option<Node> {
        or_null(ctx, load(ctx, &id, "id").await)
    }

    /// Records by their global ids, in the same order, null where you see no such record. At most 100.
    #[graphql(directive = OneForEach::apply("ids"))]
    async fn nodes(&self, ctx: &Context<'_>, #[graphql(desc = "The global ids.")] ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        ctx.scoped()?;
        if ids.len() > usize::try_from(MOST).unwrap_or_default() {
            return Err(Error::invalid(Violation::new("ids", "length", "must not be more than 100", "不能超过100个")).into());
        }
        futures::future::try_join_all(ids.iter().map(|id| load(ctx, id, "ids"))).await
    }
}
