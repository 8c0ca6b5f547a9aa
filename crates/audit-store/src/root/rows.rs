//! The rows of the root log.

use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::log_key::{LogKey, ROOT};
use crate::schema::{logs, root_entries};

/// An entry of the root log: a checkpoint of another log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) position: i64,
    pub(crate) log_channel_id: i64,
    pub(crate) log_stream: i16,
    pub(crate) log_name: i64,
    pub(crate) size: i64,
    pub(crate) recorded_at: i64,
    /// The text of the checkpoint: the data of the entry.
    pub(crate) body: String,
    /// The lines of its signatures.
    pub(crate) signatures: String,
}

type Columns = (i64, i64, i16, i64, i64, i64, String, String);

impl Row {
    fn new((position, log_channel_id, log_stream, log_name, size, recorded_at, body, signatures): Columns) -> Row {
        Row { position, log_channel_id, log_stream, log_name, size, recorded_at, body, signatures }
    }

    /// The checkpoint as it was signed.
    pub(crate) fn note(&self) -> String {
        format!("{}\n{}", self.body, self.signatures)
    }
}

macro_rules! columns {
    () => {{
        use root_entries as r;
        (r::position, r::log_channel_id, r::log_stream, r::log_name, r::size, r::recorded_at, r::body, r::signatures)
    }};
}

/// Reads some entries from a position on, in order.
pub(crate) fn rows_from(conn: &mut DbConnection, from: i64, count: i64) -> Result<Vec<Row>, StoreError> {
    let within = root_entries::channel_id.eq(ROOT.0).and(root_entries::position.ge(from));
    let rows: Vec<Columns> =
        root_entries::table.filter(within).order(root_entries::position).limit(count).select(columns!()).load(conn)?;
    Ok(rows.into_iter().map(Row::new).collect())
}

/// Reads the newest checkpoint of a log that the root log has before a position, under one log name.
pub(crate) fn newest_within(
    conn: &mut DbConnection,
    (channel_id, stream): LogKey,
    log_name: i64,
    end: i64,
) -> Result<Option<Row>, StoreError> {
    use root_entries as r;
    let of_log = r::channel_id.eq(ROOT.0).and(r::log_channel_id.eq(channel_id)).and(r::log_stream.eq(stream.number()));
    let within = of_log.and(r::log_name.eq(log_name)).and(r::position.lt(end));
    let newest = r::table.filter(within).order(r::size.desc()).limit(1).select(columns!());
    Ok(newest.load::<Columns>(conn)?.pop().map(Row::new))
}

/// Reads the size of the newest checkpoint of a log that the root log has under one log name.
pub(super) fn size_of(conn: &mut DbConnection, (channel_id, stream): LogKey, log_name: i64) -> Result<Option<i64>, StoreError> {
    use root_entries as r;
    let of_log = r::channel_id.eq(ROOT.0).and(r::log_channel_id.eq(channel_id)).and(r::log_stream.eq(stream.number()));
    let newest = r::table.filter(of_log.and(r::log_name.eq(log_name))).order(r::size.desc()).limit(1).select(r::size);
    Ok(newest.load(conn)?.pop())
}

/// Inserts an entry. The caller has the lock of the root log, and moves its head.
pub(crate) fn insert(conn: &mut DbConnection, row: &Row) -> Result<(), StoreError> {
    use root_entries as r;
    let values = (
        r::channel_id.eq(ROOT.0),
        r::position.eq(row.position),
        r::log_channel_id.eq(row.log_channel_id),
        r::log_stream.eq(row.log_stream),
        r::log_name.eq(row.log_name),
        r::size.eq(row.size),
        r::recorded_at.eq(row.recorded_at),
        r::body.eq(&row.body),
        r::signatures.eq(&row.signatures),
    );
    diesel::insert_into(r::table).values(values).execute(conn)?;
    Ok(())
}

/// Moves the head of the root log.
pub(crate) fn move_head(conn: &mut DbConnection, next_position: i64, recorded_at: i64) -> Result<(), StoreError> {
    let head = logs::table.find((ROOT.0, ROOT.1.number()));
    diesel::update(head).set((logs::next_position.eq(next_position), logs::recorded_at.eq(recorded_at))).execute(conn)?;
    Ok(())
}

/// Reads the number of entries of the root log.
pub(crate) fn size(conn: &mut DbConnection) -> Result<i64, StoreError> {
    Ok(head(conn)?.map_or(0, |(next, _)| next))
}

/// Reads the head of the root log: its next position, and the time of its last entry.
pub(super) fn head(conn: &mut DbConnection) -> Result<Option<(i64, i64)>, StoreError> {
    let head = logs::table.find((ROOT.0, ROOT.1.number())).select((logs::next_position, logs::recorded_at));
    Ok(head.first(conn).optional()?)
}
