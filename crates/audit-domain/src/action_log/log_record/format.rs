//! Python's `%` formatting, in the extent in which log lines use it.
//!
//! rustpython-format reads the same templates. It leaves the names, the kinds of values and the
//! count of arguments to its caller, and these are most of this module. It also pads to any width
//! that a client asks for.

use std::collections::HashMap;

use super::literal::{Literal, Value};

/// Formats the message of a template and its arguments. Returns `None` if Python would fail, if
/// this module does not know a conversion, or if the message has more than `bytes_max` bytes. The
/// caller then shows the template as it is.
///
/// For every template, the time and the memory are proportional to the input and `bytes_max`.
pub(super) fn format(template: &str, args: Literal<'_>, bytes_max: usize) -> Option<String> {
    let mut args = Arguments::from_literal(args)?;
    let mut out = Message { text: String::with_capacity(template.len().min(bytes_max)), bytes_max };
    let mut rest = template;
    while let Some((text, spec)) = rest.split_once('%') {
        out.push(text)?;
        if let Some(tail) = spec.strip_prefix('%') {
            out.push("%")?;
            rest = tail;
            continue;
        }
        let (conversion, tail) = Conversion::parse(spec)?;
        rest = tail;
        match conversion.name {
            Some(name) => out.push(&conversion.apply(args.named(name)?)?)?,
            None => out.push(&conversion.apply(&args.next()?)?)?,
        }
    }
    out.push(rest)?;
    args.are_used_up().then_some(out.text)
}

/// A message that stops before it exceeds its bound. The bound is needed because a template may
/// show an argument of a dictionary any number of times.
struct Message {
    text: String,
    bytes_max: usize,
}

impl Message {
    fn push(&mut self, text: &str) -> Option<()> {
        self.text.push_str(text);
        (self.text.len() <= self.bytes_max).then_some(())
    }
}

/// The arguments from which a template takes its values.
struct Arguments<'a> {
    positional: std::vec::IntoIter<Literal<'a>>,
    /// The entries of a dictionary. Each is read once, however often the template shows it.
    named: Option<HashMap<String, Argument<'a>>>,
}

/// One value.
struct Argument<'a> {
    repr: &'a str,
    value: Value,
}

impl<'a> From<Literal<'a>> for Argument<'a> {
    fn from(literal: Literal<'a>) -> Argument<'a> {
        Argument { repr: literal.repr(), value: literal.value() }
    }
}

impl<'a> Arguments<'a> {
    /// Takes the items of a tuple; of a dictionary, its entries, and the dictionary itself as the
    /// one item. `logging` produces no other arguments.
    fn from_literal(args: Literal<'a>) -> Option<Arguments<'a>> {
        if let Some(items) = args.items() {
            return Some(Arguments { positional: items.into_iter(), named: None });
        }
        let entries = args.entries()?.into_iter().filter_map(|(key, value)| match key.value() {
            Value::Text(name) => Some((name, value.into())),
            _ => None,
        });
        Some(Arguments { named: Some(entries.collect()), positional: vec![args].into_iter() })
    }

    /// Returns a named argument. After a named argument, Python takes no more arguments by
    /// position.
    fn named(&mut self, name: &str) -> Option<&Argument<'a>> {
        self.positional = Vec::new().into_iter();
        self.named.as_ref()?.get(name)
    }

    fn next(&mut self) -> Option<Argument<'a>> {
        self.positional.next().map(Argument::from)
    }

    /// Whether all arguments are used up. Python refuses a tuple with more items than the template
    /// takes. A dictionary may have more entries.
    fn are_used_up(&mut self) -> bool {
        self.named.is_some() || self.positional.next().is_none()
    }
}

/// A conversion, such as `%(name)-08.3f`.
struct Conversion<'a> {
    name: Option<&'a str>,
    left: bool,
    zeros: bool,
    sign: Option<char>,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

/// The maximum width and precision. A log line does not have a wider field.
const WIDTH_MAX: usize = 1000;

impl<'a> Conversion<'a> {
    fn parse(spec: &'a str) -> Option<(Conversion<'a>, &'a str)> {
        let (name, mut rest) = match spec.strip_prefix('(') {
            Some(named) => named.split_once(')').map(|(name, rest)| (Some(name), rest))?,
            None => (None, spec),
        };
        let mut conversion = Conversion { name, left: false, zeros: false, sign: None, width: 0, precision: None, kind: '%' };
        while let Some(flag) = rest.chars().next().filter(|flag| matches!(flag, '-' | '0' | '+' | ' ')) {
            match flag {
                '-' => conversion.left = true,
                '0' => conversion.zeros = true,
                sign => conversion.sign = if conversion.sign == Some('+') { Some('+') } else { Some(sign) },
            }
            rest = &rest[1..];
        }
        conversion.width = number(&mut rest)?.unwrap_or(0);
        if let Some(behind) = rest.strip_prefix('.') {
            rest = behind;
            conversion.precision = Some(number(&mut rest)?.unwrap_or(0));
        }
        rest = rest.strip_prefix(['l', 'h', 'L']).unwrap_or(rest);
        conversion.kind = rest.chars().next()?;
        let behind = &rest[conversion.kind.len_utf8()..];
        Some((conversion, behind))
    }

