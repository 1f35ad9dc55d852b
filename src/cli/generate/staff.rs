//! The people of a generated group, named after their posts as in the sample group. Pure.

use entity::org_unit::UnitKind;
use entity::{post, user};

use super::dice::Dice;
use super::group::{Size, Unit};
use super::words;

const HQ: [(&str, &str); 7] = [
    ("admin", "group_admin"),
    ("director", "group_director"),
    ("reporter", "group_reporter"),
    ("auditor", "group_auditor"),
    ("steward", "data_steward"),
    ("credit", "group_credit"),
    ("marketing", "marketing_director"),
];
const REGION: [(&str, &str); 2] = [("manager", "region_manager"), ("credit", "region_credit")];
const OFFICE: [(&str, &str); 5] = [
    ("supervisor", "supervisor"),
    ("service", "service_agent"),
    ("care", "care_planner"),
    ("admin", "branch_admin"),
    ("integration", "integration"),
];

/// Users and their posts.
#[derive(Default)]
pub struct Staff {
    /// Who signs in.
    pub users: Vec<user::Model>,
    /// As what, and where.
    pub posts: Vec<post::Model>,
}

/// Everybody, with `password_hash`; tells each unit who owns customers there.
pub fn staff(units: &mut [Unit], password_hash: &str, seed: u64) -> Staff {
    let mut dice = Dice::new(seed, 1);
    let mut staff = Staff::default();
    for unit in units {
        for (name, role) in seats(&mut dice, unit) {
            let (user, post) = somebody(&mut dice, unit, &name, role, password_hash);
            if matches!(role, "sales_rep" | "branch_manager" | "region_manager" | "group_director") {
                unit.owners.push(user.id);
            }
            staff.users.push(user);
            staff.posts.push(post);
        }
    }
    staff
}

/// The posts of a unit: the name before which its code stands, and the role.
fn seats(dice: &mut Dice, unit: &Unit) -> Vec<(String, &'static str)> {
    let named = |seats: &[(&str, &'static str)]| seats.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect::<Vec<_>>();
    let mut seats = match unit.row.kind {
        UnitKind::Hq => named(&HQ),
        UnitKind::Region => named(&REGION),
        UnitKind::Branch => {
            let office = if unit.size == Size::Huge || dice.chance(100) { named(&OFFICE) } else { Vec::new() };
            named(&[("manager", "branch_manager")]).into_iter().chain(office).collect()
        }
        UnitKind::Site => Vec::new(),
    };
    let reps = match (unit.row.kind, unit.size) {
        (UnitKind::Hq | UnitKind::Region, _) => 0,
        (_, Size::Huge) => 40,
        (UnitKind::Site, _) | (_, Size::Quiet(_)) => 1,
        (_, Size::Usual(_)) => 2 + dice.below(3),
    };
    seats.extend((1..=reps).map(|number| (format!("rep{number}"), "sales_rep")));
    seats
}

fn somebody(dice: &mut Dice, unit: &Unit, name: &str, role: &str, password_hash: &str) -> (user::Model, post::Model) {
    let at = unit.row.created_at.plus_seconds(1);
    let username = format!("{}.{name}", unit.row.code.to_ascii_lowercase());
    let chinese = dice.chance(750);
    let user = user::Model {
        id: dice.id(at),
        name: words::person(dice, chinese),
        email: Some(format!("{username}@example.com")),
        username,
        password_hash: Some(password_hash.to_owned()),
        disabled_at: None,
        created_at: at,
        updated_at: at,
        version: 1,
        issuer: None,
        subject: None,
    };
    let post = post::Model {
        id: dice.id(at),
        user_id: user.id,
        role: role.to_owned(),
        unit_id: unit.row.id,
        valid_from: at,
        valid_to: None,
        created_at: at,
        origin: post::PostOrigin::Direct,
        acting_for: None,
        updated_at: at,
        version: 1,
    };
    (user, post)
}
