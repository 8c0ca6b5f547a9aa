//! The logs that the indexer has not finished, since when, and what operators are warned of.
//!
//! Queries are exact meanwhile, so nothing here is a failure. Still they get slower with each entry that is not indexed, and nobody
//! sees why: so an index that does not move is said.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::indexer::Log;
use crate::error::StoreError;

/// Logs with entries that may have to be indexed.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    logs: BTreeMap<Log, Wait>,
    /// When the last step of any log was done. A log that waits for its turn does not stand still.
    stepped: Option<Instant>,
}

#[derive(Debug)]
struct Wait {
    /// When there was something to index first.
    since: Instant,
    /// When the last step of this log was done; `since` before the first.
    moved: Instant,
    /// Why the last step was not done.
    error: Option<String>,
    /// Whether the program's log has that the index does not move.
    is_said: bool,
}

impl Waiting {
    /// A log grew. What is indexed of it is behind from now on, unless it was behind before.
    pub(super) fn grew(&mut self, log: Log, now: Instant) {
        self.logs.entry(log).or_insert(Wait { since: now, moved: now, error: None, is_said: false });
    }

    /// A step of a log was done. `is_current` when nothing is left to index of it, as far as is known.
    pub(super) fn moved(&mut self, log: Log, is_current: bool, now: Instant) {
        self.stepped = Some(now);
        let Some(wait) = self.logs.get_mut(&log) else { return };
        if wait.is_said {
            tracing::info!(channel_id = log.0, stream = log.1.name(), "the search index of this log moves again");
        }
        if is_current {
            self.logs.remove(&log);
        } else {
            *wait = Wait { since: wait.since, moved: now, error: None, is_said: false };
        }
    }

    /// A step of a log failed. It is done again every few seconds, and the program's log has the same reason once.
    pub(super) fn failed(&mut self, log: Log, error: &StoreError, now: Instant) {
        self.grew(log, now);
        let Some(wait) = self.logs.get_mut(&log) else { return };
        let why = error.to_string();
        if wait.error.as_ref() != Some(&why) {
            tracing::warn!(%error, channel_id = log.0, stream = log.1.name(), "this log is not indexed further for now");
        }
        wait.error = Some(why);
    }

    /// Says in the program's log which indexes have not moved for so long, each once until it moves.
    pub(super) fn say(&mut self, patience: Duration, now: Instant) {
        let stepped = self.stepped;
        for (log, wait) in &mut self.logs {
            let still = wait.still(stepped, now);
            if still > patience && !wait.is_said {
                wait.is_said = true;
                let error = wait.error.as_deref().unwrap_or("its step has not come to an end");
                let (channel_id, stream, seconds) = (log.0, log.1.name(), still.as_secs());
                tracing::error!(
                    channel_id,
                    stream,
                    seconds,
                    error,
                    "the search index of this log does not move: queries are exact, and slower with each append; \
                     see docs/operations.md, An index that is behind"
                );
            }
        }
    }

    /// What `/readyz` warns of, a sentence each. It needs no key, so it names no channel, no number of entries and no error.
    pub(super) fn warnings(&self, patience: Duration, now: Instant) -> Vec<String> {
        let stills = || self.logs.values().map(|wait| wait.still(self.stepped, now)).filter(|still| *still > patience);
        let behind = self.logs.values().filter(|wait| wait.still(self.stepped, now) <= patience);
        let behind = || behind.clone().map(|wait| now.saturating_duration_since(wait.since)).filter(|since| *since > patience);
        let still = stills().max().map(|longest| {
            format!(
                "the search index of {} log(s) has not moved for up to {} s: queries are exact, and slower; the log of the server says why",
                stills().count(),
                longest.as_secs()
            )
        });
        let behind = behind().max().map(|longest| {
            format!(
                "the search index of {} log(s) has been behind for up to {} s, and is catching up: queries are exact, and slower",
                behind().count(),
                longest.as_secs()
            )
        });
        still.into_iter().chain(behind).collect()
    }
}

impl Wait {
    /// How long nothing has been done for this log, though it could have been.
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
    const A: Log = (1, Stream::Events);
    const B: Log = (2, Stream::Events);

    fn at(seconds: u64) -> Instant {
        use std::sync::LazyLock;
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        *START + Duration::from_secs(seconds)
    }

    /// The sentences, without what is the same in each.
    fn warned(waiting: &Waiting, now: u64) -> Vec<String> {
        let sentences = waiting.warnings(PATIENCE, at(now));
        sentences.iter().map(|text| text["the search index of ".len()..].split([':', ',']).next().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_log_that_cannot_be_indexed_stands_still_until_it_moves() {
        let mut waiting = Waiting::default();
        waiting.grew(A, at(0));
        for now in (1..=70).step_by(5) {
            waiting.failed(A, &StoreError::Closed, at(now));
            // Others move meanwhile.
            waiting.grew(B, at(now));
            waiting.moved(B, true, at(now));
        }
        assert_eq!(warned(&waiting, 60), [""; 0]);
        assert_eq!(warned(&waiting, 61), ["1 log(s) has not moved for up to 61 s"]);
        waiting.say(PATIENCE, at(61));
        assert!(waiting.logs[&A].is_said);
        waiting.moved(A, false, at(71));
        assert!(!waiting.logs[&A].is_said);
        assert_eq!(warned(&waiting, 72), ["1 log(s) has been behind for up to 72 s"]);
        waiting.moved(A, true, at(73));
        assert_eq!(warned(&waiting, 1_000), [""; 0]);
    }

    #[test]
    fn a_log_that_waits_for_its_turn_is_behind_and_does_not_stand_still() {
        let mut waiting = Waiting::default();
        waiting.grew(A, at(0));
        waiting.grew(B, at(0));
        (1..=90).for_each(|now| waiting.moved(A, false, at(now)));
        assert_eq!(warned(&waiting, 90), ["2 log(s) has been behind for up to 90 s"]);
    }

    #[test]
    fn a_step_that_does_not_return_is_an_index_that_stands_still() {
        let mut waiting = Waiting::default();
        waiting.moved(A, true, at(0));
        waiting.grew(A, at(3_600));
        assert_eq!(warned(&waiting, 3_650), [""; 0], "nothing was there to be done for an hour");
        assert_eq!(warned(&waiting, 3_661), ["1 log(s) has not moved for up to 61 s"]);
    }
}
