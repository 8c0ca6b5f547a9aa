//! The filter of action logs. [`ActionLogFilter::matches`] is the reference meaning.

use std::collections::BTreeSet;

use serde::Serialize;
use uuid::Uuid;

use super::{ActionLog, action_log_slot};
use crate::filter_values::{number, text};
use crate::find_text::has_part;
use crate::interval::Interval;
use crate::json::{JsonString, JsonText};
use crate::timestamp::Timestamp;

/// The conditions on an action log. An action log matches if it meets all conditions that are set.
/// Texts compare exactly, by their characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct ActionLogFilter {
    /// A condition that no record can meet, such as a level that is not an integer.
    // The digest of a cursor contains this name.
    #[serde(rename = "never")]
    pub matches_nothing: bool,
    /// The uuid.
    pub uuid: Option<Uuid>,
    /// The level.
    pub level: Interval,
    /// The logger.
    pub logger_name: Option<String>,
    /// The application.
    pub app_name: Option<String>,
    /// The id of the request, the transaction or the trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// A part of the message or of the trace. ASCII letters match in either case.
    pub search: Option<String>,
    /// Sets of values. The action log has one value of each set.
    #[serde(skip_serializing_if = "ActionLogValues::is_empty")]
    pub one_of: ActionLogValues,
    /// Values that the action log does not have. An action log that lacks the member has none of
    /// its values.
    #[serde(skip_serializing_if = "ActionLogValues::is_empty")]
    pub none_of: ActionLogValues,
    /// The range of its time, in microseconds.
    pub created_at: Interval,
    /// The range of its commit time, in microseconds.
    pub recorded_at: Interval,
    /// The range of its position.
    pub position: Interval,
}

/// Filters of a program. Conditions without a method here are fields.
impl ActionLogFilter {
    /// The action logs of a logger.
    #[must_use]
    pub fn logger(name: &str) -> ActionLogFilter {
        ActionLogFilter { logger_name: Some(name.to_owned()), ..ActionLogFilter::default() }
    }

    /// The action logs of an application.
    #[must_use]
    pub fn app(name: &str) -> ActionLogFilter {
        ActionLogFilter { app_name: Some(name.to_owned()), ..ActionLogFilter::default() }
    }

    /// Keeps the action logs of a level or a higher one.
    #[must_use]
    pub fn at_least(mut self, level: i64) -> ActionLogFilter {
        self.level.ge(level);
        self
    }

    /// Keeps the action logs that were made in a span of time, with `from` and without `to`.
    #[must_use]
    pub fn between(mut self, from: Timestamp, to: Timestamp) -> ActionLogFilter {
        self.created_at.ge(from.micros());
        self.created_at.lt(to.micros());
        self
    }

    /// Keeps the action logs in which a search finds a part of a text.
    #[must_use]
    pub fn containing(mut self, text: &str) -> ActionLogFilter {
        self.search = Some(text.to_owned());
        self
    }
}

impl ActionLogFilter {
    /// Whether no record can match the filter.
    #[must_use]
    pub fn is_impossible(&self) -> bool {
        self.matches_nothing
            || [self.level, self.created_at, self.recorded_at, self.position].iter().any(|interval| interval.is_empty())
    }

    /// Whether a record matches the filter.
    #[must_use]
    pub fn matches(&self, log: &ActionLog) -> bool {
        let subject = log.subject();
        let same = |wanted: &Option<String>, actual: Option<&JsonText>| match wanted {
            None => true,
            Some(wanted) => actual.and_then(JsonText::decoded).is_some_and(|text| text.as_bytes() == wanted.as_bytes()),
        };
        let level = subject.as_ref().map(|subject| subject.level);
        !self.matches_nothing
            && self.uuid.is_none_or(|uuid| uuid == log.entry.uuid)
            && (self.level == Interval::default() || level.is_some_and(|level| self.level.contains(level)))
            && same(&self.logger_name, subject.as_ref().and_then(|subject| subject.logger_name.as_ref()))
            && same(&self.app_name, subject.as_ref().and_then(|subject| subject.app_name.as_ref()))
            && same(&self.correlation_id, subject.as_ref().and_then(|subject| subject.correlation_id.as_ref()))
            && self.one_of.hits(log).into_iter().all(|hit| hit)
            && !self.none_of.hits(log).contains(&true)
            && self.created_at.contains(log.entry.timestamp.micros())
            && self.recorded_at.contains(log.entry.recorded_at.micros())
            && self.position.contains(log.entry.position)
            && self.finds(log.entry.slots.value(action_log_slot::MESSAGE), log.entry.slots.value(action_log_slot::TRACE))
    }

    /// Whether the searched part is in the message or in the trace. The function compares the
    /// decoded texts, so a search for café finds `caf\u00e9`.
    #[must_use]
    pub fn finds(&self, message: Option<&JsonText>, trace: Option<&JsonText>) -> bool {
        let Some(part) = &self.search else { return true };
        let part = part.to_ascii_lowercase();
        let has = |text: JsonString| has_part(text.as_bytes(), part.as_bytes());
        [message, trace].into_iter().flatten().filter_map(JsonText::decoded).any(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_sees_decoded_text_and_ignores_ascii_case_only() {
        let finds = |part: &str, message: &str| {
            let filter = ActionLogFilter { search: Some(part.to_owned()), ..ActionLogFilter::default() };
            filter.finds(Some(&JsonText::parse(message).unwrap()), None)
        };
        assert!(finds("CAFé", r#""a caf\u00e9""#) && finds("", r#""""#) && finds("\n", r#""a\nb""#));
        assert!(!finds("CAFÉ", r#""a caf\u00e9""#) && !finds("u00e9", r#""caf\u00e9""#) && !finds("\"", r#""a""#));
    }
}

/// Values of an action log, as [`crate::EventValues`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[expect(missing_docs, reason = "the fields of `ActionLogFilter`, by name")]
pub struct ActionLogValues {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub uuid: BTreeSet<Uuid>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub level: BTreeSet<i64>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub logger_name: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub app_name: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub correlation_id: BTreeSet<String>,
}

impl ActionLogValues {
    /// Whether all sets are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == ActionLogValues::default()
    }

    /// Returns for each set that is not empty whether the action log's value is in it.
    pub(crate) fn hits(&self, log: &ActionLog) -> Vec<bool> {
        if self.is_empty() {
            return Vec::new();
        }
        let subject = log.subject();
        let subject = subject.as_ref();
        let hits = [
            number(&self.uuid, Some(log.entry.uuid)),
            number(&self.level, subject.map(|subject| subject.level)),
            text(&self.logger_name, subject.and_then(|subject| subject.logger_name.as_ref()).and_then(JsonText::decoded)),
            text(&self.app_name, subject.and_then(|subject| subject.app_name.as_ref()).and_then(JsonText::decoded)),
            text(&self.correlation_id, subject.and_then(|subject| subject.correlation_id.as_ref()).and_then(JsonText::decoded)),
        ];
        hits.into_iter().flatten().collect()
    }
}
