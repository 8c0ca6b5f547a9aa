//! Events as the database holds them.

use audit_domain::{Event, EventKeys, JsonText, PreparedEntry, slot};
use diesel::prelude::*;

use super::{Common, Placement};
use crate::error::StoreError;
use crate::schema::events;

/// An event as it is read.
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

    /// Fails for a row that no append could have written: somebody changed it behind the log's back.
    fn try_from(mut row: EventRow) -> Result<Event, StoreError> {
        let common = Common {
            channel_id: row.channel_id,
            position: row.position,
            uuid: std::mem::take(&mut row.uuid),
            timestamp: row.timestamp,
            recorded_at: row.recorded_at,
            producer_id: row.producer_id,
            seals: std::mem::take(&mut row.seals),
            leaf_hash: std::mem::take(&mut row.leaf_hash),
        };
        common.into_entry(slot::SUBJECT..=slot::EXTRA, |number| row.take(number)).map(Event)
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

/// An event as it is inserted.
#[derive(Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub(crate) struct NewEventRow<'a> {
    channel_id: i64,
    position: i64,
    uuid: &'a [u8],
    timestamp: i64,
    recorded_at: i64,
    producer_id: i64,
    content_type: Option<i64>,
    object_num: Option<i64>,
    user_num: Option<i64>,
    action: Option<&'a str>,
    table_name: Option<&'a str>,
    object_id: Option<&'a str>,
    user_id: Option<&'a str>,
    user_name: Option<&'a str>,
    remote_addr: Option<&'a str>,
    url: Option<&'a str>,
    seals: Vec<u8>,
    leaf_hash: &'a [u8],
    subject_json: Option<&'a str>,
    user_json: Option<&'a str>,
    remote_addr_json: Option<&'a str>,
    url_json: Option<&'a str>,
    query_params: Option<&'a str>,
    post_data: Option<&'a str>,
    headers: Option<&'a str>,
    content: Option<&'a str>,
    description_json: Option<&'a str>,
    extra: Option<&'a str>,
}

impl<'a> NewEventRow<'a> {
    pub(crate) fn new(
        event: &'a PreparedEntry,
        keys: &'a EventKeys,
        uuid: &'a [u8; 16],
        placement: &'a Placement,
    ) -> NewEventRow<'a> {
        let slots = event.slots();
        let value = |number| slots.value(number).map(JsonText::as_str);
        NewEventRow {
            channel_id: event.channel_id().get(),
            position: placement.position,
            uuid,
            timestamp: event.timestamp().micros(),
            recorded_at: placement.recorded_at.micros(),
            producer_id: placement.producer_id,
            content_type: keys.content_type,
            object_num: keys.object_num,
            user_num: keys.user_num,
            action: keys.action.as_deref(),
            table_name: keys.table_name.as_deref(),
            object_id: keys.object_id.as_deref(),
            user_id: keys.user_id.as_deref(),
            user_name: keys.user_name.as_deref(),
            remote_addr: keys.remote_addr.as_deref(),
            url: keys.url.as_deref(),
            seals: slots.seals(),
            leaf_hash: &placement.leaf_hash.0,
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
