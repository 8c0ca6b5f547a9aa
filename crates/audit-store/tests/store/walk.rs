//! Walks by cursor see each event exactly once, in order.

use std::cmp::Ordering;

use audit_store::domain::{ChannelGrant, Event, EventFilter, Stream, Walk, WalkOrder};
use audit_store::{Store, WalkQuery};
use proptest::prelude::*;

use crate::common::{Scratch, event};
use crate::filters::grant;
use crate::population;

fn place(event: &Event) -> (i64, i64) {
    (event.channel_id.get(), event.position)
}

fn compare(walk: &Walk, a: &Event, b: &Event) -> Ordering {
    let ascending = match walk.order {
        WalkOrder::Timestamp => (a.timestamp, place(a)).cmp(&(b.timestamp, place(b))),
        WalkOrder::Position => place(a).cmp(&place(b)),
    };
    if walk.descending { ascending.reverse() } else { ascending }
}

/// Walks to the end with pages of changing sizes, through the text form of every cursor.
fn walked(store: &Store, walk: &Walk, sizes: &[usize]) -> Vec<Event> {
    let (mut events, mut after) = (Vec::new(), None);
    for size in sizes.iter().cycle() {
        let page = store.walk(&WalkQuery { walk: walk.clone(), after, size: *size, counted: false }).unwrap();
        assert!(page.records.len() <= *size && page.count.is_none());
        assert!(page.next.is_none() || page.records.len() == *size, "only the last page is short");
        events.extend(page.records);
        let Some(next) = page.next else { break };
        after = Some(walk.point(&walk.cursor(next)).unwrap());
    }
    events
}

#[derive(Debug, Clone)]
struct Question {
    wanted: population::Wanted,
    channels: Option<Vec<i64>>,
    by_position: bool,
    descending: bool,
    sizes: Vec<usize>,
}

fn questions() -> impl Strategy<Value = Vec<Question>> {
    let sizes = prop::collection::vec(prop_oneof![1usize..9, Just(1000)], 1..4);
    let question = (population::wanted(), population::channels(), any::<bool>(), any::<bool>(), sizes).prop_map(
        |(wanted, channels, by_position, descending, sizes)| Question { wanted, channels, by_position, descending, sizes },
    );
    prop::collection::vec(question, 40)
}

proptest! {
    #![proptest_config(population::config(8))]

    #[test]
    fn a_walk_visits_each_event_exactly_once_in_order(batches in population::batches(), questions in questions()) {
        let scratch = Scratch::new();
        let events = population::stored(&scratch, &batches);
        for Question { wanted, channels, by_position, descending, sizes } in questions {
            let order = if by_position { WalkOrder::Position } else { WalkOrder::Timestamp };
            let (filter, granted) = (wanted.filter(&events), grant(&channels));
            let walk = Walk { order, descending, channels, filter };
            let matching = events.iter().filter(|event| granted.allows(event.channel_id) && walk.filter.matches(event));
            let mut expected: Vec<&Event> = matching.collect();
            expected.sort_by(|a, b| compare(&walk, a, b));
            let seen = walked(&scratch.store, &walk, &sizes);
            prop_assert_eq!(seen.iter().collect::<Vec<_>>(), expected.clone(), "{:?}", walk);
            let first = scratch.store.walk(&WalkQuery { walk, after: None, size: 2, counted: true }).unwrap();
            prop_assert_eq!(first.count, Some(expected.len() as i64));
        }
    }
}

#[test]
fn a_walk_goes_on_into_what_arrived_meanwhile() {
    let scratch = Scratch::new();
    let walk = Walk { order: WalkOrder::Position, descending: false, channels: Some(vec![1]), filter: EventFilter::default() };
    for _ in 0..4 {
        scratch.append_json("{}");
    }
    let page = |after, size| scratch.store.walk(&WalkQuery { walk: walk.clone(), after, size, counted: true }).unwrap();
    let first = page(None, 3);
    scratch.append_json("{}");
    let second = page(first.next, 3);
    assert_eq!(second.records.iter().map(|event| event.position).collect::<Vec<_>>(), [3, 4]);
    assert_eq!((second.next, second.count), (None, Some(5)));
}

#[test]
fn a_page_without_room_or_of_any_size_is_no_reason_to_panic() {
    let scratch = Scratch::new();
    scratch.append_json("{}");
    for channels in [None, Some(vec![1]), Some(vec![0, 1])] {
        let walk = Walk { order: WalkOrder::Timestamp, descending: true, channels, filter: EventFilter::default() };
        let page = |size| scratch.store.walk(&WalkQuery { walk: walk.clone(), after: None, size, counted: true }).unwrap();
        assert_eq!(page(0).records.len(), 1);
        assert_eq!(page(usize::MAX).records.len(), 1);
    }
    assert_eq!(scratch.store.logs(Stream::Events, &ChannelGrant::All).unwrap().len(), 1);
}

#[test]
fn a_page_of_large_events_ends_early_and_the_walk_still_sees_each_once() {
    let scratch = Scratch::new();
    let large = "x".repeat(1_000_000);
    for channel in [1, 1, 1, 2] {
        scratch.append((0..20).map(|_| event(&format!(r#"{{"channel_id":{channel},"content":"{large}"}}"#))).collect());
    }
    for (channels, all) in [(Some(vec![1]), 60), (None, 80)] {
        let walk = Walk { order: WalkOrder::Timestamp, descending: false, channels, filter: EventFilter::default() };
        let mut query = WalkQuery { walk, after: None, size: 1_000, counted: false };
        let mut seen = std::collections::HashSet::new();
        loop {
            let page = scratch.store.walk(&query).unwrap();
            assert!(page.records.len() < 60, "{} events of a megabyte in one page", page.records.len());
            for event in &page.records {
                assert!(seen.insert((event.channel_id.get(), event.position)));
            }
            query.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), all);
    }
}
