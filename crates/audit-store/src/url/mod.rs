//! Database URLs. diesel would take any text as the path of a SQLite file, so the scheme is checked here.

mod postgres;

use std::path::PathBuf;

pub(crate) use postgres::PostgresUrl;

use crate::error::OpenError;
use crate::sqlite_file::SqliteFile;

/// The place of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DatabaseUrl {
    Sqlite(SqliteFile),
    Postgres(PostgresUrl),
}

/// The accepted forms of a URL, for messages.
const ACCEPTED: &str = "use sqlite://path/to/audit.db or postgres://user@host/database";

impl DatabaseUrl {
    /// Parses `sqlite://path` (the path is taken as it is, relative to the working directory unless
    /// it starts with `/`) or `postgres://…`, as libpq reads it.
    pub(crate) fn parse(url: &str) -> Result<DatabaseUrl, OpenError> {
        let refuse = |why: String| Err(OpenError::Url { url: without_secrets(url), why });
        let Some((scheme, rest)) = url.split_once(':') else { return refuse(format!("it has no scheme; {ACCEPTED}")) };
        let parsed = match scheme {
            "sqlite" => sqlite(rest).map(SqliteFile::new).map(DatabaseUrl::Sqlite),
            "postgres" | "postgresql" => PostgresUrl::parse(url).map(DatabaseUrl::Postgres),
            _ => return refuse(format!("its scheme is not known; {ACCEPTED}")),
        };
        parsed.or_else(|why| refuse(why.to_owned()))
    }

    /// The same database through a pooler that may give each transaction to another server process.
    #[must_use]
    pub(crate) fn through_transaction_pooler(self, pooled: bool) -> DatabaseUrl {
        match self {
            DatabaseUrl::Postgres(mut url) => {
                url.is_pooled = pooled;
                DatabaseUrl::Postgres(url)
            }
            sqlite @ DatabaseUrl::Sqlite(_) => sqlite,
        }
    }

    /// The place of the database, for messages.
    pub(crate) fn display(&self) -> String {
        match self {
            DatabaseUrl::Sqlite(file) => file.path().display().to_string(),
            DatabaseUrl::Postgres(url) => url.display().to_owned(),
        }
    }

    /// Whether there is a database to open. A database server reports this itself.
    pub(crate) fn exists(&self) -> bool {
        match self {
            DatabaseUrl::Sqlite(file) => file.path().exists(),
            DatabaseUrl::Postgres(_) => true,
        }
    }

    /// The file of an embedded database.
    pub(crate) fn file(&self) -> Option<&SqliteFile> {
        match self {
            DatabaseUrl::Sqlite(file) => Some(file),
            DatabaseUrl::Postgres(_) => None,
        }
    }
}

fn sqlite(rest: &str) -> Result<PathBuf, &'static str> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.ends_with('/') {
        return Err("it names no file; use sqlite://path/to/audit.db");
    }
    if path.starts_with(":memory:") {
        return Err("an audit log is not kept in memory; name a file");
    }
    if path.contains(['?', '#', '\0']) {
        return Err("it has parameters; SQLite takes none here");
    }
    Ok(PathBuf::from(path))
}

/// Parameters of libpq without secrets. Messages show nothing of other parameters, or of text that
/// is not a parameter.
const SHOWN: [&str; 38] = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "connect_timeout",
    "client_encoding",
    "options",
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "replication",
    "gssencmode",
    "sslmode",
    "requiressl",
    "sslnegotiation",
    "sslcompression",
    "sslcert",
    "sslkey",
    "sslrootcert",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "requirepeer",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "krbsrvname",
    "gsslib",
    "service",
    "target_session_attrs",
    "load_balance_hosts",
    "channel_binding",
    "require_auth",
    "passfile",
];

