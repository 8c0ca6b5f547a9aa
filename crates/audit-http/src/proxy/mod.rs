//! Reads what a reverse proxy says about a request. The server believes only the proxies in its
//! settings.

mod forwarded;
mod network;

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName};

pub use network::{NotANetwork, TrustedProxies};

use forwarded::Hop;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The origin of a request, as far as the server can believe it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Client {
    /// The last address that is not one of the trusted proxies.
    pub(crate) address: Option<IpAddr>,
    /// Whether the client used TLS to the proxy.
    pub(crate) secure: Option<bool>,
    /// The host of the request. It is not checked yet.
    pub(crate) host: Option<String>,
}

impl Client {
    /// Reads the origin of a request. No value of a header can make this function fail. It ignores
    /// a value that it cannot read.
    pub(crate) fn from_request(proxies: &TrustedProxies, request: &HttpRequest) -> Client {
        let peer = request.peer_addr().map(|address| address.ip().to_canonical());
        match peer {
            Some(peer) if proxies.contains(peer) => Client::behind(proxies, peer, request.headers()),
            address => Client { address, ..Client::default() },
        }
    }

    fn behind(proxies: &TrustedProxies, peer: IpAddr, headers: &HeaderMap) -> Client {
        let standard = headers.contains_key(FORWARDED).then(|| standard(proxies, peer, headers));
        let common = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST];
        let common = common.iter().any(|name| headers.contains_key(name)).then(|| common_practice(proxies, peer, headers));
        match (standard, common) {
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Client { address: Some(peer), ..Client::default() },
            // A proxy that writes one kind of header passes on the other kind as its client sent
            // it.
            (Some(one), Some(other)) => Client {
                address: if one.address == other.address { one.address } else { Some(peer) },
                secure: one.secure.filter(|_| one.secure == other.secure),
                host: one.host.filter(|host| other.host.as_ref() == Some(host)),
            },
        }
    }
}

/// Reads `Forwarded` of RFC 7239: an element for each hop, with all that this hop knows.
fn standard(proxies: &TrustedProxies, peer: IpAddr, headers: &HeaderMap) -> Client {
    let mut client = Client { address: Some(peer), ..Client::default() };
    for value in headers.get_all(FORWARDED).collect::<Vec<_>>().into_iter().rev() {
        let Some(hops) = value.to_str().ok().and_then(forwarded::hops) else { return client };
        for Hop { address, secure, host } in hops.into_iter().rev() {
            (client.secure, client.host) = (secure, host);
            // Without an address, the author of the elements before this one is not known.
            let Some(address) = address else { return client };
            client.address = Some(address);
            if !proxies.contains(address) {
                return client;
            }
        }
    }
    client
}

