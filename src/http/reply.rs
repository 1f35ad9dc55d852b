//! Responses: status, headers and body.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::media::Media;
use crate::config::StatusProfile;
use crate::graphql::answer::{Answer, Stage, whole_seconds};

/// What goes back for a request to `/graphql`.
pub struct Reply {
    /// The body and how far the request got.
    pub answer: Answer,
    /// The status where it is not a matter of GraphQL.
    pub status: Option<u16>,
    /// Methods, for 405.
    pub allow: Option<&'static str>,
    /// What would have been read instead, for 415: the name of the header and its value.
    pub accepts: Option<(HeaderName, &'static str)>,
    /// Asks for a token.
    pub challenge: bool,
    /// The name of the operation, for operators.
    pub operation: Option<String>,
    /// The SHA-256 of its document, where it is traced.
    pub document: Option<String>,
    /// Its points, if it ran.
    pub cost: Option<u64>,
    /// The client may keep it and ask whether it has changed: an answer to a query that was named.
    pub may_be_kept: bool,
    /// Something in it is answered as it was the first time.
    pub is_replay: bool,
    /// It ran for somebody who is signed in: its name may stand in metrics.
    pub ran_for_user: bool,
}

impl Reply {
    /// A reply of which only the answer is known.
    pub fn new(answer: Answer) -> Self {
        Self {
            answer,
            status: None,
            allow: None,
            accepts: None,
            challenge: false,
            operation: None,
            document: None,
            cost: None,
            may_be_kept: false,
            is_replay: false,
            ran_for_user: false,
        }
    }

    /// A reply that is refused by the transport.
    pub fn refused(answer: Answer, status: u16) -> Self {
        Self { status: Some(status), ..Self::new(answer) }
    }

    /// The status in this profile, for this media type.
    pub fn status(&self, profile: StatusProfile, media: Media) -> u16 {
        self.status.unwrap_or_else(|| status(self.answer.stage, profile, media))
    }

    /// Ready to send.
    pub fn into_response(self, status: u16, media: Media) -> Response {
        let retry_after = self.answer.retry_after.map(whole_seconds);
        let mut response = json(status, self.answer.body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if self.is_replay {
            headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
        }
        if let Some((name, value)) = self.accepts {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A JSON response.
pub fn json(status: u16, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(Media::Json.content_type()));
    response
}

/// The audit suite wants 200 for documents that are refused, where the client accepts no more than application/json; the draft has dropped
/// that, tells partial success, and uses 422 where JSON is right and its meaning is not.
fn status(stage: Stage, profile: StatusProfile, media: Media) -> u16 {
    let draft = profile == StatusProfile::Draft2026;
    let as_of_old = !draft && media == Media::Json;
    match stage {
        Stage::Refused(status) => status,
        Stage::Syntax | Stage::Validation | Stage::Denied(_) if as_of_old => 200,
        Stage::Denied(status) => status,
        Stage::Syntax => 400,
        Stage::Validation | Stage::Parameters if draft => 422,
        Stage::Validation | Stage::Parameters => 400,
        Stage::Executed { errors: true } if draft && media == Media::GraphQl => 294,
        Stage::Executed { .. } => 200,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_has_its_statuses() {
        use Media::{GraphQl, Json};
        use StatusProfile::{Audit, Draft2026};
        for (stage, audit_graphql, audit_json, draft_graphql, draft_json) in [
            (Stage::Parameters, 400, 400, 422, 422),
            (Stage::Syntax, 400, 200, 400, 400),
            (Stage::Validation, 400, 200, 422, 422),
            (Stage::Denied(401), 401, 200, 401, 401),
            (Stage::Refused(503), 503, 503, 503, 503),
            (Stage::Executed { errors: false }, 200, 200, 200, 200),
            (Stage::Executed { errors: true }, 200, 200, 294, 200),
        ] {
            assert_eq!(status(stage, Audit, GraphQl), audit_graphql, "{stage:?}");
            assert_eq!(status(stage, Audit, Json), audit_json, "{stage:?}");
            assert_eq!(status(stage, Draft2026, GraphQl), draft_graphql, "{stage:?}");
            assert_eq!(status(stage, Draft2026, Json), draft_json, "{stage:?}");
        }
    }
}
