//! SQL means what `matches` of the filter and `compare` of the sort say.

use std::collections::BTreeSet;

use audit_store::domain::{
    ActionLogFilter, ActionLogValues, ChannelGrant, ChannelId, Entry, EventFilter, EventSort, EventValues, Interval, Sort,
    SortField, SortKey,
};
use audit_store::{ActionLogGroupBy, GroupBy, PageNumber, Store, StreamTypes};
use proptest::prelude::*;

use crate::common::{ActionLogs, Events, Kind, ListQuery, Row, Scratch, event, grant, log_of, only};
use crate::population::{self, Population};

type Id = (i64, i64);

fn id(entry: &Entry) -> Id {
    (entry.channel_id.get(), entry.position)
}

/// What has to be listed, from every record there is.
fn expected<'a, K: Kind>(
    records: &'a [K::Stored],
    channels: &ChannelGrant,
    filter: &K::Filter,
    sort: &Sort<K::SortField>,
) -> Vec<&'a K::Stored> {
    let granted = records.iter().filter(|record| channels.allows(record.as_ref().channel_id));
    let mut matching: Vec<(Row<K>, &K::Stored)> =
        granted.filter(|record| K::matches(filter, record)).map(|record| (K::row(record), record)).collect();
    matching.sort_by(|a, b| sort.compare(&a.0, &b.0));
    matching.into_iter().map(|(_, record)| record).collect()
}

/// Every page, the last one by name, and the places before the first and behind the last.
fn assert_pages<K: Kind>(store: &Store, query: &ListQuery<K>, expected: &[&K::Stored]) {
    let (count, size) = (expected.len() as i64, query.size);
    let pages = (count / size + i64::from(count % size != 0)).max(1);
    for number in 0..=pages + 1 {
        let page = ListQuery { page: PageNumber::Number(number), ..query.clone() }.run(store);
        assert_eq!((page.count, page.number, page.pages), (count, number, pages), "{query:?}");
        let inside = (1..=pages).contains(&number);
        let wanted = expected.iter().skip(if inside { ((number - 1) * size) as usize } else { usize::MAX }).take(size as usize);
        let (seen, wanted): (Vec<Id>, Vec<Id>) =
            (page.records.iter().map(|r| id(r.as_ref())).collect(), wanted.map(|r| id(r.as_ref())).collect());
        assert_eq!(seen, wanted, "page {number} of {query:?}");
        assert!(page.records.iter().zip(expected.iter().skip(((number - 1).max(0) * size) as usize)).all(|(a, b)| a == *b));
    }
    let last = ListQuery { page: PageNumber::Last, ..query.clone() }.run(store);
    assert_eq!((last.count, last.number), (count, pages));
    let wanted: Vec<Id> = expected.iter().skip(((pages - 1) * size) as usize).map(|record| id(record.as_ref())).collect();
    assert_eq!(last.records.iter().map(|r| id(r.as_ref())).collect::<Vec<_>>(), wanted, "the last page of {query:?}");
}

/// A page is also a slice, and a count of its own.
fn assert_slices<K: Kind>(store: &Store, query: &ListQuery<K>, expected: &[&K::Stored]) {
    let (ListQuery { channels, filter, sort, size, .. }, count) = (query.clone(), expected.len() as i64);
    let log = store.channels(channels).log::<K>();
    assert_eq!(log.count(&filter).unwrap(), count, "{query:?}");
    let list = log.list(filter).sort(sort);
    for skip in (0..=count).step_by(size as usize) {
        let slice = list.slice(skip, size).unwrap();
        let wanted = expected.iter().skip(skip as usize).take(size as usize);
        assert!(slice.iter().eq(wanted.copied()), "{size} behind {skip} of {query:?}");
    }
}

#[derive(Debug, Clone)]
struct Question<F, S> {
    wanted: population::Wanted<F>,
    sort: S,
    channels: Option<Vec<i64>>,
    size: i64,
}

type QuestionOf<K> = Question<<K as StreamTypes>::Filter, Sort<<K as StreamTypes>::SortField>>;

fn questions<K: Population>() -> impl Strategy<Value = Vec<QuestionOf<K>>> {
    let size = prop_oneof![1i64..12, Just(100), Just(1000)];
    let question = (population::wanted::<K>(), population::sorts::<K>(), population::channels(), size)
        .prop_map(|(wanted, sort, channels, size)| Question { wanted, sort, channels, size });
    prop::collection::vec(question, 40)
}

