//! The queries of events.

mod groups;
mod predicate;

pub use groups::GroupBy;

use std::ops::ControlFlow;

use audit_domain::uuid::Uuid;
use audit_domain::{Event, EventFilter, Interval, SortField, SortKey, SortRow, Stream, WalkOrder, index_key};
use diesel::connection::DefaultLoadingMode;
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Untyped};

use super::every_column::EveryColumn;
use super::room::Room;
use super::start::{Behind, Start, begin};
use super::table::{Filter, Part, Place, Table, bytes_of, hand_on};
use crate::connection::{Backend, DbConnection};
use crate::counters::{Dimension, Tally};
use crate::error::StoreError;
use crate::row::{EventRow, NewEventRow};
use crate::schema::events;

/// The columns of the values.
const SLOTS: [&str; 10] = [
    "subject_json",
    "user_json",
    "remote_addr_json",
    "url_json",
    "query_params",
    "post_data",
    "headers",
    "content",
    "description_json",
    "extra",
];

/// The table of events.
pub(crate) struct Events;

impl Filter<Event> for EventFilter {
    fn is_impossible(&self) -> bool {
        EventFilter::is_impossible(self)
    }

    fn looks_into_records(&self) -> bool {
        false
    }

    fn keeps(&self, event: &Event) -> bool {
        self.matches(event)
    }

    fn in_order(&self, _: WalkOrder) -> EventFilter {
        self.clone()
    }

    fn parts(&self) -> Vec<EventFilter> {
        vec![self.clone()]
    }

    fn tally(&self) -> Option<Tally> {
        // Every field by name: one that is added must not be forgotten here.
        let EventFilter { never, uuid, content_type, table_name, object_id, user, person, action, url, remote_addr, .. } = self;
        let EventFilter { timestamp, recorded_at, position, .. } = self;
        let uncounted =
            *never || uuid.is_some() || object_id.is_some() || person.is_some() || url.is_some() || remote_addr.is_some();
        if uncounted || *recorded_at != Interval::default() || *position != Interval::default() {
            return None;
        }
        let key = |text: &String| index_key(text.as_bytes());
        let mut asked = [
            (Dimension::ContentType, content_type.map(|number| number.to_string())),
            (Dimension::TableName, table_name.as_ref().map(key)),
            (Dimension::Action, action.as_ref().map(key)),
            (Dimension::User, user.as_ref().map(key)),
        ]
        .into_iter()
        .filter_map(|(dimension, key)| key.map(|key| (dimension, key)));
        let (dimension, key) = asked.next().unwrap_or((Dimension::Total, String::new()));
        asked.next().is_none().then_some(Tally { dimension, key, time: *timestamp })
    }

    fn within(&self, time: Interval) -> EventFilter {
        EventFilter { timestamp: time, ..self.clone() }
    }
}

