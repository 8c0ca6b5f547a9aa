//! Values of JSON as Python's `repr()` writes them. The arguments of a record that was sent as JSON
//! thereby take the way of those in a form.

use std::fmt::Write as _;

use crate::json::{JsonKind, JsonText, Members};

/// The levels of nesting that are written as Python writes them. A message shows deeper values as
/// JSON.
const NESTING_MAX: usize = 16;

/// The bytes of arguments as JSON that are written as Python writes them. Larger ones stay JSON: a
/// list of their members would take many times their memory.
const BYTES_MAX: usize = 64 * 1024;

/// Whether arguments that were sent as JSON stay JSON.
pub(super) fn is_large(args: &JsonText) -> bool {
    args.kind() != JsonKind::String && args.as_str().len() > BYTES_MAX
}

/// Returns the arguments as the `str()` of a tuple or a dictionary. A text is what a form has: that
/// `str()` itself.
pub(super) fn arguments(args: &JsonText) -> String {
    match args.kind() {
        JsonKind::String => args.decoded().map(|text| text.to_text()).unwrap_or_default(),
        _ if is_large(args) => args.as_str().to_owned(),
        JsonKind::Array => {
            let mut out = String::from("(");
            items(args.as_str(), 0, &mut out);
            out.push_str(",)");
            out
        }
        _ => {
            let mut out = String::new();
            value(args.as_str(), 0, &mut out);
            out
        }
    }
}

fn value(json: &str, level: usize, out: &mut String) {
    match JsonKind::from_text(json) {
        JsonKind::Null => out.push_str("None"),
        JsonKind::Bool => out.push_str(if json == "true" { "True" } else { "False" }),
        JsonKind::String => string(&JsonText::from_trusted(json).decoded().map(|text| text.to_text()).unwrap_or_default(), out),
        JsonKind::Array if level < NESTING_MAX => {
            out.push('[');
            items(json, level, out);
            out.push(']');
        }
        JsonKind::Object if level < NESTING_MAX => entries(json, level, out),
        _ => out.push_str(json),
    }
}

fn items(array: &str, level: usize, out: &mut String) {
    for (index, item) in JsonText::elements(array, usize::MAX - 1).unwrap_or_default().into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        value(item, level + 1, out);
    }
}

fn entries(object: &str, level: usize, out: &mut String) {
    out.push('{');
    for (index, member) in Members::parse(object).into_iter().flatten().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        string(&member.name, out);
        out.push_str(": ");
        value(member.value.as_str(), level + 1, out);
    }
    out.push('}');
}

fn string(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == '\\' || c == quote => out.extend(['\\', c]),
            // Writing to a string cannot fail.
            c if c.is_control() => write!(out, "\\x{:02x}", u32::from(c)).unwrap_or_default(),
            c => out.push(c),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_json_are_written_as_python_writes_them() {
        for (json, python) in [
            (r#"["a", 1, 2.50, true, false, null]"#, "('a', 1, 2.50, True, False, None,)"),
            (r#"[["x", {"k": [1]}]]"#, "(['x', {'k': [1]}],)"),
            (r#"["it's", "say \"hi\"", "'\"", "\\\n\u0000\u00e9"]"#, r#"("it's", 'say "hi"', '\'"', '\\\n\x00é',)"#),
            (r#"{"user": "zoe", "n": {}}"#, "{'user': 'zoe', 'n': {}}"),
            (r#""('b',)""#, "('b',)"),
            ("5", "5"),
        ] {
            assert_eq!(arguments(&JsonText::parse(json).unwrap()), python, "{json}");
        }
        let deep = format!("{}1{}", "[".repeat(400), "]".repeat(400));
        assert_eq!(arguments(&JsonText::parse(&deep).unwrap()).len(), 802);
    }
}
