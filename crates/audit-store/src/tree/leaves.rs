//! The leaves of a tree: the leaf hashes of the entries of its log. Those of the root log are hashed here,
//! because its entries are their own leaf data.

use std::ops::Range;

use audit_domain::Stream;
use audit_domain::log::{LeafHash, leaf_hash};
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::log_key::LogKey;
use crate::schema::{action_logs, events, root_entries};

/// Reads the leaf hashes of entries, in the order of their positions.
///
/// # Errors
///
/// [`StoreError::UnfitTree`] if an entry is missing.
pub(super) fn read(
    conn: &mut DbConnection,
    (channel_id, stream): LogKey,
    positions: Range<i64>,
) -> Result<Vec<LeafHash>, StoreError> {
    let Range { start, end } = positions.clone();
    let rows: Vec<(i64, Vec<u8>)> = match stream {
        Stream::Events => {
            use events as e;
            let within = e::channel_id.eq(channel_id).and(e::position.ge(start)).and(e::position.lt(end));
            e::table.filter(within).order(e::position).select((e::position, e::leaf_hash)).load(conn)?
        }
        Stream::ActionLogs => {
            use action_logs as a;
            let within = a::channel_id.eq(channel_id).and(a::position.ge(start)).and(a::position.lt(end));
            a::table.filter(within).order(a::position).select((a::position, a::leaf_hash)).load(conn)?
        }
        Stream::Checkpoints => {
            use root_entries as r;
            let within = r::channel_id.eq(channel_id).and(r::position.ge(start)).and(r::position.lt(end));
            let rows: Vec<(i64, String)> = r::table.filter(within).order(r::position).select((r::position, r::body)).load(conn)?;
            rows.into_iter().map(|(position, body)| (position, leaf_hash(body.as_bytes()).0.to_vec())).collect()
        }
    };
    let mut rows = rows.into_iter();
    let unfit = |position| StoreError::UnfitTree {
        stream,
        channel_id,
        what: format!("the entry at position {position} is missing, or its leaf hash does not have 32 bytes"),
    };
    let leaf = |position| {
        let at_position = rows.next().filter(|(found, _)| *found == position);
        at_position.and_then(|(_, hash)| hash.try_into().ok().map(LeafHash)).ok_or_else(|| unfit(position))
    };
    positions.map(leaf).collect()
}
