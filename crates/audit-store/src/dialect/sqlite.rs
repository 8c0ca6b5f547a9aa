//! SQLite: an embedded file, one writer.

use std::collections::HashMap;
use std::fs::{DirBuilder, OpenOptions};
use std::path::Path;
use std::time::{Duration, Instant};

use audit_domain::Stream;
use audit_domain::uuid::Uuid;
use diesel::connection::{AnsiTransactionManager, CacheSize, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::sqlite::Sqlite;
use diesel::upsert::excluded;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::versions::{self, Versions};
use crate::connection::Purpose;
use crate::counters::Delta;
use crate::error::OpenError;
use crate::row::NewRows;
use crate::schema::{action_logs, events, logs};

/// Through the crate's own symlink, so that a published package holds the files.
const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Makes the directory and the file of a database that are missing, for their owner alone: events tell of persons. What is there
/// keeps its mode, and the files that SQLite puts beside the database take the mode of it.
pub(super) fn make_files(path: &Path) -> Result<(), OpenError> {
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        private_directories()
            .create(directory)
            .map_err(|error| OpenError::Directory { path: directory.display().to_string(), why: error.to_string() })?;
    }
    // Never one that is there: closing it would give up the locks that this process has on it.
    match private_file().create_new(true).open(path) {
        Err(error) if !path.exists() => Err(OpenError::from_database(&path.display().to_string(), error.to_string())),
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
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a connection with everything set that durability and the guards depend on, and reads the settings back.
pub(super) fn open(path: &Path, purpose: Purpose) -> Result<SqliteConnection, OpenError> {
    let path = path.display().to_string();
    let fail = |why: String| OpenError::from_database(&path, why);
    // `./` keeps a name such as `file:x` from being read as a URI.
    let file = if path.starts_with('/') { path.clone() } else { format!("./{path}") };
    let mut conn = SqliteConnection::establish(&file).map_err(|error| fail(error.to_string()))?;
    let of_purpose = match purpose {
        Purpose::Read | Purpose::PointRead => "PRAGMA query_only = ON;",
        // A trigger makes SQLite keep the pages that one INSERT changes, to undo it alone. Ten indexes soon make them more than
        // it keeps in memory by default: a temporary file, some 25 writes a row, and a third of the time of a raw insert.
        Purpose::Write => "PRAGMA temp_store = MEMORY;",
    };
    let busy_timeout_ms = BUSY_TIMEOUT.as_millis();
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
        if !is_locked(&error) || start.elapsed() >= BUSY_TIMEOUT {
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
            return Err(OpenError::NotDurable { path, setting, actual });
        }
    }
    Ok(conn)
}

/// Whether another connection keeps the lock, and did for as long as this one was to wait.
pub(super) fn is_locked(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, info) if info.message() == "database is locked")
}

/// Whether the disk, or the quota on it, was full.
pub(super) fn is_full(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, info) if info.message() == "database or disk is full")
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

/// Runs what is pending, in one transaction, unless the database is newer than this build.
pub(super) fn run_migrations(conn: &mut SqliteConnection) -> Result<Versions, String> {
    let known = versions::known::<Sqlite>(&MIGRATIONS)?;
    let done = conn.immediate_transaction(|conn| {
        let applied = conn.applied_migrations().map_err(diesel::result::Error::QueryBuilderError)?;
        let versions = Versions { known, applied: applied.iter().map(ToString::to_string).collect() };
        if versions.unknown().is_none() {
            conn.run_pending_migrations(MIGRATIONS).map_err(diesel::result::Error::QueryBuilderError)?;
        }
        Ok::<_, diesel::result::Error>(versions)
    });
    done.map_err(|error| error.to_string())
}

pub(super) fn read_versions(conn: &mut SqliteConnection) -> Result<Versions, String> {
    let table = "SELECT name AS version FROM sqlite_master WHERE type = 'table' AND name = '__diesel_schema_migrations'";
    let is_there = !versions::versions(conn, table)?.is_empty();
    let applied = if is_there { versions::applied(conn)? } else { Vec::new() };
    Ok(Versions { known: versions::known::<Sqlite>(&MIGRATIONS)?, applied })
}

/// The size of the database.
pub(super) fn database_bytes(conn: &mut SqliteConnection) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = BigInt)]
        bytes: i64,
    }
    let query = "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size";
    Ok(diesel::sql_query(query).get_result::<Size>(conn)?.bytes)
}

/// Writes take milliseconds: whoever holds the lock for this long holds it for good, as far as a person who asks is concerned.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Whether another process keeps this connection from writing.
pub(super) fn is_locked_for_long(conn: &mut SqliteConnection) -> Result<bool, String> {
    let patience_ms = LOCK_PATIENCE.as_millis();
    let taken = conn.batch_execute(&format!("PRAGMA busy_timeout = {patience_ms}; BEGIN IMMEDIATE; ROLLBACK;"));
    match taken {
        Ok(()) => Ok(false),
        Err(error) if is_locked(&error) => Ok(true),
        Err(error) => Err(error.to_string()),
    }
}

