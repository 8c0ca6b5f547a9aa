//! PostgreSQL: a server, and any number of programs that append.
//!
//! This module uses no sequence, trigger, NOTIFY, advisory lock or `xmin`, and each statement that
//! changes or locks a row names its channel. So the same program runs on Citus
//! (`docs/operations.md`).

mod erase;
mod insert;
mod limit;
mod privileges;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use audit_domain::Stream;
use audit_domain::log::NodeHash;
use audit_domain::uuid::Uuid;
use diesel::connection::{AnsiTransactionManager, CacheSize, SimpleConnection, TransactionManager};
use diesel::migration::MigrationConnection;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::Trial;
use super::versions::{self, Versions};
use crate::connection::Purpose;
use crate::error::{OpenError, StoreError, Unusable};
use crate::schema::{logs, segments, tokens, trees};
use crate::url::PostgresUrl;

pub(super) use erase::erase;
pub(super) use insert::insert;
pub(super) use limit::{cancel, limit_again, limit_session};
pub(crate) use privileges::RolePrivileges;
pub(super) use privileges::{grant, role_privileges};

/// The path goes through the crate's own symlink, so that a published package contains the files.
const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The time for which an append waits for another server's append to the same log, which takes
/// milliseconds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(QueryableByName)]
struct Settings {
    #[diesel(sql_type = Text)]
    fsync: String,
    #[diesel(sql_type = Text)]
    full_page_writes: String,
    #[diesel(sql_type = Text)]
    encoding: String,
    #[diesel(sql_type = Bool)]
    is_standby: bool,
}

/// Opens a connection to a server, and refuses a server that may lose acknowledged data.
pub(super) fn open(url: &PostgresUrl, purpose: Purpose) -> Result<PgConnection, OpenError> {
    let fail = |why: String| OpenError::from_database(url.display(), why);
    let mut conn = PgConnection::establish(url.reveal())
        .map_err(|error| fail(url.without_secrets_of_it(&in_our_words(&error.to_string()))))?;
    let settings = "SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes, \
                    current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS is_standby";
    let settings: Settings =
        diesel::sql_query(settings).get_result(&mut conn).map_err(|error| fail(in_our_words(&error.to_string())))?;
    for (setting, actual) in [("fsync", settings.fsync), ("full_page_writes", settings.full_page_writes)] {
        if actual != "on" {
            return Err(OpenError::Unsafe { path: url.display().to_owned(), setting, actual });
        }
    }
    if settings.encoding != "UTF8" {
        return Err(fail(format!("its encoding is {}; create it with ENCODING 'UTF8'", settings.encoding)));
    }
    if purpose == Purpose::Write && settings.is_standby {
        let several = "name the primary, or several hosts with target_session_attrs=read-write";
        return Err(fail(format!("the server is a standby, which cannot be written; {several}")));
    }
    if url.is_pooled {
        conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    }
    // Through a pooler, the next client of the server process would get this setting.
    if purpose != Purpose::Write && !url.is_pooled {
        conn.batch_execute("SET default_transaction_read_only = on").map_err(|error| fail(error.to_string()))?;
    }
    Ok(conn)
}

