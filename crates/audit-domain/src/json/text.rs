//! One JSON value, as the bytes that the client sent.

use serde::Serialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::JsonString;
use crate::limits::{MEMBERS_MAX, NESTING_MAX};

/// The reason why a text cannot be used as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is not JSON. Line and column count from 1; `offset` is in bytes from 0.
    #[error("{message}: line {line} column {column} (char {offset})")]
    Syntax {
        /// The fault, without its place.
        message: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// Byte offset, from 0.
        offset: usize,
    },
    /// A second value follows on another line: the text is NDJSON.
    #[error("a second JSON value follows: line {line} column {column} (char {offset})")]
    SecondValue {
        /// Line of the second value, from 1.
        line: usize,
        /// Its column, from 1.
        column: usize,
        /// Its byte offset, from 0.
        offset: usize,
    },
    /// More than [`NESTING_MAX`] arrays and objects are open at the same place.
    #[error("nested more than {NESTING_MAX} levels deep")]
    TooDeep,
    /// The text starts with U+FEFF, which is not a blank in JSON.
    #[error("starts with a byte order mark (U+FEFF): send UTF-8 without it")]
    ByteOrderMark,
    /// The record has more than [`MEMBERS_MAX`] members.
    #[error("has more than {MEMBERS_MAX} members")]
    TooManyMembers,
    /// The text is JSON, but not an object.
    #[error("expected a JSON object, got {0}")]
    NotAnObject(JsonKind),
}

impl JsonError {
    pub(super) fn syntax(text: &str, error: &serde_json::Error) -> Self {
        if text.starts_with(BYTE_ORDER_MARK) {
            return JsonError::ByteOrderMark;
        }
        let full = error.to_string();
        let message = full.split(" at line ").next().unwrap_or(&full).to_owned();
        let (line, column) = (error.line().max(1), error.column().max(1));
        let before: usize = text.split('\n').take(line - 1).map(|l| l.len() + 1).sum();
        let offset = before + column - 1;
        if message == "trailing characters" && has_second_value(text, offset) {
            return JsonError::SecondValue { line, column, offset };
        }
        // The parser points to one of the three bytes of the mark.
        let is_mark = |at: usize| text.get(at..).is_some_and(|rest| rest.starts_with(BYTE_ORDER_MARK));
        let message = match (offset.saturating_sub(2)..=offset).any(is_mark) {
            true => "unexpected byte order mark (U+FEFF)".to_owned(),
            false => message,
        };
        JsonError::Syntax { message, line, column, offset }
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Whether a whole JSON value begins at an offset, after the end of a line.
fn has_second_value(text: &str, offset: usize) -> bool {
    let Some((before, rest)) = text.split_at_checked(offset) else { return false };
    let blanks = &before[before.trim_end_matches([' ', '\t', '\r', '\n']).len()..];
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
    blanks.contains('\n') && values.next().is_some_and(|value| value.is_ok())
}

/// The reason why a value of a program cannot be encoded as JSON: a map has keys that are not
/// strings, the `Serialize` of a type failed, or more than [`NESTING_MAX`] arrays and objects are
/// nested.
#[derive(Debug, thiserror::Error)]
#[error("the value cannot be encoded as JSON: {0}")]
pub struct EncodeError(#[source] pub(crate) serde_json::Error);

/// The type of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// Any number.
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

impl JsonKind {
    /// The type of a well-formed value without blanks before it, which follows from its first byte.
    #[must_use]
    pub fn from_text(text: &str) -> JsonKind {
        match text.as_bytes().first() {
            Some(b'{') => JsonKind::Object,
            Some(b'[') => JsonKind::Array,
            Some(b'"') => JsonKind::String,
            Some(b't' | b'f') => JsonKind::Bool,
            Some(b'n') => JsonKind::Null,
            _ => JsonKind::Number,
        }
    }
}

impl std::fmt::Display for JsonKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            JsonKind::Object => "an object",
            JsonKind::Array => "an array",
            JsonKind::String => "a string",
            JsonKind::Number => "a number",
            JsonKind::Bool => "a boolean",
            JsonKind::Null => "null",
        })
    }
}

