//! The filter of events. [`EventFilter::matches`] is the reference meaning; tests compare the SQL
//! of each database with it.

use std::collections::BTreeSet;

use serde::Serialize;
use uuid::Uuid;

use super::{Event, slot};
use crate::filter_values::{number, text};
use crate::find_text::has_part;
use crate::interval::Interval;
use crate::json::{JsonString, JsonText};
use crate::network::{Network, address_of};
use crate::timestamp::Timestamp;
use crate::user::Identity;

/// The conditions on an event. An event matches if it meets all conditions that are set. Texts
/// compare exactly, by their characters, however JSON spells them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct EventFilter {
    /// A condition that no event can meet, such as a number beyond 64 bits.
    // The digest of a cursor contains this name.
    #[serde(rename = "never")]
    pub matches_nothing: bool,
    /// The uuid.
    pub uuid: Option<Uuid>,
    /// The number of the content type.
    pub content_type: Option<i64>,
    /// The name of the content type.
    pub table_name: Option<String>,
    /// The object's id. An integer is given in its canonical decimal form: the API shows only that
    /// text as this integer.
    pub object_id: Option<String>,
    /// The user's id (not the name), in the same form.
    pub user: Option<String>,
    /// The user's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The e-mail address in the user's snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_email: Option<String>,
    /// The user's id or the user's name.
    pub person: Option<String>,
    /// The action, given or derived.
    pub action: Option<String>,
    /// The url.
    pub url: Option<String>,
    /// The beginning of the url, of at most
    /// [`URL_PREFIX_CHARS_MAX`](crate::limits::URL_PREFIX_CHARS_MAX) characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_prefix: Option<String>,
    /// The remote address. An IP address or a network also matches the texts that mean an address
    /// in it: see [`Network`].
    pub remote_addr: Option<String>,
    /// The outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The id of the request, the transaction or the trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The impersonator's id, in the form of `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonator: Option<String>,
    /// The name of a changed field, see [`crate::changed_fields`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// A part of a text in the content, the url, the description or the user. ASCII letters match
    /// in either case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Sets of values. The event has one value of each set.
    #[serde(skip_serializing_if = "EventValues::is_empty")]
    pub one_of: EventValues,
    /// Values that the event does not have. An event that lacks the member has none of its values.
    #[serde(skip_serializing_if = "EventValues::is_empty")]
    pub none_of: EventValues,
    /// The range of its time, in microseconds.
    pub timestamp: Interval,
    /// The range of its commit time, in microseconds.
    pub recorded_at: Interval,
    /// The range of its position.
    pub position: Interval,
}

/// Filters of a program. Conditions without a method here are fields.
impl EventFilter {
    /// The events of the objects with an id, in any table: see [`EventFilter::in_table`]. The id is
    /// an integer or a text.
    #[must_use]
    pub fn object(id: impl ToString) -> EventFilter {
        EventFilter { object_id: Some(id.to_string()), ..EventFilter::default() }
    }

    /// The events of a user, by id.
    #[must_use]
    pub fn user(id: impl ToString) -> EventFilter {
        EventFilter { user: Some(id.to_string()), ..EventFilter::default() }
    }

    /// Keeps the events with an action.
    #[must_use]
    pub fn with_action(mut self, name: &str) -> EventFilter {
        self.action = Some(name.to_owned());
        self
    }

    /// Keeps the events of a table: the name of the content type.
    #[must_use]
    pub fn in_table(mut self, name: &str) -> EventFilter {
        self.table_name = Some(name.to_owned());
        self
    }

    /// Keeps the events that happened in a span of time, with `from` and without `to`.
    #[must_use]
    pub fn between(mut self, from: Timestamp, to: Timestamp) -> EventFilter {
        self.timestamp.ge(from.micros());
        self.timestamp.lt(to.micros());
        self
    }

    /// Keeps the events in which a search finds a part of a text.
    #[must_use]
    pub fn containing(mut self, text: &str) -> EventFilter {
        self.search = Some(text.to_owned());
        self
    }
}

impl EventFilter {
    /// Whether no event can match the filter.
    #[must_use]
    pub fn is_impossible(&self) -> bool {
        self.matches_nothing || self.timestamp.is_empty() || self.recorded_at.is_empty() || self.position.is_empty()
    }

    /// Whether a condition needs the values of events.
    #[must_use]
    pub fn reads_values(&self) -> bool {
        let lists_changed = [&self.one_of, &self.none_of].into_iter().any(|values| !values.changed.is_empty());
        self.search.is_some() || self.changed.is_some() || lists_changed || self.url_prefix.is_some() || self.asks_network()
    }

    /// Whether a remote address of the filter is an IP address or a network.
    #[must_use]
    pub fn asks_network(&self) -> bool {
        let listed = self.one_of.remote_addr.iter().chain(&self.none_of.remote_addr);
        self.remote_addr.iter().chain(listed).any(|wanted| Network::parse(wanted).is_some())
    }

