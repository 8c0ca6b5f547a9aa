//! SQLite: an embedded file, one writer.

mod erase;
mod faults;
mod schema;
mod upkeep;
mod witness;

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use audit_domain::Stream;
use audit_domain::log::NodeHash;
use audit_domain::uuid::Uuid;
use diesel::connection::{AnsiTransactionManager, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};

use super::interrupt;
use crate::connection::Purpose;
use crate::error::OpenError;
use crate::row::NewRows;
use crate::schema::{action_logs, events, logs, trees};
use crate::sqlite_file::{self, Identity, Pass, SqliteFile};

use self::upkeep::WAL_BYTES_KEPT;

pub(super) use erase::erase;
pub(super) use faults::unusable;
pub(super) use schema::{read_versions, run_migrations};
pub(crate) use upkeep::Checkpoints;
pub(super) use upkeep::{empty_wal, try_write};
pub(super) use witness::open_witness_file;

/// Creates the database with its schema if there is none. Returns its migrations.
pub(super) fn make_if_missing(file: &SqliteFile) -> Result<Option<Vec<String>>, OpenError> {
    sqlite_file::make_if_missing(file, |draft| {
        let fail = |why| OpenError::from_database(&file.path().display().to_string(), why);
        let mut conn = establish(draft).map_err(fail)?;
        set_up(&mut conn, draft, Purpose::Write)?;
        Ok(run_migrations(&mut conn).map_err(fail)?.pending())
    })
}

/// Refuses to begin a new log next to the remaining files of another one.
pub(super) fn refuse_orphans(file: &SqliteFile) -> Result<(), OpenError> {
    file.refuse_orphans()
}

/// The time for which a write waits for a write of another process: an import beside a running
/// server needs less than a second.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a connection, applies the settings that durability and the guards depend on, and reads
/// them back. After a store has remembered its files ([`remember`]), no others are opened.
pub(super) fn open(file: &SqliteFile, purpose: Purpose) -> Result<SqliteConnection, OpenError> {
    let path = file.path();
    refuse_displaced(file)?;
    let mut conn = establish(path).map_err(|why| OpenError::from_database(&path.display().to_string(), why))?;
    if file.identity().is_none() {
        schema::refuse_strange(&mut conn, path)?;
    }
    set_up(&mut conn, path, purpose)?;
    // The file may have been replaced between the check and the opening.
    refuse_displaced(file)?;
    Ok(conn)
}

/// Remembers the files that a connection leads to. The connection has to stay open as long as they
/// are compared: SQLite removes the WAL with the last connection, and the next one creates another.
pub(super) fn remember(conn: &mut SqliteConnection, file: &SqliteFile) -> Result<(), OpenError> {
    let fail = |why| OpenError::from_database(&file.path().display().to_string(), why);
    // The first read opens the files next to the database.
    pragma(conn, "schema_version").map_err(|error| fail(error.to_string()))?;
    file.remember(Identity::now(file.path()).map_err(fail)?);
    Ok(())
}

/// Describes what happened to the files of a database since a store opened it, unless they are in
/// their place.
pub(super) fn displaced(file: &SqliteFile) -> Option<String> {
    file.identity()?.fault()
}

fn refuse_displaced(file: &SqliteFile) -> Result<(), OpenError> {
    match displaced(file) {
        Some(what) => Err(OpenError::Displaced { path: file.path().display().to_string(), what }),
        None => Ok(()),
    }
}

/// The advice for displaced files, as long as this process runs.
pub(super) fn advice_on_displaced(file: &SqliteFile) -> String {
    let Some(identity) = file.identity() else { return String::new() };
    if identity.has_database() {
        return "the database file itself is in its place: stop the server and start it again".to_owned();
    }
    let path = file.path().display();
    match identity.rescue() {
        Some(rescue) => format!(
            "do not stop the server yet: until then, `cp {} rescued.db` saves the log as it is now; then stop it, put the copy or \
             the file that was moved to `{path}`, and start it",
            rescue.display()
        ),
        None => format!("stop the server, put the file that was moved, or a backup, to `{path}`, and start it"),
    }
}

/// The bytes of the file with the newest entries.
pub(super) fn wal_bytes(file: &SqliteFile) -> Option<u64> {
    file.identity()?.wal_bytes()
}

/// Waits while queries are held back.
pub(super) fn pass(file: &SqliteFile) -> Pass<'_> {
    file.gate().pass()
}

/// Ends the holding back of queries.
pub(super) fn hold_no_more(file: &SqliteFile) {
    file.gate().open_for_good();
}

/// Connects to an existing file. A missing database is an error.
fn establish(path: &Path) -> Result<SqliteConnection, String> {
    interrupt::install();
    let mut conn = SqliteConnection::establish(&sqlite_file::uri(path)).map_err(|error| error.to_string())?;
    let busy_timeout = format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis());
    conn.batch_execute(&busy_timeout).map_err(|error| error.to_string())?;
    Ok(conn)
}

