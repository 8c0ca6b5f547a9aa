//! The logs that a thread has not finished, since when, and the warnings to operators.
//!
//! A lag is not a failure: queries stay exact without the index, and entries are stored without the
//! tree. But its consequences grow with each entry, and the reason is not visible. So the store warns
//! if a log does not progress.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Follower;
use crate::error::StoreError;
use crate::log_key::LogKey;

/// Logs with entries for which there may be a step to do.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    logs: BTreeMap<LogKey, Wait>,
    /// The time of the last step of any log. A log that waits for its turn does not count as stuck.
    stepped: Option<Instant>,
}

#[derive(Debug)]
struct Wait {
    /// The time since which there is a step to do.
    since: Instant,
    /// The time of the last step of this log; `since` before the first step.
    moved: Instant,
    /// The error of the last step, if it failed.
    error: Option<String>,
    /// Whether the program's log has a warning that the log does not progress.
    is_said: bool,
}

impl Waiting {
    /// Notes that a log grew. There is a lag from now on, unless there was one before.
    pub(super) fn grew(&mut self, log: LogKey, now: Instant) {
        self.logs.entry(log).or_insert(Wait { since: now, moved: now, error: None, is_said: false });
    }

    /// Notes that a step of a log is done. `is_current` means that, as far as is known, nothing is
    /// left to do.
    pub(super) fn moved(&mut self, follower: &Follower, log: LogKey, is_current: bool, now: Instant) {
        self.stepped = Some(now);
        let Some(wait) = self.logs.get_mut(&log) else { return };
        if wait.is_said {
            tracing::info!(channel_id = log.0, stream = log.1.name(), "the {} of this log moves again", follower.what);
        }
        if is_current {
            self.logs.remove(&log);
        } else {
            *wait = Wait { since: wait.since, moved: now, error: None, is_said: false };
        }
    }

    /// Notes that a step of a log failed. The thread repeats the step every few seconds, but the
    /// program's log gets the same reason once.
    pub(super) fn failed(&mut self, follower: &Follower, log: LogKey, error: &StoreError, now: Instant) {
        self.grew(log, now);
        let Some(wait) = self.logs.get_mut(&log) else { return };
        let why = error.to_string();
        if wait.error.as_ref() != Some(&why) {
            let (channel_id, stream, what) = (log.0, log.1.name(), follower.what);
            tracing::warn!(%error, channel_id, stream, "a step of the {what} of this log failed; it is repeated every few seconds");
        }
        wait.error = Some(why);
    }

    /// Logs a warning for each log without progress for this long, once until there is some.
    pub(super) fn say(&mut self, follower: &Follower, patience: Duration, now: Instant) {
        let (stepped, Follower { what, consequence, section, .. }) = (self.stepped, follower);
        for (log, wait) in &mut self.logs {
            let still = wait.still(stepped, now);
            if still > patience && !wait.is_said {
                wait.is_said = true;
                let error = wait.error.as_deref().unwrap_or("its step has not ended");
                let (channel_id, stream, seconds) = (log.0, log.1.name(), still.as_secs());
                tracing::error!(
                    channel_id,
                    stream,
                    seconds,
                    error,
                    "the {what} of this log does not move: {consequence}; see docs/operations.md, {section}"
                );
            }
        }
    }

    /// The warnings of `/readyz`, one sentence each. The endpoint needs no key, so the warnings
    /// have no channel, number of entries or error.
    pub(super) fn warnings(&self, follower: &Follower, patience: Duration, now: Instant) -> Vec<String> {
        let Follower { what, consequence, .. } = follower;
        let stills = || self.logs.values().map(|wait| wait.still(self.stepped, now)).filter(|still| *still > patience);
        let behind = self.logs.values().filter(|wait| wait.still(self.stepped, now) <= patience);
        let behind = || behind.clone().map(|wait| now.saturating_duration_since(wait.since)).filter(|since| *since > patience);
        let still = stills().max().map(|longest| {
            format!(
                "the {what} of {} log(s) has not moved for up to {} s: {consequence}; the log of the server says why",
                stills().count(),
                longest.as_secs()
            )
        });
        let behind = behind().max().map(|longest| {
            format!(
                "the {what} of {} log(s) has been behind for up to {} s, and is catching up: {consequence}",
                behind().count(),
                longest.as_secs()
            )
        });
        still.into_iter().chain(behind).collect()
    }
}

impl Wait {
    /// The time for which no step of this log was done although it was possible.
    fn still(&self, stepped: Option<Instant>, now: Instant) -> Duration {
        let moved = match &self.error {
            Some(_) => self.moved,
            None => stepped.map_or(self.moved, |stepped| stepped.max(self.moved)),
        };
        now.saturating_duration_since(moved)
    }
}

#[cfg(test)]
mod tests {
    use audit_domain::Stream;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);
    const INDEX: Follower = crate::indexer::FOLLOWER;
    const A: LogKey = (1, Stream::Events);
    const B: LogKey = (2, Stream::Events);

    fn at(seconds: u64) -> Instant {
        use std::sync::LazyLock;
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        *START + Duration::from_secs(seconds)
    }

    /// The sentences without their common beginning and end.
    fn warned(waiting: &Waiting, now: u64) -> Vec<String> {
        let sentences = waiting.warnings(&INDEX, PATIENCE, at(now));
        sentences.iter().map(|text| text["the search index of ".len()..].split([':', ',']).next().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_log_that_cannot_be_indexed_stands_still_until_it_moves() {
        let mut waiting = Waiting::default();
        waiting.grew(A, at(0));
        for now in (1..=70).step_by(5) {
            waiting.failed(&INDEX, A, &StoreError::Closed, at(now));
            // Other logs progress meanwhile.
            waiting.grew(B, at(now));
            waiting.moved(&INDEX, B, true, at(now));
        }
        assert_eq!(warned(&waiting, 60), [""; 0]);
        assert_eq!(warned(&waiting, 61), ["1 log(s) has not moved for up to 61 s"]);
        waiting.say(&INDEX, PATIENCE, at(61));
        assert!(waiting.logs[&A].is_said);
        waiting.moved(&INDEX, A, false, at(71));
        assert!(!waiting.logs[&A].is_said);
        assert_eq!(warned(&waiting, 72), ["1 log(s) has been behind for up to 72 s"]);
        waiting.moved(&INDEX, A, true, at(73));
        assert_eq!(warned(&waiting, 1_000), [""; 0]);
    }

    #[test]
    fn a_log_that_waits_for_its_turn_lags_but_is_not_stuck() {
        let mut waiting = Waiting::default();
        waiting.grew(A, at(0));
        waiting.grew(B, at(0));
        (1..=90).for_each(|now| waiting.moved(&INDEX, A, false, at(now)));
        assert_eq!(warned(&waiting, 90), ["2 log(s) has been behind for up to 90 s"]);
    }

    #[test]
    fn a_step_that_does_not_return_is_an_index_that_stands_still() {
        let mut waiting = Waiting::default();
        waiting.moved(&INDEX, A, true, at(0));
        waiting.grew(A, at(3_600));
        assert_eq!(warned(&waiting, 3_650), [""; 0], "nothing was there to be done for an hour");
        assert_eq!(warned(&waiting, 3_661), ["1 log(s) has not moved for up to 61 s"]);
    }
}
