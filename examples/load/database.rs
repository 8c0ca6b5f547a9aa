//! What the tool reads from the database itself, beside the server.

use std::path::Path;

use anyhow::Context;
use postgres::NoTls;
use rusqlite::OpenFlags;

/// Entries of all logs, and those of them that the index does not have. One statement, so both are of one moment.
const SIZES: &str = "SELECT CAST(COALESCE((SELECT SUM(next_position) FROM logs), 0) AS BIGINT),
                            CAST(COALESCE((SELECT SUM(size) FROM segments), 0) AS BIGINT)";

pub(crate) enum Database {
    Sqlite(rusqlite::Connection),
    Postgres(postgres::Client),
}

impl Database {
    pub(crate) fn sqlite(path: &Path) -> anyhow::Result<Database> {
        let conn = rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        Ok(Database::Sqlite(conn.with_context(|| format!("cannot open {}", path.display()))?))
    }

    pub(crate) fn postgres(url: &str) -> anyhow::Result<Database> {
        Ok(Database::Postgres(postgres::Client::connect(url, NoTls).context("cannot connect to PostgreSQL")?))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Database::Sqlite(_) => "SQLite",
            Database::Postgres(_) => "PostgreSQL",
        }
    }

    /// Entries of all logs.
    pub(crate) fn entries(&mut self) -> anyhow::Result<u64> {
        Ok(self.sizes()?.0)
    }

    /// Entries that the index does not have yet.
    pub(crate) fn behind(&mut self) -> anyhow::Result<u64> {
        let (entries, indexed) = self.sizes()?;
        Ok(entries - indexed)
    }

    fn sizes(&mut self) -> anyhow::Result<(u64, u64)> {
        let (entries, indexed): (i64, i64) = match self {
            Database::Sqlite(conn) => conn.query_row(SIZES, [], |row| Ok((row.get(0)?, row.get(1)?)))?,
            Database::Postgres(client) => {
                let row = client.query_one(SIZES, &[])?;
                (row.get(0), row.get(1))
            }
        };
        Ok((u64::try_from(entries)?, u64::try_from(indexed)?))
    }

    /// Size of a PostgreSQL database; SQLite's is that of its file.
    pub(crate) fn bytes(&mut self) -> anyhow::Result<Option<u64>> {
        let Database::Postgres(client) = self else { return Ok(None) };
        let bytes: i64 = client.query_one("SELECT pg_database_size(current_database())", &[])?.get(0);
        Ok(Some(u64::try_from(bytes)?))
    }
}