fn assert_lists<K: Population>(batches: &[Vec<String>], questions: Vec<QuestionOf<K>>) {
    let scratch = Scratch::new();
    let records = population::stored::<K>(&scratch, batches);
    assert_answers::<K>(&scratch, &records, questions);
}

fn assert_answers<K: Population>(scratch: &Scratch, records: &[K::Stored], questions: Vec<QuestionOf<K>>) {
    for Question { wanted, sort, channels, size } in questions {
        let (filter, channels) = (wanted.filter::<K>(records), grant(&channels));
        let expected = expected::<K>(records, &channels, &filter, &sort);
        let query = ListQuery::<K> { channels, filter, sort, page: PageNumber::Last, size };
        assert_pages::<K>(&scratch.store, &query, &expected);
        assert_slices::<K>(&scratch.store, &query, &expected);
    }
}

proptest! {
    #![proptest_config(population::config(8))]

    #[test]
    fn every_page_of_every_list_of_events_equals_the_reference(
        batches in population::batches::<Events>(), questions in questions::<Events>(),
    ) {
        assert_lists::<Events>(&batches, questions);
    }

    #[test]
    fn every_page_of_every_list_of_action_logs_equals_the_reference(
        batches in population::batches::<ActionLogs>(), questions in questions::<ActionLogs>(),
    ) {
        assert_lists::<ActionLogs>(&batches, questions);
    }
}

/// Larger pages, since there are more of them.
fn indexed_questions<K: Population>() -> impl Strategy<Value = Vec<QuestionOf<K>>> {
    questions::<K>().prop_map(|mut questions| {
        questions.iter_mut().for_each(|question| question.size = question.size * 17 + 3);
        questions
    })
}

