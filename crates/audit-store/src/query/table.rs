//! What the queries of the two streams have in common: the lists, walks and counts of this module are written once, over this.

use std::ops::{ControlFlow, Deref, Range};

use audit_domain::uuid::Uuid;
use audit_domain::{CursorOrder, Entry, Interval, Sort, SortBy, SortKey, Stream};
use diesel::QueryResult;

use super::room::Room;
use super::start::PageStart;
use crate::connection::DbConnection;
use crate::error::StoreError;
use crate::limit;
use crate::postings::{Building, Condition, Dimension, Point};

/// Channel and position.
pub(crate) type LogPosition = (i64, i64);

/// The table of a stream. Its functions are single statements; which of them are run, and in which snapshot, is decided by their
/// callers. A filter's texts are compared by their index keys, as they are stored.
pub(crate) trait Table: Sized + 'static {
    /// The stream.
    const STREAM: Stream;
    /// The column of the instant at which an entry happened.
    const TIME: &'static str;

    /// What a row is.
    type StoredEntry: Deref<Target = Entry> + Clone;
    /// What is asked for.
    type Filter: Filter<Self::StoredEntry>;
    /// What a list can be ordered by.
    type SortField: SortBy;

    /// Whether a sort is by the instant at which entries happened, and nothing else.
    fn is_by_time(key: &SortKey<Self::SortField>) -> bool;

    /// Whether a sort is by position.
    fn is_by_position(key: &SortKey<Self::SortField>) -> bool;

    /// The dimension of the index whose values a field is sorted by.
    fn dimension(field: Self::SortField) -> Option<Dimension>;

    /// The value that a row has in the dimension of a field.
    fn value(field: Self::SortField, row: &<Self::SortField as SortBy>::Row) -> Option<Vec<u8>>;

    /// The columns a field is sorted by, and whether each may be null.
    fn columns(field: Self::SortField) -> &'static [(&'static str, bool)];

    /// By unique key, if it is what was appended; [`StoreError::Changed`] otherwise. With `bytes_max`, only if its values are not larger.
    fn find_checked(
        conn: &mut DbConnection,
        channel_id: i64,
        uuid: Uuid,
        bytes_max: Option<usize>,
    ) -> Result<Option<Self::StoredEntry>, StoreError>;

    /// By position, in any order, as many as there is room for.
    fn at_within(
        conn: &mut DbConnection,
        channel_id: i64,
        positions: &[i64],
        room: &mut Room,
    ) -> Result<Vec<Self::StoredEntry>, StoreError>;

    /// By position, in any order, all of them.
    fn at(conn: &mut DbConnection, channel_id: i64, positions: &[i64]) -> Result<Vec<Self::StoredEntry>, StoreError> {
        Self::at_within(conn, channel_id, positions, &mut Room::endless())
    }

    /// By position, in any order: the bytes of their values, which are not read.
    fn bytes(conn: &mut DbConnection, channel_id: i64, positions: &[i64]) -> Result<Vec<(i64, i64)>, StoreError>;

    /// How many match, counted one by one; of a filter that looks into records, whatever it looks for.
    fn count(conn: &mut DbConnection, channel_id: i64, filter: &Self::Filter) -> Result<i64, StoreError>;

    /// Positions of one channel, in an order.
    fn positions(conn: &mut DbConnection, channel_id: i64, of: &Selection<'_, Self::Filter>) -> Result<Vec<i64>, StoreError>;

    /// Positions of one channel in the order in which entries happened, or from the last one on.
    fn positions_by_time(
        conn: &mut DbConnection,
        channel_id: i64,
        descending: bool,
        skip: i64,
        limit: i64,
    ) -> Result<Vec<i64>, StoreError>;

    /// Places of several channels, in one order.
    fn places(conn: &mut DbConnection, channels: &[i64], of: &Selection<'_, Self::Filter>) -> Result<Vec<LogPosition>, StoreError>;

    /// What entries of one channel are ordered by, in an order.
    fn sort_rows(
        conn: &mut DbConnection,
        channel_id: i64,
        of: &Selection<'_, Self::Filter>,
    ) -> Result<Vec<<Self::SortField as SortBy>::Row>, StoreError>;

    /// What the entries at these positions are ordered by; in any order.
    fn sort_rows_at(
        conn: &mut DbConnection,
        channel_id: i64,
        positions: &[i64],
    ) -> Result<Vec<<Self::SortField as SortBy>::Row>, StoreError>;

    /// The next entries of a walk, in its order, until `take` has enough.
    fn step(
        conn: &mut DbConnection,
        channel_id: i64,
        start: &PageStart,
        of: &Selection<'_, Self::Filter>,
        take: &mut dyn FnMut(Self::StoredEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// When the next entries of a walk happened, and their positions.
    fn step_points(
        conn: &mut DbConnection,
        channel_id: i64,
        start: &PageStart,
        of: &Selection<'_, Self::Filter>,
    ) -> Result<Vec<(i64, i64)>, StoreError>;

    /// When the entries in a range of positions happened that match a filter which an index answers, but for what it looks for in
    /// records, and their positions; in any order.
    fn points(
        conn: &mut DbConnection,
        channel_id: i64,
        positions: Range<i64>,
        filter: &Self::Filter,
    ) -> Result<Vec<Point>, StoreError>;

    /// When the entry at a position was committed; later ones were not committed earlier.
    fn recorded_at(conn: &mut DbConnection, channel_id: i64, position: i64) -> Result<Option<i64>, StoreError>;

    /// Adds the entries at some positions to a segment, in their order, with what they are found by.
    fn index(conn: &mut DbConnection, channel_id: i64, positions: Range<i64>, into: &mut Building) -> Result<(), StoreError>;

    /// How many match in each span of so many microseconds, by the start of the span.
    fn spans(conn: &mut DbConnection, channel_id: i64, filter: &Self::Filter, span: &str) -> Result<Vec<(i64, i64)>, StoreError>;
}

/// What the queries need to know of a filter, beside its SQL.
pub(crate) trait Filter<R>: Clone + Default + PartialEq {
    /// Whether every record matches: it is the filter that asks for nothing.
    fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether no record can match.
    fn is_impossible(&self) -> bool;

    /// Whether a part of it is beyond SQL, so that what the database finds is looked through.
    fn reads_values(&self) -> bool;

    /// The positions it asks for.
    fn position(&self) -> Interval;

    /// Whether a record matches, all of the filter looked at.
    fn keeps(&self, record: &R) -> bool;

    /// What the database looks at in a walk that looks into records: what would have it sort for each stride is left to
    /// [`Filter::keeps`].
    fn in_order(&self, order: CursorOrder) -> Self;

    /// What it asks of an index; `None` where it asks for something that is not indexed.
    fn condition(&self) -> Option<Condition>;

    /// The same, from a position on.
    fn starting_at(&self, position: i64) -> Self;

    /// The same, of what comes before a position.
    fn ending_before(&self, position: i64) -> Self;

    /// The same, of what happened at an instant or later.
    fn since(&self, micros: i64) -> Self;
}

/// Hands rows on as they come, until it is enough.
pub(crate) fn hand_on<Row, R: TryFrom<Row, Error = StoreError>>(
    rows: impl Iterator<Item = QueryResult<Row>>,
    take: &mut dyn FnMut(R) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    for row in rows {
        // A database asks by its own steps, and a row of a megabyte is a few.
        limit::check()?;
        if take(R::try_from(row?)?).is_break() {
            break;
        }
    }
    Ok(())
}

/// A part of what matches.
pub(crate) struct Selection<'a, F> {
    /// What is asked for.
    pub(crate) filter: &'a F,
    /// `ORDER BY`
    pub(crate) order: &'a str,
    /// Entries that are passed over; a walk passes over none.
    pub(crate) skip: i64,
    /// Entries at most.
    pub(crate) limit: i64,
}

/// The `ORDER BY` of a sort, ties included. Null sorts last in both directions; as a key of its own, since the databases
/// disagree about where it goes by itself. Written out, because diesel's time for nested keys doubles with each of them.
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