/// The message of libpq in one line. If a build lacks TLS, it names the feature.
fn in_our_words(why: &str) -> String {
    if why.contains("SSL support is not compiled in") || why.contains("SSL is not supported by this build") {
        return "its sslmode needs TLS, which this program was built without; build it with `--features postgres-tls` \
                (which needs OpenSSL's headers), or use a tunnel and sslmode=disable"
            .to_owned();
    }
    why.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// If two servers start at once, one waits for the other's lock on the table of versions and then
/// has nothing left to do. All pending migrations run in one transaction.
pub(super) fn run_migrations(conn: &mut PgConnection) -> Result<Versions, String> {
    let before = read_versions(conn)?;
    if before.unknown().is_some() || before.pending().is_empty() {
        // The application's role may not even be allowed to check whether it could create the
        // table.
        return Ok(before);
    }
    if !may_migrate(conn)? {
        let migration = before.pending().first().cloned().unwrap_or_default();
        return Err(format!("it lacks migration {migration}: run `audit-server migrate` as the owner of its tables"));
    }
    make_version_table(conn)?;
    let done = in_write(conn, |conn| {
        conn.batch_execute("LOCK TABLE __diesel_schema_migrations IN ACCESS EXCLUSIVE MODE")?;
        let versions = read_versions(conn).map_err(|why| DieselError::QueryBuilderError(why.into()))?;
        if versions.unknown().is_none() {
            conn.run_pending_migrations(MIGRATIONS).map_err(DieselError::QueryBuilderError)?;
        }
        Ok::<_, DieselError>(versions)
    });
    done.map_err(|error| error.to_string())
}

/// Creates the table of versions. `IF NOT EXISTS` does not help two servers that create a table at
/// once: the second one fails, and then the table exists.
fn make_version_table(conn: &mut PgConnection) -> Result<(), String> {
    let made = in_write(conn, MigrationConnection::setup);
    if made.is_ok() || table_of_versions(conn)? {
        return Ok(());
    }
    made.map(drop).map_err(|error| error.to_string())
}

/// Whether the role may change existing tables, or create missing ones.
fn may_migrate(conn: &mut PgConnection) -> Result<bool, String> {
    #[derive(QueryableByName)]
    struct May {
        #[diesel(sql_type = Bool)]
        may: bool,
    }
    let sql = "SELECT COALESCE((SELECT pg_has_role(relowner, 'MEMBER') FROM pg_class WHERE oid = to_regclass('__diesel_schema_migrations')), \
               has_schema_privilege(current_schema(), 'CREATE')) AS may";
    Ok(diesel::sql_query(sql).get_result::<May>(conn).map_err(|error| error.to_string())?.may)
}

fn table_of_versions(conn: &mut PgConnection) -> Result<bool, String> {
    let table = "SELECT relname::text AS version FROM pg_class WHERE oid = to_regclass('__diesel_schema_migrations')";
    Ok(!versions::versions(conn, table)?.is_empty())
}

pub(super) fn read_versions(conn: &mut PgConnection) -> Result<Versions, String> {
    let applied = if table_of_versions(conn)? { versions::applied(conn)? } else { Vec::new() };
    Ok(Versions { known: versions::known::<Pg>(&MIGRATIONS)?, applied })
}

/// The size of the database.
pub(super) fn database_bytes(conn: &mut PgConnection) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = BigInt)]
        bytes: i64,
    }
    Ok(diesel::sql_query("SELECT pg_database_size(current_database()) AS bytes").get_result::<Size>(conn)?.bytes)
}

/// Whether a statement waited in vain for a lock. The message of that error is translated and its
/// code is not available, but nothing else that reads a head takes so long and then fails.
fn waited_in_vain(error: &DieselError, start: Instant) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::Unknown, _)) && start.elapsed() >= LOCK_TIMEOUT
}

pub(super) fn is_alive(conn: &mut PgConnection) -> bool {
    conn.batch_execute("SELECT 1").is_ok()
}

/// Begins a write. It is READ COMMITTED, because the lookups after the lock of a head must see the
/// commit of the previous holder of the lock; a repeatable snapshot would be older. All settings last
/// as long as the transaction, so that they work through a pooler too:
/// - `synchronous_commit` is on, whatever the role or the database sets, or stays at `remote_apply`,
///   which waits for more;
/// - no time-out of the role or the database cancels a statement: a COMMIT that waits for a
///   synchronous standby and is cancelled reports success, although no standby has the data;
/// - a program that freezes or vanishes during the write keeps its locks for half a minute, and not
///   for as long as the kernel decides.
pub(super) fn begin_write(conn: &mut PgConnection) -> QueryResult<()> {
    let sql = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
         SET LOCAL statement_timeout = 0; \
         SET LOCAL lock_timeout = '{}s'; \
         SET LOCAL idle_in_transaction_session_timeout = '30s'; \
         SET LOCAL tcp_keepalives_idle = 10; SET LOCAL tcp_keepalives_interval = 5; SET LOCAL tcp_keepalives_count = 3; \
         SELECT set_config('synchronous_commit', \
             CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)",
        LOCK_TIMEOUT.as_secs()
    );
    AnsiTransactionManager::begin_transaction_sql(conn, &sql)
}