    fn apply(&self, arg: &Argument<'_>) -> Option<String> {
        let text = match (self.kind, &arg.value) {
            ('s', Value::Text(text)) => self.cut(text),
            ('s', Value::Object) => self.cut(shown(arg.repr)),
            ('s' | 'r' | 'a', _) => self.cut(arg.repr),
            ('d' | 'i' | 'u', Value::Integer(number)) => return Some(self.number(*number < 0, number.unsigned_abs().to_string())),
            ('d' | 'i' | 'u', Value::Float(number)) if number.abs() < 1e18 => {
                return Some(self.number(*number <= -1.0, format!("{}", number.abs().trunc())));
            }
            ('x', Value::Integer(number)) => return Some(self.number(*number < 0, format!("{:x}", number.unsigned_abs()))),
            ('X', Value::Integer(number)) => return Some(self.number(*number < 0, format!("{:X}", number.unsigned_abs()))),
            ('o', Value::Integer(number)) => return Some(self.number(*number < 0, format!("{:o}", number.unsigned_abs()))),
            ('f' | 'F', Value::Float(number)) => return Some(self.fixed(*number)),
            ('f' | 'F', Value::Integer(number)) => return Some(self.fixed(*number as f64)),
            ('c', Value::Text(text)) if is_one_char(text) => text.clone(),
            // It may be a number to Python, and the log has nothing but its `repr()`.
            ('d' | 'i' | 'u' | 'x' | 'X' | 'o' | 'f' | 'F' | 'e' | 'E' | 'g' | 'G', Value::Object) => shown(arg.repr).to_owned(),
            _ => return None,
        };
        Some(self.pad(text))
    }

    fn cut(&self, text: &str) -> String {
        self.precision.map_or_else(|| text.to_owned(), |precision| text.chars().take(precision).collect())
    }

    fn fixed(&self, number: f64) -> String {
        let digits = format!("{:.*}", self.precision.unwrap_or(6), number.abs());
        self.signed(number.is_sign_negative(), digits)
    }

    /// Formats an integer with at least as many digits as the precision.
    fn number(&self, negative: bool, digits: String) -> String {
        let missing = self.precision.unwrap_or(0).saturating_sub(digits.len());
        self.signed(negative, format!("{}{digits}", "0".repeat(missing)))
    }

    fn signed(&self, negative: bool, digits: String) -> String {
        let sign = if negative { "-".to_owned() } else { self.sign.map(String::from).unwrap_or_default() };
        if self.zeros && !self.left {
            let missing = self.width.saturating_sub(sign.len() + digits.len());
            return format!("{sign}{}{digits}", "0".repeat(missing));
        }
        self.pad(format!("{sign}{digits}"))
    }

    fn pad(&self, text: String) -> String {
        let blanks = " ".repeat(self.width.saturating_sub(text.chars().count()));
        if self.left { format!("{text}{blanks}") } else { format!("{blanks}{text}") }
    }
}

/// Classes whose `repr()` has their `str()` in quotes.
const QUOTING: [&str; 4] = ["Decimal", "UUID", "PosixPath", "PurePosixPath"];

/// Returns the `str()` of an object as far as its `repr()` tells it: `Decimal('1.10')` is shown as
/// 1.10.
fn shown(repr: &str) -> &str {
    let quoted = QUOTING.iter().find_map(|class| repr.strip_prefix(class)?.strip_prefix("('")?.strip_suffix("')"));
    quoted.filter(|text| !text.contains(['\\', '\''])).unwrap_or(repr)
}

fn is_one_char(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some() && chars.next().is_none()
}

