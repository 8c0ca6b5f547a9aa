//! SQL means what `EventFilter::matches` and `EventSort::compare` say.

use audit_store::domain::{ChannelGrant, ChannelId, Event, EventFilter, EventSort, SortField, SortKey, SortRow, Stream};
use audit_store::{ListQuery, PageNumber, SliceQuery, Store};
use proptest::prelude::*;

use crate::common::{Scratch, event, only};
use crate::population;

type Id = (i64, i64);

fn id(event: &Event) -> Id {
    (event.channel_id.get(), event.position)
}

/// What has to be listed, from every event there is.
fn expected<'a>(events: &'a [Event], channels: &ChannelGrant, filter: &EventFilter, sort: &EventSort) -> Vec<&'a Event> {
    let granted = events.iter().filter(|event| channels.allows(event.channel_id));
    let mut matching: Vec<(SortRow, &Event)> =
        granted.filter(|event| filter.matches(event)).map(|event| (SortRow::of(event), event)).collect();
    matching.sort_by(|a, b| sort.compare(&a.0, &b.0));
    matching.into_iter().map(|(_, event)| event).collect()
}

pub(crate) fn grant(channels: &Option<Vec<i64>>) -> ChannelGrant {
    match channels {
        None => ChannelGrant::All,
        Some(ids) => ChannelGrant::Only(ids.iter().map(|id| ChannelId::new(*id).unwrap()).collect()),
    }
}

/// Every page, the last one by name, and the places before the first and behind the last.
fn assert_pages(store: &Store, query: &ListQuery, expected: &[&Event]) {
    let (count, size) = (expected.len() as i64, query.size);
    let pages = (count / size + i64::from(count % size != 0)).max(1);
    for number in 0..=pages + 1 {
        let page = store.list(&ListQuery { page: PageNumber::Number(number), ..query.clone() }).unwrap();
        assert_eq!((page.count, page.number, page.pages), (count, number, pages), "{query:?}");
        let inside = (1..=pages).contains(&number);
        let wanted = expected.iter().skip(if inside { ((number - 1) * size) as usize } else { usize::MAX }).take(size as usize);
        let (seen, wanted): (Vec<Id>, Vec<Id>) = (page.records.iter().map(id).collect(), wanted.map(|event| id(event)).collect());
        assert_eq!(seen, wanted, "page {number} of {query:?}");
        if inside {
            let ListQuery { channels, filter, sort, .. } = query.clone();
            let slice = store.slice(&SliceQuery { channels, filter, sort, skip: (number - 1) * size, size }).unwrap();
            assert_eq!(slice, page.records, "page {number} of {query:?} as a slice");
        }
        assert!(page.records.iter().zip(expected.iter().skip(((number - 1).max(0) * size) as usize)).all(|(a, b)| a == *b));
    }
    let last = store.list(&ListQuery { page: PageNumber::Last, ..query.clone() }).unwrap();
    assert_eq!((last.count, last.number), (count, pages));
    let wanted: Vec<Id> = expected.iter().skip(((pages - 1) * size) as usize).map(|event| id(event)).collect();
    assert_eq!(last.records.iter().map(id).collect::<Vec<_>>(), wanted, "the last page of {query:?}");
}

#[derive(Debug, Clone)]
struct Question {
    wanted: population::Wanted,
    sort: EventSort,
    channels: Option<Vec<i64>>,
    size: i64,
}

fn questions() -> impl Strategy<Value = Vec<Question>> {
    let size = prop_oneof![1i64..12, Just(100), Just(1000)];
    let question = (population::wanted(), population::sorts(), population::channels(), size)
        .prop_map(|(wanted, sort, channels, size)| Question { wanted, sort, channels, size });
    prop::collection::vec(question, 40)
}

proptest! {
    #![proptest_config(population::config(8))]

    #[test]
    fn every_page_of_every_list_is_what_the_reference_says(batches in population::batches(), questions in questions()) {
        let scratch = Scratch::new();
        let events = population::stored(&scratch, &batches);
        for question in questions {
            let Question { wanted, sort, channels, size } = question;
            let (filter, channels) = (wanted.filter(&events), grant(&channels));
            let expected = expected(&events, &channels, &filter, &sort);
            let query = ListQuery { channels, filter, sort, page: PageNumber::Last, size };
            assert_pages(&scratch.store, &query, &expected);
        }
    }
}

