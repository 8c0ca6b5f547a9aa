//! What goes in comes back byte for byte, and what is stored beside it belongs to it.

use audit_store::AppendRequest;
use audit_store::domain::{ChannelId, Event, EventKeys, JsonText, Keys, NewEvent, PreparedEntry, Reading, limits, slot};
use proptest::prelude::*;
use proptest::sample::select;

use crate::common::{Scratch, assert_receipt};
use crate::population::config;

/// Numbers, strings and keys that a parser in between would change.
const SCALARS: [&str; 22] = [
    "null",
    "true",
    "0",
    "-0",
    "1.0",
    "1E+2",
    "1e400",
    "-1e-400",
    "0.1000000000000000055511151231257827",
    "9223372036854775808",
    "123456789012345678901234567890",
    r#""""#,
    r#""a""#,
    r#""\u0061""#,
    r#""\u0000""#,
    r#""\ud800""#,
    r#""\udfff\ud800x""#,
    r#""\ud83d\ude00😀""#,
    r#""é\u00e9\/""#,
    r#""\"\\ [{""#,
    r#""   ""#,
    r#""\b\f\n\r\t""#,
];
const KEYS: [&str; 8] = [r#""""#, r#""a""#, r#""\u0061""#, r#""a b""#, r#""\u0000""#, r#""\ud800""#, r#""é""#, r#""1""#];
const BLANKS: [&str; 5] = ["", "", " ", "\n\t ", "\r\n"];
const STRINGS: [&str; 8] =
    [r#""""#, r#""a""#, r#""\u0061""#, r#""\u0000""#, r#""\ud800""#, r#""😀\/""#, r#""\ud83d\ude00""#, r#""http://x/?q=\u0026""#];

fn blank() -> impl Strategy<Value = &'static str> {
    select(BLANKS.to_vec())
}

/// One JSON value of any shape, with blanks inside; duplicate and empty keys happen.
fn json() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let leaf = prop_oneof![4 => select(SCALARS.to_vec()).prop_map(str::to_owned), 1 => number, 1 => deep()];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let item = (blank(), inner.clone(), blank()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
        let member = (blank(), select(KEYS.to_vec()), blank(), blank(), inner, blank())
            .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
        prop_oneof![
            (prop::collection::vec(item, 0..6), blank()).prop_map(|(items, blank)| array(&items, blank)),
            (prop::collection::vec(member, 0..6), blank()).prop_map(|(members, blank)| object(&members, blank)),
        ]
    })
}

fn array(items: &[String], blank: &str) -> String {
    if items.is_empty() { format!("[{blank}]") } else { format!("[{}]", items.join(",")) }
}

fn object(members: &[String], blank: &str) -> String {
    if members.is_empty() { format!("{{{blank}}}") } else { format!("{{{}}}", members.join(",")) }
}

/// As deep as a value inside an event may be, less what the shapes above put around it.
fn deep() -> impl Strategy<Value = String> {
    (1..limits::NESTING_MAX - 8, any::<bool>()).prop_map(|(levels, arrays)| {
        if arrays {
            format!("{}{}", "[".repeat(levels), "]".repeat(levels))
        } else {
            format!("{}1{}", "{\"\":".repeat(levels), "}".repeat(levels))
        }
    })
}

/// An event as it is sent, and the slots it has to become.
#[derive(Debug, Clone)]
struct Sent {
    text: String,
    slots: Vec<(u8, String)>,
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(STRINGS.to_vec()).prop_map(str::to_owned), 1 => "\"[^\"\\\\\\x00-\\x1f]{0,300}\""]
}

fn maybe<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<S::Value>> {
    prop::option::weighted(0.6, strategy)
}

