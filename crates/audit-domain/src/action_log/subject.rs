//! Slot 0 of an action log: its level and where it comes from, as one compact JSON object.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{JsonText, ObjectWriter};

/// Level, logger, application and correlation id. The slot leaves out absent members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionLogSubject {
    /// Python's levels.
    pub level: i64,
    /// The name of the logger, a JSON string.
    pub logger_name: Option<JsonText>,
    /// The name of the application, a JSON string.
    pub app_name: Option<JsonText>,
    /// The id of the request, the transaction or the trace, a JSON string.
    pub correlation_id: Option<JsonText>,
}

impl ActionLogSubject {
    /// Writes the slot: keys in a fixed order, no blanks, strings spelled as received.
    #[must_use]
    pub fn to_slot(&self) -> JsonText {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        if let Some(app_name) = &self.app_name {
            object.text("app_name", Some(app_name));
        }
        if let Some(correlation_id) = &self.correlation_id {
            object.text("correlation_id", Some(correlation_id));
        }
        object.integer("level", Some(self.level));
        if let Some(logger_name) = &self.logger_name {
            object.text("logger_name", Some(logger_name));
        }
        object.end();
        JsonText::from_trusted(out)
    }

    /// Reads a slot that [`ActionLogSubject::to_slot`] wrote. Returns `None` for any other text.
    #[must_use]
    pub fn from_slot(slot: &JsonText) -> Option<ActionLogSubject> {
        #[derive(Deserialize)]
        struct Raw<'a> {
            #[serde(borrow)]
            app_name: Option<&'a RawValue>,
            #[serde(borrow)]
            correlation_id: Option<&'a RawValue>,
            level: i64,
            #[serde(borrow)]
            logger_name: Option<&'a RawValue>,
        }
        let raw: Raw<'_> = serde_json::from_str(slot.as_str()).ok()?;
        let text = |raw: &RawValue| JsonText::from_trusted(raw.get());
        Some(ActionLogSubject {
            level: raw.level,
            logger_name: raw.logger_name.map(text),
            app_name: raw.app_name.map(text),
            correlation_id: raw.correlation_id.map(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_reads_back() {
        for text in [
            r#"{"level":0}"#,
            r#"{"correlation_id":"","level":1}"#,
            r#"{"app_name":"caf\u00e9","level":20,"logger_name":"\ud800"}"#,
        ] {
            let slot = JsonText::parse(text).unwrap();
            assert_eq!(ActionLogSubject::from_slot(&slot).unwrap().to_slot(), slot);
        }
    }
}
