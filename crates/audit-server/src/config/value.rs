//! The forms of values. Each function parses one kind of value; `None` means that the text is not
//! one.

use std::path::PathBuf;

use audit_http::store::domain::limits::TOKEN_KEY_CHARS_MIN;
use audit_http::store::domain::{ChannelGrant, ChannelId, TokenKey};
use audit_http::{CorsOrigins, TrustedProxies};

use super::LogFormat;
use super::list::{FUTURE_SECONDS_MAX, PAGE_SIZE_MAX_MAX, SECONDS_MAX, WORKERS_MAX, WRITERS_MAX};

pub(super) fn switch(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

pub(super) fn file(text: &str) -> Option<PathBuf> {
    (!text.trim().is_empty()).then(|| PathBuf::from(text))
}

/// A name that can be the name of a key: the store has the exact rule.
pub(super) fn log_name(text: &str) -> Option<String> {
    let valid = !text.is_empty() && !text.contains('+') && !text.contains(char::is_whitespace);
    valid.then(|| text.to_owned())
}

pub(super) fn trusted_proxies(text: &str) -> Option<TrustedProxies> {
    text.parse().ok()
}

pub(super) fn text(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// `host:port`. The system decides whether the host exists when the server listens.
pub(super) fn address(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    let bare_ipv6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
    let valid = !host.is_empty() && !bare_ipv6 && !host.contains(['/', ' ', '@']) && digits(port)?.parse::<u16>().is_ok();
    valid.then(|| text.to_owned())
}

/// A URL without a slash at its end, because links are made by appending a path.
pub(super) fn public_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let host = rest.split('/').next().unwrap_or("");
    let visible = rest.bytes().all(|byte| byte.is_ascii_graphic());
    let valid =
        visible && !host.is_empty() && !host.starts_with(':') && !host.contains('@') && !rest.contains(['?', '#', '\\', '"', '<']);
    valid.then(|| text.trim_end_matches('/').to_owned())
}

pub(super) fn cors_origins(text: &str) -> Option<CorsOrigins> {
    text.parse().ok()
}

/// A key. A blank would end it in an `Authorization` header, and only ASCII is safe there.
pub(super) fn key(text: &str) -> Option<TokenKey> {
    let valid = text.len() >= TOKEN_KEY_CHARS_MIN && text.bytes().all(|byte| byte.is_ascii_graphic());
    valid.then(|| TokenKey::from_text(text))
}

pub(super) fn channel(text: &str) -> Option<ChannelId> {
    text.parse().ok()
}

/// Some channels, or all.
pub(super) fn channels(text: &str) -> Option<ChannelGrant> {
    if text == "all" {
        return Some(ChannelGrant::All);
    }
    text.split(',').map(channel).collect::<Option<_>>().map(ChannelGrant::Only)
}

pub(super) fn workers(text: &str) -> Option<usize> {
    digits(text)?.parse().ok().filter(|number| (1..=WORKERS_MAX).contains(number))
}

pub(super) fn writers(text: &str) -> Option<u32> {
    digits(text)?.parse().ok().filter(|number| (1..=WRITERS_MAX).contains(number))
}

pub(super) fn page_size(text: &str) -> Option<i64> {
    digits(text)?.parse().ok().filter(|number| (1..=PAGE_SIZE_MAX_MAX).contains(number))
}

pub(super) fn seconds(text: &str) -> Option<u64> {
    digits(text)?.parse().ok().filter(|number| (1..=SECONDS_MAX).contains(number))
}

/// A year, in hours.
pub(super) const SCRUB_HOURS_MAX: u64 = 365 * 24;

/// Hours between two scrubs; 0 is none.
pub(super) fn scrub_hours(text: &str) -> Option<u64> {
    let hours = digits(text)?.parse().ok()?;
    (hours <= SCRUB_HOURS_MAX).then_some(hours)
}

pub(super) fn future_seconds(text: &str) -> Option<u64> {
    digits(text)?.parse().ok().filter(|number| (1..=FUTURE_SECONDS_MAX).contains(number))
}

pub(super) fn log_filter(text: &str) -> Option<String> {
    let parsed = tracing_subscriber::EnvFilter::builder().parse(text);
    (parsed.is_ok() && !text.trim().is_empty()).then(|| text.to_owned())
}

pub(super) fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

/// Digits only. Rust would accept `+5` too, which is a typing mistake in a setting.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in ["127.0.0.1:8080", "localhost:0", "[::1]:80", "0.0.0.0:65535"] {
            assert_eq!(address(good).as_deref(), Some(good));
        }
        for bad in ["", "8080", ":8080", "localhost", "localhost:", "localhost:65536", "::1:80", "http://x:80", "x:+1", "a b:1"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_public_url_has_scheme_and_host_and_nothing_behind_the_path() {
        assert_eq!(public_url("https://a.example/audit/").as_deref(), Some("https://a.example/audit"));
        assert_eq!(public_url("http://[::1]:8080").as_deref(), Some("http://[::1]:8080"));
        for bad in [
            "a.example",
            "ftp://a",
            "https://",
            "https:///x",
            "http://:80",
            "http://a?x",
            "http://a#x",
            "http://me@a",
            "http://a b",
        ] {
            assert_eq!(public_url(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_is_long_enough_and_fits_into_a_header() {
        assert!(key("0123456789abcdef").is_some());
        for bad in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcdef\n", "0123456789abcdéf"] {
            assert!(key(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn numbers_have_both_bounds() {
        assert_eq!((workers("1"), workers("512"), workers("0"), workers("513")), (Some(1), Some(512), None, None));
        assert_eq!((page_size("10000"), page_size("0"), page_size("10001")), (Some(10_000), None, None));
        assert_eq!(
            (seconds("3600"), seconds("0"), seconds("3601"), seconds("+5"), seconds("1.5")),
            (Some(3600), None, None, None, None)
        );
    }
}