impl Table for Events {
    const STREAM: Stream = Stream::Events;
    const NAME: &'static str = "events";
    const TIME: &'static str = "timestamp";
    const DIMENSIONS: &'static [(Dimension, &'static str)] = &[
        (Dimension::Total, "CAST('' AS TEXT)"),
        (Dimension::ContentType, "CAST(content_type AS TEXT)"),
        (Dimension::TableName, "table_name"),
        (Dimension::Action, "action"),
        (Dimension::User, "user_id"),
        (Dimension::Person, "COALESCE(user_name, user_id)"),
    ];

    type Record = Event;
    type Filter = EventFilter;
    type SortField = SortField;

    fn is_by_time(key: &SortKey) -> bool {
        key.field == SortField::Timestamp
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

    /// `.load()` without LIMIT: diesel spends 20 µs on building one.
    fn find_checked(conn: &mut DbConnection, channel_id: i64, uuid: Uuid) -> Result<Option<Event>, StoreError> {
        let rows: Vec<NewEventRow<'static>> = events::table
            .filter(events::channel_id.eq(channel_id).and(events::uuid.eq(uuid.as_bytes().as_slice())))
            .select(EveryColumn(events::table))
            .load(conn)?;
        rows.into_iter().next().map(NewEventRow::into_checked).transpose()
    }

    fn at_within(conn: &mut DbConnection, channel_id: i64, positions: Vec<i64>, room: &mut Room) -> Result<Vec<Event>, StoreError> {
        let rows = events::table
            .filter(events::channel_id.eq(channel_id))
            .filter(events::position.eq_any(positions))
            .select(EventRow::as_select())
            .load_iter::<EventRow, DefaultLoadingMode>(conn)?;
        room.collect(rows)
    }

    fn bytes(conn: &mut DbConnection, channel_id: i64, positions: Vec<i64>) -> Result<Vec<(i64, i64)>, StoreError> {
        let of_positions = events::table.filter(events::channel_id.eq(channel_id)).filter(events::position.eq_any(positions));
        Ok(of_positions.select((events::position, sql::<BigInt>(&bytes_of(&SLOTS)))).load(conn)?)
    }

    fn count(conn: &mut DbConnection, channel_id: i64, filter: &EventFilter) -> Result<i64, StoreError> {
        Ok(events::table.filter(predicate::of(channel_id, filter)).count().get_result(conn)?)
    }

    fn positions(conn: &mut DbConnection, channel_id: i64, of: &Part<'_, EventFilter>) -> Result<Vec<i64>, StoreError> {
        let ordered = events::table.filter(predicate::of(channel_id, of.filter)).order(sql::<Untyped>(of.order));
        Ok(ordered.select(events::position).limit(of.limit).offset(of.skip).load(conn)?)
    }

    fn places(conn: &mut DbConnection, channels: Vec<i64>, of: &Part<'_, EventFilter>) -> Result<Vec<Place>, StoreError> {
        let ordered = events::table.filter(predicate::of_any(channels, of.filter)).order(sql::<Untyped>(of.order));
        Ok(ordered.select((events::channel_id, events::position)).limit(of.limit).offset(of.skip).load(conn)?)
    }

    fn sort_rows(conn: &mut DbConnection, channel_id: i64, of: &Part<'_, EventFilter>) -> Result<Vec<SortRow>, StoreError> {
        type Selected = (i64, i64, i64, Vec<u8>, Option<i64>, Option<i64>, Option<String>, Option<i64>, Option<String>);
        let ordered = events::table.filter(predicate::of(channel_id, of.filter)).order(sql::<Untyped>(of.order));
        let rows: Vec<Selected> = ordered
            .select((
                events::channel_id,
                events::position,
                events::timestamp,
                events::uuid,
                events::content_type,
                events::object_num,
                events::object_id,
                events::user_num,
                events::user_id,
            ))
            .limit(of.limit)
            .offset(of.skip)
            .load(conn)?;
        rows.into_iter()
            .map(|(channel_id, position, timestamp, uuid, content_type, object_num, object_id, user_num, user_id)| {
                let uuid = Uuid::from_slice(&uuid);
                let uuid = uuid.map_err(|_| StoreError::Changed {
                    stream: Stream::Events,
                    channel_id,
                    position,
                    what: "its uuid is not one".to_owned(),
                })?;
                Ok(SortRow { channel_id, position, timestamp, uuid, content_type, object_num, object_id, user_num, user_id })
            })
            .collect()
    }

    /// No filter of events looks into them.
    fn found(conn: &mut DbConnection, channel_id: i64, filter: &EventFilter) -> Result<Vec<SortRow>, StoreError> {
        Events::sort_rows(conn, channel_id, &Part { filter, order: "position", skip: 0, limit: i64::MAX })
    }

    fn step(
        conn: &mut DbConnection,
        channel_id: i64,
        start: &Start,
        of: &Part<'_, EventFilter>,
        take: &mut dyn FnMut(Event) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let walked = walked(channel_id, start, of).select(EventRow::as_select());
        hand_on(walked.load_iter::<EventRow, DefaultLoadingMode>(conn)?, take)
    }

    fn step_points(
        conn: &mut DbConnection,
        channel_id: i64,
        start: &Start,
        of: &Part<'_, EventFilter>,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        Ok(walked(channel_id, start, of).select((events::timestamp, events::position)).load(conn)?)
    }

    fn spans(conn: &mut DbConnection, channel_id: i64, filter: &EventFilter, span: &str) -> Result<Vec<(i64, i64)>, StoreError> {
        let rows = events::table.filter(predicate::of(channel_id, filter)).group_by(sql::<BigInt>(span));
        Ok(rows.select((sql::<BigInt>(span), count_star())).load(conn)?)
    }
}

fn walked<'a>(channel_id: i64, start: &Start, of: &Part<'_, EventFilter>) -> events::BoxedQuery<'a, Backend> {
    let matching = events::table.filter(predicate::of(channel_id, of.filter));
    let ordered = matching.order(sql::<Untyped>(of.order)).limit(of.limit).into_boxed();
    begin!(ordered, start, events::timestamp, events::position)
}
