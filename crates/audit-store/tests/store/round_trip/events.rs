//! Events, as they are sent and as they are kept.

use audit_store::domain::{Entry, EventFilterColumns, FilterColumns, ParseMode, limits, slot};
use proptest::prelude::*;
use proptest::sample::select;

use super::json::{blank, json, maybe, object, string};
use super::{Columns, Sent, assert_all_kept, kept, padded};
use crate::common::{Events, Kind, Raw};
use crate::population::config;

impl Columns for Events {
    fn stored_columns(conn: &Raw, event: &Entry) -> FilterColumns {
        let sql = format!(
            "SELECT content_type, object_num, user_num, action, table_name, object_id, user_id, user_name,
             user_email, remote_addr, url, outcome, correlation_id, source, impersonator_id FROM events WHERE channel_id = {} AND position = {}",
            event.channel_id, event.position
        );
        let mut row = conn.rows(&sql).remove(0).into_iter();
        let mut number = || row.next().unwrap().map(|digits| digits.parse().unwrap());
        let (content_type, object_num, user_num) = (number(), number(), number());
        let mut text = || row.next().unwrap();
        let (action, table_name, object_id, user_id) = (text(), text(), text(), text());
        let (user_name, user_email, remote_addr, url) = (text(), text(), text(), text());
        let (outcome, correlation_id, source, impersonator_id) = (text(), text(), text(), text());
        FilterColumns::Event(EventFilterColumns {
            action,
            content_type,
            table_name,
            object_id,
            object_num,
            user_id,
            user_num,
            user_name,
            user_email,
            remote_addr,
            url,
            outcome,
            correlation_id,
            source,
            impersonator_id,
        })
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let object_id = prop_oneof![string(), "-?[1-9][0-9]{0,30}".prop_map(|digits| digits)];
    let name = || maybe("\"[A-Z]{1,100}\"");
    let about = (maybe(any::<i64>()), maybe(object_id), maybe(string()));
    let subject = (name(), about, (name(), maybe(string()), maybe(string())));
    let user = || {
        prop_oneof![
            string(),
            "[1-9][0-9]{0,30}".prop_map(|digits| digits),
            json().prop_map(|value| format!("{{\"pk\" : 1,\"x\":{value}}}"))
        ]
    };
    let strings = (maybe(string()), maybe(string()), maybe(string()));
    let values = (maybe(json()), maybe(json()), maybe(json()), maybe(json()));
    let unknown = maybe((select(vec![r#""unknown""#, r#""\u0075x""#, r#""""#]), json()));
    (subject, (maybe(user()), maybe(user())), strings, values, unknown, blank()).prop_map(
        |(subject, users, strings, values, unknown, blank)| {
            let (action, (content_type, object_id, table_name), (outcome, correlation_id, source)) = subject;
            let content_type = content_type.map(|number| number.to_string());
            let object_slot = object_id.as_ref().map(|id| if id.starts_with('"') { id.clone() } else { format!("\"{id}\"") });
            let subject = |object: &Option<String>| {
                [
                    ("action", action.clone()),
                    ("content_type", content_type.clone()),
                    ("correlation_id", correlation_id.clone()),
                    ("object_id", object.clone()),
                    ("outcome", outcome.clone()),
                    ("source", source.clone()),
                    ("table_name", table_name.clone()),
                ]
            };
            let sent = subject(&object_id);
            let subject = subject(&object_slot);
            let subject: Vec<String> =
                subject.iter().filter_map(|(key, value)| Some(format!("\"{key}\":{}", value.as_ref()?))).collect();
            let mut slots = vec![(slot::SUBJECT, (!subject.is_empty()).then(|| format!("{{{}}}", subject.join(","))))];
            let others = [
                (slot::USER, "user", &users.0),
                (slot::REMOTE_ADDR, "remote_addr", &strings.0),
                (slot::URL, "url", &strings.1),
                (slot::QUERY_PARAMS, "query_params", &values.0),
                (slot::POST_DATA, "post_data", &values.1),
                (slot::HEADERS, "headers", &values.2),
                (slot::CONTENT, "content", &values.3),
                (slot::DESCRIPTION, "description", &strings.2),
                (slot::IMPERSONATOR, "impersonator", &users.1),
            ];
            slots.extend(others.iter().map(|(number, _, value)| (*number, (*value).clone().filter(|text| text != "null"))));
            slots.insert(slots.len() - 1, (slot::EXTRA, unknown.as_ref().map(|(key, value)| format!("{{{key}:{value}}}"))));
            let members = others.iter().map(|(_, key, value)| (*key, *value)).chain(sent.iter().map(|(key, value)| (*key, value)));
            let mut members: Vec<String> =
                members.filter_map(|(key, value)| Some(format!("\"{key}\"{blank}:{blank}{}{blank}", value.as_ref()?))).collect();
            members.extend(unknown.map(|(key, value)| format!("{key}:{value}")));
            let slots = slots.into_iter().filter_map(|(number, value)| Some((number, value?))).collect();
            Sent { text: format!("{blank}{}{blank}", object(&members, blank)), slots }
        },
    )
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn any_json_of_an_event_comes_back_byte_for_byte(events in prop::collection::vec(sent(), 1..10)) {
        assert_all_kept::<Events>(events);
    }
}

#[test]
fn the_largest_event_is_kept_exported_and_read_back() {
    let max = limits::EVENT_BYTES_MAX;
    let slots = kept::<Events>(&padded(r#"{"description":""#, r#""}"#, max));
    assert_eq!(slots, [(slot::DESCRIPTION, padded("\"", "\"", max - r#"{"description":}"#.len()))]);
    // The action that is filled in makes the slots larger than what was sent.
    let slots = kept::<Events>(&padded(r#"{"content":{"new_data":""#, r#""}}"#, max));
    assert_eq!(slots[0], (slot::SUBJECT, r#"{"action":"CREATE"}"#.to_owned()));
    // All but `"user":1,` becomes the extra of the event, which an export writes with its name around it.
    let slots = kept::<Events>(&padded(r#"{"user":1,"":""#, r#""}"#, max));
    assert_eq!(slots.last().map(|(number, text)| (*number, text.len())), Some((slot::EXTRA, max - 9)));
    let one_more = padded(r#"{"user":1,"":""#, r#""}"#, max + 1);
    assert!(Events::parse(&one_more, ParseMode::LENIENT).is_none());
}

#[test]
fn megabytes_of_every_character_are_kept() {
    let text: String = ('\u{20}'..='\u{2fff}').cycle().filter(|c| !matches!(c, '"' | '\\')).take(350_000).collect();
    assert_eq!(kept::<Events>(&format!(r#"{{"content":["{text}"]}}"#)), [(slot::CONTENT, format!(r#"["{text}"]"#))]);
}

#[test]
fn the_deepest_event_is_kept_exported_and_read_back() {
    let levels = limits::NESTING_MAX - 1;
    let deepest = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(kept::<Events>(&format!(r#"{{"content":{deepest}}}"#)), [(slot::CONTENT, deepest.clone())]);
    // An unknown member is exported inside `extra`: one level deeper than it was sent.
    let slots = kept::<Events>(&format!(r#"{{"user":1,"unknown":{deepest}}}"#));
    assert_eq!(slots, [(slot::USER, "1".to_owned()), (slot::EXTRA, format!(r#"{{"unknown":{deepest}}}"#))]);
    assert!(Events::parse(&format!(r#"{{"content":[{deepest}]}}"#), ParseMode::LENIENT).is_none());
}

#[test]
fn an_event_of_nothing_is_kept() {
    assert_eq!(kept::<Events>("{}"), []);
    assert_eq!(kept::<Events>(r#"{"content":null,"user":null,"extra":null}"#), []);
    assert_eq!(kept::<Events>(r#"{"extra":{}}"#), [(slot::EXTRA, "{}".to_owned())]);
}
