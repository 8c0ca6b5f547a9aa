//! The texts that announce a secret, and the one pass that decides that a member has none.
//!
//! Nearly every member is clean. So the pass looks for needles only: the stems of all names of
//! secrets, the beginnings of all forms of secrets, and escapes that could hide either. A needle in
//! the text is then compared with the rules at its place. Only a member that passes both is parsed.

use aho_corasick::automaton::{Automaton, OverlappingState};
use aho_corasick::dfa::DFA;
use aho_corasick::{BuildError, Input};

use super::card::{CARD_DIGITS_MIN, each_card};
use super::name::{SEPARATORS, is_word};
use super::names::Names;
use super::shape::{PEM_NEEDLE, Shapes, pem, url_password};
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
    /// The escape of a character that may be part of a needle: `\u0070`, `%70`.
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

/// The needles of a policy.
#[derive(Debug, Clone)]
pub(super) struct Needles {
    triples: Triples,
    dfa: DFA,
    kinds: Vec<Needle>,
    shapes: Shapes,
}

impl Needles {
    /// Builds the automaton, with the stems of the names that a policy adds.
    pub(super) fn new<'a>(added: impl Iterator<Item = &'a str>) -> Result<Needles, NeedlesError> {
        let mut needles: Vec<(String, Needle)> = Vec::new();
        let mut add = |text: &str, needle| needles.push((text.to_owned(), needle));
        STEMS.iter().for_each(|stem| add(stem, Needle::Name));
        FIRST_WORDS.iter().for_each(|(word, second)| add(word, Needle::First(*second)));
        add("key", Needle::Second);
        Shapes::needles().enumerate().for_each(|(number, needle)| add(needle, Needle::Shape(number)));
        add(PEM_NEEDLE, Needle::Pem);
        add("@", Needle::At);
        add("%40", Needle::Escape);
        for escape in ["\\u002", "\\u003", "\\u004", "\\u005", "\\u006", "\\u007", "%6", "%7"] {
            add(escape, Needle::Escape);
        }
        added.for_each(|stem| add(stem, Needle::Added));
        let dfa = DFA::builder().ascii_case_insensitive(true).prefilter(false).build(needles.iter().map(|(text, _)| text))?;
        let triples = Triples::new(needles.iter().map(|(text, _)| text.as_bytes()));
        Ok(Needles { triples, dfa, kinds: needles.into_iter().map(|(_, kind)| kind).collect(), shapes: Shapes::new()? })
    }

    /// The forms of secrets.
    pub(super) fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// Calls back for each needle in a text, in the order of their ends: its kind and its range.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(Needle, usize, usize)) {
        let (input, mut state) = (Input::new(text), OverlappingState::start());
        while self.dfa.try_find_overlapping(&input, &mut state).is_ok()
            && let Some(hit) = state.get_match()
        {
            found(self.kinds[hit.pattern().as_usize()], hit.start(), hit.end());
        }
    }

    /// Whether a member may have a secret, from its JSON text. It may say so of a member without
    /// one, and never the other way round.
    pub(super) fn may_have_secret(&self, text: &[u8], names: &Names<'_>) -> bool {
        self.triples.any(text, |needle, from, to| self.is_live(self.kinds[needle], text, from, to, names)) || may_have_card(text)
    }

    /// Whether a needle in the JSON text of a member may belong to a secret.
    fn is_live(&self, needle: Needle, text: &[u8], from: usize, to: usize, names: &Names<'_>) -> bool {
        match needle {
            Needle::Name | Needle::First(_) | Needle::Second => {
                let Some((from, to)) = name_range(text, needle, from, to) else { return false };
                let from = from + escape_end(text, from, to);
                names.secret(&text[with_word_before(text, from)..to]).is_some() && may_have_value(text, from, to)
            }
            Needle::Added => true,
            Needle::Shape(shape) => self.shapes.may_be_escaped(shape) || self.shapes.find(shape, text, from).is_some(),
            Needle::Pem => pem(text, from).is_some(),
            // With the escapes of a string, a URL may end with `\/\/`.
            Needle::At => url_password(text, from, None).is_some(),
            Needle::Escape => is_escaped_word(text, from),
        }
    }
}

