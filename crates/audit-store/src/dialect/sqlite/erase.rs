//! Erasing values of entries.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use crate::log_key::LogKey;
use crate::row::columns_of;

/// Sets the columns of slots to NULL, and `seals` to the given value, for each entry. The trigger of the
/// table refuses every other change.
pub(in super::super) fn erase(
    conn: &mut SqliteConnection,
    (channel_id, stream): LogKey,
    entries: &[(i64, Vec<u8>)],
    slots: &[u8],
) -> QueryResult<usize> {
    let Some(table) = super::super::table_of(stream) else { return Ok(0) };
    let columns = slots.iter().flat_map(|number| columns_of(stream, *number));
    let nulls: String = columns.map(|column| format!("{column} = NULL, ")).collect();
    let sql = format!("UPDATE {table} SET {nulls}seals = ? WHERE channel_id = ? AND position = ?");
    let mut erased = 0;
    for (position, seals) in entries {
        let update = diesel::sql_query(&sql).bind::<Binary, _>(seals).bind::<BigInt, _>(channel_id).bind::<BigInt, _>(position);
        erased += update.execute(conn)?;
    }
    Ok(erased)
}
