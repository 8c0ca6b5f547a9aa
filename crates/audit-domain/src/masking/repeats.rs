//! Secrets that stand in a text a second time, without their name.

use super::name::is_word;
use super::shape::is_escape;

/// Bytes of the shortest secret that is looked for in the rest of its text.
const BYTES_MIN: usize = 8;

/// Bytes from which a secret of letters alone, or of digits alone, is longer than a word or a count.
const WORD_BYTES_MAX: usize = 20;

/// Secrets that are looked for in the rest of a text, each in a pass of its own.
const SECRETS_MAX: usize = 8;

/// The secrets of a text that have a name, with what the caller knows about each.
pub(super) struct Repeats<'t, C> {
    text: &'t [u8],
    secrets: Vec<(&'t [u8], C)>,
}

impl<'t, C: Copy> Repeats<'t, C> {
    pub(super) fn of(text: &'t [u8]) -> Repeats<'t, C> {
        Repeats { text, secrets: Vec::new() }
    }

    /// Remembers the secret in a range, if it cannot be a word or a number of another meaning.
    pub(super) fn add(&mut self, from: usize, to: usize, cause: C) {
        let secret = &self.text[from..to];
        let is_known = || self.secrets.iter().any(|(other, _)| *other == secret);
        if self.secrets.len() < SECRETS_MAX && is_distinct(secret) && !is_known() {
            self.secrets.push((secret, cause));
        }
    }

    /// Calls back for each place where a secret stands again: a log line of a statement has its
    /// values a second time, as arguments.
    pub(super) fn each(self, mut found: impl FnMut(usize, usize, C)) {
        let text = self.text;
        for (secret, cause) in self.secrets {
            for from in memchr::memmem::find_iter(text, secret) {
                let to = from + secret.len();
                let is_part = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|byte| is_word(*byte));
                let starts_inside = is_part(from.checked_sub(1)) && !is_escape(text, from);
                // A short one under a name of its own may be a value that is the same by chance.
                let is_other = secret.len() < WORD_BYTES_MAX && text[..from].ends_with(b"=") && is_part(from.checked_sub(2));
                if !starts_inside && !is_other && !is_part(Some(to)) {
                    found(from, to, cause);
                }
            }
        }
    }
}

/// Whether a secret is none of the words and numbers that a text has anyway, such as `postgres`.
fn is_distinct(secret: &[u8]) -> bool {
    let is_mixed = secret.iter().any(u8::is_ascii_digit) && secret.iter().any(|byte| is_word(*byte) && !byte.is_ascii_digit());
    secret.len() >= WORD_BYTES_MAX || (secret.len() >= BYTES_MIN && is_mixed)
}
