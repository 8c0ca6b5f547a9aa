//! The interface to the tables of the two streams. The lists, walks and counts of this module are
//! written once for it.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use audit_domain::uuid::Uuid;
use audit_domain::{ChannelId, Clock, ContentTypes, CursorOrder, Interval, MaskingPolicy, PreparedEntry, Sort, SortBy, SortKey};
use diesel::QueryResult;

use super::erasing::Erasing;
use super::room::Room;
use super::start::PageStart;
use super::stream::StreamTypes;
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::limit;
use crate::postings::{Building, Condition, Dimension, Point};

/// What names one record of a log.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RecordKey {
    /// Its uuid.
    Uuid(Uuid),
    /// Its position.
    Position(i64),
}

/// Channel and position.
pub(crate) type LogPosition = (i64, i64);

/// The table of a stream. Its functions are single statements; their callers decide which ones to
/// run, and in which snapshot. The texts of a filter compare by their index keys, as they are
/// stored.
pub(crate) trait Table: StreamTypes<Filter: Filter<<Self as StreamTypes>::Stored>> {
    /// The column with the time of an entry.
    const TIME: &'static str;

    /// Prepares a record for the log of a channel. `types` reads the registry of object types.
    fn prepare(
        new: Self::New,
        channel: ChannelId,
        types: &dyn Fn() -> Result<Arc<ContentTypes>, StoreError>,
        masking: &MaskingPolicy,
        clock: &Clock,
    ) -> Result<PreparedEntry, StoreError>;

    /// Whether a sort is by the time of entries and by nothing else.
    fn is_by_time(key: &SortKey<Self::SortField>) -> bool;

    /// Whether a sort is by position.
    fn is_by_position(key: &SortKey<Self::SortField>) -> bool;

    /// The dimension of the index with the values of a field.
    fn dimension(field: Self::SortField) -> Option<Dimension>;

    /// The value of a row in the dimension of a field.
    fn value(field: Self::SortField, row: &<Self::SortField as SortBy>::Row) -> Option<Vec<u8>>;

