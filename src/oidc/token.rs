//! One token: its form, its signature, and what it claims.

use entity::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;

use super::{Settings, Somebody};

/// As OpenID Connect bounds it.
const LONGEST_SUBJECT: usize = 255;
/// What a token may be; others of the same issuer are for something else, such as telling of a sign-out.
const KINDS: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Seconds since 1970; they may have fractions.
    exp: f64,
    iat: Option<f64>,
    nbf: Option<f64>,
    #[serde(default)]
    name: serde_json::Value,
}

/// The header of a token that is signed with a public key's other half; none: of any other.
pub fn header(text: &str) -> Option<Header> {
    let header = decode_header(text).ok()?;
    let is_signed = !matches!(header.alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
    let is_token = header.typ.as_ref().is_none_or(|kind| KINDS.iter().any(|known| known.eq_ignore_ascii_case(kind)));
    (is_signed && is_token && header.crit.is_none()).then_some(header)
}

/// Whom a token speaks of, if this key signed it, for us, and it is in force.
pub fn verified(text: &str, header: &Header, key: &DecodingKey, settings: &Settings, now: Timestamp) -> Option<Somebody> {
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[&settings.issuer]);
    validation.set_audience(&[&settings.audience]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    // By our own clock, below.
    validation.validate_exp = false;
    let claims = decode::<Claims>(text, key, &validation).ok()?.claims;
    #[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 and sixty seconds are exact enough")]
    let (now, skew) = (now.0 as f64 / 1e6, settings.skew_s as f64);
    let in_force = now < claims.exp + skew && [claims.iat, claims.nbf].into_iter().flatten().all(|from| from <= now + skew);
    let is_subject = (1..=LONGEST_SUBJECT).contains(&claims.sub.len()) && !claims.sub.contains('\0');
    let name = claims.name.as_str().map(|name| name.trim().to_owned());
    (in_force && is_subject).then(|| Somebody { issuer: settings.issuer.clone(), subject: claims.sub, name })
}
