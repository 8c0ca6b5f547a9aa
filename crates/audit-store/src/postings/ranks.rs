//! Sets of entries of a segment, by their rank in the order of time.
//!
//! A set is stored in the shorter one of two forms: as the gaps between its ranks, or as one bit
//! for each rank. A serialized roaring bitmap takes twice as much: it has two bytes for each rank
//! of a set, or eight KiB for the 32,768 entries of the largest segment.

use roaring::RoaringBitmap;

use super::bits::{self, Bits};
use super::bytes::{Reader, put_number};
use super::tiers;

/// A set of up to this size is always stored as gaps, and so it needs no length.
const SHORT_MAX: usize = 64;

/// Bytes of the bits of the largest segment.
const BITS_MAX: usize = tiers::LARGEST as usize / 8;

/// Bytes of a word of bits.
const WORD_BYTES: usize = 8;

/// Appends a set, which must be ascending and not empty: its size and its ranks.
pub(super) fn put(out: &mut Vec<u8>, ranks: &[u16]) {
    put_number(out, ranks.len() as u64);
    if ranks.len() > SHORT_MAX {
        let words = ranks.last().map_or(0, |last| usize::from(*last) / 64 + 1);
        let (gaps, bits) = (gaps(ranks).map(bytes_of).sum::<usize>(), words * WORD_BYTES);
        put_number(out, if bits < gaps { 2 * bits as u64 + 1 } else { 2 * gaps as u64 });
        if bits < gaps {
            return put_bits(out, ranks, bits);
        }
    }
    gaps(ranks).for_each(|gap| put_number(out, gap));
}

/// For each rank, the number of ranks between it and the one before it.
fn gaps(ranks: &[u16]) -> impl Iterator<Item = u64> {
    let mut next = 0;
    ranks.iter().map(move |rank| {
        let gap = u64::from(*rank) - next;
        next = u64::from(*rank) + 1;
        gap
    })
}

/// The bytes that [`put_number`] writes for a gap.
fn bytes_of(gap: u64) -> usize {
    1 + usize::from(gap >= 1 << 7) + usize::from(gap >= 1 << 14)
}

fn put_bits(out: &mut Vec<u8>, ranks: &[u16], length: usize) {
    let start = out.len();
    out.resize(start + length, 0);
    for rank in ranks {
        if let Some(byte) = out.get_mut(start + usize::from(rank / 8)) {
            *byte |= 1 << (rank % 8);
        }
    }
}

/// A stored set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranks<'a> {
    count: usize,
    form: Form,
    bytes: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Gaps,
    Bits,
}

