//! The customers of a generated group with their contacts, a batch at a time, oldest first. Pure: a batch is the same whenever and beside
//! whatever it is made.

use entity::customer::{self, CustomerClass, CustomerKind};
use entity::org_unit::UnitKind;
use entity::{Timestamp, contact};
use serde_json::json;
use time::{Date, Duration};

use super::dice::Dice;
use super::group::{FOUNDED, Size, Unit};
use super::words;
use crate::customer::rules::fold;
use crate::money;

/// From the first customer to the last: to the middle of 2026.
const SPAN_SECONDS: u64 = 14 * 365 * 86_400 + 180 * 86_400;
/// Streams of the dice below this are for units and people.
const FIRST_STREAM: u64 = 16;

/// What customers are drawn from.
pub struct Market {
    units: Vec<Unit>,
    /// Up to which number below the last of these a unit is drawn.
    shares: Vec<u64>,
    /// The unit of each of the oldest customers.
    quiet: Vec<usize>,
    huge: usize,
    customers: u64,
    seed: u64,
    /// One unit of the currency in its minor unit, and its code.
    one: (i64, String),
}

/// Some customers and the contacts of some of them.
#[derive(Default)]
pub struct Batch {
    /// Oldest first.
    pub customers: Vec<customer::Model>,
    /// In the order of their customers.
    pub contacts: Vec<contact::Model>,
}

impl Market {
    /// `customers` spread over `units`, amounts in `currency`.
    pub fn new(units: Vec<Unit>, customers: u64, currency: &str, seed: u64) -> Self {
        let mut total = 0;
        let usual: u64 = units.iter().map(|unit| if let Size::Usual(shares) = unit.size { shares } else { 0 }).sum();
        let shares = units
            .iter()
            .map(|unit| {
                total += match (unit.row.kind, unit.size) {
                    // A few customers are looked after from above.
                    (UnitKind::Hq | UnitKind::Region, _) => 1 + usual / 100_000,
                    (_, Size::Usual(shares)) => shares,
                    (_, Size::Huge | Size::Quiet(_)) => 0,
                };
                total
            })
            .collect();
        let mut quiet = Vec::new();
        for (at, unit) in units.iter().enumerate() {
            if let Size::Quiet(few) = unit.size {
                quiet.extend((0..few).map(|_| at));
            }
        }
        quiet.truncate(usize::try_from(customers / 20).unwrap_or(usize::MAX));
        let huge = units.iter().position(|unit| unit.size == Size::Huge).unwrap_or_default();
        let one = money::to_minor(1.into(), currency).unwrap_or((1, currency.to_owned()));
        Self { units, shares, quiet, huge, customers, seed, one }
    }

    /// The batch that begins with customer `first`, of at most `most`.
    pub fn batch(&self, first: u64, most: u64) -> Batch {
        let mut dice = Dice::new(self.seed, FIRST_STREAM + first);
        let mut batch = Batch::default();
        for number in first..Ord::min(first + most, self.customers) {
            let unit = self.unit(&mut dice, number);
            let row = self.customer(&mut dice, number, unit);
            self.contacts(&mut dice, &row, &mut batch.contacts);
            batch.customers.push(row);
        }
        batch
    }

    fn unit(&self, dice: &mut Dice, number: u64) -> &Unit {
        let oldest = usize::try_from(number).ok().and_then(|number| self.quiet.get(number));
        let at = oldest.copied().unwrap_or_else(|| {
            let drawn = dice.below(self.shares.last().copied().unwrap_or_default());
            let usual = self.shares.partition_point(|end| *end <= drawn);
            if dice.chance(333) || usual >= self.units.len() { self.huge } else { usual }
        });
        &self.units[Ord::min(at, self.units.len() - 1)]
    }

    /// Customers come evenly over the years, each within its own stretch of time.
    fn came(&self, dice: &mut Dice, number: u64) -> Timestamp {
        let stretch = SPAN_SECONDS * 1_000_000 / Ord::max(1, self.customers);
        let after = stretch.saturating_mul(number) + dice.below(stretch);
        Timestamp(FOUNDED.plus_seconds(86_400).0 + i64::try_from(after).unwrap_or_default())
    }

