//! Finds a value by its path: names joined by `/`, and in an array an index or the `key` of an
//! attribute of OTLP.

use std::cell::RefCell;
use std::fmt::Write;
use std::ops::Range;
use std::rc::Rc;

use crate::json::{JsonKind, JsonString, JsonText, pick};
use crate::limits::MEMBERS_MAX;

/// The members of a value of OTLP that are a scalar.
const SCALARS: [&str; 4] = ["stringValue", "intValue", "boolValue", "doubleValue"];

/// The attributes of the arrays of one text. A table asks for a dozen of them, and an array may
/// have ten thousand.
#[derive(Debug, Default)]
pub(super) struct Attributes(RefCell<Vec<KnownArray>>);

/// The attributes of the array that starts at an address: no two arrays of one text start at the
/// same.
#[derive(Debug, Clone)]
struct KnownArray {
    array: *const u8,
    attributes: Rc<[Attribute]>,
}

/// An attribute of OTLP whose value is a scalar.
#[derive(Debug)]
struct Attribute {
    key: JsonString,
    index: usize,
    /// The member that holds the value.
    scalar: &'static str,
    /// The place of the value in the text of the array.
    value: Range<usize>,
}

/// The value at a path. An empty path is the value itself. The cache must be of the text that the
/// value is a part of.
pub(super) fn find<'a>(value: &'a str, path: &str, cache: &Attributes) -> Option<&'a str> {
    names(path).try_fold(value, |value, name| Some(step(value, name, cache)?.value))
}

/// The JSON pointer to the value at a path, as far as the path leads.
pub(super) fn pointer(value: &str, path: &str) -> String {
    let (mut pointer, mut value, cache) = (String::new(), Some(value), Attributes::default());
    for name in names(path) {
        let found = value.and_then(|value| step(value, name, &cache));
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

fn step<'a>(value: &'a str, name: &str, cache: &Attributes) -> Option<Step<'a>> {
    let plain = |value| Step { value, attribute: None };
    match JsonKind::from_text(value) {
        JsonKind::Object => pick(value, &[name])?[0].map(plain),
        JsonKind::Array => match name.parse::<usize>() {
            Ok(index) => elements(value, index).into_iter().nth(index).map(plain),
            Err(_) => attribute(value, name, cache),
        },
        _ => None,
    }
}

/// The value of the last attribute with this key.
fn attribute<'a>(array: &'a str, key: &str, cache: &Attributes) -> Option<Step<'a>> {
    let known = cache.0.borrow().iter().find(|known| known.array == array.as_ptr()).cloned();
    let known = known.unwrap_or_else(|| {
        let new = KnownArray { array: array.as_ptr(), attributes: attributes(array).into() };
        cache.0.borrow_mut().push(new.clone());
        new
    });
    let found = known.attributes.iter().rev().find(|attribute| attribute.key.as_bytes() == key.as_bytes())?;
    Some(Step { value: array.get(found.value.clone())?, attribute: Some((found.index, found.scalar)) })
}

/// The first [`MEMBERS_MAX`] attributes of an array that have scalars.
fn attributes(array: &str) -> Vec<Attribute> {
    let attribute = |(index, element)| {
        let [Some(key), Some(value)] = pick(element, &["key", "value"])? else { return None };
        let scalars = pick(value, &SCALARS)?;
        let (scalar, value) = SCALARS.into_iter().zip(scalars).find_map(|(name, value)| Some((name, value?)))?;
        // The value is a part of the text of the array.
        let start = value.as_ptr() as usize - array.as_ptr() as usize;
        Some(Attribute { key: JsonString::decode(key)?, index, scalar, value: start..start + value.len() })
    };
    elements(array, MEMBERS_MAX).into_iter().enumerate().filter_map(attribute).collect()
}

/// The first elements of an array, one more than `max` at most.
fn elements(array: &str, max: usize) -> Vec<&str> {
    JsonText::elements(array, max).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(value: &'a str, path: &str) -> Option<&'a str> {
        super::find(value, path, &Attributes::default())
    }

    const VALUE: &str = r#"{"a":{"b/":[ 1 , {"c":"x"}]},"attributes":[{"key":"user.id","value":{"intValue":"7"}},
        {"key":"user.id","value":{"stringValue":"u-8"}},{"key":"list","value":{"arrayValue":{}}},5,{"key":"n"}]}"#;

    #[test]
    fn a_path_leads_through_objects_arrays_and_attributes() {
        assert_eq!(find(VALUE, ""), Some(VALUE));
        assert_eq!(find(r#"{"a":[1,{"c":"x"}]}"#, "a/1/c"), Some("\"x\""));
        let cache = Attributes::default();
        for _ in 0..2 {
            assert_eq!(super::find(VALUE, "attributes/user.id", &cache), Some("\"u-8\""), "the last one counts");
        }
        for absent in ["b", "a/c", "a/b/0", "attributes/list", "attributes/n", "attributes/9", "attributes/user.id/x"] {
            assert_eq!(find(VALUE, absent), None, "{absent}");
        }
    }

    #[test]
    fn two_arrays_of_a_text_have_attributes_of_their_own() {
        let text = r#"{"a":[{"key":"k","value":{"intValue":1}}],"b":[5,{"key":"k","value":{"intValue":2}}]}"#;
        let cache = Attributes::default();
        let found = ["a/k", "b/k", "a/k"].map(|path| super::find(text, path, &cache));
        assert_eq!(found, [Some("1"), Some("2"), Some("1")]);
    }

    #[test]
    fn a_pointer_names_the_place_of_an_attribute() {
        assert_eq!(pointer(VALUE, "attributes/user.id"), "/attributes/1/value/stringValue");
        assert_eq!(pointer(VALUE, "attributes/gone"), "/attributes/gone");
        assert_eq!(pointer(r#"{"a":[1]}"#, "a/0"), "/a/0");
        assert_eq!(escaped("a/~"), "a~1~0");
    }
}
