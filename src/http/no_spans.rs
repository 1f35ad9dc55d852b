//! What stands for `spans` in builds without the feature `otlp`: no spans. The configuration refuses an endpoint there.

use std::time::Duration;

use axum::http::Method;

use super::reply::Reply;
use super::trace::TraceParent;
use crate::error::Error;

/// Where spans go: nowhere.
pub struct Spans;

/// No span.
pub struct Span;

impl Spans {
    /// Nowhere.
    pub fn try_new(_endpoint: Option<&str>) -> Result<Self, Error> {
        Ok(Self)
    }

    /// None.
    pub fn request(&self, _method: &Method, _parent: Option<TraceParent<'_>>) -> Span {
        Span
    }

    /// None.
    pub fn operation(&self, _request: &Span) -> Span {
        Span
    }

    /// Nothing is left to send.
    pub fn shutdown(&self, _within: Duration) {}
}

impl Span {
    /// None.
    pub fn trace_id(&self) -> Option<String> {
        None
    }

    /// No.
    pub fn is_recording(&self) -> bool {
        false
    }

    /// To nobody.
    pub fn tell(&mut self, reply: &Reply) {
        debug_assert!(reply.document.is_none(), "nobody traces it");
    }

    /// To nobody.
    pub fn answered(&mut self, _status: u16) {}
}
