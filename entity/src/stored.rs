//! Rows are read by the place of each column in the select, not by its name: a lookup by name for each column of each row costs more than
//! the column.

use sea_orm::{DbErr, EntityTrait, QueryResult, TryGetable};

/// A table whose rows are read by place. The list of what is selected and the reading come from one list of columns, so that they cannot
/// differ; the compiler sees that no field is missing.
pub trait Stored: EntityTrait {
    /// What is selected, as SQL.
    const COLUMNS: &'static str;

    /// How many columns that is: what is selected behind them begins here.
    const WIDTH: usize;

    /// The row of a result that begins with [`Stored::COLUMNS`].
    fn read(row: &QueryResult) -> Result<Self::Model, DbErr>;
}

/// The value of the next column.
pub(crate) fn next<T: TryGetable>(row: &QueryResult, at: &mut usize) -> Result<T, DbErr> {
    let value = row.try_get_by_index(*at)?;
    *at += 1;
    Ok(value)
}

/// `stored!("table": every, column, of, it);`
macro_rules! stored {
    ($table:literal: $first:ident $(, $column:ident)* $(,)?) => {
        impl $crate::Stored for Entity {
            const COLUMNS: &'static str =
                concat!("\"", $table, "\".\"", stringify!($first), "\"" $(, ", \"", $table, "\".\"", stringify!($column), "\"")*);
            const WIDTH: usize = [stringify!($first) $(, stringify!($column))*].len();

            fn read(row: &sea_orm::QueryResult) -> Result<Model, DbErr> {
                let mut at = 0;
                Ok(Model { $first: $crate::stored::next(row, &mut at)? $(, $column: $crate::stored::next(row, &mut at)?)* })
            }
        }
    };
}

pub(crate) use stored;

#[cfg(test)]
mod tests {
    use sea_orm::{IdenStatic, Iterable};

    use super::*;
    use crate::{audit, contact, customer, delegation, due_work, org_unit, policy_rule, post, role, role_gives, user};

    fn lists_every_column<E: Stored>() {
        let table = E::default();
        let columns: Vec<_> = E::Column::iter().map(|column| format!("\"{}\".\"{}\"", table.as_str(), column.as_str())).collect();
        assert_eq!(E::COLUMNS, columns.join(", "));
        assert_eq!(E::WIDTH, columns.len());
    }

    #[test]
    fn what_is_selected_is_the_table() {
        lists_every_column::<audit::Entity>();
        lists_every_column::<contact::Entity>();
        lists_every_column::<customer::Entity>();
        lists_every_column::<delegation::Entity>();
        lists_every_column::<due_work::Entity>();
        lists_every_column::<org_unit::Entity>();
        lists_every_column::<policy_rule::Entity>();
        lists_every_column::<post::Entity>();
        lists_every_column::<role::Entity>();
        lists_every_column::<role_gives::Entity>();
        lists_every_column::<user::Entity>();
    }
}
