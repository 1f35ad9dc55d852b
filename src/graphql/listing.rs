//! Pages as listings: of the whole, or under a parent, where the same field of many parents is one statement, and so are its totals.

use std::sync::Arc;

use async_graphql::Context;
use uuid::Uuid;

use super::connection::Listing;
use super::context::Ask;
use super::loader::Loader;
use super::page::Paging;
use crate::access::visible::Visible;
use crate::db::{Asked, Nested, Order, PageOf, Query, Row, Scoped, counts, pages};
use crate::error::Error;

/// Pages of `E` under parents.
pub type Pages<E> = Loader<Nested<E>, Arc<PageOf<Row<E>>>>;
/// Totals of `E` under parents.
pub type Totals<E> = Arc<Loader<Nested<E>, u64>>;

/// The loader of pages for one request.
pub fn load_pages<E: Visible>(scoped: &Arc<Scoped>) -> Pages<E> {
    Loader::new(scoped, |_, keys| Box::pin(pages(keys)))
}

/// The loader of totals for one request.
pub fn load_totals<E: Visible>(scoped: &Arc<Scoped>) -> Totals<E> {
    Arc::new(Loader::new(scoped, |_, keys| Box::pin(counts(keys))))
}

/// A page of a list that stands under no parent.
pub async fn page<E: Visible, T>(
    query: Query<E>,
    order: &Order<E>,
    paging: &Paging,
    node: impl Fn(Row<E>) -> T,
) -> Result<Listing<T>, Error> {
    let page = query.clone().page(order, &paging.slice).await?;
    let count = Box::new(move || -> futures::future::BoxFuture<'static, _> { Box::pin(query.clone().count()) });
    Ok(Listing::new(page, order, paging, node, count))
}

/// The page of one parent as a listing.
pub async fn page_under<E: Visible, T>(
    ctx: &Context<'_>,
    parent: Uuid,
    asked: Asked<E>,
    paging: &Paging,
    node: impl Fn(Row<E>) -> T,
) -> Result<Listing<T>, Error> {
    let order = asked.order.clone();
    let key = Nested { parent, asked: Arc::new(asked) };
    let page = ctx.given::<Pages<E>>()?.load(key.clone()).await?;
    let page = page.map_or(PageOf { rows: Vec::new(), more: false }, Arc::unwrap_or_clone);
    let totals = ctx.given::<Totals<E>>()?.clone();
    let count = Box::new(move || -> futures::future::BoxFuture<'static, _> {
        let (totals, key) = (totals.clone(), key.clone());
        Box::pin(async move { Ok(totals.load(key).await?.unwrap_or_default()) })
    });
    Ok(Listing::new(page, &order, paging, node, count))
}
