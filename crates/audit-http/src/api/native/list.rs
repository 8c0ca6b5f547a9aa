//! Reads several values from one parameter, separated by commas.

use audit_store::domain::limits;

/// Splits a text such as `LOGIN,"a,b"` into its values. A value that begins with a double quote
/// ends at the next double quote, and two double quotes in it stand for one. An empty value must be
/// written `""`: nothing between two commas is more likely a mistake, and the mistake would exclude
/// entries that the client did not mean to exclude.
pub(super) fn split(text: &str) -> Result<Vec<String>, String> {
    let (mut values, mut rest) = (Vec::new(), text);
    loop {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let (value, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
                if value.is_empty() {
                    return Err("must have a value before and after each comma; an empty text is written \"\"".to_owned());
                }
                (value.to_owned(), after)
            }
        };
        values.push(value);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => break,
        }
    }
    if values.len() > limits::FILTER_VALUES_MAX {
        return Err(format!("must name at most {} values (got {})", limits::FILTER_VALUES_MAX, values.len()));
    }
    Ok(values)
}

/// Reads a value whose first quote is already read. Returns the value and the text after its last
/// quote: a comma or nothing.
fn unquote(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut rest = text;
    while let Some((part, after)) = rest.split_once('"') {
        value.push_str(part);
        match after.strip_prefix('"') {
            Some(next) => {
                value.push('"');
                rest = next;
            }
            None if after.is_empty() || after.starts_with(',') => return Ok((value, after)),
            None => break,
        }
    }
    Err("has a value that begins with a double quote and does not end with one before the next comma; a quote inside of it is written \
         twice"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_at_commas_outside_of_quotes() {
        for (text, values) in [
            ("a", &["a"][..]),
            ("a,b", &["a", "b"]),
            ("a b, c", &["a b", " c"]),
            (r#""a,b",c"#, &["a,b", "c"]),
            (r#""a""b""#, &["a\"b"]),
            (r#""""#, &[""]),
            (r#""",a"#, &["", "a"]),
            (r#""""""#, &["\""]),
            (r#"a"b,c"#, &["a\"b", "c"]),
        ] {
            assert_eq!(split(text).as_deref(), Ok(values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>().as_slice()), "{text}");
        }
        for bad in ["", ",", "a,", ",a", "a,,b", "\"", "\"a", "\"a\"b", "\"\"\"", "a,\"b", "\"a\" ,b"] {
            assert!(split(bad).is_err(), "{bad}");
        }
        assert!(split(&vec!["a"; 100].join(",")).is_ok());
        assert!(split(&vec!["a"; 101].join(",")).unwrap_err().ends_with("at most 100 values (got 101)"));
    }
}
