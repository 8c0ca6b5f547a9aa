//! A search finds what a look at each record finds, whatever the index knows of its words.

use audit_store::domain::{
    ActionLogFilter, ActionLogSortField, ChannelGrant, ChannelId, CursorOrder, CursorScope, EventFilter, Sort, SortField, SortKey,
    Span, Stream,
};
use audit_store::{ActionLogGroupBy, GroupBy, GroupKey, Histogram, PageNumber, Store, StreamTypes, Summary};

use crate::common::{ActionLogs, CursorQuery, Dice, Events, Kind, ListQuery, Row, Scratch, log_of};

/// Words that begin, end and contain each other, in either case, beside each other in any way, and too long for an index.
const WORDS: [&str; 12] =
    ["pay", "Payment", "repay", "refund", "日本", "日", "naïve", "NAÏVE", "x-ray", "12.50", "3f2a-77", "long"];
const BETWEEN: [&str; 5] = [" ", "-", ", ", "", "_"];

/// Whole words, parts of them, several of them, parts without any, and one that nothing has.
const PARTS: [&str; 20] = [
    "pay",
    "PAYMENT",
    "aym",
    "repay ",
    "t re",
    "refund-pay",
    "本",
    "日本",
    "本日",
    "naïve",
    "ïve",
    "x-r",
    "12.5",
    "2a-7",
    "-",
    "",
    "é",
    "longlong",
    "ay, re",
    "absent",
];

fn text(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..dice.below(4) {
        text += WORDS[dice.below(12) as usize];
        text += BETWEEN[dice.below(5) as usize];
    }
    if dice.below(30) == 0 { text + &"long".repeat(20) } else { text }
}

