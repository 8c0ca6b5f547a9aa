//! Query parameters of the inventory API. The server ignores an empty or an unknown parameter, and
//! it reports all bad parameters at once.

use audit_store::domain::{EventFilter, Timestamp};

use crate::failure::{Failure, InvalidParameter};
use crate::params::Params;

/// The number of logs in a list if the client does not ask for a number.
const LIMIT_DEFAULT: i64 = 100;
/// The maximum number of logs in a list.
const LIMIT_MAX: i64 = 1000;

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// Reads parameters and collects the ones that it cannot read.
pub(super) struct QueryReader<'a> {
    params: &'a Params,
    invalid: Vec<InvalidParameter>,
}

impl<'a> QueryReader<'a> {
    pub(super) fn new(params: &'a Params) -> Self {
        QueryReader { params, invalid: Vec::new() }
    }

    /// Reads all given filters. They apply together.
    pub(super) fn filter(&mut self) -> EventFilter {
        let mut filter = EventFilter {
            person: self.text("user_id"),
            table_name: self.text("table_name"),
            action: self.text("action"),
            object_id: self.text("record_id"),
            ..EventFilter::default()
        };
        if let Some((start, _)) = self.date("start_date") {
            filter.timestamp.ge(start);
        }
        match self.date("end_date") {
            Some((end, true)) => filter.timestamp.lt(end.saturating_add(DAY_MICROS)),
            Some((end, false)) => filter.timestamp.le(end),
            None => {}
        }
        filter
    }

    /// Reads the number of logs to skip.
    pub(super) fn skip(&mut self) -> i64 {
        self.number("skip", 0).unwrap_or(0)
    }

    /// Reads the number of logs to show. The page calls it the "maximum number of records to
    /// return", so a number above the maximum means the maximum.
    pub(super) fn limit(&mut self) -> i64 {
        self.number("limit", 1).map_or(LIMIT_DEFAULT, |limit| limit.min(LIMIT_MAX))
    }

    pub(super) fn finish(self) -> Result<(), Failure> {
        if self.invalid.is_empty() { Ok(()) } else { Err(Failure::Parameters(self.invalid)) }
    }

    /// Reads a text as it is. Blanks around a name are a part of it, and the web page sends names
    /// as the summary shows them.
    fn text(&self, name: &str) -> Option<String> {
        self.params.last(name).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Reads an instant in microseconds, and whether the text means a whole day.
    fn date(&mut self, name: &str) -> Option<(i64, bool)> {
        let text = self.params.given(name)?;
        match Timestamp::parse(text) {
            Ok(at) => Some((at.micros(), Timestamp::parse_date(text).is_some())),
            Err(fault) => {
                let message = format!("{name} must be a day such as 2023-10-16, or it {fault}");
                self.invalid.push(InvalidParameter { is_date_time: true, ..InvalidParameter::new(name, message) });
                None
            }
        }
    }

    /// Reads a number of any length. A number beyond 64 bits counts as the largest number.
    fn number(&mut self, name: &str, min: i64) -> Option<i64> {
        let text = self.params.given(name)?;
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = is_number.then(|| text.parse().unwrap_or(i64::MAX)).filter(|number| *number >= min);
        if number.is_none() {
            let message = format!("{name} must be an integer from {min}");
            self.invalid.push(InvalidParameter::new(name, message));
        }
        number
    }
}
