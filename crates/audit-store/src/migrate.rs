//! The schema, and how a database gets it.

use crate::connection::DbConnection;
use crate::dialect;
use crate::error::OpenError;
use crate::url::DatabaseUrl;

/// Brings a database to the schema of this build. All pending migrations are one transaction: two servers that start at once
/// do not get in each other's way, and a failing one leaves nothing behind.
pub(crate) fn migrate(conn: &mut DbConnection, url: &DatabaseUrl) -> Result<(), OpenError> {
    let versions = dialect::run_migrations(conn).map_err(|why| OpenError::from_database(&url.display(), why))?;
    match versions.applied.into_iter().find(|version| !versions.known.contains(version)) {
        Some(migration) => Err(OpenError::NewerSchema { path: url.display(), migration }),
        None => Ok(()),
    }
}
