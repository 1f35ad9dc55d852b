//! Whose word is taken for where a request came from.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

/// Addresses and networks of proxies in front of this server; none: whoever connects is the client.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Is this one of them?
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl TryFrom<Vec<String>> for TrustedProxies {
    type Error = String;

    fn try_from(written: Vec<String>) -> Result<Self, Self::Error> {
        let network = |text: &String| {
            let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| format!("http.trusted_proxies: {text:?} is neither an address nor a network, such as 10.0.0.0/8"))
        };
        written.iter().map(network).collect::<Result<_, _>>().map(Self)
    }
}
