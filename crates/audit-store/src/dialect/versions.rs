//! The migrations that this build knows and those that a database has, in diesel's form.

use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::Text;
use diesel_migrations::EmbeddedMigrations;

/// The migrations of this build and the applied ones, by version.
pub(crate) struct Versions {
    /// Versions and names of the migrations of this build.
    pub(super) known: Vec<(String, String)>,
    pub(super) applied: Vec<String>,
}

impl Versions {
    /// The names of the migrations that the database lacks.
    pub(crate) fn pending(&self) -> Vec<String> {
        let pending = self.known.iter().filter(|(version, _)| !self.applied.contains(version));
        pending.map(|(_, name)| name.clone()).collect()
    }

    /// A version in the database that this build does not know.
    pub(crate) fn unknown(&self) -> Option<&str> {
        let is_known = |version: &String| self.known.iter().any(|(known, _)| known == version);
        self.applied.iter().find(|version| !is_known(version)).map(String::as_str)
    }

    /// Whether an unknown migration comes before the last known one: versions are dates.
    pub(crate) fn is_earlier(&self, unknown: &str) -> bool {
        self.known.last().is_some_and(|(last, _)| unknown < last.as_str())
    }
}

/// The versions and names of the migrations in a source, in order.
pub(super) fn known<DB: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Result<Vec<(String, String)>, String>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let source: Vec<Box<dyn Migration<DB>>> = source.migrations().map_err(|error| error.to_string())?;
    let mut known: Vec<_> = source.iter().map(|one| (one.name().version().to_string(), one.name().to_string())).collect();
    known.sort();
    Ok(known)
}

#[derive(QueryableByName)]
pub(super) struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// The texts that a query returns as `version`.
pub(super) fn versions<C: Connection>(conn: &mut C, query: &str) -> Result<Vec<String>, String>
where
    diesel::query_builder::SqlQuery: for<'a> LoadQuery<'a, C, Version>,
{
    let rows: Vec<Version> = diesel::sql_query(query).load(conn).map_err(|error| error.to_string())?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// The versions that a database has; none if it lacks the table of versions.
pub(super) fn applied<C: Connection>(conn: &mut C) -> Result<Vec<String>, String>
where
    diesel::query_builder::SqlQuery: for<'a> LoadQuery<'a, C, Version>,
{
    versions(conn, "SELECT version FROM __diesel_schema_migrations ORDER BY version")
}
