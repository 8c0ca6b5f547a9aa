//! How far the search index is behind its log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::database::Database;

/// The smallest segment has 64 entries, and the shop has two logs: so many are never indexed.
const NEVER_INDEXED: u64 = 2 * 63;

/// Time between two looks.
const STEP: Duration = Duration::from_millis(100);

/// Entries that the index is behind, every [`STEP`] until it is over; sorted.
pub(crate) fn sample(database: &mut Database, over: &AtomicBool) -> anyhow::Result<Vec<u64>> {
    let mut samples = Vec::new();
    while !over.load(Ordering::SeqCst) {
        samples.push(database.behind()?);
        sleep(STEP);
    }
    samples.sort_unstable();
    Ok(samples)
}

/// Waits until the index has all that it will have, and says how long that took.
pub(crate) fn wait_until_indexed(database: &mut Database) -> anyhow::Result<Duration> {
    let start = Instant::now();
    while database.behind()? > NEVER_INDEXED {
        ensure!(start.elapsed() < Duration::from_secs(600), "the index is {} entries behind", database.behind()?);
        sleep(Duration::from_millis(10));
    }
    Ok(start.elapsed())
}
