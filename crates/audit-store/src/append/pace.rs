//! Measures how fast a writer writes, and derives the size of its batches.
//!
//! A request that arrives while a batch is written waits for that batch and for the next one, which
//! it is in. So time bounds a batch, and a number bounds it only if the database is quick. The time
//! in which a batch waits for a lock or for its COMMIT does not count, because smaller batches
//! would wait as long.

use std::time::Duration;

/// The time for writing a batch.
const BATCH: Duration = Duration::from_millis(60);

/// While other keys wait, one key gets this fraction of the time: one half.
const SHARES: usize = 2;

/// Entries that a batch may always have, however slow the database is, because each batch costs a
/// COMMIT.
const ENTRIES_MIN: usize = 200;

/// The largest number of entries of a batch, and of one key in it while other keys wait.
const MAX: BatchSize = BatchSize { entries: 10_000, of_key: 1_000 };

/// The number of entries after which a batch takes no further request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchSize {
    pub(super) entries: usize,
    /// The number for one key while other keys wait.
    pub(super) of_key: usize,
}

/// The mean time for an entry over the last batches.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    seconds_each: Option<f64>,
}

impl Pace {
    pub(super) fn batch(&self) -> BatchSize {
        let in_time = self.seconds_each.map_or(MAX.entries, |seconds| (BATCH.as_secs_f64() / seconds).round() as usize);
        let entries = in_time.clamp(ENTRIES_MIN, MAX.entries);
        BatchSize { entries, of_key: (entries / SHARES).min(MAX.of_key) }
    }

    /// Notes the number of entries of a batch and the time that they took.
    pub(super) fn note(&mut self, entries: usize, took: Duration) {
        // The time of a small batch is that of its statements, whatever their number of entries.
        if entries < ENTRIES_MIN / SHARES {
            return;
        }
        let seconds = (took.as_secs_f64() / entries as f64).max(1e-9);
        // A single batch that was held up does not decide.
        self.seconds_each = Some(self.seconds_each.map_or(seconds, |before| 0.75 * before + 0.25 * seconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_what_is_written_in_time() {
        let mut pace = Pace::default();
        assert_eq!(pace.batch(), MAX);
        let mut batches = |micros_each: u64| {
            for _ in 0..60 {
                let entries = pace.batch().entries;
                pace.note(entries, Duration::from_micros(micros_each * entries as u64));
            }
            pace.note(ENTRIES_MIN / SHARES - 1, Duration::from_secs(9));
            pace.batch()
        };
        assert_eq!(batches(0), MAX);
        assert_eq!(batches(20), BatchSize { entries: 3_000, of_key: 1_000 });
        assert_eq!(batches(100), BatchSize { entries: 600, of_key: 300 });
        assert_eq!(batches(10_000), BatchSize { entries: 200, of_key: 100 });
        assert_eq!(batches(1), MAX);
    }
}
