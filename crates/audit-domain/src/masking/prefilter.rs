//! The one pass that decides that a member has no secret.
//!
//! Nearly every member is clean. So the pass looks for needles only, in the JSON text as it is, and
//! compares each with the rules at its place. Only a member that passes is parsed. A wrong "may have" costs time,
//! a wrong "has none" loses a secret: so wherever an escape may hide something, the answer is "may have".
//! `soundness` holds the answer to the walk.

use super::card::{CARD_DIGITS_MIN, has_card};
use super::name::SEPARATORS;
use super::names::Names;
use super::needles::{Needle, Needles, escape_end, name_range, with_word_before};
use super::shape::{PEM_NEEDLE, pem};
use super::triples::Sight;

/// Percent escapes inside percent escapes that the walk follows.
const LAYERS_MAX: u8 = 4;

/// Bytes of the shortest text that has a secret: `"otp=1"`, and `[""]` of a shorter name.
const SECRET_BYTES_MIN: usize = 6;

/// Whether a member may have a secret, from its JSON text. It may say so of a member without one,
/// and never the other way round.
pub(super) fn may_have_secret(text: &[u8], names: &Names<'_>, needles: &Needles) -> bool {
    text.len() >= SECRET_BYTES_MIN && Prefilter { names, needles }.any(text, 0)
}

struct Prefilter<'p> {
    names: &'p Names<'p>,
    needles: &'p Needles,
}

impl Prefilter<'_> {
    fn any(&self, text: &[u8], layer: u8) -> bool {
        let (mut escapes, mut has_at) = (Escapes::default(), false);
        let is_found = self.needles.triples().any(text, |sight| match sight {
            Sight::Needle(number, from, to) => self.is_live(self.needles.kind(number), text, from, to),
            Sight::Digits(at) => may_have_card(text, at),
            Sight::At(at) => {
                has_at = true;
                may_be_url_password(text, at)
            }
            Sight::Percent(at) => {
                escapes.add(percent_code(text, at));
                false
            }
        });
        is_found || (layer < LAYERS_MAX && escapes.may_hide(has_at) && self.any(&percent_decoded(text), layer + 1))
    }

    /// Whether a needle may belong to a secret.
    fn is_live(&self, needle: Needle, text: &[u8], from: usize, to: usize) -> bool {
        match needle {
            Needle::Name | Needle::First(_) | Needle::Second => {
                let Some((from, to)) = name_range(text, needle, from, to) else { return false };
                let cut = from + escape_end(text, from, to);
                match value(text, cut, to) {
                    Value::None => false,
                    Value::After => self.may_be_secret(text, from, cut, to),
                    Value::AfterKey(end) => self.may_be_secret(text, from, cut, end),
                    Value::Hidden => true,
                }
            }
            // A member of a table that masks more is walked without this pass.
            Needle::Added => self.names.all.masks_more(),
            Needle::Shape(shape) => {
                let shapes = self.needles.shapes();
                shapes.may_be_escaped(shape) || shapes.find(shape, text, from).is_some()
            }
            Needle::Pem => pem(text, from).is_some() || !has_pem_label(text, from),
            Needle::At => may_be_url_password(text, from),
            Needle::Escape => is_escaped_word(text, from),
        }
    }

    /// Whether the text up to the end of a name may be the name of a secret. What seems to be a
    /// letter before the name may be the end of an escape, and the key of a member may have more
    /// words before it.
    fn may_be_secret(&self, text: &[u8], start: usize, cut: usize, end: usize) -> bool {
        const KEY_BYTES_MAX: usize = 96;
        let is_secret = |from: usize| self.names.secret(&text[from..end]).is_some();
        if is_secret(with_word_before(text, cut)) || is_secret(cut) || (cut > start && is_secret(start)) {
            return true;
        }
        let floor = start.saturating_sub(KEY_BYTES_MAX);
        let key = memchr::memrchr(b'"', &text[floor..start]).map_or(floor, |quote| floor + quote + 1);
        key < start && is_secret(key)
    }
}

/// Which percent escapes a text has. Other characters than these part words, and a name or a form
/// is found beside their escapes as well.
#[derive(Default)]
struct Escapes {
    /// Of a character other than a blank: the walk decodes no text that has only blanks.
    any: bool,
    /// Of a character that may be part of a needle.
    word: bool,
    /// Of the `:` or the `/` of a URL.
    url: bool,
}

