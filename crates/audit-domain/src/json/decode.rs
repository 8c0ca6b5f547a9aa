//! The characters of a JSON string, and the key that a database can index for them.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use sha2::{Digest, Sha256};

use crate::limits::{INDEX_KEY_CHARS_MAX, INDEX_KEY_PREFIX_CHARS};

/// A decoded JSON string. JSON allows lone surrogates (`"\ud800"`), which UTF-8 does not allow. So
/// the bytes are WTF-8: UTF-8 plus surrogates, each encoded as three bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JsonString(Vec<u8>);

/// Shows the text of [`JsonString::to_text`].
impl fmt::Display for JsonString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_text())
    }
}

/// Shows the same text in quotes.
impl fmt::Debug for JsonString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_text(), f)
    }
}

impl JsonString {
    /// Decodes a well-formed JSON value. Returns `None` for a value that is not a string.
    #[must_use]
    pub fn decode(json: &str) -> Option<JsonString> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_bytes<E: Error>(self, v: &[u8]) -> Result<Vec<u8>, E> {
                Ok(v.to_vec())
            }
        }
        if !json.starts_with('"') {
            return None;
        }
        serde_json::Deserializer::from_str(json).deserialize_bytes(Bytes).ok().map(JsonString)
    }

    /// The bytes: UTF-8, except for lone surrogates.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text; `None` if it has a lone surrogate.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The text, with U+FFFD in place of lone surrogates.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// The number of characters; a lone surrogate counts as one.
    #[must_use]
    pub fn chars_len(&self) -> usize {
        // In WTF-8 as in UTF-8, every byte except a continuation byte starts a character.
        self.0.iter().filter(|byte| (**byte & 0xC0) != 0x80).count()
    }

    /// Computes the [`index_key`] of this text.
    #[must_use]
    pub fn index_key(&self) -> String {
        index_key(&self.0)
    }
}

impl From<&str> for JsonString {
    fn from(text: &str) -> Self {
        JsonString(text.as_bytes().to_vec())
    }
}

/// Computes the form of a text that goes into a filter column. If every database can store and
/// index the text, it is the text itself. Otherwise (over 255 characters, or with U+0000, U+0001 or
/// a lone surrogate) it is its first characters, U+0001 and the SHA-256 of the whole text. Filters
/// apply the same function, so equality stays exact. Answers show the text of the slot.
#[must_use]
pub fn index_key(text: &[u8]) -> String {
    let valid = match std::str::from_utf8(text) {
        Ok(valid) => valid,
        Err(error) => std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or(""),
    };
    let plain = valid.split(['\u{0}', '\u{1}']).next().unwrap_or("");
    if plain.len() == text.len() && (text.len() <= INDEX_KEY_CHARS_MAX || plain.chars().count() <= INDEX_KEY_CHARS_MAX) {
        return plain.to_owned();
    }
    let mut key: String = plain.chars().take(INDEX_KEY_PREFIX_CHARS).collect();
    key.push('\u{1}');
    key.push_str(&hex::encode(Sha256::digest(text)));
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(json: &str) -> JsonString {
        JsonString::decode(json).unwrap()
    }

    #[test]
    fn decodes_escapes_and_keeps_lone_surrogates() {
        assert_eq!(decoded(r#""caf\u00e9\/\u0000""#).as_str(), Some("café/\0"));
        assert_eq!(decoded(r#""\ud83d\ude00""#).as_str(), Some("😀"));
        assert_eq!(decoded(r#""a\ud800""#).as_bytes(), b"a\xed\xa0\x80");
        assert_eq!(decoded(r#""a\ud800""#).chars_len(), 2);
        let (shown, debugged) = (decoded(r#""a\ud800""#).to_string(), format!("{:?}", decoded(r#""\"a""#)));
        assert_eq!((shown.starts_with('a'), shown.contains('\u{fffd}'), debugged.as_str()), (true, true, r#""\"a""#));
        assert_eq!(JsonString::decode("12"), None);
    }

    #[test]
    fn a_key_is_the_text_or_a_digest_if_the_text_does_not_fit() {
        assert_eq!(index_key(b"orders"), "orders");
        let exact = "é".repeat(255);
        assert_eq!(index_key(exact.as_bytes()), exact);
        for odd in ["é".repeat(256).as_bytes(), b"a\0b", b"a\x01b", b"a\xed\xa0\x80b", b"\xed\xa0\x80"] {
            let key = index_key(odd);
            let (prefix, digest) = key.split_once('\u{1}').unwrap();
            assert_eq!(digest, hex::encode(Sha256::digest(odd)));
            assert!(odd.starts_with(prefix.as_bytes()) && key.chars().count() <= INDEX_KEY_CHARS_MAX);
        }
        assert_ne!(index_key(b"a\0b"), index_key(b"a\0c"));
    }
}