/// One well-formed JSON value, byte for byte as received, without blanks around it.
///
/// Values compare by their bytes: `1.0` and `1` differ, as they do in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JsonText(Box<str>);

impl JsonText {
    /// Checks a text and keeps it, without the blanks around it.
    ///
    /// # Errors
    ///
    /// [`JsonError`]: the text is not JSON or is nested too deeply.
    pub fn parse(text: &str) -> Result<JsonText, JsonError> {
        check_nesting(text, NESTING_MAX)?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|e| JsonError::syntax(text, &e))?;
        Ok(JsonText(raw.get().into()))
    }

    /// Encodes a value once, as compact JSON with non-ASCII characters as UTF-8.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]: a map has keys that are not strings, a `Serialize` failed, or there are too
    /// many levels.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<JsonText, EncodeError> {
        let text = serde_json::to_string(value).map_err(EncodeError)?;
        check_nesting(&text, NESTING_MAX).map_err(|error| EncodeError(serde::ser::Error::custom(error)))?;
        Ok(JsonText(text.into()))
    }

    /// A string, encoded as compact JSON.
    #[must_use]
    pub fn string(text: &str) -> JsonText {
        let mut out = String::with_capacity(text.len() + 2);
        super::writer::push_string(&mut out, text);
        JsonText(out.into())
    }

    /// Takes a text that is known to be well-formed: a value from a parsed document, or a stored
    /// slot.
    #[must_use]
    pub fn from_trusted(text: impl Into<Box<str>>) -> JsonText {
        JsonText(text.into())
    }

    /// Splits an array into its elements, each as received. The result has at most `max + 1`
    /// elements; `max + 1` means that there are too many. Sixteen million numbers fit into one
    /// request, and slices of all of them would take hundreds of megabytes.
    ///
    /// # Errors
    ///
    /// [`JsonError`]: the text is not a JSON array or is nested too deeply.
    pub fn elements(array: &str, max: usize) -> Result<Vec<&str>, JsonError> {
        // The array around events does not count as one of their levels.
        check_nesting(array, NESTING_MAX + 1)?;
        let mut parser = serde_json::Deserializer::from_str(array);
        let elements = parser.deserialize_seq(Elements { max }).and_then(|elements| parser.end().map(|()| elements));
        elements.map_err(|error| JsonError::syntax(array, &error))
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The type of the value.
    #[must_use]
    pub fn kind(&self) -> JsonKind {
        JsonKind::from_text(&self.0)
    }

    /// The characters of a JSON string; `None` for any other type.
    #[must_use]
    pub fn decoded(&self) -> Option<JsonString> {
        JsonString::decode(&self.0)
    }

    /// Whether this is a number in the form of an integer (`-5`, not `5.0` or `5e0`).
    #[must_use]
    pub fn is_integer(&self) -> bool {
        is_integer(&self.0)
    }
}

/// Whether a well-formed value is a number in the form of an integer.
#[must_use]
pub fn is_integer(json: &str) -> bool {
    let digits = json.strip_prefix('-').unwrap_or(json);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

impl std::fmt::Display for JsonText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

struct Elements {
    max: usize,
}

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while elements.len() <= self.max
            && let Some(raw) = seq.next_element::<&'de RawValue>()?
        {
            elements.push(raw.get());
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(elements)
    }
}

