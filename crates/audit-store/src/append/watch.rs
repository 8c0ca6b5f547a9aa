//! Compares the clock with the monotonic clock of the machine and with the heads of the logs.
//!
//! The time of a log never goes back. So a single jump of the clock into the future leaves a log
//! whose time stands still until the clock reaches that time. This cannot be undone; it can only be
//! noticed early.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use audit_domain::{Clock, ClockError, Timestamp};

use crate::log_key::LogKey;

/// The difference between clocks that causes no warning.
const TOLERATED: Duration = Duration::from_secs(60);

/// The time after which the program's log repeats the same warning.
const SAID_EVERY: Duration = Duration::from_secs(600);

/// The time for which a jump is shown. A machine that slept, or whose clock was corrected, also
/// makes a jump.
const JUMP_SHOWN: Duration = Duration::from_secs(3600);

/// Names of the counters; `docs/metrics.md` explains them.
const JUMPS: &str = "audit_clock_jumps_total";
const OUT_OF_RANGE: &str = "audit_clock_out_of_range_total";

/// The clock of a store, shared by all its writers.
#[derive(Debug)]
pub(crate) struct ClockWatch {
    clock: Clock,
    future_warning: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The first reading of the clock, and the monotonic time of that reading.
    start: Option<(Timestamp, Instant)>,
    /// Microseconds by which the clock has moved ahead of the monotonic clock, as far as that was
    /// noticed.
    lead: i64,
    jump: Option<Jump>,
    /// The logs whose last entry is in the future, with the time of that entry.
    ahead: BTreeMap<LogKey, Timestamp>,
    ahead_said: Option<Instant>,
    range_said: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Jump {
    seen: Instant,
    to: Timestamp,
    micros: i64,
}

impl ClockWatch {
    pub(crate) fn new(clock: Clock, future_warning: Duration) -> ClockWatch {
        let watch = ClockWatch { clock, future_warning, state: Mutex::default() };
        // This is the reading with which later ones are compared. If the clock is wrong at the
        // start, the first append reports it.
        let _ = watch.now();
        watch
    }

    /// The current time.
    ///
    /// # Errors
    ///
    /// [`ClockError`]: the clock is before 2020 or after the year 9999.
    pub(crate) fn now(&self) -> Result<Timestamp, ClockError> {
        let (now, at) = (self.clock.now(), Instant::now());
        let mut state = self.state();
        match now {
            Ok(now) => {
                state.compare(now, at);
                Ok(now)
            }
            Err(error) => {
                metrics::counter!(OUT_OF_RANGE).increment(1);
                if is_due(&mut state.range_said, at) {
                    tracing::error!(%error, "the store appends nothing while the clock is wrong");
                }
                Err(error)
            }
        }
    }

    /// Notes the time of the last entry of a log.
    pub(crate) fn head(&self, log: LogKey, last: Timestamp, now: Timestamp) {
        let mut state = self.state();
        if micros(TOLERATED) >= last.micros() - now.micros() {
            state.ahead.remove(&log);
            return;
        }
        state.ahead.insert(log, last);
        if is_due(&mut state.ahead_said, Instant::now()) {
            let (channel_id, stream) = (log.0, log.1.name());
            tracing::warn!(
                channel_id,
                stream,
                last_recorded_at = %last,
                %now,
                "the last entry of a log is ahead of the clock: recorded_at stands still until the clock reaches it; \
                 see docs/operations.md, A clock that jumped"
            );
        }
    }

    /// The time after which an entry gets a warning.
    pub(crate) fn future_after(&self, now: Timestamp) -> Timestamp {
        let last = now.micros().saturating_add(micros(self.future_warning));
        Timestamp::from_micros(last).unwrap_or(Timestamp::MAX)
    }

    /// The warnings about the time, one sentence each.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Ok(now) = self.now() else { return Vec::new() };
        let mut state = self.state();
        state.forget_the_past(now);
        let jump = state
            .jump
            .filter(|jump| jump.seen.elapsed() < JUMP_SHOWN)
            .map(|jump| format!("the clock of the server jumped ahead by {} s to {}", jump.micros / 1_000_000, jump.to));
        let furthest = state.ahead.values().max().map(|last| {
            format!("the last entry of {} log(s) is ahead of the clock, up to {last}: recorded_at stands still", state.ahead.len())
        });
        jump.into_iter().chain(furthest).collect()
    }

    /// The time by which the furthest log is ahead of the clock.
    pub(crate) fn log_ahead(&self) -> Duration {
        let Ok(now) = self.now() else { return Duration::ZERO };
        let mut state = self.state();
        state.forget_the_past(now);
        let furthest = state.ahead.values().max().map_or(0, |last| last.micros() - now.micros());
        Duration::from_micros(u64::try_from(furthest).unwrap_or(0))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Compares the clock with the monotonic clock. The same daemon slews both, so they part only
    /// if the clock is set.
    fn compare(&mut self, now: Timestamp, at: Instant) {
        let (start, started) = *self.start.get_or_insert((now, at));
        let lead = now.micros() - start.micros() - micros(at.saturating_duration_since(started));
        let moved = lead - self.lead;
        if moved > micros(TOLERATED) {
            metrics::counter!(JUMPS).increment(1);
            tracing::warn!(
                seconds = moved / 1_000_000,
                %now,
                "the clock jumped ahead; new entries get its time, and the time of a log cannot go back"
            );
            self.jump = Some(Jump { seen: at, to: now, micros: moved });
        } else if moved < -micros(TOLERATED) {
            tracing::info!(seconds = -moved / 1_000_000, %now, "the clock was set back");
            self.jump = None;
        } else {
            return;
        }
        self.lead = lead;
    }

    fn forget_the_past(&mut self, now: Timestamp) {
        self.ahead.retain(|_, last| *last > now);
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Whether a message is due again. If so, it counts as sent now.
fn is_due(said: &mut Option<Instant>, now: Instant) -> bool {
    let due = said.is_none_or(|said| now.saturating_duration_since(said) >= SAID_EVERY);
    if due {
        *said = Some(now);
    }
    due
}
