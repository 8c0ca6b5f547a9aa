//! Generated events with many ties, nulls and odd values, and questions about them.

use audit_store::domain::{EventFilter, EventSort, Interval, SortField, SortKey, index_key};
use proptest::prelude::*;
use proptest::sample::select;

use crate::common::{Scratch, event};
use audit_store::domain::Event;

/// Channels that are written to, and one that is not.
pub(crate) const CHANNELS: [i64; 3] = [0, 1, i64::MAX];
pub(crate) const CHANNEL_UNUSED: i64 = 5;

/// JSON strings: spelled differently and equal, too long, with characters no index takes.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        r#""a""#,
        r#""\u0061""#,
        r#""A""#,
        r#""a ""#,
        r#""""#,
        r#""é""#,
        r#""\u00e9""#,
        r#""😀""#,
        r#""\ud83d\ude00""#,
        r#""a\u0000b""#,
        r#""a\u0000c""#,
        r#""\u0000""#,
        r#""a\u0001b""#,
        r#""\ud800""#,
        r#""\ud800x""#,
        r#""\udc00""#,
        r#""\ud800\n""#,
        r#""a/b""#,
        r#""a\/b""#,
        r#""%_'\"""#,
    ]
    .map(str::to_owned)
    .to_vec();
    texts.extend(["x".repeat(255), "x".repeat(256), format!("{}y", "x".repeat(255)), "é".repeat(255), "é".repeat(256)].map(quoted));
    texts
}

fn quoted(text: String) -> String {
    format!("\"{text}\"")
}

/// Ids of objects and users: canonical numbers, texts that look like numbers, numbers beyond 64 bits, and texts.
fn ids() -> Vec<String> {
    let mut ids: Vec<String> = [
        "7",
        r#""7""#,
        r#""\u0037""#,
        r#""007""#,
        r#""+7""#,
        "-0",
        "0",
        "-5",
        "10",
        "9",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        r#""7.0""#,
        r#"" 7""#,
    ]
    .map(str::to_owned)
    .to_vec();
    ids.push("1".repeat(300));
    ids.extend(texts());
    ids
}

