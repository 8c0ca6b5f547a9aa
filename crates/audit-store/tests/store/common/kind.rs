//! What a log holds: events or action logs. A test of what both have in common is written once, over this.

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{
    ActionLog, ActionLogFilter, ActionLogSortRow, ChannelGrant, ChannelId, CursorKey, CursorScope, Event, EventFilter,
    FilterColumns, NewActionLog, NewEvent, ParseMode, Sort, SortBy, SortRow, action_log_slot, slot,
};
pub(crate) use audit_store::{ActionLogs, Events};
use audit_store::{CursorPage, LogStream, Page, PageNumber, Prepared, Store, StoreError, StreamTypes};

use super::preparer;

/// The values by which a record is sorted.
pub(crate) type Row<K> = <<K as StreamTypes>::SortField as SortBy>::Row;

/// A page of a list, as values that a test can draw and print.
#[derive(Debug, Clone)]
pub(crate) struct ListQuery<K: Kind> {
    pub(crate) channels: ChannelGrant,
    pub(crate) filter: K::Filter,
    pub(crate) sort: Sort<K::SortField>,
    pub(crate) page: PageNumber,
    pub(crate) size: i64,
}

impl<K: Kind> ListQuery<K> {
    pub(crate) fn run(&self, store: &Store) -> Page<K::Stored> {
        let list = store.channels(self.channels.clone()).log::<K>().list(self.filter.clone()).sort(self.sort.clone());
        list.page(self.page, self.size).unwrap()
    }
}

/// A page of a walk, likewise.
#[derive(Debug, Clone)]
pub(crate) struct CursorQuery<F> {
    pub(crate) walk: CursorScope<F>,
    pub(crate) after: Option<CursorKey>,
    pub(crate) size: usize,
    pub(crate) counted: bool,
}

/// What a test needs to know of the entries of a stream.
pub(crate) trait Kind: LogStream {
    const TABLE: &'static str;
    /// Members that a record has to have.
    const REQUIRED: &'static str;
    /// A member that has its own slot, and takes any text.
    const TEXT: (&'static str, u8);
    /// A column of a slot, the slot, and the filter columns made from it.
    const SLOTS: &'static [(u8, &'static str, &'static [&'static str])];

    /// Reads a record and makes it ready for the channel it names.
    fn parse(json: &str, reading: ParseMode) -> Option<Prepared>;
    fn matches(filter: &Self::Filter, record: &Self::Stored) -> bool;
    fn row(record: &Self::Stored) -> Row<Self>;
    fn filter_columns(record: &Self::Stored) -> FilterColumns;
    fn json(record: &Self::Stored) -> String;

    /// A point through the text of its cursor.
    fn through_text(walk: &CursorScope<Self::Filter>, point: CursorKey) -> CursorKey;

    fn try_get(store: &Store, channels: &ChannelGrant, first: ChannelId, uuid: Uuid) -> Result<Option<Self::Stored>, StoreError> {
        store.channels(channels.clone()).log::<Self>().find(uuid).first_in(first).get()
    }

    fn get(store: &Store, channels: &ChannelGrant, first: ChannelId, uuid: Uuid) -> Option<Self::Stored> {
        Self::try_get(store, channels, first, uuid).unwrap()
    }

    fn walk(store: &Store, query: &CursorQuery<Self::Filter>) -> CursorPage<Self::Stored> {
        let CursorScope { order, descending, channels, filter } = query.walk.clone();
        let channels = crate::common::grant(&channels);
        let walk = store.channels(channels).log::<Self>().by_cursor(filter).order(order).descending(descending);
        let walk = match query.after {
            Some(key) => walk.after(key),
            None => walk,
        };
        let walk = walk.counted(query.counted);
        walk.page(query.size).unwrap()
    }

    /// A record with these members and what is required, for the channel it names, else the default one.
    fn entry(members: &str) -> Prepared {
        let all = [Self::REQUIRED, members].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(",");
        Self::parse(&format!("{{{all}}}"), ParseMode::LENIENT).unwrap()
    }
}

impl Kind for Events {
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

    fn parse(json: &str, reading: ParseMode) -> Option<Prepared> {
        let event = NewEvent::parse(json, reading).ok()?;
        let channel = event.channel_id.unwrap_or(ChannelId::DEFAULT);
        Some(preparer().channels(channel).events().prepare(event).unwrap())
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

    fn through_text(walk: &CursorScope, point: CursorKey) -> CursorKey {
        walk.point(&walk.cursor(point)).unwrap()
    }
}

impl Kind for ActionLogs {
    const TABLE: &'static str = "action_logs";
    const REQUIRED: &'static str = r#""level":20,"message":"m""#;
    const TEXT: (&'static str, u8) = ("trace", action_log_slot::TRACE);
    const SLOTS: &'static [(u8, &'static str, &'static [&'static str])] = &[
        (action_log_slot::SUBJECT, "subject_json", &["level", "logger_name", "app_name"]),
        (action_log_slot::MESSAGE, "message", &[]),
        (action_log_slot::TRACE, "trace", &[]),
        (action_log_slot::EXTRA, "extra", &[]),
    ];

    fn parse(json: &str, reading: ParseMode) -> Option<Prepared> {
        let log = NewActionLog::parse(json, reading).ok()?;
        let channel = log.channel_id.unwrap_or(ChannelId::DEFAULT);
        Some(preparer().channels(channel).action_logs().prepare(log).unwrap())
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

    fn through_text(walk: &CursorScope<ActionLogFilter>, point: CursorKey) -> CursorKey {
        walk.point(&walk.cursor(point)).unwrap()
    }
}
