//! URLs of PostgreSQL servers. libpq reads them. This module only checks what libpq would report
//! too late, or with the password in the message.

use std::fmt;

/// A server and a database on it. `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PostgresUrl {
    /// The URL with the password and with the parameters that this program adds.
    complete: String,
    shown: String,
    /// Whether there is a pooler that may give each transaction to another server process. Then the
    /// program prepares nothing, and no setting lasts longer than a transaction.
    pub(crate) is_pooled: bool,
}

/// Parameters of a connection unless the URL sets them. Without time-outs, a connection waits for a
/// vanished server as long as the kernel decides, which is a quarter of an hour. None of these ends
/// a slow commit of a living server.
const DEFAULTS: [(&str, &str); 6] = [
    ("fallback_application_name", "audit-server"),
    ("connect_timeout", "10"),
    ("keepalives_idle", "20"),
    ("keepalives_interval", "10"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
];

impl PostgresUrl {
    pub(super) fn parse(url: &str) -> Result<PostgresUrl, &'static str> {
        let Some((_, rest)) = url.split_once("://") else { return Err("use postgres://user@host/database") };
        if rest.contains(['\0', '#', ' ']) {
            return Err("it has a character that must be percent-encoded; write %23 for #, for example");
        }
        if !escapes_are_whole(rest) {
            return Err("a % in it does not begin an escape; write %25 for the character %");
        }
        if rest.matches('[').count() != rest.matches(']').count() {
            return Err("it has an unmatched bracket; write an IPv6 address in two brackets, such as [::1]");
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        // libpq would look for a host of this name, and show half of the password in its message.
        if authority.matches('@').count() > 1 || database.contains('@') || query.contains('@') {
            return Err("its user name or password has a character that must be percent-encoded, such as %40 for @ and %2F for /");
        }
        let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        if database.is_empty() && !has("dbname") {
            return Err("it names no database; use postgres://user@host/database");
        }
        let mut complete = url.to_owned();
        for (name, value) in DEFAULTS.iter().filter(|(name, _)| !has(name)) {
            let separator = if complete.contains('?') { '&' } else { '?' };
            complete.push_str(&format!("{separator}{name}={value}"));
        }
        Ok(PostgresUrl { complete, shown: super::without_secrets(url), is_pooled: false })
    }

    /// Removes secrets from a message of libpq, which quotes what it cannot read.
    pub(crate) fn without_secrets_of_it(&self, text: &str) -> String {
        let (_, rest) = self.complete.split_once("://").unwrap_or_default();
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let login = place.rsplit_once('@').and_then(|(login, _)| login.split_once(':')).map(|(_, password)| password);
        let parameters = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(name, _)| name.contains("pass"));
        let secrets = login.into_iter().chain(parameters.filter(|(name, _)| *name != "passfile").map(|(_, value)| value));
        let shown = text.replace(&self.complete, &self.shown);
        secrets.filter(|secret| !secret.is_empty()).fold(shown, |text, secret| text.replace(secret, "…"))
    }

    /// The URL with the password, only for libpq.
    pub(crate) fn reveal(&self) -> &str {
        &self.complete
    }

    pub(crate) fn display(&self) -> &str {
        &self.shown
    }
}

/// Whether each % begins an escape of a character that may be in a URL.
fn escapes_are_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|part| {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        digits.is_some_and(|digits| digits != "00")
    })
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresUrl").field(&self.shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_url_says_counts_before_what_is_added() {
        let url = PostgresUrl::parse("postgres://me:x@db/audit?connect_timeout=3&application_name=mine").unwrap();
        assert!(
            url.reveal().starts_with("postgres://me:x@db/audit?connect_timeout=3&application_name=mine&fallback_application_name=")
        );
        assert_eq!(url.reveal().matches("connect_timeout=").count(), 1);
        let plain = PostgresUrl::parse("postgres://me@db/audit").unwrap();
        assert!(plain.reveal().starts_with("postgres://me@db/audit?fallback_application_name=audit-server&connect_timeout=10&"));
    }
}
