//! Query strings and forms, as Django reads and writes them.

use encoding_rs::Encoding;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use crate::body::BodyError;
use crate::body::charset;

/// The decoded parameters of a query string or a form, in order, empty and repeated ones included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads `a=b&c`. `+` is a blank and `%xx` is a byte. Bytes that are not UTF-8 become U+FFFD,
    /// and a lone `%` stays.
    pub(crate) fn parse(query: &str) -> Params {
        Params(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Reads a form with the bytes of a charset. Bytes that are not a character of the charset are
    /// an error, because the log stores forms.
    pub(crate) fn form(form: &[u8], charset: &'static Encoding) -> Result<Params, BodyError> {
        let text = |escaped: &[u8]| charset::decode(charset, &unescape(escaped));
        pairs(form).map(|(name, value)| Ok((text(name)?, text(value)?))).collect::<Result<_, _>>().map(Params)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the last value of a name. Only the last value counts.
    pub(crate) fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the last value without the blanks around it, or `None` if it is then empty. An empty
    /// value switches a filter off.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.last(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Returns the same names with other values.
    pub(crate) fn map_values(self, value: impl Fn(String) -> String) -> Params {
        Params(self.0.into_iter().map(|(name, old)| (name, value(old))).collect())
    }

    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// Returns the query string with one parameter replaced or, with `None`, removed. The
    /// parameters are sorted by name and encoded again.
    pub(crate) fn with(&self, name: &str, value: Option<&str>) -> String {
        let mut pairs: Vec<(&str, &str)> = self.iter().filter(|(key, _)| *key != name).collect();
        pairs.extend(value.map(|value| (name, value)));
        pairs.sort_by_key(|(key, _)| *key);
        pairs.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect::<Vec<_>>().join("&")
    }
}

/// Splits names and values that are still escaped. The crate form_urlencoded returns them only as
/// UTF-8.
fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, &b""[..]),
    })
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let with_blanks: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&with_blanks).collect()
}

/// The characters that Python's `quote_plus` escapes. Browsers and form_urlencoded keep `*` and
/// escape `~`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string().replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_like_python() {
        let params = Params::parse("limit=2&&b=%zz&page=2&x=%c3%bc+%2B&bare&arr=2&arr=&k=%ff%");
        assert_eq!(params.last("x"), Some("ü +"));
        assert_eq!(params.given("bare"), None);
        assert_eq!(params.with("page", Some("3")), "arr=2&arr=&b=%25zz&bare=&k=%EF%BF%BD%25&limit=2&page=3&x=%C3%BC+%2B");
        assert_eq!(Params::parse("page=2").with("page", None), "");
    }

    #[test]
    fn a_form_is_read_in_its_charset_and_never_with_replacements() {
        let latin = Encoding::for_label(b"iso-8859-1").unwrap();
        let form = Params::form(b"caf%E9=%e9+\xe9&x=%zz%&&=1", latin).unwrap();
        assert_eq!((form.last("café"), form.last("x"), form.last("")), (Some("é é"), Some("%zz%"), Some("1")));
        for bad in [&b"msg=caf%E9"[..], b"caf%E9=1", b"msg=caf\xe9", b"msg=%C3"] {
            assert_eq!(Params::form(bad, encoding_rs::UTF_8), Err(BodyError::Characters { charset: "UTF-8" }));
        }
        assert_eq!(Params::form("a=%C3%A9é".as_bytes(), encoding_rs::UTF_8).unwrap().last("a"), Some("éé"));
    }
}
