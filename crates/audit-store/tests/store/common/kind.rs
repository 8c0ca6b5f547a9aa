//! What a log holds: events or action logs. A test of what both have in common is written once, over this.

use std::fmt::Debug;

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{
    ActionLog, ActionLogFilter, ActionLogSortField, ActionLogSortRow, ChannelGrant, ChannelId, CursorKey, CursorScope, Entry,
    Event, EventFilter, FilterColumns, NewActionLog, NewEvent, ParseMode, PreparedEntry, Sort, SortBy, SortField, SortRow, Stream,
    action_log_slot, slot,
};
use audit_store::{CursorPage, CursorQuery, ListPage, ListQuery, Store, StoreError};

/// What a test needs to know of the entries of a stream.
pub(crate) trait Kind: Copy + 'static {
    const STREAM: Stream;
    const TABLE: &'static str;
    /// Members that a record has to have.
    const REQUIRED: &'static str;
    /// A member that has its own slot, and takes any text.
    const TEXT: (&'static str, u8);
    /// A column of a slot, the slot, and the filter columns made from it.
    const SLOTS: &'static [(u8, &'static str, &'static [&'static str])];

    type StoredEntry: AsRef<Entry> + From<Entry> + Debug + Clone + PartialEq;
    type Filter: Debug + Clone + Default;
    type Field: SortBy<Row = Self::Row> + Debug + 'static;
    type Row;

    /// Reads a record and makes it ready for the channel it names.
    fn parse(json: &str, reading: ParseMode) -> Option<PreparedEntry>;
    fn matches(filter: &Self::Filter, record: &Self::StoredEntry) -> bool;
    fn row(record: &Self::StoredEntry) -> Self::Row;
    fn filter_columns(record: &Self::StoredEntry) -> FilterColumns;
    fn json(record: &Self::StoredEntry) -> String;

    fn try_get(
        store: &Store,
        channels: &ChannelGrant,
        first: ChannelId,
        uuid: Uuid,
    ) -> Result<Option<Self::StoredEntry>, StoreError>;
    fn list(store: &Store, query: &ListQuery<Self::Filter, Sort<Self::Field>>) -> ListPage<Self::StoredEntry>;
    fn walk(store: &Store, query: &CursorQuery<Self::Filter>) -> CursorPage<Self::StoredEntry>;

    /// A point through the text of its cursor.
    fn through_text(walk: &CursorScope<Self::Filter>, point: CursorKey) -> CursorKey;

    fn get(store: &Store, channels: &ChannelGrant, first: ChannelId, uuid: Uuid) -> Option<Self::StoredEntry> {
        Self::try_get(store, channels, first, uuid).unwrap()
    }

    /// A record with these members and what is required, for the channel it names, else the default one.
    fn entry(members: &str) -> PreparedEntry {
        let all = [Self::REQUIRED, members].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(",");
        Self::parse(&format!("{{{all}}}"), ParseMode::NATIVE).unwrap()
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Events;

#[derive(Debug, Clone, Copy)]
pub(crate) struct ActionLogs;

impl Kind for Events {
    const STREAM: Stream = Stream::Events;
    const TABLE: &'static str = "events";
    const REQUIRED: &'static str = "";
    const TEXT: (&'static str, u8) = ("content", slot::CONTENT);
    const SLOTS: &'static [(u8, &'static str, &'static [&'static str])] = &[
        (slot::SUBJECT, "subject_json", &["action", "content_type", "table_name", "object_id", "object_num"]),
        (slot::USER, "user_json", &["user_id", "user_num", "user_name"]),
        (slot::REMOTE_ADDR, "remote_addr_json", &["remote_addr"]),
        (slot::URL, "url_json", &["url"]),
        (slot::QUERY_PARAMS, "query_params", &[]),
        (slot::POST_DATA, "post_data", &[]),
        (slot::HEADERS, "headers", &[]),
        (slot::CONTENT, "content", &[]),
        (slot::DESCRIPTION, "description_json", &[]),
        (slot::EXTRA, "extra", &[]),
    ];

    type StoredEntry = Event;
    type Filter = EventFilter;
    type Field = SortField;
    type Row = SortRow;

    fn parse(json: &str, reading: ParseMode) -> Option<PreparedEntry> {
        let event = NewEvent::parse(json, reading).ok()?;
        let channel = event.channel_id.unwrap_or(ChannelId::DEFAULT);
        Some(event.prepare(channel).unwrap())
    }

    fn matches(filter: &EventFilter, event: &Event) -> bool {
        filter.matches(event)
    }

    fn row(event: &Event) -> SortRow {
        SortRow::from_event(event)
    }

    fn filter_columns(event: &Event) -> FilterColumns {
        FilterColumns::Event(event.filter_columns())
    }

    fn json(event: &Event) -> String {
        event.to_json()
    }

    fn try_get(store: &Store, channels: &ChannelGrant, first: ChannelId, uuid: Uuid) -> Result<Option<Event>, StoreError> {
        store.get(channels, first, uuid)
    }

    fn list(store: &Store, query: &ListQuery) -> ListPage<Event> {
        store.list(query).unwrap()
    }

    fn walk(store: &Store, query: &CursorQuery) -> CursorPage<Event> {
        store.walk(query).unwrap()
    }

    fn through_text(walk: &CursorScope, point: CursorKey) -> CursorKey {
        walk.point(&walk.cursor(point)).unwrap()
    }
}

