//! Counts of many values in memory of a fixed size: if they do not fit, those at the beginning are
//! counted first, and the others range by range.

use std::collections::HashMap;

use crate::postings::ValueRange;

/// Values that are kept of those that were not counted. They say where the next ranges begin.
const SAMPLES_MAX: usize = 2_048;

/// A value, the number of its entries, and a channel that has some.
pub(super) type Counted = (Vec<u8>, (i64, i64));

/// The counts of the values of a range. The range becomes smaller if it has too many.
#[derive(Debug)]
pub(super) struct ValueCounts {
    range: ValueRange,
    /// The end of the range as it was.
    end: Option<Vec<u8>>,
    max: usize,
    counts: HashMap<Vec<u8>, (i64, i64)>,
    /// How often a value was added that is still in the range.
    visits: u64,
    /// The number of added entries, including those of values that left the range.
    pub(super) entries: i64,
    beyond: Sample,
}

impl ValueCounts {
    pub(super) fn new(range: ValueRange, max: usize) -> ValueCounts {
        let (end, max) = (range.to.clone(), max.max(2));
        ValueCounts { range, end, max, counts: HashMap::new(), visits: 0, entries: 0, beyond: Sample::default() }
    }

    /// The range that is counted completely.
    pub(super) fn range(&self) -> &ValueRange {
        &self.range
    }

    /// Adds entries of a channel that have a value. Values outside of the whole range are ignored.
    pub(super) fn add(&mut self, value: &[u8], count: i64, channel_id: i64) {
        if !self.range.has(value) {
            if value >= self.range.from.as_slice() && self.end.as_deref().is_none_or(|end| value < end) {
                self.entries += count;
                self.beyond.add(value);
            }
            return;
        }
        self.entries += count;
        self.visits += 1;
        match self.counts.get_mut(value) {
            // A value comes once for each segment, and only the first time is copied.
            Some((total, _)) => *total += count,
            None => {
                self.counts.insert(value.to_vec(), (count, channel_id));
                if self.counts.len() > self.max {
                    self.halve();
                }
            }
        }
    }

    /// Adds the counts of another log in the same range.
    pub(super) fn absorb(&mut self, other: ValueCounts) {
        if let Some(to) = &other.range.to
            && self.range.to.as_ref().is_none_or(|own| to < own)
        {
            self.cut(to.clone());
        }
        let entries = self.entries + other.entries;
        for (value, (count, channel_id)) in other.counts {
            self.add(&value, count, channel_id);
        }
        self.entries = entries;
        self.visits = self.visits.max(other.visits);
        self.beyond.merge(other.beyond);
    }

    /// Drops the greater half of the values.
    fn halve(&mut self) {
        let mut values: Vec<&Vec<u8>> = self.counts.keys().collect();
        let half = values.len() / 2;
        let (_, middle, _) = values.select_nth_unstable(half);
        let middle = middle.clone();
        self.cut(middle);
    }

    /// Ends the range before a value.
    fn cut(&mut self, to: Vec<u8>) {
        let before = self.counts.len() as u64;
        let beyond = &mut self.beyond;
        self.counts.retain(|value, _| {
            let stays = *value < to;
            if !stays {
                beyond.add(value);
            }
            stays
        });
        self.visits = self.visits * self.counts.len() as u64 / before.max(1);
        self.range.to = Some(to);
    }

    /// The counts, and the ranges that are still to be counted.
    pub(super) fn finish(self) -> (impl Iterator<Item = Counted>, Vec<ValueRange>) {
        let rest = match &self.range.to {
            Some(from) if self.range.to != self.end => {
                let pieces = self.beyond.seen.div_ceil(self.visits.max(1));
                self.beyond.ranges(from.clone(), self.end.clone(), usize::try_from(pieces).unwrap_or(usize::MAX))
            }
            _ => Vec::new(),
        };
        (self.counts.into_iter(), rest)
    }
}

/// Some of the values that were seen, at equal distances.
#[derive(Debug)]
struct Sample {
    values: Vec<Vec<u8>>,
    seen: u64,
    /// Each value of so many is kept.
    step: u64,
}

impl Default for Sample {
    fn default() -> Sample {
        Sample { values: Vec::new(), seen: 0, step: 1 }
    }
}

impl Sample {
    fn add(&mut self, value: &[u8]) {
        if self.seen.is_multiple_of(self.step) {
            self.values.push(value.to_vec());
        }
        self.seen += 1;
        if self.values.len() > SAMPLES_MAX {
            let mut number = 0;
            self.values.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.step *= 2;
        }
    }

    fn merge(&mut self, other: Sample) {
        self.seen += other.seen;
        self.values.extend(other.values);
    }

    /// Splits the values from one on, up to an end, into ranges with about as many of the sample
    /// each.
    fn ranges(mut self, from: Vec<u8>, end: Option<Vec<u8>>, pieces: usize) -> Vec<ValueRange> {
        self.values.sort_unstable();
        self.values.dedup();
        let pieces = pieces.clamp(1, self.values.len().max(1));
        let mut starts = vec![from];
        for piece in 1..pieces {
            let start = self.values.get(piece * self.values.len() / pieces);
            starts.extend(start.filter(|start| starts.last() < Some(*start)).cloned());
        }
        let ends = starts.iter().skip(1).cloned().map(Some).chain([end]).collect::<Vec<_>>();
        starts.into_iter().zip(ends).map(|(from, to)| ValueRange { from, to }).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Counts the values of several logs range by range, and the most values of a range.
    fn in_ranges(logs: &[Vec<(u16, u8)>], max: usize) -> (BTreeMap<Vec<u8>, i64>, usize, i64) {
        let (mut ranges, mut all, mut most, mut first_entries) = (vec![ValueRange::whole()], BTreeMap::new(), 0, None);
        while let Some(range) = ranges.pop() {
            let mut counts = ValueCounts::new(range.clone(), max);
            for (channel, log) in logs.iter().enumerate() {
                let mut of_log = ValueCounts::new(range.clone(), max);
                log.iter().for_each(|(value, count)| of_log.add(&value.to_be_bytes(), i64::from(*count), channel as i64));
                counts.absorb(of_log);
            }
            first_entries.get_or_insert(counts.entries);
            let (counted, rest) = counts.finish();
            let counted: Vec<Counted> = counted.collect();
            most = most.max(counted.len());
            for (value, (count, _)) in counted {
                assert_eq!(all.insert(value, count), None, "a value is in two ranges");
            }
            ranges.extend(rest);
        }
        (all, most, first_entries.unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn values_are_counted_once_whatever_fits(
            logs in prop::collection::vec(prop::collection::vec((0u16..500, 1u8..9), 0..400), 0..4), max in 2usize..60,
        ) {
            let mut reference: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
            for (value, count) in logs.iter().flatten() {
                *reference.entry(value.to_be_bytes().to_vec()).or_default() += i64::from(*count);
            }
            let (all, most, entries) = in_ranges(&logs, max);
            prop_assert!(most <= max, "{most} values at once");
            prop_assert_eq!(entries, reference.values().sum::<i64>());
            prop_assert_eq!(all, reference);
        }
    }
}