/// Reads the `X-Forwarded-` headers. Each is a list of its own, and no standard says which values
/// of different lists belong together. Only the last value of a list cannot come from a client.
fn common_practice(proxies: &TrustedProxies, peer: IpAddr, headers: &HeaderMap) -> Client {
    let values = |name: HeaderName| -> Vec<&str> {
        let texts = headers.get_all(name).map(|value| value.to_str().unwrap_or(""));
        texts.flat_map(|text| text.split(',').map(str::trim)).collect()
    };
    let last = |name| values(name).pop().filter(|text| !text.is_empty());
    let mut address = peer;
    for text in values(X_FORWARDED_FOR).into_iter().rev() {
        let Some(hop) = forwarded::address(text) else { break };
        address = hop;
        if !proxies.contains(hop) {
            break;
        }
    }
    Client {
        address: Some(address),
        secure: last(X_FORWARDED_PROTO).and_then(forwarded::secure),
        host: last(X_FORWARDED_HOST).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&str, &str)]) -> (String, Option<bool>, Option<String>) {
        let proxies: TrustedProxies = "10.0.0.0/8, ::1".parse().unwrap();
        let mut request = actix_web::test::TestRequest::get().peer_addr(peer.parse().unwrap());
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        let client = Client::from_request(&proxies, &request.to_http_request());
        (client.address.unwrap().to_string(), client.secure, client.host)
    }

    fn named(host: &str) -> Option<String> {
        Some(host.to_owned())
    }

    #[test]
    fn only_a_named_proxy_is_believed() {
        for headers in [
            &[("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "a.example")][..],
            &[("Forwarded", "for=1.1.1.1;proto=https;host=a.example")],
        ] {
            assert_eq!(client("10.1.2.3:4", headers), ("1.1.1.1".to_owned(), Some(true), named("a.example")));
            assert_eq!(client("[::ffff:10.1.2.3]:4", headers), ("1.1.1.1".to_owned(), Some(true), named("a.example")));
            assert_eq!(client("[::1]:4", headers).0, "1.1.1.1");
            assert_eq!(client("11.1.2.3:4", headers), ("11.1.2.3".to_owned(), None, None));
            assert_eq!(client("[::2]:4", headers), ("::2".to_owned(), None, None));
        }
        assert_eq!(client("10.1.2.3:4", &[]), ("10.1.2.3".to_owned(), None, None));
    }

    #[test]
    fn of_a_chain_the_last_address_that_is_no_proxy_counts() {
        let address = |headers: &[(&str, &str)]| client("10.0.0.1:1", headers).0;
        for (list, wanted) in [
            ("1.1.1.1", "1.1.1.1"),
            ("6.6.6.6, 1.1.1.1", "1.1.1.1"),
            ("6.6.6.6, 1.1.1.1, 10.0.0.2,10.0.0.3", "1.1.1.1"),
            ("10.0.0.9, 10.0.0.2", "10.0.0.9"),
            ("[2001:db8::1]:99, 10.0.0.2", "2001:db8::1"),
            ("1.1.1.1:80", "1.1.1.1"),
            // A value that cannot be read ends the chain at the last value that was read.
            ("1.1.1.1, nonsense, 10.0.0.2", "10.0.0.2"),
            ("1.1.1.1, unknown", "10.0.0.1"),
            ("1.1.1.1,", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(address(&[("X-Forwarded-For", list)]), wanted, "{list}");
        }
        assert_eq!(address(&[("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "1.1.1.1")]), "1.1.1.1");
        for (list, wanted) in [
            ("for=6.6.6.6, for=1.1.1.1", "1.1.1.1"),
            ("For=6.6.6.6;proto=http, FOR=\"1.1.1.1:8\" , for=10.0.0.3;by=_x", "1.1.1.1"),
            ("for=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=1.1.1.1, for=_hidden, for=10.0.0.2", "10.0.0.2"),
            ("for=1.1.1.1, proto=https", "10.0.0.1"),
            ("for=\"1.1.1.1, for=10.0.0.2", "10.0.0.1"),
            ("for=\"6.6.6.6, for=\"[2001:db8::1]\"", "10.0.0.1"),
        ] {
            assert_eq!(address(&[("Forwarded", list)]), wanted, "{list}");
        }
        assert_eq!(address(&[("Forwarded", "for=6.6.6.6"), ("Forwarded", "for=1.1.1.1, for=10.0.0.2")]), "1.1.1.1");
    }

    #[test]
    fn scheme_and_host_are_those_that_a_client_cannot_have_written() {
        let said = |headers: &[(&str, &str)]| {
            let (_, secure, host) = client("10.0.0.1:1", headers);
            (secure, host)
        };
        assert_eq!(
            said(&[("X-Forwarded-Proto", "http, https"), ("X-Forwarded-Host", "evil.example, a.example")]),
            (Some(true), named("a.example"))
        );
        assert_eq!(said(&[("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Host", "")]), (None, None));
        assert_eq!(
            said(&[("Forwarded", "for=6.6.6.6;host=evil.example, for=1.1.1.1;host=\"a.example:8\";proto=HTTPS, for=10.0.0.2")]),
            (Some(true), named("a.example:8"))
        );
        assert_eq!(said(&[("Forwarded", "host=\"a\\\"b\"")]), (None, named("a\"b")));
    }

    #[test]
    fn of_two_kinds_of_headers_only_what_both_say_is_believed() {
        let spoofed = [
            ("Forwarded", "for=6.6.6.6;host=evil.example;proto=https"),
            ("X-Forwarded-For", "1.1.1.1"),
            ("X-Forwarded-Proto", "https"),
        ];
        assert_eq!(client("10.0.0.1:1", &spoofed), ("10.0.0.1".to_owned(), Some(true), None));
        let both = [("Forwarded", "for=1.1.1.1;host=a.example"), ("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Host", "a.example")];
        assert_eq!(client("10.0.0.1:1", &both), ("1.1.1.1".to_owned(), None, named("a.example")));
    }
}
