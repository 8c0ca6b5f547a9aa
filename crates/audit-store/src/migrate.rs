//! The schema, and how a database gets it.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::StoreConfig;
use crate::connection::{DbConnection, Purpose};
use crate::dialect::{self, RolePrivileges, Trial, Versions};
use crate::error::{OpenError, StoreError};
use crate::url::DatabaseUrl;

/// What bringing a schema up to date did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The database, for messages.
    pub location: String,
    /// Whether there was none before.
    pub made: bool,
    /// The migrations that were missing, in their order.
    pub applied: Vec<String>,
}

/// How a database stands to this build, looked at without changing what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The migrations that are missing, in their order.
    pub pending: Vec<String>,
    /// A migration that this build does not know: the database is newer.
    pub unknown: Option<String>,
    /// Whether the migration that this build does not know is older than its own: the version that made it was given up.
    pub is_earlier: bool,
    /// Whether somebody has been writing for as long as a short write takes many times over.
    pub locked: bool,
    /// Why nothing can be written, and what to do.
    pub unwritable: Option<String>,
    /// What the role of the connection may do that the program does not need; see
    /// [`Store::excess_privileges`](crate::Store::excess_privileges).
    pub excess_privileges: Vec<String>,
    /// Rights that the role needs and has not, such as `INSERT events`.
    pub missing_privileges: Vec<String>,
}

/// Writes take milliseconds: a program that holds the lock for this long holds it for good, as far as a person who asks is concerned.
const PATIENCE: Duration = Duration::from_secs(2);

/// Brings a database to the schema of this build. All pending migrations are one transaction: two servers that start at once
/// do not get in each other's way, and a failing one leaves nothing behind. Returns the ones that were pending.
pub(crate) fn migrate(conn: &mut DbConnection, url: &DatabaseUrl) -> Result<Vec<String>, OpenError> {
    let versions = dialect::run_migrations(conn).map_err(|why| OpenError::from_database(&url.display(), why))?;
    refuse_unknown(&versions, url)?;
    Ok(versions.pending())
}

/// Refuses the schema of another version, which this one cannot bring up to date.
pub(crate) fn refuse_unknown(versions: &Versions, url: &DatabaseUrl) -> Result<(), OpenError> {
    let Some(migration) = versions.unknown() else { return Ok(()) };
    let (path, migration) = (url.display(), migration.to_owned());
    Err(match versions.is_earlier(&migration) {
        true => OpenError::EarlierSchema { path, migration },
        false => OpenError::NewerSchema { path, migration },
    })
}

/// Refuses a role that could change or delete entries, or that would make the tables and so own them.
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
    /// Where the database is, for messages; opens nothing.
    ///
    /// # Errors
    /// [`OpenError::Url`]
    pub fn location(&self) -> Result<String, OpenError> {
        Ok(self.url()?.display())
    }

    /// Makes the database if there is none and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn migrate(&self) -> Result<Migrated, OpenError> {
        let url = self.url()?;
        let made = dialect::make_if_missing(&url)?;
        let applied = migrate(&mut dialect::open(&url, Purpose::Write)?, &url)?;
        Ok(Migrated { location: url.display(), made: made.is_some(), applied: made.unwrap_or(applied) })
    }

    /// Looks whether the database opens, keeps what is written, has the schema of this build, and can be written.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Missing`] when there is no database.
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
            // Without its tables there is nothing to try on.
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

    /// Gives a role of the database server what a program that reads and appends needs, and takes everything else from it. Run by
    /// the owner of the tables. `false` for SQLite, which has no roles.
    ///
    /// # Errors
    /// [`OpenError`]
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

    /// The file of an embedded database; opens nothing.
    ///
    /// # Errors
    /// [`OpenError::Url`]
    pub fn file(&self) -> Result<Option<PathBuf>, OpenError> {
        Ok(self.url()?.file().map(|file| file.path().to_owned()))
    }
}
