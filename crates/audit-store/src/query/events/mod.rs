//! The queries of events.

mod groups;
mod predicate;

pub use groups::GroupBy;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use audit_domain::uuid::Uuid;
use audit_domain::{
    ChannelId, Clock, ContentTypes, CursorOrder, Event, EventFilter, EventFilterColumns, Interval, JsonText, MaskingPolicy,
    NewEvent, PreparedEntry, SortField, SortKey, SortRow, Stream, changed_fields, slot,
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
use crate::row::{EventRecordRow, EventRow};
use crate::schema::events;

/// The stream of audit events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Events;

impl Filter<Event> for EventFilter {
    fn is_impossible(&self) -> bool {
        EventFilter::is_impossible(self)
    }

    fn reads_values(&self) -> bool {
        EventFilter::reads_values(self)
    }

    fn position(&self) -> Interval {
        self.position
    }

    fn keeps(&self, event: &Event) -> bool {
        self.matches(event)
    }

    fn in_order(&self, order: CursorOrder) -> EventFilter {
        match order {
            CursorOrder::Timestamp => EventFilter { position: Interval::default(), ..self.clone() },
            CursorOrder::Position => EventFilter { position: self.position, ..EventFilter::default() },
        }
    }

    fn condition(&self) -> Option<Condition> {
        predicate::condition(self)
    }

    fn starting_at(&self, position: i64) -> EventFilter {
        let mut filter = self.clone();
        filter.position.ge(position);
        filter
    }

    fn ending_before(&self, position: i64) -> EventFilter {
        let mut filter = self.clone();
        filter.position.lt(position);
        filter
    }

    fn since(&self, micros: i64) -> EventFilter {
        let mut filter = self.clone();
        filter.timestamp.ge(micros);
        filter
    }
}

impl Table for Events {
    const TIME: &'static str = "timestamp";

    fn prepare(
        new: NewEvent,
        channel: ChannelId,
        types: &dyn Fn() -> Result<Arc<ContentTypes>, StoreError>,
        masking: &MaskingPolicy,
        clock: &Clock,
    ) -> Result<PreparedEntry, StoreError> {
        Ok(new.prepare_with(channel, &*types()?, masking, clock)?)
    }

    fn is_by_time(key: &SortKey<SortField>) -> bool {
        key.field == SortField::Timestamp
    }

    fn is_by_position(key: &SortKey<SortField>) -> bool {
        key.field == SortField::Position
    }

    fn dimension(field: SortField) -> Option<Dimension> {
        match field {
            SortField::ContentType => Some(Dimension::ContentType),
            SortField::ObjectId => Some(Dimension::ObjectId),
            SortField::User => Some(Dimension::UserId),
            SortField::Timestamp | SortField::Uuid | SortField::Position => None,
        }
    }

    fn value(field: SortField, row: &SortRow) -> Option<Vec<u8>> {
        match field {
            SortField::ContentType => row.content_type.map(Term::number_value),
            SortField::ObjectId => row.object_id.as_ref().map(|id| id.as_bytes().to_vec()),
            SortField::User => row.user_id.as_ref().map(|id| id.as_bytes().to_vec()),
            SortField::Timestamp | SortField::Uuid | SortField::Position => None,
        }
    }

    fn columns(field: SortField) -> &'static [(&'static str, bool)] {
        match field {
            SortField::Timestamp => &[("timestamp", false)],
            SortField::Uuid => &[("uuid", false)],
            SortField::Position => &[("position", false)],
            SortField::ContentType => &[("content_type", true)],
            SortField::ObjectId => &[("object_num", true), ("object_id", true)],
            SortField::User => &[("user_num", true), ("user_id", true)],
        }
    }

    fn find_checked(
        conn: &mut DbConnection,
        channel_id: i64,
        key: RecordKey,
        bytes_max: Option<usize>,
    ) -> Result<Option<Event>, StoreError> {
        use events as t;
        let small = |bytes: usize| ValueBytes(t::table).le(bytes as i64);
        let rows: Vec<EventRow<'static>> = match key {
            RecordKey::Uuid(uuid) => {
                let found = t::table.filter(t::channel_id.eq(channel_id).and(t::uuid.eq(uuid.as_bytes().as_slice())));
                match bytes_max {
                    None => on_inner!(conn, |conn| found.select(EveryColumn(t::table)).load(conn))?,
                    Some(bytes) => on_inner!(conn, |conn| found.filter(small(bytes)).select(EveryColumn(t::table)).load(conn))?,
                }
            }
            RecordKey::Position(position) => {
                let found = t::table.filter(t::channel_id.eq(channel_id).and(t::position.eq(position)));
                match bytes_max {
                    None => on_inner!(conn, |conn| found.select(EveryColumn(t::table)).load(conn))?,
                    Some(bytes) => on_inner!(conn, |conn| found.filter(small(bytes)).select(EveryColumn(t::table)).load(conn))?,
                }
            }
        };
        rows.into_iter().next().map(EventRow::into_checked).transpose()
    }

    fn at_within(conn: &mut DbConnection, channel_id: i64, positions: &[i64], room: &mut Room) -> Result<Vec<Event>, StoreError> {
        let of_positions = events::table.filter(events::channel_id.eq(channel_id)).filter(among(conn, events::position, positions));
        on_inner!(conn, |conn| {
            let rows = of_positions.select(EventRecordRow::as_select());
            room.collect(rows.load_iter::<EventRecordRow<'static>, DefaultLoadingMode>(conn)?)
        })
    }

    fn bytes(conn: &mut DbConnection, channel_id: i64, positions: &[i64]) -> Result<Vec<(i64, i64)>, StoreError> {
        let of_positions = events::table.filter(events::channel_id.eq(channel_id)).filter(among(conn, events::position, positions));
        Ok(of_positions.select((events::position, ValueBytes(events::table))).load(conn)?)
    }

    fn count(conn: &mut DbConnection, channel_id: i64, filter: &EventFilter) -> Result<i64, StoreError> {
        Ok(events::table.filter(predicate::for_channel(channel_id, filter)).count().get_result(conn)?)
    }

    fn positions(conn: &mut DbConnection, channel_id: i64, of: &Selection<'_, EventFilter>) -> Result<Vec<i64>, StoreError> {
        let ordered = events::table.filter(predicate::for_channel(channel_id, of.filter)).order(sql::<Untyped>(of.order));
        Ok(ordered.select(events::position).limit(of.limit).offset(of.skip).load(conn)?)
    }

    fn positions_by_time(
        conn: &mut DbConnection,
        channel_id: i64,
        descending: bool,
        skip: i64,
        limit: i64,
    ) -> Result<Vec<i64>, StoreError> {
        use events as t;
        let of_log = t::table.filter(t::channel_id.eq(channel_id)).select(t::position).limit(limit).offset(skip);
        Ok(if descending {
            let newest = of_log.order((t::timestamp.desc(), t::position.desc()));
            on_inner!(conn, |conn| newest.load(conn))?
        } else {
            let oldest = of_log.order((t::timestamp, t::position));
            on_inner!(conn, |conn| oldest.load(conn))?
        })
    }

    fn places(conn: &mut DbConnection, channels: &[i64], of: &Selection<'_, EventFilter>) -> Result<Vec<LogPosition>, StoreError> {
        let ordered = events::table.filter(predicate::for_channels(conn, channels, of.filter)).order(sql::<Untyped>(of.order));
        Ok(ordered.select((events::channel_id, events::position)).limit(of.limit).offset(of.skip).load(conn)?)
    }

    fn sort_rows(conn: &mut DbConnection, channel_id: i64, of: &Selection<'_, EventFilter>) -> Result<Vec<SortRow>, StoreError> {
        let ordered = events::table.filter(predicate::for_channel(channel_id, of.filter)).order(sql::<Untyped>(of.order));
        let rows: Vec<SortColumns> = ordered.select(SortColumns::as_select()).limit(of.limit).offset(of.skip).load(conn)?;
        rows.into_iter().map(SortRow::try_from).collect()
    }

    fn sort_rows_at(conn: &mut DbConnection, channel_id: i64, positions: &[i64]) -> Result<Vec<SortRow>, StoreError> {
        let at = events::table.filter(events::channel_id.eq(channel_id)).filter(among(conn, events::position, positions));
        let rows: Vec<SortColumns> = on_inner!(conn, |conn| at.select(SortColumns::as_select()).load(conn))?;
        rows.into_iter().map(SortRow::try_from).collect()
    }

    fn step(
        conn: &mut DbConnection,
        channel_id: i64,
        start: &PageStart,
        of: &Selection<'_, EventFilter>,
        take: &mut dyn FnMut(Event) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let after_start = after_start(channel_id, start, of).select(EventRecordRow::as_select());
        hand_on(after_start.load_iter::<EventRecordRow<'static>, DefaultLoadingMode>(conn)?, take)
    }

    fn step_points(
        conn: &mut DbConnection,
        channel_id: i64,
        start: &PageStart,
        of: &Selection<'_, EventFilter>,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        Ok(after_start(channel_id, start, of).select((events::timestamp, events::position)).load(conn)?)
    }

    fn points(
        conn: &mut DbConnection,
        channel_id: i64,
        positions: Range<i64>,
        filter: &EventFilter,
    ) -> Result<Vec<Point>, StoreError> {
        let rows = predicate::points(conn, channel_id, positions, filter)?;
        Ok(rows.into_iter().map(|(time, position)| Point { time, position }).collect())
    }

    fn recorded_at(conn: &mut DbConnection, channel_id: i64, position: i64) -> Result<Option<i64>, StoreError> {
        let rows: Vec<i64> = events::table.find((channel_id, position)).select(events::recorded_at).load(conn)?;
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
            let between = events::position.ge(start).and(events::position.lt(end));
            let rows = events::table.filter(events::channel_id.eq(channel_id).and(between)).order(events::position);
            let rows: Vec<IndexedColumns> = rows.select(IndexedColumns::as_select()).load(conn)?;
            Ok(rows.into_iter().map(|row| row.without(erasing).index(into)).sum())
        })
    }

    fn spans(conn: &mut DbConnection, channel_id: i64, filter: &EventFilter, span: &str) -> Result<Vec<(i64, i64)>, StoreError> {
        let rows = events::table.filter(predicate::for_channel(channel_id, filter)).group_by(sql::<BigInt>(span));
        Ok(rows.select((sql::<BigInt>(span), count_star())).load(conn)?)
    }
}