/// Counts open brackets outside strings. `RawValue` itself has no limit, so this check runs before
/// any parse. It also lets clients with recursive parsers read the stored value.
pub(super) fn check_nesting(text: &str, levels: usize) -> Result<(), JsonError> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > levels {
                    return Err(JsonError::TooDeep);
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_bytes_and_drops_the_blanks_around_them() {
        let text = JsonText::parse(" {\"a\" : 1e400, \"a\":-0}\n").unwrap();
        assert_eq!(text.as_str(), "{\"a\" : 1e400, \"a\":-0}");
    }

    #[test]
    fn nesting_is_limited_and_brackets_in_strings_do_not_count() {
        let at_limit = format!("{}{}", "[".repeat(NESTING_MAX), "]".repeat(NESTING_MAX));
        assert!(JsonText::parse(&at_limit).is_ok());
        let beyond = format!("[{at_limit}]");
        assert_eq!(JsonText::parse(&beyond), Err(JsonError::TooDeep));
        assert_eq!(JsonText::parse(&"[".repeat(100_000)), Err(JsonError::TooDeep));
        assert!(JsonText::parse(&format!("\"\\\"{}\"", "[".repeat(100_000))).is_ok());
    }

    #[test]
    fn cuts_an_array_and_stops_counting_behind_the_limit() {
        assert_eq!(JsonText::elements(" [ 1.0 , {\"a\" : 1},[]] ", 3), Ok(vec!["1.0", "{\"a\" : 1}", "[]"]));
        assert_eq!(JsonText::elements("[1,2,3,4,5]", 2), Ok(vec!["1", "2", "3"]));
        assert_eq!(JsonText::elements("[]", 0), Ok(vec![]));
        for bad in ["", "{}", "[1,]", "[1] x", "[1,2,3,4,x]", "[1,2,3,4"] {
            assert!(matches!(JsonText::elements(bad, 1), Err(JsonError::Syntax { .. })), "{bad:?}");
        }
    }

    #[test]
    fn names_the_place_of_a_syntax_error() {
        let Err(JsonError::Syntax { line, column, offset, .. }) = JsonText::parse("{\"a\":1,\n x}") else { panic!("not refused") };
        assert_eq!((line, column, offset), (2, 2, 9));
        for bad in ["", "NaN", "{'a':1}", "{\"a\":1} x", "{\"a\":1,}", "\"\n\"", "01", "[1,]", "\"\\u12\""] {
            assert!(matches!(JsonText::parse(bad), Err(JsonError::Syntax { .. })), "{bad:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_named() {
        assert_eq!(JsonText::parse("\u{feff}{}"), Err(JsonError::ByteOrderMark));
        assert_eq!(JsonText::elements("\u{feff}[]", 1), Err(JsonError::ByteOrderMark));
        assert!(JsonText::parse("\"\u{feff}\"").is_ok());
        for text in ["{\"a\":\u{feff}1}", "{\u{feff}}", "{}\u{feff}", "{}\n\u{feff}{}", "[1,\u{feff}2]"] {
            let said = JsonText::parse(text).unwrap_err().to_string();
            assert!(said.starts_with("unexpected byte order mark (U+FEFF): line "), "{text}: {said}");
        }
        assert!(!JsonText::parse("[1,é]").unwrap_err().to_string().contains("mark"));
    }

    #[test]
    fn a_second_value_is_named_if_it_has_a_line_of_its_own() {
        for (text, at) in [("{}\n{}", (2, 1, 3)), ("[1]\r\n\n  2 \n", (3, 3, 8)), ("{\"a\":\n1}\n{\"b\":2}\n{\"c", (3, 1, 9))] {
            let (line, column, offset) = at;
            assert_eq!(JsonText::parse(text), Err(JsonError::SecondValue { line, column, offset }), "{text:?}");
        }
        assert_eq!(JsonText::elements("[]\n[]", 1), Err(JsonError::SecondValue { line: 2, column: 1, offset: 3 }));
        for other in ["{}{}", "{} {}", "{}\nx", "{}\n{\"a\":", "{}\n}", "{} x\n{}"] {
            assert!(matches!(JsonText::parse(other), Err(JsonError::Syntax { .. })), "{other:?}");
        }
    }
}