/// Values that a filter must tell apart, or must not, one filter at a time over a fixed population.
#[test]
fn each_filter_alone_finds_exactly_its_events() {
    let scratch = Scratch::new();
    let long = "x".repeat(256);
    let texts = ["a", r"\u0061", "A", "a ", "", r"a\u0000b", r"a\u0000c", r"a\u0001b", r"\ud800", r"\ud800x", "é", &long];
    for text in texts {
        let table_and_address = format!(r#""table_name":"{text}","remote_addr":"{text}","url":"{text}""#);
        let action = if text.len() > 100 { String::new() } else { format!(r#","action":"{text}""#) };
        scratch.append_json(&format!(r#"{{{table_and_address},"object_id":"{text}","user":{{"pk":"{text}"}}{action}}}"#));
    }
    scratch.append_json("{}");
    let count = |filter: EventFilter| {
        let query = ListQuery { channels: only(1), filter, sort: EventSort::default(), page: PageNumber::Number(1), size: 100 };
        let page = scratch.store.list(&query).unwrap();
        assert_eq!(page.records.len() as i64, page.count);
        page.count
    };
    let stored_form = audit_store::domain::index_key(long.as_bytes());
    let cases =
        [("a", 2), ("A", 1), ("a ", 1), ("", 1), ("a\0b", 1), ("a\0", 0), ("a\u{1}b", 1), ("é", 1), (&long, 1), (&stored_form, 0)];
    for (text, found) in cases {
        let is = || Some(text.to_owned());
        let actions = if text == long { 0 } else { found };
        assert_eq!(count(EventFilter { table_name: is(), ..EventFilter::default() }), found, "table_name {text:?}");
        assert_eq!(count(EventFilter { object_id: is(), ..EventFilter::default() }), found, "object_id {text:?}");
        assert_eq!(count(EventFilter { user: is(), ..EventFilter::default() }), found, "user {text:?}");
        assert_eq!(count(EventFilter { person: is(), ..EventFilter::default() }), found, "person {text:?}");
        assert_eq!(count(EventFilter { url: is(), ..EventFilter::default() }), found, "url {text:?}");
        assert_eq!(count(EventFilter { remote_addr: is(), ..EventFilter::default() }), found, "remote_addr {text:?}");
        assert_eq!(count(EventFilter { action: is(), ..EventFilter::default() }), actions, "action {text:?}");
    }
    assert_eq!(count(EventFilter { never: true, ..EventFilter::default() }), 0);
}

#[test]
fn a_reader_without_channels_sees_nothing() {
    let scratch = Scratch::new();
    let receipt = scratch.append_json(r#"{"user":7}"#);
    let none = ChannelGrant::Only([].into());
    let query = ListQuery {
        channels: none.clone(),
        filter: EventFilter::default(),
        sort: EventSort::default(),
        page: PageNumber::Last,
        size: 10,
    };
    let page = scratch.store.list(&query).unwrap();
    assert_eq!((page.count, page.pages, page.records.len()), (0, 1, 0));
    assert_eq!(scratch.store.get(&none, receipt.channel_id, receipt.uuid).unwrap(), None);
    assert_eq!(scratch.store.logs(Stream::Events, &none).unwrap(), []);
}

#[test]
fn a_uuid_in_several_channels_is_looked_up_in_the_preferred_one_first_then_the_lowest() {
    let scratch = Scratch::new();
    let uuid = crate::common::uuid(9);
    for channel in [3, 2, 7] {
        scratch.append(vec![event(&format!(r#"{{"uuid":"{uuid}","channel_id":{channel}}}"#))]);
    }
    let channel = |id: i64| ChannelId::new(id).unwrap();
    let found = |grant: &ChannelGrant, first: i64| {
        scratch.store.get(grant, channel(first), uuid).unwrap().map(|event| event.channel_id.get())
    };
    assert_eq!(found(&ChannelGrant::All, 7), Some(7));
    assert_eq!(found(&ChannelGrant::All, 1), Some(2));
    assert_eq!(found(&ChannelGrant::Only([channel(3), channel(7)].into()), 2), Some(3), "the preferred one has to be granted");
    assert_eq!(found(&only(4), 4), None);
}

#[test]
fn a_list_of_pages_without_room_is_no_reason_to_panic() {
    let scratch = Scratch::new();
    scratch.append_json("{}");
    for size in [0, -1, i64::MIN, i64::MAX] {
        let query = ListQuery {
            channels: ChannelGrant::All,
            filter: EventFilter::default(),
            sort: EventSort::default(),
            page: PageNumber::Number(1),
            size,
        };
        let page = scratch.store.list(&query).unwrap();
        assert_eq!((page.count, page.pages, page.records.len()), (1, 1, 1), "size {size}");
    }
}

#[test]
fn pages_deep_in_several_channels_are_those_of_the_reference_too() {
    let scratch = Scratch::new();
    for channel in [1, 2] {
        let one = |n: u64| {
            let (second, object) = (n * 7919 % 50, n * 31 % 97);
            event(&format!(r#"{{"channel_id":{channel},"object_id":{object},"timestamp":"2024-01-01T00:00:{second:02}Z"}}"#))
        };
        scratch.append((0..3_500).map(one).collect());
    }
    let mut events = crate::common::log_of(&scratch.store, 1);
    events.extend(crate::common::log_of(&scratch.store, 2));
    let (filter, channels) = (EventFilter::default(), ChannelGrant::All);
    for sort in [
        EventSort::default(),
        EventSort::by(vec![
            SortKey { field: SortField::ObjectId, descending: false },
            SortKey { field: SortField::Timestamp, descending: true },
        ]),
        EventSort::by(vec![SortKey { field: SortField::Uuid, descending: false }]),
    ] {
        let expected = expected(&events, &channels, &filter, &sort);
        // Pages 1 to 5 are merged here, 6 and 7 by the database.
        let page = PageNumber::Number(1);
        let query = ListQuery { channels: channels.clone(), filter: filter.clone(), sort, page, size: 1_000 };
        assert_pages(&scratch.store, &query, &expected);
    }
}