/// Takes the one write lock at the start: a lock taken later could fail in the middle.
pub(super) fn begin_write(conn: &mut SqliteConnection) -> QueryResult<()> {
    AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")
}

/// The transaction has the only write lock already.
pub(super) fn lock_head(conn: &mut SqliteConnection, channel_id: i64, stream: i16) -> QueryResult<(i64, i64)> {
    let head = logs::table.find((channel_id, stream)).select((logs::next_position, logs::recorded_at));
    if let Some(head) = head.load(conn)?.into_iter().next() {
        return Ok(head);
    }
    // No `ON CONFLICT`: it fires the trigger that keeps heads from being replaced.
    diesel::insert_into(logs::table)
        .values((logs::channel_id.eq(channel_id), logs::stream.eq(stream), logs::next_position.eq(0), logs::recorded_at.eq(0)))
        .execute(conn)?;
    Ok((0, 0))
}

/// Up to so many uuids, a prepared statement for each is quicker than the one for all.
const UUIDS_ONE_BY_ONE: usize = 8;

/// Which of these uuids a log holds: one probe of the unique index for each, all of them in one statement. Their bytes are bound as
/// one value, since SQLite takes 32,766 at most, and each is cut out of it by its number.
pub(super) fn held(
    conn: &mut SqliteConnection,
    channel_id: i64,
    stream: Stream,
    uuids: &[Uuid],
) -> QueryResult<HashMap<Uuid, i64>> {
    if uuids.len() <= UUIDS_ONE_BY_ONE {
        return held_one_by_one(conn, channel_id, stream, uuids);
    }
    #[derive(QueryableByName)]
    struct Held {
        #[diesel(sql_type = Binary)]
        uuid: Vec<u8>,
        #[diesel(sql_type = BigInt)]
        position: i64,
    }
    let table = match stream {
        Stream::Events => "events",
        Stream::ActionLogs => "action_logs",
    };
    // CROSS JOIN keeps the order: the other way round it would read the whole channel.
    let sql = format!(
        "WITH RECURSIVE wanted (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM wanted WHERE number + 1 < ?2) \
         SELECT held.uuid, held.position FROM wanted CROSS JOIN {table} AS held \
         ON held.channel_id = ?3 AND held.uuid = substr(?1, number * 16 + 1, 16)"
    );
    let bytes: Vec<u8> = uuids.iter().flat_map(|uuid| *uuid.as_bytes()).collect();
    let count = i64::try_from(uuids.len()).unwrap_or(i64::MAX);
    let held = diesel::sql_query(sql).bind::<Binary, _>(bytes).bind::<BigInt, _>(count).bind::<BigInt, _>(channel_id);
    let held: Vec<Held> = held.load(conn)?;
    Ok(held.iter().filter_map(|held| Some((Uuid::from_slice(&held.uuid).ok()?, held.position))).collect())
}

fn held_one_by_one(
    conn: &mut SqliteConnection,
    channel_id: i64,
    stream: Stream,
    uuids: &[Uuid],
) -> QueryResult<HashMap<Uuid, i64>> {
    let mut held = HashMap::new();
    for uuid in uuids {
        let bytes = uuid.as_bytes().as_slice();
        let position: Vec<i64> = match stream {
            Stream::Events => {
                let of_uuid = events::channel_id.eq(channel_id).and(events::uuid.eq(bytes));
                events::table.filter(of_uuid).select(events::position).load(conn)?
            }
            Stream::ActionLogs => {
                let of_uuid = action_logs::channel_id.eq(channel_id).and(action_logs::uuid.eq(bytes));
                action_logs::table.filter(of_uuid).select(action_logs::position).load(conn)?
            }
        };
        held.extend(position.first().map(|position| (*uuid, *position)));
    }
    Ok(held)
}

/// One prepared statement in a loop: the fastest form measured.
pub(super) fn insert(conn: &mut SqliteConnection, rows: &NewRows<'_>) -> QueryResult<()> {
    for row in &rows.events {
        diesel::insert_into(events::table).values(row).execute(conn)?;
    }
    for row in &rows.action_logs {
        diesel::insert_into(action_logs::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// One prepared statement in a loop, as for entries.
pub(super) fn count(conn: &mut SqliteConnection, delta: &Delta) -> QueryResult<()> {
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
            .execute(conn)?;
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
            .execute(conn)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_hold_on_every_connection_and_readers_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        for purpose in [Purpose::Write, Purpose::Read, Purpose::PointRead] {
            let mut conn = open(&dir.path().join("a.db"), purpose).unwrap();
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
        let path = dir.path().join("a.db");
        run_migrations(&mut open(&path, Purpose::Write).unwrap()).unwrap();
        for (purpose, kept) in [(Purpose::Read, 0), (Purpose::PointRead, 1), (Purpose::Write, 1)] {
            let mut conn = open(&path, purpose).unwrap();
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