/// Reads the digits at the start as a number. Returns `None` for a number that is too large and for
/// `*`.
fn number(rest: &mut &str) -> Option<Option<usize>> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, tail) = rest.split_at(end);
    *rest = tail;
    if digits.is_empty() {
        return if tail.starts_with('*') { None } else { Some(None) };
    }
    digits.parse().ok().filter(|number| *number <= WIDTH_MAX).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A template, its arguments, and the result of Python 3.11.
    const CASES: [(&str, &str, &str); 22] = [
        ("hello %s, %d", "('world', 3)", "hello world, 3"),
        ("%r %s", "('é', None)", "'é' None"),
        ("%5d|%-5d|%05d|%+d|% d", "(3, 3, -3, 3, 3)", "    3|3    |-0003|+3| 3"),
        ("%.2f %f %8.3f", "(1.005, 2, -3.14159)", "1.00 2.000000   -3.142"),
        ("%x %X %o", "(255, 255, -8)", "ff FF -10"),
        ("%(user)s did %(what)r", "{'user': 'zoë', 'what': [1, 2], 'more': 1}", "zoë did [1, 2]"),
        ("100%% of %s", "((1, 2),)", "100% of (1, 2)"),
        ("%.3s|%10s|%-4s|", "('abcdef', 'x', 'y')", "abc|         x|y   |"),
        ("%d %d", "(True, 3.9)", "1 3"),
        ("%d", "(-0.5,)", "0"),
        ("%.3d", "(7,)", "007"),
        ("%c%c", "('a', 'é')", "aé"),
        ("%s", "(1.0,)", "1.0"),
        ("%ld", "(5,)", "5"),
        ("%s %s", "(b'x', {'a': 1})", "b'x' {'a': 1}"),
        ("no more", "()", "no more"),
        ("got %s", "{'id': 7}", "got {'id': 7}"),
        ("%s: %(id)d", "{'id': 7, 8: 9}", "{'id': 7, 8: 9}: 7"),
        ("paid %s of %10s at %s", "(Decimal('1.10'), Decimal('9'), PosixPath('/a b'))", "paid 1.10 of          9 at /a b"),
        ("%r %a", "(UUID('0b'), 'x')", "UUID('0b') 'x'"),
        ("%s of %s", "(1j, {1, 2})", "1j of {1, 2}"),
        ("%(u)r", "{'u': <User: bob>}", "<User: bob>"),
    ];

    #[test]
    fn objects_are_shown_as_their_repr_in_every_conversion() {
        for (template, args, expected) in [
            ("user %s", "(<User: bob>,)", "user <User: bob>"),
            ("%s and %d", "(<User: it's, \"x\")>, 3)", "<User: it's, \"x\")> and 3"),
            ("%s|%s", "(<QuerySet [<User: a>, <User: b>]>, [<A: 1>, None])", "<QuerySet [<User: a>, <User: b>]>|[<A: 1>, None]"),
            ("%s", "(<A: 1 > 0>,)", "<A: 1 > 0>"),
            ("failed: %s", "(ValueError('a, b)', {'k': 1}),)", "failed: ValueError('a, b)', {'k': 1})"),
            ("%d %.2f %5s|", "(<N>, Decimal('1.5'), <N>)", "<N> 1.5   <N>|"),
            ("%s", "({<Color.RED: 1>: (<X>,)},)", "{<Color.RED: 1>: (<X>,)}"),
        ] {
            assert_eq!(formatted(template, args).as_deref(), Some(expected), "{template} of {args}");
        }
    }

    fn formatted(template: &str, args: &str) -> Option<String> {
        format(template, Literal::parse(args).unwrap(), 10_000)
    }

    #[test]
    fn formats_as_python_does() {
        for (template, args, expected) in CASES {
            assert_eq!(formatted(template, args).as_deref(), Some(expected), "{template}");
        }
        for (template, args) in [
            ("%s", "()"),
            ("%s", "(1, 2)"),
            ("%d", "('x',)"),
            ("%", "(1,)"),
            ("%(a)s", "{'b': 1}"),
            ("%(a)s %s", "{'a': 1}"),
            ("%s %s", "{'a': 1}"),
            ("%(a)s", "(1,)"),
            ("%*d", "(1, 2)"),
            ("%q", "(1,)"),
            ("%5%", "()"),
            ("%s", "1"),
            ("%c", "('',)"),
            ("%c", "('ab',)"),
        ] {
            assert_eq!(formatted(template, args), None, "{template}");
        }
    }

    #[test]
    fn a_message_that_grows_beyond_its_bound_is_left_unformatted() {
        let args = format!("{{'a': '{}', 'b': 1}}", "x".repeat(5_000));
        assert_eq!(formatted("%(a)s", &args).unwrap().len(), 5_000);
        assert_eq!(formatted(&"%(a)s".repeat(100_000), &args), None);
        assert_eq!(formatted(&"%(b)1000s".repeat(100_000), &args), None);
        assert_eq!(formatted(&"x".repeat(10_001), "()"), None);
        assert_eq!(formatted("%1001d", "(1,)"), None);
    }
}
