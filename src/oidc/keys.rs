//! The keys of an issuer: public ones alone, each with the algorithms that it may verify.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use serde::Deserialize;
use serde_json::Value as Json;

/// No issuer signs by more.
const MOST_KEYS: usize = 100;
/// Bytes of the modulus of an RSA key: shorter ones are not taken.
const SHORTEST_RSA: usize = 256;

const RSA: &[Algorithm] = &[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

#[derive(Deserialize)]
struct Written {
    keys: Vec<Json>,
}

struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    verifies: DecodingKey,
}

/// The keys of an issuer.
pub struct Keys {
    text: Vec<u8>,
    keys: Vec<Key>,
}

impl Keys {
    /// From a JSON Web Key Set. Keys of other kinds and for other uses are passed over; none: no key is left.
    pub fn try_new(text: Vec<u8>) -> Option<Self> {
        let written: Written = serde_json::from_slice(&text).ok()?;
        let jwks = written.keys.into_iter().take(MOST_KEYS).filter_map(|key| serde_json::from_value(key).ok());
        let keys: Vec<Key> = jwks.filter_map(|jwk: Jwk| key(&jwk)).collect();
        (!keys.is_empty()).then_some(Self { text, keys })
    }

    /// As they were written.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The key that a token names, if it may verify by the token's algorithm; of a token that names none, the only key there is.
    pub fn of(&self, header: &Header) -> Option<&DecodingKey> {
        let may = |key: &&Key| key.algorithms.contains(&header.alg);
        match &header.kid {
            Some(id) => self.keys.iter().filter(|key| key.id.as_ref() == Some(id)).find(may),
            None => self.keys.first().filter(|_| self.keys.len() == 1).filter(may),
        }
        .map(|key| &key.verifies)
    }
}

fn key(jwk: &Jwk) -> Option<Key> {
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) if URL_SAFE_NO_PAD.decode(&rsa.n).is_ok_and(|n| n.len() >= SHORTEST_RSA) => RSA.to_vec(),
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
        _ => return None,
    };
    if let Some(only) = jwk.common.key_algorithm {
        algorithms.retain(|algorithm| format!("{algorithm:?}") == only.to_string());
    }
    let verifies = DecodingKey::from_jwk(jwk).ok()?;
    (!algorithms.is_empty()).then(|| Key { id: jwk.common.key_id.clone(), algorithms, verifies })
}