/// The columns by which events are sorted.
#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
struct SortColumns {
    channel_id: i64,
    position: i64,
    timestamp: i64,
    uuid: Vec<u8>,
    content_type: Option<i64>,
    object_num: Option<i64>,
    object_id: Option<String>,
    user_num: Option<i64>,
    user_id: Option<String>,
}

impl TryFrom<SortColumns> for SortRow {
    type Error = StoreError;

    fn try_from(columns: SortColumns) -> Result<SortRow, StoreError> {
        let SortColumns { channel_id, position, timestamp, uuid, content_type, object_num, object_id, user_num, user_id } = columns;
        let what = "its uuid is not valid".to_owned();
        let uuid =
            Uuid::from_slice(&uuid).map_err(|_| StoreError::Changed { stream: Stream::Events, channel_id, position, what })?;
        Ok(SortRow { channel_id, position, timestamp, uuid, content_type, object_num, object_id, user_num, user_id })
    }
}

/// The columns from which an event is indexed.
#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
struct IndexedColumns {
    position: i64,
    timestamp: i64,
    producer_id: i64,
    content_type: Option<i64>,
    action: Option<String>,
    table_name: Option<String>,
    object_id: Option<String>,
    user_id: Option<String>,
    user_name: Option<String>,
    user_email: Option<String>,
    remote_addr: Option<String>,
    url: Option<String>,
    outcome: Option<String>,
    correlation_id: Option<String>,
    source: Option<String>,
    impersonator_id: Option<String>,
    user_json: Option<String>,
    url_json: Option<String>,
    content: Option<String>,
    description_json: Option<String>,
}

