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
) -> QueryResult<usize> {
    let function = match stream {
        Stream::Events => "erase_events",
        Stream::ActionLogs => "erase_action_logs",
        Stream::Checkpoints => return Ok(0),
    };
    let positions: Vec<i64> = entries.iter().map(|(position, _)| *position).collect();
    let slots: Vec<i16> = slots.iter().map(|number| i16::from(*number)).collect();
    #[derive(QueryableByName)]
    struct Erased {
        #[diesel(sql_type = BigInt)]
        erased: i64,
    }
    let call = diesel::sql_query(format!("SELECT {function}($1, $2, $3) AS erased")).bind::<BigInt, _>(channel_id);
    let call = call.bind::<Array<BigInt>, _>(positions).bind::<Array<SmallInt>, _>(slots);
    Ok(usize::try_from(call.get_result::<Erased>(conn)?.erased).unwrap_or(0))
}