    fn customer(&self, dice: &mut Dice, number: u64, unit: &Unit) -> customer::Model {
        let at = self.came(dice, number);
        let chinese = dice.chance(700);
        let kind = dice.weighted(CustomerKind::Person, &[(280, CustomerKind::Company)]);
        let is_person = kind == CustomerKind::Person;
        let (name, industry) = if is_person {
            (words::person(dice, chinese), dice.chance(100).then(|| words::trade(dice)))
        } else {
            let (name, trade) = words::company(dice, chinese);
            (name, dice.chance(950).then_some(trade))
        };
        let archived_at =
            dice.chance(10).then(|| Timestamp(at.0 + 3_600_000_000 + i64::try_from(dice.below(86_400_000_000)).unwrap_or_default()));
        let income = self.income(dice, is_person);
        customer::Model {
            id: dice.id(at),
            party_id: dice.id(at),
            unit_id: unit.row.id,
            region_id: unit.row.region_id,
            origin_unit_id: unit.row.id,
            external_ref: Some(format!("C-{number:07}")),
            owner_id: if unit.owners.is_empty() || dice.chance(150) {
                None
            } else {
                unit.owners.get(dice.place(unit.owners.len())).copied()
            },
            kind,
            class: dice.weighted(
                CustomerClass::Account,
                &[(250, CustomerClass::Target), (300, CustomerClass::Prospect), (100, CustomerClass::User)],
            ),
            name_folded: fold(&name),
            name,
            industry: industry.map(str::to_owned),
            phone: dice.chance(900).then(|| words::phone(dice, chinese)),
            email: dice.chance(550).then(|| format!("c{number:07}@example.com")),
            address: dice.chance(400).then(|| words::address(dice, chinese)),
            birth_date: (is_person && dice.chance(600)).then(|| birth_date(dice)),
            gender: (is_person && dice.chance(500)).then(|| dice.pick(&["FEMALE", "MALE"]).to_owned()),
            occupation: (is_person && dice.chance(400)).then(|| words::occupation(dice).to_owned()),
            education: (is_person && dice.chance(400)).then(|| words::education(dice).to_owned()),
            annual_income_currency: income.map(|_| self.one.1.clone()),
            annual_income_minor: income,
            identity_cipher: None,
            identity_index: None,
            custom: json!({}),
            created_at: at,
            updated_at: archived_at.unwrap_or(at),
            version: if archived_at.is_some() { 2 } else { 1 },
            archived_at,
        }
    }

    /// Many earn little and a few much.
    fn income(&self, dice: &mut Dice, is_person: bool) -> Option<i64> {
        let (least, most) = if is_person { (30_000, 900_000) } else { (500_000, 400_000_000) };
        let most = 1 + dice.below(most);
        let whole = least + dice.below(most);
        dice.chance(550).then(|| i64::try_from(whole).unwrap_or_default().saturating_mul(self.one.0))
    }

    fn contacts(&self, dice: &mut Dice, of: &customer::Model, into: &mut Vec<contact::Model>) {
        let likely = if of.kind == CustomerKind::Company { 600 } else { 30 };
        let many = if !dice.chance(likely) {
            0
        } else if of.kind == CustomerKind::Company {
            1 + dice.below(3)
        } else {
            1
        };
        for number in 1..=many {
            let at = of.created_at.plus_seconds(i64::try_from(60 * number).unwrap_or_default());
            let chinese = dice.chance(700);
            into.push(contact::Model {
                id: dice.id(at),
                customer_id: of.id,
                unit_id: of.unit_id,
                region_id: of.region_id,
                name: words::person(dice, chinese),
                role: dice.chance(800).then(|| words::position(dice).to_owned()),
                phone: dice.chance(800).then(|| words::phone(dice, chinese)),
                email: dice
                    .chance(500)
                    .then(|| format!("p{number}.{}@example.com", of.external_ref.as_deref().unwrap_or_default().to_lowercase())),
                created_at: at,
                updated_at: at,
                version: 1,
                archived_at: None,
            });
        }
    }
}

fn birth_date(dice: &mut Dice) -> Date {
    let days = i64::try_from(dice.below(65 * 365)).unwrap_or_default();
    time::macros::date!(1940 - 01 - 01).checked_add(Duration::days(days)).unwrap_or(Date::MIN)
}