proptest! {
    #![proptest_config(population::config(6))]

    #[test]
    fn lists_of_events_are_the_same_with_an_index(
        batches in population::batches::<Events>(), questions in indexed_questions::<Events>(),
    ) {
        let scratch = Scratch::new();
        let records = population::indexed::<Events>(&scratch, &batches);
        assert_answers::<Events>(&scratch, &records, questions);
    }

    #[test]
    fn lists_of_action_logs_are_the_same_with_an_index(
        batches in population::batches::<ActionLogs>(), questions in indexed_questions::<ActionLogs>(),
    ) {
        let scratch = Scratch::new();
        let records = population::indexed::<ActionLogs>(&scratch, &batches);
        assert_answers::<ActionLogs>(&scratch, &records, questions);
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
        let query =
            ListQuery::<Events> { channels: only(1), filter, sort: EventSort::default(), page: PageNumber::Number(1), size: 100 };
        let page = query.run(&scratch.store);
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
    assert_eq!(count(EventFilter { matches_nothing: true, ..EventFilter::default() }), 0);
}

#[test]
fn each_filter_of_action_logs_alone_finds_exactly_its_own() {
    let scratch = Scratch::new();
    let long = "x".repeat(256);
    for (level, text) in [(0, "a"), (10, r"\u0061"), (20, "A"), (25, ""), (40, r"a\u0000b"), (50, &long)] {
        scratch.append_json_of::<ActionLogs>(&format!(
            r#"{{"level":{level},"logger_name":"{text}","app_name":"{text}","message":"{text}"}}"#
        ));
    }
    scratch.append_json_of::<ActionLogs>(r#"{"level":50,"message":"b","trace":"\u0061"}"#);
    let any = ActionLogFilter::default;
    let count = |filter: ActionLogFilter| {
        let query =
            ListQuery::<ActionLogs> { channels: only(1), filter, sort: Sort::default(), page: PageNumber::Number(1), size: 100 };
        let page = query.run(&scratch.store);
        assert_eq!(page.records.len() as i64, page.count);
        page.count
    };
    for (text, named, found) in [("a", 2, 5), ("A", 1, 5), ("", 1, 7), ("a\0b", 1, 1), ("a\0", 0, 1), (&long, 1, 1), ("b", 0, 2)] {
        let is = || Some(text.to_owned());
        assert_eq!(count(ActionLogFilter { logger_name: is(), ..any() }), named, "logger_name {text:?}");
        assert_eq!(count(ActionLogFilter { app_name: is(), ..any() }), named, "app_name {text:?}");
        assert_eq!(count(ActionLogFilter { search: is(), ..any() }), found, "search {text:?}");
    }
    let (min, max) = (i64::MIN, i64::MAX);
    for (start, end, found) in [
        (0, 1, 1),
        (25, max, 4),
        (min, 25, 3),
        (26, 40, 0),
        (50, 51, 2),
        (51, max, 0),
        (min, 0, 0),
        (max - 1, max, 0),
        (min, max, 7),
    ] {
        let level = Interval { start, end };
        assert_eq!(count(ActionLogFilter { level, ..any() }), found, "{level:?}");
        let named = ActionLogFilter { level, logger_name: Some("a".to_owned()), ..any() };
        assert_eq!(count(named), [0, 10].iter().filter(|level| (start..end).contains(level)).count() as i64, "a, {level:?}");
    }
    assert_eq!(count(ActionLogFilter { matches_nothing: true, search: Some("a".to_owned()), ..any() }), 0);
}

/// Values that are there, are not and are null, and one that is both wanted and not.
#[test]
fn a_list_of_values_and_what_it_leaves_out_are_all_there_is() {
    let scratch = Scratch::new();
    // An index has the first 64, and looks at the others one by one.
    for _ in 0..20 {
        for (action, level) in [(r#""a""#, 10), (r#""b""#, 20), (r#""b,c""#, 30), ("null", 40)] {
            scratch.append_json(&format!(r#"{{"action":{action}}}"#));
            scratch.append_json_of::<ActionLogs>(&format!(r#"{{"level":{level},"logger_name":{action},"message":""}}"#));
        }
    }
    let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<String>>();
    let of_four = |one_of: &[&str], none_of: &[&str]| {
        let values = |texts| EventValues { action: set(texts), ..EventValues::default() };
        let filter = EventFilter { one_of: values(one_of), none_of: values(none_of), ..EventFilter::default() };
        let events = scratch.store.channels(only(1)).events().summary(&filter, GroupBy::Action).unwrap().total;
        let values = |texts| ActionLogValues { logger_name: set(texts), ..ActionLogValues::default() };
        let filter = ActionLogFilter { one_of: values(one_of), none_of: values(none_of), ..ActionLogFilter::default() };
        let logs = scratch.store.channels(only(1)).action_logs().summary(&filter, ActionLogGroupBy::Level).unwrap().total;
        assert_eq!((events, events % 20), (logs, 0));
        events / 20
    };
    for is_indexed in [false, true] {
        if is_indexed {
            scratch.store.index().unwrap();
        }
        assert_eq!((of_four(&["a"], &[]), of_four(&[], &["a"])), (1, 3), "what has no value at all is not an a");
        assert_eq!((of_four(&["a", "b"], &[]), of_four(&[], &["a", "b"])), (2, 2));
        assert_eq!((of_four(&["a", "b"], &["b"]), of_four(&["b"], &["b"]), of_four(&["absent"], &[])), (1, 0, 0));
        assert_eq!((of_four(&[], &["absent"]), of_four(&["b,c"], &[])), (4, 1));
    }
}

/// What many values may meet, and the lists of fields that few records have. The wanted events are named, not computed.
#[test]
fn addresses_urls_and_persons_are_found_in_the_index() {
    let scratch = Scratch::new();
    let records = [
        r#"{"remote_addr":"10.1.2.3","url":"/a/1","user":{"pk":1,"email":"a@x"}}"#,
        r#"{"remote_addr":"[::ffff:10.9.9.9]:80","url":"/a","impersonator":1}"#,
        r#"{"remote_addr":"LOCAL","url":"/b","impersonator":{"pk":2}}"#,
        r#"{"remote_addr":"192.168.0.1","url":"b/a/","user":{"pk":2,"email":"b@x"}}"#,
    ];
    // An index has the first 64, and looks at the others one by one.
    for _ in 0..20 {
        for json in records {
            scratch.append_json(json);
        }
    }
    let text = |text: &str| Some(text.to_owned());
    let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<String>>();
    let any = EventFilter::default;
    let addresses = |texts| EventValues { remote_addr: set(texts), ..EventValues::default() };
    let persons = |texts| EventValues { impersonator: set(texts), ..EventValues::default() };
    let cases = [
        (EventFilter { remote_addr: text("10.0.0.0/8"), ..any() }, vec![0, 1]),
        (EventFilter { remote_addr: text("LOCAL"), ..any() }, vec![2]),
        (EventFilter { one_of: addresses(&["192.168.0.0/16", "LOCAL"]), ..any() }, vec![2, 3]),
        (EventFilter { none_of: addresses(&["10.1.2.3", "LOCAL"]), ..any() }, vec![1, 3]),
        (EventFilter { url_prefix: text("/a"), ..any() }, vec![0, 1]),
        (EventFilter { url_prefix: text("/a/"), ..any() }, vec![0]),
        (EventFilter { impersonator: text("1"), ..any() }, vec![1]),
        (EventFilter { one_of: persons(&["1", "2"]), ..any() }, vec![1, 2]),
        (EventFilter { none_of: persons(&["1"]), ..any() }, vec![0, 2, 3]),
        (EventFilter { user_email: text("b@x"), ..any() }, vec![3]),
    ];
    for is_indexed in [false, true] {
        if is_indexed {
            scratch.store.index().unwrap();
        }
        for (filter, wanted) in &cases {
            let list = scratch.store.channels(only(1)).events().list(filter.clone());
            let found: Vec<i64> = list.slice(0, 1_000).unwrap().iter().map(|event| event.entry.position % 4).collect();
            let of_each = |record: i64| found.iter().filter(|found| **found == record).count();
            let expected = |record: i64| if wanted.contains(&record) { 20 } else { 0 };
            assert!((0..4).all(|record| of_each(record) == expected(record)), "{filter:?}: {found:?}");
        }
    }
}

#[test]
fn a_reader_without_channels_sees_nothing() {
    let scratch = Scratch::new();
    let receipt = scratch.append_json(r#"{"user":7}"#);
    let none = ChannelGrant::Only([].into());
    let query = ListQuery::<Events> {
        channels: none.clone(),
        filter: EventFilter::default(),
        sort: EventSort::default(),
        page: PageNumber::Last,
        size: 10,
    };
    let page = query.run(&scratch.store);
    assert_eq!((page.count, page.pages, page.records.len()), (0, 1, 0));
    assert_eq!(scratch.store.channels(none.clone()).events().get(receipt.uuid).unwrap(), None);
    assert_eq!(scratch.store.channels(none).events().states().unwrap(), []);
}

#[test]
fn a_uuid_in_several_channels_prefers_the_first_then_the_lowest() {
    let scratch = Scratch::new();
    let uuid = crate::common::uuid(9);
    for channel in [3, 2, 7] {
        scratch.append(vec![event(&format!(r#"{{"uuid":"{uuid}","channel_id":{channel}}}"#))]);
    }
    let channel = |id: i64| ChannelId::new(id).unwrap();
    let found = |grant: &ChannelGrant, first: i64| {
        Events::get(&scratch.store, grant, channel(first), uuid).map(|event| event.entry.channel_id.get())
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
        let query = ListQuery::<Events> {
            channels: ChannelGrant::All,
            filter: EventFilter::default(),
            sort: EventSort::default(),
            page: PageNumber::Number(1),
            size,
        };
        let page = query.run(&scratch.store);
        assert_eq!((page.count, page.pages, page.records.len()), (1, 1, 1), "size {size}");
    }
}

#[test]
fn deep_pages_of_several_channels_equal_the_reference() {
    let scratch = Scratch::new();
    for channel in [1, 2] {
        let one = |n: u64| {
            let (second, object) = (n * 7919 % 50, n * 31 % 97);
            event(&format!(r#"{{"channel_id":{channel},"object_id":{object},"timestamp":"2024-01-01T00:00:{second:02}Z"}}"#))
        };
        scratch.append((0..3_500).map(one).collect());
    }
    let mut events = log_of::<Events>(&scratch.store, 1);
    events.extend(log_of::<Events>(&scratch.store, 2));
    let (filter, channels) = (EventFilter::default(), ChannelGrant::All);
    for sort in [
        EventSort::default(),
        EventSort::by(vec![
            SortKey { field: SortField::ObjectId, descending: false },
            SortKey { field: SortField::Timestamp, descending: true },
        ]),
        EventSort::by(vec![SortKey { field: SortField::Uuid, descending: false }]),
    ] {
        let expected = expected::<Events>(&events, &channels, &filter, &sort);
        // Pages 1 to 5 are merged here, 6 and 7 by the database.
        let page = PageNumber::Number(1);
        let query = ListQuery::<Events> { channels: channels.clone(), filter: filter.clone(), sort, page, size: 1_000 };
        assert_pages::<Events>(&scratch.store, &query, &expected);
        assert_slices::<Events>(&scratch.store, &query, &expected);
    }
}
