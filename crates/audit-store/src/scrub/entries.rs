//! Reads the rows of entries, also those that cannot be read as entries.

use std::ops::Range;

use audit_domain::Stream;
use audit_domain::log::{Checkpoint, LeafHash, leaf_hash};
use audit_domain::uuid::Uuid;
use diesel::prelude::*;
use diesel::result::Error as DieselError;

use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::log_key::LogKey;
use crate::row::{ActionLogRow, Compared, EventRow};
use crate::schema::{action_logs, events, root_entries};

/// A row at a position.
pub(super) struct Read {
    pub(super) position: i64,
    pub(super) uuid: Option<Uuid>,
    /// The leaf hash in its column.
    pub(super) stored: Option<LeafHash>,
    /// The entry, or why it is none.
    pub(super) entry: Result<Facts, String>,
    /// Bytes of its slots.
    pub(super) bytes: usize,
}

/// What a comparison needs of an entry: its values are not kept.
pub(super) struct Facts {
    pub(super) computed: LeafHash,
    /// The filter column that differs.
    pub(super) column: Option<&'static str>,
    /// Microseconds since the epoch.
    pub(super) recorded_at: i64,
    /// The numbers of its erased slots.
    pub(super) erased: Vec<u8>,
    /// Those of the others.
    pub(super) open: Vec<u8>,
}

