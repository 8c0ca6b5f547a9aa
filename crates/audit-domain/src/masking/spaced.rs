//! Values with blanks: numbers in groups, and phrases.

use super::dictionary::{Noun, Secret};
use super::value::{Range, bare, byte};
use super::words::{is_of_a_sentence, is_placeholder};

/// Letters and digits of the longest number in groups, an IBAN.
const GROUPED_BYTES_MAX: usize = 34;

/// The value under the name of a secret that may have blanks, or `None` if it is not of that kind.
pub(super) fn value(text: &[u8], from: usize, secret: Secret) -> Option<Range> {
    match secret.noun {
        Noun::Groups => groups(text, from, secret),
        Noun::Phrase => phrase(text, from),
        _ => None,
    }
}

/// Groups of digits and capitals, as they are printed: `DE89 3704 0044 0532 0130 00`.
fn groups(text: &[u8], from: usize, secret: Secret) -> Option<Range> {
    let (_, mut end) = bare(text, from);
    let first = &text[from..end];
    let is_count = secret.is_plural && first.iter().all(u8::is_ascii_digit);
    if !first.iter().any(u8::is_ascii_digit) || first.len() > GROUPED_BYTES_MAX || is_count {
        return None;
    }
    let mut is_grouped = false;
    while byte(text, end) == b' ' && end - from < GROUPED_BYTES_MAX + GROUPED_BYTES_MAX / 4 {
        let (next, to) = bare(text, end + 1);
        let group = &text[next..to];
        let is_part =
            |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase() || (secret.is_plural && byte.is_ascii_lowercase());
        let is_code = secret.is_plural && group.len() <= 16 && group.iter().any(u8::is_ascii_digit);
        if group.is_empty() || !group.iter().all(is_part) || !(group.len() <= 4 || is_code) {
            break;
        }
        (end, is_grouped) = (to, true);
    }
    is_grouped.then_some((from, end))
}

/// The words of a phrase, up to the end of the line or the next name.
fn phrase(text: &[u8], from: usize) -> Option<Range> {
    let (_, mut end) = bare(text, from);
    if from == end || is_placeholder(&text[from..end]) || is_of_a_sentence(&text[from..end]) {
        return None;
    }
    while byte(text, end) == b' ' {
        let (next, to) = bare(text, end + 1);
        if next == to || text[next..to].iter().any(|byte| b"=:".contains(byte)) {
            break;
        }
        end = to;
    }
    Some((from, end))
}
