//! The organisation of a generated group: regions, some inside others, branches of very different size, sites under some. Pure.

use entity::org_unit::{self, BusinessMode, UnitKind};
use entity::{Timestamp, UnitId, UserId};

use super::dice::Dice;
use super::words;

/// 2012-01-01: when the first unit opened.
pub const FOUNDED: Timestamp = Timestamp(1_325_376_000_000_000);

/// How much customers a branch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// About a third of all.
    Huge,
    /// So many shares of what the huge one leaves.
    Usual(u64),
    /// A few, all of them old.
    Quiet(u64),
}

/// A unit with whatever belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// The row.
    pub row: org_unit::Model,
    /// Itself and everything above it, nearest first.
    pub line: Vec<UnitId>,
    /// How many customers it has.
    pub size: Size,
    /// Who owns customers there.
    pub owners: Vec<UserId>,
}

/// The units, each behind the one that it stands under; HQ first.
pub fn units(branches: u64, regions: u64, seed: u64) -> Vec<Unit> {
    let mut dice = Dice::new(seed, 0);
    let mut units = vec![unit(&mut dice, "HQ".to_owned(), "Yuantong Group / 远通集团".to_owned(), UnitKind::Hq, None, Size::Usual(0))];
    let digits = |most: u64| Ord::max(2, most.to_string().len());
    for number in 1..=regions {
        // The second stands in the first wherever there are two; of the others a quarter in any before.
        let inside = number == 2 || (number > 2 && dice.chance(250));
        let above = if inside { 1 + dice.place(Ord::min(units.len() - 1, if number == 2 { 1 } else { usize::MAX })) } else { 0 };
        let (english, chinese) = words::direction(&mut dice);
        let (code, name) = (format!("R{number:0w$}", w = digits(regions)), format!("Region {english} {number} / {chinese}{number}区"));
        let mode = dice.weighted(None, if inside { &INNER_MODES } else { &OUTER_MODES });
        let mut region = unit(&mut dice, code, name, UnitKind::Region, units.get(above), Size::Usual(0));
        region.row.business_mode = mode;
        units.push(region);
    }
    let regions = units.len() - 1;
    for number in 1..=branches {
        let above = match number {
            1 => Ord::min(1, regions),
            _ if regions == 0 || dice.chance(20) => 0,
            _ => 1 + Ord::min(dice.place(regions), dice.place(regions)),
        };
        let (english, chinese) = words::city(&mut dice);
        let code = format!("B{number:0w$}", w = digits(branches));
        let name = format!("{english} Branch {number} / {chinese}第{number}分公司");
        let size = match number {
            1 => Size::Huge,
            // The second last, so that the smallest group has one that is quiet and one that is not.
            _ if number + 1 == branches || dice.chance(100) => Size::Quiet(dice.below(10)),
            _ => Size::Usual(1 + 2_000_000 / (number + 20)),
        };
        let mut branch = unit(&mut dice, code.clone(), name, UnitKind::Branch, units.get(above), size);
        branch.row.business_mode = dice.chance(20).then_some(BusinessMode::Single);
        let sites = match size {
            Size::Huge => 3,
            Size::Usual(_) if dice.chance(100) => 1 + dice.below(2),
            _ => 0,
        };
        let under: Vec<Unit> = (1..=sites)
            .map(|site| {
                let name = format!("{english} Store {number}-{site} / {chinese}第{number}-{site}营业点");
                unit(&mut dice, format!("{code}-S{site}"), name, UnitKind::Site, Some(&branch), Size::Usual(1 + 200_000 / (number + 20)))
            })
            .collect();
        units.push(branch);
        units.extend(under);
    }
    units
}

const OUTER_MODES: [(u64, Option<BusinessMode>); 2] = [(300, Some(BusinessMode::Centralised)), (100, Some(BusinessMode::Distributed))];
const INNER_MODES: [(u64, Option<BusinessMode>); 3] =
    [(150, Some(BusinessMode::Centralised)), (100, Some(BusinessMode::Distributed)), (100, Some(BusinessMode::Single))];

fn unit(dice: &mut Dice, code: String, name: String, kind: UnitKind, above: Option<&Unit>, size: Size) -> Unit {
    let opened = above.map_or(FOUNDED, |above| above.row.created_at.plus_seconds(1));
    let id: UnitId = dice.id(opened);
    let row = org_unit::Model {
        id,
        code,
        name,
        kind,
        parent_id: above.map(|above| above.row.id),
        region_id: above.and_then(|above| above.row.region_id).or((kind == UnitKind::Region).then_some(id)),
        business_mode: None,
        created_at: opened,
        updated_at: opened,
        version: 1,
        archived_at: None,
    };
    let line = [id].into_iter().chain(above.into_iter().flat_map(|above| above.line.iter().copied())).collect();
    Unit { row, line, size, owners: Vec::new() }
}
