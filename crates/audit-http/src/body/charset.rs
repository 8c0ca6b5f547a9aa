//! The charset of a body: UTF-8, unless its `Content-Type` names another charset. The log never
//! stores a replacement character for a character that could not be read.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::BodyError;

/// Returns the charset that a request names. Names are those of the WHATWG, so `iso-8859-1` is
/// windows-1252, which has characters in the place of control characters that no text has.
pub(crate) fn from_request(request: &HttpRequest) -> Result<&'static Encoding, BodyError> {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    named_in(value)
}

fn named_in(content_type: &str) -> Result<&'static Encoding, BodyError> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let Some((_, name)) = charsets.next() else { return Ok(UTF_8) };
    let name = name.trim().trim_matches('"');
    // ASCII is a part of UTF-8. A text that is labelled as ASCII and has other bytes is UTF-8 more
    // often than anything else.
    if ["", "us-ascii", "ascii"].iter().any(|ascii| name.eq_ignore_ascii_case(ascii)) {
        return Ok(UTF_8);
    }
    Encoding::for_label_no_replacement(name.as_bytes()).ok_or_else(|| BodyError::Charset(name.chars().take(40).collect()))
}

/// Reads the text of a body in a charset.
pub(crate) fn decode(charset: &'static Encoding, bytes: &[u8]) -> Result<String, BodyError> {
    let text = charset.decode_without_bom_handling_and_without_replacement(bytes);
    text.map(|text| text.into_owned()).ok_or(BodyError::Characters { charset: charset.name() })
}

/// Whether a form can be in this charset. A form is written in ASCII and its escapes are bytes of
/// the charset, so the charset must have the ASCII characters at the bytes of ASCII.
pub(crate) fn is_of_forms(charset: &'static Encoding) -> bool {
    charset.is_ascii_compatible()
}

/// Returns the UTF-16 encoding that the first two bytes of a body announce. A text in UTF-8 never
/// begins with these bytes.
pub(crate) fn marked_utf16(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, ..] => Some(UTF_16LE.name()),
        [0xfe, 0xff, ..] => Some(UTF_16BE.name()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charset_is_read_from_the_media_type_or_refused() {
        for (content_type, name) in [
            ("", "UTF-8"),
            ("application/json", "UTF-8"),
            ("application/json; charset=utf8", "UTF-8"),
            ("application/json;charset=US-ASCII", "UTF-8"),
            ("a/b; charset=", "UTF-8"),
            ("a/b; boundary=x; Charset=\"ISO-8859-9\"", "windows-1254"),
            ("a/b; charset=latin1", "windows-1252"),
            ("a/b; charset=shift_jis", "Shift_JIS"),
        ] {
            assert_eq!(named_in(content_type).unwrap().name(), name, "{content_type}");
        }
        for unknown in ["klingon", "utf-7", "iso-2022-kr", "%00"] {
            assert_eq!(named_in(&format!("a/b; charset={unknown}")), Err(BodyError::Charset(unknown.to_owned())));
        }
    }

    #[test]
    fn what_is_not_of_the_charset_is_refused_and_never_replaced() {
        let shift_jis = named_in("a/b; charset=shift_jis").unwrap();
        assert_eq!(decode(shift_jis, b"\x93\xfa\x96{").unwrap(), "日本");
        assert_eq!(decode(shift_jis, b"\x93"), Err(BodyError::Characters { charset: "Shift_JIS" }));
        assert_eq!(decode(UTF_8, b"caf\xe9"), Err(BodyError::Characters { charset: "UTF-8" }));
        assert_eq!(decode(UTF_8, "\u{feff}x".as_bytes()).unwrap(), "\u{feff}x");
        assert!(is_of_forms(shift_jis) && !is_of_forms(UTF_16LE));
    }
}
