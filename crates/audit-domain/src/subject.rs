//! Slot 0 of an event: what was done to what, as one compact JSON object.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::action::Action;
use crate::json::{JsonText, ObjectWriter};
use crate::object::ObjectId;

/// Action, object type and object. Absent members are left out of the slot; with none there is no slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// What was done.
    pub action: Option<Action>,
    /// The numeric object type.
    pub content_type: Option<i64>,
    /// The object.
    pub object_id: Option<ObjectId>,
    /// The named object type, a JSON string.
    pub table_name: Option<JsonText>,
}

impl Subject {
    /// The slot: keys in a fixed order, no blanks, strings spelled as received.
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
        if let Some(object_id) = &self.object_id {
            object.text("object_id", Some(object_id.json()));
        }
        if let Some(table_name) = &self.table_name {
            object.text("table_name", Some(table_name));
        }
        object.end();
        Some(JsonText::from_trusted(out))
    }

    /// Reads a slot that [`Subject::to_slot`] wrote; `None` when it is not one.
    #[must_use]
    pub fn from_slot(slot: &JsonText) -> Option<Subject> {
        #[derive(Deserialize)]
        struct Raw<'a> {
            #[serde(borrow)]
            action: Option<&'a RawValue>,
            content_type: Option<i64>,
            #[serde(borrow)]
            object_id: Option<&'a RawValue>,
            #[serde(borrow)]
            table_name: Option<&'a RawValue>,
        }
        let raw: Raw<'_> = serde_json::from_str(slot.as_str()).ok()?;
        let text = |raw: &RawValue| JsonText::from_trusted(raw.get());
        Some(Subject {
            action: raw.action.map(text).map(Action::from_json).transpose().ok()?,
            content_type: raw.content_type,
            object_id: raw.object_id.map(text).map(ObjectId::from_subject).transpose().ok()?,
            table_name: raw.table_name.map(text),
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
        ] {
            let slot = JsonText::parse(text).unwrap();
            assert_eq!(Subject::from_slot(&slot).unwrap().to_slot(), Some(slot));
        }
        assert_eq!(Subject::default().to_slot(), None);
    }
}
