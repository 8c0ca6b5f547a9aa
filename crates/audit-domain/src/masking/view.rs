//! A decoded text that knows where each of its bytes came from: the characters of a JSON string,
//! of a string inside that string, or of a text with percent escapes.

use std::borrow::Cow;

/// Where the bytes of a text are in the text of the member.
#[derive(Debug, Clone)]
enum Origin<'a> {
    /// In the same order, without gaps, from an offset.
    Shifted(usize),
    /// Each byte by itself, and the end.
    Listed(Cow<'a, [u32]>),
}

/// A decoded text.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    bytes: Cow<'a, [u8]>,
    origin: Origin<'a>,
}

impl<'a> View<'a> {
    /// The text of a member itself.
    pub(super) fn of_member(text: &'a str) -> View<'a> {
        View { bytes: Cow::Borrowed(text.as_bytes()), origin: Origin::Shifted(0) }
    }

    /// The bytes: UTF-8, except for lone surrogates.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The offset of a byte in the text of the member.
    pub(super) fn origin(&self, at: usize) -> usize {
        match &self.origin {
            Origin::Shifted(by) => by + at,
            Origin::Listed(offsets) => offsets.get(at).or(offsets.last()).map_or(0, |offset| *offset as usize),
        }
    }

    /// The characters of the JSON string whose content is the range, without its quotes.
    pub(super) fn string(&self, from: usize, to: usize) -> View<'_> {
        let content = &self.bytes[from..to];
        if memchr::memchr(b'\\', content).is_some() { self.decoded(from, to, b'\\', json_escape) } else { self.part(from, to) }
    }

    /// The same text with its percent escapes decoded.
    pub(super) fn percent_decoded(&self) -> View<'_> {
        self.decoded(0, self.bytes.len(), b'%', percent_escape)
    }

    fn part(&self, from: usize, to: usize) -> View<'_> {
        let origin = match &self.origin {
            Origin::Shifted(by) => Origin::Shifted(by + from),
            Origin::Listed(offsets) => Origin::Listed(Cow::Borrowed(offsets.get(from..=to).unwrap_or_default())),
        };
        View { bytes: Cow::Borrowed(&self.bytes[from..to]), origin }
    }

    /// Decodes a range. Most of it has no escapes, and is copied from one escape to the next.
    fn decoded(&self, from: usize, to: usize, mark: u8, escape: fn(&[u8]) -> Option<(u32, usize)>) -> View<'_> {
        let (mut bytes, mut offsets) = (Vec::with_capacity(to - from), Vec::with_capacity(to - from + 1));
        let mut at = from;
        while at < to {
            if let Some((code, taken)) = escape(&self.bytes[at..to]) {
                let (length, mut wtf8) = (bytes.len(), [0; 4]);
                bytes.extend_from_slice(encode(code, &mut wtf8));
                offsets.extend(std::iter::repeat_n(offset(self.origin(at)), bytes.len() - length));
                at += taken;
                continue;
            }
            let end = memchr::memchr(mark, &self.bytes[at + 1..to]).map_or(to, |next| at + 1 + next);
            bytes.extend_from_slice(&self.bytes[at..end]);
            match &self.origin {
                Origin::Shifted(by) => offsets.extend(offset(by + at)..offset(by + end)),
                Origin::Listed(_) => offsets.extend((at..end).map(|at| offset(self.origin(at)))),
            }
            at = end;
        }
        offsets.push(offset(self.origin(to)));
        View { bytes: Cow::Owned(bytes), origin: Origin::Listed(Cow::Owned(offsets)) }
    }
}

/// An offset as it is listed. A member has at most a few MiB, so it fits.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Encodes a code point as in UTF-8, a lone surrogate in the same way.
fn encode(code: u32, buffer: &mut [u8; 4]) -> &[u8] {
    match char::from_u32(code) {
        Some(char) => char.encode_utf8(buffer).as_bytes(),
        None => {
            let part = |shift: u32, mask: u32, mark: u32| u8::try_from(mark | ((code >> shift) & mask)).unwrap_or(b'?');
            buffer[..3].copy_from_slice(&[part(12, 0x0F, 0xE0), part(6, 0x3F, 0x80), part(0, 0x3F, 0x80)]);
            &buffer[..3]
        }
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| Some(number * 16 + char::from(*digit).to_digit(16)?))
}

/// Decodes the JSON escape at the start of a text: the character, and the bytes that it takes.
fn json_escape(text: &[u8]) -> Option<(u32, usize)> {
    let [b'\\', kind, rest @ ..] = text else { return None };
    let simple = |byte: u8| Some((u32::from(byte), 2));
    match kind {
        b'b' => simple(8),
        b'f' => simple(12),
        b'n' => simple(b'\n'),
        b'r' => simple(b'\r'),
        b't' => simple(b'\t'),
        b'u' => {
            let unit = hex(rest.get(..4)?)?;
            let second = rest.get(4..10).filter(|second| second.starts_with(b"\\u")).and_then(|second| hex(&second[2..]));
            match second {
                Some(low) if (0xD800..0xDC00).contains(&unit) && (0xDC00..0xE000).contains(&low) => {
                    Some((0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), 12))
                }
                _ => Some((unit, 6)),
            }
        }
        other => simple(*other),
    }
}

/// Decodes the percent escape of an ASCII character at the start of a text. Others stay as they
/// are: no rule asks for them.
fn percent_escape(text: &[u8]) -> Option<(u32, usize)> {
    let [b'%', rest @ ..] = text else { return None };
    let code = hex(rest.get(..2)?)?;
    (code < 0x80).then_some((code, 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonString;

    #[test]
    fn strings_decode_as_everywhere_else_in_the_crate() {
        for json in [
            r#""a\u00e9\ud83d\ude00\/\"\\\n\b\f\r\tz""#,
            r#""\ud800x""#,
            r#""\udc00\ud800\u0041""#,
            r#""\ud800\ud83d\ude00""#,
            r#""""#,
        ] {
            let member = View::of_member(json);
            let view = member.string(1, json.len() - 1);
            assert_eq!(view.bytes(), JsonString::decode(json).unwrap().as_bytes(), "{json}");
            assert_eq!((view.origin(0), view.origin(view.bytes().len())), (1, json.len() - 1));
        }
    }

    #[test]
    fn offsets_lead_back_through_each_layer() {
        let json = r#""x{\"k\":\"a\\u0062%63\"}""#;
        let member = View::of_member(json);
        let outer = member.string(1, json.len() - 1);
        assert_eq!(outer.bytes(), br#"x{"k":"a\u0062%63"}"#);
        let inner = outer.string(7, 17);
        assert_eq!(inner.bytes(), b"ab%63");
        let percent = inner.percent_decoded();
        assert_eq!(percent.bytes(), b"abc");
        let origins: Vec<&str> = (0..3).map(|at| &json[percent.origin(at)..percent.origin(at + 1)]).collect();
        assert_eq!(origins, ["a", r"\\u0062", "%63"]);
    }
}