fn users() -> Vec<String> {
    let mut users = ids();
    for (index, id) in ids().iter().enumerate() {
        let name = &texts()[index % texts().len()];
        users.push(format!(r#"{{"pk":{id},"username":{name}}}"#));
    }
    users.extend(
        [r#"{}"#, r#"{"pk":null}"#, r#"{"pk":1.5,"username":7}"#, r#"{"pk":{"a":7}}"#, r#"{"pk":1,"pk":7}"#, r#"{"p\u006b":7}"#]
            .map(str::to_owned),
    );
    users
}

const TIMESTAMPS: [&str; 9] = [
    "0001-01-01T00:00:00Z",
    "1969-12-31T22:59:59.999999Z",
    "1969-12-31T23:00:00Z",
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:00Z",
    "2023-10-16T09:00:00Z",
    "2023-10-16T09:00:00.000001Z",
    "2023-10-17T09:00:00Z",
    "9999-12-31T23:59:59.999999Z",
];

const CONTENT_TYPES: [&str; 6] = ["0", "1", "2", "-3", "9223372036854775807", "-9223372036854775808"];

fn member(name: &'static str, pool: Vec<String>) -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.75, select(pool).prop_map(move |value| format!("\"{name}\":{value}")))
}

/// One event in the native shape.
fn event_json() -> impl Strategy<Value = String> {
    let short = texts().into_iter().filter(|text| text.len() < 100).collect();
    let members = (
        member("action", short),
        member("content_type", CONTENT_TYPES.map(str::to_owned).to_vec()),
        member("table_name", texts()),
        member("object_id", ids()),
        member("user", users()),
        member("remote_addr", texts()),
        member("url", texts()),
        select(TIMESTAMPS.to_vec()),
        select(CHANNELS.to_vec()),
    );
    members.prop_map(|(action, content_type, table, object, user, addr, url, at, channel)| {
        let always = [Some(format!("\"timestamp\":\"{at}\"")), Some(format!("\"channel_id\":{channel}"))];
        let given = [action, content_type, table, object, user, addr, url].into_iter().chain(always).flatten();
        format!("{{{}}}", given.collect::<Vec<_>>().join(","))
    })
}

/// Several batches of events.
pub(crate) fn batches() -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::vec(prop::collection::vec(event_json(), 1..30), 1..6)
}

/// Stores the batches and reads every event back by its uuid.
pub(crate) fn stored(scratch: &Scratch, batches: &[Vec<String>]) -> Vec<Event> {
    let receipts = batches.iter().flat_map(|batch| scratch.append(batch.iter().map(|json| event(json)).collect()));
    receipts.map(|receipt| scratch.get(&receipt)).collect()
}

/// A filter whose bounds are taken from the population once it is stored: `usize`s pick an event.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    filter: EventFilter,
    uuid_of: Option<prop::sample::Index>,
    spans: Vec<(u8, bool, bool, prop::sample::Index)>,
}

impl Wanted {
    pub(crate) fn filter(&self, events: &[Event]) -> EventFilter {
        let mut filter = self.filter.clone();
        filter.uuid = self.uuid_of.map(|index| index.get(events).uuid);
        for (column, lower, inclusive, index) in &self.spans {
            let event = index.get(events);
            let (interval, value) = match column {
                0 => (&mut filter.timestamp, event.timestamp.micros()),
                1 => (&mut filter.recorded_at, event.recorded_at.micros()),
                _ => (&mut filter.position, event.position),
            };
            narrow(interval, *lower, *inclusive, value);
        }
        filter
    }
}

fn narrow(interval: &mut Interval, lower: bool, inclusive: bool, value: i64) {
    match (lower, inclusive) {
        (true, true) => interval.from(value),
        (true, false) => interval.over(value),
        (false, true) => interval.up_to(value),
        (false, false) => interval.below(value),
    }
}

/// What is looked for: the characters of a pooled text, and texts that only look like what is stored.
fn sought(pool: Vec<String>) -> impl Strategy<Value = Option<String>> {
    let decode = |json: &String| audit_store::domain::JsonText::parse(json).unwrap().decoded();
    let mut sought: Vec<String> = pool
        .iter()
        .map(|json| decode(json).map_or_else(|| json.clone(), |text| String::from_utf8_lossy(text.as_bytes()).into_owned()))
        .collect();
    let stored_forms: Vec<String> = sought.iter().map(|text| index_key(text.as_bytes())).collect();
    sought.extend(stored_forms);
    sought.push("absent".to_owned());
    prop::option::weighted(0.15, select(sought))
}

/// Any combination of conditions, none and single ones included.
pub(crate) fn wanted() -> impl Strategy<Value = Wanted> {
    let texts_sought =
        (sought(texts()), sought(ids()), sought(ids()), sought(texts()), sought(texts()), sought(texts()), sought(ids()));
    let content_type = prop::option::weighted(0.15, select(vec![0, 1, 2, -3, 4, i64::MAX, i64::MIN]));
    let spans = prop::collection::vec((0u8..3, any::<bool>(), any::<bool>(), any::<prop::sample::Index>()), 0..3);
    let uuid_of = prop::option::weighted(0.05, any::<prop::sample::Index>());
    let never = prop::bool::weighted(0.02);
    (texts_sought, content_type, spans, uuid_of, never).prop_map(|(texts, content_type, spans, uuid_of, never)| {
        let (table_name, object_id, user, action, url, remote_addr, person) = texts;
        let filter = EventFilter {
            never,
            content_type,
            table_name,
            object_id,
            user,
            action,
            url,
            remote_addr,
            person,
            ..EventFilter::default()
        };
        Wanted { filter, uuid_of, spans }
    })
}

/// Up to three keys.
pub(crate) fn sorts() -> impl Strategy<Value = EventSort> {
    let fields = vec![
        SortField::Timestamp,
        SortField::ContentType,
        SortField::ObjectId,
        SortField::User,
        SortField::Uuid,
        SortField::Position,
    ];
    let key = (select(fields), any::<bool>()).prop_map(|(field, descending)| SortKey { field, descending });
    prop::collection::vec(key, 0..4).prop_map(EventSort::by)
}

/// Which channels are read: all, one, or some of them; one may hold nothing.
pub(crate) fn channels() -> impl Strategy<Value = Option<Vec<i64>>> {
    let known = [CHANNELS.as_slice(), &[CHANNEL_UNUSED]].concat();
    prop::option::weighted(0.7, prop::sample::subsequence(known, 0..=4))
}

/// Few cases, each of many questions: a population costs more than a question.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() }
}
