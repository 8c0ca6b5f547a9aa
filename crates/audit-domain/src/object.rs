//! The object of an event.

use crate::error::Fault;
use crate::json::{JsonKind, JsonString, JsonText};

/// The id of an object, stored as text for every application. It is unique only together with its
/// content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectId(JsonText);

impl ObjectId {
    pub(crate) fn from_json(json: &JsonText) -> Result<ObjectId, Fault> {
        if json.is_integer() {
            return Ok(ObjectId(JsonText::from_trusted(format!("\"{json}\""))));
        }
        ObjectId::from_subject(json.clone())
    }

    /// Reads the JSON string of the subject slot.
    pub(crate) fn from_subject(json: JsonText) -> Result<ObjectId, Fault> {
        match json.kind() {
            JsonKind::String => Ok(ObjectId(json)),
            other => Err(Fault::NotAnObjectId(other)),
        }
    }

    /// The id as a JSON string, spelled as received.
    #[must_use]
    pub fn json(&self) -> &JsonText {
        &self.0
    }

    /// The characters of the id.
    #[must_use]
    pub fn text(&self) -> Option<JsonString> {
        self.0.decoded()
    }

    /// The number, if the id is a canonical integer; see [`canonical_integer`].
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.text().as_ref().and_then(JsonString::as_str).and_then(canonical_integer)
    }

    /// The id as the native API shows it: an integer if the id is a canonical decimal that was
    /// spelled without escapes, otherwise the string. Parsing either form gives the same slot
    /// bytes.
    #[must_use]
    pub fn shown(&self) -> &str {
        let bare = self.0.as_str().trim_matches('"');
        if canonical_integer(bare).is_some() { bare } else { self.0.as_str() }
    }
}

impl From<i64> for ObjectId {
    fn from(id: i64) -> Self {
        ObjectId(JsonText::from_trusted(format!("\"{id}\"")))
    }
}

impl From<&str> for ObjectId {
    fn from(id: &str) -> Self {
        ObjectId(JsonText::string(id))
    }
}

/// Parses an integer in its only canonical form: no sign except a minus, no leading zero, within 64
/// bits. So `object_id = 7` means one text, and `007` and `+7` are not shown as numbers.
#[must_use]
pub fn canonical_integer(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_decimals_are_numbers() {
        for (text, number) in
            [("0", Some(0)), ("-5", Some(-5)), ("9223372036854775807", Some(i64::MAX)), ("007", None), ("+5", None)]
        {
            assert_eq!(ObjectId::from(text).number(), number, "{text}");
        }
        for text in ["-0", "1.0", "", " 1", "9223372036854775808", "abc"] {
            assert_eq!(ObjectId::from(text).number(), None, "{text}");
        }
    }

    #[test]
    fn shows_an_integer_only_if_it_parses_to_the_same_bytes() {
        assert_eq!(ObjectId::from(859).shown(), "859");
        let escaped = ObjectId::from_json(&JsonText::parse("\"\\u0038\"").unwrap()).unwrap();
        assert_eq!((escaped.shown(), escaped.number()), ("\"\\u0038\"", Some(8)));
    }
}
