//! Instants: microseconds since the epoch, UTC, in the years 1 to 9999.
//!
//! chrono has the calendar. No crate reads exactly the texts that the API accepts: a format of chrono or of `time` is one spelling, and
//! jiff takes more (an hour without minutes, a zone in brackets).

use chrono::{DateTime, Datelike, NaiveDate, Timelike};

use crate::error::Fault;

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

    /// Parses a date-time in any form that `docs/api.md` accepts: ISO 8601 with `T` or one blank,
    /// optional seconds, one to nine fractional digits (cut to six), `Z`, `±hh`, `±hh:mm`, `±hhmm`,
    /// `±hh:mm:ss` or nothing (UTC). A date alone is its midnight. This includes PostgreSQL's text
    /// form, `2023-10-16 09:00:00.929094+00`, which has seconds in its offset if the zone had them
    /// at that time.
    ///
    /// # Errors
    ///
    /// [`Fault::NotADateTime`] for any other text, and for days and times that do not exist.
    pub fn parse(text: &str) -> Result<Timestamp, Fault> {
        parse(text.as_bytes()).and_then(Timestamp::from_micros).ok_or(Fault::NotADateTime)
    }
}

/// Formats UTC with `Z` and six fractional digits, or none if the microseconds are zero:
/// `2023-10-16T09:00:00Z`.
impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(at) = DateTime::from_timestamp_micros(self.0) else {
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

fn parse(text: &[u8]) -> Option<i64> {
    let mut rest = Digits(text);
    let year = rest.number(4)?;
    rest.byte(b'-')?;
    let month = rest.number(2)?;
    rest.byte(b'-')?;
    let day = rest.number(2)?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    if rest.0.is_empty() {
        return Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros());
    }
    rest.byte(b'T').or_else(|| rest.byte(b' '))?;
    let hour = rest.number(2)?;
    rest.byte(b':')?;
    let minute = rest.number(2)?;
    let (mut second, mut micros) = (0, 0);
    if rest.byte(b':').is_some() {
        second = rest.number(2)?;
        if rest.byte(b'.').is_some() {
            micros = rest.fraction()?;
        }
    }
    let offset_seconds = rest.offset()?;
    let local = date.and_hms_micro_opt(hour, minute, second, micros)?.and_utc();
    // chrono accepts 23:59:60 as a leap second only with microseconds over a second, which cannot
    // come from here.
    local.timestamp_micros().checked_sub(offset_seconds * 1_000_000)
}

/// The rest of the text.
struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    fn byte(&mut self, wanted: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == wanted).then(|| self.0 = rest)
    }

    fn number(&mut self, digits: usize) -> Option<u32> {
        let (head, rest) = self.0.split_at_checked(digits)?;
        let number = head.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))?;
        self.0 = rest;
        Some(number)
    }

    /// Reads one to nine digits as microseconds.
    fn fraction(&mut self) -> Option<u32> {
        let len = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=9).contains(&len) {
            return None;
        }
        let digits = &self.0[..len];
        self.0 = &self.0[len..];
        Some((0..6).fold(0, |n, i| n * 10 + digits.get(i).map_or(0, |b| u32::from(b - b'0'))))
    }

    /// Reads the offset in seconds east of UTC. Nothing may follow it.
    fn offset(mut self) -> Option<i64> {
        let sign = match self.0.first() {
            None => return Some(0),
            Some(b'Z') => return (self.0.len() == 1).then_some(0),
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        self.0 = &self.0[1..];
        let hours = self.number(2)?;
        let (mut minutes, mut seconds) = (0, 0);
        if !self.0.is_empty() {
            let has_colon = self.byte(b':').is_some();
            minutes = self.number(2)?;
            if has_colon && !self.0.is_empty() {
                self.byte(b':')?;
                seconds = self.number(2)?;
            }
        }
        let exists = self.0.is_empty() && hours < 24 && minutes < 60 && seconds < 60;
        exists.then(|| sign * i64::from(hours * 3600 + minutes * 60 + seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> Option<i64> {
        Timestamp::parse(text).ok().map(Timestamp::micros)
    }

    #[test]
    fn reads_every_accepted_form() {
        let nine = 1_697_446_800_000_000;
        for form in [
            "2023-10-16T09:00:00Z",
            "2023-10-16 09:00:00Z",
            "2023-10-16T09:00Z",
            "2023-10-16 09:00",
            "2023-10-16T09:00:00",
            "2023-10-16T12:00:00+03:00",
            "2023-10-16T12:00:00+0300",
            "2023-10-16T01:30:00.0-07:30",
            "2023-10-16T09:00:00-00:00",
            "2023-10-16 09:00:00+00",
            "2023-10-16T12:00:00+03",
            "2023-10-16T01:00:00.000-08",
            "2023-10-16 09:53:28+00:53:28",
        ] {
            assert_eq!(micros(form), Some(nine), "{form}");
        }
        assert_eq!(micros("2023-10-16"), Some(nine - 9 * 3_600_000_000));
        assert_eq!(micros("2023-10-16T09:00:00.929094999Z"), Some(nine + 929_094));
        assert_eq!(micros("2023-10-16T09:00:00.9Z"), Some(nine + 900_000));
        assert_eq!(micros("1969-12-31T23:59:59.999999Z"), Some(-1));
        assert_eq!(micros("2024-02-29"), Some(1_709_164_800_000_000));
    }

    #[test]
    fn refuses_everything_else() {
        for form in [
            "",
            "2023-02-30",
            "2023-02-29",
            "2023-13-01",
            "2023-10-16T24:00:00Z",
            "2023-10-16T09:60:00Z",
            "2023-10-16T09:00:60Z",
            "2023-10-16t09:00:00Z",
            "2023-10-16T09:00:00z",
            "20231016T090000Z",
            "2023-10-16T09",
            "2023-10-16T",
            "2023-10-16Z",
            "2023-10-16T09:00:00+25:00",
            "2023-10-16T09:00:00+3",
            "2023-10-16T09:00:00+24",
            "2023-10-16T09:00:00+03:",
            "2023-10-16T09:00:00+03:0",
            "2023-10-16T09:00:00+030",
            "2023-10-16T09:00:00+03:00:",
            "2023-10-16T09:00:00+03:00:60",
            "2023-10-16T09:00:00+030000",
            "2023-10-16T09:00:00+03:60",
            "2023-10-16T09:00:00+03:00Z",
            "2023-10-16T09:00:00 03:00",
            "2023-10-16T09:00:00.Z",
            "2023-10-16T09:00:00.1234567890Z",
            "2023-10-16  09:00",
            "0000-01-01",
            "2023-10-16T09:00:00,5Z",
            "+2023-10-16",
            "2023-1-2",
            "1697446805",
            "２023-10-16",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "2023-10-16T09:00:00Zjunk",
        ] {
            assert_eq!(micros(form), None, "{form}");
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
