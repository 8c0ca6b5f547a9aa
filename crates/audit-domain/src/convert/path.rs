//! Finds a value by its path: names joined by `/`, and in an array an index or the `key` of an
//! attribute of OTLP.

use std::fmt::Write;

use crate::json::{JsonKind, JsonString, JsonText, pick};
use crate::limits::MEMBERS_MAX;

/// The members of a value of OTLP that are a scalar.
const SCALARS: [&str; 4] = ["stringValue", "intValue", "boolValue", "doubleValue"];

/// The value at a path. An empty path is the value itself.
pub(super) fn find<'a>(value: &'a str, path: &str) -> Option<&'a str> {
    names(path).try_fold(value, |value, name| Some(step(value, name)?.value))
}

/// The JSON pointer to the value at a path, as far as the path leads.
pub(super) fn pointer(value: &str, path: &str) -> String {
    let (mut pointer, mut value) = (String::new(), Some(value));
    for name in names(path) {
        let found = value.and_then(|value| step(value, name));
        match found.as_ref().and_then(|found| found.attribute) {
            // Writing into a text cannot fail.
            Some((index, scalar)) => drop(write!(pointer, "/{index}/value/{scalar}")),
            None => drop(write!(pointer, "/{}", escaped(name))),
        }
        value = found.map(|found| found.value);
    }
    pointer
}

/// A name inside a JSON pointer (RFC 6901).
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

struct Step<'a> {
    value: &'a str,
    /// The index of an attribute of OTLP, and the member that holds its value.
    attribute: Option<(usize, &'static str)>,
}

fn step<'a>(value: &'a str, name: &str) -> Option<Step<'a>> {
    let plain = |value| Step { value, attribute: None };
    match JsonKind::from_text(value) {
        JsonKind::Object => pick(value, &[name])?[0].map(plain),
        JsonKind::Array => match name.parse::<usize>() {
            Ok(index) => elements(value, index).into_iter().nth(index).map(plain),
            Err(_) => attribute(value, name),
        },
        _ => None,
    }
}

/// The value of the last attribute with this key, if it is a scalar.
fn attribute<'a>(attributes: &'a str, key: &str) -> Option<Step<'a>> {
    let all = elements(attributes, MEMBERS_MAX).into_iter().enumerate().rev();
    let mut named = all.filter_map(|(index, attribute)| match pick(attribute, &["key", "value"])? {
        [Some(own), Some(value)] => JsonString::decode(own)?.as_bytes().eq(key.as_bytes()).then_some((index, value)),
        _ => None,
    });
    let (index, value) = named.next()?;
    let scalars = pick(value, &SCALARS)?;
    let (scalar, value) = SCALARS.into_iter().zip(scalars).find_map(|(name, value)| Some((name, value?)))?;
    Some(Step { value, attribute: Some((index, scalar)) })
}

/// The first elements of an array, one more than `max` at most.
fn elements(array: &str, max: usize) -> Vec<&str> {
    JsonText::elements(array, max).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = r#"{"a":{"b/":[ 1 , {"c":"x"}]},"attributes":[{"key":"user.id","value":{"intValue":"7"}},
        {"key":"user.id","value":{"stringValue":"u-8"}},{"key":"list","value":{"arrayValue":{}}},5,{"key":"n"}]}"#;

    #[test]
    fn a_path_leads_through_objects_arrays_and_attributes() {
        assert_eq!(find(VALUE, ""), Some(VALUE));
        assert_eq!(find(r#"{"a":[1,{"c":"x"}]}"#, "a/1/c"), Some("\"x\""));
        assert_eq!(find(VALUE, "attributes/user.id"), Some("\"u-8\""), "the last one counts");
        for absent in ["b", "a/c", "a/b/0", "attributes/list", "attributes/n", "attributes/9", "attributes/user.id/x"] {
            assert_eq!(find(VALUE, absent), None, "{absent}");
        }
    }

    #[test]
    fn a_pointer_names_the_place_of_an_attribute() {
        assert_eq!(pointer(VALUE, "attributes/user.id"), "/attributes/1/value/stringValue");
        assert_eq!(pointer(VALUE, "attributes/gone"), "/attributes/gone");
        assert_eq!(pointer(r#"{"a":[1]}"#, "a/0"), "/a/0");
        assert_eq!(escaped("a/~"), "a~1~0");
    }
}
