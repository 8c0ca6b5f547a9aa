//! PostgreSQL: a server, any number of programs that append.
//!
//! Nothing here uses a sequence, a trigger, NOTIFY, an advisory lock or `xmin`, and whatever changes or locks a row names its
//! channel: so the same program runs on Citus (`docs/operations.md`).

mod insert;
mod limit;
mod privileges;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use audit_domain::Stream;
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
use crate::schema::{logs, segments, tokens};
use crate::url::PostgresUrl;

pub(super) use insert::insert;
pub(super) use limit::{cancel, limit_again, limit_session};
pub(crate) use privileges::RolePrivileges;
pub(super) use privileges::{grant, role_privileges};

/// Through the crate's own symlink, so that a published package holds the files.
const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Waits this long for another server's append to the same log, which takes milliseconds.
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

/// Opens a connection to a server that keeps what it acknowledges, or says what it lacks.
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
        return Err(fail(format!("its encoding is {}; make it with ENCODING 'UTF8'", settings.encoding)));
    }
    if purpose == Purpose::Write && settings.is_standby {
        let several = "name the primary, or several hosts with target_session_attrs=read-write";
        return Err(fail(format!("the server is a standby, which cannot be written; {several}")));
    }
    if url.is_pooled {
        conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    }
    // Through a pooler, the next client of the server process would find it set.
    if purpose != Purpose::Write && !url.is_pooled {
        conn.batch_execute("SET default_transaction_read_only = on").map_err(|error| fail(error.to_string()))?;
    }
    Ok(conn)
}

/// What libpq says, in one line, and with the feature that a build without TLS lacks.
fn in_our_words(why: &str) -> String {
    if why.contains("SSL support is not compiled in") || why.contains("SSL is not supported by this build") {
        return "its sslmode needs TLS, which this program was built without; build it with `--features postgres-tls` \
                (which needs OpenSSL's headers), or use a tunnel and sslmode=disable"
            .to_owned();
    }
    why.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Two servers that start at once: one waits for the other's lock on the table of versions, and finds nothing left to do. What
/// is pending is one transaction.
pub(super) fn run_migrations(conn: &mut PgConnection) -> Result<Versions, String> {
    let before = read_versions(conn)?;
    if before.unknown().is_some() || before.pending().is_empty() {
        // The application's role may not even look whether it could make the table.
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

/// `IF NOT EXISTS` does not keep two that make a table at once out of each other's way: the second fails, and finds it made.
fn make_version_table(conn: &mut PgConnection) -> Result<(), String> {
    let made = in_write(conn, MigrationConnection::setup);
    if made.is_ok() || table_of_versions(conn)? {
        return Ok(());
    }
    made.map(drop).map_err(|error| error.to_string())
}

/// Whether the role may change what is there, or make what is not.
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

/// Whether a statement waited in vain for a lock. The message of that is translated and its code is not to be had, but nothing else
/// that looks at a head takes so long and then fails.
fn waited_in_vain(error: &DieselError, start: Instant) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::Unknown, _)) && start.elapsed() >= LOCK_TIMEOUT
}

pub(super) fn is_alive(conn: &mut PgConnection) -> bool {
    conn.batch_execute("SELECT 1").is_ok()
}

/// READ COMMITTED: what is looked up after the head is locked has to see the commit of whoever held the lock before; a repeatable
/// snapshot would be older. All settings last as long as the transaction, so that they hold behind a pooler too:
/// - `synchronous_commit` is on, whatever role or database say, or stays at `remote_apply`, which waits for more;
/// - no time-out of role or database cancels a statement: a COMMIT that waits for a synchronous standby and is cancelled reports
///   success, though no standby has the data;
/// - a program that is frozen or gone in the middle of it keeps its locks for half a minute, and not as long as the kernel likes.
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

