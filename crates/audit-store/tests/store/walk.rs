//! Walks by cursor see each record exactly once, in order.

use std::cmp::Ordering;

use audit_store::Store;
use audit_store::domain::{ActionLogFilter, ChannelGrant, CursorOrder, CursorScope, Entry, EventFilter, Interval};
use proptest::prelude::*;

use crate::common::{ActionLogs, CursorQuery, Events, Kind, Scratch, grant};
use crate::population::{self, Population};

fn place(entry: &Entry) -> (i64, i64) {
    (entry.channel_id.get(), entry.position)
}

fn compare<F>(walk: &CursorScope<F>, a: &Entry, b: &Entry) -> Ordering {
    let ascending = match walk.order {
        CursorOrder::Timestamp => (a.timestamp, place(a)).cmp(&(b.timestamp, place(b))),
        CursorOrder::Position => place(a).cmp(&place(b)),
    };
    if walk.descending { ascending.reverse() } else { ascending }
}

/// Walks to the end with pages of changing sizes, through the text form of every cursor.
fn walked<K: Kind>(store: &Store, walk: &CursorScope<K::Filter>, sizes: &[usize]) -> Vec<K::Stored> {
    let (mut records, mut after) = (Vec::new(), None);
    for size in sizes.iter().cycle() {
        let page = K::walk(store, &CursorQuery { walk: walk.clone(), after, size: *size, counted: false });
        assert!(page.records.len() <= *size && page.count.is_none());
        assert!(page.next.is_none() || page.records.len() == *size, "only the last page is short");
        records.extend(page.records);
        let Some(next) = page.next else { break };
        after = Some(K::through_text(walk, next));
    }
    records
}

#[derive(Debug, Clone)]
struct Question<F> {
    wanted: population::Wanted<F>,
    channels: Option<Vec<i64>>,
    by_position: bool,
    descending: bool,
    sizes: Vec<usize>,
}

fn questions<K: Population>() -> impl Strategy<Value = Vec<Question<K::Filter>>> {
    let sizes = prop::collection::vec(prop_oneof![1usize..9, Just(1000)], 1..4);
    let question = (population::wanted::<K>(), population::channels(), any::<bool>(), any::<bool>(), sizes).prop_map(
        |(wanted, channels, by_position, descending, sizes)| Question { wanted, channels, by_position, descending, sizes },
    );
    prop::collection::vec(question, 40)
}

fn assert_walks<K: Population>(batches: &[Vec<String>], questions: Vec<Question<K::Filter>>) {
    let scratch = Scratch::new();
    let records = population::stored::<K>(&scratch, batches);
    assert_walked::<K>(&scratch, &records, questions);
}

fn assert_walked<K: Population>(scratch: &Scratch, records: &[K::Stored], questions: Vec<Question<K::Filter>>) {
    for Question { wanted, channels, by_position, descending, sizes } in questions {
        let order = if by_position { CursorOrder::Position } else { CursorOrder::Timestamp };
        let (filter, granted) = (wanted.filter::<K>(records), grant(&channels));
        let walk = CursorScope { order, descending, channels, filter };
        let matching =
            records.iter().filter(|record| granted.allows(record.as_ref().channel_id) && K::matches(&walk.filter, record));
        let mut expected: Vec<&K::Stored> = matching.collect();
        expected.sort_by(|a, b| compare(&walk, a.as_ref(), b.as_ref()));
        let seen = walked::<K>(&scratch.store, &walk, &sizes);
        assert_eq!(seen.iter().collect::<Vec<_>>(), expected, "{walk:?}");
        let first = K::walk(&scratch.store, &CursorQuery { walk, after: None, size: 2, counted: true });
        assert_eq!(first.count, Some(expected.len() as i64));
    }
}

proptest! {
    #![proptest_config(population::config(8))]

    #[test]
    fn a_walk_visits_each_event_exactly_once_in_order(
        batches in population::batches::<Events>(), questions in questions::<Events>(),
    ) {
        assert_walks::<Events>(&batches, questions);
    }

    #[test]
    fn a_walk_visits_each_action_log_once_in_order(
        batches in population::batches::<ActionLogs>(), questions in questions::<ActionLogs>(),
    ) {
        assert_walks::<ActionLogs>(&batches, questions);
    }
}

proptest! {
    #![proptest_config(population::config(6))]

    #[test]
    fn walks_of_events_are_the_same_with_an_index(
        batches in population::batches::<Events>(), questions in questions::<Events>(),
    ) {
        let scratch = Scratch::new();
        let records = population::indexed::<Events>(&scratch, &batches);
        assert_walked::<Events>(&scratch, &records, with_longer_pages(questions));
    }

    #[test]
    fn walks_of_action_logs_are_the_same_with_an_index(
        batches in population::batches::<ActionLogs>(), questions in questions::<ActionLogs>(),
    ) {
        let scratch = Scratch::new();
        let records = population::indexed::<ActionLogs>(&scratch, &batches);
        assert_walked::<ActionLogs>(&scratch, &records, with_longer_pages(questions));
    }
}

fn with_longer_pages<F>(mut questions: Vec<Question<F>>) -> Vec<Question<F>> {
    questions.iter_mut().flat_map(|question| &mut question.sizes).for_each(|size| *size = *size * 11 + 2);
    questions
}

