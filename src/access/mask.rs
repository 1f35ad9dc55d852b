//! Masks: enough to recognise, too little to use. A mask depends on the value alone.

const STARS: &str = "****";

fn keep(text: &str, front: usize, back: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() < front + back + 2 {
        return STARS.to_owned();
    }
    let head: String = letters.iter().take(front).collect();
    let tail: String = letters.iter().skip(letters.len() - back).collect();
    format!("{head}{STARS}{tail}")
}

/// `13812345678` becomes `138****5678`.
pub fn mask_phone(phone: &str) -> String {
    keep(phone, 3, 4)
}

/// `jon24@example.com` becomes `j****@example.com`.
pub fn mask_email(email: &str) -> String {
    match email.split_once('@') {
        Some((name, domain)) if !name.is_empty() => {
            let first: String = name.chars().take(1).collect();
            format!("{first}{STARS}@{domain}")
        }
        _ => STARS.to_owned(),
    }
}

/// Keeps the first three characters of a longer text.
pub fn mask_text(text: &str) -> String {
    keep(text, 3, 0)
}

/// Keeps the last four characters of a longer number.
pub fn mask_end(number: &str) -> String {
    keep(number, 0, 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_little() {
        assert_eq!(mask_phone("13812345678"), "138****5678");
        assert_eq!(mask_phone("12345"), "****");
        assert_eq!(mask_email("jon24@example.com"), "j****@example.com");
        assert_eq!(mask_email("nobody"), "****");
        assert_eq!(mask_text("上海市浦东新区"), "上海市****");
        assert_eq!(mask_end("310101199001011234"), "****1234");
    }
}
