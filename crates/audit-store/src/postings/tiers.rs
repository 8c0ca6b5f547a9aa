//! How a log is cut into segments.
//!
//! A segment has as many entries as one of the tiers, and starts at a multiple of that. So the segments of a log follow from how
//! far it is indexed and from nothing else: a rebuild makes the same ones.

/// Entries of a segment, the smallest first. What is not enough for the smallest one is looked at row by row, and the largest bounds
/// what a merge has in memory.
pub(super) const TIERS: [i64; 4] = [64, 512, 4_096, 32_768];

/// Entries of the largest segment.
pub(super) const LARGEST: i64 = TIERS[TIERS.len() - 1];

/// How many of the first `size` entries of a log are in segments.
pub(super) fn indexed(size: i64) -> i64 {
    size - size % TIERS[0]
}

/// The segment that starts at a position when so many entries are indexed: its size.
fn size_at(first: i64, indexed: i64) -> i64 {
    let fits = |tier: &&i64| first % **tier == 0 && first + **tier <= indexed;
    TIERS.iter().rev().find(fits).copied().unwrap_or(TIERS[0])
}

/// The segments of a log of which so many entries are indexed, from a position on that one of them starts at: positions and sizes.
pub(super) fn segments(from: i64, indexed: i64) -> impl Iterator<Item = (i64, i64)> {
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
