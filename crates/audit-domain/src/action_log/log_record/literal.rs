//! Python literals, as `repr()` writes them. The arguments of a log record come as one literal, in
//! which the `repr()` of any object may stand.

/// The text of a literal. Its syntax is checked, and its values are read on demand, because a
/// record has at most a megabyte of them and a template uses few of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Literal<'a>(&'a str);

/// The value of a literal, in as much detail as a log line needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// An integer within 128 bits, or a boolean.
    Integer(i128),
    Float(f64),
    /// `None`, bytes, an integer beyond 128 bits, or a container of other values. A message only
    /// ever shows them.
    Other,
    /// The `repr()` of an object that is not a literal: `<User: bob>`, `Decimal('1.10')`, `nan`.
    Object,
}

impl<'a> Literal<'a> {
    /// Reads a literal. Returns `None` for a text whose brackets or quotes do not match.
    pub(super) fn parse(text: &'a str) -> Option<Literal<'a>> {
        let mut reader = Reader { text, at: 0 };
        let literal = reader.literal(0)?;
        reader.blanks();
        (reader.at == text.len()).then_some(literal)
    }

    /// Returns its `repr()`.
    pub(super) fn repr(self) -> &'a str {
        self.0
    }

    pub(super) fn value(self) -> Value {
        let mut reader = Reader { text: self.0, at: 0 };
        match self.0.as_bytes() {
            [b'\'' | b'"', ..] => reader.string().map_or(Value::Other, Value::Text),
            [b'(' | b'[' | b'{', ..] | [b'b', b'\'' | b'"', ..] => Value::Other,
            _ => reader.word().unwrap_or(Value::Object),
        }
    }

    /// Returns the items of a tuple, or `None` for any other literal.
    pub(super) fn items(self) -> Option<Vec<Literal<'a>>> {
        let mut reader = Reader { text: self.0, at: 0 };
        if reader.take("(") { reader.items(")", 0) } else { None }
    }

    /// Returns the keys and the values of a dictionary, or `None` for any other literal.
    pub(super) fn entries(self) -> Option<Vec<(Literal<'a>, Literal<'a>)>> {
        let mut reader = Reader { text: self.0, at: 0 };
        if reader.take("{") { reader.entries(0) } else { None }
    }
}