fn set_up(conn: &mut SqliteConnection, path: &Path, purpose: Purpose) -> Result<(), OpenError> {
    let path = path.display().to_string();
    let fail = |why: String| OpenError::from_database(&path, why);
    let of_purpose = match purpose {
        Purpose::Read | Purpose::PointRead => "PRAGMA query_only = ON;",
        // A trigger makes SQLite keep the pages that one INSERT changes, so that it can undo the
        // INSERT alone. With several indexes these are soon more than it keeps in memory by
        // default. It then writes a temporary file: with ten indexes, this takes a third of the
        // time of a raw insert.
        // What is deleted is overwritten with zeros, also what a merge of the index deletes: an erased
        // value must not stay in free pages of the file.
        Purpose::Write => "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;",
    };
    // A batch of the writer fits into its cache. A dozen connections read, and the operating system
    // caches the file's pages once for all of them.
    let cache_kib = if purpose == Purpose::Write { 8 * 1024 } else { 4 * 1024 };
    let settings = format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA recursive_triggers = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -{cache_kib};
         PRAGMA journal_size_limit = {WAL_BYTES_KEPT};
         {of_purpose}"
    );
    let start = Instant::now();
    while let Err(error) = conn.batch_execute(&settings) {
        // Two connections that switch a new file to WAL at once get in each other's way, and SQLite
        // does not let them wait.
        if !is_locked(&error) || start.elapsed() >= BUSY_TIMEOUT {
            return Err(fail(error.to_string()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    for (setting, wanted) in [("journal_mode", "wal"), ("synchronous", "2"), ("recursive_triggers", "1")] {
        let actual = pragma(conn, setting).map_err(|error| fail(error.to_string()))?;
        if actual != wanted {
            return Err(OpenError::NotDurable { path, setting, actual });
        }
    }
    Ok(())
}

/// Whether another connection kept the lock for the whole time that this connection waited.
pub(super) fn is_locked(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, info) if info.message() == "database is locked")
}

/// Whether the disk or the quota on it was full.
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

/// The size of the database in bytes.
pub(super) fn database_bytes(conn: &mut SqliteConnection) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = BigInt)]
        bytes: i64,
    }
    let query = "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size";
    Ok(diesel::sql_query(query).get_result::<Size>(conn)?.bytes)
}

/// Takes the only write lock at the start, because taking it later could fail in the middle of the
/// transaction.
pub(super) fn begin_write(conn: &mut SqliteConnection) -> QueryResult<()> {
    AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")
}

/// The transaction has the only write lock already.
pub(super) fn lock_log(conn: &mut SqliteConnection, channel_id: i64, stream: i16) -> QueryResult<(i64, i64)> {
    let head = logs::table.find((channel_id, stream)).select((logs::next_position, logs::recorded_at));
    if let Some(head) = head.load(conn)?.into_iter().next() {
        return Ok(head);
    }
    // This does not use `ON CONFLICT`, which fires the trigger that keeps heads from being
    // replaced.
    diesel::insert_into(logs::table)
        .values((logs::channel_id.eq(channel_id), logs::stream.eq(stream), logs::next_position.eq(0), logs::recorded_at.eq(0)))
        .execute(conn)?;
    Ok((0, 0))
}

/// The transaction has the only write lock already.
pub(super) fn lock_tree(conn: &mut SqliteConnection, channel_id: i64, stream: i16, log_name: i64) -> QueryResult<(i64, i64)> {
    let tree = trees::table.find((channel_id, stream)).select((trees::size, trees::log_name));
    if let Some(tree) = tree.first(conn).optional()? {
        return Ok(tree);
    }
    let (of_log, root) = ((trees::channel_id.eq(channel_id), trees::stream.eq(stream)), NodeHash::of_empty_tree().0.to_vec());
    let empty = (of_log, trees::size.eq(0), trees::root.eq(root), trees::log_name.eq(log_name));
    diesel::insert_into(trees::table).values(empty).execute(conn)?;
    Ok((0, log_name))
}

/// Up to this number of uuids, a prepared statement for each is quicker than one for all.
const UUIDS_ONE_BY_ONE: usize = 8;

/// Looks up which of these uuids a log has: one probe of the unique index for each, all in one
/// statement. Their bytes are bound as one value, because SQLite takes at most 32,766 values, and
/// the statement cuts each uuid out of it by its number.
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
    let Some(table) = super::table_of(stream) else { return Ok(HashMap::new()) };
    // CROSS JOIN keeps the order. In the opposite order SQLite would read the whole channel.
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
            Stream::Checkpoints => Vec::new(),
        };
        held.extend(position.first().map(|position| (*uuid, *position)));
    }
    Ok(held)
}

/// Uses one prepared statement in a loop, which measured fastest.
pub(super) fn insert(conn: &mut SqliteConnection, rows: &NewRows<'_>) -> QueryResult<()> {
    for row in &rows.events {
        diesel::insert_into(events::table).values(row).execute(conn)?;
    }
    for row in &rows.action_logs {
        diesel::insert_into(action_logs::table).values(row).execute(conn)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_hold_on_every_connection_and_readers_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let file = SqliteFile::new(dir.path().join("a.db"));
        make_if_missing(&file).unwrap();
        for purpose in [Purpose::Write, Purpose::Read, Purpose::PointRead] {
            let mut conn = open(&file, purpose).unwrap();
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

    /// `.cargo/config.toml` has the reason.
    #[test]
    fn sqlite_is_compiled_without_what_connections_wait_for() {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            compile_options: String,
        }
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        let rows: Vec<Row> = diesel::sql_query("SELECT compile_options FROM pragma_compile_options").load(&mut conn).unwrap();
        let options: Vec<&str> = rows.iter().map(|row| row.compile_options.as_str()).collect();
        for (option, is_wanted) in [
            ("THREADSAFE=2", true),
            ("DEFAULT_MEMSTATUS=0", true),
            ("ENABLE_QPSG", true),
            ("ENABLE_MEMORY_MANAGEMENT", false),
            ("ENABLE_API_ARMOR", false),
        ] {
            assert_eq!(options.contains(&option), is_wanted, "{option}: {options:?}");
        }
    }
}
