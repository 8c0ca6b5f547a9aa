//! Generated events, with ids that are numbers, look like numbers, or are none.

use audit_store::domain::{EventFilter, EventValues, SortField};
use proptest::prelude::*;
use proptest::sample::select;

use super::{Bounds, CHANNELS, Population, TIMESTAMPS, characters, member, several, sought, texts};
use crate::common::Events;

impl Population for Events {
    fn record() -> BoxedStrategy<String> {
        event_json().boxed()
    }

    fn conditions() -> BoxedStrategy<EventFilter> {
        conditions().boxed()
    }

    fn fields() -> Vec<SortField> {
        vec![
            SortField::Timestamp,
            SortField::ContentType,
            SortField::ObjectId,
            SortField::User,
            SortField::Uuid,
            SortField::Position,
        ]
    }

    fn bounds(filter: &mut EventFilter) -> Bounds<'_> {
        let EventFilter { uuid, one_of, none_of, timestamp, recorded_at, position, .. } = filter;
        Bounds { uuid, one_of: &mut one_of.uuid, none_of: &mut none_of.uuid, time: timestamp, recorded_at, position }
    }
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

const CONTENT_TYPES: [&str; 6] = ["0", "1", "2", "-3", "9223372036854775807", "-9223372036854775808"];

/// What can be looked for in contents: the names of changed fields, and parts of texts.
const CONTENTS: [&str; 9] = [
    r#"{"old_data":{"price":1,"note":"\u0061 b"},"new_data":{"price":2,"note":"a b"}}"#,
    r#"{"old_data":{"price":1,"Note":null},"new_data":{"Note":null}}"#,
    r#"{"old_data":null,"new_data":{"pri\u0063e":"a-b c","n\u0000te":[1,{"deep":"Needle 日本語"}]}}"#,
    r#"{"new_data":{"\ud800":"x\ud800needle","price":1.0},"old_data":{"price":1}}"#,
    r#"{"old_data":"price","new_data":[{"price":1}]}"#,
    r#"{"price":"needle-less","n":-12.50e3}"#,
    r#""needles""#,
    "17",
    "[true,null]",
];

/// Names of fields, and some that are none.
const CHANGED: [&str; 6] = ["price", "note", "Note", "n\0te", "deep", "old_data"];

/// Parts of texts: words, parts of words, several words, and none.
const SOUGHT: [&str; 16] =
    ["needle", "EEDL", "needle-", "a b", "A-B C", "b c", "日", "日本", "本語", "12.50", "2.5", " ", "", "price", "-", "absent"];

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
        member("content", CONTENTS.map(str::to_owned).to_vec()),
        select(TIMESTAMPS.to_vec()),
        select(CHANNELS.to_vec()),
    );
    members.prop_map(|(action, content_type, table, object, user, addr, url, content, at, channel)| {
        let always = [Some(format!("\"timestamp\":\"{at}\"")), Some(format!("\"channel_id\":{channel}"))];
        let given = [action, content_type, table, object, user, addr, url, content].into_iter().chain(always).flatten();
        format!("{{{}}}", given.collect::<Vec<_>>().join(","))
    })
}

const CONTENT_TYPES_SOUGHT: [i64; 7] = [0, 1, 2, -3, 4, i64::MAX, i64::MIN];

fn values() -> impl Strategy<Value = EventValues> {
    let text = || several(characters(texts()));
    let id = || several(characters(ids()));
    let changed = several(CHANGED.map(str::to_owned).to_vec());
    let drawn = (several(CONTENT_TYPES_SOUGHT.to_vec()), text(), id(), id(), text(), text(), text(), changed);
    drawn.prop_map(|(content_type, table_name, object_id, user, action, url, remote_addr, changed)| EventValues {
        uuid: [].into(),
        content_type,
        table_name,
        object_id,
        user,
        action,
        url,
        remote_addr,
        changed,
    })
}

/// Any combination of conditions, none and single ones included.
fn conditions() -> impl Strategy<Value = EventFilter> {
    let texts_sought =
        (sought(texts()), sought(ids()), sought(ids()), sought(texts()), sought(texts()), sought(texts()), sought(ids()));
    let content_type = prop::option::weighted(0.15, select(CONTENT_TYPES_SOUGHT.to_vec()));
    let matches_nothing = prop::bool::weighted(0.02);
    let one =
        |texts: &[&str]| prop::option::weighted(0.15, select(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()));
    let in_records = (one(&CHANGED), one(&SOUGHT));
    let drawn = (texts_sought, content_type, matches_nothing, in_records, values(), values());
    drawn.prop_map(|(texts, content_type, matches_nothing, (changed, search), one_of, none_of)| {
        let (table_name, object_id, user, action, url, remote_addr, person) = texts;
        let filter = EventFilter { matches_nothing, content_type, table_name, object_id, user, action, ..EventFilter::default() };
        EventFilter { url, remote_addr, person, changed, search, one_of, none_of, ..filter }
    })
}
