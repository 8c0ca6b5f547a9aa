//! The list of settings. A new one is added here and read in [`Settings::read`](super::Settings::read); its flag, variable,
//! key, help and messages follow from this.

use audit_http::store::StoreConfig;
use audit_http::store::domain::limits::TOKEN_KEY_CHARS_MIN;
use audit_http::{ApiConfig, ServerConfig};

use super::setting::{SWITCH, Scope, Setting};

/// Every setting, in the order of the help.
pub(super) const ALL: [&Setting; 27] = [
    &DATABASE_URL,
    &TRANSACTION_POOLER,
    &WRITERS,
    &DATA_DIR,
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

/// Longest of the time-outs that can be set: an hour.
pub(super) const SECONDS_MAX: u64 = 3600;

/// Threads that answer requests: more than this is a mistyped number.
pub(super) const WORKERS_MAX: usize = 512;

/// Results of a page: a page is built in memory.
pub(super) const PAGE_SIZE_MAX_MAX: i64 = 10_000;

fn seconds(duration: std::time::Duration) -> Option<String> {
    Some(duration.as_secs().to_string())
}

pub(super) const DATABASE_URL: Setting = Setting {
    key: "database_url",
    value_name: "URL",
    help: "Where the events are kept, such as sqlite:///srv/audit/audit.db or postgres://audit@db/audit; a password is better given as variable than as flag, which other users of the machine can see [default: sqlite://audit-data/audit.db, audit.db in the data directory]",
    accepts: || "a database URL such as sqlite://audit-data/audit.db or postgres://audit@db/audit".to_owned(),
    default: || None,
    scope: Scope::Every,
    secret: false,
};

pub(super) const TRANSACTION_POOLER: Setting = Setting {
    key: "transaction_pooler",
    value_name: SWITCH,
    help: "The URL leads to pgbouncer in transaction mode, or to another pooler like it: nothing is prepared, and nothing set for longer than a transaction",
    accepts: || "true or false".to_owned(),
    default: || Some(StoreConfig::new("").transaction_pooler.to_string()),
    scope: Scope::Every,
    secret: false,
};

/// More than this is a mistyped number: each writer is a connection.
pub(super) const WRITERS_MAX: u32 = 64;

pub(super) const WRITERS: Setting = Setting {
    key: "writers",
    value_name: "N",
    help: "Commits that are on their way to PostgreSQL at once, each on a connection of its own; SQLite takes one at a time",
    accepts: || format!("a number from 1 to {WRITERS_MAX}"),
    default: || Some(StoreConfig::new("").writers.to_string()),
    scope: Scope::Every,
    secret: false,
};

pub(super) const CHANNELS_WITHOUT_WORDS: Setting = Setting {
    key: "channels_without_words",
    value_name: "CHANNELS",
    help: "Channels, separated by commas, whose words are not indexed: appends and the disk have less to do, and `search` reads all that the other filters leave over. It counts for what is indexed from then on, and for all of it after `rebuild` [default: none]",
    accepts: || "all, or channels separated by commas such as 3,5".to_owned(),
    default: || None,
    scope: Scope::Every,
    secret: false,
};

/// Ten years, which turns the warnings off.
pub(super) const FUTURE_SECONDS_MAX: u64 = 10 * 365 * 24 * 60 * 60;

pub(super) const FUTURE_TIMESTAMP_WARNING_SECONDS: Setting = Setting {
    key: "future_timestamp_warning_seconds",
    value_name: "SECONDS",
    help: "How far ahead of the server's clock an event may happen; one that happens later is stored as it is, and its receipt, or the import, warns about it",
    accepts: || format!("a number of seconds from 1 to {FUTURE_SECONDS_MAX}"),
    default: || seconds(StoreConfig::new("").future_warning),
    scope: Scope::Every,
    secret: false,
};

pub(super) const DATA_DIR: Setting = Setting {
    key: "data_dir",
    value_name: "DIR",
    help: "Directory of the server's own files, and of the database when no URL is given",
    accepts: || "a directory".to_owned(),
    default: || Some("audit-data".to_owned()),
    scope: Scope::Every,
    secret: false,
};

pub(super) const LISTEN: Setting = Setting {
    key: "listen",
    value_name: "ADDRESS",
    help: "Address and port to answer on; port 0 takes any free one",
    accepts: || "a host and a port such as 127.0.0.1:8080".to_owned(),
    default: || Some(ServerConfig::default().listen),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const PRODUCTION: Setting = Setting {
    key: "production",
    value_name: SWITCH,
    help: "Refuse to start where the events or a key would be open to others: beyond this machine without TLS or a proxy, in files that every user can read, or where the database role could change or delete entries of the log",
    accepts: || "true or false".to_owned(),
    default: || Some("false".to_owned()),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const TLS_CERT: Setting = Setting {
    key: "tls_cert",
    value_name: "FILE",
    help: "PEM file of the certificate, the server's own first, then those above it; read again at SIGHUP [default: none, which is plain HTTP]",
    accepts: || "a file".to_owned(),
    default: || None,
    scope: Scope::Serve,
    secret: false,
};

pub(super) const TLS_KEY: Setting = Setting {
    key: "tls_key",
    value_name: "FILE",
    help: "PEM file of the certificate's private key; read again at SIGHUP [default: none, which is plain HTTP]",
    accepts: || "a file".to_owned(),
    default: || None,
    scope: Scope::Serve,
    secret: false,
};

pub(super) const TRUSTED_PROXIES: Setting = Setting {
    key: "trusted_proxies",
    value_name: "ADDRESSES",
    help: "Comma-separated addresses and networks, such as 10.0.0.1,172.16.0.0/12, of the proxies whose Forwarded and X-Forwarded-For, -Proto and -Host headers are believed [default: nobody's are]",
    accepts: || "comma-separated addresses and networks such as 10.0.0.1,172.16.0.0/12".to_owned(),
    default: || None,
    scope: Scope::Serve,
    secret: false,
};

pub(super) const PUBLIC_URL: Setting = Setting {
    key: "public_url",
    value_name: "URL",
    help: "Address that links in answers start with, such as https://audit.example.com [default: that of the request]",
    accepts: || "an http:// or https:// address without query and fragment".to_owned(),
    default: || None,
    scope: Scope::Serve,
    secret: false,
};

pub(super) const CORS_ORIGINS: Setting = Setting {
    key: "cors_origins",
    value_name: "ORIGINS",
    help: "Whose web pages may call the server from a browser: comma-separated origins such as https://shop.example.com, or * for any [default: nobody's]",
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
    help: "Key that opens everything, of at least 16 characters; better given as variable than as flag, which other users of the machine can see [default: made and printed at a start without a valid admin token for all channels, such as the first]",
    accepts: || format!("a key of at least {TOKEN_KEY_CHARS_MIN} visible ASCII characters, without blanks"),
    default: || None,
    scope: Scope::Serve,
    secret: true,
};

pub(super) const DEFAULT_CHANNEL: Setting = Setting {
    key: "default_channel",
    value_name: "N",
    help: "Channel of requests and imported events that name none",
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
    help: "Results of a page of the published APIs when nothing is asked for",
    accepts: || format!("a number from 1 to {PAGE_SIZE_MAX_MAX}"),
    default: || Some(ApiConfig::default().page_size_default.to_string()),
    scope: Scope::Serve,
    secret: false,
};

pub(super) const PAGE_SIZE_MAX: Setting = Setting {
    key: "page_size_max",
    value_name: "N",
    help: "Results of their largest page",
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
    help: "How long the commit of an append may take, with a synchronous standby that does not answer, before the client is told to send it again with the same uuids",
    accepts: || format!("a number of seconds from 1 to {SECONDS_MAX}"),
    default: || seconds(ApiConfig::default().append_timeout),
    scope: Scope::Serve,
    secret: false,
};

/// Ten seconds: what an index answers takes milliseconds, and a person who waits for longer has gone.
const QUERY_TIMEOUT_SECONDS_DEFAULT: u64 = 10;

pub(super) const QUERY_TIMEOUT_SECONDS: Setting = Setting {
    key: "query_timeout_seconds",
    value_name: "SECONDS",
    help: "How long a list, a count or another query of a client may take before it is ended and answered with 503",
    accepts: || format!("a number of seconds from 1 to {SECONDS_MAX}"),
    default: || Some(QUERY_TIMEOUT_SECONDS_DEFAULT.to_string()),
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
    help: "How long a client may take nothing of its answer before its connection ends",
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
    help: "What the program logs to stderr: a level, or levels by part such as warn,audit_http=debug",
    accepts: || "a log filter such as info or warn,audit_http=debug".to_owned(),
    default: || Some("info,actix_server=warn".to_owned()),
    scope: Scope::Every,
    secret: false,
};

pub(super) const LOG_FORMAT: Setting = Setting {
    key: "log_format",
    value_name: "FORMAT",
    help: "How: text or json [default: text when stderr is a terminal, else json]",
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

    #[test]
    fn secrets_are_masked_and_nothing_else() {
        assert_eq!(ADMIN_TOKEN.shown("0123456789abcdef"), "********");
        assert_eq!(DATABASE_URL.shown("postgres://me:secret@db/x"), "postgres://me:…@db/x");
        for plain in ["postgres://me@db/x", "sqlite://a.db"] {
            assert_eq!(DATABASE_URL.shown(plain), plain);
        }
        // Where a password would stand cannot be told: nothing of the value is shown.
        for unreadable in ["me:secret", "a@b://c"] {
            assert_eq!(DATABASE_URL.shown(unreadable), "…");
        }
        assert_eq!(PUBLIC_URL.shown("https://a.example/?x"), "https://a.example/?x");
    }
}