/// Runs a change of the schema with the settings of an append, also in a database that is read-only
/// by default.
fn in_write<T>(conn: &mut PgConnection, run: impl FnOnce(&mut PgConnection) -> QueryResult<T>) -> QueryResult<T> {
    begin_write(conn)?;
    match run(conn) {
        Ok(value) => AnsiTransactionManager::commit_transaction(conn).map(|()| value),
        Err(error) => AnsiTransactionManager::rollback_transaction(conn).and(Err(error)),
    }
}

/// Tries to write and rolls back. The row is a segment of no log: nothing reads it, because no
/// stream has the number 0.
pub(super) fn try_write(conn: &mut PgConnection) -> QueryResult<Trial> {
    use segments as s;
    begin_write(conn)?;
    let key = (s::channel_id.eq(0), s::stream.eq(0), s::first.eq(0));
    let nothing: &[u8] = &[];
    let of_times = (s::first_time.eq(0), s::last_time.eq(0), s::fences.eq(nothing), s::days.eq(nothing));
    let row = (key, s::size.eq(0), of_times, s::words.eq(0), s::digest.eq(0));
    // This waits for another server that tries at the same time. That server rolls its row back
    // too.
    let tried = diesel::insert_into(s::table).values(row).execute(conn);
    let rolled_back = AnsiTransactionManager::rollback_transaction(conn);
    tried.and(rolled_back).map(|()| Trial::Done)
}

/// Recognizes PostgreSQL's messages, in English, for a full disk and for a lock that is kept. Their
/// code is not available.
pub(super) fn unusable(error: &DieselError) -> Option<Unusable> {
    let DieselError::DatabaseError(_, info) = error else { return None };
    let is_full = ["No space left on device", "could not extend file"].iter().any(|said| info.message().contains(said));
    let advice = if is_full {
        "the disk of the database server is full; make room there; audit-server needs no restart"
    } else if info.message().contains("due to lock timeout") {
        "another program has kept a lock on these rows or tables for ten seconds; end its transaction"
    } else {
        return None;
    };
    Some(Unusable { what: info.message().to_owned(), advice, hits_every_write: false })
}

