//! Instants: microseconds since the epoch, UTC, in the years 1 to 9999.
//!
//! chrono has the calendar. No crate reads exactly the texts that the API accepts: a format of
//! chrono or of `time` is one spelling, and jiff takes others (a zone in brackets). `date_time`
//! reads them.

use chrono::{Datelike, Timelike};

use crate::date_time::{DateTime, Forms, read};
use crate::epoch;
use crate::error::Fault;
use crate::json::{JsonKind, JsonString, JsonText};

/// An instant, kept to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// 0001-01-01T00:00:00Z
const MICROS_MIN: i64 = -62_135_596_800_000_000;
/// 9999-12-31T23:59:59.999999Z
const MICROS_MAX: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// The first instant of the year 1.
    pub const MIN: Timestamp = Timestamp(MICROS_MIN);

    /// The last instant of the year 9999.
    pub const MAX: Timestamp = Timestamp(MICROS_MAX);

    /// Makes an instant from microseconds since the epoch. Returns `None` outside the years 1 to
    /// 9999.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Timestamp> {
        (MICROS_MIN..=MICROS_MAX).contains(&micros).then_some(Timestamp(micros))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Parses a date-time in any form that Django REST framework reads (`docs/api.md` has them), and
    /// with `z` for UTC: ISO 8601 with or without hyphens and colons, any number of digits in its
    /// fraction (cut to six), `Z`, `±hh`, `±hh:mm`, `±hhmm`, `±hh:mm:ss` or nothing (UTC). A date
    /// alone is its midnight. This includes PostgreSQL's text form,
    /// `2023-10-16 09:00:00.929094+00`, which has seconds in its offset if the zone had them at that
    /// time.
    ///
    /// # Errors
    ///
    /// [`Fault::NotADateTime`] for any other text, and for days and times that do not exist;
    /// [`Fault::OutOfYears`].
    pub fn parse(text: &str) -> Result<Timestamp, Fault> {
        Timestamp::in_years(read(text, Forms::Native))
    }

    /// Parses a date-time exactly as the `DateTimeField` of Django REST framework does. The
    /// published APIs have this rule.
    ///
    /// # Errors
    ///
    /// As [`Timestamp::parse`].
    pub fn parse_django(text: &str) -> Result<Timestamp, Fault> {
        Timestamp::in_years(read(text, Forms::Django))
    }

    /// Parses a date-time, or a number of seconds or milliseconds since 1970, in digits:
    /// `1697446800` in a query.
    ///
    /// # Errors
    ///
    /// As [`Timestamp::parse`]; [`Fault::UnclearEpoch`] for a number without a clear unit.
    pub fn parse_or_epoch(text: &str) -> Result<Timestamp, Fault> {
        Timestamp::parse(text).or_else(|fault| Timestamp::of_number(text, fault))
    }

    /// Reads the value of a member: a date-time as a string, or a number of seconds or milliseconds
    /// since 1970.
    ///
    /// # Errors
    ///
    /// As [`Timestamp::parse_or_epoch`].
    pub fn from_json(json: &JsonText) -> Result<Timestamp, Fault> {
        match json.kind() {
            JsonKind::Number => Timestamp::of_number(json.as_str(), Fault::NotADateTime),
            _ => Timestamp::parse(json.decoded().as_ref().and_then(JsonString::as_str).ok_or(Fault::NotADateTime)?),
        }
    }

    /// Parses a text that is a date alone, in one of the forms of [`Timestamp::parse`], and returns
    /// its midnight.
    #[must_use]
    pub fn parse_date(text: &str) -> Option<Timestamp> {
        read(text, Forms::Native).filter(|found| found.is_date).and_then(|found| Timestamp::from_micros(found.micros))
    }

    /// Reads a number; `otherwise` is the fault of another text.
    fn of_number(text: &str, otherwise: Fault) -> Result<Timestamp, Fault> {
        let micros = epoch::read(text).unwrap_or(Err(otherwise))?;
        Timestamp::from_micros(micros).ok_or(Fault::OutOfYears)
    }

    fn in_years(found: Option<DateTime>) -> Result<Timestamp, Fault> {
        Timestamp::from_micros(found.ok_or(Fault::NotADateTime)?.micros).ok_or(Fault::OutOfYears)
    }
}

/// Formats UTC with `Z` and six fractional digits, or none if the microseconds are zero:
/// `2023-10-16T09:00:00Z`.
impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(at) = chrono::DateTime::from_timestamp_micros(self.0) else {
            return Err(std::fmt::Error);
        };
        // This code writes digit by digit, because every shown record has two instants: the formats
        // of chrono and of `fmt` take ten times as long.
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |start: usize, digits: usize, number: u32| {
            let mut rest = number;
            for digit in text[start..start + digits].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        };
        put(0, 4, at.year().unsigned_abs());
        put(5, 2, at.month());
        put(8, 2, at.day());
        put(11, 2, at.hour());
        put(14, 2, at.minute());
        put(17, 2, at.second());
        put(20, 6, at.timestamp_subsec_micros());
        let seconds = std::str::from_utf8(&text[..19]).map_err(|_| std::fmt::Error)?;
        let fraction = std::str::from_utf8(&text[19..]).map_err(|_| std::fmt::Error)?;
        f.write_str(seconds)?;
        f.write_str(if at.timestamp_subsec_micros() == 0 { "Z" } else { fraction })
    }
}

