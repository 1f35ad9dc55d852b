//! Tests through the front door: the whole server in process, requests over HTTP, on SQLite and on PostgreSQL.

mod app;
mod smoke;
