//! The values of headers, which have blanks, quotes and several parts.

use super::dictionary::{Noun, Secret};
use super::shape::is_escape;
use super::value::{Range, bare, byte, is_mask, quoted};
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
    if is_mask(text, from) {
        return None;
    }
    let rest = &text[from..];
    let is_end = |byte: &u8| b" \t\r\n\"'\\<".contains(byte);
    let length = rest.iter().take(WORD_BYTES_MAX).position(is_end).unwrap_or(rest.len().min(WORD_BYTES_MAX));
    let word = &rest[..length];
    let is_alone = rest.get(length).is_none_or(|next| *next != b' ')
        && (looks_secret(secret, word) || (is_own_line && !is_of_a_sentence(word)));
    let has_parts = secret.noun == Noun::Header && word.contains(&b'=');
    let known = scheme(rest);
    if let Some((length, false)) = known
        && let Some(end) = credential_end(rest, length)
    {
        return Some((from, from + end));
    }
    // An unknown scheme is followed by a credential.
    let has_credential = || {
        is_own_line
            && secret.noun == Noun::Header
            && !is_of_a_sentence(word)
            && rest[length..line_end(rest).max(length)].split(|byte| *byte == b' ').take(4).any(|next| looks_secret(secret, next))
    };
    (known.is_some() || is_alone || has_parts || has_credential()).then(|| (from, from + line_end(rest)))
}

/// Where the one credential after a scheme ends (`token68` of RFC 9110), if it is one and more of
/// the line follows.
fn credential_end(value: &[u8], scheme: usize) -> Option<usize> {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    let end = scheme + value[scheme..].iter().take_while(is_part).count();
    let is_followed = value.get(end).is_some_and(|next| b" ,;".contains(next));
    (end > scheme && is_followed && !value[scheme..end].contains(&b'=')).then_some(end)
}

/// The end of a line of a header. A quote ends it, unless it is around the value of a parameter.
fn line_end(line: &[u8]) -> usize {
    let line = &line[..memchr::memchr2(b'\n', b'\r', line).unwrap_or(line.len())];
    let mut at = 0;
    while let Some(next) = line.get(at..).and_then(|rest| rest.iter().position(|byte| b"\"'\\<=".contains(byte))) {
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
        match memchr::memmem::find(after, delimiter) {
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
