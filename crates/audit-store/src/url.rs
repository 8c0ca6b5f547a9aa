//! Database URLs. diesel would take any text as the path of a SQLite file, so the scheme is checked here.

use std::path::{Path, PathBuf};

use crate::error::OpenError;

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DatabaseUrl {
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Reads `sqlite://path`; the path is taken as it is, relative to the working directory unless it starts with `/`.
    pub(crate) fn parse(url: &str) -> Result<DatabaseUrl, OpenError> {
        let refuse = |why: &str| Err(OpenError::Url { url: without_password(url), why: why.to_owned() });
        let Some((scheme, rest)) = url.split_once(':') else {
            return refuse("it has no scheme; use sqlite://path/to/audit.db");
        };
        match scheme {
            "sqlite" => {}
            "postgres" | "postgresql" => return refuse("PostgreSQL is not built in yet; use sqlite://path/to/audit.db"),
            _ => return refuse("its scheme is not known; use sqlite://path/to/audit.db"),
        }
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if path.is_empty() || path.ends_with('/') {
            return refuse("it names no file; use sqlite://path/to/audit.db");
        }
        if path.starts_with(":memory:") {
            return refuse("an audit log is not kept in memory; name a file");
        }
        if path.contains(['?', '#', '\0']) {
            return refuse("it has parameters; SQLite takes none here");
        }
        Ok(DatabaseUrl::Sqlite(PathBuf::from(path)))
    }

    /// For messages.
    pub(crate) fn display(&self) -> String {
        match self {
            DatabaseUrl::Sqlite(path) => path.display().to_string(),
        }
    }

    /// Whether there is something to open. A database server says that itself.
    pub(crate) fn exists(&self) -> bool {
        match self {
            DatabaseUrl::Sqlite(path) => path.exists(),
        }
    }

    pub(crate) fn directory(&self) -> Option<&Path> {
        match self {
            DatabaseUrl::Sqlite(path) => path.parent().filter(|parent| !parent.as_os_str().is_empty()),
        }
    }
}

/// `scheme://user:…@host` for messages.
fn without_password(url: &str) -> String {
    let Some((head, tail)) = url.split_once("://") else { return url.to_owned() };
    match tail.rsplit_once('@') {
        Some((user, host)) => format!("{head}://{}:…@{host}", user.split(':').next().unwrap_or("")),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_paths_and_refuses_everything_else_by_name() {
        let path = |url: &str| DatabaseUrl::parse(url).map(|u| u.display()).map_err(|e| e.to_string());
        assert_eq!(path("sqlite://audit-data/audit.db").unwrap(), "audit-data/audit.db");
        assert_eq!(path("sqlite:///srv/audit.db").unwrap(), "/srv/audit.db");
        assert_eq!(path("sqlite:audit.db").unwrap(), "audit.db");
        for bad in ["audit.db", "mysql://x", "sqlite://", "sqlite://dir/", "sqlite://:memory:", "sqlite://a?mode=ro"] {
            assert!(path(bad).unwrap_err().contains(bad), "{bad}");
        }
        assert!(!path("postgres://me:secret@db/audit").unwrap_err().contains("secret"));
    }
}
