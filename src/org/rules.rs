//! What units and users may look like, and what may stand under what. Pure.

use entity::org_unit::UnitKind;

use crate::error::Violation;

const LONGEST_CODE: usize = 64;
const LONGEST_NAME: usize = 200;
const SHORTEST_PASSWORD: usize = 10;
const LONGEST_PASSWORD: usize = 200;

/// May a unit of this kind stand directly under one of that kind?
pub fn may_stand_under(kind: UnitKind, parent: UnitKind) -> bool {
    matches!((kind, parent), (UnitKind::Region | UnitKind::Branch, UnitKind::Hq | UnitKind::Region) | (UnitKind::Site, UnitKind::Branch))
}

fn is_code(text: &str, also: &str) -> bool {
    text.len() <= LONGEST_CODE
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || also.contains(letter))
}

/// Not the code of a unit.
pub fn code_violation(field: &str, code: &str) -> Option<Violation> {
    (!is_code(code, "-_.")).then(|| {
        Violation::form(
            field,
            "must be a letter or digit, then letters, digits, - _ and ., at most 64",
            "必须以字母或数字开头，只含字母、数字和 - _ .，最多64个",
        )
    })
}

/// Not a user name.
pub fn username_violation(field: &str, username: &str) -> Option<Violation> {
    let fits = is_code(username, "-_.@") && !username.chars().any(|letter| letter.is_ascii_uppercase());
    (!fits).then(|| {
        Violation::form(
            field,
            "must be a lower-case letter or digit, then lower-case letters, digits, - _ . and @, at most 64",
            "必须以小写字母或数字开头，只含小写字母、数字和 - _ . @，最多64个",
        )
    })
}

/// Not the name of a unit or user.
pub fn name_violation(field: &str, name: &str) -> Option<Violation> {
    if name.trim().is_empty() {
        return Some(Violation::required(field));
    }
    if name.chars().count() > LONGEST_NAME {
        return Some(Violation::too_long(field, LONGEST_NAME));
    }
    name.chars().any(char::is_control).then(|| Violation::form(field, "must not contain control characters", "不能包含控制字符"))
}

/// Not a password.
pub fn password_violation(field: &str, password: &str) -> Option<Violation> {
    let length = password.chars().count();
    (!(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&length))
        .then(|| Violation::new(field, "length", "must have between 10 and 200 characters", "必须为10到200个字符"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_in_their_order() {
        use UnitKind::*;
        let under = |kind, parent| may_stand_under(kind, parent);
        assert!(under(Region, Hq) && under(Region, Region) && under(Branch, Hq) && under(Branch, Region) && under(Site, Branch));
        assert!(!under(Hq, Hq) && !under(Hq, Region) && !under(Region, Branch) && !under(Branch, Branch) && !under(Site, Region));
    }

    #[test]
    fn codes_hold_nothing_that_a_policy_could_trip_over() {
        assert_eq!(code_violation("code", "SHANGHAI-PUDONG_2.a"), None);
        for code in ["", "*", "B1/*", "a,b", "a\nb", "-a", "上海"] {
            assert!(code_violation("code", code).is_some(), "{code}");
        }
        assert!(username_violation("username", "East.manager").is_some());
        assert_eq!(username_violation("username", "east.manager@example.com"), None);
    }
}
