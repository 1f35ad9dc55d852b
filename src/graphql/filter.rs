//! Typed filters on single fields, and what they mean in SQL. Options within one filter are ANDed.

use async_graphql::{ID, InputObject};
use entity::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, Value};
use time::{Date, OffsetDateTime};

use super::decimal::Decimal;
use crate::error::{Error, Violation};

/// Most values in one `in`.
pub const MOST_VALUES: usize = 200;
/// `or` and `not` nest at most so deep.
pub const MOST_NESTED: usize = 3;
const LONGEST_TEXT: usize = 200;

/// Matches text, without regard to case and width.
#[derive(Clone, Debug, Default, InputObject)]
pub struct TextFilter {
    /// Equal to this.
    pub eq: Option<String>,
    /// Equal to one of these, at most 200.
    #[graphql(name = "in")]
    pub one_of: Option<Vec<String>>,
    /// Contains this anywhere.
    pub contains: Option<String>,
    /// Begins with this.
    pub starts_with: Option<String>,
}

/// Matches codes and words exactly.
#[derive(Clone, Debug, Default, InputObject)]
pub struct ExactFilter {
    /// Equal to this.
    pub eq: Option<String>,
    /// Equal to one of these, at most 200.
    #[graphql(name = "in")]
    pub one_of: Option<Vec<String>>,
    /// true: is empty; false: is not.
    pub is_null: Option<bool>,
}

/// Matches ids.
#[derive(Clone, Debug, Default, InputObject)]
pub struct IdFilter {
    /// This record.
    pub eq: Option<ID>,
    /// One of these records, at most 200.
    #[graphql(name = "in")]
    pub one_of: Option<Vec<ID>>,
    /// true: there is none; false: there is one.
    pub is_null: Option<bool>,
}

/// Matches moments.
#[derive(Clone, Debug, Default, InputObject)]
pub struct DateTimeFilter {
    /// At or after.
    pub gte: Option<OffsetDateTime>,
    /// After.
    pub gt: Option<OffsetDateTime>,
    /// At or before.
    pub lte: Option<OffsetDateTime>,
    /// Before.
    pub lt: Option<OffsetDateTime>,
}

/// Matches dates.
#[derive(Clone, Debug, Default, InputObject)]
pub struct DateFilter {
    /// On this day.
    pub eq: Option<Date>,
    /// On or after.
    pub gte: Option<Date>,
    /// On or before.
    pub lte: Option<Date>,
    /// true: is empty; false: is not.
    pub is_null: Option<bool>,
}

/// Matches amounts of one currency; amounts in others never match.
#[derive(Clone, Debug, InputObject)]
pub struct MoneyFilter {
    /// ISO 4217 code, as in "CNY".
    pub currency: String,
    /// At least.
    pub gte: Option<Decimal>,
    /// At most.
    pub lte: Option<Decimal>,
}

/// Collects what is wrong while a filter is understood.
#[derive(Debug, Default)]
pub struct Wrong(pub Vec<Violation>, Size);

/// How large a filter has grown: what the database has to look at, whatever the nesting.
#[derive(Debug, Default)]
struct Size {
    options: usize,
    values: usize,
}

impl Size {
    fn is_small(&self) -> bool {
        self.options <= 100 && self.values <= 1_000
    }
}

impl Wrong {
    /// Counts an option with its values. The whole filter has at most 100 options and 1,000 values.
    pub fn count(&mut self, field: &str, values: usize) {
        self.many(field, values);
        let was_small = self.1.is_small();
        self.1.options += 1;
        self.1.values += values;
        if was_small && !self.1.is_small() {
            self.0.push(Violation::new("filter", "size", "has more than 100 options or 1,000 values", "超过100个条件或1000个值"));
        }
    }

    fn text(&mut self, field: &str, text: &str) {
        if text.chars().count() > LONGEST_TEXT {
            self.0.push(Violation::too_long(field, LONGEST_TEXT));
        }
        if text.contains('\0') {
            self.0.push(Violation::form(field, "must not contain NUL", "不能包含NUL字符"));
        }
    }

    fn many(&mut self, field: &str, number: usize) {
        if number > MOST_VALUES {
            self.0.push(Violation::new(
                field,
                "length",
                format!("must not have more than {MOST_VALUES} values"),
                format!("不能超过{MOST_VALUES}个值"),
            ));
        }
    }
}

fn empty<C: ColumnTrait>(column: C, is_null: bool) -> SimpleExpr {
    if is_null { column.is_null() } else { column.is_not_null() }
}

/// `%` and `_` stand for themselves.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn like(text: &SimpleExpr, pattern: String) -> SimpleExpr {
    text.clone().like(LikeExpr::new(pattern).escape('\\'))
}

impl TextFilter {
    /// On a column that holds folded text; `fold` does to the input what was done to the column.
    pub fn condition<C: ColumnTrait>(&self, column: C, fold: fn(&str) -> String, field: &str, wrong: &mut Wrong) -> Condition {
        self.condition_on(Expr::col(column.as_column_ref()), fold, field, wrong)
    }

