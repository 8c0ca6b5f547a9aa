//! Cross-origin requests: the web pages that may call the server from a browser.
//!
//! A browser asks (the preflight) before it sends a key or JSON to another origin. It hides an
//! answer from the page unless the answer names the origin of the page, so error answers name it as
//! well. The server never allows cookies and similar credentials. A page may do only what its key
//! may do, and a page without a key may do no more than any other client without a key. So all
//! headers and the whole API are open to the allowed pages, and `*` is a safe choice.

use std::str::FromStr;

use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::middleware::Condition;
use url::Url;

/// The seconds for which a browser need not ask again. Two hours is the longest time that all
/// browsers honor.
const PREFLIGHT_SECONDS: usize = 3600;

/// The headers of answers that a page may read, in addition to the few that it may always read.
const EXPOSED: [&str; 4] = ["Allow", "Retry-After", "WWW-Authenticate", "X-Request-Id"];

/// The origins whose pages may call the server. They are read from `*` (every origin) or from
/// comma-separated origins. An empty text, and the default, allow no origin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CorsOrigins(Allowed);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Allowed {
    #[default]
    Nobody,
    Anybody,
    /// The allowed origins, as browsers write them.
    These(Vec<String>),
}

/// A text that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin: scheme, host and port, such as https://shop.example.com or http://localhost:5173")]
pub struct NotAnOrigin(String);

impl FromStr for CorsOrigins {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        Ok(CorsOrigins(match text.trim() {
            "" => Allowed::Nobody,
            "*" => Allowed::Anybody,
            list => Allowed::These(list.split(',').map(|part| origin(part.trim())).collect::<Result<_, _>>()?),
        }))
    }
}

/// Reads an origin as a browser sends it: in lower case, without the default port of its scheme.
/// Like a browser, `Url` corrects the text that it reads. This function refuses a text that `Url`
/// corrects in any other way, because its author may mean something else.
fn origin(text: &str) -> Result<String, NotAnOrigin> {
    let fault = || NotAnOrigin(text.to_owned());
    let lower = text.to_ascii_lowercase();
    let url = Url::parse(&lower).map_err(|_| fault())?;
    let default_port = match url.scheme() {
        "http" => ":80",
        "https" => ":443",
        _ => return Err(fault()),
    };
    let origin = url.origin().ascii_serialization();
    let is_bare = lower.strip_suffix(default_port).unwrap_or(&lower) == origin;
    if is_bare && !origin.contains('*') { Ok(origin) } else { Err(fault()) }
}

/// Answers preflights, and adds the headers to every answer that let the page read it. It does
/// nothing if no origin is allowed.
pub(crate) fn cors(origins: &CorsOrigins) -> Condition<Cors> {
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE];
    let base = Cors::default().allowed_methods(methods).allow_any_header().expose_headers(EXPOSED).max_age(PREFLIGHT_SECONDS);
    match &origins.0 {
        Allowed::Nobody => Condition::new(false, base),
        Allowed::Anybody => Condition::new(true, base.allow_any_origin().send_wildcard()),
        Allowed::These(origins) => Condition::new(true, origins.iter().fold(base, |cors, origin| cors.allowed_origin(origin))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        let these = |text: &str| match text.parse() {
            Ok(CorsOrigins(Allowed::These(origins))) => origins.join(" "),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(these("https://Shop.Example.com, http://localhost:5173"), "https://shop.example.com http://localhost:5173");
        assert_eq!(these("https://a.example:443,http://a.example:80"), "https://a.example http://a.example");
        assert_eq!(these("http://[::1]:8080,http://127.0.0.1"), "http://[::1]:8080 http://127.0.0.1");
        assert_eq!(these("https://a.example:80"), "https://a.example:80");
        assert_eq!(" * ".parse(), Ok(CorsOrigins(Allowed::Anybody)));
        assert_eq!("".parse(), Ok(CorsOrigins::default()));
    }

    #[test]
    fn what_no_browser_sends_is_no_origin() {
        for bad in [
            "a.example",
            "ftp://a.example",
            "null",
            "https://",
            "https://a.example/",
            "https://a.example/x",
            "https://a.example?x",
            "https://a.example#x",
            "https://me@a.example",
            "https://a b",
            "https://*.example.com",
            "http://a.example:",
            "http://a.example:0x1",
            "http://a.example:65536",
            "http://:80",
            "http://127.1",
            "http://[0::1]",
        ] {
            assert_eq!(bad.parse::<CorsOrigins>(), Err(NotAnOrigin(bad.to_owned())), "{bad}");
        }
        for bad in ["*,https://a.example", "https://a.example,", ",", "https://a.example,x"] {
            assert!(bad.parse::<CorsOrigins>().is_err(), "{bad}");
        }
    }
}
