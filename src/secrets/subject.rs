//! Whom failed sign-ins are counted for: accounts and addresses, only ever as keyed hashes, so that the counters name nobody.

use std::net::{IpAddr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Key, mac};
use crate::error::Error;

/// Names what is counted without telling it.
pub struct Subjects {
    key: Key,
}

impl Subjects {
    pub(super) fn new(key: Key) -> Self {
        Self { key }
    }

    fn subject(&self, kind: &[u8], what: &[u8]) -> Result<String, Error> {
        Ok(URL_SAFE_NO_PAD.encode(mac(&self.key, &[kind, what])?))
    }

    /// An account by its user name, whether or not there is one: upper and lower case are the same.
    pub fn account(&self, username: &str) -> Result<String, Error> {
        self.subject(b"account ", username.to_lowercase().as_bytes())
    }

    /// An address; of IPv6 the /64, since whoever has one address of it has all.
    pub fn address(&self, address: IpAddr) -> Result<String, Error> {
        match address.to_canonical() {
            IpAddr::V4(four) => self.subject(b"address ", &four.octets()),
            IpAddr::V6(six) => {
                let network = Ipv6Addr::from_bits(six.to_bits() >> 64 << 64);
                self.subject(b"network ", &network.octets())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_subject_an_account_and_one_a_network() {
        let subjects = Subjects::new([3; 32]);
        let of = |text: &str| subjects.address(text.parse().unwrap()).unwrap();
        assert_eq!(subjects.account("Anna").unwrap(), subjects.account("anna").unwrap());
        assert_ne!(subjects.account("anna").unwrap(), subjects.account("anne").unwrap());
        assert_ne!(subjects.account("anna").unwrap(), Subjects::new([4; 32]).account("anna").unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
