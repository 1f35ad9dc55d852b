//! What units and users may look like, and what may stand under what. Pure.

use entity::Timestamp;
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

/// Posts begin and end within so many years of today: whoever writes 20226 meant something else.
const YEARS: i64 = 100;

fn far_off(field: String, at: Timestamp, now: Timestamp) -> Option<Violation> {
    let most = YEARS * 366 * 24 * 60 * 60;
    let near = now.plus_seconds(-most) <= at && at <= now.plus_seconds(most);
    (!near).then(|| Violation::new(field, "range", "must lie within a hundred years of today", "必须在今天前后一百年之内"))
}

/// Not a time that a post can be held. `input` is where the post stands in the input.
pub fn period_violations(input: &str, from: Timestamp, to: Option<Timestamp>, now: Timestamp) -> Vec<Violation> {
    let mut wrong: Vec<Violation> = far_off(format!("{input}.validFrom"), from, now).into_iter().collect();
    let Some(to) = to else { return wrong };
    let field = format!("{input}.validTo");
    if to <= from {
        wrong.push(Violation::new(field, "order", "must lie after validFrom", "必须晚于validFrom"));
    } else if to <= now {
        wrong.push(Violation::new(field, "past", "must not have passed already", "不能早于当前时间"));
    } else {
        wrong.extend(far_off(field, to, now));
    }
    wrong
}

/// Not a moment at which a post can end.
pub fn end_violation(field: &str, at: Timestamp, now: Timestamp) -> Option<Violation> {
    if at < now {
        return Some(Violation::new(field, "past", "must not have passed already", "不能早于当前时间"));
    }
    far_off(field.to_owned(), at, now)
}

/// Not the code of a role.
pub fn role_code_violation(field: &str, code: &str) -> Option<Violation> {
    let fits = code.len() <= LONGEST_CODE
        && code.starts_with(|first: char| first.is_ascii_lowercase())
        && code.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    (!fits).then(|| {
        Violation::form(
            field,
            "must be a lower-case letter, then lower-case letters, digits and _, at most 64",
            "必须以小写字母开头，只含小写字母、数字和 _，最多64个",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_end_after_they_begin_and_not_in_the_past() {
        let now = Timestamp(1_000_000_000_000_000);
        let later = |seconds| now.plus_seconds(seconds);
        let rules = |from, to| period_violations("input", from, to, now).into_iter().map(|wrong| wrong.rule).collect::<Vec<_>>();
        assert!(rules(now, None).is_empty() && rules(later(-5), Some(later(1))).is_empty() && rules(later(5), Some(later(6))).is_empty());
        assert_eq!(rules(later(5), Some(later(5))), ["order"]);
        assert_eq!(rules(later(5), Some(later(4))), ["order"]);
        assert_eq!(rules(later(-5), Some(now)), ["past"]);
        assert_eq!(rules(Timestamp(i64::MIN), Some(Timestamp(i64::MAX))), ["range", "range"]);
        assert_eq!(rules(Timestamp(i64::MAX), None), ["range"]);
        assert_eq!((end_violation("at", now, now), end_violation("at", later(-1), now).map(|wrong| wrong.rule)), (None, Some("past")));
    }

    #[test]
    fn codes_of_roles_are_plain_words() {
        assert_eq!(role_code_violation("code", "night_shift_2"), None);
        for code in ["", "*", "Sales", "1st", "_x", "a-b", "a b", "角色", &"a".repeat(65)] {
            assert!(role_code_violation("code", code).is_some(), "{code}");
        }
    }

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
