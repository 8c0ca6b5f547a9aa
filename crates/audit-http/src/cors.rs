//! Cross-origin requests: which web pages may call the server from a browser.
//!
//! A browser asks before it sends a key or JSON to another origin (the preflight), and keeps answers from the page unless they
//! name its origin; so errors name it as well. Cookies and the like are never allowed: what a page may do is what its key may
//! do, and a page without a key gets no further than any other client. That is why all headers and the whole API are open to
//! the pages that are named, and why `*` is safe to choose.

use std::str::FromStr;

use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::middleware::Condition;
use url::Url;

/// Seconds for which a browser need not ask again; the longest that all of them keep to is two hours.
const PREFLIGHT_SECONDS: usize = 3600;

/// Headers of answers that a page may read beside the few that it always may.
const EXPOSED: [&str; 4] = ["Allow", "Retry-After", "WWW-Authenticate", "X-Request-Id"];

/// Whose pages may call the server. Read from `*`, which is anybody's, or from comma-separated origins; from an empty text, and by
/// default, nobody's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CorsOrigins(Allowed);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Allowed {
    #[default]
    Nobody,
    Anybody,
    /// As browsers write them.
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

/// An origin as a browser sends it: in lower case, without the port that its scheme has anyway. Like a browser, `Url` corrects what it
/// reads; a text that it corrects further than that is refused, since its author may mean something else.
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

/// Answers preflights, and adds to every answer what lets the page read it. Nothing at all where nobody is allowed.
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