    /// Whether an event matches the filter.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        let subject = event.subject();
        let Identity { id, name, email } = event.user().map(|user| user.identity()).unwrap_or_default();
        let json = |json: Option<&JsonText>| json.and_then(JsonText::decoded);
        !self.matches_nothing
            && self.uuid.is_none_or(|uuid| uuid == event.entry.uuid)
            && self.content_type.is_none_or(|number| subject.content_type == Some(number))
            && same(&self.table_name, json(subject.table_name.as_ref()))
            && same(&self.object_id, subject.object_id.as_ref().and_then(|id| id.text()))
            && same(&self.user_name, name.clone())
            && same(&self.user_email, email)
            && (same(&self.person, name) || same(&self.person, id.clone()))
            && same(&self.user, id)
            && same(&self.action, json(subject.action.as_ref().map(|action| action.json())))
            && same(&self.url, event.entry.decoded(slot::URL))
            && self.url_prefix.as_ref().is_none_or(|prefix| {
                event.entry.decoded(slot::URL).is_some_and(|url| url.as_bytes().starts_with(prefix.as_bytes()))
            })
            && has_address(self.remote_addr.iter(), event) != Some(false)
            && same(&self.outcome, json(subject.outcome.as_ref().map(|outcome| outcome.json())))
            && same(&self.correlation_id, json(subject.correlation_id.as_ref()))
            && same(&self.source, json(subject.source.as_ref()))
            && (self.impersonator.is_none() || same(&self.impersonator, impersonator_id(event)))
            && self.changed.as_ref().is_none_or(|name| event.changed_fields().contains(&JsonString::from(name.as_str())))
            && self.one_of.hits(event).into_iter().all(|hit| hit)
            && !self.none_of.hits(event).contains(&true)
            && self.timestamp.contains(event.entry.timestamp.micros())
            && self.recorded_at.contains(event.entry.recorded_at.micros())
            && self.position.contains(event.entry.position)
            && self.finds(event)
    }

    /// Whether the searched part is in one of the texts.
    fn finds(&self, event: &Event) -> bool {
        let Some(part) = &self.search else { return true };
        let (part, mut is_found) = (part.to_ascii_lowercase(), false);
        for slot in Event::SEARCHED {
            if let Some(value) = event.entry.slots.value(slot) {
                value.each_text(|text| is_found = is_found || has_part(text, part.as_bytes()));
            }
        }
        is_found
    }
}

/// Whether the remote address of an event is one of some, by its characters or as an IP address;
/// `None` if there are none.
fn has_address<'a>(wanted: impl ExactSizeIterator<Item = &'a String>, event: &Event) -> Option<bool> {
    if wanted.len() == 0 {
        return None;
    }
    let actual = event.entry.decoded(slot::REMOTE_ADDR);
    let Some(actual) = actual.as_ref().and_then(JsonString::as_str) else { return Some(false) };
    let address = address_of(actual);
    let means = |wanted: &String| address.zip(Network::parse(wanted)).is_some_and(|(address, network)| network.contains(address));
    Some(wanted.into_iter().any(|wanted| wanted == actual || means(wanted)))
}

fn impersonator_id(event: &Event) -> Option<JsonString> {
    event.impersonator().and_then(|user| user.identity().id)
}

fn same(wanted: &Option<String>, actual: Option<JsonString>) -> bool {
    match wanted {
        None => true,
        Some(wanted) => actual.is_some_and(|actual| actual.as_bytes() == wanted.as_bytes()),
    }
}

/// Sets of values of an event, one set for each field. An empty set is not a condition. Texts
/// compare by their characters, as in [`EventFilter`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[expect(missing_docs, reason = "the fields of `EventFilter`, by name")]
pub struct EventValues {
    // The digest of a cursor leaves out an empty set, so cursors from before there were lists stay
    // valid.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub uuid: BTreeSet<Uuid>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub content_type: BTreeSet<i64>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub table_name: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub object_id: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub user: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub user_name: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub user_email: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub action: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub url: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub remote_addr: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub outcome: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub correlation_id: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub source: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub impersonator: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub changed: BTreeSet<String>,
}

impl EventValues {
    /// Whether all sets are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == EventValues::default()
    }

    /// Returns for each set that is not empty whether the event's value is in it. A value that the
    /// event lacks is in no set.
    pub(crate) fn hits(&self, event: &Event) -> Vec<bool> {
        if self.is_empty() {
            return Vec::new();
        }
        let subject = event.subject();
        let Identity { id, name, email } = event.user().map(|user| user.identity()).unwrap_or_default();
        let object_id = subject.object_id.as_ref().and_then(|id| id.text());
        let action = subject.action.as_ref().map(|action| action.json());
        let hits = [
            number(&self.uuid, Some(event.entry.uuid)),
            number(&self.content_type, subject.content_type),
            text(&self.table_name, subject.table_name.as_ref().and_then(JsonText::decoded)),
            text(&self.object_id, object_id),
            text(&self.user, id),
            text(&self.user_name, name),
            text(&self.user_email, email),
            text(&self.action, action.and_then(JsonText::decoded)),
            text(&self.url, event.entry.decoded(slot::URL)),
            has_address(self.remote_addr.iter(), event),
            text(&self.outcome, subject.outcome.as_ref().and_then(|outcome| outcome.json().decoded())),
            text(&self.correlation_id, subject.correlation_id.as_ref().and_then(JsonText::decoded)),
            text(&self.source, subject.source.as_ref().and_then(JsonText::decoded)),
            text(&self.impersonator, impersonator_id(event)),
            (!self.changed.is_empty())
                .then(|| event.changed_fields().into_iter().any(|name| text(&self.changed, Some(name)) == Some(true))),
        ];
        hits.into_iter().flatten().collect()
    }
}
