//! Slots and leaves against the published test vectors.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use audit_domain::log::{Leaf, LeafInput, commitment, leaf_data, leaf_hash};
use audit_domain::{ChannelId, JsonText, NewActionLog, NewEvent, ParseMode, Stream, Timestamp};
use serde_json::Value;

fn vectors(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn listed(case: &Value) -> Vec<(u8, String)> {
    let slots = case["slots"].as_array().unwrap().iter();
    slots.map(|s| (s["slot"].as_u64().unwrap() as u8, s["value"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn an_event_is_cut_into_exactly_these_slots() {
    let cases = vectors(include_str!("vectors/slots.json"));
    let mut seen = 0;
    for case in cases.as_array().unwrap().iter().filter(|case| case["door"] == "native") {
        let received = case["received"].as_str().unwrap();
        let event = NewEvent::parse(received, ParseMode::NATIVE).unwrap().prepare(ChannelId::DEFAULT).unwrap();
        let cut: Vec<_> = event.slots().iter().map(|s| (s.number, s.value.clone().unwrap().to_string())).collect();
        assert_eq!(cut, listed(case), "{received}");
        seen += 1;
    }
    assert_eq!(seen, 8);
}

#[test]
fn an_action_log_is_cut_into_exactly_these_slots() {
    let cases = vectors(include_str!("vectors/slots.json"));
    let mut seen = 0;
    for case in cases.as_array().unwrap().iter().filter(|case| case["door"] == "action_log") {
        let received = case["received"].as_str().unwrap();
        let log = NewActionLog::parse(received, ParseMode::NATIVE).unwrap().prepare(ChannelId::DEFAULT).unwrap();
        let cut: Vec<_> = log.slots().iter().map(|s| (s.number, s.value.clone().unwrap().to_string())).collect();
        assert_eq!(cut, listed(case), "{received}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn commitments_leaf_data_and_leaf_hash_are_these_bytes() {
    let vectors = vectors(include_str!("vectors/leaves.json"));
    let leaves = vectors["leaves"].as_array().unwrap();
    assert!(!leaves.is_empty());
    for leaf in leaves {
        let number = |key: &str| leaf[key].as_i64().unwrap();
        let slots = leaf["slots"].as_array().unwrap();
        let commitments: Vec<(u8, [u8; 32])> = slots
            .iter()
            .map(|slot| {
                let salt: [u8; 16] = hex::decode(slot["salt"].as_str().unwrap()).unwrap().try_into().unwrap();
                let value = JsonText::parse(slot["value"].as_str().unwrap()).unwrap();
                let slot_number = slot["slot"].as_u64().unwrap() as u8;
                let hash = commitment(slot_number, &salt, value.as_str().as_bytes());
                assert_eq!(hex::encode(hash), slot["commitment"].as_str().unwrap());
                (slot_number, hash)
            })
            .collect();
        let data = leaf_data(&LeafInput {
            stream: if number("stream") == 1 { Stream::Events } else { Stream::ActionLogs },
            uuid: leaf["uuid"].as_str().unwrap().parse().unwrap(),
            channel_id: ChannelId::new(number("channel_id")).unwrap(),
            producer_id: number("producer_id"),
            timestamp: Timestamp::from_micros(number("timestamp_us")).unwrap(),
            recorded_at: Timestamp::from_micros(number("recorded_at_us")).unwrap(),
            commitments: &commitments,
        });
        assert_eq!(hex::encode(&data), leaf["leaf_data"].as_str().unwrap());
        assert_eq!(leaf_hash(&data).to_string(), leaf["leaf_hash"].as_str().unwrap());
        let decoded = Leaf::parse(&data).unwrap();
        assert_eq!((leaf_data(&decoded.as_input()), decoded.commitments), (data, commitments));
    }
}

#[test]
fn slots_have_the_names_of_the_table_in_the_documentation() {
    let page = include_str!("../../../docs/log-format.md");
    let mut rows = 0;
    for row in page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (Ok(number), [_, events, action_logs]) = (cells[0].parse::<u8>(), cells.as_slice()) else { continue };
        let name = |cell: &'static str| if cell.starts_with("subject:") { Some("subject") } else { cell.split('`').nth(1) };
        let of_events = name(events);
        let of_action_logs = if *action_logs == "the same" { of_events } else { name(action_logs) };
        let names = [Stream::Events, Stream::ActionLogs].map(|stream| stream.slot_name(number));
        if number == rows {
            assert_eq!(names, [of_events, of_action_logs], "slot {number}");
            rows += 1;
        }
    }
    assert_eq!((rows, Stream::Events.slot_name(12), Stream::ActionLogs.slot_name(3)), (12, None, None));
}
