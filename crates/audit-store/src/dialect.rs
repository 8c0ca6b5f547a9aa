//! The only place that knows which database it is talking to.

use std::fs::{DirBuilder, OpenOptions};
use std::time::{Duration, Instant};

use audit_domain::{Keys, PreparedEntry};
use diesel::connection::{CacheSize, SimpleConnection};
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::upsert::excluded;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::connection::{DbConnection, Purpose};
use crate::counters::Delta;
use crate::error::OpenError;
use crate::row::{NewActionLogRow, NewEventRow, Placement};
use crate::schema::{action_logs, events, logs};
use crate::url::DatabaseUrl;

/// Opens a connection with everything set that durability and the guards depend on, and reads the settings back.
pub(crate) fn open(url: &DatabaseUrl, purpose: Purpose) -> Result<DbConnection, OpenError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let path = path.display().to_string();
            open_sqlite(&path, purpose).map(DbConnection::Sqlite)
        }
    }
}

/// Makes the directory and the file of a database that are missing, for their owner alone: events tell of persons. What is there
/// keeps its mode, and the files that SQLite puts beside the database take the mode of it.
pub(crate) fn make_files(url: &DatabaseUrl) -> Result<(), OpenError> {
    let DatabaseUrl::Sqlite(path) = url;
    if let Some(directory) = url.directory() {
        private_directories()
            .create(directory)
            .map_err(|error| OpenError::Directory { path: directory.display().to_string(), why: error.to_string() })?;
    }
    // Never one that is there: closing it would give up the locks that this process has on it.
    match private_file().create_new(true).open(path) {
        Err(error) if !path.exists() => Err(OpenError::from_database(&url.display(), error.to_string())),
        _ => Ok(()),
    }
}

fn private_directories() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Wait this long for another process's write: an import beside a running server is short of a second.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);

fn open_sqlite(path: &str, purpose: Purpose) -> Result<SqliteConnection, OpenError> {
    let fail = |why: String| OpenError::from_database(path, why);
    // `./` keeps a name such as `file:x` from being read as a URI.
    let file = if path.starts_with('/') { path.to_owned() } else { format!("./{path}") };
    let mut conn = SqliteConnection::establish(&file).map_err(|error| fail(error.to_string()))?;
    let of_purpose = match purpose {
        Purpose::Read | Purpose::PointRead => "PRAGMA query_only = ON;",
        // A trigger makes SQLite keep the pages that one INSERT changes, to undo it alone. Ten indexes soon make them more than
        // it keeps in memory by default: a temporary file, some 25 writes a row, and a third of the time of a raw insert.
        Purpose::Write => "PRAGMA temp_store = MEMORY;",
    };
    let busy_timeout_ms = SQLITE_BUSY_TIMEOUT.as_millis();
    let settings = format!(
        "PRAGMA busy_timeout = {busy_timeout_ms};
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA recursive_triggers = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -16384;
         {of_purpose}"
    );
    let start = Instant::now();
    while let Err(error) = conn.batch_execute(&settings) {
        // Two that turn a fresh file to WAL at once are in each other's way, and SQLite does not let them wait for it.
        if !is_locked(&error) || start.elapsed() >= SQLITE_BUSY_TIMEOUT {
            return Err(fail(error.to_string()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    if purpose == Purpose::Read {
        conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    }
    for (setting, wanted) in [("journal_mode", "wal"), ("synchronous", "2"), ("recursive_triggers", "1")] {
        let actual = pragma(&mut conn, setting).map_err(|error| fail(error.to_string()))?;
        if actual != wanted {
            return Err(OpenError::NotDurable { path: path.to_owned(), setting, actual });
        }
    }
    Ok(conn)
}

/// Whether another connection keeps the lock, and did for as long as this one was to wait.
pub(crate) fn is_locked(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, info) if info.message() == "database is locked")
}

fn pragma(conn: &mut SqliteConnection, name: &'static str) -> QueryResult<String> {
    #[derive(QueryableByName)]
    struct Value {
        #[diesel(sql_type = Text)]
        value: String,
    }
    let query = format!("SELECT CAST({name} AS TEXT) AS value FROM pragma_{name}");
    Ok(diesel::sql_query(query).get_result::<Value>(conn)?.value)
}

/// The migrations this build knows and the ones a database had, by version.
pub(crate) struct Versions {
    /// With their names.
    known: Vec<(String, String)>,
    applied: Vec<String>,
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

/// Through the crate's own symlink, so that a published package holds the files.
const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Runs what is pending, in one transaction, unless the database is newer than this build.
pub(crate) fn run_migrations(conn: &mut DbConnection) -> Result<Versions, String> {
    match conn {
        DbConnection::Sqlite(sqlite) => {
            let known = known_migrations()?;
            let versions = sqlite.immediate_transaction(|conn| {
                let applied = conn.applied_migrations().map_err(diesel::result::Error::QueryBuilderError)?;
                let versions = Versions { known, applied: applied.iter().map(ToString::to_string).collect() };
                if versions.unknown().is_none() {
                    conn.run_pending_migrations(SQLITE_MIGRATIONS).map_err(diesel::result::Error::QueryBuilderError)?;
                }
                Ok::<_, diesel::result::Error>(versions)
            });
            versions.map_err(|error| error.to_string())
        }
    }
}

fn known_migrations() -> Result<Vec<(String, String)>, String> {
    let source = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE_MIGRATIONS).map_err(|error| error.to_string())?;
    let mut known: Vec<_> = source.iter().map(|one| (one.name().version().to_string(), one.name().to_string())).collect();
    known.sort();
    Ok(known)
}

/// What [`run_migrations`] would find, without the table that diesel makes to look it up.
pub(crate) fn read_versions(conn: &mut DbConnection) -> Result<Versions, String> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let DbConnection::Sqlite(sqlite) = conn;
    let load = |conn: &mut SqliteConnection, query: &str| -> Result<Vec<String>, String> {
        let rows = diesel::sql_query(query).load::<Version>(conn).map_err(|error| error.to_string())?;
        Ok(rows.into_iter().map(|row| row.version).collect())
    };
    let table = "SELECT name AS version FROM sqlite_master WHERE type = 'table' AND name = '__diesel_schema_migrations'";
    let is_there = !load(sqlite, table)?.is_empty();
    let applied =
        if is_there { load(sqlite, "SELECT version FROM __diesel_schema_migrations ORDER BY version")? } else { Vec::new() };
    Ok(Versions { known: known_migrations()?, applied })
}

/// The size of the database.
pub(crate) fn database_bytes(conn: &mut DbConnection) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = BigInt)]
        bytes: i64,
    }
    let DbConnection::Sqlite(sqlite) = conn;
    let query = "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size";
    Ok(diesel::sql_query(query).get_result::<Size>(sqlite)?.bytes)
}

