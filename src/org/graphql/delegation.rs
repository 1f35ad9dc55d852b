//! Delegations: what is lent, by whom, to whom.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use entity::{DelegationId, PostId, UnitId, UserId};
use time::OffsetDateTime;

use super::unit::OrgUnit;
use super::user::User;
use crate::access::action::UserRead;
use crate::access::{Level, Permits};
use crate::error::{Error, Violation};
use crate::graphql::connection::connection;
use crate::graphql::context::Ask;
use crate::graphql::id::{from_global, to_global};
use crate::graphql::limits::words::{About, Paged};
use crate::graphql::listing::page;
use crate::graphql::loader::Loader;
use crate::graphql::page::{PageArgs, Paging};
use crate::graphql::words::{Action, Resource, SightLevel};
use crate::org::delegations::{self, DelegationRow, NewDelegation};
use crate::org::repo;

const MOST_ACTIONS: usize = 50;

/// Some of the rights of a post, lent to somebody else for a time.
pub struct Delegation(DelegationRow);

connection!(DelegationConnection, DelegationEdge, Delegation, "delegations");

/// Something that may be done.
#[derive(Clone, Copy, SimpleObject)]
pub struct LentAction {
    /// What it is done to.
    resource: Resource,
    /// What is done.
    action: Action,
}

/// Something that may be done.
#[derive(Clone, Copy, InputObject)]
pub struct LentActionInput {
    /// What it is done to.
    resource: Resource,
    /// What is done.
    action: Action,
}

/// What is lent to whom.
#[derive(InputObject)]
pub struct LendInput {
    /// One of your own posts, as in `viewer { posts { id } }`; neither an acting one nor one that is lent to you.
    post_id: ID,
    /// To whom: somebody whom you see.
    delegate_id: ID,
    /// What. Your post must give each of it; administering is never lent, revealing and exporting only where the role says so.
    actions: Vec<LentActionInput>,
    /// The highest level of sight that goes along.
    level: SightLevel,
    /// Its first moment; now where left out.
    valid_from: Option<OffsetDateTime>,
    /// The first moment without it; at most 30 days later.
    valid_to: OffsetDateTime,
}

/// Which delegation.
#[derive(InputObject)]
pub struct EndDelegationInput {
    /// The delegation.
    id: ID,
}

/// What became of the delegation.
#[derive(SimpleObject)]
pub struct DelegationPayload {
    /// The delegation as it stands.
    delegation: Delegation,
}

/// Some of the rights of a post, lent to somebody else for a time. Whoever is lent rights uses them in the lender's name: SELF means the
/// lender's rows, and the audit keeps both names. They go no further than the lender's own at every moment.
#[Object]
impl Delegation {
    /// The global id.
    pub async fn id(&self) -> ID {
        to_global(self.0.model.id)
    }

    /// Who lends.
    async fn delegator(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        User::load(ctx, self.0.model.delegator_id).await
    }

    /// Who is lent to.
    async fn delegate(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        User::load(ctx, self.0.model.delegate_id).await
    }

    /// The unit of the post behind it; null where you do not see it.
    async fn unit(&self, ctx: &Context<'_>) -> Result<Option<OrgUnit>> {
        match ctx.given::<Loader<PostId, UnitId>>()?.load(self.0.model.post_id).await? {
            Some(unit) => OrgUnit::load(ctx, unit).await,
            None => Ok(None),
        }
    }

    /// What is lent.
    #[graphql(directive = About::apply(10))]
    async fn actions(&self) -> Vec<LentAction> {
        let pairs = delegations::pairs(&self.0.model).into_iter();
        pairs.map(|(resource, action)| LentAction { resource: resource.into(), action: action.into() }).collect()
    }

    /// The highest level of sight that goes along.
    async fn level(&self) -> Option<SightLevel> {
        Level::from_word(&self.0.model.level).map(Into::into)
    }

    /// Its first moment.
    async fn valid_from(&self) -> OffsetDateTime {
        self.0.model.valid_from.into()
    }

    /// The first moment without it.
    async fn valid_to(&self) -> OffsetDateTime {
        self.0.model.valid_to.into()
    }
}

/// Reading delegations.
#[derive(Default)]
pub struct DelegationQuery;

#[Object]
impl DelegationQuery {
    /// What you have lent, what is lent to you, and what is lent of posts that you administer; the last to end first. What has ended is
    /// left out.
    #[graphql(directive = Paged::apply())]
    async fn delegations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<DelegationConnection> {
        let scoped = ctx.scoped()?;
        scoped.viewer().permit::<UserRead>()?;
        let paging = Paging::try_new(ctx, PageArgs { first, after, last, before }, None)?;
        let (query, order) = repo::delegations(scoped);
        Ok(DelegationConnection(page(query, &order, &paging, Delegation).await?))
    }
}

/// Lending and ending it.
#[derive(Default)]
pub struct DelegationMutation;

#[Object]
impl DelegationMutation {
    /// Lends some actions of one of your posts to somebody else, for at most 30 days, and no more than 50 times at once. It ends with your
    /// post, and pauses while a SINGLE unit stands between you; customers in a SINGLE unit at which the other holds no post do not go along.
    /// What is lent to you cannot be lent on.
    async fn lend(&self, ctx: &Context<'_>, #[graphql(desc = "What is lent to whom.")] input: LendInput) -> Result<DelegationPayload> {
        let scoped = ctx.scoped()?;
        if input.actions.len() > MOST_ACTIONS {
            return Err(Error::invalid(Violation::new("input.actions", "length", "must not be more than 50", "不能超过50个")).into());
        }
        let new = NewDelegation {
            post: from_global::<PostId>(&input.post_id, "input.postId")?,
            delegate: from_global::<UserId>(&input.delegate_id, "input.delegateId")?,
            actions: input.actions.into_iter().map(|pair| (pair.resource.into(), pair.action.into())).collect(),
            level: input.level.into(),
            valid_from: input.valid_from.map(Into::into),
            valid_to: input.valid_to.into(),
        };
        Ok(DelegationPayload { delegation: Delegation(delegations::lend(scoped, new).await?) })
    }

    /// Ends what you have lent or been lent, or what is lent of a post that you administer, from the next request on.
    async fn end_delegation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which delegation.")] input: EndDelegationInput,
    ) -> Result<DelegationPayload> {
        let id = from_global::<DelegationId>(&input.id, "input.id")?;
        Ok(DelegationPayload { delegation: Delegation(delegations::end(ctx.scoped()?, id).await?) })
    }
}