fn sent() -> impl Strategy<Value = Sent> {
    let object_id = prop_oneof![string(), "-?[1-9][0-9]{0,30}".prop_map(|digits| digits)];
    let subject = (maybe("\"[A-Z]{1,100}\""), maybe(any::<i64>()), maybe(object_id), maybe(string()));
    let user = prop_oneof![
        string(),
        "[1-9][0-9]{0,30}".prop_map(|digits| digits),
        json().prop_map(|value| format!("{{\"pk\" : 1,\"x\":{value}}}"))
    ];
    let strings = (maybe(string()), maybe(string()), maybe(string()));
    let values = (maybe(json()), maybe(json()), maybe(json()), maybe(json()));
    let unknown = maybe((select(vec![r#""unknown""#, r#""\u0075x""#, r#""""#]), json()));
    (subject, maybe(user), strings, values, unknown, blank()).prop_map(|(subject, user, strings, values, unknown, blank)| {
        let (action, content_type, object_id, table_name) = subject;
        let content_type = content_type.map(|number| number.to_string());
        let object_slot = object_id.as_ref().map(|id| if id.starts_with('"') { id.clone() } else { format!("\"{id}\"") });
        let subject =
            [("action", &action), ("content_type", &content_type), ("object_id", &object_slot), ("table_name", &table_name)];
        let subject: Vec<String> =
            subject.iter().filter_map(|(key, value)| Some(format!("\"{key}\":{}", value.as_ref()?))).collect();
        let mut slots = vec![(slot::SUBJECT, (!subject.is_empty()).then(|| format!("{{{}}}", subject.join(","))))];
        let others = [
            (slot::USER, "user", &user),
            (slot::REMOTE_ADDR, "remote_addr", &strings.0),
            (slot::URL, "url", &strings.1),
            (slot::QUERY_PARAMS, "query_params", &values.0),
            (slot::POST_DATA, "post_data", &values.1),
            (slot::HEADERS, "headers", &values.2),
            (slot::CONTENT, "content", &values.3),
            (slot::DESCRIPTION, "description", &strings.2),
        ];
        slots.extend(others.iter().map(|(number, _, value)| (*number, (*value).clone().filter(|text| text != "null"))));
        slots.push((slot::EXTRA, unknown.as_ref().map(|(key, value)| format!("{{{key}:{value}}}"))));
        let members =
            [("action", &action), ("content_type", &content_type), ("object_id", &object_id), ("table_name", &table_name)];
        let members = others.iter().map(|(_, key, value)| (*key, *value)).chain(members);
        let mut members: Vec<String> =
            members.filter_map(|(key, value)| Some(format!("\"{key}\"{blank}:{blank}{}{blank}", value.as_ref()?))).collect();
        members.extend(unknown.map(|(key, value)| format!("{key}:{value}")));
        let slots = slots.into_iter().filter_map(|(number, value)| Some((number, value?))).collect();
        Sent { text: format!("{blank}{}{blank}", object(&members, blank)), slots }
    })
}

fn slots_of(event: &PreparedEntry) -> Vec<(u8, String)> {
    event.slots().iter().map(|slot| (slot.number, slot.value.as_ref().unwrap().to_string())).collect()
}

fn stored_slots(event: &Event) -> Vec<(u8, String)> {
    event.slots.iter().map(|slot| (slot.number, slot.value.as_ref().unwrap().to_string())).collect()
}

/// The filter columns, read past the store.
fn stored_keys(conn: &rusqlite::Connection, event: &Event) -> EventKeys {
    let sql = "SELECT action, content_type, table_name, object_id, object_num, user_id, user_num, user_name, remote_addr, url
               FROM events WHERE channel_id = ?1 AND position = ?2";
    conn.query_row(sql, (event.channel_id.get(), event.position), |row| {
        Ok(EventKeys {
            action: row.get(0)?,
            content_type: row.get(1)?,
            table_name: row.get(2)?,
            object_id: row.get(3)?,
            object_num: row.get(4)?,
            user_id: row.get(5)?,
            user_num: row.get(6)?,
            user_name: row.get(7)?,
            remote_addr: row.get(8)?,
            url: row.get(9)?,
        })
    })
    .unwrap()
}

/// Everything that must hold of an event that was appended: itself, what is stored beside it, its leaf, and its export.
fn assert_kept(scratch: &Scratch, conn: &rusqlite::Connection, sent: &[(u8, String)], event: PreparedEntry) {
    let expected_keys = event.keys().clone();
    let receipt = scratch.append(vec![event.clone()])[0];
    let stored = scratch.get(&receipt);
    assert_receipt(&stored, &receipt);
    assert_eq!(stored_slots(&stored), sent);
    assert_eq!(stored.timestamp, event.timestamp());
    assert_eq!(Keys::Event(stored_keys(conn, &stored)), expected_keys);
    assert_eq!(Keys::Event(stored.keys()), expected_keys);
    assert_eq!(stored.leaf_hash, audit_store::domain::log::leaf_hash(&stored.leaf_data()));
    assert_eq!(stored.leaf_hash, event.leaf_hash(0, stored.recorded_at));

    let exported = stored.to_json();
    let read = NewEvent::parse(&exported, Reading::IMPORT).unwrap();
    assert_eq!((read.uuid, read.channel_id, read.timestamp), (Some(stored.uuid), Some(stored.channel_id), Some(stored.timestamp)));
    let again = read.prepare(stored.channel_id).unwrap();
    assert_eq!(slots_of(&again), sent);
    assert!(again.is_retry_of(&stored) && event.is_retry_of(&stored));
    let duplicate = scratch.append(vec![again])[0];
    assert!(duplicate.duplicate);
    assert_receipt(&stored, &duplicate);
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn any_json_comes_back_byte_for_byte(events in prop::collection::vec(sent(), 1..10)) {
        let scratch = Scratch::new();
        let conn = scratch.raw();
        for Sent { text, slots } in events {
            let event = NewEvent::parse(&text, Reading::NATIVE).unwrap().prepare(ChannelId::DEFAULT).unwrap();
            prop_assert_eq!(slots_of(&event), slots.clone());
            assert_kept(&scratch, &conn, &slots, event);
        }
    }
}

fn kept(text: &str) -> Vec<(u8, String)> {
    let scratch = Scratch::new();
    let event = NewEvent::parse(text, Reading::NATIVE).unwrap().prepare(ChannelId::DEFAULT).unwrap();
    let slots = slots_of(&event);
    assert_kept(&scratch, &scratch.raw(), &slots, event);
    slots
}

/// A text of exactly so many bytes: `start`, padding, `end`.
fn padded(start: &str, end: &str, bytes: usize) -> String {
    format!("{start}{}{end}", "x".repeat(bytes - start.len() - end.len()))
}

#[test]
fn the_largest_event_is_kept_exported_and_read_back() {
    let max = limits::EVENT_BYTES_MAX;
    let slots = kept(&padded(r#"{"description":""#, r#""}"#, max));
    assert_eq!(slots, [(slot::DESCRIPTION, padded("\"", "\"", max - r#"{"description":}"#.len()))]);
    // The action that is filled in makes the slots larger than what was sent.
    let slots = kept(&padded(r#"{"content":{"new_data":""#, r#""}}"#, max));
    assert_eq!(slots[0], (slot::SUBJECT, r#"{"action":"CREATE"}"#.to_owned()));
    let slots = kept(&padded(r#"{"":""#, r#""}"#, max));
    assert_eq!(slots[0].1.len(), max);
    let one_more = padded(r#"{"":""#, r#""}"#, max + 1);
    assert!(NewEvent::parse(&one_more, Reading::NATIVE).is_err());
}

#[test]
fn megabytes_of_every_character_are_kept() {
    let text: String = ('\u{20}'..='\u{2fff}').cycle().filter(|c| !matches!(c, '"' | '\\')).take(350_000).collect();
    assert_eq!(kept(&format!(r#"{{"content":["{text}"]}}"#)), [(slot::CONTENT, format!(r#"["{text}"]"#))]);
}

#[test]
fn the_deepest_event_is_kept_exported_and_read_back() {
    let levels = limits::NESTING_MAX - 1;
    let deepest = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(kept(&format!(r#"{{"content":{deepest}}}"#)), [(slot::CONTENT, deepest.clone())]);
    // An unknown member is exported inside `extra`: one level deeper than it was sent.
    assert_eq!(kept(&format!(r#"{{"unknown":{deepest}}}"#)), [(slot::EXTRA, format!(r#"{{"unknown":{deepest}}}"#))]);
    assert!(NewEvent::parse(&format!(r#"{{"content":[{deepest}]}}"#), Reading::NATIVE).is_err());
}

#[test]
fn an_event_of_nothing_is_kept() {
    assert_eq!(kept("{}"), []);
    assert_eq!(kept(r#"{"content":null,"user":null,"extra":null}"#), []);
    assert_eq!(kept(r#"{"extra":{}}"#), [(slot::EXTRA, "{}".to_owned())]);
}

#[test]
fn an_export_carries_the_whole_log_into_an_empty_one() {
    let (from, to) = (Scratch::new(), Scratch::new());
    let texts = [
        r#"{"channel_id":4,"uuid":"00000000-0000-0000-0000-000000000001","timestamp":"0001-01-01","object_id":7,"user":"\ud800","b":1}"#,
        r#"{"channel_id":4,"content":{"old_data":1e400},"user":{"pk":"1","pk":2}}"#,
        r#"{"channel_id":9,"timestamp":"9999-12-31T23:59:59.999999Z","extra":{"a":null},"object_id":"007"}"#,
    ];
    for text in texts {
        from.append_json(text);
    }
    let events = crate::common::checked_logs(&from.store);
    let import = events.iter().map(|event| {
        let read = NewEvent::parse(&event.to_json(), Reading::IMPORT).unwrap();
        let channel = read.channel_id.unwrap();
        read.prepare(channel).unwrap()
    });
    to.store.append(AppendRequest::import(import.collect())).unwrap().wait().unwrap();
    let imported = crate::common::checked_logs(&to.store);
    assert_eq!(imported.len(), events.len());
    for (was, is) in events.iter().zip(&imported) {
        assert_eq!((was.uuid, was.channel_id, was.timestamp, was.position), (is.uuid, is.channel_id, is.timestamp, is.position));
        assert_eq!(stored_slots(was), stored_slots(is));
    }
}

#[test]
fn a_text_that_was_not_well_formed_never_becomes_a_value() {
    for bad in
        ["{\"content\":\"\u{1}\"}", "{\"content\":01}", "{\"content\":\"\\ud80\"}", "{\"content\":tru}", "\u{feff}{}", "{\"a\":1}}"]
    {
        assert!(NewEvent::parse(bad, Reading::NATIVE).is_err(), "{bad:?}");
        assert!(JsonText::parse(bad).is_err(), "{bad:?}");
    }
}
