//! The time limit of a read on the server: each statement gets the time that the read has left when
//! it is set.

use std::cell::Cell;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use crate::limit::{self, ServerProcess};
use crate::url::PostgresUrl;

/// The start of the server in microseconds, which is the resolution of PostgreSQL's times.
const STARTED_AT: &str = "CAST(EXTRACT(EPOCH FROM pg_postmaster_start_time()) * 1000000 AS BIGINT)";

/// Statements that follow each other within this time keep the limit that the server has, because
/// setting it costs a round trip.
const TOLD_FOR: Duration = Duration::from_millis(500);

thread_local! {
    /// The last time at which this thread sent a limit to the server, in its transaction.
    static TOLD: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Sets the limit for reads outside a transaction, and returns the server process that serves the
/// connection. Through a pooler, both would belong to a process that serves other clients after the
/// next transaction.
pub(in crate::dialect) fn limit_session(
    conn: &mut PgConnection,
    url: &PostgresUrl,
    timeout: Option<Duration>,
) -> QueryResult<Option<ServerProcess>> {
    #[derive(QueryableByName)]
    struct Session {
        #[diesel(sql_type = Integer)]
        process: i32,
        #[diesel(sql_type = BigInt)]
        started_at: i64,
    }
    if url.is_pooled {
        return Ok(None);
    }
    let sql = format!(
        "SELECT pg_backend_pid() AS process, {STARTED_AT} AS started_at, \
         set_config('statement_timeout', COALESCE(NULLIF($1, ''), current_setting('statement_timeout')), false) AS timeout"
    );
    let timeout = timeout.map_or_else(String::new, milliseconds);
    let session: Session = diesel::sql_query(sql).bind::<Text, _>(timeout).get_result(conn)?;
    Ok(Some(ServerProcess { id: session.process, server_started_at: session.started_at }))
}

/// The statements that begin a read and set its limit.
pub(super) fn begin() -> String {
    let left = limit::time_left();
    TOLD.set(left.map(|_| Instant::now()));
    left.map_or_else(String::new, |left| format!("; {}", set(left)))
}

/// Sends the remaining time of the read to the server, if the last one was sent a while ago.
pub(in crate::dialect) fn limit_again(conn: &mut PgConnection) -> QueryResult<()> {
    let is_old = TOLD.get().is_some_and(|told| told.elapsed() >= TOLD_FOR);
    let Some(left) = limit::time_left().filter(|_| is_old) else { return Ok(()) };
    conn.batch_execute(&set(left))?;
    TOLD.set(Some(Instant::now()));
    Ok(())
}

fn set(left: Duration) -> String {
    format!("SET LOCAL statement_timeout = {}", milliseconds(left))
}

/// Rounds up: 0 means no limit to a server, and when the server ends a statement, the read must be
/// over here too.
fn milliseconds(time: Duration) -> String {
    (time.as_millis() + 1).min(i32::MAX as u128).to_string()
}

/// Cancels the statement of a process. The process may be one of the same role. The connection may
/// lead to another host of the URL, where the number belongs to an unrelated process: then this
/// does nothing.
pub(in crate::dialect) fn cancel(conn: &mut PgConnection, process: ServerProcess) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct Asked {
        #[diesel(sql_type = Nullable<Bool>)]
        #[expect(dead_code, reason = "a process that is gone has given up too")]
        asked: Option<bool>,
    }
    let sql = format!("SELECT CASE WHEN {STARTED_AT} = $2 THEN pg_cancel_backend($1) END AS asked");
    let asked = diesel::sql_query(sql).bind::<Integer, _>(process.id).bind::<BigInt, _>(process.server_started_at);
    asked.get_result::<Asked>(conn).map(drop)
}
