//! Slot 0 of an event: the action with its outcome, the object and the origin, as one compact JSON
//! object.

use std::cell::OnceCell;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::slot;
use crate::action::Action;
use crate::json::{JsonText, ObjectWriter};
use crate::log::Slots;
use crate::object::ObjectId;
use crate::outcome::Outcome;

/// The action with its outcome, the content type, the object, and where it comes from. The slot leaves out absent members; without any member there is
/// no slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// The action.
    pub action: Option<Action>,
    /// The number of the content type.
    pub content_type: Option<i64>,
    /// The id of the request, the transaction or the trace, a JSON string.
    pub correlation_id: Option<JsonText>,
    /// The object.
    pub object_id: Option<ObjectId>,
    /// Whether the action succeeded.
    pub outcome: Option<Outcome>,
    /// The application, a JSON string.
    pub source: Option<JsonText>,
    /// The name of the content type, a JSON string.
    pub table_name: Option<JsonText>,
}

impl Subject {
    /// Writes the slot: keys in a fixed order, no blanks, strings spelled as received.
    #[must_use]
    pub fn to_slot(&self) -> Option<JsonText> {
        if *self == Subject::default() {
            return None;
        }
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        if let Some(action) = &self.action {
            object.text("action", Some(action.json()));
        }
        if let Some(content_type) = self.content_type {
            object.integer("content_type", Some(content_type));
        }
        if let Some(correlation_id) = &self.correlation_id {
            object.text("correlation_id", Some(correlation_id));
        }
        if let Some(object_id) = &self.object_id {
            object.text("object_id", Some(object_id.json()));
        }
        if let Some(outcome) = &self.outcome {
            object.text("outcome", Some(outcome.json()));
        }
        if let Some(source) = &self.source {
            object.text("source", Some(source));
        }
        if let Some(table_name) = &self.table_name {
            object.text("table_name", Some(table_name));
        }
        object.end();
        Some(JsonText::from_trusted(out))
    }

    /// Reads a slot that [`Subject::to_slot`] wrote. Returns `None` for any other text.
    #[must_use]
    pub fn from_slot(slot: &JsonText) -> Option<Subject> {
        #[derive(Deserialize)]
        struct Raw<'a> {
            #[serde(borrow)]
            action: Option<&'a RawValue>,
            content_type: Option<i64>,
            #[serde(borrow)]
            correlation_id: Option<&'a RawValue>,
            #[serde(borrow)]
            object_id: Option<&'a RawValue>,
            #[serde(borrow)]
            outcome: Option<&'a RawValue>,
            #[serde(borrow)]
            source: Option<&'a RawValue>,
            #[serde(borrow)]
            table_name: Option<&'a RawValue>,
        }
        let raw: Raw<'_> = serde_json::from_str(slot.as_str()).ok()?;
        let text = |raw: &RawValue| JsonText::from_trusted(raw.get());
        Some(Subject {
            action: raw.action.map(text).map(Action::from_json).transpose().ok()?,
            content_type: raw.content_type,
            correlation_id: raw.correlation_id.map(text),
            object_id: raw.object_id.map(text).map(ObjectId::from_subject).transpose().ok()?,
            outcome: raw.outcome.map(text).map(Outcome::from_json).transpose().ok()?,
            source: raw.source.map(text),
            table_name: raw.table_name.map(text),
        })
    }
}

/// The subject of a stored event. It is parsed at the first comparison with a retry: a batch may
/// repeat one event ten thousand times, and parsing a name of a megabyte takes 0.2 ms.
#[derive(Debug, Default)]
pub struct StoredSubject(OnceCell<ParsedSubject>);

/// The contents of slot 0 of a stored event.
#[derive(Debug)]
pub(crate) enum ParsedSubject {
    /// The slot was erased.
    Erased,
    /// The slot has a text that no append wrote.
    Unreadable,
    Known(Subject),
}

impl StoredSubject {
    /// Parses the subject in the slots of its event, which must be the same in every call.
    pub(crate) fn get_or_parse(&self, slots: &Slots) -> &ParsedSubject {
        self.0.get_or_init(|| match slots.get(slot::SUBJECT) {
            None => ParsedSubject::Known(Subject::default()),
            Some(slot) if slot.is_erased() => ParsedSubject::Erased,
            Some(slot) => {
                let subject = slot.value.as_ref().and_then(Subject::from_slot);
                subject.map_or(ParsedSubject::Unreadable, ParsedSubject::Known)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_reads_back() {
        for text in [
            r#"{"action":"LOGIN"}"#,
            r#"{"action":"caf\u00e9","content_type":-41,"object_id":"\ud800","table_name":"a.b"}"#,
            r#"{"object_id":"\u0000"}"#,
            r#"{"correlation_id":"caf\u00e9","outcome":"failure","source":""}"#,
        ] {
            let text = JsonText::parse(text).unwrap();
            let subject = Subject::from_slot(&text).unwrap();
            assert_eq!(subject.to_slot().as_ref(), Some(&text));
            let stored = Slots::with_new_salts([(slot::SUBJECT, Some(text))]).unwrap();
            assert!(matches!(StoredSubject::default().get_or_parse(&stored), ParsedSubject::Known(again) if *again == subject));
        }
        assert_eq!(Subject::default().to_slot(), None);
    }
}
