//! Cuts the fields of a log record that is too large to be stored. Python's handler does not look
//! at the answer, so a refusal would lose the whole record; a cut loses only a part.

use crate::params::Params;

/// The bytes of an action log in addition to its fields: brackets, names of members, and a level.
const OVERHEAD_BYTES: usize = 4 * 1024;

/// The least bytes that a cut leaves of a field: its marker, and a part of the field.
const FIELD_BYTES_MIN: usize = 256;

/// Cuts the longest fields of a record, each to the same size, until the record takes at most
/// `bytes_max` as JSON. It leaves the record unchanged if the record is not larger, or if its names
/// alone are larger.
///
/// A cut field ends in ` … [cut from 2000000 characters]`.
pub(super) fn fit(record: Params, bytes_max: usize) -> Params {
    let has_arguments = record.last("args").is_some_and(|args| !args.is_empty() && args != "()");
    // The log stores a template with arguments twice: it keeps the template beside the message that
    // is made from it.
    let copies = |name: &str| if name == "msg" && has_arguments { 2 } else { 1 };
    let sizes: Vec<(usize, usize)> = record.iter().map(|(name, value)| (json_bytes(value), copies(name))).collect();
    let names: usize = record.iter().map(|(name, _)| json_bytes(name) + 2).sum();
    let room = bytes_max.saturating_sub(names + OVERHEAD_BYTES);
    match cap(sizes, room).filter(|cap| *cap >= FIELD_BYTES_MIN) {
        Some(cap) => record.map_values(|value| if json_bytes(&value) > cap { cut(&value, cap) } else { value }),
        None => record,
    }
}

/// Returns the largest size of a field with which all fields fit, or `None` if they already fit.
fn cap(mut sizes: Vec<(usize, usize)>, room: usize) -> Option<usize> {
    if sizes.iter().map(|(bytes, copies)| bytes * copies).sum::<usize>() <= room {
        return None;
    }
    sizes.sort_unstable();
    let (mut room, mut copies_left) = (room, sizes.iter().map(|(_, copies)| copies).sum::<usize>());
    for (bytes, copies) in sizes {
        let share = room / copies_left.max(1);
        if bytes > share {
            return Some(share);
        }
        room -= bytes * copies;
        copies_left -= copies;
    }
    None
}

fn cut(value: &str, bytes_max: usize) -> String {
    let marker = format!(" … [cut from {} characters]", value.chars().count());
    let (mut left, mut end) = (bytes_max.saturating_sub(json_bytes(&marker)), 0);
    for c in value.chars() {
        let Some(rest) = left.checked_sub(char_bytes(c)) else { break };
        left = rest;
        end += c.len_utf8();
    }
    format!("{}{marker}", &value[..end])
}

/// Returns the bytes of a text as JSON, including its quotes.
fn json_bytes(text: &str) -> usize {
    text.chars().map(char_bytes).sum::<usize>() + 2
}

/// Returns the bytes of a character in a JSON string, as `JsonText::string` writes it.
fn char_bytes(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use audit_store::domain::JsonText;

    use super::*;

    const MAX: usize = 100_000;

    fn params(fields: &[(&str, &str)]) -> Params {
        let mut params = Params::default();
        for (name, value) in fields {
            params.push(name, value);
        }
        params
    }

    #[test]
    fn sizes_are_those_of_the_json_that_is_written() {
        for text in ["", "a", "\"\\\n\r\t\u{8}\u{c}\u{1}\0\u{1f}\u{7f}", "é€🐎\u{2028}", "/"] {
            assert_eq!(json_bytes(text), JsonText::string(text).as_str().len(), "{text:?}");
        }
    }

    #[test]
    fn the_longest_fields_of_a_large_record_are_cut() {
        let small = params(&[("msg", "m"), ("name", "n")]);
        assert_eq!(fit(small.clone(), MAX), small);
        let (long, other) = ("x".repeat(200_000), "y".repeat(20_000));
        let fitted = fit(params(&[("msg", &long), ("exc_text", &other), ("name", "n")]), MAX);
        let msg = fitted.last("msg").unwrap();
        assert!(msg.starts_with("xxx") && msg.ends_with(" … [cut from 200000 characters]"), "{msg:.20}");
        assert_eq!((fitted.last("exc_text"), fitted.last("name")), (Some(other.as_str()), Some("n")));
        assert!(msg.len() > 70_000 && msg.len() + other.len() < MAX, "{}", msg.len());
        let both = fit(params(&[("msg", &long), ("exc_text", &long)]), MAX);
        assert_eq!(both.last("msg"), both.last("exc_text"));
        let twice = fit(params(&[("msg", &long), ("args", "(1,)")]), MAX);
        assert!(twice.last("msg").unwrap().len() < MAX / 2);
    }

    #[test]
    fn escaped_characters_are_counted_whole_and_never_split() {
        for text in ["\u{1}".repeat(100_000), "🐎".repeat(100_000), "\"é\n".repeat(100_000)] {
            let fitted = fit(params(&[("msg", &text)]), MAX);
            let cut = fitted.last("msg").unwrap();
            assert!((MAX - 2 * OVERHEAD_BYTES..MAX).contains(&json_bytes(cut)), "{}", json_bytes(cut));
        }
        let names = params(&[("n".repeat(MAX).as_str(), "v"), ("msg", "m")]);
        assert_eq!(fit(names.clone(), MAX), names, "names are not cut: that would be another field");
    }
}
