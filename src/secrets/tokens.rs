//! Access tokens: JSON Web Tokens under our own key, HS256 and nothing else. They say who and in which session; whether that session lives
//! and what that user may do is asked of the database every time.

use entity::{SessionId, Timestamp, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Key;
use crate::error::Error;

const ISSUER: &str = "branchwise";

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Uuid,
    sid: Uuid,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// A token and its end.
#[derive(Clone)]
pub struct Token {
    /// What goes behind `Bearer`.
    pub text: String,
    /// The first moment at which it is refused.
    pub expires_at: Timestamp,
}

/// Who holds a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The user.
    pub user: UserId,
    /// The session that it was issued in: it counts as long as that lives.
    pub session: SessionId,
}

/// Issues and verifies access tokens.
pub struct Tokens {
    issuing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
}

impl Tokens {
    pub(super) fn new(key: &Key) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[ISSUER]);
        validation.set_required_spec_claims(&["sub", "iss", "aud", "exp"]);
        // By our own clock, below.
        validation.validate_exp = false;
        Self { issuing: EncodingKey::from_secret(key), verifying: DecodingKey::from_secret(key), validation }
    }

    /// A token for `seconds` from `now`.
    pub fn issue(&self, bearer: Bearer, now: Timestamp, seconds: i64) -> Result<Token, Error> {
        let iat = now.0 / 1_000_000;
        let exp = iat.saturating_add(seconds);
        let (sub, sid) = (bearer.user.0, bearer.session.0);
        let claims = Claims { sub, sid, iss: ISSUER.to_owned(), aud: ISSUER.to_owned(), iat, exp };
        let text = encode(&Header::new(Algorithm::HS256), &claims, &self.issuing).map_err(|_| Error::internal("signing a token failed"))?;
        Ok(Token { text, expires_at: Timestamp(exp.saturating_mul(1_000_000)) })
    }

    /// Whose token it is; none where it is not ours, has expired or comes from the future.
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<Bearer> {
        const SKEW_SECONDS: i64 = 60;
        let claims = decode::<Claims>(token, &self.verifying, &self.validation).ok()?.claims;
        let now = now.0 / 1_000_000;
        let bearer = Bearer { user: UserId(claims.sub), session: SessionId(claims.sid) };
        (now < claims.exp && claims.iat <= now + SKEW_SECONDS).then_some(bearer)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::*;

    #[test]
    fn refuses_a_token_of_no_session() {
        let claims = serde_json::json!({ "sub": Uuid::from_u128(7), "iss": ISSUER, "aud": ISSUER, "iat": 0, "exp": 900 });
        let text = encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(&[1; 32])).unwrap();
        assert_eq!(Tokens::new(&[1; 32]).verify(&text, Timestamp(0)), None);
    }

    #[test]
    fn refuses_what_it_did_not_sign() {
        let tokens = Tokens::new(&[1; 32]);
        let bearer = Bearer { user: UserId(Uuid::from_u128(7)), session: SessionId(Uuid::from_u128(8)) };
        let now = Timestamp(1_000_000_000_000);
        let token = tokens.issue(bearer, now, 900).unwrap();
        assert_eq!(tokens.verify(&token.text, now), Some(bearer));
        assert_eq!(tokens.verify(&token.text, token.expires_at), None);
        assert_eq!(tokens.verify(&token.text, now.plus_seconds(-3_600)), None);
        assert_eq!(Tokens::new(&[2; 32]).verify(&token.text, now), None);
        let none = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let payload = token.text.split('.').nth(1).unwrap();
        assert_eq!(tokens.verify(&format!("{none}.{payload}."), now), None);
    }
}
