//! The native API of events: `/api/v1/events`.

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{
    ChannelGrant, ChannelId, Event, EventFilter, EventValues, InputError, NewEvent, ParseMode, PreparedEntry, Span,
};
use audit_store::{CursorPage, CursorQuery, GroupBy, Histogram, Store, StoreError, Summary};

use super::native::{self, ALLOW_GET, ALLOW_LIST, Query, Stream, instant, integer, text, uuid};
use crate::routes::{Route, Routes};

pub(super) fn configure(routes: &mut Routes<'_>) {
    native::configure::<Events>(routes);
}

pub(crate) struct Events;

impl Stream for Events {
    const LIST: Route = Route::new("/api/v1/events", ALLOW_LIST);
    const SUMMARY: Route = Route::new("/api/v1/events/summary", ALLOW_GET);
    const HISTOGRAM: Route = Route::new("/api/v1/events/histogram", ALLOW_GET);
    const ONE: Route = Route::new("/api/v1/events/{uuid}", ALLOW_GET);

    const NAME: &'static str = "event";
    const TIME: &'static str = "timestamp";

    const FILTERS: &'static [&'static str] = &[
        "uuid",
        "uuid__in",
        "uuid__not",
        "content_type",
        "content_type__in",
        "content_type__not",
        "table_name",
        "table_name__in",
        "table_name__not",
        "object_id",
        "object_id__in",
        "object_id__not",
        "user",
        "user__in",
        "user__not",
        "action",
        "action__in",
        "action__not",
        "url",
        "url__in",
        "url__not",
        "remote_addr",
        "remote_addr__in",
        "remote_addr__not",
        "changed",
        "changed__in",
        "changed__not",
        "search",
        "timestamp",
        "timestamp__gt",
        "timestamp__gte",
        "timestamp__lt",
        "timestamp__lte",
        "recorded_at",
        "recorded_at__gt",
        "recorded_at__gte",
        "recorded_at__lt",
        "recorded_at__lte",
        "position",
        "position__gt",
        "position__gte",
        "position__lt",
        "position__lte",
    ];

    const GROUPS: &'static [(&'static str, GroupBy)] = &[
        ("table_name", GroupBy::TableName),
        ("content_type", GroupBy::ContentType),
        ("user", GroupBy::User),
        ("action", GroupBy::Action),
        ("url", GroupBy::Url),
        ("remote_addr", GroupBy::RemoteAddr),
        ("producer_id", GroupBy::Producer),
        ("hour", GroupBy::Hour),
        ("day", GroupBy::Day),
        ("week", GroupBy::Week),
        ("month", GroupBy::Month),
        ("weekday", GroupBy::Weekday),
    ];

    const SPLITS: &'static [(&'static str, GroupBy)] = &[("action", GroupBy::Action), ("table_name", GroupBy::TableName)];

    type New = NewEvent;
    type StoredEntry = Event;
    type Filter = EventFilter;
    type GroupBy = GroupBy;

    fn parse(text: &str) -> Result<(NewEvent, Option<ChannelId>), InputError> {
        let event = NewEvent::parse(text, ParseMode::NATIVE)?;
        let channel = event.channel_id;
        Ok((event, channel))
    }

    fn prepare(store: &Store, event: NewEvent, channel: ChannelId) -> Result<PreparedEntry, StoreError> {
        store.prepare(event, channel)
    }

    fn is_search(filter: &EventFilter) -> bool {
        filter.reads_values()
    }

    fn filter(query: &mut Query) -> EventFilter {
        EventFilter {
            matches_nothing: false,
            uuid: query.uuid("uuid"),
            content_type: query.parsed("content_type", integer),
            table_name: query.text("table_name"),
            object_id: query.text("object_id"),
            user: query.text("user"),
            person: None,
            action: query.text("action"),
            url: query.text("url"),
            remote_addr: query.text("remote_addr"),
            changed: query.text("changed"),
            search: query.text("search").filter(|part| !part.is_empty()),
            one_of: values(query, "__in"),
            none_of: values(query, "__not"),
            timestamp: query.interval("timestamp", instant),
            recorded_at: query.interval("recorded_at", instant),
            position: query.interval("position", integer),
        }
    }

    fn write(event: &Event, out: &mut String) {
        event.write_json(out);
    }

    fn get(
        store: &Store,
        channels: &ChannelGrant,
        first: ChannelId,
        uuid: Uuid,
        bytes_max: Option<usize>,
    ) -> Result<Option<Event>, StoreError> {
        store.get_within(channels, first, uuid, bytes_max)
    }

    fn walk(store: &Store, query: &CursorQuery) -> Result<CursorPage<Event>, StoreError> {
        store.walk(query)
    }

    fn summary(store: &Store, channels: &ChannelGrant, filter: &EventFilter, by: GroupBy) -> Result<Vec<Summary>, StoreError> {
        store.summaries(channels, filter, &[by])
    }

    fn histogram(
        store: &Store,
        channels: &ChannelGrant,
        filter: &EventFilter,
        span: Span,
        split_by: Option<GroupBy>,
    ) -> Result<Histogram, StoreError> {
        store.histogram(channels, filter, span, split_by)
    }
}

/// What is asked by lists.
fn values(query: &mut Query, suffix: &str) -> EventValues {
    EventValues {
        uuid: query.values("uuid", suffix, uuid),
        content_type: query.values("content_type", suffix, integer),
        table_name: query.values("table_name", suffix, text),
        object_id: query.values("object_id", suffix, text),
        user: query.values("user", suffix, text),
        action: query.values("action", suffix, text),
        url: query.values("url", suffix, text),
        remote_addr: query.values("remote_addr", suffix, text),
        changed: query.values("changed", suffix, text),
    }
}