impl<'a> Ranks<'a> {
    /// Takes a set from the front.
    pub(super) fn take(reader: &mut Reader<'a>) -> Option<Ranks<'a>> {
        let count = reader.length()?;
        if count > SHORT_MAX {
            let length = reader.length()?;
            let form = if length % 2 == 1 { Form::Bits } else { Form::Gaps };
            let bytes = reader.take(length / 2)?;
            let fits = match form {
                Form::Bits => bytes.len() <= BITS_MAX && bytes.len() % WORD_BYTES == 0 && count <= 8 * bytes.len(),
                Form::Gaps => count <= bytes.len(),
            };
            return fits.then_some(Ranks { count, form, bytes });
        }
        let before = *reader;
        for _ in 0..count {
            reader.number()?;
        }
        Some(Ranks { count, form: Form::Gaps, bytes: &before.0[..before.0.len() - reader.0.len()] })
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The set as a bitmap.
    pub(super) fn bitmap(&self) -> Option<RoaringBitmap> {
        let bitmap = match self.form {
            Form::Bits => RoaringBitmap::from_lsb0_bytes(0, self.bytes),
            Form::Gaps => RoaringBitmap::from_sorted_iter(self.list()?.into_iter().map(u32::from)).ok()?,
        };
        (bitmap.len() == self.count as u64).then_some(bitmap)
    }

    /// The ranks, ascending.
    pub(super) fn list(&self) -> Option<Vec<u16>> {
        let mut ranks = Vec::with_capacity(self.count.min(usize::from(u16::MAX)));
        self.each(|rank| ranks.push(rank))?;
        Some(ranks)
    }

    /// The number of ranks that are also in other ones of the segment.
    pub(super) fn common(&self, others: &Bits) -> Option<u64> {
        if self.form == Form::Bits {
            let (common, ones) = others.common(self.bytes);
            return (ones == self.count as u64).then_some(common);
        }
        let mut common = 0;
        self.each(|rank| common += u64::from(others.contains(rank)))?;
        Some(common)
    }

    /// Counts the ranks that are also in other ones of the segment, for each of some ranges in
    /// order, and calls back for the ranges that have any: with the number of the range.
    pub(super) fn common_in(&self, others: &Bits, ends: &[(u32, u32)], mut count: impl FnMut(usize, u64)) -> Option<()> {
        if self.form == Form::Bits {
            if bits::words(self.bytes).map(u64::count_ones).sum::<u32>() as usize != self.count {
                return None;
            }
            for (number, (from, to)) in ends.iter().enumerate() {
                match others.common_between(self.bytes, *from..*to) {
                    0 => {}
                    common => count(number, common),
                }
            }
            return Some(());
        }
        let (mut range, mut common) = (0, 0);
        self.each(|rank| {
            if !others.contains(rank) {
                return;
            }
            let rank = u32::from(rank);
            while ends.get(range).is_some_and(|(_, to)| *to <= rank) {
                if common > 0 {
                    count(range, common);
                }
                (range, common) = (range + 1, 0);
            }
            common += u64::from(ends.get(range).is_some_and(|(from, _)| *from <= rank));
        })?;
        if common > 0 {
            count(range, common);
        }
        Some(())
    }

    /// Calls back for each rank in order. Returns `None` if the bytes are not such a set.
    fn each(&self, mut take: impl FnMut(u16)) -> Option<()> {
        let mut taken = 0;
        match self.form {
            Form::Bits => {
                for (first, mut word) in (0u32..).step_by(64).zip(bits::words(self.bytes)) {
                    while word != 0 {
                        take(u16::try_from(first + word.trailing_zeros()).ok()?);
                        word &= word - 1;
                        taken += 1;
                    }
                }
            }
            Form::Gaps => {
                let (mut reader, mut next) = (Reader(self.bytes), 0u32);
                while let Some((byte, rest)) = reader.0.split_first() {
                    // Nearly all gaps have one byte.
                    let gap = if *byte < 0x80 {
                        reader.0 = rest;
                        u32::from(*byte)
                    } else {
                        u32::from(u16::try_from(reader.number()?).ok()?)
                    };
                    let rank = next + gap;
                    take(u16::try_from(rank).ok()?);
                    next = rank + 1;
                    taken += 1;
                }
            }
        }
        (taken == self.count).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Sets of any density.
    fn sets() -> impl Strategy<Value = Vec<u16>> {
        let densities = prop_oneof![Just(1.0), Just(0.7), Just(0.1), Just(0.02), Just(0.001)];
        (densities, any::<u64>()).prop_map(|(density, seed)| {
            let mut state = seed | 1;
            let mut drawn = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 11) as f64 / (1u64 << 53) as f64
            };
            let ranks: Vec<u16> = (0..32_768).filter(|_| drawn() < density).collect();
            if ranks.is_empty() { vec![7] } else { ranks }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn sets_are_read_and_counted_as_they_were_written(
            set in sets(), others in sets(), lengths in prop::collection::vec((0u32..3_000, 0u32..100), 1..30),
        ) {
            let mut bytes = Vec::new();
            put(&mut bytes, &set);
            let mut reader = Reader(&bytes);
            let ranks = Ranks::take(&mut reader).unwrap();
            prop_assert!(reader.is_empty());
            prop_assert_eq!((ranks.len(), ranks.list()), (set.len(), Some(set.clone())));
            prop_assert!(ranks.bitmap().unwrap().iter().eq(set.iter().map(|rank| u32::from(*rank))));

            let both: BTreeSet<u32> = others.iter().filter(|rank| set.binary_search(rank).is_ok()).map(|rank| u32::from(*rank)).collect();
            let others: RoaringBitmap = others.into_iter().map(u32::from).collect();
            let others = Bits::from_set(&others, 0..32_768);
            prop_assert_eq!(ranks.common(&others), Some(both.len() as u64));
            let (mut ends, mut from) = (Vec::new(), 0);
            for (length, gap) in lengths {
                ends.push((from, from + length));
                from += length + gap;
            }
            let mut counts = vec![0; ends.len()];
            ranks.common_in(&others, &ends, |range, count| counts[range] += count).unwrap();
            let wanted: Vec<u64> = ends.iter().map(|(from, to)| both.range(from..to).count() as u64).collect();
            prop_assert_eq!(counts, wanted);
        }
    }

    #[test]
    fn changed_bytes_are_no_set_and_no_panic() {
        let dense: Vec<u16> = (0..32_768).filter(|n| n % 3 != 1).collect();
        let sparse: Vec<u16> = (0..400).map(|n| n * 80).collect();
        for set in [dense, sparse] {
            let mut bytes = Vec::new();
            put(&mut bytes, &set);
            for cut in 1..bytes.len() {
                for changed in [bytes[cut..].to_vec(), [&bytes[..cut], &[bytes[cut] ^ 0x90], &bytes[cut + 1..]].concat()] {
                    if let Some(ranks) = Ranks::take(&mut Reader(&changed)) {
                        let (bitmap, list) = (ranks.bitmap(), ranks.list());
                        assert!(bitmap.is_none_or(|bitmap| list.as_ref().is_some_and(|list| list.len() as u64 == bitmap.len())));
                        let (all, count) = (Bits::from_range(0..32_768), list.map(|list| list.len() as u64));
                        assert!(ranks.common(&all).is_none_or(|common| count.is_none_or(|count| common <= count)));
                        let mut counted = 0;
                        let spans = ranks.common_in(&all, &[(0, 32_768)], |_, number| counted += number);
                        assert!(spans.is_none() || count.is_none_or(|count| counted <= count));
                        assert!(
                            ranks.form == Form::Gaps
                                || (ranks.common(&all).is_some(), spans.is_some()) == (count.is_some(), count.is_some())
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_set_takes_the_fewest_bytes() {
        let bytes = |set: &[u16]| {
            let mut bytes = Vec::new();
            put(&mut bytes, set);
            bytes.len()
        };
        let all: Vec<u16> = (0..32_768).collect();
        assert_eq!(bytes(&all), 3 + 2 + 4_096);
        let one_in_fifty: Vec<u16> = all.iter().step_by(50).copied().collect();
        assert_eq!(bytes(&one_in_fifty), 2 + 2 + one_in_fifty.len());
        assert_eq!(bytes(&[65_535]), 1 + 3);
    }
}
