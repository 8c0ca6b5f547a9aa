//! The schema, and how a database gets it.

use std::path::{Path, PathBuf};

use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::Text;
use diesel_migrations::EmbeddedMigrations;

use crate::config::StoreConfig;
use crate::connection::{DbConnection, Purpose};
use crate::dialect::{self, Powers};
use crate::error::OpenError;
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
    /// Whether somebody has been writing for as long as a short write takes many times over.
    pub locked: bool,
    /// What the role of the connection may do that the program does not need; see [`Store::powers`](crate::Store::powers).
    pub powers: Vec<String>,
}

/// Brings a database to the schema of this build. All pending migrations are one transaction: two servers that start at once
/// do not get in each other's way, and a failing one leaves nothing behind. Returns the ones that were pending.
pub(crate) fn migrate(conn: &mut DbConnection, url: &DatabaseUrl) -> Result<Vec<String>, OpenError> {
    let versions = dialect::run_migrations(conn).map_err(|why| OpenError::from_database(&url.display(), why))?;
    match versions.unknown() {
        Some(migration) => Err(OpenError::NewerSchema { path: url.display(), migration: migration.to_owned() }),
        None => Ok(versions.pending()),
    }
}

/// The migrations this build knows and the ones a database had, by version.
pub(crate) struct Versions {
    /// With their names.
    pub(crate) known: Vec<(String, String)>,
    pub(crate) applied: Vec<String>,
}

impl Versions {
    /// Names of those that the database did not have.
    pub(crate) fn pending(&self) -> Vec<String> {
        let pending = self.known.iter().filter(|(version, _)| !self.applied.contains(version));
        pending.map(|(_, name)| name.clone()).collect()
    }

    /// A version of the database that this build does not know.
    pub(crate) fn unknown(&self) -> Option<&str> {
        let is_known = |version: &String| self.known.iter().any(|(known, _)| known == version);
        self.applied.iter().find(|version| !is_known(version)).map(String::as_str)
    }
}

/// Versions and names of the migrations of a database, in their order.
pub(crate) fn known<DB: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Result<Vec<(String, String)>, String>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let source: Vec<Box<dyn Migration<DB>>> = source.migrations().map_err(|error| error.to_string())?;
    let mut known: Vec<_> = source.iter().map(|one| (one.name().version().to_string(), one.name().to_string())).collect();
    known.sort();
    Ok(known)
}

#[derive(QueryableByName)]
pub(crate) struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Texts that a query gives as `version`.
pub(crate) fn versions<C: Connection>(conn: &mut C, query: &str) -> Result<Vec<String>, String>
where
    diesel::query_builder::SqlQuery: for<'a> LoadQuery<'a, C, Version>,
{
    let rows: Vec<Version> = diesel::sql_query(query).load(conn).map_err(|error| error.to_string())?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// The versions that a database had, where there is the table of them.
pub(crate) fn applied<C: Connection>(conn: &mut C) -> Result<Vec<String>, String>
where
    diesel::query_builder::SqlQuery: for<'a> LoadQuery<'a, C, Version>,
{
    versions(conn, "SELECT version FROM __diesel_schema_migrations ORDER BY version")
}

/// Refuses a role that could rewrite the log, or that would make the tables and so own them.
pub(crate) fn refuse_powerful_role(conn: &mut DbConnection, url: &DatabaseUrl) -> Result<(), OpenError> {
    let fail = |why| OpenError::from_database(&url.display(), why);
    let Some(Powers { role, mut excess }) = dialect::powers(conn).map_err(|error| fail(error.to_string()))? else { return Ok(()) };
    if excess.is_empty() && !dialect::read_versions(conn).map_err(fail)?.pending().is_empty() {
        excess.push("would own tables that are not there yet, which is for `audit-server migrate` as the owner".to_owned());
    }
    match excess.is_empty() {
        true => Ok(()),
        false => Err(OpenError::Powerful { path: url.display(), role, what: excess.join(", ") }),
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
        let made = !url.exists();
        dialect::make_files(&url)?;
        let applied = migrate(&mut dialect::open(&url, Purpose::Write)?, &url)?;
        Ok(Migrated { location: url.display(), made, applied })
    }

    /// Looks whether the database opens, keeps what is written, has the schema of this build, and can be written.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Missing`] when there is no database.
    pub fn inspect(&self) -> Result<Inspection, OpenError> {
        let url = self.url()?;
        if !url.exists() {
            return Err(OpenError::Missing { path: url.display() });
        }
        let fail = |why| OpenError::from_database(&url.display(), why);
        let mut conn = dialect::open(&url, Purpose::Write)?;
        let versions = dialect::read_versions(&mut conn).map_err(fail)?;
        let locked = dialect::is_locked_for_long(&mut conn).map_err(fail)?;
        let powers = dialect::powers(&mut conn).map_err(|error| fail(error.to_string()))?;
        let powers = powers.map(Powers::into_sentences).unwrap_or_default();
        Ok(Inspection { pending: versions.pending(), unknown: versions.unknown().map(str::to_owned), locked, powers })
    }

    /// Gives a role of the database server what a program that appends and reads needs, and takes everything else from it. Run by
    /// the owner of the tables. `false` for SQLite, which has no roles.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn grant(&self, role: &str) -> Result<bool, OpenError> {
        let url = self.url()?;
        if url.file().is_some() {
            return Ok(false);
        }
        let granted = dialect::grant(&mut dialect::open(&url, Purpose::Write)?, role);
        granted.map(|()| true).map_err(|error| OpenError::from_database(&url.display(), error.to_string()))
    }

    /// The file of an embedded database; opens nothing.
    ///
    /// # Errors
    /// [`OpenError::Url`]
    pub fn file(&self) -> Result<Option<PathBuf>, OpenError> {
        Ok(self.url()?.file().map(Path::to_owned))
    }
}
