//! Checks the contents of a file: it is empty, has an audit log, or has the tables of another
//! program.

use std::path::Path;

use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::super::versions::{self, Versions};
use crate::error::OpenError;

/// The path goes through the crate's own symlink, so that a published package contains the files.
const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// The table of the applied migrations.
const VERSIONS: &str = "__diesel_schema_migrations";

/// Tables that every version of this program has created, and that no other program has together.
const OURS: [&str; 3] = [VERSIONS, "events", "logs"];

/// Tables of another program that the message names.
const NAMED_MAX: usize = 5;

/// Refuses a file that does not have an audit log, before anything is written to it. This program
/// never leaves an empty file, so an empty file may be in the place of a log.
pub(super) fn refuse_strange(conn: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let sql =
        "SELECT name AS version FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let path = path.display().to_string();
    let tables = versions::versions(conn, sql).map_err(|why| OpenError::from_database(&path, why))?;
    if OURS.iter().all(|ours| tables.iter().any(|table| table == ours)) {
        return Ok(());
    }
    if tables.is_empty() || tables == [VERSIONS] {
        return Err(OpenError::Empty { path });
    }
    let named: Vec<String> = tables.iter().take(NAMED_MAX).map(|table| format!("`{}`", table.escape_debug())).collect();
    Err(OpenError::NotOurs { path, tables: named.join(", ") })
}

/// Runs pending migrations in one transaction, unless the database has a migration that this build
/// does not know.
pub(in super::super) fn run_migrations(conn: &mut SqliteConnection) -> Result<Versions, String> {
    // A database that is up to date is not written, so a program that only reads works on a
    // read-only file.
    let there = read_versions(conn)?;
    if there.pending().is_empty() {
        return Ok(there);
    }
    let known = versions::known::<Sqlite>(&MIGRATIONS)?;
    let done = conn.immediate_transaction(|conn| {
        let applied = conn.applied_migrations().map_err(DieselError::QueryBuilderError)?;
        let versions = Versions { known, applied: applied.iter().map(ToString::to_string).collect() };
        if versions.unknown().is_none() {
            conn.run_pending_migrations(MIGRATIONS).map_err(DieselError::QueryBuilderError)?;
        }
        Ok::<_, DieselError>(versions)
    });
    done.map_err(|error| error.to_string())
}

pub(in super::super) fn read_versions(conn: &mut SqliteConnection) -> Result<Versions, String> {
    let table = format!("SELECT name AS version FROM sqlite_master WHERE type = 'table' AND name = '{VERSIONS}'");
    let is_there = !versions::versions(conn, &table)?.is_empty();
    let applied = if is_there { versions::applied(conn)? } else { Vec::new() };
    Ok(Versions { known: versions::known::<Sqlite>(&MIGRATIONS)?, applied })
}