impl std::str::FromStr for Timestamp {
    type Err = Fault;
    fn from_str(text: &str) -> Result<Self, Fault> {
        Timestamp::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts, and what `parse_datetime` of Django 5.2 on Python 3.11 makes of them: microseconds, or
    /// null.
    const ANSWERS: &str = include_str!("../tests/vectors/date-times/parse-datetime.json");

    /// Values, what the field of Django REST framework makes of them, and where the APIs differ.
    const FIELD: &str = include_str!("../tests/vectors/date-times/date-time-field.json");

    #[test]
    fn every_text_is_read_as_django_reads_it() {
        let answers: Vec<(String, Option<i64>)> = serde_json::from_str(ANSWERS).unwrap();
        assert!(answers.len() > 1_000 && answers.iter().filter(|(_, micros)| micros.is_some()).count() > 300);
        let read = |text: &str| Timestamp::parse_django(text).ok().map(Timestamp::micros);
        let differ: Vec<_> = answers.iter().filter(|(text, micros)| read(text) != *micros).take(20).collect();
        assert!(differ.is_empty(), "{differ:?}");
    }

    #[test]
    fn every_value_is_read_as_the_field_of_drf_reads_it() {
        let rows: Vec<serde_json::Value> = serde_json::from_str(FIELD).unwrap();
        assert!(rows.len() > 100);
        let shown = |found: Result<Timestamp, Fault>| match found {
            Ok(at) => serde_json::json!(at.micros()),
            Err(Fault::OutOfYears) => "overflow".into(),
            Err(Fault::UnclearEpoch) => "unclear".into(),
            Err(_) => "invalid".into(),
        };
        for row in rows.iter().filter(|row| !row["value"].is_null()) {
            let wanted = |api: &str| row.get(api).unwrap_or(&row["drf"]).clone();
            let json = JsonText::parse(&row["value"].to_string()).unwrap();
            assert_eq!(shown(Timestamp::from_json(&json)), wanted("native"), "{row}");
            let published = row["value"].as_str().map_or(Err(Fault::NotADateTime), Timestamp::parse_django);
            assert_eq!(shown(published), wanted("published"), "{row}");
        }
    }

    #[test]
    fn digits_in_a_query_are_a_date_or_a_number() {
        let read = |text: &str| Timestamp::parse_or_epoch(text).map(Timestamp::micros);
        assert_eq!(read("20231016"), Ok(1_697_414_400_000_000));
        assert_eq!(read("1697446800"), Ok(1_697_446_800_000_000));
        assert_eq!(read("1612011000000"), Ok(1_612_011_000_000_000));
        assert_eq!(read("2023-10-16T12:00:00+03"), Ok(1_697_446_800_000_000));
        assert_eq!(read("16974468"), Err(Fault::UnclearEpoch));
        assert_eq!(read("yesterday"), Err(Fault::NotADateTime));
        assert_eq!(read("9999-12-31T23:59:59-00:01"), Err(Fault::OutOfYears));
    }

    #[test]
    fn a_date_alone_is_told_from_a_time() {
        for date in ["2023-10-16", "20231016", "2023-W42-1", "2023W421"] {
            assert_eq!(Timestamp::parse_date(date).unwrap().micros(), 1_697_414_400_000_000, "{date}");
        }
        for time in ["2023-10-16T00:00", "2023W42T09", "2023-10-32", "1697446800", ""] {
            assert_eq!(Timestamp::parse_date(time), None, "{time}");
        }
    }

    #[test]
    fn every_refused_form_stays_refused() {
        for form in [
            "2023-10-16Z",
            "2023-10-16T09:00:00+25:00",
            "2023-10-16T09:00:00+03:",
            "2023-10-16T09:00:00+030",
            "2023-10-16T09:00:00+03:00:",
            "2023-10-16T09:00:00+03:00:60",
            "2023-10-16T09:00:00 03:00",
            "2023-10-16  09:00",
            "２023-10-16",
            "2023-10-16T09:00:00Zjunk",
            "2023-10-16T09:00:00zz",
            "2023-W42-",
            "2023-10-16+",
            "2023-10-16T09:00:00+",
            "2023-10-16T09:00:00.é",
        ] {
            assert_eq!(Timestamp::parse(form), Err(Fault::NotADateTime), "{form}");
            assert_eq!(Timestamp::parse_django(form), Err(Fault::NotADateTime), "{form}");
        }
    }

    #[test]
    fn writes_six_digits_or_none() {
        for text in ["2023-10-16T09:00:00Z", "2023-10-16T09:00:00.000001Z", "1969-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z"] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Timestamp::parse("2023-10-16T09:00:00.9291Z").unwrap().to_string(), "2023-10-16T09:00:00.929100Z");
        assert_eq!(Timestamp::from_micros(MICROS_MAX).unwrap().to_string(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(Timestamp::from_micros(MICROS_MAX + 1), None);
        assert_eq!(Timestamp::parse("0001-01-01").unwrap().micros(), MICROS_MIN);
    }
}
