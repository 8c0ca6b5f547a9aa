//! Texts under the name of a secret that say something about it, and marks in place of a value.

use super::words::is_of_a_sentence;

/// Whether a text is a message of a form: `{"password": ["This field is required."]}`. A password of
/// several words has no two words of such a message.
pub(super) fn is_message(text: &[u8]) -> bool {
    const BYTES_MAX: usize = 300;
    if text.len() > BYTES_MAX || !text.ends_with(b".") || !text.first().is_some_and(u8::is_ascii_uppercase) {
        return false;
    }
    let words = || text.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let has_code = |word: &[u8]| word.iter().any(u8::is_ascii_digit) && word.iter().any(u8::is_ascii_alphabetic);
    words().count() >= 3 && !words().any(has_code) && words().filter(|word| is_of_a_sentence(word)).count() >= 2
}

/// Whether a value is the mark of a value that a program puts there later: `%s`, `%(name)s`, `?`,
/// `$1`, `${NAME}`, `{{ name }}`.
pub(super) fn is_mark(value: &[u8]) -> bool {
    let is_inside = |start: &[u8], end: &[u8]| {
        value.len() > start.len() + end.len()
            && value.starts_with(start)
            && value.ends_with(end)
            && !value[start.len()..value.len() - end.len()].iter().any(|byte| b"{}()$%".contains(byte))
    };
    let is_number = value.len() > 1 && value[0] == b'$' && value.len() < 5 && value[1..].iter().all(u8::is_ascii_digit);
    value == b"?" || value == b"%s" || is_number || is_inside(b"%(", b")s") || is_inside(b"${", b"}") || is_inside(b"{{", b"}}")
}
