//! Python literals, as `repr()` writes them: the arguments of a log record come as one.

/// A value, and how it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Literal {
    /// Its `repr()`.
    pub(super) repr: String,
    pub(super) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// An integer or a boolean, as far as 128 bits go.
    Integer(i128),
    Float(f64),
    /// Of a tuple or a list.
    Items(Vec<Literal>),
    /// Of a dictionary, by their keys.
    Entries(Vec<(Literal, Literal)>),
    /// `None`, bytes, and integers beyond 128 bits, which are only ever shown.
    Other,
}

/// Levels of nesting, beyond which nobody wrote a log line by hand.
const NESTING_MAX: usize = 16;

/// Reads a literal; `None` for anything else, such as the `repr()` of an object.
pub(super) fn parse(text: &str) -> Option<Literal> {
    let mut reader = Reader { text, at: 0 };
    let literal = reader.literal(0)?;
    reader.blanks();
    (reader.at == text.len()).then_some(literal)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches(' ').len();
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn literal(&mut self, level: usize) -> Option<Literal> {
        self.blanks();
        let start = self.at;
        let value = match self.rest().chars().next()? {
            _ if level > NESTING_MAX => return None,
            '(' => self.items("(", ")", level)?,
            '[' => self.items("[", "]", level)?,
            '{' => self.entries(level)?,
            '\'' | '"' => Value::Text(self.string()?),
            'b' => {
                self.at += 1;
                self.string()?;
                Value::Other
            }
            _ => self.word()?,
        };
        Some(Literal { repr: self.text[start..self.at].to_owned(), value })
    }

    fn items(&mut self, open: &str, close: &str, level: usize) -> Option<Value> {
        self.take(open);
        let mut items = Vec::new();
        loop {
            self.blanks();
            if self.take(close) {
                return Some(Value::Items(items));
            }
            items.push(self.literal(level + 1)?);
            self.blanks();
            if !self.take(",") && !self.rest().starts_with(close) {
                return None;
            }
        }
    }

    fn entries(&mut self, level: usize) -> Option<Value> {
        self.take("{");
        let mut entries = Vec::new();
        loop {
            self.blanks();
            if self.take("}") {
                return Some(Value::Entries(entries));
            }
            let key = self.literal(level + 1)?;
            self.blanks();
            if !self.take(":") {
                return None;
            }
            entries.push((key, self.literal(level + 1)?));
            self.blanks();
            if !self.take(",") && !self.rest().starts_with('}') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.rest().chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        self.at += 1;
        let mut out = String::new();
        loop {
            let next = self.rest().chars().next()?;
            self.at += next.len_utf8();
            match next {
                _ if next == quote => return Some(out),
                '\\' => out.push(self.escape()?),
                other => out.push(other),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let kind = self.rest().chars().next()?;
        self.at += kind.len_utf8();
        let digits = match kind {
            'n' => return Some('\n'),
            'r' => return Some('\r'),
            't' => return Some('\t'),
            '\\' | '\'' | '"' => return Some(kind),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return None,
        };
        let code = u32::from_str_radix(self.rest().get(..digits)?, 16).ok()?;
        self.at += digits;
        char::from_u32(code)
    }

    /// A number, or one of the constants.
    fn word(&mut self) -> Option<Value> {
        let end = self.rest().find([',', ')', ']', '}', ':', ' ']).unwrap_or(self.rest().len());
        let word = &self.rest()[..end];
        self.at += end;
        let digits = word.strip_prefix('-').unwrap_or(word);
        Some(match word {
            "None" => Value::Other,
            "True" => Value::Integer(1),
            "False" => Value::Integer(0),
            _ if !digits.starts_with(|first: char| first.is_ascii_digit()) => return None,
            _ if digits.bytes().all(|byte| byte.is_ascii_digit()) => word.parse().map_or(Value::Other, Value::Integer),
            _ => Value::Float(word.parse().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_repr_writes_and_nothing_else() {
        let Some(Literal { value: Value::Items(items), .. }) = parse(
            r#"('a\'b\\\n\u00e9\x41', "it's", -3, 1.5, None, True, [1, {'k': (2,)}], b'\x00', 12345678901234567890123456789012345678901234)"#,
        ) else {
            panic!()
        };
        assert_eq!(items[0].value, Value::Text("a'b\\\néA".to_owned()));
        assert_eq!((items[1].value.clone(), items[2].value.clone()), (Value::Text("it's".to_owned()), Value::Integer(-3)));
        assert_eq!((items[3].value.clone(), items[5].repr.as_str()), (Value::Float(1.5), "True"));
        assert_eq!(items[6].repr, "[1, {'k': (2,)}]");
        assert_eq!((items[7].value.clone(), items.len()), (Value::Other, 9));
        for bad in [
            "",
            "(",
            "('a'",
            "'a",
            "<x>",
            "(1 2)",
            "(1,) x",
            "'\\q'",
            "'\\u12'",
            "inf",
            "{1}",
            "{1: }",
            "1_0",
            &"(".repeat(100_000),
        ] {
            assert_eq!(parse(bad), None, "{:.20}", bad);
        }
    }
}
