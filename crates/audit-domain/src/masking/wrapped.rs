//! Strings that stand inside something: `Some("…")`, `SecretStr('…')`, `N'…'`, `[]string{"…"}`.

use super::name::is_word;
use super::value::{Range, bare, byte, closed};

/// Types and functions whose argument is the value itself, in lower case.
const WRAPPERS: [&[u8]; 20] = [
    b"some",
    b"ok",
    b"just",
    b"optional",
    b"secret",
    b"secretstr",
    b"secretstring",
    b"secretbytes",
    b"uuid",
    b"objectid",
    b"password",
    b"md5",
    b"sha1",
    b"sha256",
    b"crypt",
    b"bytearray",
    b"bytes",
    b"str",
    b"string",
    b"text",
];

/// Bytes before the quote of such a string.
const PREFIX_BYTES_MAX: usize = 64;

/// The values inside of what starts at an offset, or `None` if nothing known is there.
pub(super) fn values(text: &[u8], at: usize) -> Option<Vec<Range>> {
    let is_prefix = |byte: &&u8| is_word(**byte) || b"_.:$@(){}".contains(byte);
    let slice = if text[at.min(text.len())..].starts_with(b"[]") { 2 } else { 0 };
    let rest = &text[text.len().min(at + slice)..];
    let length = slice + rest.iter().take(PREFIX_BYTES_MAX).take_while(is_prefix).count();
    let prefix = &text[at..at + length];
    let end = at + length;
    let is_at_quote = b"'\"".contains(&byte(text, end)) || (byte(text, end) == b'\\' && b"'\"".contains(&byte(text, end + 1)));
    match prefix.iter().rposition(|byte| b"({".contains(byte)) {
        // `Some("…")`: a string follows the last bracket.
        Some(open) if is_at_quote && open + 1 == length && is_wrapper(&prefix[..open]) => strings(text, end),
        // `Some(…)`: one word in the brackets.
        Some(open) if is_wrapper(&prefix[..open]) && !prefix[..open].is_empty() => {
            let (from, to) = (at + open + 1, bare(text, at + open + 1).1);
            (from < to && byte(text, to) == b')').then(|| vec![(from, to)])
        }
        None if is_at_quote && is_string_prefix(prefix) => strings(text, end).map(|mut all| all.drain(..1).collect()),
        _ => None,
    }
}

/// Whether what is before a bracket only holds the value: a known type or function, also as the last
/// of several, or a slice of Go (`[]string`).
fn is_wrapper(prefix: &[u8]) -> bool {
    let last = prefix.rsplit(|byte| !(is_word(*byte) || *byte == b'_')).next().unwrap_or_default();
    let is_slice = prefix.starts_with(b"[]") && last == &prefix[2..];
    is_slice || WRAPPERS.iter().any(|known| known.eq_ignore_ascii_case(last))
}

/// Whether letters before a quote belong to the string: `N'…'`, `rb"…"`, `_utf8'…'`, `$'…'`, `@"…"`.
fn is_string_prefix(prefix: &[u8]) -> bool {
    match prefix {
        [b'$' | b'@'] => true,
        [b'_', charset @ ..] => !charset.is_empty() && charset.iter().all(u8::is_ascii_alphanumeric),
        letters => (1..=2).contains(&letters.len()) && letters.iter().all(|byte| b"nexbulrf".contains(&byte.to_ascii_lowercase())),
    }
}

/// The strings from an offset on, with commas between them.
fn strings(text: &[u8], at: usize) -> Option<Vec<Range>> {
    let (mut found, mut at) = (Vec::new(), at);
    while let Some((from, to)) = closed(text, at) {
        found.push((from, to));
        let quote = to + text[to..].iter().take_while(|byte| **byte == b'\\').count();
        let next = quote + 1;
        let blanks = |at: usize| text[at.min(text.len())..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let comma = next + blanks(next);
        if byte(text, comma) != b',' {
            break;
        }
        at = comma + 1 + blanks(comma + 1);
    }
    (!found.is_empty()).then_some(found)
}
