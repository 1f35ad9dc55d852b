//! What units and users may look like, and what may stand under what. Pure.

use entity::org_unit::{self, UnitKind};
use entity::{ActiveEnum, Timestamp, UnitId};

use crate::access::OrgTree;
use crate::error::Violation;

const LONGEST_CODE: usize = 64;
const LONGEST_NAME: usize = 200;
const SHORTEST_PASSWORD: usize = 10;
const LONGEST_PASSWORD: usize = 200;

/// May a unit of this kind stand directly under one of that kind?
pub fn may_stand_under(kind: UnitKind, parent: UnitKind) -> bool {
    matches!((kind, parent), (UnitKind::Region | UnitKind::Branch, UnitKind::Hq | UnitKind::Region) | (UnitKind::Site, UnitKind::Branch))
}

/// The topmost region at or above a unit of this kind under that parent.
pub fn region(unit: UnitId, kind: UnitKind, parent: Option<&org_unit::Model>) -> Option<UnitId> {
    parent.and_then(|parent| parent.region_id).or((kind == UnitKind::Region).then_some(unit))
}

/// A unit of this kind does not stand under one of that kind.
pub fn wrong_kind(field: &str, kind: UnitKind, parent: UnitKind) -> Violation {
    let (kind, parent) = (kind.to_value(), parent.to_value());
    Violation::new(field, "kind", format!("a {kind} does not stand under a {parent}"), format!("{kind}不能设在{parent}之下"))
}

/// Nothing new goes to an archived unit.
pub fn archived(field: &str) -> Violation {
    Violation::new(field, "archived", "is an archived unit: restore it first", "是已归档的单位，请先恢复")
}

/// HQ stays where it is and is never archived.
pub fn is_root(field: &str) -> Violation {
    Violation::new(field, "root", "is HQ, which stays as it is", "是总部，不能移动或归档")
}

/// A unit that is not empty is not archived.
pub fn in_use(field: &str) -> Violation {
    Violation::new(
        field,
        "in_use",
        "has units, posts or customers left: move or end them first",
        "仍有下级单位、岗位或客户，请先移出或结束",
    )
}

/// A unit is not restored under one that is archived.
pub fn parent_archived(field: &str) -> Violation {
    Violation::new(field, "archived", "stands under an archived unit: restore that first", "上级单位已归档，请先恢复上级单位")
}

/// Why a unit may not move under another one, as the tree stands: below itself, or out of a unit that works alone (SINGLE), or into one.
pub fn move_violation(field: &str, tree: &OrgTree, unit: UnitId, parent: UnitId) -> Option<Violation> {
    if tree.is_under(parent, unit) {
        return Some(Violation::new(field, "below_itself", "is the unit itself or below it", "是该单位自身或其下级"));
    }
    let above = tree.unit(unit).and_then(|unit| unit.parent);
    let crosses = above.is_none_or(|above| tree.borders(above) != tree.borders(parent));
    crosses.then(|| {
        Violation::new(
            field,
            "single_border",
            "lies across the border of a unit that works alone (SINGLE): change its mode first",
            "跨越了单点（SINGLE）单位的边界，请先更改其经营模式",
        )
    })
}

/// The unit hangs there already.
pub fn own_parent(field: &str) -> Violation {
    Violation::new(field, "own_parent", "is the unit's parent already", "已是该单位的上级")
}

/// What has been done, refused or taken back is not taken back.
pub fn done_with(field: &str) -> Violation {
    Violation::new(field, "done", "has been done, refused or cancelled already", "已执行、被拒绝或已取消")
}

/// A moment that is no longer, or not yet, ahead.
pub fn not_ahead(field: &str) -> Violation {
    Violation::new(field, "future", "must lie ahead: leave it out to move the unit now", "必须是将来的时间；如需立即移动请省略")
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

/// Not what an issuer of OpenID Connect may know a user by: its length is as the standard bounds it.
pub fn subject_violation(field: &str, subject: &str) -> Option<Violation> {
    const LONGEST: usize = 255;
    if subject.is_empty() {
        return Some(Violation::required(field));
    }
    if subject.len() > LONGEST {
        return Some(Violation::too_long(field, LONGEST));
    }
    subject.chars().any(char::is_control).then(|| Violation::form(field, "must not contain control characters", "不能包含控制字符"))
}

/// A subject where nobody is trusted to vouch for one.
pub fn no_issuer(field: &str) -> Violation {
    Violation::new(
        field,
        "issuer",
        "needs an issuer of OpenID Connect in the configuration of the server",
        "需要先在服务器配置中设置 OpenID Connect 签发者",
    )
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
