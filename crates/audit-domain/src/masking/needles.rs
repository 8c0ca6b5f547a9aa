//! The texts that announce a secret: the stems of all names of secrets, the beginnings of all forms
//! of secrets, and escapes that could hide either.

use super::name::{SEPARATORS, is_word};
use super::shape::{PEM_NEEDLE, Shapes};
use super::triples::Triples;

/// What a needle announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needle {
    /// A name of one word.
    Name,
    /// The second word of a name: `key`.
    Second,
    /// The first word of a name whose second word starts with this letter: `card number`.
    First(u8),
    /// A name that the rules of a policy add.
    Added,
    /// A form of [`Shapes`], by its number.
    Shape(usize),
    /// A PEM block.
    Pem,
    /// The `@` after the password of a URL.
    At,
    /// The escape of a character that may be part of a needle: `\u0070`.
    Escape,
}

/// The stems of the names of one word. Each name of the dictionary contains one of them, or a first
/// or second word below.
const STEMS: [&str; 25] = [
    "passw",
    "passp",
    "passc",
    "pwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "csrf",
    "xsrf",
    "jwt",
    "bearer",
    "credential",
    "otp",
    "iban",
    "ssn",
    "sessid",
    "sessionid",
    "cvv",
    "cvc",
    "ccnum",
    "cc_num",
    "cc-num",
    "amz-signature",
    "goog-signature",
];

/// The first words of names of two words, and the first letter of the second word.
const FIRST_WORDS: [(&str, u8); 5] = [("card", b'n'), ("recovery", b'c'), ("backup", b'c'), ("social", b's'), ("pass", b'p')];

/// The words that make `key` the name of a secret.
const BEFORE_KEY: [&[u8]; 12] = [
    b"api",
    b"access",
    b"private",
    b"session",
    b"secret",
    b"encryption",
    b"signing",
    b"master",
    b"account",
    b"subscription",
    b"auth",
    b"token",
];

/// Needles of the filter alone: names that only the key of a member may have. In a text, each is
/// known by a needle that is longer.
const IN_KEYS: [(&str, u8); 6] = [("cc ", b'n'), ("cc.", b'n'), ("cc_", b'n'), ("cc-", b'n'), ("amz", b's'), ("goog", b's')];

/// The needles of a policy.
#[derive(Debug, Clone)]
pub(super) struct Needles {
    triples: Triples,
    kinds: Vec<Needle>,
    /// The number of needles that a text may have. The others are needles of the pass alone.
    in_texts: usize,
    shapes: Shapes,
}

impl Needles {
    /// Builds the search, with the names that a policy adds.
    pub(super) fn new<'a>(added: impl Iterator<Item = &'a str>) -> Result<Needles, regex::Error> {
        let mut needles: Vec<(String, Needle)> = Vec::new();
        let mut add = |text: &str, needle| needles.push((text.to_owned(), needle));
        STEMS.iter().for_each(|stem| add(stem, Needle::Name));
        FIRST_WORDS.iter().for_each(|(word, second)| add(word, Needle::First(*second)));
        add("key", Needle::Second);
        Shapes::needles().enumerate().for_each(|(number, needle)| add(needle, Needle::Shape(number)));
        add(PEM_NEEDLE, Needle::Pem);
        add("@", Needle::At);
        for escape in ["\\u002", "\\u003", "\\u004", "\\u005", "\\u006", "\\u007"] {
            add(escape, Needle::Escape);
        }
        let mut in_keys: Vec<(String, Needle)> = IN_KEYS.map(|(word, second)| (word.to_owned(), Needle::First(second))).into();
        for name in added {
            needles.push((longest(name.split(' ')).to_owned(), Needle::Added));
            // Of a name that is not all ASCII, JSON may write a part as escapes.
            let ascii = longest(name.split(|char: char| !char.is_ascii_alphanumeric()));
            in_keys.push((if ascii.is_empty() { "\\u" } else { ascii }.to_owned(), Needle::Added));
        }
        let in_texts = needles.len();
        needles.append(&mut in_keys);
        let triples = Triples::new(needles.iter().map(|(text, _)| text.as_bytes()));
        Ok(Needles { triples, kinds: needles.into_iter().map(|(_, kind)| kind).collect(), in_texts, shapes: Shapes::new()? })
    }

    /// Where in a text the needles may be.
    pub(super) fn triples(&self) -> &Triples {
        &self.triples
    }

    /// What a needle announces, by its number.
    pub(super) fn kind(&self, number: usize) -> Needle {
        self.kinds[number]
    }

    /// The forms of secrets.
    pub(super) fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// Calls back for each needle in a text, in the order of their ends: its kind and its range.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(Needle, usize, usize)) {
        let mut signs = memchr::memchr_iter(b'@', text).peekable();
        self.triples.each(text, |number, from, to| {
            while let Some(at) = signs.next_if(|at| *at < to) {
                found(Needle::At, at, at + 1);
            }
            if number < self.in_texts {
                found(self.kinds[number], from, to);
            }
        });
        signs.for_each(|at| found(Needle::At, at, at + 1));
    }
}

