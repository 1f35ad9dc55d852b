//! `@cost` and `@listSize`, by which the schema tells beforehand what a document costs: the words of the cost specification of IBM, and
//! what this schema says with them.

use std::borrow::Cow;

use async_graphql::TypeDirective;
use async_graphql::registry::location_traits::Directive_At_FIELD_DEFINITION;
use async_graphql::registry::{MetaDirectiveInvocation, Registry};

/// What a page counts for when nothing says how long it is; the page size that resolvers default to.
pub const DEFAULT_PAGE: u64 = 20;

/// What a field counts for, in points, beside what is selected below it. A field without this directive counts for 1.
#[TypeDirective(location = "FieldDefinition")]
pub fn cost(#[graphql(desc = "Points, as a whole number.")] weight: String) {}

/// How many items a field is taken to hold before it is asked: what is selected below it counts so often. A list without this directive
/// is taken to hold 1.
#[TypeDirective(name = "listSize", location = "FieldDefinition")]
pub fn list_size(
    #[graphql(desc = "How many, where no argument says it.")] assumed_size: Option<i32>,
    #[graphql(desc = "The arguments that say how many, by number or by length; of several the largest.")] slicing_arguments: Option<
        Vec<String>,
    >,
    #[graphql(desc = "The fields below that hold the items, where the field itself is no list.")] sized_fields: Option<Vec<String>>,
    #[graphql(desc = "Must one of the arguments be given? Where nothing is said: yes.")] require_one_slicing_argument: Option<bool>,
) {
}

fn words(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|word| (*word).to_owned()).collect())
}

/// A connection: as long as `first` or `last` says.
pub struct Paged;

impl Paged {
    /// For the attribute of the field.
    pub fn apply() -> MetaDirectiveInvocation {
        let size = i32::try_from(DEFAULT_PAGE).ok();
        list_size::apply(size, words(&["first", "last"]), words(&["nodes", "edges"]), Some(false))
    }
}

/// The next part of a copy: as much as `first` says.
pub struct Copied;

impl Copied {
    /// For the attribute of the field.
    pub fn apply() -> MetaDirectiveInvocation {
        list_size::apply(Some(100), words(&["first"]), words(&["upserts", "tombstones"]), Some(false))
    }
}

/// A list of as many items as an argument has, or what holds one.
pub struct OneForEach;

impl OneForEach {
    /// For the attribute of the field; `argument` is a list, or `argument.field` is.
    pub fn apply(argument: &str) -> MetaDirectiveInvocation {
        list_size::apply(None, words(&[argument]), None, None)
    }
}

/// A list that no argument bounds.
pub struct About;

impl About {
    /// For the attribute of the field.
    pub fn apply(items: i32) -> MetaDirectiveInvocation {
        list_size::apply(Some(items), None, None, None)
    }
}

/// A field that rehearses a change: the change is made and taken back, and everybody's rights are looked through. Two of them in one
/// operation are as much as a whole operation may cost.
pub struct Rehearsal;

impl Rehearsal {
    /// For the attribute of the field.
    pub fn apply() -> MetaDirectiveInvocation {
        cost::apply("20000".to_owned())
    }
}

macro_rules! stands_for {
    ($($ours:ident: $theirs:ident),*) => {$(
        impl TypeDirective for $ours {
            fn name(&self) -> Cow<'static, str> {
                $theirs.name()
            }

            fn register(&self, registry: &mut Registry) {
                $theirs.register(registry);
            }
        }

        impl Directive_At_FIELD_DEFINITION for $ours {}
    )*};
}

stands_for!(Paged: list_size, Copied: list_size, OneForEach: list_size, About: list_size, Rehearsal: cost);
