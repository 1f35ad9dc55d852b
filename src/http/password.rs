//! The page behind a password link. The token stands behind the `#` of its address, which browsers send to nobody; the page takes it off
//! the address, asks for the new password, and sends both to `setPassword`.

use std::sync::LazyLock;

use axum::response::Response;

use super::page::Page;

const STYLE: &str = include_str!("explorer.css");
const SCRIPT: &str = include_str!("password.js");

static PAGE: LazyLock<Page> = LazyLock::new(|| Page::new(include_str!("password.html"), STYLE, SCRIPT));

/// The page.
pub async fn page() -> Response {
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