/// Writes take milliseconds: whoever holds the lock for this long holds it for good, as far as a person who asks is concerned.
const SQLITE_LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Whether another process keeps this connection from writing.
pub(crate) fn is_locked_for_long(conn: &mut DbConnection) -> Result<bool, String> {
    let DbConnection::Sqlite(sqlite) = conn;
    let patience_ms = SQLITE_LOCK_PATIENCE.as_millis();
    let taken = sqlite.batch_execute(&format!("PRAGMA busy_timeout = {patience_ms}; BEGIN IMMEDIATE; ROLLBACK;"));
    match taken {
        Ok(()) => Ok(false),
        Err(error) if is_locked(&error) => Ok(true),
        Err(error) => Err(error.to_string()),
    }
}

/// Runs a write. SQLite takes its one write lock at the start: a lock taken later could fail in the middle.
pub(crate) fn write<T, E: From<diesel::result::Error>>(
    conn: &mut DbConnection,
    run: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    match conn {
        DbConnection::Sqlite(sqlite) => sqlite.batch_execute("BEGIN IMMEDIATE")?,
    }
    let outcome = run(conn).and_then(|value| end(conn, "COMMIT").map(|()| value).map_err(E::from));
    if outcome.is_err()
        && let Err(error) = end(conn, "ROLLBACK")
    {
        // SQLite rolls back by itself after some errors, and then says that there is nothing to roll back.
        tracing::debug!(%error, "rollback");
    }
    outcome
}

fn end(conn: &mut DbConnection, statement: &str) -> QueryResult<()> {
    match conn {
        DbConnection::Sqlite(sqlite) => sqlite.batch_execute(statement),
    }
}

/// Runs reads in one snapshot: they see the same commit.
pub(crate) fn snapshot<T, E: From<diesel::result::Error>>(
    conn: &mut DbConnection,
    run: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    conn.transaction(run)
}

