//! The nodes of a page, resolved as the executor would, only cheaper: it boxes a future for each field of each object, which costs more
//! than most fields do. Where a selection asks for plain fields alone, they are resolved one behind the other in the future of their
//! object; the objects still go side by side, so that loaders see them together. Anything else is left to the executor.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::{ContainerType, resolve_list};
use async_graphql::{ContextSelectionSet, ObjectType, OutputType, Positioned, ServerResult, Value};
use futures::future::try_join_all;

use super::connection::Edge;

/// The nodes of a page.
pub struct Nodes<'a, T>(pub &'a [Edge<T>]);

impl<T: ObjectType> OutputType for Nodes<'_, T> {
    fn type_name() -> Cow<'static, str> {
        <Vec<T> as OutputType>::type_name()
    }

    fn qualified_type_name() -> String {
        <Vec<T> as OutputType>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Vec<T> as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let nodes = self.0.iter().map(Edge::node);
        let Some(fields) = plain_fields(ctx) else {
            return resolve_list(ctx, field, nodes, Some(self.0.len())).await;
        };
        let one = async |(index, node)| {
            let ctx = ctx.with_index(index);
            one_by_one(&ctx, &fields, node).await.map_err(|error| ctx.set_error_path(error))
        };
        Ok(Value::List(try_join_all(nodes.enumerate().map(one)).await?))
    }
}

/// The selection, if it is nothing but fields of this object without selections of their own: no fragment, no directive, no meta field.
fn plain_fields<'a>(ctx: &ContextSelectionSet<'a>) -> Option<Vec<&'a Positioned<Field>>> {
    let plain =
        |field: &Field| field.selection_set.node.items.is_empty() && field.directives.is_empty() && !field.name.node.starts_with("__");
    ctx.item
        .node
        .items
        .iter()
        .map(|selection| match &selection.node {
            Selection::Field(field) if plain(&field.node) => Some(field),
            _ => None,
        })
        .collect()
}

async fn one_by_one<T: ContainerType>(ctx: &ContextSelectionSet<'_>, fields: &[&Positioned<Field>], object: &T) -> ServerResult<Value> {
    let mut values = IndexMap::with_capacity(fields.len());
    for field in fields {
        let key = &field.node.response_key().node;
        // Validation saw to it that what has one key is one field.
        if !values.contains_key(key) {
            let value = object.resolve_field(&ctx.with_field(field)).await?;
            values.insert(key.clone(), value.unwrap_or_default());
        }
    }
    Ok(Value::Object(values))
}
