//! Spans of requests, for a collector of OpenTelemetry at `otlp_endpoint`: one for each request to /graphql and, below that of a batch, one
//! for each of its operations. A span tells what metrics and the log tell. What is sent is written out here, attribute by attribute: no text
//! of a document, no variable, nothing about who asked.

use std::time::Duration;

use axum::http::Method;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span as SdkSpan};

use super::named;
use super::reply::Reply;
use super::trace::TraceParent;
use crate::error::Error;

const SERVICE: &str = "branchwise";
/// Where collectors take spans in, below their address. Source: <https://opentelemetry.io/docs/specs/otlp/#otlphttp-request>.
const PATH: &str = "/v1/traces";
/// Faults that are not the caller's.
const OURS: [&str; 6] = ["INTERNAL_SERVER_ERROR", "UNAVAILABLE", "OVERLOADED", "TIMEOUT", "OUTCOME_UNKNOWN", "INSUFFICIENT_STORAGE"];

/// Where spans go; none: nowhere.
pub struct Spans(Option<Exported>);

struct Exported {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// A span that has begun, and ends when it goes.
pub struct Span(Option<SdkSpan>);

impl Spans {
    /// To the collector at this address. Errors: INTERNAL_SERVER_ERROR where there can be no client for it.
    pub fn try_new(endpoint: Option<&str>) -> Result<Self, Error> {
        let Some(endpoint) = endpoint else { return Ok(Self(None)) };
        let url = format!("{}{PATH}", endpoint.trim_end_matches('/'));
        // The exporter's client knows TLS, and asks for a provider of it even where it speaks none. Whoever has installed one has installed this.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let exporter = SpanExporter::builder().with_http().with_endpoint(url).build();
        let exporter = exporter.map_err(|error| Error::internal(format!("otlp_endpoint: {error}")))?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name(SERVICE).with_attribute(version).build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        Ok(Self(Some(Exported { tracer: provider.tracer(SERVICE), provider })))
    }

    /// Of a request that has come just now, in the trace of the caller where it names one.
    pub fn request(&self, method: &Method, parent: Option<TraceParent<'_>>) -> Span {
        let above = parent.and_then(context).map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        // Any word may stand as a method: no name is the caller's.
        let name = match *method {
            Method::GET => "GET /graphql",
            Method::POST => "POST /graphql",
            _ => "/graphql",
        };
        let span = self.begin(name, SpanKind::Server, &above);
        Span(span.map(|mut span| {
            span.set_attribute(KeyValue::new("http.route", "/graphql"));
            span
        }))
    }

    /// Of one operation of a batch.
    pub fn operation(&self, request: &Span) -> Span {
        let above = request.0.as_ref().map(|request| Context::new().with_remote_span_context(request.span_context().clone()));
        Span(above.and_then(|above| self.begin("operation", SpanKind::Internal, &above)))
    }

    fn begin(&self, name: &'static str, kind: SpanKind, above: &Context) -> Option<SdkSpan> {
        let Exported { tracer, .. } = self.0.as_ref()?;
        Some(tracer.build_with_context(tracer.span_builder(name).with_kind(kind), above))
    }

    /// Sends what has not been sent yet, and nothing any more. Blocks for as long at most.
    pub fn shutdown(&self, within: Duration) {
        let ended = self.0.as_ref().map_or(Ok(()), |exported| exported.provider.shutdown_with_timeout(within));
        if let Err(error) = ended {
            tracing::warn!(%error, "the last spans were not taken");
        }
    }
}

impl Span {
    /// The trace it stands in, in hexadecimal digits; none: there is no span.
    pub fn trace_id(&self) -> Option<String> {
        self.0.as_ref().map(|span| span.span_context().trace_id().to_string())
    }

    /// Will anything of it be sent?
    pub fn is_recording(&self) -> bool {
        self.0.as_ref().is_some_and(SdkSpan::is_recording)
    }

    /// What came of an operation.
    pub fn tell(&mut self, reply: &Reply) {
        let Some(span) = self.0.as_mut().filter(|span| span.is_recording()) else { return };
        let code = reply.answer.codes.first().copied().unwrap_or("OK");
        span.set_attribute(KeyValue::new("branchwise.code", code));
        if let Some(operation) = reply.operation.as_deref() {
            span.set_attribute(KeyValue::new("graphql.operation.name", named(Some(operation))));
        }
        if let Some(document) = &reply.document {
            span.set_attribute(KeyValue::new("graphql.document.hash", document.clone()));
        }
        if let Some(cost) = reply.cost {
            span.set_attribute(KeyValue::new("branchwise.cost", i64::try_from(cost).unwrap_or(i64::MAX)));
        }
        if OURS.contains(&code) {
            span.set_attribute(KeyValue::new("error.type", code));
            span.set_status(Status::error(""));
        }
    }

    /// The status that the whole request is answered with.
    pub fn answered(&mut self, status: u16) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        }
    }
}

fn context(parent: TraceParent<'_>) -> Option<SpanContext> {
    let (trace, span) = (TraceId::from_hex(parent.trace).ok()?, SpanId::from_hex(parent.parent).ok()?);
    let flags = TraceFlags::default().with_sampled(parent.is_sampled);
    Some(SpanContext::new(trace, span, flags, true, TraceState::default()))
}