/// Reads the rows at these positions, in order. Rows that are missing are left out.
pub(super) fn read(conn: &mut DbConnection, log: LogKey, positions: Range<i64>) -> Result<Vec<Read>, StoreError> {
    dialect::go_on(conn)?;
    match load(conn, log, positions.clone()) {
        Err(DieselError::DeserializationError(why)) if positions.end - positions.start == 1 => {
            let entry = Err(format!("its row cannot be read: {why}"));
            Ok(vec![Read { position: positions.start, uuid: None, stored: None, entry, bytes: 0 }])
        }
        // One of them has a value of another type: the others can be read.
        Err(DieselError::DeserializationError(_)) => {
            let each = positions.map(|position| read(conn, log, position..position + 1));
            Ok(each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
        rows => Ok(rows?),
    }
}

fn load(conn: &mut DbConnection, (channel_id, stream): LogKey, Range { start, end }: Range<i64>) -> QueryResult<Vec<Read>> {
    Ok(match stream {
        Stream::Events => {
            use events as e;
            let within = e::channel_id.eq(channel_id).and(e::position.ge(start)).and(e::position.lt(end));
            let rows: Vec<EventRow<'static>> =
                e::table.filter(within).order(e::position).select(EventRow::as_select()).load(conn)?;
            let each = rows.into_iter().map(|row| {
                let seen = Seen::of(row.position, row.uuid_and_leaf_hash(), row.bytes());
                seen.with(row.into_compared())
            });
            each.collect()
        }
        Stream::ActionLogs => {
            use action_logs as a;
            let within = a::channel_id.eq(channel_id).and(a::position.ge(start)).and(a::position.lt(end));
            let rows: Vec<ActionLogRow<'static>> =
                a::table.filter(within).order(a::position).select(ActionLogRow::as_select()).load(conn)?;
            let each = rows.into_iter().map(|row| {
                let seen = Seen::of(row.position, row.uuid_and_leaf_hash(), row.bytes());
                seen.with(row.into_compared())
            });
            each.collect()
        }
        Stream::Checkpoints => {
            use root_entries as r;
            let within = r::channel_id.eq(channel_id).and(r::position.ge(start)).and(r::position.lt(end));
            let columns = (r::position, r::size, r::recorded_at, r::body);
            let rows: Vec<(i64, i64, i64, String)> = r::table.filter(within).order(r::position).select(columns).load(conn)?;
            rows.into_iter().map(of_checkpoint).collect()
        }
    })
}

/// The entry of a root log: the text of a checkpoint, which is hashed as it is.
fn of_checkpoint((position, size, recorded_at, body): (i64, i64, i64, String)) -> Read {
    let (computed, bytes) = (leaf_hash(body.as_bytes()), body.len());
    let checkpoint: Result<Checkpoint, _> = body.parse();
    let facts = |checkpoint: Checkpoint| {
        let column = (i64::try_from(checkpoint.size()) != Ok(size)).then_some("size");
        Facts { computed, column, recorded_at, erased: Vec::new(), open: Vec::new() }
    };
    let entry = checkpoint.map(facts).map_err(|error| format!("its text is not that of a checkpoint: {error}"));
    Read { position, uuid: None, stored: Some(computed), entry, bytes }
}

/// What a row has even if it is no entry.
struct Seen {
    position: i64,
    uuid: Option<Uuid>,
    stored: Option<LeafHash>,
    bytes: usize,
}

impl Seen {
    fn of(position: i64, (uuid, leaf_hash): (&[u8], &[u8]), bytes: usize) -> Seen {
        Seen { position, uuid: Uuid::from_slice(uuid).ok(), stored: leaf_hash.try_into().ok().map(LeafHash), bytes }
    }

    fn with(self, compared: Result<Compared, StoreError>) -> Read {
        let Seen { position, uuid, stored, bytes } = self;
        let facts = |Compared { entry, computed, column }: Compared| Facts {
            computed,
            column,
            recorded_at: entry.recorded_at.micros(),
            erased: entry.slots.iter().filter(|slot| slot.is_erased()).map(|slot| slot.number).collect(),
            open: entry.slots.iter().filter(|slot| !slot.is_erased()).map(|slot| slot.number).collect(),
        };
        let why = |error| match error {
            StoreError::Changed { what, .. } => what,
            other => other.to_string(),
        };
        Read { position, uuid, stored, entry: compared.map(facts).map_err(why), bytes }
    }
}

/// The positions of rows that a log of this size does not have: some of them, and whether there are more.
pub(super) fn beyond(conn: &mut DbConnection, (channel_id, stream): LogKey, size: i64, limit: i64) -> QueryResult<Vec<i64>> {
    match stream {
        Stream::Events => {
            use events as e;
            let outside = e::channel_id.eq(channel_id).and(e::position.ge(size).or(e::position.lt(0)));
            e::table.filter(outside).order(e::position).limit(limit).select(e::position).load(conn)
        }
        Stream::ActionLogs => {
            use action_logs as a;
            let outside = a::channel_id.eq(channel_id).and(a::position.ge(size).or(a::position.lt(0)));
            a::table.filter(outside).order(a::position).limit(limit).select(a::position).load(conn)
        }
        Stream::Checkpoints => {
            use root_entries as r;
            let outside = r::channel_id.eq(channel_id).and(r::position.ge(size).or(r::position.lt(0)));
            r::table.filter(outside).order(r::position).limit(limit).select(r::position).load(conn)
        }
    }
}

/// Whether there is a row at each of these positions.
pub(super) fn are_complete(conn: &mut DbConnection, (channel_id, stream): LogKey, positions: Range<i64>) -> QueryResult<bool> {
    let Range { start, end } = positions;
    let count: i64 = match stream {
        Stream::Events => {
            use events as e;
            let within = e::channel_id.eq(channel_id).and(e::position.ge(start)).and(e::position.lt(end));
            e::table.filter(within).count().get_result(conn)?
        }
        Stream::ActionLogs => {
            use action_logs as a;
            let within = a::channel_id.eq(channel_id).and(a::position.ge(start)).and(a::position.lt(end));
            a::table.filter(within).count().get_result(conn)?
        }
        Stream::Checkpoints => {
            use root_entries as r;
            let within = r::channel_id.eq(channel_id).and(r::position.ge(start)).and(r::position.lt(end));
            r::table.filter(within).count().get_result(conn)?
        }
    };
    Ok(count == end - start)
}
