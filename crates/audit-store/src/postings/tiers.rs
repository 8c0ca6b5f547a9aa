//! Splits a log into segments.
//!
//! A segment has the size of one of the tiers, and starts at a multiple of its size. So the
//! segments of a log follow only from the number of indexed entries: a rebuild makes the same ones.

/// Sizes of segments, the smallest first. Entries that are too few for the smallest segment are
/// read row by row. The largest size bounds the memory of a merge.
pub(crate) const TIERS: [i64; 4] = [64, 512, 4_096, 32_768];

/// The size of the largest segment.
pub(crate) const LARGEST: i64 = TIERS[TIERS.len() - 1];

/// The number of the first `size` entries of a log that are in segments.
pub(crate) fn indexed(size: i64) -> i64 {
    size - size % TIERS[0]
}

/// The size of the segment that starts at a position if this number of entries is indexed.
fn size_at(first: i64, indexed: i64) -> i64 {
    let fits = |tier: &&i64| first % **tier == 0 && first + **tier <= indexed;
    TIERS.iter().rev().find(fits).copied().unwrap_or(TIERS[0])
}

/// The positions and sizes of the segments of a log with this number of indexed entries, beginning
/// at `from`, which must be the start of a segment.
pub(crate) fn segments(from: i64, indexed: i64) -> impl Iterator<Item = (i64, i64)> {
    let mut first = from;
    std::iter::from_fn(move || {
        let segment = (first < indexed).then(|| (first, size_at(first, indexed)))?;
        first += segment.1;
        Some(segment)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_cut_into_the_largest_that_fit() {
        let cut = |size| segments(0, indexed(size)).collect::<Vec<_>>();
        assert_eq!(cut(63), []);
        assert_eq!(cut(64), [(0, 64)]);
        assert_eq!(cut(64 * 3 + 5), [(0, 64), (64, 64), (128, 64)]);
        assert_eq!(cut(512 + 64), [(0, 512), (512, 64)]);
        assert_eq!(
            cut(32_768 + 4_096 + 511),
            [vec![(0, 32_768), (32_768, 4_096)], (0..7).map(|n| (36_864 + 64 * n, 64)).collect()].concat()
        );
    }

    #[test]
    fn what_was_cut_stays_or_becomes_part_of_a_larger_one() {
        let cuts: Vec<Vec<(i64, i64)>> = (0..80).map(|n| segments(0, n * 64).collect()).collect();
        for pair in cuts.windows(2) {
            let covered =
                |(first, size): &(i64, i64)| pair[1].iter().any(|(start, long)| start <= first && first + size <= start + long);
            assert!(pair[0].iter().all(covered));
        }
    }
}
