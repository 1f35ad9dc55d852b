//! Who asks: the bearer token of a request, and the viewer behind it.

use std::sync::Arc;

use axum::http::{HeaderMap, header};

use super::App;
use crate::access::Viewer;
use crate::error::Error;
use crate::org::Federation;
use crate::secrets::{Cipher, Tokens};

/// Tells who a token belongs to, and keeps what was answered to whom.
pub struct Callers {
    /// Our own tokens.
    pub tokens: Arc<Tokens>,
    /// Those of another issuer.
    pub federation: Arc<Federation>,
    /// Encrypts the answers that are kept.
    pub answers: Arc<Cipher>,
}

/// What the Authorization header holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing: a caller without a name.
    Absent,
    /// A token.
    Bearer(String),
    /// Something else, or more than one.
    Unusable,
}

impl Credential {
    /// From the headers of a request.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (only, more) = (values.next(), values.next());
        match (only, more) {
            (None, _) => Self::Absent,
            (Some(only), None) => match only.to_str().ok().and_then(|value| value.split_once(' ')) {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Self::Bearer(token.trim().to_owned()),
                _ => Self::Unusable,
            },
            (Some(_), Some(_)) => Self::Unusable,
        }
    }
}

/// The viewer of a request; none: it has no token. Errors: UNAUTHENTICATED for a token that is not to be taken or has expired, for one of a session
/// that has ended, and for a user who is disabled; UNAVAILABLE when rights cannot be confirmed.
pub async fn viewer(app: &App, credential: &Credential) -> Result<Option<Arc<Viewer>>, Error> {
    let token = match credential {
        Credential::Absent => return Ok(None),
        Credential::Unusable => return Err(Error::Unauthenticated),
        Credential::Bearer(token) => token,
    };
    let viewer = match app.callers.tokens.verify(token, app.db.clock().now()) {
        Some(bearer) => app.rights.signed_in(bearer.user, bearer.session).await?,
        // A token of another issuer is of no session of ours.
        None => match app.callers.federation.user_of(token).await? {
            Some(user) => app.rights.viewer(user).await?,
            None => None,
        },
    };
    viewer.map(Some).ok_or(Error::Unauthenticated)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of(values: &[&str]) -> Credential {
        let headers = values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap()));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        Credential::from_headers(&map)
    }

    #[test]
    fn only_one_bearer_token_is_a_credential() {
        assert!(of(&[]) == Credential::Absent);
        assert!(of(&["Bearer abc"]) == Credential::Bearer("abc".to_owned()));
        assert!(of(&["bearer  abc"]) == Credential::Bearer("abc".to_owned()));
        for unusable in [&["Basic abc"][..], &["Bearer"], &["abc"], &[""], &["Bearer a", "Bearer b"]] {
            assert!(of(unusable) == Credential::Unusable);
        }
    }
}
