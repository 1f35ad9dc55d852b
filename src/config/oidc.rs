//! Whose tokens are taken besides our own.

use serde::Deserialize;

use crate::oidc::Settings;

/// An issuer of OpenID Connect whose tokens are taken besides our own; none: only our own are.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    /// Its address, exactly as its tokens name it: `https://login.example.com/realms/group`.
    pub issuer: Option<String>,
    /// What its tokens must name as their audience.
    pub audience: Option<String>,
    /// How far its clock may be off, up to 60 seconds.
    pub skew_s: u64,
    /// Adds a user without any post for a subject that nobody has yet.
    pub create_users: bool,
    /// An issuer on this machine may go without TLS.
    pub allow_http: bool,
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self { issuer: None, audience: None, skew_s: 30, create_users: false, allow_http: false }
    }
}

impl OidcConfig {
    const LONGEST_SKEW_S: u64 = 60;

    /// What is wrong with it, a line each.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(issuer) = &self.issuer
            && (issuer.contains('?') || !crate::oidc::is_trustworthy(issuer, self.allow_http))
        {
            faults.push(
                "oidc.issuer: must begin with https:// and have no ?, # or @; with oidc.allow_http also http://127.0.0.1, http://[::1] or http://localhost"
                    .to_owned(),
            );
        }
        if self.issuer.is_some() && self.audience.as_deref().is_none_or(str::is_empty) {
            faults.push("oidc.audience: must be given with oidc.issuer: what its tokens name as their audience".to_owned());
        }
        if self.skew_s > Self::LONGEST_SKEW_S {
            faults.push(format!("oidc.skew_s: must be at most {}", Self::LONGEST_SKEW_S));
        }
        faults
    }

    /// The issuer, where there is one.
    pub fn settings(&self) -> Option<Settings> {
        let (issuer, audience) = (self.issuer.clone()?, self.audience.clone()?);
        Some(Settings::new(issuer, audience, self.skew_s, self.allow_http))
    }
}
