//! How many points of cost a user, a session and an address may use in a minute, counted before anything runs.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use entity::{SessionId, UserId};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::access::Viewer;
use crate::config::RateConfig;
use crate::error::Error;
use crate::org::Peer;

/// Who has been quiet for long enough to have everything left is forgotten once in so many requests.
const FORGETS_EVERY: usize = 4096;

struct Rate<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>,
    what: &'static str,
    per_minute: u32,
    burst: u32,
    counted: AtomicUsize,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    fn new(what: &'static str, per_minute: u32, burst: u32) -> Self {
        let least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(least_one(per_minute)).allow_burst(least_one(burst));
        let limiter = RateLimiter::dashmap(quota).with_middleware();
        Self { limiter, what, per_minute, burst, counted: AtomicUsize::new(0) }
    }

    /// How many are left at once.
    fn take(&self, key: &K, points: NonZeroU32) -> Result<u32, Error> {
        if self.counted.fetch_add(1, Ordering::Relaxed) % FORGETS_EVERY == FORGETS_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        match self.limiter.check_key_n(key, points) {
            Ok(Ok(left)) => Ok(StateSnapshot::remaining_burst_capacity(&left)),
            Ok(Err(until)) => {
                let retry_after = until.wait_time_from(DefaultClock::default().now());
                Err(Error::RateLimited { what: self.what, limit: Some(self.per_minute.into()), retry_after })
            }
            Err(_) => Err(Error::CostLimit { what: "points at once", limit: self.burst.into() }),
        }
    }
}

/// What everybody has used.
pub struct Rates {
    users: Rate<UserId>,
    sessions: Rate<SessionId>,
    addresses: Rate<IpAddr>,
}

impl Rates {
    /// Nothing used yet.
    pub fn new(config: &RateConfig) -> Self {
        Self {
            users: Rate::new("points a minute of a user", config.points_per_minute_user, config.burst_points),
            sessions: Rate::new("points a minute of a session", config.points_per_minute_session, config.burst_points),
            addresses: Rate::new("points a minute of an address", config.points_per_minute_address, config.burst_points),
        }
    }

    /// Counts what a request costs; what is left at once of whatever is used up first. Errors: RATE_LIMITED; COST_LIMIT_EXCEEDED for what
    /// could never be had at once.
    pub fn take(&self, viewer: Option<&Viewer>, peer: Peer, points: u64) -> Result<u32, Error> {
        let points =
            u32::try_from(points).ok().and_then(NonZeroU32::new).unwrap_or(if points == 0 { NonZeroU32::MIN } else { NonZeroU32::MAX });
        let mut left = u32::MAX;
        if let Some(session) = viewer.and_then(Viewer::session) {
            left = left.min(self.sessions.take(&session, points)?);
        }
        if let Some(user) = viewer.and_then(Viewer::user_id) {
            left = left.min(self.users.take(&user, points)?);
        }
        Ok(left.min(self.addresses.take(&network(peer.0), points)?))
    }
}

/// Whoever has an IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> RateConfig {
        RateConfig { points_per_minute_address: 600, burst_points: 100, ..RateConfig::default() }
    }

    #[test]
    fn what_is_used_up_comes_back_with_time() {
        let rates = Rates::new(&config());
        let peer = Peer("192.0.2.1".parse().unwrap());
        assert_eq!(rates.take(None, peer, 60).unwrap(), 40);
        let Err(Error::RateLimited { what, limit, retry_after }) = rates.take(None, peer, 60) else { panic!() };
        assert_eq!((what, limit), ("points a minute of an address", Some(600)));
        assert!(retry_after.as_millis() > 1_000 && retry_after.as_millis() <= 2_000, "{retry_after:?}");
        assert!(rates.take(None, Peer("192.0.2.2".parse().unwrap()), 60).is_ok(), "another address");
        for much in [101, u64::MAX] {
            assert_eq!(rates.take(None, peer, much), Err(Error::CostLimit { what: "points at once", limit: 100 }));
        }
    }

    #[test]
    fn a_network_of_one_host_is_one_address() {
        let rates = Rates::new(&config());
        let take = |address: &str| rates.take(None, Peer(address.parse().unwrap()), 60).is_ok();
        assert!(take("2001:db8::1") && !take("2001:db8::ffff:1") && take("2001:db8:0:1::1"));
        assert!(take("192.0.2.1") && !take("::ffff:192.0.2.1"));
    }

    #[test]
    fn who_has_used_nothing_lately_is_forgotten() {
        let rate = Rate::new("points", u32::MAX, 1_000_000);
        (0..100_000_u32).for_each(|key| drop(rate.take(&key, NonZeroU32::MIN)));
        assert!(rate.limiter.len() <= 2 * FORGETS_EVERY, "{}", rate.limiter.len());
    }
}
