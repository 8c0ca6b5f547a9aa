//! The values in a text: strings in quotes, values without quotes, lists of either, calls.

use super::edits::MASK;
use super::name::is_word;
use super::words::WORD_BYTES_MAX;

/// A range of a text.
pub(super) type Range = (usize, usize);

/// The byte at an offset, or zero after the end.
pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The content of a string in quotes, which may be escaped, after a prefix such as `b`.
pub(super) fn quoted(text: &[u8], at: usize) -> Option<Range> {
    let at = at + usize::from(b"bruf".contains(&byte(text, at)) && b"\"'".contains(&byte(text, at + 1)));
    let escapes = text[at..].iter().take_while(|byte| **byte == b'\\').count();
    let quote = byte(text, at + escapes);
    if !b"\"'`".contains(&quote) {
        return None;
    }
    let from = at + escapes + 1;
    let mut backslashes = 0;
    for (offset, byte) in text[from..].iter().enumerate() {
        // Inside a string that is escaped itself, more backslashes make the quote part of the value.
        let closes = if escapes == 0 { backslashes % 2 == 0 } else { backslashes <= escapes };
        match *byte {
            b'\\' => backslashes += 1,
            byte if byte == quote && closes => return Some((from, from + offset - if escapes == 0 { 0 } else { backslashes })),
            _ => backslashes = 0,
        }
    }
    Some((from, text.len()))
}

/// The content of a string in quotes that ends within a few KiB. The search for the end of others
/// would take the rest of the text for each name.
pub(super) fn closed(text: &[u8], at: usize) -> Option<Range> {
    const BYTES_MAX: usize = 4 * 1024;
    let near = &text[..text.len().min(at + BYTES_MAX)];
    quoted(near, at).filter(|(_, to)| *to < near.len())
}

/// A value without quotes.
pub(super) fn bare(text: &[u8], from: usize) -> Range {
    if is_mask(text, from) {
        return (from, from + MASK.len());
    }
    let (mut to, mut depth) = (from, 0usize);
    while to < text.len() {
        let byte = text[to];
        if byte.is_ascii_whitespace() || b"&;\"'<>`#\\\0".contains(&byte) {
            break;
        }
        // A bracket that closes one of the value is a part of it: `Hunter2(!)`.
        let closes = depth > 0 && b")]}".contains(&byte);
        if !closes && b",)]}|".contains(&byte) && ends_list_item(text, to) {
            break;
        }
        depth = depth + usize::from(b"([{".contains(&byte)) - usize::from(closes);
        to += 1;
    }
    (from, to)
}

/// Whether a value was masked before.
pub(super) fn is_mask(text: &[u8], at: usize) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(MASK.as_bytes())) && !is_word(byte(text, at + MASK.len()))
}

/// Whether a comma or a bracket ends a value: nothing follows, or the next name with its value.
fn ends_list_item(text: &[u8], at: usize) -> bool {
    const NAME_BYTES_MAX: usize = 64;
    let next = byte(text, at + 1);
    if !(is_word(next) || next == b'_') {
        return at + 1 >= text.len() || next.is_ascii_whitespace() || b",;.)]}\"'<>&:".contains(&next);
    }
    let rest = &text[at + 1..text.len().min(at + 1 + NAME_BYTES_MAX)];
    let name = rest.iter().take_while(|byte| is_word(**byte) || b"_-.".contains(byte)).count();
    b"=:".contains(&byte(text, at + 1 + name))
}

/// An element of a list: its range, and whether it is in quotes.
pub(super) type Element = (Range, bool);

/// The elements of a list such as `['a', b]` or `("a",)`. A list ends where no comma follows an
/// element, so a part of a text is read as one list at most. Returns `None` for anything else.
pub(super) fn list(text: &[u8], at: usize) -> Option<Vec<Element>> {
    let closing = match byte(text, at) {
        b'[' => b']',
        b'(' => b')',
        _ => return None,
    };
    let skip_blanks = |at: usize| at + text[at.min(text.len())..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let (mut elements, mut at) = (Vec::new(), skip_blanks(at + 1));
    loop {
        if byte(text, at) == closing {
            let is_over = !is_word(byte(text, at + 1));
            return is_over.then_some(elements);
        }
        let (element, next) = element(text, at)?;
        elements.push(element);
        at = skip_blanks(next);
        match byte(text, at) {
            b',' => at = skip_blanks(at + 1),
            other if other != closing => return elements.iter().any(|(_, is_quoted)| *is_quoted).then_some(elements),
            _ => {}
        }
    }
}

/// Reads an element of a list, and returns where the text goes on after it.
fn element(text: &[u8], at: usize) -> Option<(Element, usize)> {
    if let Some((from, to)) = quoted(text, at) {
        let quote = to + text[to..].iter().take_while(|byte| **byte == b'\\').count();
        return Some((((from, to), true), quote + 1));
    }
    let end = match is_mask(text, at) {
        true => at + MASK.len(),
        false => {
            let is_end = |byte: &u8| byte.is_ascii_whitespace() || b",()[]{}\"'`<>=:&;\\".contains(byte);
            at + text[at..].iter().position(is_end).unwrap_or(text.len() - at)
        }
    };
    (end > at).then_some((((at, end), false), end))
}

/// Whether a value is a call that computes it: `read()`, `get("x").strip()`. Something else than
/// the end of an expression after the brackets makes it a text.
pub(super) fn is_call(text: &[u8], at: usize) -> bool {
    let callee = text[at..].iter().take_while(|byte| is_word(**byte) || b"_.".contains(byte)).count();
    let open = at + callee;
    if byte(text, open) != b'(' || !(is_word(byte(text, open + 1)) || b"\0 \t\r\n)([{\"'_*&-\\".contains(&byte(text, open + 1))) {
        return false;
    }
    let mut depth = 0;
    for (offset, byte) in text[open..].iter().take(WORD_BYTES_MAX).enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => {
                let next = text.get(open + offset + 1);
                return next.is_none_or(|next| next.is_ascii_whitespace() || b",;:.)]}[\"'`\\".contains(next));
            }
            b')' => depth -= 1,
            b'\n' if offset == 1 => return true,
            _ => {}
        }
    }
    // An expression that is cut off: so long, or at the end of its line.
    open + WORD_BYTES_MAX < text.len() || open + 1 == text.len()
}
