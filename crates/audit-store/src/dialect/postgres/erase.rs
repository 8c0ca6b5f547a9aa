//! Erasing values of entries.

use audit_domain::Stream;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, SmallInt};

use crate::log_key::LogKey;

/// Calls the function of the table, which runs as the owner of the tables.
pub(in super::super) fn erase(
    conn: &mut PgConnection,
    (channel_id, stream): LogKey,
    entries: &[(i64, Vec<u8>)],
    slots: &[u8],
) -> QueryResult<()> {
    let function = match stream {
        Stream::Events => "erase_events",
        Stream::ActionLogs => "erase_action_logs",
        Stream::Checkpoints => return Ok(()),
    };
    let positions: Vec<i64> = entries.iter().map(|(position, _)| *position).collect();
    let slots: Vec<i16> = slots.iter().map(|number| i16::from(*number)).collect();
    let call = diesel::sql_query(format!("SELECT {function}($1, $2, $3)")).bind::<BigInt, _>(channel_id);
    call.bind::<Array<BigInt>, _>(positions).bind::<Array<SmallInt>, _>(slots).execute(conn).map(drop)
}
