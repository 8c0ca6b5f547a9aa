//! Generated events, with ids that are numbers, look like numbers, or are none.

use audit_store::domain::{EventFilter, EventValues, SortField};
use proptest::prelude::*;
use proptest::sample::select;

use super::{Bounds, CHANNELS, Population, TIMESTAMPS, Take, characters, few, member, several, sought, texts};
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
        users.push(format!(r#"{{"email":{name},"username":{id},"pk":7}}"#));
        users.push(format!(r#"{{"id":{id},"username":{name}}}"#));
    }
    users.extend(
        [
            r#"{}"#,
            r#"{"pk":null}"#,
            r#"{"pk":1.5,"username":7}"#,
            r#"{"pk":{"a":7}}"#,
            r#"{"pk":1,"pk":7}"#,
            r#"{"p\u006b":7}"#,
            r#"{"pk":null,"id":7}"#,
            r#"{"pk":[7],"id":7}"#,
            r#"{"id":7,"pk":1}"#,
            r#"{"id":1,"\u0069d":"7"}"#,
            r#"{"id":{"id":7}}"#,
        ]
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

/// Remote addresses: texts, and forms of IP addresses.
fn addresses() -> Vec<String> {
    let forms = [
        "10.1.2.3",
        "10.1.2.3:80",
        "::ffff:10.1.2.3",
        "10.200.0.1",
        "192.168.1.1",
        "[2001:db8::1]:443",
        "2001:db8::1",
        "010.1.2.3",
        "10.1.2.3%\\ud800",
        "[2001:db8::1%\\u0000]",
        "fe80::1%eth0",
    ];
    texts().into_iter().chain(forms.map(|form| format!("\"{form}\""))).collect()
}

/// Networks, and single addresses, that are looked for.
const NETWORKS: [&str; 7] =
    ["10.0.0.0/8", "10.1.2.3", "::ffff:10.1.0.0/112", "2001:db8::/32", "0.0.0.0/0", "172.16.0.0/12", "192.168.1.1/32"];

/// A remote address that is looked for.
fn networks() -> impl Strategy<Value = Option<String>> {
    let sought = characters(addresses()).into_iter().chain(NETWORKS.map(str::to_owned)).collect::<Vec<_>>();
    select(sought).prop_map(Some)
}

/// Beginnings of urls: none, of some, and of one whose key is cut.
const PREFIXES: [&str; 6] = ["a", "é", "A", "", "absent", "\u{1f600}"];

/// Names of fields, and some that are none.
const CHANGED: [&str; 6] = ["price", "note", "Note", "n\0te", "deep", "old_data"];

/// Parts of texts: words, parts of words, several words, and none.
const SOUGHT: [&str; 16] =
    ["needle", "EEDL", "needle-", "a b", "A-B C", "b c", "日", "日本", "本語", "12.50", "2.5", " ", "", "price", "-", "absent"];

/// One event in the native shape.
fn event_json() -> impl Strategy<Value = String> {
    let short: Vec<String> = texts().into_iter().filter(|text| text.len() < 100).collect();
    let origin = (
        member("outcome", short.clone()),
        member("correlation_id", texts()),
        member("source", texts()),
        member("impersonator", users()),
    );
    let members = (
        member("action", short),
        member("content_type", CONTENT_TYPES.map(str::to_owned).to_vec()),
        member("table_name", texts()),
        member("object_id", ids()),
        member("user", users()),
        member("remote_addr", addresses()),
        member("url", texts()),
        member("content", CONTENTS.map(str::to_owned).to_vec()),
        (select(TIMESTAMPS.to_vec()), select(CHANNELS.to_vec())),
        origin,
    );
    members.prop_map(|(action, content_type, table, object, user, addr, url, content, (at, channel), origin)| {
        let (outcome, correlation, source, impersonator) = origin;
        let always = [Some(format!("\"timestamp\":\"{at}\"")), Some(format!("\"channel_id\":{channel}"))];
        let members = [action, content_type, table, object, user, addr, url, content];
        let origin = [outcome, correlation, source, impersonator];
        let given = members.into_iter().chain(origin).chain(always).flatten();
        format!("{{{}}}", given.collect::<Vec<_>>().join(","))
    })
}

const CONTENT_TYPES_SOUGHT: [i64; 7] = [0, 1, 2, -3, 4, i64::MAX, i64::MIN];

const VALUES: [Take<EventValues>; 14] = [
    |to, from| to.content_type.clone_from(&from.content_type),
    |to, from| to.table_name.clone_from(&from.table_name),
    |to, from| to.object_id.clone_from(&from.object_id),
    |to, from| to.user.clone_from(&from.user),
    |to, from| to.user_name.clone_from(&from.user_name),
    |to, from| to.user_email.clone_from(&from.user_email),
    |to, from| to.action.clone_from(&from.action),
    |to, from| to.url.clone_from(&from.url),
    |to, from| to.remote_addr.clone_from(&from.remote_addr),
    |to, from| to.outcome.clone_from(&from.outcome),
    |to, from| to.correlation_id.clone_from(&from.correlation_id),
    |to, from| to.source.clone_from(&from.source),
    |to, from| to.impersonator.clone_from(&from.impersonator),
    |to, from| to.changed.clone_from(&from.changed),
];

fn values() -> impl Strategy<Value = EventValues> {
    let text = || several(characters(texts()));
    let id = || several(characters(ids()));
    let changed = several(CHANGED.map(str::to_owned).to_vec());
    let of_user = (id(), text(), text(), id());
    let origin = (text(), text(), text());
    let addresses = several(characters(addresses()).into_iter().chain(NETWORKS.map(str::to_owned)).collect());
    let drawn = (several(CONTENT_TYPES_SOUGHT.to_vec()), text(), id(), of_user, text(), text(), addresses, changed, origin);
    let all = drawn.prop_map(|(content_type, table_name, object_id, of_user, action, url, remote_addr, changed, origin)| {
        let (user, user_name, user_email, impersonator) = of_user;
        let (outcome, correlation_id, source) = origin;
        EventValues {
            uuid: [].into(),
            content_type,
            table_name,
            object_id,
            user,
            user_name,
            user_email,
            action,
            url,
            remote_addr,
            outcome,
            correlation_id,
            source,
            impersonator,
            changed,
        }
    });
    few(all, &VALUES, 2)
}

const CONDITIONS: [Take<EventFilter>; 20] = [
    |to, from| to.matches_nothing.clone_from(&from.matches_nothing),
    |to, from| to.content_type.clone_from(&from.content_type),
    |to, from| to.table_name.clone_from(&from.table_name),
    |to, from| to.object_id.clone_from(&from.object_id),
    |to, from| to.user.clone_from(&from.user),
    |to, from| to.user_name.clone_from(&from.user_name),
    |to, from| to.user_email.clone_from(&from.user_email),
    |to, from| to.person.clone_from(&from.person),
    |to, from| to.action.clone_from(&from.action),
    |to, from| to.url.clone_from(&from.url),
    |to, from| to.url_prefix.clone_from(&from.url_prefix),
    |to, from| to.remote_addr.clone_from(&from.remote_addr),
    |to, from| to.outcome.clone_from(&from.outcome),
    |to, from| to.correlation_id.clone_from(&from.correlation_id),
    |to, from| to.source.clone_from(&from.source),
    |to, from| to.impersonator.clone_from(&from.impersonator),
    |to, from| to.changed.clone_from(&from.changed),
    |to, from| to.search.clone_from(&from.search),
    |to, from| to.one_of.clone_from(&from.one_of),
    |to, from| to.none_of.clone_from(&from.none_of),
];

/// Any combination of few conditions, none and single ones included.
fn conditions() -> impl Strategy<Value = EventFilter> {
    let texts_sought = (sought(texts()), sought(ids()), sought(ids()), sought(texts()), sought(texts()), networks(), sought(ids()));
    let content_type = select(CONTENT_TYPES_SOUGHT.to_vec()).prop_map(Some);
    let matches_nothing = prop::bool::weighted(0.1);
    let one = |texts: &[&str]| select(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).prop_map(Some);
    let in_records = (one(&CHANGED), one(&SOUGHT));
    let prefix = select(PREFIXES.map(str::to_owned).to_vec()).prop_map(Some);
    let of_user = (sought(texts()), sought(texts()), sought(ids()));
    let origin = (sought(texts()), sought(texts()), sought(texts()));
    let drawn = (texts_sought, (of_user, origin, prefix), content_type, matches_nothing, in_records, values(), values());
    let all = drawn.prop_map(
        |(texts, (of_user, origin, url_prefix), content_type, matches_nothing, (changed, search), one_of, none_of)| {
            let (table_name, object_id, user, action, url, remote_addr, person) = texts;
            let filter =
                EventFilter { matches_nothing, content_type, table_name, object_id, user, action, ..EventFilter::default() };
            let (user_name, user_email, impersonator) = of_user;
            let (outcome, correlation_id, source) = origin;
            let filter = EventFilter { user_name, user_email, impersonator, outcome, correlation_id, source, ..filter };
            EventFilter { url, url_prefix, remote_addr, person, changed, search, one_of, none_of, ..filter }
        },
    );
    few(all, &CONDITIONS, 4)
}
