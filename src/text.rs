//! What texts may look like, whatever record they stand in. Pure.

use crate::error::{Error, Violation};

const LONGEST_LOOKED_FOR: usize = 200;

/// Too long, or with control characters.
pub fn text_violation(field: &str, text: &str, most: usize) -> Option<Violation> {
    if text.chars().count() > most {
        return Some(Violation::too_long(field, most));
    }
    text.chars()
        .any(|letter| letter.is_control() && letter != '\n' && letter != '\t')
        .then(|| Violation::form(field, "must not contain control characters", "不能包含控制字符"))
}

/// What somebody looks for by its whole text. Errors: BAD_USER_INPUT for what no record can hold.
pub fn looked_for(field: &str, text: &str) -> Result<(), Error> {
    text_violation(field, text, LONGEST_LOOKED_FOR).map_or(Ok(()), |wrong| Err(Error::invalid(wrong)))
}

/// Not a phone number.
pub fn phone_violation(field: &str, phone: &str) -> Option<Violation> {
    let digits = phone.chars().filter(char::is_ascii_digit).count();
    let others = phone.chars().all(|letter| letter.is_ascii_digit() || " +-()./#".contains(letter));
    (!others || digits < 3).then(|| {
        Violation::form(
            field,
            "must be a phone number of digits, spaces and + - ( ) . /",
            "必须是由数字、空格和 + - ( ) . / 组成的电话号码",
        )
    })
}

/// Not an e-mail address.
pub fn email_violation(field: &str, email: &str) -> Option<Violation> {
    let fits = email.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.') && !domain.contains('@')
    });
    (!fits || email.contains(char::is_whitespace)).then(|| Violation::form(field, "must be an e-mail address", "必须是电子邮件地址"))
}