/// Why the needles of a policy cannot be built.
#[derive(Debug, thiserror::Error)]
pub(super) enum NeedlesError {
    #[error(transparent)]
    Automaton(#[from] BuildError),
    #[error(transparent)]
    Pattern(#[from] regex::Error),
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
    let (start, end) = identifier(text, from, to);
    let is_separator = |byte: &&u8| SEPARATORS.contains(byte);
    match needle {
        Needle::Second if !is_word_at(text, from.checked_sub(1)?) => {
            let separators = text[..from].iter().rev().take_while(is_separator).count();
            let before = from.checked_sub(separators).filter(|_| separators <= SEPARATORS_MAX)?;
            (ends_with_first_word(&text[..before])).then(|| (identifier(text, before, before).0, end))
        }
        Needle::Second => ends_with_first_word(&text[..from]).then_some((start, end)),
        Needle::First(second) => {
            let separators = text[to..].iter().take_while(is_separator).count();
            let next = text.get(to + separators).filter(|next| next.eq_ignore_ascii_case(&second))?;
            let is_close = separators <= SEPARATORS_MAX && is_word(*next);
            is_close.then(|| (start, identifier(text, to + separators, to + separators).1))
        }
        _ => Some((start, end)),
    }
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
fn escape_end(text: &[u8], from: usize, to: usize) -> usize {
    let taken = match (from.checked_sub(1).map(|at| text[at]), text[from]) {
        (Some(b'\\'), b'b' | b'f' | b'n' | b'r' | b't') => 1,
        (Some(b'\\'), b'u') => 5,
        (Some(b'%'), _) => 2,
        _ => 0,
    };
    taken.min(to - from)
}

/// Whether a name may have a value: a colon or an equals sign follows soon, or the name is an option
/// of a command, an XML element or the whole of a string.
fn may_have_value(text: &[u8], from: usize, to: usize) -> bool {
    const DISTANCE_MAX: usize = 64;
    let before = |distance: usize| from.checked_sub(distance).map_or(b' ', |at| text[at]);
    // As in `{"name": "Cookie", …`, `["Cookie", …` and `name=\"password\"`.
    let is_string = before(1) == b'"'
        && text[..from - 1].iter().rev().take(4).find(|byte| !b" \\".contains(byte)).is_some_and(|byte| b":[=".contains(byte));
    let ends = |byte: &&u8| b":=>%,{};".contains(byte);
    let next = text[to..].iter().take(DISTANCE_MAX).find(ends);
    text[from] == b'-'
        || before(1) == b'<'
        || is_string
        || next.is_some_and(|next| b":=>%".contains(next))
        || text[to..].starts_with(b"\\u")
}

/// Whether an escape stands for a character of a needle, and not for one that only parts words.
fn is_escaped_word(text: &[u8], from: usize) -> bool {
    let is_percent = text[from] == b'%';
    let digits = text.get(from + if is_percent { 1 } else { 4 }..).unwrap_or_default();
    let code =
        digits.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    // Windows writes `%%1842` for a text of its own.
    let is_doubled = is_percent && from > 0 && text[from - 1] == b'%';
    !is_doubled && code.is_some_and(|code| is_word(code) || b" -_.:/@%\\".contains(&code))
}

/// Whether a text may have the number of a card. Such a number has a digit at one of any fourteen
/// neighbouring places, so one place in fourteen is looked at.
fn may_have_card(text: &[u8]) -> bool {
    const AROUND: usize = 24;
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b' ' || *byte == b'-';
    let mut at = CARD_DIGITS_MIN - 1;
    while at < text.len() {
        // Between two groups, a place has a separator with a digit on each side.
        let is_inside =
            |at: usize| is_part(&text[at]) && text.get(at + 1).is_some_and(u8::is_ascii_digit) && text[at - 1].is_ascii_digit();
        if text[at].is_ascii_digit() || is_inside(at) {
            let floor = at.saturating_sub(AROUND);
            let from = text[floor..at].iter().rposition(|byte| !is_part(byte)).map_or(floor, |stop| floor + stop + 1);
            let length = text[at..].iter().take(AROUND).take_while(|byte| is_part(byte)).count();
            let digits = || text[from..at + length].iter().filter(|byte| byte.is_ascii_digit()).count();
            if at + length - from >= CARD_DIGITS_MIN && digits() >= CARD_DIGITS_MIN {
                let mut is_card = false;
                each_card(&text[from.saturating_sub(2)..text.len().min(at + length + 2)], |_, _| is_card = true);
                if is_card {
                    return true;
                }
            }
        }
        at += CARD_DIGITS_MIN;
    }
    false
}
