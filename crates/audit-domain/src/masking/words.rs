//! Whether a value under the name of a secret is one, or a word that says something about it.

use super::dictionary::{Noun, Secret};
use super::edits::MASK;
use super::message::is_mark;
use super::name::is_word;

/// Bytes of the longest value that is compared with words. A longer one is a secret, and the search
/// continues after it, so that a text of a MiB takes no more than a multiple of its length.
pub(super) const WORD_BYTES_MAX: usize = 512;

/// What a sentence says about a secret.
const WORDS: [&[u8]; 34] = [
    b"required",
    b"incorrect",
    b"invalid",
    b"missing",
    b"expired",
    b"wrong",
    b"must",
    b"is",
    b"not",
    b"too",
    b"this",
    b"the",
    b"str",
    b"string",
    b"bytes",
    b"any",
    b"int",
    b"bool",
    b"has",
    b"cannot",
    b"your",
    b"field",
    b"a",
    b"an",
    b"enter",
    b"changed",
    b"ok",
    b"failed",
    b"success",
    b"optional",
    b"yes",
    b"no",
    b"set",
    b"reset",
];

/// Whether a value is a word of a sentence rather than a secret of somebody.
pub(super) fn is_of_a_sentence(value: &[u8]) -> bool {
    let word = value.trim_ascii_end();
    let word = word.strip_suffix(b".").unwrap_or(word);
    WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)) || !word.iter().any(|byte| is_word(*byte))
}

/// Whether a value after a colon in prose is a secret rather than a word of a sentence.
pub(super) fn looks_secret(secret: Secret, value: &[u8]) -> bool {
    if value.len() >= WORD_BYTES_MAX {
        return true;
    }
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    match secret.noun {
        Noun::Password | Noun::Phrase => !is_of_a_sentence(value),
        Noun::Directory if is_directory(value) => false,
        _ if secret.is_plural => value.len() >= 16 && digits > 0 && digits < value.len(),
        _ => (digits == value.len() && digits >= 3) || (digits > 0 && value.len() >= 6) || value.len() >= 20,
    }
}

/// Whether a value under a name that makes a statement, such as `has_password`, is a secret all the
/// same and not the answer: a number, or a word.
pub(super) fn is_stated_secret(secret: Secret, value: &[u8]) -> bool {
    const ANSWERS: [&[u8]; 6] = [b"on", b"off", b"y", b"n", b"always", b"never"];
    let is_answer = ANSWERS.iter().any(|answer| answer.eq_ignore_ascii_case(value)) || value.iter().all(u8::is_ascii_digit);
    !(is_answer || is_placeholder(value) || is_of_a_sentence(value)) && looks_secret(secret, value)
}

/// Whether a value under the name of a secret is none: empty, masked already, or a word for
/// absence.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 6] = [b"none", b"null", b"nil", b"undefined", b"true", b"false"];
    is_masked(value) || is_mark(value) || WORDS.iter().any(|word| word.eq_ignore_ascii_case(value))
}

/// Whether a value starts with what another program put in its place, in brackets: `[FILTERED]`.
pub(super) fn is_masked_start(text: &[u8], at: usize) -> bool {
    const BYTES_MAX: usize = 16;
    let value = &text[at.min(text.len())..text.len().min(at + BYTES_MAX)];
    let end = value.iter().position(|byte| *byte == b']').map_or(0, |end| end + 1);
    end > 0 && &value[..end] != MASK.as_bytes() && is_masked(&value[..end])
}

/// Whether a value is empty, or masked already.
pub(super) fn is_masked(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 8] =
        [MASK.as_bytes(), b"[filtered]", b"[redacted]", b"[removed]", b"[scrubbed]", b"<redacted>", b"redacted", b"\xE2\x80\xA6"];
    let dots = |value: &[u8]| value.iter().all(|byte| *byte == b'*') || value.chunks(3).all(|dot| dot == "•".as_bytes());
    dots(value) || WORDS.iter().any(|word| word.eq_ignore_ascii_case(value))
}

/// Whether a value under `pwd` is a directory.
pub(super) fn is_directory(value: &[u8]) -> bool {
    value.starts_with(b"/") || value.starts_with(b"~") || (value.get(1) == Some(&b':') && value[0].is_ascii_alphabetic())
}

/// Whether a number under the name of a secret is one: not a count, and not the answer to a question.
pub(super) fn is_secret_number(secret: Secret, text: &[u8]) -> bool {
    !(secret.is_stated || (secret.is_plural && is_count(secret, text)))
}

/// Whether a number under a name in the plural says how many there are. Codes may be numbers, too:
/// `{"recovery_codes": ["12345678", …]}`.
pub(super) fn is_count(secret: Secret, text: &[u8]) -> bool {
    const CODE_DIGITS_MIN: usize = 6;
    text.iter().all(u8::is_ascii_digit) && !(secret.noun == Noun::Groups && text.len() >= CODE_DIGITS_MIN)
}
