//! Whether a text has another text in it: JSON, or one with percent escapes.

use crate::json::JsonText;

/// Whether a text is a JSON object or array.
pub(super) fn is_json(text: &[u8]) -> bool {
    let bare = text.trim_ascii();
    let has_brackets = matches!((bare.first(), bare.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')));
    has_brackets && std::str::from_utf8(text).is_ok_and(|text| JsonText::parse(text).is_ok())
}

/// Whether a text has the escape of an ASCII character other than a blank.
pub(super) fn has_percent_escape(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text).any(|at| {
        text.get(at + 1..at + 3)
            .is_some_and(|code| (b'2'..=b'7').contains(&code[0]) && code[1].is_ascii_hexdigit() && code != b"20")
    })
}

/// The end of the string that starts at an offset, after its closing quote.
pub(super) fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(next) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += next;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}
