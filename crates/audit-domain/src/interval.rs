//! Ranges of positions, instants and levels.

use serde::Serialize;

use crate::timestamp::Timestamp;

/// A half-open range of integers, `start` included, `end` not. All bounds that are set narrow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// The first value inside.
    pub start: i64,
    /// The first value behind.
    pub end: i64,
}

impl Default for Interval {
    fn default() -> Self {
        Interval { start: i64::MIN, end: i64::MAX }
    }
}

/// Positions and instants never reach `i64::MAX`, so saturating at the ends keeps every bound exact for them.
impl Interval {
    /// Keeps values over a bound.
    pub fn over(&mut self, bound: i64) {
        self.from(bound.saturating_add(1));
    }

    /// Keeps values from a bound on.
    pub fn from(&mut self, bound: i64) {
        self.start = self.start.max(bound);
    }

    /// Keeps values below a bound.
    pub fn below(&mut self, bound: i64) {
        self.end = self.end.min(bound);
    }

    /// Keeps values up to a bound, and the bound.
    pub fn up_to(&mut self, bound: i64) {
        self.below(bound.saturating_add(1));
    }

    /// Keeps one value.
    pub fn exactly(&mut self, value: i64) {
        self.from(value);
        self.up_to(value);
    }

    /// Whether a value is inside.
    #[must_use]
    pub fn contains(&self, value: i64) -> bool {
        (self.start..self.end).contains(&value)
    }

    /// Whether nothing can be inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// The only value inside, where there is just one.
    #[must_use]
    pub fn single(&self) -> Option<i64> {
        (self.start.checked_add(1) == Some(self.end)).then_some(self.start)
    }

    /// The lower bound, where there is one.
    #[must_use]
    pub fn lower(&self) -> Option<i64> {
        (self.start != i64::MIN).then_some(self.start)
    }

    /// The upper bound, where there is one.
    #[must_use]
    pub fn upper(&self) -> Option<i64> {
        (self.end != i64::MAX).then_some(self.end)
    }
}

/// An [`Interval`] takes instants as well.
impl From<Timestamp> for i64 {
    fn from(timestamp: Timestamp) -> i64 {
        timestamp.micros()
    }
}