impl Kind for ActionLogs {
    const STREAM: Stream = Stream::ActionLogs;
    const TABLE: &'static str = "action_logs";
    const REQUIRED: &'static str = r#""level":20,"message":"m""#;
    const TEXT: (&'static str, u8) = ("trace", action_log_slot::TRACE);
    const SLOTS: &'static [(u8, &'static str, &'static [&'static str])] = &[
        (action_log_slot::SUBJECT, "subject_json", &["level", "logger_name", "app_name"]),
        (action_log_slot::MESSAGE, "message", &[]),
        (action_log_slot::TRACE, "trace", &[]),
        (action_log_slot::EXTRA, "extra", &[]),
    ];

    type StoredEntry = ActionLog;
    type Filter = ActionLogFilter;
    type Field = ActionLogSortField;
    type Row = ActionLogSortRow;

    fn parse(json: &str, reading: ParseMode) -> Option<PreparedEntry> {
        let log = NewActionLog::parse(json, reading).ok()?;
        let channel = log.channel_id.unwrap_or(ChannelId::DEFAULT);
        Some(log.prepare(channel).unwrap())
    }

    fn matches(filter: &ActionLogFilter, log: &ActionLog) -> bool {
        filter.matches(log)
    }

    fn row(log: &ActionLog) -> ActionLogSortRow {
        ActionLogSortRow::from_action_log(log)
    }

    fn filter_columns(log: &ActionLog) -> FilterColumns {
        FilterColumns::ActionLog(log.filter_columns())
    }

    fn json(log: &ActionLog) -> String {
        let mut out = String::new();
        log.write_json(&mut out);
        out
    }

    fn try_get(store: &Store, channels: &ChannelGrant, first: ChannelId, uuid: Uuid) -> Result<Option<ActionLog>, StoreError> {
        store.get_action_log(channels, first, uuid)
    }

    fn list(store: &Store, query: &audit_store::ActionLogListQuery) -> ListPage<ActionLog> {
        store.list_action_logs(query).unwrap()
    }

    fn walk(store: &Store, query: &CursorQuery<ActionLogFilter>) -> CursorPage<ActionLog> {
        store.walk_action_logs(query).unwrap()
    }

    fn through_text(walk: &CursorScope<ActionLogFilter>, point: CursorKey) -> CursorKey {
        walk.point(&walk.cursor(point)).unwrap()
    }
}
