//! Relay connections: edges, nodes, page flags, and a total that is counted only when asked for.

use async_graphql::SimpleObject;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::page::Paging;
use crate::access::visible::Visible;
use crate::db::{Order, PageOf, Row};
use crate::error::Error;
use crate::secrets::Seal;

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

/// A page of nodes with their cursors.
pub struct Listing<T> {
    /// Cursor and node.
    pub edges: Vec<(String, T)>,
    /// Where the page stands.
    pub info: PageInfo,
    /// Counts the whole list.
    pub count: Count,
}

impl<T> Listing<T> {
    /// The page as a listing.
    pub fn try_new<E: Visible>(
        page: PageOf<Row<E>>,
        order: &Order<E>,
        paging: &Paging,
        seal: &Seal,
        node: impl Fn(Row<E>) -> T,
        count: Count,
    ) -> Result<Self, Error> {
        let mut edges = Vec::with_capacity(page.rows.len());
        for row in page.rows {
            let id: Uuid = (order.id_of)(&row.model);
            edges.push((paging.cursor(seal, (order.key_of)(&row.model), id)?, node(row)));
        }
        let came_from = paging.slice.from.is_some();
        let (has_previous_page, has_next_page) = if paging.slice.backwards { (page.more, came_from) } else { (came_from, page.more) };
        let cursor = |edge: Option<&(String, T)>| edge.map(|(cursor, _)| cursor.clone());
        let info = PageInfo { has_next_page, has_previous_page, start_cursor: cursor(edges.first()), end_cursor: cursor(edges.last()) };
        Ok(Self { edges, info, count })
    }
}

/// Defines a connection type and its edge type over a node type.
macro_rules! connection {
    ($connection:ident, $edge:ident, $node:ty, $what:literal) => {
        #[doc = concat!("A page of ", $what, ".")]
        pub struct $connection(pub $crate::graphql::connection::Listing<$node>);

        #[doc = concat!("One of the ", $what, " on a page.")]
        pub struct $edge<'a>(&'a (String, $node));

        #[doc = concat!("A page of ", $what, ".")]
        #[async_graphql::Object]
        impl $connection {
            /// The rows with their cursors.
            async fn edges(&self) -> Vec<$edge<'_>> {
                self.0.edges.iter().map($edge).collect()
            }

            /// The rows alone.
            async fn nodes(&self) -> Vec<&$node> {
                self.0.edges.iter().map(|(_, node)| node).collect()
            }

            /// Where the page stands in its list.
            async fn page_info(&self) -> &$crate::graphql::connection::PageInfo {
                &self.0.info
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
            async fn cursor(&self) -> &str {
                &self.0.0
            }

            /// The row.
            async fn node(&self) -> &$node {
                &self.0.1
            }
        }
    };
}

pub(crate) use connection;