impl Escapes {
    fn add(&mut self, code: Option<u8>) {
        let Some(code) = code else { return };
        self.any |= code != b' ';
        self.word |= code.is_ascii_alphanumeric() || SEPARATORS.contains(&code) || b"@%\\".contains(&code);
        self.url |= b":/".contains(&code);
    }

    /// Whether the decoded text may have a secret that the text does not show.
    fn may_hide(&self, has_at: bool) -> bool {
        self.any && (self.word || (self.url && has_at))
    }
}

/// Where the value of a name may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    None,
    /// Directly after the name.
    After,
    /// After the string that the name is in, which ends at this offset: a key, or the name in a pair.
    AfterKey(usize),
    /// Escapes hide it.
    Hidden,
}

/// Finds out whether a name may have a value.
fn value(text: &[u8], from: usize, to: usize) -> Value {
    let before = |distance: usize| from.checked_sub(distance).map_or(b' ', |at| text[at]);
    // An option of a command, an XML element (also with an escape, `\u003c` or `%3C`).
    let is_element = b"<:".contains(&before(1)) || (before(2) == b'3' && before(1).eq_ignore_ascii_case(&b'c'));
    // The part of a form whose name is without quotes.
    let is_part = text[..from].ends_with(b"name=") || (before(2) == b'3' && before(1).eq_ignore_ascii_case(&b'd'));
    if text[from] == b'-' || is_element || is_part {
        return Value::After;
    }
    // The first of two strings, or a name that a string follows.
    let is_quote = |at: usize| text.get(at).is_some_and(|byte| b"'\"\\".contains(byte));
    let is_before_string = text.get(to) == Some(&b' ') && is_quote(to + 1);
    match after_closing(text, to) {
        (_, Some(b':' | b'=' | b'%')) => Value::After,
        (_, Some(b',')) if is_quote(to) => Value::After,
        (..) if is_before_string => Value::After,
        // The string may be a name by itself: `{"name": "Cookie", "value": …}`, `name="password"`.
        (true, _) if starts_as_value(text, from) => Value::After,
        (true, _) if ends_string(text, to) => Value::None,
        _ => value_after_string(text, from, to),
    }
}

/// Reads what may be between a name and its value: quotes, brackets, blanks, and the escapes of
/// them. Returns whether a quote ended the name, and what follows.
fn after_closing(text: &[u8], to: usize) -> (bool, Option<u8>) {
    let (mut at, mut has_quote) = (to, false);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => has_quote = true,
            // An escape, or an index such as `[0]`, after which anything may follow.
            b'\\' if text.get(at + 1) == Some(&b'u') => return (has_quote, Some(b'%')),
            b'[' => return (has_quote, Some(b'%')),
            b'\\' if text.get(at + 1).is_some_and(|kind| b"nrt".contains(kind)) => at += 1,
            b'\'' | b'\\' | b'`' | b'*' | b']' | b' ' | b'\t' | b'\n' | b'\r' => {}
            other => return (has_quote, Some(*other)),
        }
        at += 1;
    }
    (has_quote, None)
}

/// Whether the first quote after a name is not escaped, so that the string ends there.
fn ends_string(text: &[u8], to: usize) -> bool {
    memchr::memchr(b'"', &text[to..]).is_some_and(|quote| quote == 0 || text[to + quote - 1] != b'\\')
}

/// Finds out whether a name is in a string that has a value, with more words after it: `"password
/// (old)": …`. The name then ends where the string does.
fn value_after_string(text: &[u8], from: usize, to: usize) -> Value {
    const KEY_BYTES_MAX: usize = 96;
    let rest = &text[to..text.len().min(to + KEY_BYTES_MAX)];
    let has_value = |end: &usize| matches!(after_closing(text, to + end).1, Some(b':' | b'%')) || starts_as_value(text, from);
    // The string goes on after a quote that is escaped.
    let Some(end) = memchr::memchr2_iter(b'"', b'%', rest).find(has_value) else { return Value::None };
    let words = &rest[..rest[..end].iter().rposition(|byte| *byte != b'\\').map_or(0, |last| last + 1)];
    if words.contains(&b'\\') { Value::Hidden } else { Value::AfterKey(to + words.len()) }
}

