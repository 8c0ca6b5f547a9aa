//! The time of a read, as the server keeps it: for each statement, what is left of the read's when it is told.

use std::cell::Cell;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use crate::limit::{self, ServerProcess};
use crate::url::PostgresUrl;

/// When the server started, in microseconds: PostgreSQL keeps a time in these.
const STARTED_AT: &str = "CAST(EXTRACT(EPOCH FROM pg_postmaster_start_time()) * 1000000 AS BIGINT)";

/// Statements that follow each other more quickly than this go by the time that the server has already: to set it costs a round trip.
const TOLD_FOR: Duration = Duration::from_millis(500);

thread_local! {
    /// When the server was last told, in the transaction of this thread.
    static TOLD: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// For reads outside of a transaction, and with it which process of the server serves the connection. Behind a pooler, both would
/// be those of a process that serves others after the next transaction.
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

/// What the statement that begins a read goes on with.
pub(super) fn begin() -> String {
    let left = limit::time_left();
    TOLD.set(left.map(|_| Instant::now()));
    left.map_or_else(String::new, |left| format!("; {}", set(left)))
}

/// Tells the server what is left of the read's time, if it was told something else a while ago.
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

/// Upwards: to a server, 0 means without end, and a statement that it ends must be over here too.
fn milliseconds(time: Duration) -> String {
    (time.as_millis() + 1).min(i32::MAX as u128).to_string()
}

/// Has a process give up the statement that it works on. It may be one of the same role. The connection may lead to another host of
/// the URL, where the number belongs to a stranger: then nothing is done.
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
