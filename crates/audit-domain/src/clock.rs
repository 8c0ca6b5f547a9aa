//! The current time, from the clock of this machine. A clock that cannot be right gives an error
//! and never a value, because the log would store the value.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::DateTime;

use crate::timestamp::Timestamp;

/// 2020-01-01T00:00:00Z, years before the first release. A machine with an earlier clock has lost
/// its time.
const MICROS_MIN: i64 = 1_577_836_800_000_000;

/// The clock of this machine is outside the years that a log accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockError {
    /// The reading of the clock, in microseconds since 1970.
    pub micros: i64,
}

impl std::error::Error for ClockError {}

impl std::fmt::Display for ClockError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match DateTime::from_timestamp_micros(self.micros) {
            Some(at) => write!(f, "the clock of this machine says {}", at.format("%Y-%m-%dT%H:%M:%SZ"))?,
            None => write!(f, "the clock of this machine says {} s after 1970", self.micros / 1_000_000)?,
        }
        f.write_str("; it must be between 2020-01-01 and 9999-12-31: set the clock")
    }
}

/// The source of the current time. The caller passes it by value, so a program that embeds the log,
/// or a test, sets the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// The clock of this machine.
    #[must_use]
    pub fn system() -> Clock {
        Clock::from_fn(SystemTime::now)
    }

    /// Makes a clock from a function.
    pub fn from_fn(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// Reads the clock.
    ///
    /// # Errors
    ///
    /// [`ClockError`] before 2020 and after the year 9999.
    pub fn now(&self) -> Result<Timestamp, ClockError> {
        Timestamp::from_system_time((self.0)())
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::system()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

impl Timestamp {
    /// Reads the clock of this machine.
    ///
    /// # Errors
    ///
    /// [`ClockError`] before 2020 and after the year 9999.
    pub fn now() -> Result<Timestamp, ClockError> {
        Timestamp::from_system_time(SystemTime::now())
    }

    /// Checks and converts the reading of a clock.
    fn from_system_time(at: SystemTime) -> Result<Timestamp, ClockError> {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let micros = match at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => micros(since),
            Err(before) => -micros(before.duration()),
        };
        Timestamp::from_micros(micros).filter(|_| micros >= MICROS_MIN).ok_or(ClockError { micros })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Result<Timestamp, ClockError> {
        let duration = Duration::from_secs(seconds.unsigned_abs());
        let epoch = SystemTime::UNIX_EPOCH;
        let at = if seconds < 0 { epoch - duration } else { epoch + duration };
        Clock::from_fn(move || at).now()
    }

    #[test]
    fn a_clock_outside_of_2020_to_9999_is_an_error_that_says_so() {
        for (seconds, said) in [
            (-1, "1969-12-31T23:59:59Z"),
            (1_577_836_799, "2019-12-31T23:59:59Z"),
            (253_402_300_800, "+10000-01-01T00:00:00Z"),
            (9_000_000_000_000_000, "9223372036854 s after 1970"),
        ] {
            let error = at(seconds).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the clock of this machine says {said}; it must be")), "{error}");
        }
        assert_eq!(at(1_577_836_800).unwrap().to_string(), "2020-01-01T00:00:00Z");
        assert_eq!(at(253_402_300_799).unwrap().to_string(), "9999-12-31T23:59:59Z");
    }
}
