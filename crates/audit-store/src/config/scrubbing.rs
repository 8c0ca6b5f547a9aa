//! How a store scrubs its database.

use std::time::Duration;

/// How often a store scrubs its database in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scrubbing {
    /// The time from the start of one pass over all logs to the start of the next one.
    pub interval: Duration,
    /// The time from the opening of the store to the first pass.
    pub first_after: Duration,
}

/// A program that runs for a moment only does not begin one.
const FIRST_AFTER: Duration = Duration::from_secs(10);

impl Scrubbing {
    /// Begins a pass in this interval, the first one after ten seconds.
    #[must_use]
    pub fn every(interval: Duration) -> Scrubbing {
        Scrubbing { interval, first_after: FIRST_AFTER }
    }

    /// Sets when the first pass begins.
    #[must_use]
    pub fn first_after(mut self, time: Duration) -> Scrubbing {
        self.first_after = time;
        self
    }
}