/// Whether the string around an offset may be the name in a pair, or in the head of a form's part.
fn starts_as_value(text: &[u8], at: usize) -> bool {
    const STRING_BYTES_MAX: usize = 300;
    let floor = at.saturating_sub(STRING_BYTES_MAX);
    // The name may have quotes of its own inside the string, which are escaped.
    for quote in memchr::memrchr_iter(b'"', &text[floor..at]).map(|quote| floor + quote) {
        let before = text[..quote].iter().rev().find(|byte| !(byte.is_ascii_whitespace() || b"\\\"".contains(byte)));
        if before.is_some_and(|before| b":=[nrtdD".contains(before)) {
            return true;
        }
        if quote == 0 || text[quote - 1] != b'\\' {
            return false;
        }
    }
    floor > 0
}

/// Whether an `@` may follow the password of a URL. With the escapes of strings, a URL may start with `:\/\/`.
fn may_be_url_password(text: &[u8], at: usize) -> bool {
    const URL_BYTES_MAX: usize = 6 * 1024;
    let floor = at.saturating_sub(URL_BYTES_MAX);
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>/?#@".contains(byte);
    let Some(stop) = text[floor..at].iter().rposition(is_end) else { return floor > 0 };
    if text[floor + stop] != b'/' || memchr::memchr(b':', &text[floor + stop..at]).is_none() {
        return false;
    }
    let unescaped = |end: usize| text[..end].iter().rposition(|byte| *byte != b'\\');
    let slash = unescaped(floor + stop).filter(|at| text[*at] == b'/');
    slash.and_then(unescaped).is_some_and(|at| text[at] == b':')
}

/// Whether the label of a PEM block ends, so that [`pem`] can tell what the block is.
fn has_pem_label(text: &[u8], at: usize) -> bool {
    const LABEL_BYTES_MAX: usize = 64;
    let label = &text[at + PEM_NEEDLE.len()..];
    memchr::memmem::find(&label[..label.len().min(LABEL_BYTES_MAX)], b"-----").is_some()
}

/// Whether an escape stands for a character of a needle, and not for one that only parts words.
fn is_escaped_word(text: &[u8], from: usize) -> bool {
    let code = text.get(from + 4..from + 6).and_then(hex);
    code.is_some_and(|code| code.is_ascii_alphanumeric() || SEPARATORS.contains(&code) || b":/@%\\".contains(&code))
}

/// The number that two hexadecimal digits write.
fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// The ASCII character whose percent escape is at an offset, apart from control characters.
fn percent_code(text: &[u8], at: usize) -> Option<u8> {
    text.get(at + 1..at + 3).and_then(hex).filter(|code| (b' '..0x80).contains(code))
}

/// The text with its percent escapes decoded, as the walk does it.
fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let (mut decoded, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(sign) = memchr::memchr(b'%', &text[at..]).map(|next| at + next) {
        decoded.extend_from_slice(&text[at..sign]);
        let code = text.get(sign + 1..sign + 3).and_then(hex).filter(u8::is_ascii);
        decoded.push(code.unwrap_or(b'%'));
        at = sign + if code.is_some() { 3 } else { 1 };
    }
    decoded.extend_from_slice(&text[at..]);
    decoded
}

/// Whether the digits at an offset may be those of a card. What is before them may be the end of an
/// escape, so it does not count.
fn may_have_card(text: &[u8], at: usize) -> bool {
    const AROUND: usize = 24;
    let (before, after) = (&text[at.saturating_sub(AROUND)..at], &text[at..text.len().min(at + AROUND)]);
    let from = before.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |stop| stop + 1);
    let digits = after.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(after.len());
    let is_escape = |start: usize| before[..start].ends_with(b"\\u") || before[..start].ends_with(b"%");
    // Groups of digits have at most six.
    if digits + before.len() - from > 6 {
        let run = &text[at - (before.len() - from)..at + digits];
        return run.len() >= CARD_DIGITS_MIN && (is_escape(from) || has_card(run));
    }
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b' ' || *byte == b'-';
    let from = before.iter().rposition(|byte| !is_part(byte)).map_or(0, |stop| stop + 1);
    let length = after.iter().position(|byte| !is_part(byte)).unwrap_or(after.len());
    let run = &text[at - (before.len() - from)..at + length];
    run.len() > CARD_DIGITS_MIN && (is_escape(from) || has_card(run))
}
