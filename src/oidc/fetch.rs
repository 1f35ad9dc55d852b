//! Asking an issuer: where its keys are, and for them. No redirects, an end in time, and no more bytes than keys need.

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

use super::Settings;
use super::keys::Keys;
use crate::error::Error;

const DISCOVERY: &str = "/.well-known/openid-configuration";
const MOST_BYTES: usize = 256 * 1024;

/// What an issuer tells of itself, as far as it matters here.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Asks one issuer.
pub struct Fetch {
    client: Client,
}

impl Fetch {
    pub fn try_new(settings: &Settings) -> Result<Self, Error> {
        // One for the process; whoever comes second finds it there.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(Policy::none()).timeout(settings.timeout).connect_timeout(settings.timeout);
        let client = client.https_only(!settings.allow_http).user_agent("branchwise").build();
        Ok(Self { client: client.map_err(|_| Error::internal("the client for OpenID Connect could not be set up"))? })
    }

    /// The keys that the issuer signs by today. The error says why not, for the log.
    pub async fn keys(&self, settings: &Settings) -> Result<Keys, &'static str> {
        let about = self.get(&format!("{}{DISCOVERY}", settings.issuer.trim_end_matches('/'))).await?;
        let about: Discovery = serde_json::from_slice(&about).map_err(|_| "its discovery document is not one")?;
        if about.issuer != settings.issuer {
            return Err("its discovery document names another issuer");
        }
        if !is_trustworthy(&about.jwks_uri, settings.allow_http) {
            return Err("its keys are at an address without TLS");
        }
        Keys::try_new(self.get(&about.jwks_uri).await?).ok_or("it has no keys that can be used")
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, &'static str> {
        let mut answer = self.client.get(url).header("accept", "application/json").send().await.map_err(|_| "it does not answer")?;
        if answer.status() != StatusCode::OK {
            return Err("it answers with another status than 200");
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|_| "its answer breaks off")? {
            if body.len() + part.len() > MOST_BYTES {
                return Err("its answer is too long");
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }
}

/// Is this an address that may be asked: by TLS, or on this machine where that is allowed without?
pub fn is_trustworthy(url: &str, allow_http: bool) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let is_here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    is_plain && (url.scheme() == "https" || (allow_http && url.scheme() == "http" && is_here))
}

#[cfg(test)]
mod tests {
    use super::is_trustworthy;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for (url, by_itself, allowed) in [
            ("https://login.example.com/realms/group", true, true),
            ("http://127.0.0.1:8080", false, true),
            ("http://[::1]/a", false, true),
            ("http://localhost", false, true),
            ("http://login.example.com", false, false),
            ("http://127.0.0.1.example.com", false, false),
            ("https://user:word@example.com", false, false),
            ("https://example.com/keys?policy=a", true, true),
            ("https://example.com/#a", false, false),
            ("file:///etc/passwd", false, false),
            ("login.example.com", false, false),
        ] {
            assert_eq!((is_trustworthy(url, false), is_trustworthy(url, true)), (by_itself, allowed), "{url}");
        }
    }
}
