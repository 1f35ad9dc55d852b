//! The page that a browser gets: a place to write a query and to read its answer. GraphiQL where explorer/ is built, else a page of our own.
//! Neither loads anything, from here or elsewhere, and neither keeps the token.

use std::sync::LazyLock;

use axum::response::Response;

use super::page::Page;

#[cfg(any(test, not(bundled_explorer)))]
mod plain {
    use super::Page;

    pub const STYLE: &str = include_str!("explorer.css");
    pub const SCRIPT: &str = include_str!("explorer.js");

    pub fn page() -> Page {
        Page::new(include_str!("explorer.html"), STYLE, SCRIPT)
    }
}

#[cfg(bundled_explorer)]
mod bundled {
    use super::Page;

    /// Its fonts and images stand in its style.
    pub fn page() -> Page {
        let (style, script) = (include_str!("../../explorer/dist/main.css"), include_str!("../../explorer/dist/main.js"));
        Page::new(include_str!("graphiql.html"), style, script).with_data_in_style()
    }
}

#[cfg(bundled_explorer)]
use bundled as served;
#[cfg(not(bundled_explorer))]
use plain as served;

static PAGE: LazyLock<Page> = LazyLock::new(served::page);

/// The page.
pub fn page() -> Response {
    PAGE.response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_runs_its_own_script_and_loads_nothing() {
        super::super::page::assert_stands_alone(&plain::page(), plain::STYLE, plain::SCRIPT);
    }
}
