//! A progress bar on the terminal; nothing where there is none.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, style::TemplateError};

use super::source::{Counter, Size};

/// How far an import has come.
pub struct Progress {
    bar: ProgressBar,
    counter: Counter,
}

impl Progress {
    /// Starts a bar over what `counter` counts, on stderr if that is a terminal.
    pub fn new(size: Size, counter: Counter) -> Self {
        let (total, style) = match size {
            Size::Bytes(total) => (total, style("{bytes} of {total_bytes}")),
            Size::Rows(total) => (total, style("{human_pos} of {human_len} rows")),
        };
        let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        // A template that does not parse costs the looks of the bar, not the import.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, counter }
    }

    /// Looks at the counter; cheap enough for every row.
    pub fn look(&self) {
        self.bar.set_position(self.counter.get());
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

fn style(of: &str) -> Result<ProgressStyle, TemplateError> {
    Ok(ProgressStyle::with_template(&format!("{{bar:40}} {{percent:>3}} %  {of}  {{eta}} left"))?.progress_chars("=> "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_templates_parse_and_the_bar_follows_the_counter() {
        for of in ["{bytes} of {total_bytes}", "{human_pos} of {human_len} rows"] {
            assert!(style(of).is_ok());
        }
        let counter = Counter::default();
        let progress = Progress::new(Size::Rows(3), counter.clone());
        counter.add(2);
        progress.look();
        assert_eq!(progress.bar.position(), 2);
        progress.finish();
    }
}