    /// The columns by which a field is sorted, and whether each may be null.
    fn columns(field: Self::SortField) -> &'static [(&'static str, bool)];

    /// Reads an entry by its unique key and checks it against its leaf hash;
    /// [`StoreError::Changed`] if it differs. With `bytes_max`, it returns the entry only if its
    /// values are not larger.
    fn find_checked(
        conn: &mut DbConnection,
        channel_id: i64,
        key: RecordKey,
        bytes_max: Option<usize>,
    ) -> Result<Option<Self::Stored>, StoreError>;

    /// Reads entries by position, in any order, as many as there is room for.
    fn at_within(
        conn: &mut DbConnection,
        channel_id: i64,
        positions: &[i64],
        room: &mut Room,
    ) -> Result<Vec<Self::Stored>, StoreError>;

    /// Reads entries by position, in any order, all of them.
    fn at(conn: &mut DbConnection, channel_id: i64, positions: &[i64]) -> Result<Vec<Self::Stored>, StoreError> {
        Self::at_within(conn, channel_id, positions, &mut Room::endless())
    }

    /// Reads the bytes of the values by position, in any order, without reading the values.
    fn bytes(conn: &mut DbConnection, channel_id: i64, positions: &[i64]) -> Result<Vec<(i64, i64)>, StoreError>;

    /// Counts the matching entries row by row, without the conditions that need the values.
    fn count(conn: &mut DbConnection, channel_id: i64, filter: &Self::Filter) -> Result<i64, StoreError>;

    /// Reads positions of one channel, in an order.
    fn positions(conn: &mut DbConnection, channel_id: i64, of: &Selection<'_, Self::Filter>) -> Result<Vec<i64>, StoreError>;

    /// Reads positions of one channel in the order of time, or in the opposite order.
    fn positions_by_time(
        conn: &mut DbConnection,
        channel_id: i64,
        descending: bool,
        skip: i64,
        limit: i64,
    ) -> Result<Vec<i64>, StoreError>;

    /// Reads places of several channels, in one order.
    fn places(conn: &mut DbConnection, channels: &[i64], of: &Selection<'_, Self::Filter>) -> Result<Vec<LogPosition>, StoreError>;

    /// Reads the sort values of entries of one channel, in an order.
    fn sort_rows(
        conn: &mut DbConnection,
        channel_id: i64,
        of: &Selection<'_, Self::Filter>,
    ) -> Result<Vec<<Self::SortField as SortBy>::Row>, StoreError>;

    /// Reads the sort values of the entries at these positions, in any order.
    fn sort_rows_at(
        conn: &mut DbConnection,
        channel_id: i64,
        positions: &[i64],
    ) -> Result<Vec<<Self::SortField as SortBy>::Row>, StoreError>;

    /// Reads the next entries of a walk, in its order, until `take` has enough.
    fn step(
        conn: &mut DbConnection,
        channel_id: i64,
        start: &PageStart,
        of: &Selection<'_, Self::Filter>,
        take: &mut dyn FnMut(Self::Stored) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Reads the times and positions of the next entries of a walk.
    fn step_points(
        conn: &mut DbConnection,
        channel_id: i64,
        start: &PageStart,
        of: &Selection<'_, Self::Filter>,
    ) -> Result<Vec<(i64, i64)>, StoreError>;

    /// Reads the times and positions of the entries in a range of positions that match a filter
    /// which an index can answer, without the conditions that need the values, in any order.
    fn points(
        conn: &mut DbConnection,
        channel_id: i64,
        positions: Range<i64>,
        filter: &Self::Filter,
    ) -> Result<Vec<Point>, StoreError>;

    /// Reads the commit time of the entry at a position. Later entries have no earlier commit time.
    fn recorded_at(conn: &mut DbConnection, channel_id: i64, position: i64) -> Result<Option<i64>, StoreError>;

    /// Adds the entries at some positions to a segment, in order, with their terms.
    fn index(
        conn: &mut DbConnection,
        channel_id: i64,
        positions: Range<i64>,
        erasing: &Erasing<'_>,
        into: &mut Building,
    ) -> Result<(), StoreError>;

    /// Counts the matching entries by span of so many microseconds, with the start of each span.
    fn spans(conn: &mut DbConnection, channel_id: i64, filter: &Self::Filter, span: &str) -> Result<Vec<(i64, i64)>, StoreError>;
}

/// The properties of a filter that queries need in addition to its SQL.
pub(crate) trait Filter<R>: Clone + Default + PartialEq {
    /// Whether every record matches, because the filter has no condition.
    fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether no record can match.
    fn is_impossible(&self) -> bool;

    /// Whether a condition is beyond SQL, so that the found records must be read.
    fn reads_values(&self) -> bool;

    /// The positions that the filter selects.
    fn position(&self) -> Interval;

    /// Whether a record matches the whole filter.
    fn keeps(&self, record: &R) -> bool;

    /// The filter for the SQL of a walk that reads records. It leaves the conditions that would
    /// make the database sort for each fetch to [`Filter::keeps`].
    fn in_order(&self, order: CursorOrder) -> Self;

    /// The condition for an index; `None` if the filter has a condition that is not indexed.
    fn condition(&self) -> Option<Condition>;

    /// The same filter, from a position on.
    fn starting_at(&self, position: i64) -> Self;

    /// The same filter, before a position.
    fn ending_before(&self, position: i64) -> Self;

    /// The same filter, from an instant on.
    fn since(&self, micros: i64) -> Self;
}

/// Passes rows on as they arrive, until `take` has enough.
pub(crate) fn hand_on<Row, R: TryFrom<Row, Error = StoreError>>(
    rows: impl Iterator<Item = QueryResult<Row>>,
    take: &mut dyn FnMut(R) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    for row in rows {
        // A database checks the limit after its own steps, and a row of a megabyte takes only a
        // few.
        limit::check()?;
        if take(R::try_from(row?)?).is_break() {
            break;
        }
    }
    Ok(())
}

/// A part of the matching entries.
pub(crate) struct Selection<'a, F> {
    /// The filter.
    pub(crate) filter: &'a F,
    /// `ORDER BY`
    pub(crate) order: &'a str,
    /// Entries that are skipped; a walk skips none.
    pub(crate) skip: i64,
    /// The largest number of entries.
    pub(crate) limit: i64,
}

/// The `ORDER BY` of a sort with its ties. Null sorts last in both directions, by a key of its own,
/// because the databases disagree about its place. The text is written out, because diesel's time
/// for nested keys doubles with each of them.
pub(crate) fn order_by<T: Table>(sort: &Sort<T::SortField>, ties: &[&str]) -> String {
    let mut keys: Vec<String> = Vec::new();
    for key in sort.keys() {
        for (column, may_be_null) in T::columns(key.field) {
            if *may_be_null {
                keys.push(format!("({column} IS NULL) ASC"));
            }
            keys.push(directed(column, key.descending));
        }
    }
    keys.extend(ties.iter().map(|column| directed(column, sort.ties_descend())));
    keys.join(", ")
}

/// One key of an `ORDER BY`.
pub(crate) fn directed(column: &str, descending: bool) -> String {
    format!("{column} {}", if descending { "DESC" } else { "ASC" })
}
