//! Reads the text of a date-time as Django 5.2 on Python 3.11 reads it: the forms of Python's
//! `datetime.fromisoformat`, and then those of Django's own pattern.
//!
//! `tests/vectors/date-times` has what the real `DateTimeField` of Django REST framework makes of
//! the forms. A few differ here on purpose, each with its reason: they are slips of Python's parser,
//! and a time that nobody meant must not get into the log.

use chrono::{Datelike, NaiveDate, Weekday};

/// Whose forms a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forms {
    /// Those of Django.
    Django,
    /// Those of Django, and `z` for UTC. The character between date and time is not a digit: a text
    /// of digits such as `1612011000000` is a number of milliseconds, and Python reads the year 1612
    /// in it. Nor does it begin an offset: Python reads `2023-10-16+09:00` as nine o'clock.
    Native,
}

/// What a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTime {
    /// Microseconds since the epoch. Without an offset the text is UTC.
    pub(crate) micros: i64,
    /// Whether the text has a date alone.
    pub(crate) is_date: bool,
}

/// Reads a date-time. The instant may be up to a day outside the years 1 to 9999.
pub(crate) fn read(text: &str, forms: Forms) -> Option<DateTime> {
    iso(Rest(text), forms).or_else(|| pattern(text))
}

/// Reads the forms of `datetime.fromisoformat`: a date with or without hyphens, or a week date, then
/// any one character, then a time with or without colons.
fn iso(mut rest: Rest<'_>, forms: Forms) -> Option<DateTime> {
    let date = rest.date()?;
    let Some(separator) = rest.0.chars().next() else {
        return Some(DateTime { micros: date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros(), is_date: true });
    };
    if forms == Forms::Native && (separator.is_ascii_digit() || "+-Zz".contains(separator)) {
        return None;
    }
    rest.0 = &rest.0[separator.len_utf8()..];
    let time = rest.time()?;
    let micros = if rest.take('.') || rest.take(',') {
        // Python reads `09.5` as half a second past nine, and ISO 8601 as half past nine.
        time.second?;
        rest.fraction(usize::MAX)?
    } else {
        0
    };
    let offset_seconds = match rest.0 {
        "" | "Z" => 0,
        "z" if forms == Forms::Native => 0,
        _ => rest.offset()?,
    };
    at(date, time, micros, offset_seconds)
}

/// Reads the forms of Django's pattern, which has one or two digits of everything but the year, and
/// blanks in front of the offset.
fn pattern(text: &str) -> Option<DateTime> {
    // The end of a text is also in front of a final line feed.
    let mut rest = Rest(text.strip_suffix('\n').unwrap_or(text));
    let year = rest.number(4, 4)?;
    rest.take('-').then_some(())?;
    let month = rest.number(1, 2)?;
    rest.take('-').then_some(())?;
    let day = rest.number(1, 2)?;
    (rest.take('T') || rest.take(' ')).then_some(())?;
    let hour = rest.number(1, 2)?;
    rest.take(':').then_some(())?;
    let minute = Some(rest.number(1, 2)?);
    let (mut second, mut micros) = (None, 0);
    if rest.take(':') {
        second = Some(rest.number(1, 2)?);
        if rest.take('.') || rest.take(',') {
            micros = rest.fraction(12)?;
        }
    }
    rest.0 = rest.0.trim_start();
    let offset_seconds = match rest.0 {
        "" | "Z" => 0,
        offset if offset.len() <= "+03:00".len() => rest.offset()?,
        _ => return None,
    };
    at(calendar_date(year, month, day)?, Time { hour, minute, second }, micros, offset_seconds)
}

/// A time, or an offset without its sign.
#[derive(Clone, Copy)]
struct Time {
    hour: u32,
    minute: Option<u32>,
    second: Option<u32>,
}

fn at(date: NaiveDate, time: Time, micros: u32, offset_seconds: i64) -> Option<DateTime> {
    // chrono accepts 23:59:60 as a leap second only with microseconds over a second, which cannot
    // come from here.
    let local = date.and_hms_micro_opt(time.hour, time.minute.unwrap_or(0), time.second.unwrap_or(0), micros)?;
    Some(DateTime { micros: local.and_utc().timestamp_micros() - offset_seconds * 1_000_000, is_date: false })
}

fn calendar_date(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    in_python(NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?)
}

/// Python has no year 0 and none after 9999. The last week of 9999 ends in the next year.
fn in_python(date: NaiveDate) -> Option<NaiveDate> {
    (1..=9999).contains(&date.year()).then_some(date)
}

/// The part of the text that is not read yet.
#[derive(Clone, Copy)]
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// Whether the rest begins with this character, which is then read.
    fn take(&mut self, wanted: char) -> bool {
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// The digits at the beginning, at most `max`.
    fn digits(&mut self, max: usize) -> &[u8] {
        let end = self.0.bytes().take(max).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        digits.as_bytes()
    }

    /// Reads a number of `min` to `max` digits, at most four.
    fn number(&mut self, min: usize, max: usize) -> Option<u32> {
        let digits = self.digits(max);
        (digits.len() >= min).then(|| digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    /// Reads the digits of a fraction as microseconds, and cuts the rest of them.
    fn fraction(&mut self, max: usize) -> Option<u32> {
        let digits = self.digits(max);
        let micros = (0..6).fold(0, |micros, at| micros * 10 + digits.get(at).map_or(0, |digit| u32::from(digit - b'0')));
        (!digits.is_empty()).then_some(micros)
    }

    /// Reads `2023-10-16`, `20231016`, `2023-W42-1`, `2023W421`, `2023-W42` or `2023W42`.
    fn date(&mut self) -> Option<NaiveDate> {
        let year = self.number(4, 4)?;
        let has_hyphens = self.take('-');
        if self.take('W') {
            let week = self.number(2, 2)?;
            let has_day = if has_hyphens { self.take('-') } else { self.starts_with_digit() };
            let day = if has_day { self.number(1, 1)? } else { 1 };
            let day = Weekday::try_from(u8::try_from(day.checked_sub(1)?).ok()?).ok()?;
            return in_python(NaiveDate::from_isoywd_opt(i32::try_from(year).ok()?, week, day)?);
        }
        let month = self.number(2, 2)?;
        let day = if self.take('-') == has_hyphens { self.number(2, 2)? } else { return None };
        calendar_date(year, month, day)
    }

    fn starts_with_digit(&self) -> bool {
        self.0.starts_with(|c: char| c.is_ascii_digit())
    }

    /// Reads `09`, `0900`, `09:00`, `090000` or `09:00:00`.
    fn time(&mut self) -> Option<Time> {
        let mut time = Time { hour: self.number(2, 2)?, minute: None, second: None };
        let has_colons = self.0.starts_with(':');
        for part in [&mut time.minute, &mut time.second] {
            let follows = if has_colons { self.take(':') } else { self.starts_with_digit() };
            if !follows {
                break;
            }
            *part = Some(self.number(2, 2)?);
        }
        Some(time)
    }

    /// Reads the offset in seconds east of UTC. Nothing may follow it. An offset of 60 minutes or
    /// more beside its hours, and a fraction of a second, belong to no zone.
    fn offset(mut self) -> Option<i64> {
        let sign = if self.take('-') { -1 } else { i64::from(self.take('+')) };
        let Time { hour, minute, second } = self.time()?;
        let (minute, second) = (minute.unwrap_or(0), second.unwrap_or(0));
        let exists = sign != 0 && self.0.is_empty() && hour < 24 && minute < 60 && second < 60;
        exists.then(|| sign * i64::from(hour * 3600 + minute * 60 + second))
    }
}
