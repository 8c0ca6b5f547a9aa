//! Makes absolute links to other pages of a list.

use actix_web::HttpRequest;
use actix_web::http::header::HOST;

use crate::config::ApiConfig;
use crate::connections::Endpoint;
use crate::failure::Failure;
use crate::params::Params;
use crate::proxy::Client;

/// The start of the links: the scheme and the host of the request, or the public URL, and then the
/// path.
#[derive(Debug, Clone)]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    /// Makes the start of the links of a request. Headers such as `X-Forwarded-Host` count only
    /// from trusted proxies, because anybody can send them.
    pub(crate) fn from_request(config: &ApiConfig, request: &HttpRequest) -> Result<BaseUrl, Failure> {
        let path = request.uri().path();
        if let Some(public) = &config.public_url {
            return Ok(BaseUrl(format!("{}{path}", public.trim_end_matches('/'))));
        }
        let Client { secure, host: forwarded, .. } = Client::from_request(&config.trusted_proxies, request);
        // If the API is mounted into another service, the configuration of that service has the
        // endpoint.
        let mounted = || Endpoint { secure: request.app_config().secure(), address: request.app_config().local_addr() };
        let endpoint = request.conn_data::<Endpoint>().copied().unwrap_or_else(mounted);
        let scheme = if secure.unwrap_or(endpoint.secure) { "https" } else { "http" };
        if let Some(host) = forwarded.filter(|host| is_host(host)) {
            return Ok(BaseUrl(format!("{scheme}://{host}{path}")));
        }
        // HTTP/2 requests and requests to a proxy name the host in the target. HTTP/1.0 requests
        // may not name a host.
        let host = match (request.uri().authority(), request.headers().get(HOST)) {
            (Some(authority), _) => authority.as_str().to_owned(),
            (None, Some(host)) => host.to_str().map_err(|_| Failure::InvalidHost)?.to_owned(),
            (None, None) => endpoint.address.to_string(),
        };
        if !is_host(&host) {
            return Err(Failure::InvalidHost);
        }
        Ok(BaseUrl(format!("{scheme}://{host}{path}")))
    }

    /// Makes the link to a page. The link to the first page does not have `page`.
    pub(crate) fn page(&self, params: &Params, number: i64) -> String {
        let number = (number > 1).then(|| number.to_string());
        let query = params.with("page", number.as_deref());
        if query.is_empty() { self.0.clone() } else { format!("{}?{query}", self.0) }
    }
}

/// Whether the text is a name or an address, with or without a port. A browser would go to such a
/// host, and its characters cannot end the link early.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port_is_valid = port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    let host_is_valid = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')),
    };
    port_is_valid && host_is_valid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_go_into_links() {
        for host in ["audit.example.com", "localhost:8080", "127.0.0.1", "[::1]:80", "[::1]", "my_host"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", "a b", "a/b", "a@b", "a?b", "a:99999", "a:x", "a:+80", "[::g]", "::1", "a\"b", "é"] {
            assert!(!is_host(host), "{host}");
        }
    }
}
