//! Histograms are the sums of what the reference matches.

use audit_store::StreamTypes;
use std::collections::{BTreeMap, HashMap};

use audit_store::GroupKey;
use audit_store::domain::{Span, limits};
use proptest::prelude::*;

use crate::common::grant;
use crate::common::{ActionLogs, Events, Scratch, only};
use crate::population::{self, Population};
use crate::summary::{Grouped, Key, key_shown};

const SPANS: [Span; 4] = [Span::Hour, Span::Day, Span::Week, Span::Month];

type Questions<K> = Vec<(population::Wanted<<K as StreamTypes>::Filter>, Option<Vec<i64>>)>;

fn questions<K: Population>() -> impl Strategy<Value = Questions<K>> {
    prop::collection::vec((population::wanted::<K>(), population::channels()), 12)
}

fn assert_spans<K: Grouped>(scratch: &Scratch, records: &[K::Stored], questions: Questions<K>) {
    for (wanted, channels) in questions {
        let (filter, channels) = (wanted.filter::<K>(records), grant(&channels));
        let matching: Vec<&K::Stored> =
            records.iter().filter(|record| channels.allows(record.as_ref().channel_id) && K::matches(&filter, record)).collect();
        for (span, by) in SPANS.iter().flat_map(|span| K::SPLITS.iter().map(move |by| (*span, *by))) {
            let mut sums: BTreeMap<i64, HashMap<Key, i64>> = BTreeMap::new();
            for record in &matching {
                let of_span = sums.entry(span.start(record.as_ref().timestamp.micros())).or_default();
                *of_span.entry(K::key_of(record, by)).or_default() += 1;
            }
            let plain = K::histogram(scratch, &channels, &filter, span, None);
            let counts: Vec<(i64, i64)> = plain.spans.iter().map(|span| (span.start.micros(), span.count)).collect();
            let wanted: Vec<(i64, i64)> = sums.iter().map(|(start, groups)| (*start, groups.values().sum())).collect();
            assert_eq!((plain.total, counts), (matching.len() as i64, wanted), "{span:?} {filter:?}");
            assert!(plain.groups.is_empty() && plain.spans.iter().all(|span| span.counts.is_empty()));

            let split = K::histogram(scratch, &channels, &filter, span, Some(by));
            let summary = K::summaries(scratch, &channels, &filter, &[by]).remove(0);
            let listed = summary.groups.len().min(limits::HISTOGRAM_GROUPS_MAX);
            assert_eq!(split.groups, summary.groups[..listed], "{by:?} {filter:?}");
            let beyond: i64 = summary.groups[listed..].iter().map(|group| group.count).sum();
            assert_eq!((split.other.groups, split.other.count), ((summary.groups.len() - listed) as i64, beyond));
            let keys: Vec<Key> = split.groups.iter().map(|group| key_shown(&group.key)).collect();
            for (shown, (start, groups)) in split.spans.iter().zip(&sums) {
                let wanted: Vec<i64> = keys.iter().map(|key| groups.get(key).copied().unwrap_or(0)).collect();
                assert_eq!((shown.start.micros(), &shown.counts), (*start, &wanted), "{span:?} {by:?} {filter:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(population::config(3))]

    #[test]
    fn spans_of_events_are_the_sums_of_what_the_reference_matches(
        batches in population::batches::<Events>(), questions in questions::<Events>(),
    ) {
        let scratch = Scratch::new();
        let records = population::stored::<Events>(&scratch, &batches);
        assert_spans::<Events>(&scratch, &records, questions);
    }

    #[test]
    fn spans_of_action_logs_are_the_sums_searching_or_not(
        batches in population::batches::<ActionLogs>(), questions in questions::<ActionLogs>(),
    ) {
        let scratch = Scratch::new();
        let records = population::stored::<ActionLogs>(&scratch, &batches);
        assert_spans::<ActionLogs>(&scratch, &records, questions);
    }

    #[test]
    fn spans_of_events_are_the_same_with_an_index(
        batches in population::batches::<Events>(), questions in questions::<Events>(),
    ) {
        let scratch = Scratch::new();
        let records = population::indexed::<Events>(&scratch, &batches);
        assert_spans::<Events>(&scratch, &records, questions);
    }

    #[test]
    fn spans_of_action_logs_are_the_same_with_an_index(
        batches in population::batches::<ActionLogs>(), questions in questions::<ActionLogs>(),
    ) {
        let scratch = Scratch::new();
        let records = population::indexed::<ActionLogs>(&scratch, &batches);
        assert_spans::<ActionLogs>(&scratch, &records, questions);
    }
}

#[test]
fn of_more_spans_than_are_listed_the_earlier_ones_are_summed_up() {
    let scratch = Scratch::new();
    let (beyond, max) = (40, limits::HISTOGRAM_SPANS_MAX);
    for hour in 0..max + beyond {
        let at = audit_store::domain::Timestamp::from_micros(hour as i64 * 3_600_000_000).unwrap();
        let action = if hour < beyond { "\"early\"" } else { "null" };
        scratch.append_one::<Events>(&format!(r#""timestamp":"{at}","action":{action}"#));
    }
    for is_indexed in [false, true] {
        if is_indexed {
            scratch.store.index().unwrap();
        }
        let filter = <Events as StreamTypes>::Filter::default();
        let split = Events::histogram(&scratch, &only(1), &filter, Span::Hour, Some(audit_store::GroupBy::Action));
        assert_eq!((split.total, split.spans.len()), ((max + beyond) as i64, max));
        assert_eq!((split.earlier.groups, split.earlier.count), (beyond as i64, beyond as i64));
        assert_eq!(split.spans[0].start.micros(), beyond as i64 * 3_600_000_000);
        assert_eq!(split.groups.iter().map(|group| group.count).collect::<Vec<_>>(), [max as i64, beyond as i64]);
        assert_eq!(split.groups[0].key, GroupKey::Null);
        assert!(split.spans.iter().all(|span| span.counts == [1, 0]));
    }
}