impl IndexedColumns {
    /// Adds the event to a segment. Returns the bytes of values that this took.
    /// Leaves out what is being erased.
    fn without(mut self, erasing: &Erasing<'_>) -> IndexedColumns {
        for number in erasing.slots_at(self.position) {
            match *number {
                slot::SUBJECT => {
                    self.content_type = None;
                    let texts = [&mut self.action, &mut self.table_name, &mut self.object_id];
                    let more = [&mut self.outcome, &mut self.correlation_id, &mut self.source];
                    texts.into_iter().chain(more).for_each(|text| *text = None);
                }
                slot::USER => {
                    let texts = [&mut self.user_id, &mut self.user_name, &mut self.user_email, &mut self.user_json];
                    texts.into_iter().for_each(|text| *text = None);
                }
                slot::REMOTE_ADDR => self.remote_addr = None,
                slot::URL => (self.url, self.url_json) = (None, None),
                slot::CONTENT => self.content = None,
                slot::DESCRIPTION => self.description_json = None,
                slot::IMPERSONATOR => self.impersonator_id = None,
                // The index has nothing of the others.
                _ => {}
            }
        }
        self
    }

    fn index(self, into: &mut Building) -> usize {
        let IndexedColumns { position, timestamp: time, producer_id, content_type, action, table_name, object_id, .. } = self;
        let IndexedColumns {
            user_id, user_name, user_email, remote_addr, url, user_json, url_json, content, description_json, ..
        } = self;
        let IndexedColumns { outcome, correlation_id, source, impersonator_id, .. } = self;
        let keys = EventFilterColumns {
            content_type,
            action,
            table_name,
            object_id,
            user_id,
            user_name,
            user_email,
            remote_addr,
            url,
            outcome,
            correlation_id,
            source,
            impersonator_id,
            // The index has the texts of these ids.
            object_num: None,
            user_num: None,
        };
        into.begin(Point { time, position });
        Term::of_event(producer_id, &keys).iter().for_each(|term| into.add(term));
        let mut bytes = 0;
        let content = content.map(JsonText::from_trusted);
        if let Some(content) = &content {
            changed_fields(content).iter().for_each(|name| into.add_changed(&name.index_key()));
        }
        let others = [user_json, url_json, description_json].into_iter().flatten().map(JsonText::from_trusted);
        for value in others.chain(content) {
            bytes += value.as_str().len();
            value.each_text(|text| into.add_words(text));
        }
        bytes
    }
}

fn after_start<'a>(channel_id: i64, start: &PageStart, of: &Selection<'_, EventFilter>) -> events::BoxedQuery<'a, Backend> {
    let matching = events::table.filter(predicate::for_channel(channel_id, of.filter));
    let ordered = matching.order(sql::<Untyped>(of.order)).limit(of.limit).into_boxed();
    begin!(ordered, start, events::timestamp, events::position)
}
