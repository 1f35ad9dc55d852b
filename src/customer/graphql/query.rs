//! Reading customers.

use async_graphql::{Context, ID, Object, Result};
use entity::{CustomerId, UnitId, customer};

use super::object::{Customer, CustomerConnection};
use crate::access::action::CustomerRead;
use crate::access::{Action, Permits, Resource};
use crate::customer::filter::{CustomerFilter, CustomerSort, IdentityLookups, LookedUp, Understanding, Understood, order, understand};
use crate::customer::{record_lookups, repo};
use crate::db::{Asked, Order};
use crate::error::{Error, Violation};
use crate::graphql::context::Ask;
use crate::graphql::id::from_global;
use crate::graphql::limits::words::Paged;
use crate::graphql::listing::{page, page_under};
use crate::graphql::nullable::or_null;
use crate::graphql::page::{PageArgs, Paging};
use crate::secrets::Secrets;
use crate::text::looked_for;

async fn find(
    ctx: &Context<'_>,
    id: Option<ID>,
    external_ref: Option<String>,
    origin_unit_code: Option<String>,
) -> Result<Option<Customer>> {
    let scoped = ctx.scoped()?;
    scoped.viewer().permit::<CustomerRead>()?;
    match (id, external_ref, origin_unit_code) {
        (Some(id), None, None) => Customer::load(ctx, from_global::<CustomerId>(&id, "id")?).await,
        (None, Some(reference), Some(code)) => {
            looked_for("externalRef", &reference)?;
            looked_for("originUnitCode", &code)?;
            // A code that nobody has costs what a foreign one costs.
            let origin = scoped.viewer().tree().by_code(&code).unwrap_or(UnitId(uuid::Uuid::nil()));
            Ok(repo::by_references(scoped, origin, vec![reference]).await?.into_iter().next().map(Customer))
        }
        _ => Err(Error::invalid(Violation::new(
            "id",
            "one_of",
            "give either id, or externalRef and originUnitCode",
            "请提供id，或者externalRef和originUnitCode",
        ))
        .into()),
    }
}

/// Reading customers.
#[derive(Default)]
pub struct CustomerQuery;

async fn understood(
    ctx: &Context<'_>,
    filter: Option<&CustomerFilter>,
    sort: Option<CustomerSort>,
) -> Result<(Understood, Order<customer::Entity>), Error> {
    let with = Understanding {
        scoped: ctx.scoped()?,
        identity: &ctx.given::<Secrets>()?.identity,
        lookups: ctx.given::<IdentityLookups>()?,
        looked_up: ctx.given::<LookedUp>()?,
    };
    let understood = understand(filter, sort, &with)?;
    if understood.lookups > 0 {
        record_lookups(with.scoped, understood.lookups).await?;
    }
    Ok((understood, order(sort)))
}

#[Object]
impl CustomerQuery {
    /// One customer, by id, or by reference and the unit where it began. Null where you see no such customer.
    async fn customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id.")] id: Option<ID>,
        #[graphql(desc = "What other systems call it, together with originUnitCode.")] external_ref: Option<String>,
        #[graphql(desc = "The code of the unit where the customer began.")] origin_unit_code: Option<String>,
    ) -> Option<Customer> {
        or_null(ctx, find(ctx, id, external_ref, origin_unit_code).await)
    }

    /// The customers that you see, newest first.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    #[graphql(directive = Paged::apply())]
    async fn customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which customers.")] filter: Option<CustomerFilter>,
        #[graphql(desc = "In which order; newest first.")] sort: Option<CustomerSort>,
        #[graphql(desc = "From the beginning: how many, at most 100 (20).")] first: Option<i32>,
        #[graphql(desc = "Behind the row of this cursor.")] after: Option<String>,
        #[graphql(desc = "From the end: how many, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Before the row of this cursor.")] before: Option<String>,
    ) -> Result<CustomerConnection> {
        let scoped = ctx.scoped()?;
        scoped.viewer().permit::<CustomerRead>()?;
        let paging = Paging::try_new(ctx, PageArgs { first, after, last, before }, None)?;
        let (understood, order) = understood(ctx, filter.as_ref(), sort).await?;
        let query = scoped.find::<customer::Entity>().filter(understood.condition).at_least(understood.floor);
        Ok(CustomerConnection(page(query, &order, &paging, Customer).await?))
    }
}

/// The customers of one unit; none where the caller sees no customers at all.
pub async fn unit_customers(
    ctx: &Context<'_>,
    unit: UnitId,
    filter: Option<CustomerFilter>,
    sort: Option<CustomerSort>,
    paging: Paging,
) -> Result<Option<CustomerConnection>> {
    let scoped = ctx.scoped()?;
    if !scoped.viewer().can(Resource::Customer, Action::Read) {
        return Ok(None);
    }
    let (understood, order) = understood(ctx, filter.as_ref(), sort).await?;
    let asked = Asked {
        shape: paging.shape.clone(),
        query: scoped.find().filter(understood.condition.clone()).at_least(understood.floor),
        totals: scoped.sql().filter(understood.condition).at_least(understood.floor),
        parent: customer::Column::UnitId,
        parent_of: |row: &customer::Model| row.unit_id.0,
        order,
        slice: paging.slice.clone(),
    };
    Ok(Some(CustomerConnection(page_under(ctx, unit.0, asked, &paging, Customer).await?)))
}
