//! Names and values that are members of one object or elements of one array: a header as
//! `{"name": "Cookie", "value": …}` or `["Cookie", …]`, a change as `{"field": …, "old": …, "new": …}`.

use super::dictionary::Secret;
use super::layers::end_of_string;
use super::name::Name;
use super::value::Range;

/// What an object or an array has of a pair so far.
#[derive(Debug, Default)]
pub(super) struct Pair {
    /// The name, if it is that of a secret: its range, and what it names.
    pub(super) name: Option<(Range, Secret)>,
    /// The key of each value, and the value: a string with its quotes, a number, or an array of these.
    pub(super) values: Vec<(Option<Range>, Range)>,
}

/// What a value is in a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Name,
    Value,
    Other,
}

impl Role {
    /// The role of an element of an array.
    pub(super) fn of_element(index: usize) -> Role {
        match index {
            0 => Role::Name,
            1 => Role::Value,
            _ => Role::Other,
        }
    }

    /// The role of a member with a key.
    pub(super) fn of_member(key: &[u8]) -> Role {
        const NAMES: [&[u8]; 4] = [b"name", b"key", b"header", b"field"];
        const KEY_BYTES_MAX: usize = 20;
        const VALUES: [&[u8]; 13] = [
            b"value",
            b"values",
            b"val",
            b"old",
            b"new",
            b"from",
            b"to",
            b"before",
            b"after",
            b"previous",
            b"prev",
            b"current",
            b"original",
        ];
        if NAMES.iter().any(|name| name.eq_ignore_ascii_case(key)) {
            return Role::Name;
        }
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Role::Other;
        }
        let name = Name::new(key);
        let is_value = name.words() > 0 && (0..name.words()).all(|at| VALUES.contains(&name.word(at)));
        if is_value { Role::Value } else { Role::Other }
    }
}

/// The strings and other values of an array without brackets in it, each with its index.
pub(super) fn elements(text: &[u8], (from, to): Range) -> Vec<(usize, Range)> {
    let (mut elements, mut at) = (Vec::new(), from + 1);
    while at + 1 < to {
        let end = match text[at] {
            b'"' => end_of_string(text, at),
            b',' | b' ' | b'\n' | b'\r' | b'\t' => {
                at += 1;
                continue;
            }
            _ => at + text[at..to].iter().position(|byte| b",] \n\r\t".contains(byte)).unwrap_or(to - at),
        };
        elements.push((elements.len(), (at, end)));
        at = end;
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_both_sides_of_a_change_are_values() {
        for key in ["value", "Values", "old", "new_value", "oldValue", "from", "to", "before"] {
            assert_eq!(Role::of_member(key.as_bytes()), Role::Value, "{key}");
        }
        for key in ["", "-", "type", "old_type", "changed", "valuesOfAnyOtherMember"] {
            assert_eq!(Role::of_member(key.as_bytes()), Role::Other, "{key}");
        }
        assert_eq!(Role::of_member(b"Name"), Role::Name);
    }

    #[test]
    fn elements_are_read_with_their_indexes() {
        let text = br#"[ "a,]" ,12, null]"#;
        let read: Vec<_> = elements(text, (0, text.len())).into_iter().map(|(at, (from, to))| (at, &text[from..to])).collect();
        assert_eq!(read, [(0, &br#""a,]""#[..]), (1, b"12"), (2, b"null")]);
        assert_eq!(elements(b"[]", (0, 2)), []);
    }
}