/// The maximum levels of nesting. No person writes a log line with deeper nesting.
const NESTING_MAX: usize = 16;

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

    /// Reads a literal, or an object in the place of one.
    fn literal(&mut self, level: usize) -> Option<Literal<'a>> {
        self.blanks();
        let start = self.at;
        self.known(level).or_else(|| {
            self.at = start;
            self.object()
        })?;
        Some(Literal(&self.text[start..self.at]))
    }

    fn known(&mut self, level: usize) -> Option<()> {
        match self.rest().chars().next()? {
            _ if level > NESTING_MAX => return None,
            open @ ('(' | '[' | '{') => {
                self.at += 1;
                match open {
                    '(' => drop(self.items(")", level)?),
                    '[' => drop(self.items("]", level)?),
                    _ => drop(self.entries(level)?),
                }
            }
            '\'' | '"' => drop(self.string()?),
            'b' => {
                self.at += 1;
                self.string()?;
            }
            _ => drop(self.word()?),
        }
        Some(())
    }

    /// Reads the `repr()` of an object, up to the comma, colon or bracket that ends it: nothing
    /// else is known of its form. Between `<` and `>` anything may stand, as in `<User: it's me>`.
    fn object(&mut self) -> Option<()> {
        let start = self.at;
        let mut open = Vec::new();
        while let Some(next) = self.rest().chars().next() {
            match (next, open.last()) {
                ('<', _) => open.push('>'),
                (close, Some(expected)) if close == *expected => drop(open.pop()),
                (_, Some('>')) => {}
                (',' | ':' | ')' | ']' | '}', None) => break,
                ('(', _) => open.push(')'),
                ('[', _) => open.push(']'),
                ('{', _) => open.push('}'),
                (')' | ']' | '}', _) => return None,
                ('\'' | '"', _) => {
                    self.string()?;
                    continue;
                }
                _ => {}
            }
            self.at += next.len_utf8();
        }
        (open.is_empty() && self.at > start).then_some(())
    }

    /// Reads the items, up to and including the bracket that closes them.
    fn items(&mut self, close: &str, level: usize) -> Option<Vec<Literal<'a>>> {
        let mut items = Vec::new();
        loop {
            self.blanks();
            if self.take(close) {
                return Some(items);
            }
            items.push(self.literal(level + 1)?);
            self.comma(close)?;
        }
    }

    /// Reads the entries, up to and including the brace that closes them.
    fn entries(&mut self, level: usize) -> Option<Vec<(Literal<'a>, Literal<'a>)>> {
        let mut entries = Vec::new();
        loop {
            self.blanks();
            if self.take("}") {
                return Some(entries);
            }
            let key = self.literal(level + 1)?;
            self.blanks();
            if !self.take(":") {
                return None;
            }
            entries.push((key, self.literal(level + 1)?));
            self.comma("}")?;
        }
    }

    /// Reads a comma after an item, or stops at the end.
    fn comma(&mut self, close: &str) -> Option<()> {
        self.blanks();
        (self.take(",") || self.rest().starts_with(close)).then_some(())
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
        let length = match kind {
            'n' => return Some('\n'),
            'r' => return Some('\r'),
            't' => return Some('\t'),
            '\\' | '\'' | '"' => return Some(kind),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return None,
        };
        // The parser of numbers would also accept a sign.
        let digits = self.rest().get(..length).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        self.at += length;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    }

    /// Reads a number or one of the constants.
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
        let items = Literal::parse(
            r#"('a\'b\\\n\u00e9\x41', "it's", -3, 1.5, None, True, [1, {'k': (2,)}], b'\x00', 12345678901234567890123456789012345678901234)"#,
        );
        let items = items.unwrap().items().unwrap();
        let value = |index: usize| items[index].value();
        assert_eq!((value(0), value(1)), (Value::Text("a'b\\\néA".to_owned()), Value::Text("it's".to_owned())));
        assert_eq!((value(2), value(3), value(4)), (Value::Integer(-3), Value::Float(1.5), Value::Other));
        assert_eq!((value(5), items[5].repr()), (Value::Integer(1), "True"));
        assert_eq!((value(6), items[6].repr()), (Value::Other, "[1, {'k': (2,)}]"));
        assert_eq!((value(7), value(8), items.len()), (Value::Other, Value::Other, 9));
        let entries = Literal::parse("{'a': 1, 2: {'b': ()}}").unwrap().entries().unwrap();
        assert_eq!(
            entries.iter().map(|(key, value)| (key.repr(), value.repr())).collect::<Vec<_>>(),
            [("'a'", "1"), ("2", "{'b': ()}")]
        );
        assert!(Literal::parse("[1]").unwrap().items().is_none() && Literal::parse("()").unwrap().entries().is_none());
    }

    #[test]
    fn what_brackets_and_quotes_leave_open_is_refused() {
        for bad in [
            "",
            "(",
            "('a'",
            "'a",
            "(<a, 1)",
            "(f(1, 2)",
            "(f(1]),)",
            "(x'y,)",
            "(1,) x",
            "'\\q'",
            "'\\u12'",
            "'\\x+1'",
            "'\\xé'",
            "'\\ud800'",
            "'\\",
            &"(".repeat(100_000),
            &"{1:".repeat(100_000),
            &"[".repeat(17),
            &"<".repeat(100_000),
        ] {
            assert_eq!(Literal::parse(bad), None, "{bad:.20}");
        }
        assert!(Literal::parse(&format!("{}{}", "[".repeat(17), "]".repeat(17))).is_some());
        for no_tuple in ["(1 2)", "(,)", "[1]", "x", "{1}"] {
            let literal = Literal::parse(no_tuple).unwrap();
            assert!(literal.items().is_none() && literal.entries().is_none(), "{no_tuple}");
        }
    }

    #[test]
    fn objects_stand_in_the_place_of_literals() {
        for object in [
            "<x>",
            "<User: it's \">",
            "<A (>",
            "<Q [<A>, <B>]>",
            "f('a)', [1])",
            "datetime.date(2026, 1, 1)",
            "inf",
            "1j",
            "Color.RED",
        ] {
            let text = format!("({object}, 7, [{object}])");
            let items = Literal::parse(&text).unwrap().items().unwrap();
            assert_eq!((items[0].repr(), items[0].value()), (object, Value::Object));
            assert_eq!((items[1].value(), items.len()), (Value::Integer(7), 3));
            assert_eq!(items[2].repr(), format!("[{object}]"));
        }
        let entries = Literal::parse("{'u': <U: a, b>, <K: 1>: {2, 3}}").unwrap().entries().unwrap();
        assert_eq!((entries[0].1.repr(), entries[1].0.repr(), entries[1].1.repr()), ("<U: a, b>", "<K: 1>", "{2, 3}"));
    }
}
