//! Relay connections: edges, nodes, page flags, and a total that is counted only when asked for.

use async_graphql::{Context, SimpleObject};
use futures::future::BoxFuture;
use uuid::Uuid;

use super::context::Ask;
use super::page::Paging;
use crate::access::visible::Visible;
use crate::db::{KeyValue, Order, PageOf, Row};
use crate::error::Error;
use crate::secrets::Secrets;

/// Where a page stands in its list.
#[derive(Clone, Debug, Default, SimpleObject)]
pub struct PageInfo {
    /// Are there more rows behind the last one?
    pub has_next_page: bool,
    /// Are there more rows before the first one?
    pub has_previous_page: bool,
    /// The cursor of the first row; null on an empty page.
    pub start_cursor: Option<String>,
    /// The cursor of the last row; null on an empty page. Hand it in as `after` to go on.
    pub end_cursor: Option<String>,
}

/// Counts the whole list.
pub type Count = Box<dyn Fn() -> BoxFuture<'static, Result<u64, Error>> + Send + Sync>;

/// A node and where it stands in its list.
pub struct Edge<T> {
    key: KeyValue,
    id: Uuid,
    node: T,
}

impl<T> Edge<T> {
    /// The node.
    pub fn node(&self) -> &T {
        &self.node
    }
}

/// A page of nodes. Cursors are sealed where they are asked for: a seal costs more than the rest of a row.
pub struct Listing<T> {
    /// The nodes, in the order of the list.
    pub edges: Vec<Edge<T>>,
    /// Counts the whole list.
    pub count: Count,
    paging: Paging,
    more: bool,
}

impl<T> Listing<T> {
    /// The page as a listing.
    pub fn new<E: Visible>(page: PageOf<Row<E>>, order: &Order<E>, paging: &Paging, node: impl Fn(Row<E>) -> T, count: Count) -> Self {
        let edge = |row: Row<E>| Edge { key: (order.key_of)(&row.model), id: (order.id_of)(&row.model), node: node(row) };
        Self { edges: page.rows.into_iter().map(edge).collect(), count, paging: paging.clone(), more: page.more }
    }

    /// The cursor of an edge of this list.
    pub fn cursor(&self, ctx: &Context<'_>, edge: &Edge<T>) -> Result<String, Error> {
        self.paging.cursor(&ctx.given::<Secrets>()?.cursors, &edge.key, edge.id)
    }

    /// Where the page stands.
    pub fn info(&self, ctx: &Context<'_>) -> Result<PageInfo, Error> {
        let came_from = self.paging.slice.from.is_some();
        let (has_previous_page, has_next_page) = if self.paging.slice.backwards { (self.more, came_from) } else { (came_from, self.more) };
        let cursor = |edge: Option<&Edge<T>>| edge.map(|edge| self.cursor(ctx, edge)).transpose();
        Ok(PageInfo { has_next_page, has_previous_page, start_cursor: cursor(self.edges.first())?, end_cursor: cursor(self.edges.last())? })
    }
}

/// Defines a connection type and its edge type over a node type.
macro_rules! connection {
    ($connection:ident, $edge:ident, $node:ty, $what:literal) => {
        #[doc = concat!("A page of ", $what, ".")]
        pub struct $connection(pub $crate::graphql::connection::Listing<$node>);

        #[doc = concat!("One of the ", $what, " on a page.")]
        pub struct $edge<'a>(&'a $connection, &'a $crate::graphql::connection::Edge<$node>);

        #[doc = concat!("A page of ", $what, ".")]
        #[async_graphql::Object]
        impl $connection {
            /// The rows with their cursors.
            async fn edges(&self) -> Vec<$edge<'_>> {
                self.0.edges.iter().map(|edge| $edge(self, edge)).collect()
            }

            /// The rows alone.
            async fn nodes(&self) -> $crate::graphql::nodes::Nodes<'_, $node> {
                $crate::graphql::nodes::Nodes(&self.0.edges)
            }

            /// Where the page stands in its list.
            async fn page_info(&self, ctx: &async_graphql::Context<'_>) -> async_graphql::Result<$crate::graphql::connection::PageInfo> {
                Ok(self.0.info(ctx)?)
            }

            /// How many rows the whole list has. Costs a count of its own: ask only where you show it.
            async fn total_count(&self) -> async_graphql::Result<u64> {
                Ok((self.0.count)().await?)
            }
        }

        #[doc = concat!("One of the ", $what, " on a page.")]
        #[async_graphql::Object]
        impl<'a> $edge<'a> {
            /// Where the row stands: hand it in as `after` or `before`.
            async fn cursor(&self, ctx: &async_graphql::Context<'_>) -> async_graphql::Result<String> {
                Ok(self.0.0.cursor(ctx, self.1)?)
            }

            /// The row.
            async fn node(&self) -> &$node {
                self.1.node()
            }
        }
    };
}

pub(crate) use connection;
