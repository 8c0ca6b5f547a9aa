//! Entries of a segment as one bit for each rank. Many stored sets can be compared with them, each
//! where it is stored.

use std::ops::Range;

use roaring::RoaringBitmap;

use super::tiers;

/// The ranks of a word.
const WORD: u32 = u64::BITS;

/// The words of the largest segment.
const WORDS: usize = tiers::LARGEST as usize / WORD as usize;

/// The largest serialized set that is a list of ranks.
const RANKS_MAX: u64 = 4_096;

/// The bytes before the ranks or words of a serialized set.
const HEADER_BYTES: usize = 16;

/// The first of them: no runs, one container, and its ranks are below 65,536.
const ONE_CONTAINER: [u8; 10] = [0x3a, 0x30, 0, 0, 1, 0, 0, 0, 0, 0];

/// A set of ranks of one segment.
#[derive(Debug)]
pub(super) struct Bits(Box<[u64; WORDS]>);

impl Bits {
    pub(super) fn from_range(range: Range<u32>) -> Bits {
        let mut bits = Bits(Box::new([u64::MAX; WORDS]));
        bits.keep(range);
        bits
    }

    /// The ranks of a set in a range.
    pub(super) fn from_set(set: &RoaringBitmap, range: Range<u32>) -> Bits {
        let mut bits = Bits(Box::new([0; WORDS]));
        match Serialized::new(set) {
            Some(Serialized::Words(stored)) => bits.0.iter_mut().zip(words(&stored)).for_each(|(word, stored)| *word = stored),
            Some(Serialized::Ranks(ranks)) => {
                ranks.as_chunks::<2>().0.iter().for_each(|rank| bits.insert(u32::from(u16::from_le_bytes(*rank))));
            }
            None => set.iter().for_each(|rank| bits.insert(rank)),
        }
        bits.keep(range);
        bits
    }

    fn insert(&mut self, rank: u32) {
        if let Some(word) = self.0.get_mut((rank / WORD) as usize) {
            *word |= 1 << (rank % WORD);
        }
    }

    /// Removes the ranks outside a range.
    fn keep(&mut self, range: Range<u32>) {
        let mut kept = [0; WORDS];
        for (word, mask) in words_of(range) {
            if let (Some(kept), Some(here)) = (kept.get_mut(word), self.0.get(word)) {
                *kept = here & mask;
            }
        }
        *self.0 = kept;
    }

    /// The number of ranks in a range.
    pub(super) fn count(&self, range: Range<u32>) -> u64 {
        words_of(range).filter_map(|(word, mask)| Some(u64::from((self.0.get(word)? & mask).count_ones()))).sum()
    }

    pub(super) fn contains(&self, rank: u16) -> bool {
        let rank = u32::from(rank);
        self.0.get((rank / WORD) as usize).is_some_and(|word| word >> (rank % WORD) & 1 == 1)
    }

    /// The number of ranks that are also in a stored set, as words, and the size of that set.
    pub(super) fn common(&self, stored: &[u8]) -> (u64, u64) {
        self.0.iter().zip(words(stored)).fold((0, 0), |(common, size), (word, stored)| {
            (common + u64::from((word & stored).count_ones()), size + u64::from(stored.count_ones()))
        })
    }

    /// The number of such ranks in a range.
    pub(super) fn common_between(&self, stored: &[u8], range: Range<u32>) -> u64 {
        let count = |(number, mask): (usize, u64)| {
            let word = self.0.get(number)?;
            Some(u64::from((word & word_at(stored, number)? & mask).count_ones()))
        };
        words_of(range).filter_map(count).sum()
    }
}

/// A serialized set, which takes far less time to make and to read than the ranks one by one. The
/// form is specified: <https://github.com/RoaringBitmap/RoaringFormatSpec>.
enum Serialized {
    Words(Vec<u8>),
    Ranks(Vec<u8>),
}

impl Serialized {
    /// Returns `None` if the set is empty, has runs, or has ranks that no segment has.
    fn new(set: &RoaringBitmap) -> Option<Serialized> {
        let mut serialized = Vec::with_capacity(set.serialized_size());
        set.serialize_into(&mut serialized).ok()?;
        let header: Vec<u8> = serialized.drain(..HEADER_BYTES.min(serialized.len())).collect();
        let is_one = header.starts_with(&ONE_CONTAINER);
        is_one.then(|| if set.len() > RANKS_MAX { Serialized::Words(serialized) } else { Serialized::Ranks(serialized) })
    }
}

/// The words of a range of ranks, each with its bits of the range.
fn words_of(range: Range<u32>) -> impl Iterator<Item = (usize, u64)> {
    let words = if range.is_empty() { 0..0 } else { range.start / WORD..(range.end - 1) / WORD + 1 };
    words.map(move |number| {
        let first = number * WORD;
        let from = range.start.saturating_sub(first);
        let after = WORD - (range.end - first).min(WORD);
        (number as usize, u64::MAX << from & u64::MAX >> after)
    })
}

/// The words of a stored set.
pub(super) fn words(stored: &[u8]) -> impl Iterator<Item = u64> {
    stored.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes))
}

fn word_at(stored: &[u8], number: usize) -> Option<u64> {
    stored.as_chunks::<8>().0.get(number).map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use roaring::RoaringBitmap;

    use super::*;

    proptest! {
        #[test]
        fn bits_count_like_sets(
            one in (0u32..200).prop_flat_map(sparse_or_dense), other in sparse_or_dense(50),
            from in 0u32..32_768, length in 0u32..32_768, runs in any::<bool>(),
        ) {
            let range = from..(from + length).min(32_768);
            let mut one = one;
            if runs {
                one.optimize();
            }
            let mut stored = vec![0u8; 4_096];
            other.iter().for_each(|rank| stored[rank as usize / 8] |= 1 << (rank % 8));
            let bits = Bits::from_set(&one, 0..32_768);
            prop_assert_eq!(bits.common(&stored).0, one.intersection_len(&other));
            prop_assert_eq!(bits.common_between(&stored, range.clone()), (&one & &other).range_cardinality(range.clone()));
            prop_assert_eq!(bits.count(range.clone()), one.range_cardinality(range.clone()));
            prop_assert!((0..=u16::MAX).all(|rank| bits.contains(rank) == one.contains(u32::from(rank))));
            let of_range = Bits::from_set(&one, range.clone());
            prop_assert_eq!(of_range.count(0..32_768), one.range_cardinality(range.clone()));
            prop_assert_eq!(of_range.common(&stored).0, (&one & &other).range_cardinality(range.clone()));
            prop_assert_eq!(Bits::from_range(range.clone()).common(&stored).0, other.range_cardinality(range));
        }
    }

    /// Sets in which about so many percent of all ranks are; above 100, a range and a few others.
    fn sparse_or_dense(percent: u32) -> impl Strategy<Value = RoaringBitmap> {
        any::<u32>().prop_map(move |seed| {
            let mut ranks: RoaringBitmap = (0u32..32_768)
                .filter(|rank| rank.wrapping_mul(2_654_435_761).wrapping_add(seed).rotate_left(7) % 100 < percent % 100)
                .collect();
            if percent >= 100 {
                ranks.insert_range(seed % 20_000..seed % 20_000 + 100 * (percent - 99));
            }
            ranks
        })
    }
}
