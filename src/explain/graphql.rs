//! `explainAccess`.

use async_graphql::{Context, Enum, ID, Object, Result};

use super::{Record, explain};
use crate::access::{self, ActivePost, HeldPost, Way};
use crate::error::{Error, Violation};
use crate::graphql::context::Ask;
use crate::graphql::id::parse;
use crate::graphql::limits::words::About;
use crate::graphql::words::{Action, GrantReach, SightLevel};
use crate::org::graphql::OrgUnit;

/// Why you may do something to a record, or why not.
pub struct Explanation(access::Explanation);

/// One way to do it, to this record or to others.
pub struct AccessWay(Way);

/// A post that takes an action away from everything you may do.
pub struct DenyingPost(ActivePost);

/// Where a right comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "access::Source")]
pub enum AccessSource {
    /// A grant of the role of a post of yours.
    Post,
    /// A grant of the role of a post that you hold for somebody absent.
    Acting,
    /// A grant of the role of somebody else's post, lent to you.
    Delegation,
    /// What every holder of a post sees: the units above and below, colleagues, owners of customers in sight.
    Standing,
    /// The operator of the machine.
    System,
}

/// Why you may do something to a record, or why not. A record out of your sight is explained as one that never was.
#[Object]
impl Explanation {
    /// May you do it to this record? Single fields may still be closed to you: the record's level tells.
    async fn allowed(&self) -> bool {
        self.0.allowed
    }

    /// The highest level among the ways that reach this record; null where none does. Levels count for reading; users are seen as CARD.
    async fn level(&self) -> Option<SightLevel> {
        self.0.level.map(Into::into)
    }

    /// Every way by which you do it to anything at all; `reachesRecord` tells which lead to this record.
    #[graphql(directive = About::apply(5))]
    async fn ways(&self) -> Vec<AccessWay> {
        self.0.ways.iter().cloned().map(AccessWay).collect()
    }

    /// Posts of yours that take the action away from all ways.
    #[graphql(directive = About::apply(2))]
    async fn denied_by(&self) -> Vec<DenyingPost> {
        self.0.denied_by.iter().cloned().map(DenyingPost).collect()
    }
}

async fn unit_of(ctx: &Context<'_>, post: Option<&HeldPost>) -> Result<Option<OrgUnit>> {
    match post {
        Some(post) => OrgUnit::load(ctx, post.unit).await,
        None => Ok(None),
    }
}

/// One way to do it, to this record or to others.
#[Object]
impl AccessWay {
    /// Where it comes from.
    async fn source(&self) -> AccessSource {
        self.0.source.into()
    }

    /// The code of the role whose grant it is; null where it comes from no post.
    async fn role(&self) -> Option<&str> {
        self.0.post.as_ref().map(|post| post.role.as_str())
    }

    /// Where the post is held; null where it comes from no post.
    async fn unit(&self, ctx: &Context<'_>) -> Result<Option<OrgUnit>> {
        unit_of(ctx, self.0.post.as_ref()).await
    }

    /// How far the grant goes; null for what is no grant.
    async fn reach(&self) -> Option<GrantReach> {
        self.0.reach.map(Into::into)
    }

    /// How clearly. Counts for reading.
    async fn level(&self) -> SightLevel {
        self.0.level.into()
    }

    /// Leads outside the post's subtree, to cards alone, by the business mode.
    async fn sideways(&self) -> bool {
        self.0.sideways
    }

    /// Leads only to rows that one user owns: you, or `onBehalfOf`.
    async fn own_rows(&self) -> bool {
        self.0.own_rows
    }

    /// The name of whose rights you use: an absent holder's or a lender's; null where they are your own.
    async fn on_behalf_of(&self) -> Option<&str> {
        self.0.lender.as_ref().map(|lender| lender.name.as_str())
    }

    /// Does it lead to this record?
    async fn reaches_record(&self) -> bool {
        self.0.reaches
    }
}

/// A post that takes an action away from everything you may do.
#[Object]
impl DenyingPost {
    /// The code of the role that denies.
    async fn role(&self) -> &str {
        &self.0.held.role
    }

    /// Where you hold it.
    async fn unit(&self, ctx: &Context<'_>) -> Result<Option<OrgUnit>> {
        unit_of(ctx, Some(&self.0.held)).await
    }
}

/// Explaining.
#[derive(Default)]
pub struct ExplainQuery;

#[Object]
impl ExplainQuery {
    /// Why you may do this to a record, or why not: which post, grant, delegation or rule gives it, which denies it.
    async fn explain_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id of a customer, contact, unit or user.")] id: ID,
        #[graphql(desc = "What would be done.")] action: Action,
    ) -> Result<Explanation> {
        let scoped = ctx.scoped()?;
        let unknown = || Error::invalid(Violation::new("id", "id", "is not the id of a record", "不是记录的标识"));
        let record = parse(&id).and_then(|(kind, id)| Record::from_global(&kind, id)).ok_or_else(unknown)?;
        Ok(Explanation(explain(scoped, record, action.into()).await?))
    }
}
