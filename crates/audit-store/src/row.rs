//! Rows as the database holds them: primitives, joined to the domain by one conversion each.

use std::collections::BTreeSet;

use audit_domain::log::{LeafHash, Slots};
use audit_domain::uuid::Uuid;
use audit_domain::{ChannelGrant, ChannelId, Event, JsonText, PreparedEvent, Timestamp, Token, slot};
use diesel::prelude::*;

use crate::error::StoreError;
use crate::schema::{events, tokens};

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
        let corrupt =
            |what: &str| StoreError::Corrupt { channel_id: row.channel_id, position: row.position, what: what.to_owned() };
        let channel_id = ChannelId::new(row.channel_id).ok_or_else(|| corrupt("channel_id"))?;
        let uuid = Uuid::from_slice(&row.uuid).map_err(|_| corrupt("uuid"))?;
        let timestamp = Timestamp::from_micros(row.timestamp).ok_or_else(|| corrupt("timestamp"))?;
        let recorded_at = Timestamp::from_micros(row.recorded_at).ok_or_else(|| corrupt("recorded_at"))?;
        let leaf_hash = row.leaf_hash.as_slice().try_into().map(LeafHash).map_err(|_| corrupt("leaf_hash"))?;
        let (channel, position, seals) = (row.channel_id, row.position, std::mem::take(&mut row.seals));
        let slots = Slots::from_stored(&seals, |number| row.take(number).map(JsonText::from_trusted))
            .map_err(|error| StoreError::Corrupt { channel_id: channel, position, what: error.to_string() })?;
        if (slot::SUBJECT..=slot::EXTRA).any(|number| row.take(number).is_some()) {
            let what = "a slot has a value without a seal".to_owned();
            return Err(StoreError::Corrupt { channel_id: channel, position, what });
        }
        Ok(Event { channel_id, position, uuid, timestamp, recorded_at, producer_id: row.producer_id, slots, leaf_hash })
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

/// What the log adds to an event when it takes it.
pub(crate) struct Placement {
    pub(crate) position: i64,
    pub(crate) recorded_at: Timestamp,
    pub(crate) producer_id: i64,
    pub(crate) leaf_hash: LeafHash,
}

impl<'a> NewEventRow<'a> {
    pub(crate) fn new(event: &'a PreparedEvent, uuid: &'a [u8; 16], placement: &'a Placement) -> NewEventRow<'a> {
        let (keys, slots) = (event.keys(), event.slots());
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

/// A token, without the digest of its key.
#[derive(Queryable, Selectable)]
#[diesel(table_name = tokens)]
pub(crate) struct TokenRow {
    id: i64,
    name: String,
    role: String,
    channels: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl TryFrom<TokenRow> for Token {
    type Error = StoreError;

    /// Fails for a row that was not written here; such a token opens nothing.
    fn try_from(row: TokenRow) -> Result<Token, StoreError> {
        // No channel at all is a grant too, which no command line would spell.
        let none = || row.channels.is_empty().then(|| ChannelGrant::Only(BTreeSet::new()));
        let corrupt = |what: &str| StoreError::CorruptToken { id: row.id, what: what.to_owned() };
        let instant = |micros: i64| Timestamp::from_micros(micros).ok_or_else(|| corrupt("an instant"));
        Ok(Token {
            id: row.id,
            role: row.role.parse().map_err(|_| corrupt("role"))?,
            channels: none().map_or_else(|| row.channels.parse(), Ok).map_err(|_| corrupt("channels"))?,
            created_at: instant(row.created_at)?,
            expires_at: row.expires_at.map(instant).transpose()?,
            revoked_at: row.revoked_at.map(instant).transpose()?,
            name: row.name,
        })
    }
}
