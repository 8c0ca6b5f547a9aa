//! Networks of IP addresses, and the addresses that texts mean.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};

use ipnet::IpNet;

/// An IP address, or a network such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNet);

impl Network {
    /// Reads an address, or an address and the length of its prefix. An IPv4 address that is mapped
    /// into IPv6 (`::ffff:10.0.0.1`) is the IPv4 address. Returns `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Network> {
        // The standard library reads the address, because ipnet accepts `010.0.0.0`, which other
        // programs read as octal.
        let bare = text.split_once('/').map(|(address, _)| address);
        let address: IpAddr = bare.unwrap_or(text).parse().ok()?;
        let network = if bare.is_some() { text.parse().ok()? } else { IpNet::from(address) };
        match address.to_canonical() {
            // Addresses are compared in their IPv4 form, so a network of mapped addresses must be a
            // network of IPv4.
            v4 if v4 != address => Some(Network(IpNet::new(v4, network.prefix_len().checked_sub(96)?).ok()?)),
            _ => Some(Network(network)),
        }
    }

    /// Whether an address belongs to the network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether a text means an address of the network: see [`address_of`].
    #[must_use]
    pub fn contains_text(&self, text: &str) -> bool {
        address_of(text).is_some_and(|address| self.contains(address))
    }

    /// The network as ipnet's type.
    #[must_use]
    pub fn net(&self) -> IpNet {
        self.0
    }
}

/// Characters of the longest zone of an IPv6 address. Names of network interfaces are shorter.
const ZONE_CHARS_MAX: usize = 64;

/// Reads the address in a text as servers and proxies write it: alone, with a port
/// (`10.0.0.1:5123`, `[::1]:5123`), in brackets, or with the zone of an IPv6 address
/// (`fe80::1%eth0`). A mapped IPv4 address is the IPv4 address.
#[must_use]
pub fn address_of(text: &str) -> Option<IpAddr> {
    let address = match text.strip_prefix('[') {
        Some(rest) => {
            let (inside, port) = rest.split_once(']')?;
            let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
            IpAddr::V6(if is_port { with_zone(inside)? } else { return None })
        }
        None => {
            let v4 = text.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddrV4| *socket.ip()));
            v4.map_or_else(|| with_zone(text).map(IpAddr::V6), |v4: Ipv4Addr| Some(IpAddr::V4(v4)))?
        }
    };
    Some(address.to_canonical())
}

/// Reads an IPv6 address, with or without a zone. The characters of a zone are limited, so that no
/// text that an index key cuts is an address.
fn with_zone(text: &str) -> Option<Ipv6Addr> {
    let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_zone = !zone.is_empty() && zone.len() <= ZONE_CHARS_MAX && zone.bytes().all(is_inside);
    if is_zone { address.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_means_the_address_in_it() {
        for text in ["10.1.2.3", "10.1.2.3:80", "::ffff:10.1.2.3", "[::ffff:10.1.2.3]:80", "[::ffff:a01:203]"] {
            assert_eq!(address_of(text), Some(IpAddr::from([10, 1, 2, 3])), "{text}");
        }
        for text in ["fe80::1%eth0", "[fe80::1%eth0]", "[fe80::1%eth0]:443", "[fe80::1]"] {
            assert_eq!(address_of(text), "fe80::1".parse().ok(), "{text}");
        }
        let long = format!("fe80::1%{}", "e".repeat(65));
        for text in [
            &long,
            "10.0.0.1%eth0",
            "fe80::1%",
            "fe80::1%a b",
            "fe80::1%\u{1}",
            "[10.0.0.1]",
            "[::1]x",
            "[::1]:",
            "[::1",
            "",
            "-",
            "LOCAL",
            "10.1.2",
            "010.1.2.3",
            "10.1.2.3:",
            "10.1.2.3:70000",
            "10.1.2.3, 10.1.2.4",
            "[10.1.2.3",
        ] {
            assert_eq!(address_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it() {
        let has = |network: &str, text: &str| Network::parse(network).unwrap().contains_text(text);
        assert!(has("10.0.0.0/8", "10.255.0.1:443") && has("10.0.0.0/8", "::ffff:10.0.0.1") && has("10.9.9.9/8", "10.0.0.1"));
        assert!(
            has("::ffff:10.0.0.0/104", "10.0.0.1") && has("2001:db8::/32", "[2001:db8::1]:80") && has("10.0.0.1", "10.0.0.1:1")
        );
        assert!(!has("10.0.0.0/8", "11.0.0.1") && !has("0.0.0.0/0", "::1") && !has("10.0.0.1", "10.0.0.2"));
        for text in ["", "shop", "10.0.0.0/33", "10.0.0.0/", "010.0.0.0/8", "10.0.0.1:80", "::ffff:10.0.0.0/95"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