/// The longest of several words.
fn longest<'a>(words: impl Iterator<Item = &'a str>) -> &'a str {
    words.max_by_key(|word| word.len()).unwrap_or_default()
}

/// Widens a range to the name around it: letters, digits, `_` and `-`.
pub(super) fn identifier(text: &[u8], from: usize, to: usize) -> (usize, usize) {
    const NAME_BYTES_MAX: usize = 100;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'-';
    let (floor, ceiling) = (from.saturating_sub(NAME_BYTES_MAX), text.len().min(to + NAME_BYTES_MAX));
    let start = text[floor..from].iter().rposition(|byte| !is_part(byte)).map_or(floor, |stop| floor + stop + 1);
    let end = text[to..ceiling].iter().position(|byte| !is_part(byte)).map_or(ceiling, |stop| to + stop);
    (start, end)
}

/// The range of the name at a needle. A name of two words may have a few separators between them.
/// Returns `None` if the other word is missing.
pub(super) fn name_range(text: &[u8], needle: Needle, from: usize, to: usize) -> Option<(usize, usize)> {
    const SEPARATORS_MAX: usize = 3;
    let is_separator = |byte: &&u8| SEPARATORS.contains(byte);
    match needle {
        Needle::Second if !is_word_at(text, from.checked_sub(1)?) => {
            let separators = text[..from].iter().rev().take_while(is_separator).count();
            let before = from.checked_sub(separators).filter(|_| separators <= SEPARATORS_MAX)?;
            (ends_with_first_word(&text[..before])).then(|| (identifier(text, before, before).0, identifier(text, from, to).1))
        }
        Needle::Second => ends_with_first_word(&text[..from]).then(|| identifier(text, from, to)),
        Needle::First(second) => {
            let separators = text[to..].iter().take_while(is_separator).count();
            let next = text.get(to + separators).filter(|next| next.eq_ignore_ascii_case(&second))?;
            let is_close = separators <= SEPARATORS_MAX && is_word(*next);
            is_close.then(|| (identifier(text, from, to).0, identifier(text, to + separators, to + separators).1))
        }
        _ => {
            let (start, end) = identifier(text, from, to);
            Some((start, with_form_after(text, end)))
        }
    }
}

/// The end of a name if the word after it says which form of the secret the value is: `TOTP seed: …`.
fn with_form_after(text: &[u8], end: usize) -> usize {
    const FORMS: [&[u8]; 6] = [b"hash", b"value", b"seed", b"code", b"confirmation", b"salt"];
    if !text.get(end).is_some_and(|byte| b" .".contains(byte)) {
        return end;
    }
    let length = text[end + 1..].iter().take(16).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let word = &text[end + 1..end + 1 + length];
    if FORMS.iter().any(|form| form.eq_ignore_ascii_case(word)) { end + 1 + length } else { end }
}

/// The start of the name if the word before it belongs to it, as in `Elevated Token: Yes`.
pub(super) fn with_word_before(text: &[u8], start: usize) -> usize {
    if start < 2 || text[start - 1] != b' ' || text[start] == b'-' {
        return start;
    }
    let before = identifier(text, start - 1, start - 1).0;
    before + if before < start - 1 { escape_end(text, before, start - 1) } else { 0 }
}

fn is_word_at(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|byte| is_word(*byte))
}

/// Whether a text ends with a word that makes a `key` after it the name of a secret.
fn ends_with_first_word(text: &[u8]) -> bool {
    let ends_with = |word: &&[u8]| text.len() >= word.len() && text[text.len() - word.len()..].eq_ignore_ascii_case(word);
    BEFORE_KEY.iter().any(ends_with)
}

/// The length of what ends an escape at the start of a name, and is not part of it: the `n` of
/// `\npassword`, the `5B` of `%5Bpassword`.
pub(super) fn escape_end(text: &[u8], from: usize, to: usize) -> usize {
    let taken = match (from.checked_sub(1).map(|at| text[at]), text[from]) {
        (Some(b'\\'), b'b' | b'f' | b'n' | b'r' | b't') => 1,
        (Some(b'\\'), b'u') => 5,
        (Some(b'%'), _) => 2,
        _ => 0,
    };
    taken.min(to - from)
}
