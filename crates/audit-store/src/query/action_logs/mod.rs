//! The queries of action logs.

mod groups;
mod predicate;

pub use groups::ActionLogGroupBy;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use audit_domain::{
    ActionLog, ActionLogFilter, ActionLogFilterColumns, ActionLogSortField, ActionLogSortRow, ChannelId, Clock, ContentTypes,
    CursorOrder, Interval, JsonText, MaskingPolicy, NewActionLog, PreparedEntry, SortKey, action_log_slot,
};
use diesel::connection::DefaultLoadingMode;
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Untyped};

use super::erasing::Erasing;
use super::expressions::{EveryColumn, ValueBytes};
use super::fetch_size::in_fetches;
use super::room::Room;
use super::start::{Behind, PageStart, begin};
use super::table::{Filter, LogPosition, RecordKey, Selection, Table, hand_on};
use crate::connection::{Backend, DbConnection, on_inner};
use crate::dialect::{self, among};
use crate::error::StoreError;
use crate::postings::{Building, Condition, Dimension, Point, Term};
use crate::row::{ActionLogRecordRow, ActionLogRow};
use crate::schema::action_logs;

/// The stream of action logs: the records of applications' loggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionLogs;

impl Filter<ActionLog> for ActionLogFilter {
    fn is_impossible(&self) -> bool {
        ActionLogFilter::is_impossible(self)
    }

    fn reads_values(&self) -> bool {
        self.search.is_some()
    }

    fn position(&self) -> Interval {
        self.position
    }

    fn keeps(&self, log: &ActionLog) -> bool {
        self.matches(log)
    }

    fn in_order(&self, order: CursorOrder) -> ActionLogFilter {
        match order {
            CursorOrder::Timestamp => ActionLogFilter { position: Interval::default(), ..self.clone() },
            CursorOrder::Position => ActionLogFilter { position: self.position, ..ActionLogFilter::default() },
        }
    }

    fn condition(&self) -> Option<Condition> {
        predicate::condition(self)
    }

    fn starting_at(&self, position: i64) -> ActionLogFilter {
        let mut filter = self.clone();
        filter.position.ge(position);
        filter
    }

    fn ending_before(&self, position: i64) -> ActionLogFilter {
        let mut filter = self.clone();
        filter.position.lt(position);
        filter
    }

    fn since(&self, micros: i64) -> ActionLogFilter {
        let mut filter = self.clone();
        filter.created_at.ge(micros);
        filter
    }
}

type Row = (i64, i64, i64, Option<i64>);

fn sort_row((channel_id, position, created_at, level): Row) -> ActionLogSortRow {
    ActionLogSortRow { channel_id, position, created_at, level }
}

impl Table for ActionLogs {
    const TIME: &'static str = "created_at";

    fn prepare(
        new: NewActionLog,
        channel: ChannelId,
        _types: &dyn Fn() -> Result<Arc<ContentTypes>, StoreError>,
        masking: &MaskingPolicy,
        clock: &Clock,
    ) -> Result<PreparedEntry, StoreError> {
        Ok(new.prepare_with(channel, masking, clock)?)
    }

    fn is_by_time(key: &SortKey<ActionLogSortField>) -> bool {
        key.field == ActionLogSortField::CreatedAt
    }

    fn is_by_position(key: &SortKey<ActionLogSortField>) -> bool {
        key.field == ActionLogSortField::Position
    }

    fn dimension(field: ActionLogSortField) -> Option<Dimension> {
        (field == ActionLogSortField::Level).then_some(Dimension::Level)
    }

    fn value(field: ActionLogSortField, row: &ActionLogSortRow) -> Option<Vec<u8>> {
        row.level.filter(|_| field == ActionLogSortField::Level).map(Term::number_value)
    }

