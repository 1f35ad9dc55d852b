//! The page that a browser gets: a place to write a query and to read its answer. It loads nothing, from here or elsewhere, and keeps no
//! token.

use std::sync::LazyLock;

use axum::response::Response;

use super::page::Page;

const STYLE: &str = include_str!("explorer.css");
const SCRIPT: &str = include_str!("explorer.js");

static PAGE: LazyLock<Page> = LazyLock::new(|| Page::new(include_str!("explorer.html"), STYLE, SCRIPT));

/// The page.
pub fn page() -> Response {
    PAGE.response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_runs_its_own_script_and_loads_nothing() {
        super::super::page::assert_stands_alone(&PAGE, STYLE, SCRIPT);
    }
}
