//! Reads date-times as Django 5.2 reads them: the forms of Python's `datetime.fromisoformat`, and
//! the additional forms of Django's own pattern.
//!
//! The forms in addition to those of [`Timestamp::parse`] are: the basic form (`20231016T090000Z`),
//! hours alone, any character between date and time, a comma in front of the fraction, fractions of
//! any length, numbers of one digit, and blanks in front of the offset. This module does not read
//! week dates, because nobody sends them.

use audit_store::domain::Timestamp;

/// Reads a date-time. Without an offset it is UTC.
pub(crate) fn date_time(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).ok().or_else(|| iso(text)).or_else(|| django(text))
}

/// Reads the forms of `datetime.fromisoformat`.
fn iso(text: &str) -> Option<Timestamp> {
    let mut rest = Rest(text);
    let year = rest.digits(4, 4)?;
    let dashes = rest.take("-").is_some();
    let month = rest.digits(2, 2)?;
    if dashes {
        rest.take("-")?;
    }
    let date = (year, month, rest.digits(2, 2)?);
    if rest.0.is_empty() {
        return timestamp(date, Time::default(), "");
    }
    rest.0 = &rest.0[rest.0.chars().next()?.len_utf8()..];
    let end = rest.0.find(['+', '-', 'Z']).unwrap_or(rest.0.len());
    let (time, offset) = rest.0.split_at(end);
    let offset = match offset.as_bytes() {
        [] | [b'Z'] => String::new(),
        [sign, ..] if *sign != b'Z' => format!("{}{}", char::from(*sign), Time::iso(&offset[1..])?.offset()?),
        _ => return None,
    };
    timestamp(date, Time::iso(time)?, &offset)
}

/// Reads the forms of Django's pattern that `fromisoformat` does not accept.
fn django(text: &str) -> Option<Timestamp> {
    let mut rest = Rest(text);
    let year = rest.digits(4, 4)?;
    rest.take("-")?;
    let month = rest.digits(1, 2)?;
    rest.take("-")?;
    let day = rest.digits(1, 2)?;
    rest.take("T").or_else(|| rest.take(" "))?;
    let mut time = Time { hour: rest.digits(1, 2)?, ..Time::default() };
    rest.take(":")?;
    time.minute = rest.digits(1, 2)?;
    if rest.take(":").is_some() {
        time.second = rest.digits(1, 2)?;
        if rest.take(".").or_else(|| rest.take(",")).is_some() {
            time.fraction = rest.digits(1, 12)?;
        }
    }
    let offset = rest.0.trim_start();
    let is_offset = matches!(offset, "" | "Z") || offset.starts_with(['+', '-']) && offset.len() <= "+03:00".len();
    is_offset.then(|| timestamp((year, month, day), time, offset))?
}

/// The digits of a time or of an offset.
#[derive(Default)]
struct Time<'a> {
    hour: &'a str,
    minute: &'a str,
    second: &'a str,
    fraction: &'a str,
}

impl<'a> Time<'a> {
    /// Reads `hh`, `hhmm`, `hh:mm` and so on.
    fn iso(text: &'a str) -> Option<Time<'a>> {
        let mut rest = Rest(text);
        let mut time = Time { hour: rest.digits(2, 2)?, ..Time::default() };
        let colons = rest.0.starts_with(':');
        for part in [&mut time.minute, &mut time.second] {
            let follows = if colons { rest.take(":").is_some() } else { rest.0.starts_with(|c: char| c.is_ascii_digit()) };
            if !follows {
                break;
            }
            *part = rest.digits(2, 2)?;
        }
        if !time.second.is_empty() && rest.take(".").or_else(|| rest.take(",")).is_some() {
            time.fraction = rest.digits(1, usize::MAX)?;
        }
        rest.0.is_empty().then_some(time)
    }

    /// Writes an offset for [`Timestamp::parse`], which does not read parts of a second. No time
    /// zone has them either.
    fn offset(&self) -> Option<String> {
        let parts = [self.hour, self.minute, self.second].map(two);
        self.fraction.bytes().all(|digit| digit == b'0').then(|| parts.join(":"))
    }
}

/// Pads none, one or two digits to two digits.
fn two(digits: &str) -> String {
    format!("{digits:0>2}")
}

fn timestamp((year, month, day): (&str, &str, &str), time: Time<'_>, offset: &str) -> Option<Timestamp> {
    let micros: String = time.fraction.chars().chain("000000".chars()).take(6).collect();
    let (month, day, time) = (two(month), two(day), [time.hour, time.minute, time.second].map(two).join(":"));
    Timestamp::parse(&format!("{year}-{month}-{day}T{time}.{micros}{offset}")).ok()
}

/// The part of the text that is not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn take(&mut self, wanted: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(wanted)?;
        Some(())
    }

    /// Reads as many digits as there are, up to `max`.
    fn digits(&mut self, min: usize, max: usize) -> Option<&'a str> {
        let end = self.0.bytes().take(max).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        (end >= min).then_some(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts with the results of Django 5.2 on Python 3.11: microseconds, or null. `date_times.py`
    /// beside the file made them.
    const ANSWERS: &str = include_str!("../../tests/golden/date-times.json");

    #[test]
    fn every_text_is_read_as_django_reads_it() {
        let answers: Vec<(String, Option<i64>)> = serde_json::from_str(ANSWERS).unwrap();
        assert!(answers.len() > 1_000 && answers.iter().filter(|(_, micros)| micros.is_some()).count() > 300);
        let read = |text: &str| date_time(text).map(Timestamp::micros);
        let differ: Vec<_> = answers.iter().filter(|(text, micros)| read(text) != *micros).take(20).collect();
        assert!(differ.is_empty(), "{differ:?}");
    }

    #[test]
    fn what_zones_do_not_have_is_not_read() {
        for text in ["2023-W42-1", "2023-10-16T09:00:00+00:00:01.5", "２０２３-10-16 09:00"] {
            assert_eq!(date_time(text), None, "{text}");
        }
    }
}