    fn columns(field: ActionLogSortField) -> &'static [(&'static str, bool)] {
        match field {
            ActionLogSortField::CreatedAt => &[("created_at", false)],
            ActionLogSortField::Position => &[("position", false)],
            ActionLogSortField::Level => &[("level", true)],
        }
    }

    fn find_checked(
        conn: &mut DbConnection,
        channel_id: i64,
        key: RecordKey,
        bytes_max: Option<usize>,
    ) -> Result<Option<ActionLog>, StoreError> {
        use action_logs as a;
        let small = |bytes: usize| ValueBytes(a::table).le(bytes as i64);
        let rows: Vec<ActionLogRow<'static>> = match key {
            RecordKey::Uuid(uuid) => {
                let found = a::table.filter(a::channel_id.eq(channel_id).and(a::uuid.eq(uuid.as_bytes().as_slice())));
                match bytes_max {
                    None => on_inner!(conn, |conn| found.select(EveryColumn(a::table)).load(conn))?,
                    Some(bytes) => on_inner!(conn, |conn| found.filter(small(bytes)).select(EveryColumn(a::table)).load(conn))?,
                }
            }
            RecordKey::Position(position) => {
                let found = a::table.filter(a::channel_id.eq(channel_id).and(a::position.eq(position)));
                match bytes_max {
                    None => on_inner!(conn, |conn| found.select(EveryColumn(a::table)).load(conn))?,
                    Some(bytes) => on_inner!(conn, |conn| found.filter(small(bytes)).select(EveryColumn(a::table)).load(conn))?,
                }
            }
        };
        rows.into_iter().next().map(ActionLogRow::into_checked).transpose()
    }

    fn at_within(
        conn: &mut DbConnection,
        channel_id: i64,
        positions: &[i64],
        room: &mut Room,
    ) -> Result<Vec<ActionLog>, StoreError> {
        use action_logs as a;
        let of_positions = a::table.filter(a::channel_id.eq(channel_id)).filter(among(conn, a::position, positions));
        on_inner!(conn, |conn| {
            let rows = of_positions.select(ActionLogRecordRow::as_select());
            room.collect(rows.load_iter::<ActionLogRecordRow<'static>, DefaultLoadingMode>(conn)?)
        })
    }

    fn bytes(conn: &mut DbConnection, channel_id: i64, positions: &[i64]) -> Result<Vec<(i64, i64)>, StoreError> {
        let of_positions =
            action_logs::table.filter(action_logs::channel_id.eq(channel_id)).filter(among(conn, action_logs::position, positions));
        Ok(of_positions.select((action_logs::position, ValueBytes(action_logs::table))).load(conn)?)
    }

    fn count(conn: &mut DbConnection, channel_id: i64, filter: &ActionLogFilter) -> Result<i64, StoreError> {
        Ok(action_logs::table.filter(predicate::for_channel(channel_id, filter)).count().get_result(conn)?)
    }

    fn positions(conn: &mut DbConnection, channel_id: i64, of: &Selection<'_, ActionLogFilter>) -> Result<Vec<i64>, StoreError> {
        let ordered = action_logs::table.filter(predicate::for_channel(channel_id, of.filter)).order(sql::<Untyped>(of.order));
        Ok(ordered.select(action_logs::position).limit(of.limit).offset(of.skip).load(conn)?)
    }

    fn positions_by_time(
        conn: &mut DbConnection,
        channel_id: i64,
        descending: bool,
        skip: i64,
        limit: i64,
    ) -> Result<Vec<i64>, StoreError> {
        use action_logs as t;
        let of_log = t::table.filter(t::channel_id.eq(channel_id)).select(t::position).limit(limit).offset(skip);
        Ok(if descending {
            let newest = of_log.order((t::created_at.desc(), t::position.desc()));
            on_inner!(conn, |conn| newest.load(conn))?
        } else {
            let oldest = of_log.order((t::created_at, t::position));
            on_inner!(conn, |conn| oldest.load(conn))?
        })
    }

    fn places(
        conn: &mut DbConnection,
        channels: &[i64],
        of: &Selection<'_, ActionLogFilter>,
    ) -> Result<Vec<LogPosition>, StoreError> {
        let ordered = action_logs::table.filter(predicate::for_channels(conn, channels, of.filter)).order(sql::<Untyped>(of.order));
        Ok(ordered.select((action_logs::channel_id, action_logs::position)).limit(of.limit).offset(of.skip).load(conn)?)
    }

    fn sort_rows(
        conn: &mut DbConnection,
        channel_id: i64,
        of: &Selection<'_, ActionLogFilter>,
    ) -> Result<Vec<ActionLogSortRow>, StoreError> {
        let ordered = action_logs::table.filter(predicate::for_channel(channel_id, of.filter)).order(sql::<Untyped>(of.order));
        let columns = (action_logs::channel_id, action_logs::position, action_logs::created_at, action_logs::level);
        let rows: Vec<Row> = ordered.select(columns).limit(of.limit).offset(of.skip).load(conn)?;
        Ok(rows.into_iter().map(sort_row).collect())
    }

    fn sort_rows_at(conn: &mut DbConnection, channel_id: i64, positions: &[i64]) -> Result<Vec<ActionLogSortRow>, StoreError> {
        use action_logs as a;
        let at = a::table.filter(a::channel_id.eq(channel_id)).filter(among(conn, a::position, positions));
        let rows: Vec<Row> = on_inner!(conn, |conn| at.select((a::channel_id, a::position, a::created_at, a::level)).load(conn))?;
        Ok(rows.into_iter().map(sort_row).collect())
    }

    fn step(
        conn: &mut DbConnection,
        channel_id: i64,
        start: &PageStart,
        of: &Selection<'_, ActionLogFilter>,
        take: &mut dyn FnMut(ActionLog) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let after_start = after_start(channel_id, start, of).select(ActionLogRecordRow::as_select());
        hand_on(after_start.load_iter::<ActionLogRecordRow<'static>, DefaultLoadingMode>(conn)?, take)
    }

    fn step_points(
        conn: &mut DbConnection,
        channel_id: i64,
        start: &PageStart,
        of: &Selection<'_, ActionLogFilter>,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        Ok(after_start(channel_id, start, of).select((action_logs::created_at, action_logs::position)).load(conn)?)
    }

    fn points(
        conn: &mut DbConnection,
        channel_id: i64,
        positions: Range<i64>,
        filter: &ActionLogFilter,
    ) -> Result<Vec<Point>, StoreError> {
        let rows = predicate::points(conn, channel_id, positions, filter)?;
        Ok(rows.into_iter().map(|(time, position)| Point { time, position }).collect())
    }

    fn recorded_at(conn: &mut DbConnection, channel_id: i64, position: i64) -> Result<Option<i64>, StoreError> {
        let of_entry = action_logs::table.find((channel_id, position));
        let rows: Vec<i64> = of_entry.select(action_logs::recorded_at).load(conn)?;
        Ok(rows.into_iter().next())
    }

    fn index(
        conn: &mut DbConnection,
        channel_id: i64,
        positions: Range<i64>,
        erasing: &Erasing<'_>,
        into: &mut Building,
    ) -> Result<(), StoreError> {
        in_fetches(positions, |Range { start, end }| {
            dialect::go_on(conn)?;
            let between = action_logs::position.ge(start).and(action_logs::position.lt(end));
            let rows = action_logs::table.filter(action_logs::channel_id.eq(channel_id).and(between)).order(action_logs::position);
            let rows: Vec<IndexedColumns> = rows.select(IndexedColumns::as_select()).load(conn)?;
            Ok(rows.into_iter().map(|row| row.without(erasing).index(into)).sum())
        })
    }

    fn spans(
        conn: &mut DbConnection,
        channel_id: i64,
        filter: &ActionLogFilter,
        span: &str,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        let rows = action_logs::table.filter(predicate::for_channel(channel_id, filter)).group_by(sql::<BigInt>(span));
        Ok(rows.select((sql::<BigInt>(span), count_star())).load(conn)?)
    }
}

/// The columns from which an action log is indexed.
#[derive(Queryable, Selectable)]
#[diesel(table_name = action_logs)]
struct IndexedColumns {
    position: i64,
    created_at: i64,
    producer_id: i64,
    level: Option<i64>,
    logger_name: Option<String>,
    app_name: Option<String>,
    correlation_id: Option<String>,
    message: Option<String>,
    trace: Option<String>,
}

impl IndexedColumns {
    /// Leaves out what is being erased.
    fn without(mut self, erasing: &Erasing<'_>) -> IndexedColumns {
        for number in erasing.slots_at(self.position) {
            match *number {
                action_log_slot::SUBJECT => {
                    (self.level, self.logger_name, self.app_name, self.correlation_id) = (None, None, None, None);
                }
                action_log_slot::MESSAGE => self.message = None,
                action_log_slot::TRACE => self.trace = None,
                // The index has nothing of the others.
                _ => {}
            }
        }
        self
    }

    /// Adds the record to a segment. Returns the bytes of values that this took.
    fn index(self, into: &mut Building) -> usize {
        let IndexedColumns { position, created_at: time, producer_id, level, logger_name, app_name, .. } = self;
        let IndexedColumns { correlation_id, message, trace, .. } = self;
        into.begin(Point { time, position });
        let keys = ActionLogFilterColumns { level, logger_name, app_name, correlation_id };
        Term::of_action_log(producer_id, &keys).iter().for_each(|term| into.add(term));
        let mut bytes = 0;
        for value in [message, trace].into_iter().flatten().map(JsonText::from_trusted) {
            bytes += value.as_str().len();
            if let Some(text) = value.decoded() {
                into.add_words(text.as_bytes());
            }
        }
        bytes
    }
}

fn after_start<'a>(
    channel_id: i64,
    start: &PageStart,
    of: &Selection<'_, ActionLogFilter>,
) -> action_logs::BoxedQuery<'a, Backend> {
    let matching = action_logs::table.filter(predicate::for_channel(channel_id, of.filter));
    let ordered = matching.order(sql::<Untyped>(of.order)).limit(of.limit).into_boxed();
    begin!(ordered, start, action_logs::created_at, action_logs::position)
}
