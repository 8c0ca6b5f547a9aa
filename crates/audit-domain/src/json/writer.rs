//! Writes compact JSON objects from texts, so that an answer contains the bytes of a stored value.

use super::JsonText;

/// Writes one object, member by member. [`ObjectWriter::new`] and [`ObjectWriter::end`] write the
/// braces.
#[derive(Debug)]
pub struct ObjectWriter<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> ObjectWriter<'a> {
    /// Opens an object at the end of `out`.
    pub fn new(out: &'a mut String) -> Self {
        out.push('{');
        ObjectWriter { out, first: true }
    }

    /// Writes a member whose value is JSON text already.
    pub fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.key(name);
        self.out.push_str(json);
        self
    }

    /// Writes a member whose key and value are JSON text already.
    pub fn raw_key(&mut self, key: &str, json: &str) -> &mut Self {
        self.separator();
        self.out.push_str(key);
        self.out.push(':');
        self.out.push_str(json);
        self
    }

    /// Writes a member with the bytes of a text, or with `null`.
    pub fn text(&mut self, name: &str, value: Option<&JsonText>) -> &mut Self {
        self.raw(name, value.map_or("null", JsonText::as_str))
    }

    /// Writes a string member.
    pub fn string(&mut self, name: &str, value: &str) -> &mut Self {
        self.key(name);
        push_string(self.out, value);
        self
    }

    /// Writes an integer member, or `null`.
    pub fn integer(&mut self, name: &str, value: Option<i64>) -> &mut Self {
        match value {
            Some(number) => self.raw(name, &number.to_string()),
            None => self.raw(name, "null"),
        }
    }

    /// Writes the key, and calls `value` to write the value.
    pub fn nested(&mut self, name: &str, value: impl FnOnce(&mut String)) -> &mut Self {
        self.key(name);
        value(self.out);
        self
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push('}');
    }

    fn key(&mut self, name: &str) {
        self.separator();
        push_string(self.out, name);
        self.out.push(':');
    }

    fn separator(&mut self) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
    }
}

/// Appends an array. `write` writes each element.
pub fn push_array<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut write: impl FnMut(T, &mut String)) {
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}

/// Appends a JSON string. It escapes only the characters that JSON requires, so non-ASCII
/// characters stay UTF-8.
pub(super) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            8 => "\\b",
            12 => "\\f",
            byte if byte < b' ' => &format!("\\u{byte:04x}"),
            _ => continue,
        };
        // The escaped character is ASCII, so another character ends before it.
        out.push_str(&text[start..at]);
        out.push_str(escape);
        start = at + 1;
    }
    out.push_str(&text[start..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_serde_json_reads_back() {
        let odd = "a\"\\\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}é😀\u{2028}";
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object.string("k", odd).integer("n", None).raw("r", "1.0");
        object.end();
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["k"], odd);
        assert_eq!(out, format!("{{\"k\":{},\"n\":null,\"r\":1.0}}", serde_json::to_string(odd).unwrap()));
    }
}
