//! Summaries are the sums of what the reference matches.

use std::collections::HashMap;

use audit_store::domain::{Event, JsonText, Timestamp, User, index_key, slot};
use audit_store::{GroupBy, GroupKey};
use proptest::prelude::*;

use crate::common::Scratch;
use crate::filters::grant;
use crate::population;

const ALL: [GroupBy; 7] =
    [GroupBy::TableName, GroupBy::ContentType, GroupBy::User, GroupBy::Person, GroupBy::Action, GroupBy::Hour, GroupBy::Day];

/// What an event is counted under: numbers before texts before null, texts by the form that is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
    Null,
}

fn text(json: &JsonText) -> Key {
    let decoded = json.decoded().map_or_else(|| json.as_str().as_bytes().to_vec(), |text| text.as_bytes().to_vec());
    Key::Text(index_key(&decoded))
}

fn key_of(event: &Event, by: GroupBy) -> Key {
    let subject = event.subject();
    let span = |micros: i64| Key::Number(event.timestamp.micros().div_euclid(micros) * micros);
    match by {
        GroupBy::TableName => subject.table_name.as_ref().map_or(Key::Null, text),
        GroupBy::Action => subject.action.as_ref().map_or(Key::Null, |action| text(action.json())),
        GroupBy::ContentType => subject.content_type.map_or(Key::Null, Key::Number),
        GroupBy::User | GroupBy::Person => {
            let identity = event.slots.value(slot::USER).map(|json| User::from_json(json.clone()).unwrap().identity());
            let (id, name) = identity.map_or((None, None), |identity| (identity.id, identity.name));
            let shown = if by == GroupBy::Person { name.or(id) } else { id };
            shown.map_or(Key::Null, |text| Key::Text(text.index_key()))
        }
        GroupBy::Hour => span(3_600_000_000),
        GroupBy::Day => span(86_400_000_000),
    }
}

fn key_shown(key: &GroupKey) -> Key {
    match key {
        GroupKey::Null => Key::Null,
        GroupKey::Number(number) => Key::Number(*number),
        GroupKey::Text(json) => text(json),
        GroupKey::Time(at) => Key::Number(at.micros()),
    }
}

proptest! {
    #![proptest_config(population::config(6))]

    #[test]
    fn groups_are_the_sums_of_what_the_reference_matches(
        batches in population::batches(),
        questions in prop::collection::vec((population::wanted(), population::channels()), 15),
    ) {
        let scratch = Scratch::new();
        let events = population::stored(&scratch, &batches);
        for (wanted, channels) in questions {
            let (filter, channels) = (wanted.filter(&events), grant(&channels));
            let matching: Vec<&Event> =
                events.iter().filter(|event| channels.allows(event.channel_id) && filter.matches(event)).collect();
            for by in ALL {
                let mut sums: HashMap<Key, i64> = HashMap::new();
                for event in &matching {
                    *sums.entry(key_of(event, by)).or_default() += 1;
                }
                let mut sums: Vec<(Key, i64)> = sums.into_iter().collect();
                let in_order = matches!(by, GroupBy::Hour | GroupBy::Day);
                sums.sort_by(|a, b| if in_order { a.cmp(b) } else { b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)) });
                let summary = scratch.store.summaries(&channels, &filter, &[by]).unwrap().remove(0);
                prop_assert_eq!(&scratch.store.summaries(&channels, &filter, &[GroupBy::Day, by]).unwrap()[1], &summary);
                let groups: Vec<(Key, i64)> = summary.groups.iter().map(|group| (key_shown(&group.key), group.count)).collect();
                prop_assert_eq!(summary.total, matching.len() as i64);
                prop_assert_eq!(groups, sums, "{:?} {:?}", by, filter);
            }
        }
    }
}

#[test]
fn hours_and_days_before_1970_start_before_their_events() {
    let scratch = Scratch::new();
    scratch.append_json(r#"{"timestamp":"1969-12-31T23:59:59.999999Z"}"#);
    let start = |by| {
        let summary = scratch.store.summaries(&crate::common::only(1), &Default::default(), &[by]).unwrap().remove(0);
        summary.groups[0].key.clone()
    };
    let at = |text: &str| GroupKey::Time(Timestamp::parse(text).unwrap());
    assert_eq!(start(GroupBy::Hour), at("1969-12-31T23:00:00Z"));
    assert_eq!(start(GroupBy::Day), at("1969-12-31"));
}

#[test]
fn a_text_too_long_for_an_index_is_shown_as_it_was_received() {
    let scratch = Scratch::new();
    let long = format!(r#""\u0061{}""#, "x".repeat(300));
    scratch.append_json(&format!(r#"{{"table_name":{long},"user":{{"pk":{long},"username":{long}}},"action":"\ud800"}}"#));
    let shown =
        |by| match &scratch.store.summaries(&crate::common::only(1), &Default::default(), &[by]).unwrap().remove(0).groups[0].key {
            GroupKey::Text(json) => json.as_str().to_owned(),
            other => panic!("{other:?}"),
        };
    assert_eq!(shown(GroupBy::TableName), long);
    assert_eq!(shown(GroupBy::User), long);
    assert_eq!(shown(GroupBy::Person), long);
    assert_eq!(shown(GroupBy::Action), r#""\ud800""#);
}
