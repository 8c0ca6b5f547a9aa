//! The texts in a value, for a search.

use super::{JsonString, JsonText};

impl JsonText {
    /// Calls back for each text in the value, in order: the characters of a string or of a member's
    /// name, and a number as it is written. `true`, `false` and `null` are skipped.
    pub fn each_text(&self, mut text: impl FnMut(&[u8])) {
        let mut rest = self.as_str();
        while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
            rest = &rest[start..];
            let is_string = rest.starts_with('"');
            let end = if is_string { end_of_string(rest) } else { end_of_number(rest) };
            let (token, next) = rest.split_at(end);
            match token.strip_prefix('"').and_then(|token| token.strip_suffix('"')) {
                None => text(token.as_bytes()),
                Some(plain) if !plain.contains('\\') => text(plain.as_bytes()),
                Some(_) => {
                    if let Some(decoded) = JsonString::decode(token) {
                        text(decoded.as_bytes());
                    }
                }
            }
            rest = next;
        }
    }
}

/// The end of the string at the start of the text.
fn end_of_string(text: &str) -> usize {
    let (bytes, mut at) = (text.as_bytes(), 1);
    while let Some(next) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
        at += next + 1;
        if bytes[at - 1] == b'"' {
            return at;
        }
        // An escape begins with one ASCII character after the backslash.
        at += 1;
    }
    text.len()
}

fn end_of_number(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'))).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(json: &str) -> Vec<String> {
        let mut texts = Vec::new();
        JsonText::parse(json).unwrap().each_text(|text| texts.push(String::from_utf8_lossy(text).into_owned()));
        texts
    }

    #[test]
    fn texts_are_strings_names_and_numbers() {
        assert_eq!(
            texts(r#"{"a b":[1, -2.5e+7 ,"c\"\u00e9\\",{"":true}],"d":null,"e":"\\"}"#),
            ["a b", "1", "-2.5e+7", "c\"é\\", "", "d", "e", "\\"]
        );
        assert_eq!(texts(r#""\\\"""#), ["\\\""]);
        assert_eq!(texts("12"), ["12"]);
        assert_eq!(texts("false"), [""; 0]);
        assert_eq!(texts(r#""\ud800x""#).len(), 1);
    }
}
