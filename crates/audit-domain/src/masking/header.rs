//! The values of headers, which have blanks, quotes and several parts.

use super::dictionary::{Noun, Secret};
use super::shape::is_escape;
use super::value::{Range, bare, byte, quoted};
use super::words::{WORD_BYTES_MAX, is_of_a_sentence, looks_secret};

/// The words before a credential, and whether parameters follow rather than one text.
const SCHEMES: [(&[u8], bool); 12] = [
    (b"basic ", false),
    (b"bearer ", false),
    (b"token ", false),
    (b"digest ", true),
    (b"negotiate ", false),
    (b"ntlm ", false),
    (b"apikey ", false),
    (b"api-key ", false),
    (b"oauth ", true),
    (b"hawk ", true),
    (b"dpop ", false),
    (b"aws4-", true),
];

/// The scheme that a value starts with: its length, and whether parameters follow.
fn scheme(value: &[u8]) -> Option<(usize, bool)> {
    let starts = |scheme: &[u8]| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    SCHEMES.iter().find(|(scheme, _)| starts(scheme)).map(|(scheme, has_parameters)| (scheme.len(), *has_parameters))
}

/// Whether a name is that of a header on a line of its own: `X-Api-Key: …`.
pub(super) fn is_header(text: &[u8], (start, end): Range, secret: Secret) -> bool {
    let is_name = secret.noun == Noun::Header || (text[start] != b'-' && text[start..end].contains(&b'-'));
    is_name && (start == 0 || b"\r\n\"'`".contains(&text[start - 1]) || is_escape(text, start))
}

/// The value of a header after its colon, up to the end of the line. In the middle of a line it has
/// to look like one, because a sentence may be about a header.
pub(super) fn line(text: &[u8], from: usize, secret: Secret, is_own_line: bool) -> Option<Range> {
    if let Some(quoted) = quoted(text, from) {
        return Some(quoted);
    }
    let rest = &text[from..];
    let is_end = |byte: &u8| b" \t\r\n\"'\\<".contains(byte);
    let length = rest.iter().take(WORD_BYTES_MAX).position(is_end).unwrap_or(rest.len().min(WORD_BYTES_MAX));
    let word = &rest[..length];
    let is_alone = rest.get(length).is_none_or(|next| *next != b' ')
        && (looks_secret(secret, word) || (is_own_line && !is_of_a_sentence(word)));
    let has_parts = secret.noun == Noun::Header && word.contains(&b'=');
    let has_scheme = scheme(rest).is_some();
    (has_scheme || is_alone || has_parts).then(|| (from, from + line_end(rest)))
}

/// The end of a line of a header. A quote ends it, unless it is around the value of a parameter.
fn line_end(line: &[u8]) -> usize {
    let mut at = 0;
    while let Some(next) = line.get(at..).and_then(|rest| rest.iter().position(|byte| b"\r\n\"'\\<=".contains(byte))) {
        at += next;
        if line[at] != b'=' {
            return line[..at].trim_ascii_end().len();
        }
        at += 1;
        let escapes = line[at..].iter().take_while(|byte| **byte == b'\\').count();
        if !b"\"'".contains(&byte(line, at + escapes)) {
            continue;
        }
        let delimiter = &line[at..=at + escapes];
        let after = &line[at + delimiter.len()..];
        let end = memchr::memchr2(b'\n', b'\r', after).unwrap_or(after.len());
        match memchr::memmem::find(&after[..end], delimiter) {
            Some(close) => at += close + 2 * delimiter.len(),
            None => return line[..at].trim_ascii_end().len(),
        }
    }
    line.trim_ascii_end().len()
}

/// The value of a header after `=`: a credential after its scheme, or the parts of a cookie.
pub(super) fn assigned(text: &[u8], from: usize, secret: Secret) -> Option<Range> {
    if let Some((length, has_parameters)) = scheme(&text[from..]) {
        if has_parameters {
            return (secret.noun == Noun::Header).then(|| (from, from + line_end(&text[from..])));
        }
        let (start, to) = bare(text, from + length);
        let is_credential = secret.noun == Noun::Header || looks_secret(secret, &text[start..to]);
        return (start < to && secret.noun != Noun::Password && is_credential).then_some((from, to));
    }
    let (_, first) = bare(text, from);
    if secret.noun != Noun::Header || from == first {
        return None;
    }
    let mut end = first;
    while byte(text, end) == b';' {
        let next = end + 1 + text[end + 1..].iter().take_while(|byte| **byte == b' ').count();
        let (_, to) = bare(text, next);
        if next == to || next == end + 1 {
            break;
        }
        end = to;
    }
    (end > first).then_some((from, end))
}
