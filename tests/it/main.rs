//! Tests through the front door: the whole server in process, requests over HTTP, on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test that fails says so by panicking")]

mod app;
mod smoke;
