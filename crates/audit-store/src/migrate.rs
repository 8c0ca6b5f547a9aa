//! The schema of a database and its migrations.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::StoreConfig;
use crate::connection::{DbConnection, Purpose};
use crate::dialect::{self, RolePrivileges, Trial, Versions};
use crate::error::{OpenError, StoreError};
use crate::url::DatabaseUrl;

/// The result of bringing a schema up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The database, for messages.
    pub location: String,
    /// Whether the database was created.
    pub made: bool,
    /// The applied migrations, in order.
    pub applied: Vec<String>,
}

/// The state of a database for this build, found without changing its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The missing migrations, in order.
    pub pending: Vec<String>,
    /// A migration that this build does not know, which means that the database is newer.
    pub unknown: Option<String>,
    /// Whether the unknown migration is older than this build's own, which means that its version
    /// was abandoned.
    pub is_earlier: bool,
    /// Whether another process was writing for many times as long as a short write takes.
    pub locked: bool,
    /// The reason why nothing can be written, and the advice.
    pub unwritable: Option<String>,
    /// The privileges of the connection's role that the program does not need; see
    /// [`Store::excess_privileges`](crate::Store::excess_privileges).
    pub excess_privileges: Vec<String>,
    /// The privileges that the role needs and lacks, such as `INSERT events`.
    pub missing_privileges: Vec<String>,
}

/// Writes take milliseconds. For an operator, a program that holds the lock for this long holds it
/// permanently.
const PATIENCE: Duration = Duration::from_secs(2);

/// Brings a database to the schema of this build. All pending migrations run in one transaction. So
/// two servers that start at once do not get in each other's way, and a failed migration leaves
/// nothing. Returns the migrations that were pending.
pub(crate) fn migrate(conn: &mut DbConnection, url: &DatabaseUrl) -> Result<Vec<String>, OpenError> {
    let versions = dialect::run_migrations(conn).map_err(|why| OpenError::from_database(&url.display(), why))?;
    refuse_unknown(&versions, url)?;
    Ok(versions.pending())
}

/// Refuses the schema of another version that this version cannot bring up to date.
pub(crate) fn refuse_unknown(versions: &Versions, url: &DatabaseUrl) -> Result<(), OpenError> {
    let Some(migration) = versions.unknown() else { return Ok(()) };
    let (path, migration) = (url.display(), migration.to_owned());
    Err(match versions.is_earlier(&migration) {
        true => OpenError::EarlierSchema { path, migration },
        false => OpenError::NewerSchema { path, migration },
    })
}

/// Refuses a role that could change or delete entries, and a role that would create the tables and
/// so own them.
pub(crate) fn check_role_privileges(conn: &mut DbConnection, url: &DatabaseUrl) -> Result<(), OpenError> {
    let fail = |why| OpenError::from_database(&url.display(), why);
    let Some(RolePrivileges { role, excess, .. }) = dialect::role_privileges(conn).map_err(|error| fail(error.to_string()))? else {
        return Ok(());
    };
    if !excess.is_empty() {
        return Err(OpenError::ExcessPrivileges { path: url.display(), role, what: excess.join(", ") });
    }
    match dialect::read_versions(conn).map_err(fail)?.pending().first() {
        Some(migration) => Err(OpenError::OldSchema { path: url.display(), migration: migration.clone() }),
        None => Ok(()),
    }
}

impl StoreConfig {
    /// The place of the database, for messages. Opens nothing.
    ///
    /// # Errors
    ///
    /// [`OpenError::Url`]: the URL is not one of SQLite or PostgreSQL.
    pub fn location(&self) -> Result<String, OpenError> {
        Ok(self.url()?.display())
    }

    /// Creates the database if it does not exist, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: the URL is not valid, the directory or the file cannot be made, the database
    /// does not answer or cannot be written, it is not an audit log, or its schema is of a version
    /// that this one does not know.
    pub fn migrate(&self) -> Result<Migrated, OpenError> {
        let url = self.url()?;
        let made = dialect::make_if_missing(&url)?;
        let applied = migrate(&mut dialect::open(&url, Purpose::Write)?, &url)?;
        Ok(Migrated { location: url.display(), made: made.is_some(), applied: made.unwrap_or(applied) })
    }

    /// Checks whether the database opens, keeps what is written, has the schema of this build, and
    /// can be written.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] if the database does not exist. Any other [`OpenError`] if the URL is not
    /// valid, the database does not answer, or it is not an audit log.
    pub fn inspect(&self) -> Result<Inspection, OpenError> {
        let url = self.url()?;
        if !url.exists() {
            dialect::refuse_orphans(&url)?;
            return Err(OpenError::Missing { path: url.display() });
        }
        let fail = |why| OpenError::from_database(&url.display(), why);
        let mut conn = dialect::open(&url, Purpose::Write)?;
        let versions = dialect::read_versions(&mut conn).map_err(fail)?;
        let mut trial = || match versions.pending().is_empty() {
            true => dialect::try_write(&mut conn, PATIENCE).map_err(|error| StoreError::from(error).seen_on(&mut conn)),
            // Without its tables there is nothing to write to.
            false => Ok(Trial::Done),
        };
        let (locked, unwritable) = match trial() {
            Ok(trial) => (trial == Trial::Locked, None),
            Err(error) => (false, Some(error.to_string())),
        };
        let privileges = dialect::role_privileges(&mut conn).map_err(|error| fail(error.to_string()))?;
        let missing_privileges = privileges.as_ref().map(|privileges| privileges.missing.clone()).unwrap_or_default();
        let excess_privileges = privileges.map(RolePrivileges::into_excess_sentences).unwrap_or_default();
        let (pending, unknown) = (versions.pending(), versions.unknown().map(str::to_owned));
        let is_earlier = unknown.as_deref().is_some_and(|migration| versions.is_earlier(migration));
        Ok(Inspection { pending, unknown, is_earlier, locked, unwritable, excess_privileges, missing_privileges })
    }

    /// Grants a role of the database server the privileges that a program needs for reads and
    /// appends, and revokes all others. The owner of the tables must run this. Returns `false` for
    /// SQLite, which has no roles.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: the URL is not valid, the server does not answer, or the role has other
    /// privileges afterwards than it needs.
    pub fn grant(&self, role: &str) -> Result<bool, OpenError> {
        let url = self.url()?;
        if url.file().is_some() {
            return Ok(false);
        }
        let fail = |error: diesel::result::Error| OpenError::from_database(&url.display(), error.to_string());
        let granted = dialect::grant(&mut dialect::open(&url, Purpose::Write)?, role).map_err(fail)?;
        match granted {
            Some(RolePrivileges { role, excess, .. }) if !excess.is_empty() => {
                Err(OpenError::ExcessPrivileges { path: url.display(), role, what: excess.join(", ") })
            }
            Some(RolePrivileges { role, missing, .. }) if !missing.is_empty() => {
                let why = format!("`{role}` still lacks {}; grant as the owner of the tables", missing.join(", "));
                Err(OpenError::Database { path: url.display(), why })
            }
            granted => Ok(granted.is_some()),
        }
    }

    /// The file of an embedded database. Opens nothing.
    ///
    /// # Errors
    ///
    /// [`OpenError::Url`]: the URL is not one of SQLite or PostgreSQL.
    pub fn file(&self) -> Result<Option<PathBuf>, OpenError> {
        Ok(self.url()?.file().map(|file| file.path().to_owned()))
    }
}
