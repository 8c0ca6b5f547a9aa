//! What must hold for any input, not only for the cases somebody thought of.

use audit_domain::{
    ActionLogFilter, ActionLogSort, ActionLogSortField, ActionLogSortRow, ChannelId, CursorKey, CursorOrder, CursorScope,
    EventFilter, Interval, JsonString, JsonText, Members, NewActionLog, NewEvent, ParseMode, SortKey, Timestamp, canonical_integer,
    index_key,
};
use proptest::prelude::*;

fn config() -> ProptestConfig {
    ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() }
}

/// Texts that are nearly JSON: what a parser stumbles over.
fn nearly_json() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        "[\\[\\]{}:,\"\\\\ \n\t0-9eE+\\-.]{1,4}",
        Just("\"\\ud800\"".to_owned()),
        Just("\"uuid\":".to_owned()),
        Just("\"content\":".to_owned()),
        Just("null".to_owned()),
        Just("{\"a\":1}".to_owned()),
        any::<char>().prop_map(|c| c.to_string()),
    ];
    prop::collection::vec(token, 0..20).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_instant_is_read_back_from_its_text(micros in -62_135_596_800_000_000i64..=253_402_300_799_999_999) {
        let at = Timestamp::from_micros(micros).unwrap();
        prop_assert_eq!(Timestamp::parse(&at.to_string()), Ok(at));
    }

    #[test]
    fn no_text_makes_a_reader_panic_and_what_is_read_is_json(text in nearly_json()) {
        for reading in [ParseMode::NATIVE, ParseMode::PUBLISHED, ParseMode::IMPORT] {
            if let Ok(event) = NewEvent::parse(&text, reading) {
                let event = event.prepare(ChannelId::DEFAULT).unwrap();
                for slot in event.slots().iter() {
                    let value = slot.value.as_ref().unwrap();
                    prop_assert_eq!(&JsonText::parse(value.as_str()).unwrap(), value);
                }
            }
            let as_member = format!(r#"{{"level":1,"message":"m","x":{text}}}"#);
            for text in [&text, &as_member] {
                if let Ok(log) = NewActionLog::parse(text, reading) {
                    let log = log.prepare(ChannelId::DEFAULT).unwrap();
                    for slot in log.slots().iter() {
                        let value = slot.value.as_ref().unwrap();
                        prop_assert_eq!(&JsonText::parse(value.as_str()).unwrap(), value);
                    }
                }
            }
        }
        let serde: Result<serde_json::Value, _> = serde_json::from_str(&text);
        if serde.is_ok() {
            prop_assert!(JsonText::parse(&text).is_ok());
        }
        prop_assert_eq!(Members::parse(&text).is_ok(), JsonText::parse(&text).is_ok_and(|json| json.as_str().starts_with('{')));
        let _is_a_result = (Timestamp::parse(&text), canonical_integer(&text));
    }

    #[test]
    fn strings_decode_as_in_serde_and_encoding_them_round_trips(text in any::<String>()) {
        let ours = JsonText::string(&text);
        let compact = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(ours.as_str(), &compact);
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        for json in [compact, format!("\"{escaped}\"")] {
            let decoded = JsonString::decode(&json).unwrap();
            prop_assert_eq!(decoded.as_str(), Some(text.as_str()));
            prop_assert_eq!(decoded.chars_len(), text.chars().count());
        }
    }

    #[test]
    fn index_keys_differ_exactly_where_texts_do_and_fit_any_index(
        a in prop::collection::vec(prop_oneof![Just('a'), Just('\u{0}'), Just('\u{1}'), Just('😀')], 0..300),
        b in prop::collection::vec(prop_oneof![Just('a'), Just('\u{0}'), Just('\u{1}'), Just('😀')], 0..300),
    ) {
        let (a, b): (String, String) = (a.into_iter().collect(), b.into_iter().collect());
        let keys = [&a, &b].map(|text| index_key(text.as_bytes()));
        prop_assert_eq!(keys[0] == keys[1], a == b);
        for (text, key) in [&a, &b].into_iter().zip(&keys) {
            let fits = key.chars().count() <= 255 && !key.contains('\u{0}');
            prop_assert!(fits);
            prop_assert_eq!(index_key(key.as_bytes()) == *key, text == key, "a key of a key is another key, unless it is the text");
        }
    }

    #[test]
    fn an_interval_is_all_of_its_bounds(bounds in prop::collection::vec((0u8..5, -6i64..6), 0..5), edge in any::<bool>()) {
        let mut interval = Interval::default();
        let widen = |value: i64| if edge && value > 4 { i64::MAX } else if edge && value < -4 { i64::MIN } else { value };
        for (kind, bound) in &bounds {
            match kind {
                0 => interval.gt(widen(*bound)),
                1 => interval.ge(widen(*bound)),
                2 => interval.lt(widen(*bound)),
                3 => interval.le(widen(*bound)),
                _ => interval.exactly(widen(*bound)),
            }
        }
        for value in -8..8 {
            let all = bounds.iter().all(|(kind, bound)| {
                let bound = widen(*bound);
                match kind {
                    0 => value > bound,
                    1 => value >= bound,
                    2 => value < bound,
                    3 => value <= bound,
                    _ => value == bound,
                }
            });
            prop_assert_eq!(interval.contains(value), all, "{} {:?}", value, interval);
            let by_bounds = interval.lower().is_none_or(|start| value >= start) && interval.upper().is_none_or(|end| value < end);
            prop_assert_eq!(by_bounds, all);
            prop_assert!(!(interval.is_empty() && all));
        }
    }

    #[test]
    fn a_cursor_round_trips_and_a_damaged_one_is_refused_or_moved(
        timestamp in any::<i64>(), channel_id in any::<i64>(), position in any::<i64>(),
        at in any::<prop::sample::Index>(), with in any::<char>(),
    ) {
        let walk = CursorScope { order: CursorOrder::Timestamp, descending: true, channels: None, filter: EventFilter::default() };
        let point = CursorKey { timestamp, channel_id, position };
        let cursor = walk.cursor(point);
        prop_assert_eq!(walk.point(&cursor), Ok(point));
        let mut damaged: Vec<char> = cursor.chars().collect();
        *at.get_mut(&mut damaged) = with;
        let damaged: String = damaged.into_iter().collect();
        prop_assert!(damaged == cursor || walk.point(&damaged) != Ok(point));
        let other = CursorScope { order: walk.order, descending: true, channels: None, filter: ActionLogFilter::default() };
        prop_assert!(other.point(&cursor).is_err() && walk.point(&other.cursor(point)).is_err(), "a cursor is of its stream");
    }

    #[test]
    fn a_search_finds_parts_of_decoded_text_in_either_ascii_case(
        text in "[aAéÉ\\\\\"\n😀%]{0,6}", part in "[aAéÉ\\\\\"\n😀%]{0,3}", escaped in any::<bool>(), in_trace in any::<bool>(),
    ) {
        let units = || text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect::<String>();
        let json = if escaped { format!("\"{}\"", units()) } else { JsonText::string(&text).to_string() };
        let (json, other) = (JsonText::parse(&json).unwrap(), JsonText::string("-"));
        let (message, trace) = if in_trace { (&other, &json) } else { (&json, &other) };
        let filter = ActionLogFilter { search: Some(part.clone()), ..ActionLogFilter::default() };
        let found = text.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
        prop_assert_eq!(filter.finds(Some(message), Some(trace)), found || part.is_empty());
        prop_assert_eq!(filter.finds(Some(&json), None), found);
    }

    #[test]
    fn action_logs_have_one_order_whatever_they_are_sorted_by(
        rows in prop::collection::vec((0i64..3, 0i64..4, 0i64..3, prop::option::of(0i64..3)), 0..8),
        keys in prop::collection::vec((0usize..3, any::<bool>()), 0..4),
    ) {
        let fields = [ActionLogSortField::CreatedAt, ActionLogSortField::Level, ActionLogSortField::Position];
        let keys = keys.into_iter().map(|(field, descending)| SortKey { field: fields[field], descending }).collect();
        let sort = ActionLogSort::by(keys);
        let row = |(channel_id, position, created_at, level)| ActionLogSortRow { channel_id, position, created_at, level };
        let rows: Vec<ActionLogSortRow> = rows.into_iter().map(row).collect();
        for a in &rows {
            for b in &rows {
                prop_assert_eq!(sort.compare(a, b), sort.compare(b, a).reverse());
                prop_assert_eq!(sort.compare(a, b).is_eq(), (a.channel_id, a.position) == (b.channel_id, b.position) && {
                    sort.keys().iter().all(|key| match key.field {
                        ActionLogSortField::CreatedAt => a.created_at == b.created_at,
                        ActionLogSortField::Level => a.level == b.level,
                        ActionLogSortField::Position => true,
                    })
                });
                for c in &rows {
                    let is_chain = sort.compare(a, b).is_le() && sort.compare(b, c).is_le();
                    prop_assert!(!is_chain || sort.compare(a, c).is_le());
                }
                // Null stays last in both directions.
                if let [key, ..] = sort.keys() && key.field == ActionLogSortField::Level && a.level.is_some() && b.level.is_none() {
                    prop_assert!(sort.compare(a, b).is_lt());
                }
            }
        }
    }
}
