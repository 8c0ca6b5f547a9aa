//! The trusted proxies: addresses and networks.

use std::net::IpAddr;
use std::str::FromStr;

use audit_store::domain::Network;

/// A text that is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address such as 10.0.0.1 nor a network such as 10.0.0.0/8")]
pub struct NotANetwork(String);

/// The reverse proxies whose headers about the origin of a request count. By default there are
/// none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Whether there are no trusted proxies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address belongs to a trusted proxy.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Whether a network is wider than any network of a single organisation. The server would then
    /// believe strangers.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.0.iter().any(|network| network.net().prefix_len() < if network.net().addr().is_ipv4() { 8 } else { 16 })
    }

    /// Whether all trusted proxies are on this machine. None of them could then be a proxy for an
    /// address that other machines reach.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.0.iter().all(|network| network.net().addr().is_loopback())
    }
}

/// Reads comma-separated addresses and networks.
impl FromStr for TrustedProxies {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = |part: &str| Network::parse(part.trim()).ok_or_else(|| NotANetwork(part.trim().to_owned()));
        Ok(TrustedProxies(text.split(',').map(parsed).collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_the_addresses_that_begin_like_it() {
        let proxies: TrustedProxies = "10.0.0.0/8,192.168.1.7, 2001:db8::/33".parse().unwrap();
        for inside in ["10.0.0.0", "10.255.255.255", "192.168.1.7", "2001:db8:7fff::1", "::ffff:10.1.1.1"] {
            assert!(proxies.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.0", "9.255.255.255", "192.168.1.6", "2001:db8:8000::", "2001:db9::", "::10.1.1.1"] {
            assert!(!proxies.contains(outside.parse().unwrap()), "{outside}");
        }
        let everybody: TrustedProxies = "0.0.0.0/0".parse().unwrap();
        assert!(everybody.contains("203.0.113.9".parse().unwrap()) && everybody.is_everybody() && !proxies.is_everybody());
        assert!(!everybody.contains("::1".parse().unwrap()));
        let mapped: TrustedProxies = "::ffff:10.0.0.0/104,::ffff:192.0.2.1".parse().unwrap();
        assert!(mapped.contains("10.9.9.9".parse().unwrap()) && mapped.contains("::ffff:192.0.2.1".parse().unwrap()));
        assert!(!mapped.contains("11.0.0.1".parse().unwrap()) && !mapped.is_everybody());
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in [
            "",
            "proxy",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "10.0.0.1,",
            "10.0.0",
            "010.0.0.0/8",
            "10.0.0.1:80",
            "::ffff:10.0.0.0/95",
        ] {
            assert!(bad.parse::<TrustedProxies>().is_err(), "{bad}");
        }
    }
}