/// Channels 1 and 2 with a few hundred records each, of which the last ones are not indexed.
fn filled<K: Kind>(without_words: ChannelGrant) -> Scratch {
    let (scratch, mut dice) = (Scratch::with(|config| config.channels_without_words = without_words), Dice(11));
    for (records, is_indexed) in [(700, true), (50, false)] {
        let record = |number: u64, dice: &mut Dice| {
            let (time, day) = (if K::STREAM == Stream::ActionLogs { "created_at" } else { "timestamp" }, 1 + dice.below(9));
            let group = if K::STREAM == Stream::ActionLogs { r#""logger_name":"A""# } else { r#""action":"A""# };
            let group = [group, r#""other":1"#][dice.below(2) as usize];
            let always = format!(r#""channel_id":{},"{time}":"2024-01-0{day}T00:00:00Z",{group}"#, 1 + number % 2);
            K::entry(&format!(r#"{always},"{}":"{}""#, K::TEXT.0, text(dice)))
        };
        scratch.append((0..records).map(|number| record(number, &mut dice)).collect());
        if is_indexed {
            scratch.store.index().unwrap();
        }
    }
    scratch
}

/// Counts by another way each.
type Totals<K> = fn(&Store, &ChannelGrant, &<K as StreamTypes>::Filter) -> [i64; 4];

fn assert_finds<K: Kind>(filter_of: impl Fn(&str) -> K::Filter, totals: Totals<K>) {
    for without_words in [ChannelGrant::Only([].into()), ChannelGrant::All] {
        let scratch = filled::<K>(without_words.clone());
        let store = &scratch.store;
        for (part, channels) in PARTS.iter().flat_map(|part| [(part, vec![1]), (part, vec![1, 2])]) {
            let filter = filter_of(part);
            let of_channels = channels.iter().flat_map(|channel| log_of::<K>(store, *channel));
            let mut wanted: Vec<K::Stored> = of_channels.filter(|record| K::matches(&filter, record)).collect();
            wanted.sort_by_key(|record| (record.as_ref().timestamp, record.as_ref().channel_id, record.as_ref().position));
            let what = format!("{part:?} in {channels:?}, {without_words:?} without words");
            for size in [7, 300] {
                for counted in [false, true] {
                    assert!(walked::<K>(store, &filter, &channels, size, counted, wanted.len()) == wanted, "{what}");
                }
            }
            let grant = ChannelGrant::Only(channels.iter().filter_map(|id| ChannelId::new(*id)).collect());
            assert_eq!(totals(store, &grant, &filter), [wanted.len() as i64; 4], "{what}");
            let query = ListQuery::<K> { channels: grant, filter, sort: Sort::by(Vec::new()), page: PageNumber::Last, size: 10 };
            assert_eq!(query.run(store).count, wanted.len() as i64, "{what}");
        }
    }
}

fn walked<K: Kind>(
    store: &Store,
    filter: &K::Filter,
    channels: &[i64],
    size: usize,
    counted: bool,
    count: usize,
) -> Vec<K::Stored> {
    let walk =
        CursorScope { order: CursorOrder::Timestamp, descending: false, channels: Some(channels.to_vec()), filter: filter.clone() };
    let (mut query, mut seen) = (CursorQuery { walk, after: None, size, counted }, Vec::new());
    loop {
        let page = K::walk(store, &query);
        assert!(page.records.len() <= size && page.count == counted.then_some(count as i64));
        assert!(page.next.is_none() || page.records.len() == size, "a page that is not the last one is full");
        seen.extend(page.records);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return seen,
        }
    }
}

#[test]
fn every_read_of_events_finds_what_has_the_part() {
    let filter_of = |part: &str| EventFilter { search: Some(part.to_owned()), ..EventFilter::default() };
    assert_finds::<Events>(filter_of, |store, channels, filter| {
        let summaries = store.channels(channels.clone()).events().summaries(filter, [GroupBy::Weekday, GroupBy::Action]).unwrap();
        let histogram = store.channels(channels.clone()).events().histogram(filter, Span::Day, Some(GroupBy::Action)).unwrap();
        let sum = |at: usize| summaries[at].groups.iter().map(|group| group.count).sum();
        assert_eq!(split(&histogram), groups(&summaries[1]));
        [sum(0), sum(1), histogram.total, histogram.spans.iter().map(|span| span.count).sum()]
    });
}

#[test]
fn every_read_of_action_logs_finds_what_has_the_part() {
    let filter_of = |part: &str| ActionLogFilter { search: Some(part.to_owned()), ..ActionLogFilter::default() };
    assert_finds::<ActionLogs>(filter_of, |store, channels, filter| {
        let by = [ActionLogGroupBy::LoggerName, ActionLogGroupBy::Day];
        let summaries = store.channels(channels.clone()).action_logs().summaries(filter, by).unwrap();
        let histogram = store
            .channels(channels.clone())
            .action_logs()
            .histogram(filter, Span::Week, Some(ActionLogGroupBy::LoggerName))
            .unwrap();
        let sum = |at: usize| summaries[at].groups.iter().map(|group| group.count).sum();
        assert_eq!(split(&histogram), groups(&summaries[0]));
        [sum(0), sum(1), histogram.total, histogram.spans.iter().map(|span| span.count).sum()]
    });
}

/// The groups of a summary.
fn groups(summary: &Summary) -> Vec<(GroupKey, i64)> {
    summary.groups.iter().map(|group| (group.key.clone(), group.count)).collect()
}

/// The groups of a histogram, each counted in its spans.
fn split(histogram: &Histogram) -> Vec<(GroupKey, i64)> {
    let count = |at: usize| histogram.spans.iter().map(|span| span.counts[at]).sum();
    histogram.groups.iter().enumerate().map(|(at, group)| (group.key.clone(), count(at))).collect()
}

/// More than are sorted in memory, in orders that the index does not know.
#[test]
fn pages_of_a_search_have_what_matches_in_every_order() {
    let scratch = Scratch::new();
    let text = |number: usize| if number.is_multiple_of(12) { "other" } else { "a payment" };
    scratch.append((0..1_300).map(|n| Events::entry(&format!(r#""description":"{}","object_id":{}"#, text(n), n % 7))).collect());
    scratch.append((0..1_300).map(|n| ActionLogs::entry(&format!(r#""trace":"{}""#, text(n)))).collect());
    scratch.store.index().unwrap();
    let events = EventFilter { search: Some("pay".to_owned()), ..EventFilter::default() };
    for field in [SortField::Uuid, SortField::Timestamp, SortField::ObjectId] {
        assert_pages::<Events>(&scratch.store, &events, Sort::by(vec![SortKey { field, descending: true }]));
    }
    let logs = ActionLogFilter { search: Some("a pay".to_owned()), ..ActionLogFilter::default() };
    for descending in [false, true] {
        let keys =
            [ActionLogSortField::CreatedAt, ActionLogSortField::Position].map(|field| SortKey { field, descending: !descending });
        assert_pages::<ActionLogs>(&scratch.store, &logs, Sort::by(keys.to_vec()));
        let keys = [ActionLogSortField::CreatedAt, ActionLogSortField::Level].map(|field| SortKey { field, descending });
        assert_pages::<ActionLogs>(&scratch.store, &logs, Sort::by(keys.to_vec()));
    }
}

fn assert_pages<K: Kind>(store: &Store, filter: &K::Filter, sort: Sort<K::SortField>) {
    let mut wanted: Vec<(Row<K>, K::Stored)> =
        log_of::<K>(store, 1).into_iter().filter(|record| K::matches(filter, record)).map(|r| (K::row(&r), r)).collect();
    wanted.sort_by(|a, b| sort.compare(&a.0, &b.0));
    assert!(wanted.len() > 1_100);
    let channels = ChannelGrant::Only([ChannelId::new(1).unwrap()].into());
    for page in [1, 57, 100] {
        let query = ListQuery::<K> {
            channels: channels.clone(),
            filter: filter.clone(),
            sort: sort.clone(),
            page: PageNumber::Number(page),
            size: 11,
        };
        let listed = query.run(store);
        let of_page = wanted.iter().skip((page as usize - 1) * 11).take(11).map(|(_, record)| record);
        assert!(listed.count == wanted.len() as i64 && listed.records.iter().eq(of_page), "page {page} by {:?}", sort.keys());
    }
}

/// What a running server keeps of segments does not outlive them.
#[test]
fn an_open_store_sees_a_rebuild_with_another_setting() {
    let scratch = Scratch::new();
    let texts = ["alpha", "beta", "gamma", "delta"];
    scratch.append((0..640).map(|n| Events::entry(&format!(r#""description":"{}""#, texts[n % 4]))).collect());
    scratch.store.index().unwrap();
    let count = |part: &str| {
        let filter = EventFilter { search: Some(part.to_owned()), ..EventFilter::default() };
        scratch.store.channels(ChannelGrant::All).events().summary(&filter, GroupBy::Day).unwrap().total
    };
    assert_eq!(count("alpha"), 160);
    let without = Store::open(scratch.place.config().channels_without_words(ChannelGrant::All)).unwrap();
    without.rebuild_index().unwrap();
    assert_eq!((count("beta"), count("alpha")), (160, 160));
    scratch.store.rebuild_index().unwrap();
    assert_eq!((count("gamma"), count("beta"), count("absent")), (160, 160, 0));
    without.close();
}
