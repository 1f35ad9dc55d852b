//! What documents may cost in a minute.

use serde::Deserialize;

/// What documents may cost in a minute, in points. High enough that no honest client meets them, so that a client gone mad is held to what
/// one machine can do; lower ones share a machine out.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateConfig {
    /// Of one user.
    pub points_per_minute_user: u32,
    /// Of one session of a user.
    pub points_per_minute_session: u32,
    /// Of one address, or of one network of IPv6 addresses of the size that one host gets, with or without a token.
    pub points_per_minute_address: u32,
    /// Of any of these at once, after a pause.
    pub burst_points: u32,
}

impl Default for RateConfig {
    fn default() -> Self {
        Self {
            points_per_minute_user: 60_000_000,
            points_per_minute_session: 60_000_000,
            points_per_minute_address: 120_000_000,
            burst_points: 10_000_000,
        }
    }
}
