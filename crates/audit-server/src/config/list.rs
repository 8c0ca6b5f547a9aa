//! The list of settings. A new setting is added here and read in
//! [`Settings::read`](super::Settings::read). Its flag, variable, key, help and messages follow
//! from this.

use audit_http::store::StoreConfig;
use audit_http::store::domain::limits::TOKEN_KEY_CHARS_MIN;
use audit_http::{ApiConfig, ServerConfig};

use super::setting::{SWITCH, Scope, Setting};
use super::value::SCRUB_HOURS_MAX;
use super::witnesses::WITNESS_POLICY;

/// Every setting, in the order of the help.
pub(super) const ALL: [&Setting; 33] = [
    &DATABASE_URL,
    &TRANSACTION_POOLER,
    &WRITERS,
    &DATA_DIR,
    &SIGNING_KEY_FILE,
    &LOG_NAME,
    &PUBLIC_LOG,
    &SCRUB_INTERVAL_HOURS,
    &WITNESS_POLICY,
    &LISTEN,
    &PRODUCTION,
    &TLS_CERT,
    &TLS_KEY,
    &TRUSTED_PROXIES,
    &PUBLIC_URL,
    &CORS_ORIGINS,
    &ADMIN_TOKEN,
    &DEFAULT_CHANNEL,
    &CHANNELS_WITHOUT_WORDS,
    &MASKING,
    &WORKERS,
    &PAGE_SIZE_DEFAULT,
    &PAGE_SIZE_MAX,
    &HEAD_TIMEOUT_SECONDS,
    &BODY_TIMEOUT_SECONDS,
    &APPEND_TIMEOUT_SECONDS,
    &QUERY_TIMEOUT_SECONDS,
    &FUTURE_TIMESTAMP_WARNING_SECONDS,
    &IDLE_TIMEOUT_SECONDS,
    &STALL_TIMEOUT_SECONDS,
    &SHUTDOWN_TIMEOUT_SECONDS,
    &LOG,
    &LOG_FORMAT,
];

/// The longest time-out that can be set: an hour.
pub(super) const SECONDS_MAX: u64 = 3600;

/// The largest number of threads that answer requests: a larger one is a mistyped number.
pub(super) const WORKERS_MAX: usize = 512;

/// The largest number of results of a page, which the server builds in memory.
pub(super) const PAGE_SIZE_MAX_MAX: i64 = 10_000;

fn seconds(duration: std::time::Duration) -> Option<String> {
    Some(duration.as_secs().to_string())
}

pub(super) const DATABASE_URL: Setting = Setting {
    key: "database_url",
    value_name: "URL",
    help: "URL of the database, such as sqlite:///srv/audit/audit.db or postgres://audit@db/audit; give a password in the variable, because other users of the machine can see flags [default: sqlite://audit-data/audit.db, audit.db in the data directory]",
    accepts: || "a database URL such as sqlite://audit-data/audit.db or postgres://audit@db/audit".to_owned(),
    default: || None,
    scope: Scope::Every,
    secret: false,
};

pub(super) const TRANSACTION_POOLER: Setting = Setting {
    key: "transaction_pooler",
    value_name: SWITCH,
    help: "Whether the URL leads to pgbouncer in transaction mode or to a similar pooler: the server then prepares no statements and sets nothing for longer than a transaction",
    accepts: || "true or false".to_owned(),
    default: || Some(StoreConfig::new("").transaction_pooler.to_string()),
    scope: Scope::Every,
    secret: false,
};

/// The largest number of writers: a larger one is a mistyped number, because each writer is a
/// connection.
pub(super) const WRITERS_MAX: u32 = 64;

pub(super) const WRITERS: Setting = Setting {
    key: "writers",
    value_name: "N",
    help: "Commits to PostgreSQL that run at once, each on a connection of its own; SQLite takes one at a time",
    accepts: || format!("a number from 1 to {WRITERS_MAX}"),
    default: || Some(StoreConfig::new("").writers.to_string()),
    scope: Scope::Every,
    secret: false,
};

