//! The language of messages, from Accept-Language.

use crate::error::Text;

/// A language that messages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Locale {
    /// The best one for a header such as `zh-CN,zh;q=0.9,en;q=0.8`. English where nothing fits.
    pub fn from_accept_language(header: &str) -> Self {
        let mut best = (0.0, Self::En);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let Some(locale) = parts.next().and_then(Self::of_range) else { continue };
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
            if quality > best.0 {
                best = (quality, locale);
            }
        }
        best.1
    }

    fn of_range(range: &str) -> Option<Self> {
        let language = range.split('-').next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "en" | "*" => Some(Self::En),
            "zh" => Some(Self::ZhCn),
            _ => None,
        }
    }

    /// A text in this language.
    pub fn of(self, text: &Text) -> &str {
        match self {
            Self::En => &text.en,
            Self::ZhCn => &text.zh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_highest_quality_wins() {
        for (header, locale) in [
            ("", Locale::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Locale::ZhCn),
            ("en-GB;q=0.7, zh-Hans-CN;q=0.8", Locale::ZhCn),
            ("en, zh", Locale::En),
            ("zh, en", Locale::ZhCn),
            ("de, fr;q=0.9", Locale::En),
            ("de, zh;q=0.1", Locale::ZhCn),
            ("zh;q=0", Locale::En),
            ("zh;q=nonsense, en;q=0.1", Locale::En),
            ("ZH-cn", Locale::ZhCn),
        ] {
            assert_eq!(Locale::from_accept_language(header), locale, "{header}");
        }
    }
}