pub(super) fn begin_snapshot(conn: &mut PgConnection) -> QueryResult<()> {
    let limit = limit::begin();
    AnsiTransactionManager::begin_transaction_sql(conn, &format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY{limit}"))
}

/// Uses `FOR UPDATE`, which takes a transaction id and writes to the WAL. So a COMMIT that only
/// found duplicates waits for the same standby as the COMMIT that wrote them: the second
/// acknowledgement is as safe as the first.
pub(super) fn lock_log(conn: &mut PgConnection, channel_id: i64, stream: i16) -> Result<(i64, i64), StoreError> {
    let start = Instant::now();
    try_lock_log(conn, channel_id, stream).map_err(|error| match error {
        error if waited_in_vain(&error, start) => StoreError::LogLocked { channel_id, stream, seconds: LOCK_TIMEOUT.as_secs() },
        error => error.into(),
    })
}

fn try_lock_log(conn: &mut PgConnection, channel_id: i64, stream: i16) -> QueryResult<(i64, i64)> {
    let mut locked = || {
        let head = logs::table.find((channel_id, stream)).select((logs::next_position, logs::recorded_at));
        Ok::<_, DieselError>(head.for_update().load(conn)?.pop())
    };
    if let Some(head) = locked()? {
        return Ok(head);
    }
    diesel::insert_into(logs::table)
        .values((logs::channel_id.eq(channel_id), logs::stream.eq(stream), logs::next_position.eq(0), logs::recorded_at.eq(0)))
        .on_conflict_do_nothing()
        .execute(conn)?;
    let head = logs::table.find((channel_id, stream)).select((logs::next_position, logs::recorded_at));
    head.for_update().get_result(conn)
}

pub(super) fn lock_tree(conn: &mut PgConnection, channel_id: i64, stream: i16, log_name: i64) -> QueryResult<(i64, i64)> {
    make_tree(conn, channel_id, stream, log_name)?;
    let tree = trees::table.find((channel_id, stream)).select((trees::size, trees::log_name));
    tree.for_update().first(conn)
}

pub(super) fn try_lock_tree(
    conn: &mut PgConnection,
    channel_id: i64,
    stream: i16,
    log_name: i64,
) -> QueryResult<Option<(i64, i64)>> {
    make_tree(conn, channel_id, stream, log_name)?;
    let tree = trees::table.find((channel_id, stream)).select((trees::size, trees::log_name));
    tree.for_update().skip_locked().first(conn).optional()
}

/// Makes an empty tree for a log, unless it has one.
fn make_tree(conn: &mut PgConnection, channel_id: i64, stream: i16, log_name: i64) -> QueryResult<()> {
    let known = trees::table.find((channel_id, stream)).select(trees::size);
    if known.first::<i64>(conn).optional()?.is_none() {
        let (of_log, root) = ((trees::channel_id.eq(channel_id), trees::stream.eq(stream)), NodeHash::of_empty_tree().0.to_vec());
        let empty = (of_log, trees::size.eq(0), trees::root.eq(root), trees::log_name.eq(log_name));
        diesel::insert_into(trees::table).values(empty).on_conflict_do_nothing().execute(conn)?;
    }
    Ok(())
}

/// Locks the oldest token, which stands for all tokens: no row is ever deleted, so every server
/// locks the same row.
pub(super) fn lock_token_ids(conn: &mut PgConnection) -> QueryResult<()> {
    let oldest = tokens::table.order(tokens::id).limit(1).select(tokens::id).for_update();
    oldest.load::<i64>(conn).map(drop)
}

/// Looks up which of these uuids a log has, and their positions: one probe of the unique index for
/// each, forced by LIMIT. With `uuid = ANY($2)` PostgreSQL would plan the statement once, while the
/// table is small or has no statistics, and the planner could take any of the three indexes that
/// begin with the channel. A batch then read the whole channel: 12 ms at 11,000 events, and more
/// with each further event.
pub(super) fn held(conn: &mut PgConnection, channel_id: i64, stream: Stream, uuids: &[Uuid]) -> QueryResult<HashMap<Uuid, i64>> {
    #[derive(QueryableByName)]
    struct Held {
        #[diesel(sql_type = Binary)]
        uuid: Vec<u8>,
        #[diesel(sql_type = BigInt)]
        position: i64,
    }
    let Some(table) = super::table_of(stream) else { return Ok(HashMap::new()) };
    let sql = format!(
        "SELECT held.uuid, held.position FROM unnest($2) AS wanted (uuid) \
         CROSS JOIN LATERAL (SELECT uuid, position FROM {table} WHERE channel_id = $1 AND uuid = wanted.uuid LIMIT 1) AS held"
    );
    let wanted: Vec<&[u8]> = uuids.iter().map(|uuid| uuid.as_bytes().as_slice()).collect();
    let held: Vec<Held> = diesel::sql_query(sql).bind::<BigInt, _>(channel_id).bind::<Array<Binary>, _>(wanted).load(conn)?;
    Ok(held.iter().filter_map(|held| Some((Uuid::from_slice(&held.uuid).ok()?, held.position))).collect())
}