pub(super) const CHANNELS_WITHOUT_WORDS: Setting = Setting {
    key: "channels_without_words",
    value_name: "CHANNELS",
    help: "Channels, separated by commas, whose words are not indexed: appends take less time and the index less space, and `search` reads all entries that meet the other filters. It applies to entries that are indexed from then on, and to all of them after `rebuild` [default: none]",
    accepts: || "all, or channels separated by commas such as 3,5".to_owned(),
    default: || None,
    scope: Scope::Every,
    secret: false,
};

pub(super) const MASKING: Setting = Setting {
    key: "masking",
    value_name: "POLICY",
    help: "Which secrets are masked in new entries before they are hashed; docs/masking.md has the standard policy and the rules",
    accepts: || "standard, none, or a file of rules whose name ends in .toml".to_owned(),
    default: || Some("standard".to_owned()),
    scope: Scope::Every,
    secret: false,
};

/// Ten years, which turns the warnings off.
pub(super) const FUTURE_SECONDS_MAX: u64 = 10 * 365 * 24 * 60 * 60;

pub(super) const FUTURE_TIMESTAMP_WARNING_SECONDS: Setting = Setting {
    key: "future_timestamp_warning_seconds",
    value_name: "SECONDS",
    help: "How far the time of an event may be ahead of the server's clock; the server stores a later event as it is, and its receipt, or the import, warns about it",
    accepts: || format!("a number of seconds from 1 to {FUTURE_SECONDS_MAX}"),
    default: || seconds(StoreConfig::new("").future_warning),
    scope: Scope::Every,
    secret: false,
};

pub(super) const DATA_DIR: Setting = Setting {
    key: "data_dir",
    value_name: "DIR",
    help: "Directory of the server's own files (signing.key, checkpoints/), and of the database if no URL is given. Two databases never share one [default: the directory of an SQLite database whose URL is given, otherwise audit-data]",
    accepts: || "a directory".to_owned(),
    default: || None,
    scope: Scope::Every,
    secret: false,
};

pub(super) const SIGNING_KEY_FILE: Setting = Setting {
    key: "signing_key_file",
    value_name: "FILE",
    help: "File of the private keys that sign checkpoints, made with the database. A server whose file lacks a key of the database appends and does not sign [default: signing.key in the data directory]",
    accepts: || "a file".to_owned(),
    default: || None,
    scope: Scope::Every,
    secret: false,
};

pub(super) const LOG_NAME: Setting = Setting {
    key: "log_name",
    value_name: "NAME",
    help: "Name of the logs, such as audit.example.com: the first part of the origins in checkpoints. The first start stores it in the database, and it stays [default: audit.local/ and a random id]",
    accepts: || "a name without blanks and `+`, such as audit.example.com".to_owned(),
    default: || None,
    scope: Scope::Every,
    secret: false,
};