/// Makes the head row of a log unless it is there, and locks it until the transaction ends (in SQLite, the transaction has
/// the only write lock already). Returns its next position and last `recorded_at`.
pub(crate) fn lock_head(conn: &mut DbConnection, channel_id: i64, stream: i16) -> QueryResult<(i64, i64)> {
    match conn {
        DbConnection::Sqlite(sqlite) => {
            let head = logs::table.find((channel_id, stream)).select((logs::next_position, logs::recorded_at));
            if let Some(head) = head.load(sqlite)?.into_iter().next() {
                return Ok(head);
            }
            // No `ON CONFLICT`: it fires the trigger that keeps heads from being replaced.
            diesel::insert_into(logs::table)
                .values((
                    logs::channel_id.eq(channel_id),
                    logs::stream.eq(stream),
                    logs::next_position.eq(0),
                    logs::recorded_at.eq(0),
                ))
                .execute(sqlite)?;
            Ok((0, 0))
        }
    }
}

/// Inserts entries, in the fastest form measured for the database: for SQLite, one prepared statement in a loop.
pub(crate) fn insert(conn: &mut DbConnection, placed: &[(&PreparedEntry, Placement)]) -> QueryResult<()> {
    match conn {
        DbConnection::Sqlite(sqlite) => {
            for (entry, placement) in placed {
                let uuid = entry.uuid().into_bytes();
                match entry.keys() {
                    Keys::Event(keys) => {
                        let row = NewEventRow::new(entry, keys, &uuid, placement);
                        diesel::insert_into(events::table).values(row).execute(sqlite)?;
                    }
                    Keys::ActionLog(keys) => {
                        let row = NewActionLogRow::new(entry, keys, &uuid, placement);
                        diesel::insert_into(action_logs::table).values(row).execute(sqlite)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Adds to the counters of a batch.
pub(crate) fn count(conn: &mut DbConnection, delta: &Delta) -> QueryResult<()> {
    match conn {
        DbConnection::Sqlite(sqlite) => {
            for ((channel_id, stream, dimension, key), added) in &delta.all_time {
                use crate::schema::counters as c;
                diesel::insert_into(c::table)
                    .values((
                        c::channel_id.eq(channel_id),
                        c::stream.eq(stream),
                        c::dimension.eq(dimension),
                        c::key.eq(key),
                        c::count.eq(added),
                    ))
                    .on_conflict((c::channel_id, c::stream, c::dimension, c::key))
                    .do_update()
                    .set(c::count.eq(c::count + excluded(c::count)))
                    .execute(sqlite)?;
            }
            for (((channel_id, stream, dimension, key), hour), added) in &delta.by_hour {
                use crate::schema::counters_by_hour as c;
                diesel::insert_into(c::table)
                    .values((
                        c::channel_id.eq(channel_id),
                        c::stream.eq(stream),
                        c::dimension.eq(dimension),
                        c::key.eq(key),
                        c::hour.eq(hour),
                        c::count.eq(added),
                    ))
                    .on_conflict((c::channel_id, c::stream, c::dimension, c::key, c::hour))
                    .do_update()
                    .set(c::count.eq(c::count + excluded(c::count)))
                    .execute(sqlite)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_hold_on_every_connection_and_readers_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::parse(&format!("sqlite://{}/a.db", dir.path().display())).unwrap();
        for purpose in [Purpose::Write, Purpose::Read, Purpose::PointRead] {
            let DbConnection::Sqlite(mut conn) = open(&url, purpose).unwrap();
            let reader = if purpose == Purpose::Write { "0" } else { "1" };
            for (name, value) in [
                ("journal_mode", "wal"),
                ("synchronous", "2"),
                ("recursive_triggers", "1"),
                ("trusted_schema", "0"),
                ("query_only", reader),
            ] {
                assert_eq!(pragma(&mut conn, name).unwrap(), value, "{name}");
            }
            assert_eq!(conn.batch_execute("CREATE TABLE t (x)").is_ok(), purpose == Purpose::Write);
        }
    }

    #[test]
    fn only_queries_of_few_shapes_keep_their_statements() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicUsize, Ordering};

        use diesel::connection::InstrumentationEvent;

        let dir = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::parse(&format!("sqlite://{}/a.db", dir.path().display())).unwrap();
        let mut conn = open(&url, Purpose::Write).unwrap();
        run_migrations(&mut conn).unwrap();
        for (purpose, kept) in [(Purpose::Read, 0), (Purpose::PointRead, 1), (Purpose::Write, 1)] {
            let mut conn = open(&url, purpose).unwrap();
            let seen = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&seen);
            conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                if matches!(event, InstrumentationEvent::CacheQuery { .. }) {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            });
            let _: Vec<i64> = logs::table.select(logs::channel_id).load(&mut conn).unwrap();
            assert_eq!(seen.load(Ordering::Relaxed), kept, "{purpose:?}");
        }
    }
}
