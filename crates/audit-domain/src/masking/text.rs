//! Secrets in a text: `name=value` and `name: value` in query strings, forms, headers, messages,
//! tracebacks and fragments of JSON, and the forms of secrets.

use super::assignment::Assignment;
use super::card::each_card;
use super::name::Name;
use super::names::Names;
use super::needles::{Needle, Needles, name_range, with_word_before};
use super::repeats::Repeats;
use super::shape::{Shapes, pem, url_password};
use super::value::Range;

/// What made a part of a text a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The name in this range of the text.
    Name(usize, usize),
    /// Its form.
    Form(&'static str),
}

/// Calls back for each secret in a text: its range, and what makes it one. The ranges may overlap:
/// a value may end at its first blank, and a form that starts in it may go on after that.
pub(super) fn each_secret(text: &[u8], names: &Names<'_>, needles: &Needles, mut found: impl FnMut(usize, usize, Cause)) {
    let (mut names_done, mut forms_done, mut last_password, mut repeats) = (0, 0, None, Repeats::of(text));
    needles.each(text, |needle, from, to| {
        let (form, label) = match needle {
            Needle::Name | Needle::Second | Needle::First(_) | Needle::Added => {
                if from < names_done.max(forms_done) {
                    return;
                }
                for ((from, to), cause) in named(text, needle, from, to, names) {
                    found(from, to, cause);
                    repeats.add(from, to, cause);
                    names_done = names_done.max(to);
                }
                return;
            }
            _ if from < forms_done => return,
            Needle::Shape(shape) => (needles.shapes().find(shape, text, from), Shapes::label(shape)),
            Needle::Pem => (pem(text, from), "pem"),
            Needle::At => {
                let password = url_password(text, from, last_password);
                last_password = password.or(last_password);
                (password, "url password")
            }
            Needle::Escape => return,
        };
        if let Some((from, to)) = form {
            found(from, to, Cause::Form(label));
            forms_done = to;
        }
    });
    each_card(text, |from, to| found(from, to, Cause::Form("card")));
    repeats.each(found);
}

/// Finds the values that belong to a name, if the name at a needle is that of a secret.
fn named(text: &[u8], needle: Needle, from: usize, to: usize, names: &Names<'_>) -> Vec<(Range, Cause)> {
    let Some((start, end)) = name_range(text, needle, from, to) else { return Vec::new() };
    let before = with_word_before(text, start);
    let secret_from = |from: usize| names.secret(&text[from..end]).map(|secret| (from, secret));
    let found = if is_label(text, before, start, end) {
        secret_from(before)
    } else {
        secret_from(start).filter(|_| !names.keeps(&Name::new(&text[before..end]))).or_else(|| secret_from(before))
    };
    let Some((name, secret)) = found else { return Vec::new() };
    let values = Assignment { text, name: (start, end), secret }.values();
    values.into_iter().map(|value| (value, Cause::Name(name, end))).collect()
}

/// Whether the word before a name belongs to it, as in `Elevated Token: Yes`. Otherwise it is a word
/// of the sentence, and says nothing about the name: `login with password=…`.
fn is_label(text: &[u8], before: usize, start: usize, end: usize) -> bool {
    const OF_A_SENTENCE: [&[u8]; 4] = [b"with", b"use", b"uses", b"used"];
    let next = text[end..].iter().find(|byte| !b"\"'`*]\\ \t".contains(byte));
    let word = text[before..start].trim_ascii_end();
    next == Some(&b':') && !OF_A_SENTENCE.iter().any(|known| known.eq_ignore_ascii_case(word))
}