/// What changes the schema, as safe as an append, and where everything is read-only unless it says otherwise.
fn in_write<T>(conn: &mut PgConnection, run: impl FnOnce(&mut PgConnection) -> QueryResult<T>) -> QueryResult<T> {
    begin_write(conn)?;
    match run(conn) {
        Ok(value) => AnsiTransactionManager::commit_transaction(conn).map(|()| value),
        Err(error) => AnsiTransactionManager::rollback_transaction(conn).and(Err(error)),
    }
}

/// Tries to write, and takes it back: a segment of no log. Nothing reads this row, since no stream has the number 0.
pub(super) fn try_write(conn: &mut PgConnection) -> QueryResult<Trial> {
    use segments as s;
    begin_write(conn)?;
    let key = (s::channel_id.eq(0), s::stream.eq(0), s::first.eq(0));
    let row = (key, s::size.eq(0), s::first_time.eq(0), s::last_time.eq(0), s::fences.eq(&[] as &[u8]), s::words.eq(0));
    // Another server that tries at the same time is waited for, and takes its row back too.
    let tried = diesel::insert_into(s::table).values(row).execute(conn);
    let rolled_back = AnsiTransactionManager::rollback_transaction(conn);
    tried.and(rolled_back).map(|()| Trial::Done)
}

/// What PostgreSQL says, in English, when its disk is full or somebody keeps a lock. Its code is not to be had.
pub(super) fn unusable(error: &DieselError) -> Option<Unusable> {
    let DieselError::DatabaseError(_, info) = error else { return None };
    let is_full = ["No space left on device", "could not extend file"].iter().any(|said| info.message().contains(said));
    let advice = if is_full {
        "the disk of the database server is full; make room there, nothing of ours has to be restarted"
    } else if info.message().contains("due to lock timeout") {
        "another program keeps a lock on these rows or tables for ten seconds; end its transaction"
    } else {
        return None;
    };
    Some(Unusable { what: info.message().to_owned(), advice, hits_every_write: false })
}

pub(super) fn begin_snapshot(conn: &mut PgConnection) -> QueryResult<()> {
    let limit = limit::begin();
    AnsiTransactionManager::begin_transaction_sql(conn, &format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY{limit}"))
}

/// `FOR UPDATE` takes a transaction id and writes to the WAL, so that a COMMIT which only found duplicates waits for the same
/// standby as the COMMIT that wrote them: what is acknowledged a second time is as safe as what is acknowledged the first time.
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

/// The oldest token stands for all of them: no row is ever deleted, so every server locks the same one.
pub(super) fn lock_token_ids(conn: &mut PgConnection) -> QueryResult<()> {
    let oldest = tokens::table.order(tokens::id).limit(1).select(tokens::id).for_update();
    oldest.load::<i64>(conn).map(drop)
}

/// Which of these uuids a log holds, and where: one probe of the unique index for each, by LIMIT. Written as `uuid = ANY($2)`, the
/// statement would be planned once, while the table is small or has no statistics, and the planner may then take any of the three
/// indexes that begin with the channel: a batch then read all of the channel, 12 ms at 11,000 events and more with each one.
pub(super) fn held(conn: &mut PgConnection, channel_id: i64, stream: Stream, uuids: &[Uuid]) -> QueryResult<HashMap<Uuid, i64>> {
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
    let sql = format!(
        "SELECT held.uuid, held.position FROM unnest($2) AS wanted (uuid) \
         CROSS JOIN LATERAL (SELECT uuid, position FROM {table} WHERE channel_id = $1 AND uuid = wanted.uuid LIMIT 1) AS held"
    );
    let wanted: Vec<&[u8]> = uuids.iter().map(|uuid| uuid.as_bytes().as_slice()).collect();
    let held: Vec<Held> = diesel::sql_query(sql).bind::<BigInt, _>(channel_id).bind::<Array<Binary>, _>(wanted).load(conn)?;
    Ok(held.iter().filter_map(|held| Some((Uuid::from_slice(&held.uuid).ok()?, held.position))).collect())
}
