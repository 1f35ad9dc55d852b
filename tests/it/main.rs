//! Tests through the front door: the whole server in process, requests over HTTP, on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test that fails says so by panicking")]

mod access_matrix;
mod administering;
mod adventureworks;
mod app;
mod architecture;
mod archive;
mod bad_input;
mod commands;
mod connections;
mod decisions;
mod delegations;
mod disconnect;
mod doors_filters;
mod doors_reading;
mod doors_writing;
mod explain;
mod folding;
mod generate;
mod groups;
mod hostile;
mod http;
mod identity;
mod import;
mod import_rights;
mod migrations;
mod minutes;
mod non_interference;
mod oracle;
mod paging;
mod patch;
mod policy;
mod races;
mod raw;
mod rights;
mod row_rules;
mod row_sights;
mod schema;
mod smoke;
mod statements;
mod tables;
mod writes;
