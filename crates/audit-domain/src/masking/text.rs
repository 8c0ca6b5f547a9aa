//! Secrets in a text: `name=value` and `name: value` in query strings, forms, headers, messages,
//! tracebacks and fragments of JSON, and the forms of secrets.

use super::card::each_card;
use super::dictionary::{Noun, Secret};
use super::edits::MASK;
use super::name::is_word;
use super::names::Names;
use super::needles::{Needle, Needles, identifier, name_range, with_word_before};
use super::shape::{Shapes, pem, url_password};

/// Bytes of the longest value that is compared with words. A longer one is a secret, and the search
/// continues after it, so that a text of a MiB takes no more than a multiple of its length.
const WORD_BYTES_MAX: usize = 512;

/// What made a part of a text a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The name in this range of the text.
    Name(usize, usize),
    /// Its form.
    Form(&'static str),
}

/// Calls back for each secret in a text: its range, and what makes it one. The ranges may overlap.
pub(super) fn each_secret(text: &[u8], names: &Names<'_>, needles: &Needles, mut found: impl FnMut(usize, usize, Cause)) {
    let (mut done, mut last_password, mut named_secrets) = (0, None, Vec::new());
    needles.each(text, |needle, from, to| {
        if from < done {
            return;
        }
        let form = |label: &'static str| move |(from, to)| (from, to, Cause::Form(label));
        let secret = match needle {
            Needle::Name | Needle::Second | Needle::First(_) | Needle::Added => named(text, needle, from, to, names),
            Needle::Shape(shape) => needles.shapes().find(shape, text, from).map(form(Shapes::label(shape))),
            Needle::Pem => pem(text, from).map(form("pem")),
            Needle::At => {
                let password = url_password(text, from, last_password);
                last_password = password.or(last_password);
                password.map(form("url password"))
            }
            Needle::Escape => None,
        };
        if let Some((from, to, cause)) = secret {
            found(from, to, cause);
            done = to;
            if let Cause::Name(..) = cause
                && to - from >= REPEATED_BYTES_MIN
                && named_secrets.len() < REPEATED_MAX
                && named_secrets.iter().all(|(other, _)| *other != &text[from..to])
            {
                named_secrets.push((&text[from..to], cause));
            }
        }
    });
    each_card(text, |from, to| found(from, to, Cause::Form("card")));
    for (secret, cause) in named_secrets {
        each_repeat(text, secret, |from, to| found(from, to, cause));
    }
}

/// Bytes of the shortest secret that is looked for in the rest of its text. A shorter one may be a
/// word.
const REPEATED_BYTES_MIN: usize = 8;

/// Secrets that are looked for in the rest of a text, each in a pass of its own.
const REPEATED_MAX: usize = 8;

/// Calls back for each place where a secret stands again, without its name: a log line of a
/// statement has its values a second time, as arguments.
fn each_repeat(text: &[u8], secret: &[u8], mut found: impl FnMut(usize, usize)) {
    for from in memchr::memmem::find_iter(text, secret) {
        let to = from + secret.len();
        let is_part = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|byte| is_word(*byte));
        if !is_part(from.checked_sub(1)) && !is_part(Some(to)) {
            found(from, to);
        }
    }
}

/// Finds the value that belongs to a name, if the name at a needle is that of a secret.
fn named(text: &[u8], needle: Needle, from: usize, to: usize, names: &Names<'_>) -> Option<(usize, usize, Cause)> {
    let (start, end) = name_range(text, needle, from, to)?;
    let name = with_word_before(text, start);
    let secret = names.secret(&text[name..end])?;
    let (from, to) = Assignment { text, name: (start, end), secret }.value()?;
    Some((from, to, Cause::Name(name, end)))
}

/// A name in a text, and what may be assigned to it.
struct Assignment<'t> {
    text: &'t [u8],
    name: (usize, usize),
    secret: Secret,
}

/// What is between a name and its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    Equals,
    Colon,
}