pub(super) const PUBLIC_LOG: Setting = Setting {
    key: "public_log",
    value_name: SWITCH,
    help: "Whether everybody may read checkpoints, tiles and verifier keys below /log/, without a key: they show uuids, times and numbers of entries, and no content",
    accepts: || "true or false".to_owned(),
    default: || Some(ApiConfig::default().public_log.to_string()),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const SCRUB_INTERVAL_HOURS: Setting = Setting {
    key: "scrub_interval_hours",
    value_name: "HOURS",
    help: "How often the server reads everything in the database and compares it, slowly and beside its other work: entries, trees, checkpoints and the search index; 0 turns this off",
    accepts: || format!("a number of hours from 0 to {SCRUB_HOURS_MAX}"),
    default: || Some("24".to_owned()),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const LISTEN: Setting = Setting {
    key: "listen",
    value_name: "ADDRESS",
    help: "Address and port on which the server listens; port 0 takes any free one",
    accepts: || "a host and a port such as 127.0.0.1:8080".to_owned(),
    default: || Some(ServerConfig::default().listen),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const PRODUCTION: Setting = Setting {
    key: "production",
    value_name: SWITCH,
    help: "Refuse to start if others could read the events or a key, or change the log: beyond this machine without TLS or a proxy, in files that every user can read, or with a database role that could change or delete entries of the log",
    accepts: || "true or false".to_owned(),
    default: || Some("false".to_owned()),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const TLS_CERT: Setting = Setting {
    key: "tls_cert",
    value_name: "FILE",
    help: "PEM file of the certificates, the server's own first, then those above it; the server reads it again at SIGHUP [default: none, which is plain HTTP]",
    accepts: || "a file".to_owned(),
    default: || None,
    scope: Scope::Serve,
    secret: false,
};

pub(super) const TLS_KEY: Setting = Setting {
    key: "tls_key",
    value_name: "FILE",
    help: "PEM file of the certificate's private key; the server reads it again at SIGHUP [default: none, which is plain HTTP]",
    accepts: || "a file".to_owned(),
    default: || None,
    scope: Scope::Serve,
    secret: false,
};

pub(super) const TRUSTED_PROXIES: Setting = Setting {
    key: "trusted_proxies",
    value_name: "ADDRESSES",
    help: "Comma-separated addresses and networks, such as 10.0.0.1,172.16.0.0/12, of the proxies whose Forwarded and X-Forwarded-For, -Proto and -Host headers the server trusts [default: none]",
    accepts: || "comma-separated addresses and networks such as 10.0.0.1,172.16.0.0/12".to_owned(),
    default: || None,
    scope: Scope::Serve,
    secret: false,
};

pub(super) const PUBLIC_URL: Setting = Setting {
    key: "public_url",
    value_name: "URL",
    help: "Address with which links in answers start, such as https://audit.example.com [default: the address of the request]",
    accepts: || "an http:// or https:// address without query and fragment".to_owned(),
    default: || None,
    scope: Scope::Serve,
    secret: false,
};

pub(super) const CORS_ORIGINS: Setting = Setting {
    key: "cors_origins",
    value_name: "ORIGINS",
    help: "Comma-separated origins whose web pages may call the server from a browser, such as https://shop.example.com, or * for any [default: none]",
    accepts: || {
        "*, or comma-separated origins such as https://shop.example.com,http://localhost:5173 (no path, no slash at the end)"
            .to_owned()
    },
    default: || None,
    scope: Scope::Serve,
    secret: false,
};

pub(super) const ADMIN_TOKEN: Setting = Setting {
    key: "admin_token",
    value_name: "KEY",
    help: "Key of an admin of all channels, of at least 16 characters; give it in the variable, because other users of the machine can see flags [default: created and printed at a start without a valid admin token for all channels, such as the first]",
    accepts: || format!("a key of at least {TOKEN_KEY_CHARS_MIN} visible ASCII characters, without blanks"),
    default: || None,
    scope: Scope::Serve,
    secret: true,
};

pub(super) const DEFAULT_CHANNEL: Setting = Setting {
    key: "default_channel",
    value_name: "N",
    help: "Channel of requests and imported events that do not name one",
    accepts: || "a channel: an integer from 0 to 9223372036854775807".to_owned(),
    default: || Some(ApiConfig::default().default_channel.to_string()),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const WORKERS: Setting = Setting {
    key: "workers",
    value_name: "N",
    help: "Threads that answer requests [default: one for each processor core]",
    accepts: || format!("a number from 1 to {WORKERS_MAX}"),
    default: || None,
    scope: Scope::Serve,
    secret: false,
};

pub(super) const PAGE_SIZE_DEFAULT: Setting = Setting {
    key: "page_size_default",
    value_name: "N",
    help: "Results of a page of the published APIs if the request sets no size",
    accepts: || format!("a number from 1 to {PAGE_SIZE_MAX_MAX}"),
    default: || Some(ApiConfig::default().page_size_default.to_string()),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const PAGE_SIZE_MAX: Setting = Setting {
    key: "page_size_max",
    value_name: "N",
    help: "Results of the largest page of the published APIs",
    accepts: || format!("a number from 1 to {PAGE_SIZE_MAX_MAX}"),
    default: || Some(ApiConfig::default().page_size_max.to_string()),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const HEAD_TIMEOUT_SECONDS: Setting = Setting {
    key: "head_timeout_seconds",
    value_name: "SECONDS",
    help: "How long the head of a request may take to arrive",
    accepts: || format!("a number of seconds from 1 to {SECONDS_MAX}"),
    default: || seconds(ServerConfig::default().head_timeout),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const BODY_TIMEOUT_SECONDS: Setting = Setting {
    key: "body_timeout_seconds",
    value_name: "SECONDS",
    help: "How long the body of a request may take to arrive",
    accepts: || format!("a number of seconds from 1 to {SECONDS_MAX}"),
    default: || seconds(ApiConfig::default().body_timeout),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const APPEND_TIMEOUT_SECONDS: Setting = Setting {
    key: "append_timeout_seconds",
    value_name: "SECONDS",
    help: "How long the commit of an append may take, such as with a synchronous standby that does not answer, before the server asks the client to send it again with the same uuids",
    accepts: || format!("a number of seconds from 1 to {SECONDS_MAX}"),
    default: || seconds(ApiConfig::default().append_timeout),
    scope: Scope::Serve,
    secret: false,
};

/// An answer from an index takes milliseconds, and a person does not wait longer than ten seconds.
pub(super) const QUERY_TIMEOUT_SECONDS: Setting = Setting {
    key: "query_timeout_seconds",
    value_name: "SECONDS",
    help: "How long a list, a count or another query of a client may take before the server ends it and answers with 503",
    accepts: || format!("a number of seconds from 1 to {SECONDS_MAX}"),
    default: || Some("10".to_owned()),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const IDLE_TIMEOUT_SECONDS: Setting = Setting {
    key: "idle_timeout_seconds",
    value_name: "SECONDS",
    help: "How long a connection may be idle between two requests",
    accepts: || format!("a number of seconds from 1 to {SECONDS_MAX}"),
    default: || seconds(ServerConfig::default().idle_timeout),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const STALL_TIMEOUT_SECONDS: Setting = Setting {
    key: "stall_timeout_seconds",
    value_name: "SECONDS",
    help: "How long a client may read nothing of its answer before the server ends the connection",
    accepts: || format!("a number of seconds from 1 to {SECONDS_MAX}"),
    default: || seconds(ServerConfig::default().stall_timeout),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const SHUTDOWN_TIMEOUT_SECONDS: Setting = Setting {
    key: "shutdown_timeout_seconds",
    value_name: "SECONDS",
    help: "How long accepted requests may take to finish at shutdown",
    accepts: || format!("a number of seconds from 1 to {SECONDS_MAX}"),
    default: || seconds(ServerConfig::default().shutdown_timeout),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const LOG: Setting = Setting {
    key: "log",
    value_name: "FILTER",
    help: "Messages that the program logs to stderr: a level, or levels by part such as warn,audit_http=debug",
    accepts: || "a log filter such as info or warn,audit_http=debug".to_owned(),
    default: || Some("info,actix_server=warn".to_owned()),
    scope: Scope::Every,
    secret: false,
};

pub(super) const LOG_FORMAT: Setting = Setting {
    key: "log_format",
    value_name: "FORMAT",
    help: "Format of these messages: text or json [default: text if stderr is a terminal, otherwise json]",
    accepts: || "text or json".to_owned(),
    default: || None,
    scope: Scope::Every,
    secret: false,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_the_admin_key_tells_the_real_limit() {
        assert!(ADMIN_TOKEN.help.contains(&format!("at least {TOKEN_KEY_CHARS_MIN} characters")));
    }
}
