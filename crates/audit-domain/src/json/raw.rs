//! The members of an object and the elements of an array as slices of their text, for code that
//! walks through a large document and copies none of it.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::text::check_nesting;
use super::{JsonError, JsonKind, JsonString};
use crate::limits::{MEMBERS_MAX, NESTING_MAX};

/// One member of an object.
#[derive(Debug, Clone)]
pub(crate) struct RawMember<'a> {
    /// The key as received, a JSON string with its quotes.
    pub(crate) key: &'a str,
    /// The value as received, without blanks around it.
    pub(crate) value: &'a str,
    /// The decoded key, if it has escapes. It is decoded once, because a member is compared with
    /// each name that a table has.
    name: Option<JsonString>,
}

impl RawMember<'_> {
    /// Whether the key spells a name, with or without escapes.
    pub(crate) fn is(&self, name: &str) -> bool {
        match &self.name {
            Some(decoded) => decoded.as_bytes() == name.as_bytes(),
            None => self.key.strip_prefix('"').and_then(|key| key.strip_suffix('"')) == Some(name),
        }
    }
}

/// Checks a text, and returns it without the blanks around it.
///
/// # Errors
///
/// [`JsonError`]: the text is not JSON or is nested too deeply.
pub(crate) fn checked(text: &str) -> Result<&str, JsonError> {
    check_nesting(text, NESTING_MAX)?;
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| JsonError::syntax(text, &error))?;
    Ok(raw.get())
}

/// Splits a well-formed value into its members, in order of arrival, repeated keys included.
///
/// # Errors
///
/// [`JsonError::NotAnObject`], or [`JsonError::TooManyMembers`] if there are more than
/// [`MEMBERS_MAX`].
pub(crate) fn raw_members(value: &str) -> Result<Vec<RawMember<'_>>, JsonError> {
    match JsonKind::from_text(value) {
        JsonKind::Object => {}
        other => return Err(JsonError::NotAnObject(other)),
    }
    // The value is well-formed. So the only possible error is that members are left.
    serde_json::Deserializer::from_str(value).deserialize_map(Collect).map_err(|_| JsonError::TooManyMembers)
}

/// Collects the members up to the limit. If some are left, the parser reports an error, because it
/// does not find the end of the object.
struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Vec<RawMember<'de>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(16);
        while members.len() < MEMBERS_MAX
            && let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()?
        {
            let name = if key.get().contains('\\') { JsonString::decode(key.get()) } else { None };
            members.push(RawMember { key: key.get(), value: value.get(), name });
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_slices_in_order_with_repeated_keys() {
        let text = " { \"a\" : 1 , \"b\\u0063\":[ 2 ],\"a\": \"x\" } ";
        let members = raw_members(checked(text).unwrap()).unwrap();
        let seen: Vec<_> = members.iter().map(|m| (m.key, m.value)).collect();
        assert_eq!(seen, [("\"a\"", "1"), ("\"b\\u0063\"", "[ 2 ]"), ("\"a\"", "\"x\"")]);
        assert!(members[1].is("bc") && !members[1].is("b") && members[0].is("a"));
    }

    #[test]
    fn members_are_limited_and_other_values_named() {
        let object = |members: usize| format!("{{{}}}", vec!["\"\":1"; members].join(","));
        assert_eq!(raw_members(&object(MEMBERS_MAX)).unwrap().len(), MEMBERS_MAX);
        assert_eq!(raw_members(&object(MEMBERS_MAX + 1)).unwrap_err(), JsonError::TooManyMembers);
        assert_eq!(raw_members("[]").unwrap_err(), JsonError::NotAnObject(JsonKind::Array));
        assert!(matches!(checked("{\"a\":1,}"), Err(JsonError::Syntax { .. })));
        assert_eq!(checked(&"[".repeat(NESTING_MAX + 1)), Err(JsonError::TooDeep));
    }
}
