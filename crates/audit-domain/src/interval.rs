//! Ranges of positions, instants and levels.

use serde::Serialize;

use crate::timestamp::Timestamp;

/// A half-open range of integers, with `start` and without `end`. Each bound that is set narrows
/// the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// The first value inside.
    pub start: i64,
    /// The first value after the range.
    pub end: i64,
}

impl Default for Interval {
    fn default() -> Self {
        Interval { start: i64::MIN, end: i64::MAX }
    }
}

/// Positions and instants never reach `i64::MAX`, so saturating at the ends keeps every bound exact for them.
impl Interval {
    /// Keeps the values greater than a bound.
    pub fn gt(&mut self, bound: i64) {
        self.ge(bound.saturating_add(1));
    }

    /// Keeps the values greater than or equal to a bound.
    pub fn ge(&mut self, bound: i64) {
        self.start = self.start.max(bound);
    }

    /// Keeps the values less than a bound.
    pub fn lt(&mut self, bound: i64) {
        self.end = self.end.min(bound);
    }

    /// Keeps the values less than or equal to a bound.
    pub fn le(&mut self, bound: i64) {
        self.lt(bound.saturating_add(1));
    }

    /// Keeps one value. The name is not `eq`, because Rust would find the method of `PartialEq`
    /// first.
    pub fn exactly(&mut self, value: i64) {
        self.ge(value);
        self.le(value);
    }

    /// Whether the range contains a value.
    #[must_use]
    pub fn contains(&self, value: i64) -> bool {
        (self.start..self.end).contains(&value)
    }

    /// Whether the range is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// The only value of the range, if it has exactly one.
    #[must_use]
    pub fn single(&self) -> Option<i64> {
        (self.start.checked_add(1) == Some(self.end)).then_some(self.start)
    }

    /// The lower bound, if there is one.
    #[must_use]
    pub fn lower(&self) -> Option<i64> {
        (self.start != i64::MIN).then_some(self.start)
    }

    /// The upper bound, if there is one.
    #[must_use]
    pub fn upper(&self) -> Option<i64> {
        (self.end != i64::MAX).then_some(self.end)
    }
}

/// Lets an [`Interval`] take instants as well.
impl From<Timestamp> for i64 {
    fn from(timestamp: Timestamp) -> i64 {
        timestamp.micros()
    }
}