    /// The same on folded text that is an expression.
    pub fn condition_on(&self, folded: SimpleExpr, fold: fn(&str) -> String, field: &str, wrong: &mut Wrong) -> Condition {
        let texts = [&self.eq, &self.contains, &self.starts_with].into_iter().flatten().chain(self.one_of.iter().flatten());
        texts.for_each(|text| wrong.text(field, text));
        wrong.count(field, self.one_of.as_ref().map_or(0, Vec::len));
        Condition::all()
            .add_option(self.eq.as_deref().map(|text| folded.clone().eq(fold(text))))
            .add_option(self.one_of.as_ref().map(|texts| folded.clone().is_in(texts.iter().map(|text| fold(text)))))
            .add_option(self.contains.as_deref().map(|text| like(&folded, format!("%{}%", escaped(&fold(text))))))
            .add_option(self.starts_with.as_deref().map(|text| like(&folded, format!("{}%", escaped(&fold(text))))))
    }
}

impl ExactFilter {
    /// On a column of plain text.
    pub fn condition<C: ColumnTrait>(&self, column: C, field: &str, wrong: &mut Wrong) -> Condition {
        self.eq.iter().chain(self.one_of.iter().flatten()).for_each(|text| wrong.text(field, text));
        wrong.count(field, self.one_of.as_ref().map_or(0, Vec::len));
        Condition::all()
            .add_option(self.eq.as_deref().map(|text| column.eq(text)))
            .add_option(self.one_of.as_ref().map(|texts| column.is_in(texts.iter().map(String::as_str))))
            .add_option(self.is_null.map(|is_null| empty(column, is_null)))
    }
}

impl IdFilter {
    /// On a column of ids of type `I`.
    pub fn condition<C: ColumnTrait, I: super::id::GlobalId + Into<Value>>(&self, column: C, field: &str, wrong: &mut Wrong) -> Condition {
        let mut understood = |id: &ID| match super::id::from_global::<I>(id, field) {
            Ok(id) => Some(id),
            Err(Error::Invalid(violations)) => {
                wrong.0.extend(violations);
                None
            }
            Err(_) => None,
        };
        let eq = self.eq.as_ref().map(|id| column.is_in(understood(id)));
        let one_of = self.one_of.as_ref().map(|ids| column.is_in(ids.iter().filter_map(&mut understood).collect::<Vec<I>>()));
        wrong.count(field, self.one_of.as_ref().map_or(0, Vec::len));
        Condition::all().add_option(eq).add_option(one_of).add_option(self.is_null.map(|is_null| empty(column, is_null)))
    }
}

impl DateTimeFilter {
    /// On a column of moments.
    pub fn condition<C: ColumnTrait>(&self, column: C, field: &str, wrong: &mut Wrong) -> Condition {
        wrong.count(field, 1);
        Condition::all()
            .add_option(self.gte.map(|at| column.gte(Timestamp::from(at))))
            .add_option(self.gt.map(|at| column.gt(Timestamp::from(at))))
            .add_option(self.lte.map(|at| column.lte(Timestamp::from(at))))
            .add_option(self.lt.map(|at| column.lt(Timestamp::from(at))))
    }
}

impl DateFilter {
    /// On a column of dates.
    pub fn condition<C: ColumnTrait>(&self, column: C, field: &str, wrong: &mut Wrong) -> Condition {
        wrong.count(field, 1);
        // PostgreSQL knows no day before 4713 BC, and nobody means one.
        if [self.eq, self.gte, self.lte].into_iter().flatten().any(|date| !(1..=9999).contains(&date.year())) {
            wrong.0.push(Violation::new(field, "range", "must lie between the years 1 and 9999", "年份必须在1到9999之间"));
        }
        Condition::all()
            .add_option(self.eq.map(|date| column.eq(date)))
            .add_option(self.gte.map(|date| column.gte(date)))
            .add_option(self.lte.map(|date| column.lte(date)))
            .add_option(self.is_null.map(|is_null| empty(column, is_null)))
    }
}

impl MoneyFilter {
    /// On a pair of columns.
    pub fn condition<C: ColumnTrait>(&self, minor: C, currency: C, field: &str, wrong: &mut Wrong) -> Condition {
        wrong.count(field, 1);
        let mut understood = |amount: Decimal, part: &str| match crate::money::to_minor(amount.0, &self.currency) {
            Ok((minor, _)) => Some(minor),
            Err(money) => {
                let part = if money.part == "amount" { part } else { money.part };
                wrong.0.push(Violation { field: format!("{field}.{part}"), rule: money.rule, message: money.message });
                None
            }
        };
        understood(Decimal(rust_decimal::Decimal::ZERO), "currency");
        let gte = self.gte.and_then(|amount| understood(amount, "gte"));
        let lte = self.lte.and_then(|amount| understood(amount, "lte"));
        Condition::all()
            .add(currency.eq(self.currency.to_ascii_uppercase()))
            .add_option(gte.map(|amount| minor.gte(amount)))
            .add_option(lte.map(|amount| minor.lte(amount)))
    }
}