impl Assignment<'_> {
    fn value(&self) -> Option<(usize, usize)> {
        let value =
            self.in_element().or_else(|| self.in_form_part()).or_else(|| self.in_option()).or_else(|| self.after_separator())?;
        let (from, to) = value;
        (from < to && !is_placeholder(&self.text[from..to])).then_some(value)
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn starts_with(&self, at: usize, prefix: &[u8]) -> bool {
        self.text.get(at..).is_some_and(|rest| rest.starts_with(prefix))
    }

    /// `<password>value</password>`, also with a prefix and attributes.
    fn in_element(&self) -> Option<(usize, usize)> {
        const ATTRIBUTES_BYTES_MAX: usize = 256;
        let (start, end) = self.name;
        let prefix = if start > 0 && self.byte(start - 1) == b':' { identifier(self.text, start - 1, start - 1).0 } else { start };
        if prefix == 0 || self.byte(prefix - 1) != b'<' {
            return None;
        }
        let head = &self.text[end..self.text.len().min(end + ATTRIBUTES_BYTES_MAX)];
        let from = end + head.iter().position(|byte| *byte == b'>')? + 1;
        let to = from + memchr::memchr(b'<', &self.text[from..]).unwrap_or(self.text.len() - from);
        Some((from, to))
    }

    /// The part of a multipart form whose head is `name="password"`, up to the next boundary.
    fn in_form_part(&self) -> Option<(usize, usize)> {
        const HEAD_BYTES_MAX: usize = 512;
        let (start, end) = self.name;
        if !self.text[..start].ends_with(b"name=\"") {
            return None;
        }
        let head = &self.text[end..self.text.len().min(end + HEAD_BYTES_MAX)];
        let from = end + memchr::memmem::find(head, b"\r\n\r\n")? + 4;
        let to = from + memchr::memmem::find(&self.text[from..], b"\r\n--").unwrap_or(self.text.len() - from);
        Some((from, to))
    }

    /// `--password value` on a command line.
    fn in_option(&self) -> Option<(usize, usize)> {
        let (start, end) = self.name;
        let is_option = self.starts_with(start, b"--") && self.byte(end) == b' ' && !b" -\0".contains(&self.byte(end + 1));
        is_option.then(|| self.quoted(end + 1).unwrap_or_else(|| self.bare(end + 1)))
    }

    fn after_separator(&self) -> Option<(usize, usize)> {
        let (separator, at, is_quoted_name) = self.separator()?;
        if separator == Separator::Colon && !is_quoted_name && self.secret.noun == Noun::Header {
            return self.header_line(at);
        }
        if let Some(quoted) = self.quoted(at) {
            return Some(quoted);
        }
        // Code that computes a value or passes a variable on: `password=read()`, `token=token`.
        let called = self.text[at..].iter().take_while(|byte| is_word(**byte) || b"_.".contains(byte)).count();
        if separator == Separator::Equals && self.byte(at + called) == b'(' {
            return None;
        }
        let (from, to) = self.bare(at);
        let value = &self.text[from..to];
        if separator == Separator::Colon && !is_quoted_name {
            return self.looks_secret(value).then_some((from, to));
        }
        if is_quoted_name && b"{[(".contains(&self.byte(from)) {
            return None;
        }
        let (start, end) = self.name;
        let is_same = value.eq_ignore_ascii_case(&self.text[start..end]);
        // With blanks around the sign it is code or prose: `password = $Credential.Password`.
        let is_spaced = self.byte(at - 1) == b' ';
        let is_variable = value.first() == Some(&b'$') && value[1..].iter().all(|byte| is_word(*byte) || b"_.".contains(byte));
        let is_prose = is_spaced && (is_variable || (self.secret.noun != Noun::Password && !self.looks_secret(value)));
        let is_count = self.secret.is_plural && value.iter().all(u8::is_ascii_digit);
        let is_path = self.secret.noun == Noun::Directory && is_directory(value);
        (!is_same && !is_prose && !is_count && !is_path).then_some((from, to))
    }

    /// Reads what follows the name up to the value: which separator, where the value starts, and
    /// whether the name is in quotes.
    fn separator(&self) -> Option<(Separator, usize, bool)> {
        const CLOSING_MAX: usize = 8;
        let (mut at, mut is_quoted) = (self.name.1, false);
        for _ in 0..CLOSING_MAX {
            at += match self.byte(at) {
                b'"' | b'\'' => {
                    is_quoted = true;
                    1
                }
                b']' | b'\\' | b'`' | b'*' => 1,
                _ => break,
            };
        }
        let blanks = |at: usize| self.text[at..].iter().take_while(|byte| b" \t".contains(byte)).take(CLOSING_MAX).count();
        at += blanks(at);
        let (separator, taken) = match (self.byte(at), self.byte(at + 1)) {
            (b'=', b'>') | (b':', b'=') => (Separator::Equals, 2),
            (b'=', b'=') | (b':', b':' | b'/') => return None,
            (b'=', _) => (Separator::Equals, 1),
            (b':', _) => (Separator::Colon, 1),
            _ => return None,
        };
        at += taken;
        Some((separator, at + blanks(at), is_quoted))
    }

    /// The content of a string in quotes, which may be escaped, after a prefix such as `b`.
    fn quoted(&self, at: usize) -> Option<(usize, usize)> {
        let at = at + usize::from(b"bruf".contains(&self.byte(at)) && b"\"'".contains(&self.byte(at + 1)));
        let escapes = self.text[at..].iter().take_while(|byte| **byte == b'\\').count();
        let quote = self.byte(at + escapes);
        if !b"\"'`".contains(&quote) {
            return None;
        }
        let from = at + escapes + 1;
        let mut backslashes = 0;
        for (offset, byte) in self.text[from..].iter().enumerate() {
            // Inside a string that is escaped itself, more backslashes make the quote part of the value.
            let closes = if escapes == 0 { backslashes % 2 == 0 } else { backslashes <= escapes };
            match *byte {
                b'\\' => backslashes += 1,
                byte if byte == quote && closes => return Some((from, from + offset - if escapes == 0 { 0 } else { backslashes })),
                _ => backslashes = 0,
            }
        }
        Some((from, self.text.len()))
    }

    /// A value without quotes.
    fn bare(&self, from: usize) -> (usize, usize) {
        if self.starts_with(from, MASK.as_bytes()) && !is_word(self.byte(from + MASK.len())) {
            return (from, from + MASK.len());
        }
        let mut to = from;
        while to < self.text.len() {
            let byte = self.text[to];
            if byte.is_ascii_whitespace() || b"&;\"'<>`#\\\0".contains(&byte) {
                break;
            }
            if b",)]}|".contains(&byte) && self.ends_list_item(to) {
                break;
            }
            to += 1;
        }
        (from, to)
    }

    /// Whether a comma or a bracket ends a value: nothing follows, or the next name with its value.
    fn ends_list_item(&self, at: usize) -> bool {
        const NAME_BYTES_MAX: usize = 64;
        let next = self.byte(at + 1);
        if !(is_word(next) || next == b'_') {
            return at + 1 >= self.text.len() || next.is_ascii_whitespace() || b",;.)]}\"'<>&:".contains(&next);
        }
        let rest = &self.text[at + 1..self.text.len().min(at + 1 + NAME_BYTES_MAX)];
        let name = rest.iter().take_while(|byte| is_word(**byte) || b"_-.".contains(byte)).count();
        b"=:".contains(&self.byte(at + 1 + name))
    }

    /// The value of a header with blanks in its value, up to the end of the line.
    fn header_line(&self, from: usize) -> Option<(usize, usize)> {
        const SCHEMES: [&[u8]; 12] = [
            b"basic ",
            b"bearer ",
            b"token ",
            b"digest ",
            b"negotiate ",
            b"ntlm ",
            b"apikey ",
            b"api-key ",
            b"oauth ",
            b"hawk ",
            b"dpop ",
            b"aws4-",
        ];
        if let Some(quoted) = self.quoted(from) {
            return Some(quoted);
        }
        let rest = &self.text[from..];
        let end_of =
            |ends: &[u8], max: usize| rest.iter().take(max).position(|byte| ends.contains(byte)).unwrap_or(rest.len().min(max));
        let word = &rest[..end_of(b" \t\r\n\"'\\<", WORD_BYTES_MAX)];
        let has_scheme =
            SCHEMES.iter().any(|scheme| rest.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
        let is_alone = rest.get(word.len()).is_none_or(|next| *next != b' ') && self.looks_secret(word);
        if !(has_scheme || is_alone || word.contains(&b'=')) {
            return None;
        }
        let line = rest[..end_of(b"\r\n\"'\\<", usize::MAX)].trim_ascii_end();
        Some((from, from + line.len()))
    }

    /// Whether a value after a colon in prose is a secret rather than a word of a sentence.
    fn looks_secret(&self, value: &[u8]) -> bool {
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
        if value.len() >= WORD_BYTES_MAX {
            return true;
        }
        let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
        match self.secret.noun {
            Noun::Password => {
                let word = value.trim_ascii_end();
                let word = word.strip_suffix(b".").unwrap_or(word);
                !WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)) && word.iter().any(|byte| is_word(*byte))
            }
            Noun::Directory if is_directory(value) => false,
            _ if self.secret.is_plural => value.len() >= 16 && digits > 0 && digits < value.len(),
            _ => (digits == value.len() && digits >= 3) || (digits > 0 && value.len() >= 6) || value.len() >= 20,
        }
    }
}

/// Whether a value under the name of a secret is none: empty, masked already, or a word for
/// absence.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 14] = [
        MASK.as_bytes(),
        b"[filtered]",
        b"[redacted]",
        b"[removed]",
        b"[scrubbed]",
        b"<redacted>",
        b"redacted",
        b"none",
        b"null",
        b"nil",
        b"undefined",
        b"true",
        b"false",
        b"\xE2\x80\xA6",
    ];
    let dots = |value: &[u8]| value.iter().all(|byte| *byte == b'*') || value.chunks(3).all(|dot| dot == "•".as_bytes());
    dots(value) || WORDS.iter().any(|word| word.eq_ignore_ascii_case(value))
}

/// Whether a value under `pwd` is a directory.
pub(super) fn is_directory(value: &[u8]) -> bool {
    value.starts_with(b"/") || value.starts_with(b"~") || (value.get(1) == Some(&b':') && value[0].is_ascii_alphabetic())
}
