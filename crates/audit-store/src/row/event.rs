//! The rows of events.

use std::borrow::Cow;

use audit_domain::{Event, EventFilterColumns, PreparedEntry, Stream, slot};
use diesel::prelude::*;

use super::{Common, Placement};
use crate::error::StoreError;
use crate::schema::events;

/// An event for reading.
#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
pub(crate) struct EventRow {
    channel_id: i64,
    position: i64,
    uuid: Vec<u8>,
    timestamp: i64,
    recorded_at: i64,
    producer_id: i64,
    seals: Vec<u8>,
    leaf_hash: Vec<u8>,
    subject_json: Option<String>,
    user_json: Option<String>,
    remote_addr_json: Option<String>,
    url_json: Option<String>,
    query_params: Option<String>,
    post_data: Option<String>,
    headers: Option<String>,
    content: Option<String>,
    description_json: Option<String>,
    extra: Option<String>,
}

impl TryFrom<EventRow> for Event {
    type Error = StoreError;

    /// Fails for a row that no append could have written. `checked.rs` compares other rows with
    /// their leaf hash.
    fn try_from(mut row: EventRow) -> Result<Event, StoreError> {
        let common = Common {
            stream: Stream::Events,
            channel_id: row.channel_id,
            position: row.position,
            uuid: std::mem::take(&mut row.uuid),
            timestamp: row.timestamp,
            recorded_at: row.recorded_at,
            producer_id: row.producer_id,
            seals: std::mem::take(&mut row.seals),
            leaf_hash: std::mem::take(&mut row.leaf_hash),
        };
        common.into_entry(slot::SUBJECT..=slot::EXTRA, |number| row.take(number)).map(Event::from)
    }
}

impl EventRow {
    fn take(&mut self, number: u8) -> Option<String> {
        match number {
            slot::SUBJECT => self.subject_json.take(),
            slot::USER => self.user_json.take(),
            slot::REMOTE_ADDR => self.remote_addr_json.take(),
            slot::URL => self.url_json.take(),
            slot::QUERY_PARAMS => self.query_params.take(),
            slot::POST_DATA => self.post_data.take(),
            slot::HEADERS => self.headers.take(),
            slot::CONTENT => self.content.take(),
            slot::DESCRIPTION => self.description_json.take(),
            slot::EXTRA => self.extra.take(),
            _ => None,
        }
    }
}

/// An event for an insert, and for a copy from one database to another: every column.
#[derive(Insertable, Queryable, Selectable, PartialEq)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub(crate) struct NewEventRow<'a> {
    pub(crate) channel_id: i64,
    pub(crate) position: i64,
    uuid: Vec<u8>,
    pub(crate) timestamp: i64,
    pub(crate) recorded_at: i64,
    producer_id: i64,
    pub(super) content_type: Option<i64>,
    pub(super) object_num: Option<i64>,
    pub(super) user_num: Option<i64>,
    pub(super) action: Option<Cow<'a, str>>,
    pub(super) table_name: Option<Cow<'a, str>>,
    pub(super) object_id: Option<Cow<'a, str>>,
    pub(super) user_id: Option<Cow<'a, str>>,
    pub(super) user_name: Option<Cow<'a, str>>,
    pub(super) remote_addr: Option<Cow<'a, str>>,
    pub(super) url: Option<Cow<'a, str>>,
    seals: Vec<u8>,
    leaf_hash: Vec<u8>,
    subject_json: Option<Cow<'a, str>>,
    user_json: Option<Cow<'a, str>>,
    remote_addr_json: Option<Cow<'a, str>>,
    url_json: Option<Cow<'a, str>>,
    query_params: Option<Cow<'a, str>>,
    post_data: Option<Cow<'a, str>>,
    headers: Option<Cow<'a, str>>,
    content: Option<Cow<'a, str>>,
    description_json: Option<Cow<'a, str>>,
    extra: Option<Cow<'a, str>>,
}

impl<'a> NewEventRow<'a> {
    pub(super) fn new(event: &'a PreparedEntry, keys: &'a EventFilterColumns, placement: &Placement) -> NewEventRow<'a> {
        let slots = event.slots();
        let value = |number| slots.value(number).map(|value| Cow::Borrowed(value.as_str()));
        let text = |key: &'a Option<String>| key.as_deref().map(Cow::Borrowed);
        NewEventRow {
            channel_id: event.channel_id().get(),
            position: placement.position,
            uuid: event.uuid().as_bytes().to_vec(),
            timestamp: event.timestamp().micros(),
            recorded_at: placement.recorded_at.micros(),
            producer_id: placement.producer_id,
            content_type: keys.content_type,
            object_num: keys.object_num,
            user_num: keys.user_num,
            action: text(&keys.action),
            table_name: text(&keys.table_name),
            object_id: text(&keys.object_id),
            user_id: text(&keys.user_id),
            user_name: text(&keys.user_name),
            remote_addr: text(&keys.remote_addr),
            url: text(&keys.url),
            seals: slots.encode_openings(),
            leaf_hash: placement.leaf_hash.0.to_vec(),
            subject_json: value(slot::SUBJECT),
            user_json: value(slot::USER),
            remote_addr_json: value(slot::REMOTE_ADDR),
            url_json: value(slot::URL),
            query_params: value(slot::QUERY_PARAMS),
            post_data: value(slot::POST_DATA),
            headers: value(slot::HEADERS),
            content: value(slot::CONTENT),
            description_json: value(slot::DESCRIPTION),
            extra: value(slot::EXTRA),
        }
    }
}

impl NewEventRow<'_> {
    /// The bytes of the slots.
    pub(crate) fn bytes(&self) -> usize {
        let slots = [&self.subject_json, &self.user_json, &self.remote_addr_json, &self.url_json, &self.query_params];
        let slots = slots.into_iter().chain([&self.post_data, &self.headers, &self.content, &self.description_json, &self.extra]);
        slots.flatten().map(|slot| slot.len()).sum()
    }
}

impl From<NewEventRow<'_>> for EventRow {
    fn from(row: NewEventRow<'_>) -> EventRow {
        let text = |slot: Option<Cow<'_, str>>| slot.map(Cow::into_owned);
        EventRow {
            channel_id: row.channel_id,
            position: row.position,
            uuid: row.uuid,
            timestamp: row.timestamp,
            recorded_at: row.recorded_at,
            producer_id: row.producer_id,
            seals: row.seals,
            leaf_hash: row.leaf_hash,
            subject_json: text(row.subject_json),
            user_json: text(row.user_json),
            remote_addr_json: text(row.remote_addr_json),
            url_json: text(row.url_json),
            query_params: text(row.query_params),
            post_data: text(row.post_data),
            headers: text(row.headers),
            content: text(row.content),
            description_json: text(row.description_json),
            extra: text(row.extra),
        }
    }
}
