//! What single values of the configuration look like.

use std::net::SocketAddr;
use std::path::Path;

use secrecy::SecretString;

use crate::secrets::SHORTEST_SECRET;

/// An address to listen on; what is none is added to `faults`.
pub(super) fn address(written: &str, key: &str, faults: &mut Vec<String>) -> Option<SocketAddr> {
    let address = written.parse().ok();
    if address.is_none() {
        faults.push(format!("{key}: {written:?} is no address with a port, such as 127.0.0.1:8080"));
    }
    address
}

/// An address that clients may be given.
pub(super) fn is_public_url(written: &str) -> bool {
    let rest = written.strip_prefix("https://").or_else(|| written.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~:[]/%".contains(letter);
        rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[') && rest.chars().all(is_plain)
    })
}

/// What is wrong with where spans shall go.
pub(super) fn otlp_fault(endpoint: &str) -> Option<&'static str> {
    if !cfg!(feature = "otlp") {
        return Some("this build sends no spans: build it with --features otlp, or take the setting away");
    }
    let is_fine = endpoint.starts_with("http://") && is_public_url(endpoint);
    (!is_fine).then_some("must be like http://127.0.0.1:4318; TLS is for a collector on this machine or network to speak")
}

/// The secret itself, or what the file of that path holds. What looks like a path is never taken for the secret: a path can be guessed.
pub(super) fn secret(written: &str) -> Result<SecretString, String> {
    const KEY: &str = "BRANCHWISE_SECRET or secret";
    let path = Path::new(written);
    let looks_like_a_path = ["/", "./", "../"].iter().any(|start| written.starts_with(start));
    let text = if looks_like_a_path || path.is_file() {
        let read = std::fs::read_to_string(path);
        read.map_err(|error| format!("{KEY}: the file cannot be read ({}); a secret must not begin with / or .", error.kind()))?
    } else {
        written.to_owned()
    };
    let text = text.trim();
    if text.chars().count() < SHORTEST_SECRET {
        return Err(format!("{KEY}: must have at least {SHORTEST_SECRET} characters, for example from `openssl rand -hex 32`"));
    }
    Ok(SecretString::from(text))
}
