//! Action logs, as they are sent and as they are kept.

use std::io::Read;

use audit_store::domain::{
    ActionLogFilterColumns, Entry, FilterColumns, JsonKind, JsonText, Members, ParseMode, Timestamp, action_log_slot, limits,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::json::{blank, json, maybe, object, string};
use super::{Columns, Sent, assert_all_kept, kept, padded, values};
use crate::common::{ActionLogs, Kind, Raw, Scratch, checked_logs_of};
use crate::population::config;

impl Columns for ActionLogs {
    fn stored_columns(conn: &Raw, log: &Entry) -> FilterColumns {
        let place = format!("channel_id = {} AND position = {}", log.channel_id, log.position);
        let mut rows = conn.rows(&format!("SELECT level, logger_name, app_name, correlation_id FROM action_logs WHERE {place}"));
        let [level, logger_name, app_name, correlation_id] = rows.remove(0).try_into().unwrap();
        let level = level.map(|level| level.parse().unwrap());
        FilterColumns::ActionLog(ActionLogFilterColumns { level, logger_name, app_name, correlation_id })
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let unknown = maybe((select(vec![r#""unknown""#, r#""\u0075x""#, r#""""#]), json()));
    let record = (0..=limits::LEVEL_MAX, maybe(string()), maybe(string()), maybe(string()));
    (record, string(), maybe(string()), unknown, blank()).prop_map(|(record, message, trace, unknown, blank)| {
        let (level, logger_name, app_name, correlation_id) = record;
        let level = Some(level.to_string());
        let member = |key: &str, value: &Option<String>| value.as_ref().map(|value| format!("\"{key}\":{value}"));
        let correlation = member("correlation_id", &correlation_id);
        let subject = [member("app_name", &app_name), correlation, member("level", &level), member("logger_name", &logger_name)];
        let subject = subject.into_iter().flatten().collect::<Vec<_>>().join(",");
        let extra = unknown.as_ref().map(|(key, value)| format!("{{{key}:{value}}}"));
        let slots = [
            (action_log_slot::SUBJECT, Some(format!("{{{subject}}}"))),
            (action_log_slot::MESSAGE, Some(message.clone())),
            (action_log_slot::TRACE, trace.clone()),
            (action_log_slot::EXTRA, extra),
        ];
        let message = Some(message);
        let members = [
            ("trace", &trace),
            ("level", &level),
            ("app_name", &app_name),
            ("message", &message),
            ("logger_name", &logger_name),
            ("correlation_id", &correlation_id),
        ];
        let spelled =
            |(key, value): (&str, &Option<String>)| value.as_ref().map(|value| format!("\"{key}\"{blank}:{blank}{value}{blank}"));
        let mut members: Vec<String> = members.into_iter().filter_map(spelled).collect();
        members.extend(unknown.map(|(key, value)| format!("{key}:{value}")));
        let slots = slots.into_iter().filter_map(|(number, value)| Some((number, value?))).collect();
        Sent { text: format!("{blank}{}{blank}", object(&members, blank)), slots }
    })
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn any_json_of_an_action_log_comes_back_byte_for_byte(logs in prop::collection::vec(sent(), 1..10)) {
        assert_all_kept::<ActionLogs>(logs);
    }
}

/// Logs of real machines, with everything that people put into a message.
fn real_logs() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../audit-server/tests/data/action-log-dev.ndjson.gz");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn real_logs_come_back_byte_for_byte() {
    let (scratch, text) = (Scratch::new(), real_logs());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3_964);
    for chunk in lines.chunks(500) {
        scratch.append(chunk.iter().map(|line| ActionLogs::parse(line, ParseMode::LENIENT).unwrap()).collect());
    }
    let stored = checked_logs_of::<ActionLogs>(&scratch.store);
    assert_eq!(stored.len(), lines.len());
    for (line, log) in lines.iter().zip(&stored) {
        let (mut exported, members) = (String::new(), Members::parse(line).unwrap());
        log.write_json(&mut exported);
        let exported = Members::parse(&exported).unwrap();
        for name in ["level", "logger_name", "message", "app_name", "trace"] {
            assert_eq!(exported.last(name), members.last(name), "{name} of {line}");
        }
        let at = members.last("created_at").and_then(JsonText::decoded).unwrap();
        assert_eq!(log.entry.timestamp, Timestamp::parse(at.as_str().unwrap()).unwrap());
        assert_eq!(
            (members.into_iter().count(), log.entry.slots.get(action_log_slot::EXTRA)),
            (6, None),
            "nothing else was sent or is kept"
        );
        let again = ActionLogs::read_back(log);
        assert!(again.entry().is_retry_of(&log.entry) && values(again.entry().slots()) == values(&log.entry.slots), "{line}");
    }
}

#[test]
fn the_largest_and_deepest_action_log_is_stored_and_imported() {
    let start = r#"{"level":0,"message":""#;
    let largest = padded(start, r#""}"#, limits::EVENT_BYTES_MAX);
    assert_eq!(kept::<ActionLogs>(&largest)[1].1.len(), limits::EVENT_BYTES_MAX - start.len());
    assert!(ActionLogs::parse(&padded(start, r#""}"#, limits::EVENT_BYTES_MAX + 1), ParseMode::LENIENT).is_none());
    let levels = limits::NESTING_MAX - 1;
    let deepest = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let slots = kept::<ActionLogs>(&format!(r#"{{"level":0,"message":"","unknown":{deepest}}}"#));
    assert_eq!(slots[2], (action_log_slot::EXTRA, format!(r#"{{"unknown":{deepest}}}"#)));
    assert!(ActionLogs::parse(&format!(r#"{{"level":0,"message":"","unknown":[{deepest}]}}"#), ParseMode::LENIENT).is_none());
}

#[test]
fn the_least_action_log_is_kept() {
    let least = [(action_log_slot::SUBJECT, r#"{"level":0}"#.to_owned()), (action_log_slot::MESSAGE, r#""""#.to_owned())];
    assert_eq!(kept::<ActionLogs>(r#"{"level":0,"message":"","trace":null,"logger_name":null,"extra":null}"#), least);
    assert_eq!(JsonText::parse(&least[1].1).unwrap().kind(), JsonKind::String);
}