fn assert_goes_on<K: Kind>() {
    let scratch = Scratch::new();
    let filter = K::Filter::default();
    let walk = CursorScope { order: CursorOrder::Position, descending: false, channels: Some(vec![1]), filter };
    for _ in 0..4 {
        scratch.append_one::<K>("");
    }
    let page = |after, size| K::walk(&scratch.store, &CursorQuery { walk: walk.clone(), after, size, counted: true });
    let first = page(None, 3);
    scratch.append_one::<K>("");
    let second = page(first.next, 3);
    assert_eq!(second.records.iter().map(|record| record.as_ref().position).collect::<Vec<_>>(), [3, 4]);
    assert_eq!((second.next, second.count), (None, Some(5)));
}

#[test]
fn a_walk_goes_on_into_what_arrived_meanwhile() {
    assert_goes_on::<Events>();
    assert_goes_on::<ActionLogs>();
}

fn assert_any_size<K: Kind>(filter: K::Filter) {
    let scratch = Scratch::new();
    scratch.append_one::<K>("");
    for channels in [None, Some(vec![1]), Some(vec![0, 1])] {
        let walk = CursorScope { order: CursorOrder::Timestamp, descending: true, channels, filter: filter.clone() };
        let page = |size| K::walk(&scratch.store, &CursorQuery { walk: walk.clone(), after: None, size, counted: true });
        assert_eq!(page(0).records.len(), 1);
        assert_eq!(page(usize::MAX).records.len(), 1);
    }
    assert_eq!(scratch.store.channels(ChannelGrant::All).log::<K>().states().unwrap().len(), 1);
}

fn search(text: &str) -> ActionLogFilter {
    ActionLogFilter { search: Some(text.to_owned()), ..ActionLogFilter::default() }
}

#[test]
fn a_page_without_room_or_of_any_size_is_no_reason_to_panic() {
    assert_any_size::<Events>(EventFilter::default());
    assert_any_size::<ActionLogs>(ActionLogFilter::default());
    assert_any_size::<ActionLogs>(search("m"));
}

/// 60 records of a megabyte in channel 1 and 20 in channel 2; a walk sees each once, in pages of fewer than 60.
fn assert_early_ends<K: Kind>(filters: &[K::Filter]) {
    let scratch = Scratch::new();
    let (large, text) = ("x".repeat(1_000_000), K::TEXT.0);
    for channel in [1, 1, 1, 2] {
        scratch.append((0..20).map(|_| K::entry(&format!(r#""channel_id":{channel},"{text}":"{large}""#))).collect());
    }
    for (filter, (channels, all)) in filters.iter().flat_map(|filter| [(filter, (Some(vec![1]), 60)), (filter, (None, 80))]) {
        let walk = CursorScope { order: CursorOrder::Timestamp, descending: false, channels, filter: filter.clone() };
        let mut query = CursorQuery { walk, after: None, size: 1_000, counted: false };
        let mut seen = std::collections::HashSet::new();
        loop {
            let page = K::walk(&scratch.store, &query);
            assert!(page.records.len() < 60, "{} records of a megabyte in one page", page.records.len());
            for record in &page.records {
                assert!(seen.insert(place(record.as_ref())));
            }
            query.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), all, "{filter:?}");
    }
}

#[test]
fn a_page_of_large_events_ends_early_and_the_walk_is_complete() {
    assert_early_ends::<Events>(&[EventFilter::default()]);
}

#[test]
fn a_page_of_large_action_logs_ends_early_in_a_complete_walk() {
    let levels = ActionLogFilter { level: Interval { start: 10, end: 30 }, ..ActionLogFilter::default() };
    assert_early_ends::<ActionLogs>(&[ActionLogFilter::default(), search("xX"), levels]);
}

#[test]
fn a_search_finds_the_few_among_thousands_in_every_order() {
    let scratch = Scratch::new();
    let log = |n: u64| {
        let (channel, level, needle) = (n % 3, n % 51, if n % 500 == 7 { "needle" } else { "hay" });
        ActionLogs::entry(&format!(r#""channel_id":{channel},"trace":"{needle} {level}","logger_name":"l""#))
    };
    scratch.append((0..3_000).map(log).collect());
    for by_logger in [false, true] {
        let logger_name = by_logger.then(|| "l".to_owned());
        let filter = ActionLogFilter { logger_name, ..search("NEEDLE") };
        for (order, descending, channels) in [
            (CursorOrder::Timestamp, true, None),
            (CursorOrder::Timestamp, false, Some(vec![1])),
            (CursorOrder::Position, true, Some(vec![1])),
            (CursorOrder::Position, false, Some(vec![2])),
        ] {
            let found = if channels.is_none() { 6 } else { 2 };
            let walk = CursorScope { order, descending, channels, filter: filter.clone() };
            for size in [1, 5, 100] {
                assert_eq!(walked::<ActionLogs>(&scratch.store, &walk, &[size]).len(), found, "{walk:?}");
            }
        }
    }
}

/// More logs than are looked into level by level.
#[test]
fn a_range_of_levels_of_many_channels_is_merged_all_the_same() {
    let scratch = Scratch::new();
    let log = |n: u64| {
        let (channel, second) = (n % 20, n * 31 % 60);
        ActionLogs::entry(&format!(r#""channel_id":{channel},"created_at":"2024-01-01T00:00:{second:02}Z""#))
    };
    scratch.append((0..400).map(log).collect());
    let levels = ActionLogFilter { level: Interval { start: 20, end: 22 }, ..ActionLogFilter::default() };
    for descending in [true, false] {
        let walk = CursorScope { order: CursorOrder::Timestamp, descending, channels: None, filter: levels.clone() };
        let seen = walked::<ActionLogs>(&scratch.store, &walk, &[37]);
        assert!(seen.len() == 400 && seen.is_sorted_by(|a, b| compare(&walk, &a.entry, &b.entry).is_lt()));
    }
}
