//! Spans of time for counts, in UTC.

use chrono::{DateTime, Datelike, NaiveDate};

use crate::timestamp::Timestamp;

/// Microseconds of an hour, a day and a week.
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// The last Monday before the epoch: 1970-01-01 was a Thursday.
const A_MONDAY: i64 = -3 * DAY;

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    /// An hour of the clock.
    Hour,
    /// A day.
    Day,
    /// A week from Monday to Sunday, as in ISO 8601.
    Week,
    /// A month of the calendar.
    Month,
}

impl Span {
    /// The first microsecond of the span that contains an instant; both in microseconds since the
    /// epoch. An instant in the years 1 to 9999 has its start in them too, because 0001-01-01 was a
    /// Monday.
    #[must_use]
    pub fn start(self, micros: i64) -> i64 {
        match self {
            Span::Hour => micros.div_euclid(HOUR) * HOUR,
            Span::Day => micros.div_euclid(DAY) * DAY,
            Span::Week => (micros - A_MONDAY).div_euclid(WEEK) * WEEK + A_MONDAY,
            Span::Month => start_of_month(micros).unwrap_or_else(|| Span::Day.start(micros)),
        }
    }
}

impl Timestamp {
    /// The start of the hour, day, week or month that contains this instant.
    #[must_use]
    pub fn start_of(self, span: Span) -> Timestamp {
        Timestamp::from_micros(span.start(self.micros())).unwrap_or(self)
    }

    /// The instant so many days (of 24 hours) before, but not before the year 1.
    #[must_use]
    pub fn days_earlier(self, days: u32) -> Timestamp {
        let micros = i64::from(days).saturating_mul(DAY);
        Timestamp::from_micros(self.micros().saturating_sub(micros)).unwrap_or(Timestamp::MIN)
    }
}

/// The day of the week of an instant, in the numbers of ISO 8601: 1 is Monday, 7 is Sunday.
#[must_use]
pub fn weekday(micros: i64) -> i64 {
    (micros - A_MONDAY).div_euclid(DAY).rem_euclid(7) + 1
}

/// The start of the month; `None` far outside the years 1 to 9999.
fn start_of_month(micros: i64) -> Option<i64> {
    let at = DateTime::from_timestamp_micros(micros)?;
    let first = NaiveDate::from_ymd_opt(at.year(), at.month(), 1)?;
    Some(first.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        Timestamp::parse(text).unwrap().micros()
    }

    #[test]
    fn spans_start_where_the_calendar_says() {
        for (at, hour, day, week, month, number) in [
            ("0001-01-01T00:00:00Z", "0001-01-01", "0001-01-01", "0001-01-01", "0001-01-01", 1),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:00:00Z", "1969-12-31", "1969-12-29", "1969-12-01", 3),
            ("1970-01-01T00:00:00Z", "1970-01-01", "1970-01-01", "1969-12-29", "1970-01-01", 4),
            ("2023-10-15T23:59:59.999999Z", "2023-10-15T23:00:00Z", "2023-10-15", "2023-10-09", "2023-10-01", 7),
            ("2023-10-16T00:00:00Z", "2023-10-16", "2023-10-16", "2023-10-16", "2023-10-01", 1),
            ("2024-02-29T12:30:00Z", "2024-02-29T12:00:00Z", "2024-02-29", "2024-02-26", "2024-02-01", 4),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:00:00Z", "9999-12-31", "9999-12-27", "9999-12-01", 5),
        ] {
            let at = micros(at);
            let starts = [Span::Hour, Span::Day, Span::Week, Span::Month].map(|span| span.start(at));
            assert_eq!(starts, [hour, day, week, month].map(micros));
            assert_eq!(weekday(at), number);
        }
    }

    #[test]
    fn an_instant_has_the_start_of_its_spans_and_of_earlier_days() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        assert_eq!(at("2024-03-01T10:20:30Z").start_of(Span::Day), at("2024-03-01"));
        assert_eq!(at("2024-03-01T10:20:30Z").start_of(Span::Month), at("2024-03-01"));
        assert_eq!(at("2024-03-01T10:20:30Z").days_earlier(1), at("2024-02-29T10:20:30Z"));
        assert_eq!(at("0001-01-01").days_earlier(u32::MAX), at("0001-01-01"));
        assert_eq!(at("0001-01-01T10:00:00Z").start_of(Span::Week), at("0001-01-01"));
    }
}
