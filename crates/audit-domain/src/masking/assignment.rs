//! The values that a text assigns to the name of a secret.

use super::dictionary::{Noun, Secret};
use super::header;
use super::message::{is_mark, is_message};
use super::name::is_word;
use super::needles::identifier;
use super::shape::PEM_NEEDLE;
use super::spaced;
use super::value::{Element, Range, bare, byte, closed, is_call, is_mask, list, quoted};
use super::words::{
    WORD_BYTES_MAX, is_directory, is_masked, is_masked_start, is_of_a_sentence, is_placeholder, is_stated_secret, looks_secret,
};
use super::wrapped;

/// A name in a text, and what may be assigned to it.
pub(super) struct Assignment<'t> {
    pub(super) text: &'t [u8],
    pub(super) name: Range,
    pub(super) secret: Secret,
}

/// What is between a name and its value.
struct Separator {
    is_colon: bool,
    /// Where the value starts.
    value: usize,
    is_quoted_name: bool,
    /// Whether name and value are a pair of a query string or a form: neither prose nor code.
    is_form: bool,
}

impl Separator {
    /// Whether a sentence may go on after a colon.
    fn is_prose(&self) -> bool {
        self.is_colon && !self.is_quoted_name
    }
}

impl Assignment<'_> {
    /// The ranges of the values.
    pub(super) fn values(&self) -> Vec<Range> {
        let framed = || self.in_element().or_else(|| self.in_form_part()).or_else(|| self.in_attribute());
        let mut values = match framed().or_else(|| self.in_option()).or_else(|| self.in_pair()).or_else(|| self.in_statement()) {
            Some((from, to)) if is_placeholder(&self.text[from..to]) => Vec::new(),
            Some(value) => vec![value],
            None => self.after_separator(),
        };
        if let [(_, end)] = values[..] {
            values.extend(self.after_arrow(end));
        }
        if self.secret.is_stated {
            values.retain(|(from, to)| is_stated_secret(self.as_other(), &self.text[*from..*to]));
        }
        values
    }

    fn byte(&self, at: usize) -> u8 {
        byte(self.text, at)
    }

    fn starts_with(&self, at: usize, prefix: &[u8]) -> bool {
        self.text.get(at..at + prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    }

    /// `<password>value</password>`, also with a prefix and attributes. Without the end of the
    /// element it may be anything: `<Token object>`, `List<Token>`.
    fn in_element(&self) -> Option<Range> {
        const ATTRIBUTES_BYTES_MAX: usize = 256;
        const DATA: &[u8] = b"<![CDATA[";
        let (start, end) = self.name;
        let prefix = if start > 0 && self.byte(start - 1) == b':' { identifier(self.text, start - 1, start - 1).0 } else { start };
        if prefix == 0 || self.byte(prefix - 1) != b'<' {
            return None;
        }
        let head = &self.text[end..self.text.len().min(end + ATTRIBUTES_BYTES_MAX)];
        let attributes = &head[..head.iter().position(|byte| *byte == b'>')?];
        let has_attributes = attributes.first().is_some_and(u8::is_ascii_whitespace) && attributes.contains(&b'=');
        if !(attributes.is_empty() || has_attributes) || attributes.ends_with(b"/") {
            return None;
        }
        let from = end + attributes.len() + 1;
        // Nothing but XML has such data, so it may also be cut off.
        if self.starts_with(from, DATA) {
            let from = from + DATA.len();
            let to = memchr::memmem::find(&self.text[from..], b"]]>").map_or(self.text.len(), |length| from + length);
            return (from < to).then_some((from, to));
        }
        let to = from + memchr::memchr(b'<', &self.text[from..])?;
        let name = to + if self.starts_with(to, b"<\\/") { 3 } else { 2 };
        let is_closed = self.byte(name - 1) == b'/' && self.starts_with(name, &self.text[prefix..end]);
        (is_closed && from < to).then_some((from, to))
    }

    /// The part of a multipart form whose head is `name="password"`, up to the next boundary.
    fn in_form_part(&self) -> Option<Range> {
        const HEAD_BYTES_MAX: usize = 512;
        let (start, end) = self.name;
        let before = &self.text[start.saturating_sub(HEAD_BYTES_MAX)..start];
        let is_bare_name = || before.ends_with(b"name=") && memchr::memmem::find(before, b"form-data").is_some();
        if !(before.ends_with(b"name=\"") || is_bare_name()) {
            return None;
        }
        let head = &self.text[end..self.text.len().min(end + HEAD_BYTES_MAX)];
        let (blank_line, length) = match memchr::memmem::find(head, b"\r\n\r\n") {
            Some(at) => (at, 4),
            None => (memchr::memmem::find(head, b"\n\n")?, 2),
        };
        let from = end + blank_line + length;
        let to = from + memchr::memmem::find(&self.text[from..], b"\n--").unwrap_or(self.text.len() - from);
        Some((from, to - usize::from(to > from && self.byte(to - 1) == b'\r')))
    }

    /// `<add key="Password" value="…"/>`.
    fn in_attribute(&self) -> Option<Range> {
        let (start, end) = self.name;
        let before = &self.text[start.saturating_sub(6)..start];
        if !(before.ends_with(b" key=\"") || before.ends_with(b"name=\"")) || self.byte(end) != b'"' {
            return None;
        }
        let value = end + 1 + self.text[end + 1..].iter().take_while(|byte| byte.is_ascii_whitespace()).take(8).count();
        if self.starts_with(value, b"value=") { quoted(self.text, value + 6) } else { None }
    }

    /// `--password value` on a command line.
    fn in_option(&self) -> Option<Range> {
        let (start, end) = self.name;
        // `--no-password` has no value.
        if !self.starts_with(start, b"--") || self.secret.is_stated {
            return None;
        }
        // The arguments of a process as a list: `['tool', '--password', '…']`.
        if b"'\"".contains(&self.byte(end)) {
            let is_next = self.byte(end + 1) == b',' && self.byte(end + 2) == b' ';
            return if is_next { closed(self.text, end + 3).filter(|(from, _)| self.byte(*from) != b'-') } else { None };
        }
        let value = end + self.text[end..].iter().take(8).take_while(|byte| b" \t".contains(byte)).count();
        let is_value = value > end && !b" -=:\0".contains(&self.byte(value));
        is_value.then(|| quoted(self.text, value).unwrap_or_else(|| bare(self.text, value))).filter(|(from, to)| from < to)
    }

    /// The second of two strings in brackets: `('password', '…')`, `["password", "…"]`,
    /// `define('DB_PASSWORD', '…')`.
    fn in_pair(&self) -> Option<Range> {
        let (start, end) = self.name;
        let is_quote = |at: usize| b"'\"".contains(&self.byte(at));
        let before = |at: usize| at.checked_sub(1).map_or(0, |at| self.byte(at));
        if start == 0 || !is_quote(start - 1) || !is_quote(end) || self.byte(end + 1) != b',' {
            return None;
        }
        let open = start - 1 - usize::from(b"bu".contains(&before(start - 1)));
        let value = end + 2 + self.text[end + 2..].iter().take(8).take_while(|byte| byte.is_ascii_whitespace()).count();
        let (from, to) = closed(self.text, value)?;
        if !b"([{".contains(&before(open)) || !b")]}".contains(&self.byte(to + 1)) {
            return None;
        }
        // One of a list of pairs is a pair. Two strings by themselves may be two names.
        let outside = self.text[..open - 1].iter().rev().find(|byte| !byte.is_ascii_whitespace());
        let is_listed = outside.is_some_and(|byte| b"[(,{".contains(byte));
        (is_listed || looks_secret(self.as_other(), &self.text[from..to])).then_some((from, to))
    }

    /// A string directly after the name: `ALTER USER bob PASSWORD '…'`, `Token '…' is expired`.
    fn in_statement(&self) -> Option<Range> {
        let end = self.name.1;
        if self.byte(end) != b' ' || !b"'\"".contains(&self.byte(end + 1)) {
            return None;
        }
        let value = closed(self.text, end + 1)?;
        looks_secret(self.as_other(), &self.text[value.0..value.1]).then_some(value)
    }

    /// The second side of a change: `password: 'old' -> 'new'`.
    fn after_arrow(&self, end: usize) -> Option<Range> {
        let blanks = |at: usize| at + self.text[at..].iter().take(8).take_while(|byte| **byte == b' ').count();
        let closed = end + self.text[end..].iter().take(4).take_while(|byte| b"'\"`\\".contains(byte)).count();
        let arrow = blanks(closed);
        let length = ["->", "=>", "→"].iter().find(|sign| self.starts_with(arrow, sign.as_bytes()))?.len();
        let at = blanks(arrow + length);
        let (from, to) = quoted(self.text, at).unwrap_or_else(|| bare(self.text, at));
        (from < to && !is_placeholder(&self.text[from..to])).then_some((from, to))
    }

    /// The secret as one that has to look like one, also if it is a password.
    fn as_other(&self) -> Secret {
        Secret { noun: Noun::Other, ..self.secret }
    }

    fn after_separator(&self) -> Vec<Range> {
        let Some(separator) = self.separator() else { return Vec::new() };
        let at = separator.value;
        let own_line = header::is_header(self.text, self.name, self.secret);
        if separator.is_prose() && (own_line || self.secret.noun == Noun::Header) {
            let value = header::line(self.text, at, self.secret, own_line);
            if value.is_some() || self.secret.noun == Noun::Header {
                return value.filter(|(from, to)| !is_placeholder(&self.text[*from..*to])).into_iter().collect();
            }
        }
        // The form of a private key is found by itself, with the lines that the value ends before.
        if self.starts_with(at, PEM_NEEDLE.as_bytes()) {
            return Vec::new();
        }
        if let Some(value) = quoted(self.text, at) {
            return self.filtered([(value, true)], &separator);
        }
        if is_masked_start(self.text, at) {
            return Vec::new();
        }
        if !is_mask(self.text, at)
            && let Some(elements) = list(self.text, at)
        {
            return self.filtered(elements, &separator);
        }
        if let Some(inside) = wrapped::values(self.text, at) {
            return self.filtered(inside.into_iter().map(|value| (value, true)), &separator);
        }
        if self.opens_object(at) || (!separator.is_colon && !separator.is_form && is_call(self.text, at)) {
            return Vec::new();
        }
        let special = if separator.is_colon { None } else { header::assigned(self.text, at, self.secret) };
        if let Some(value) = special.or_else(|| spaced::value(self.text, at, self.secret)) {
            return vec![value];
        }
        let (from, to) = bare(self.text, at);
        let value = &self.text[from..to];
        if value.iter().all(|byte| b"[({})]".contains(byte)) {
            return Vec::new();
        }
        self.filtered([((from, to), false)], &separator)
    }

    /// The values of a list that are secrets.
    fn filtered(&self, elements: impl IntoIterator<Item = Element>, separator: &Separator) -> Vec<Range> {
        let is_secret = |(from, to): Range, is_quoted: bool| {
            let value = &self.text[from..to];
            // The weak password `none` is one where nothing says that a word of a program stands there.
            let is_text = (separator.is_form && from == separator.value) || (is_quoted && separator.is_quoted_name);
            let is_said = is_quoted && self.secret.noun != Noun::Phrase && is_message(value);
            let is_absent = match self.secret.noun {
                noun if noun.is_password() && is_text => is_masked(value) || is_mark(value),
                _ => is_placeholder(value),
            };
            let is_path = self.secret.noun == Noun::Directory && is_directory(value);
            !is_absent && !is_said && !is_path && (is_quoted || self.is_secret_bare(value, separator))
        };
        elements.into_iter().filter(|(range, is_quoted)| is_secret(*range, *is_quoted)).map(|(range, _)| range).collect()
    }

    /// Whether a value without quotes is a secret, and not code or a word.
    fn is_secret_bare(&self, value: &[u8], separator: &Separator) -> bool {
        if separator.is_prose() {
            return looks_secret(self.secret, value);
        }
        let (start, end) = self.name;
        // Code that passes a variable on: `token=token`.
        let is_same = !separator.is_form && value.eq_ignore_ascii_case(&self.text[start..end]);
        // With blanks around the sign it is code or prose: `password = $Credential.Password`.
        let is_spaced = self.byte(separator.value - 1) == b' ';
        let is_variable = value.first() == Some(&b'$') && value[1..].iter().all(|byte| is_word(*byte) || b"_.".contains(byte));
        let is_prose = is_spaced && (is_variable || (!self.secret.noun.is_password() && !looks_secret(self.secret, value)));
        let is_count = self.secret.is_plural && value.iter().all(u8::is_ascii_digit);
        !(is_same || is_prose || is_count)
    }

    /// Whether a value is an object or a block, whose members have names of their own.
    fn opens_object(&self, at: usize) -> bool {
        let next = self.byte(at + 1);
        let name =
            self.text[self.text.len().min(at + 1)..].iter().take(64).take_while(|byte| is_word(**byte) || **byte == b'_').count();
        self.byte(at) == b'{' && (b"\"'`\\ \t\r\n}\0".contains(&next) || (name > 0 && b":=".contains(&self.byte(at + 1 + name))))
    }

    /// Reads what follows the name up to the value.
    fn separator(&self) -> Option<Separator> {
        const CLOSING_MAX: usize = 8;
        // Columns of a plan or a description are aligned.
        const BLANKS_MAX: usize = 64;
        let (mut at, mut is_quoted_name) = (self.name.1, false);
        for _ in 0..CLOSING_MAX {
            at += match self.byte(at) {
                b'"' | b'\'' => {
                    is_quoted_name = true;
                    1
                }
                b']' | b'\\' | b'`' | b'*' => 1,
                b'[' => self.index(at)?,
                _ => break,
            };
        }
        let blanks = |at: usize| self.text[at..].iter().take_while(|byte| b" \t".contains(byte)).take(BLANKS_MAX).count();
        let sign = at + blanks(at);
        let (is_colon, taken) = match (self.byte(sign), self.byte(sign + 1)) {
            (b'=', b'>') | (b':', b'=') => (false, 2),
            (b'=', b'=') | (b':', b':' | b'/') => return None,
            (b'=', _) => (false, 1),
            (b':', _) => (true, 1),
            _ => return None,
        };
        let after = sign + taken;
        let value = after + blanks(after);
        let is_plain = !is_colon && taken == 1 && sign == at && value == after;
        let separator = Separator { is_colon, value, is_quoted_name, is_form: is_plain && self.is_in_form(value) };
        Some(if separator.is_prose() { self.on_next_line(separator) } else { separator })
    }

    /// The length of an index after a name: `[]`, `[0]`, `[new]`.
    fn index(&self, at: usize) -> Option<usize> {
        const INDEX_BYTES_MAX: usize = 16;
        let word = self.text[at + 1..].iter().take(INDEX_BYTES_MAX).take_while(|byte| is_word(**byte) || **byte == b'_').count();
        (self.byte(at + 1 + word) == b']').then_some(word + 2)
    }

    /// Whether a pair is in a query string or a form: other pairs are beside it, or it starts the text.
    fn is_in_form(&self, value: usize) -> bool {
        let name = self.text[..self.name.0].iter().rposition(|byte| !(is_word(*byte) || b"_-.[]".contains(byte)));
        let end = bare(&self.text[..self.text.len().min(value + WORD_BYTES_MAX)], value).1;
        name.is_none_or(|before| b"&?".contains(&self.text[before])) || self.byte(end) == b'&'
    }

    /// In YAML a value may stand on the line after its name, further to the right.
    fn on_next_line(&self, separator: Separator) -> Separator {
        const INDENT_MAX: usize = 64;
        let at = separator.value;
        let line = at + usize::from(self.byte(at) == b'\r');
        if self.byte(line) != b'\n' {
            return separator;
        }
        let indent = self.text[line + 1..].iter().take(INDENT_MAX).take_while(|byte| **byte == b' ').count();
        let value = line + 1 + indent;
        let (_, end) = bare(self.text, value);
        let is_alone = end > value && b"\r\n\0".contains(&self.byte(end)) && !self.text[value..end].contains(&b':');
        let is_word = is_of_a_sentence(&self.text[value..end]);
        if indent > 0 && is_alone && !is_word { Separator { value, ..separator } } else { separator }
    }
}