/// Removes the passwords from a database URL, for messages. If it is not clear which part is the
/// password, only the scheme is left.
#[must_use]
pub fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        // A path, or a text that was meant as the URL of a server.
        let is_plain = url.starts_with("sqlite:") || !url.contains(['@', '=', ' ', ':']);
        return if is_plain { url.to_owned() } else { "…".to_owned() };
    };
    if scheme == "sqlite" {
        return url.to_owned();
    }
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let (authority, path) = place.split_once('/').map_or((place, ""), |(authority, _)| (authority, &place[authority.len()..]));
    let unclear = path.contains('@') || query.is_some_and(|query| query.contains('@')) || rest.contains('#');
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if unclear || !is_name(scheme) {
        return if is_name(scheme) { format!("{scheme}://…") } else { "…".to_owned() };
    }
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:…@{host}"),
            None => format!("{user}@{host}"),
        },
        None => authority.to_owned(),
    };
    let query = query.map(|query| format!("?{}", query.split('&').map(parameter).collect::<Vec<_>>().join("&")));
    format!("{scheme}://{authority}{path}{}", query.unwrap_or_default())
}

fn parameter(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) if SHOWN.contains(&name) => pair.to_owned(),
        Some((name, _)) => format!("{name}=…"),
        None => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> Result<String, String> {
        DatabaseUrl::parse(url).map(|url| url.display()).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_paths_and_refuses_everything_else_by_name() {
        assert_eq!(shown("sqlite://audit-data/audit.db").unwrap(), "audit-data/audit.db");
        assert_eq!(shown("sqlite:///srv/audit.db").unwrap(), "/srv/audit.db");
        assert_eq!(shown("sqlite:audit.db").unwrap(), "audit.db");
        for bad in ["audit.db", "mysql://x", "sqlite://", "sqlite://dir/", "sqlite://:memory:", "sqlite://a?mode=ro"] {
            assert!(shown(bad).unwrap_err().contains(bad), "{bad}");
        }
    }

    #[test]
    fn reads_servers_and_says_what_a_url_lacks() {
        assert_eq!(shown("postgres://me@db:5433/audit").unwrap(), "postgres://me@db:5433/audit");
        assert_eq!(shown("postgresql:///audit?host=%2Frun&user=me").unwrap(), "postgresql:///audit?host=%2Frun&user=me");
        assert!(shown("postgres://me@db").unwrap_err().contains("it names no database"));
        assert!(shown("postgres:audit").unwrap_err().contains("postgres://user@host/database"));
    }

    /// Whatever is wrong with a URL, no log shows its password.
    #[test]
    fn a_password_is_never_shown() {
        for url in [
            "postgres://me:s3cret@db/audit",
            "postgres://me:s3cret@db",
            "postgres://me:s3cret/x@db/audit",
            "postgres://me:s3cret?x@db/audit",
            "postgres://me:s3cret#x@db/audit",
            "postgres://me@db/audit?password=s3cret&sslpassword=s3cret",
            "mysql://me:s3cret@db/audit",
            "postgres://me:x@s3cret@db/audit",
            "host=db password=s3cret dbname=audit",
            "postgres:me:s3cret@db/audit",
            "postgres//me:s3cret@db/audit",
            "me:s3cret@db/audit",
            "postgres://me:100%s3cret@db/audit",
            "postgres://me:s3cret%00@db/audit",
            "postgres://me:s3cret@[::1/audit",
            "postgres://me@db/audit?password=a&s3cret",
            "postgres://me@db/audit?pass%77ord=s3cret",
            "password=s3cret://db",
        ] {
            let (shown, debugged) = (shown(url), format!("{:?}", DatabaseUrl::parse(url)));
            assert!(!format!("{shown:?}").contains("s3cret") && !debugged.contains("s3cret"), "{shown:?} {debugged}");
        }
        assert_eq!(shown("postgres://me:s3cret@db/audit").unwrap(), "postgres://me:…@db/audit");
        assert!(shown("postgres://me:a/b@db/audit").unwrap_err().contains("percent-encoded"));
    }
}
