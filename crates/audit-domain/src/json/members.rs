//! A JSON object as the list of its members, in order of arrival, duplicates included.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::text::check_nesting;
use super::{JsonError, JsonKind, JsonString, JsonText};
use crate::limits::{MEMBERS_MAX, NESTING_MAX};

/// One member of an object.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    /// The key as received, a JSON string with its quotes.
    pub key: &'a str,
    /// The decoded key. Lone surrogates are replaced, so such a key equals no known name.
    pub name: String,
    /// The value as received, without blanks around it.
    pub value: JsonText,
}

/// The members of one object.
#[derive(Debug, Clone)]
pub struct Members<'a>(Vec<Member<'a>>);

impl<'a> Members<'a> {
    /// Splits an object into its members.
    ///
    /// # Errors
    ///
    /// [`JsonError`]: the text is not JSON, is not an object, or is nested too deeply.
    pub fn parse(text: &'a str) -> Result<Members<'a>, JsonError> {
        Members::parse_within(text, NESTING_MAX)
    }

    /// Splits a client's record into its members: at most [`MEMBERS_MAX`], because a member takes
    /// many times the memory of its text.
    ///
    /// # Errors
    ///
    /// [`JsonError`] as from [`Members::parse`], or [`JsonError::TooManyMembers`].
    pub fn parse_limited(text: &'a str) -> Result<Members<'a>, JsonError> {
        Members::parse_limited_within(text, NESTING_MAX)
    }

    pub(crate) fn parse_within(text: &'a str, levels: usize) -> Result<Members<'a>, JsonError> {
        let raw = object(text, levels)?;
        let all = Collect { max: usize::MAX };
        serde_json::Deserializer::from_str(raw).deserialize_map(all).map_err(|e| JsonError::syntax(raw, &e))
    }

    pub(crate) fn parse_limited_within(text: &'a str, levels: usize) -> Result<Members<'a>, JsonError> {
        let raw = object(text, levels)?;
        let some = Collect { max: MEMBERS_MAX };
        // The text is known to be an object. So the only possible error is that members are left.
        serde_json::Deserializer::from_str(raw).deserialize_map(some).map_err(|_| JsonError::TooManyMembers)
    }

    /// The members, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = &Member<'a>> {
        self.0.iter()
    }

    /// The value of the last member with this name, which is the one that counts for Django and
    /// most other readers.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&JsonText> {
        self.0.iter().rev().find(|m| m.name == name).map(|m| &m.value)
    }
}

impl<'a> FromIterator<Member<'a>> for Members<'a> {
    fn from_iter<T: IntoIterator<Item = Member<'a>>>(members: T) -> Self {
        Members(members.into_iter().collect())
    }
}

impl<'a> IntoIterator for Members<'a> {
    type Item = Member<'a>;
    type IntoIter = std::vec::IntoIter<Member<'a>>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The text of an object, without the blanks around it.
fn object(text: &str, levels: usize) -> Result<&str, JsonError> {
    check_nesting(text, levels)?;
    let raw: &RawValue = serde_json::from_str(text).map_err(|e| JsonError::syntax(text, &e))?;
    match JsonKind::from_text(raw.get()) {
        JsonKind::Object => Ok(raw.get()),
        other => Err(JsonError::NotAnObject(other)),
    }
}

/// Decodes the name from a key as received.
fn name_of(key: &str) -> String {
    JsonString::decode(key).map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned()).unwrap_or_default()
}

/// Collects the members up to a limit. If some are left, the parser reports an error, because it
/// does not find the end of the object.
struct Collect {
    max: usize,
}

impl<'de> Visitor<'de> for Collect {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::with_capacity(16);
        while members.len() < self.max
            && let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()?
        {
            let (key, value) = (key.get(), JsonText::from_trusted(value.get()));
            members.push(Member { key, name: name_of(key), value });
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_duplicates_and_the_spelling_of_keys() {
        let text = " { \"a\" : 1 , \"b\\u0063\":[ 2 ],\"a\": \"x\" } ";
        let members = Members::parse(text).unwrap();
        let seen: Vec<_> = members.iter().map(|m| (m.key, m.name.as_str(), m.value.as_str())).collect();
        assert_eq!(seen, [("\"a\"", "a", "1"), ("\"b\\u0063\"", "bc", "[ 2 ]"), ("\"a\"", "a", "\"x\"")]);
        assert_eq!(members.last("a").unwrap().as_str(), "\"x\"");
    }

    #[test]
    fn a_record_has_a_bounded_number_of_members() {
        let object = |members: usize| format!("{{{}}}", vec!["\"\":1"; members].join(","));
        assert_eq!(Members::parse_limited(&object(MEMBERS_MAX)).unwrap().iter().count(), MEMBERS_MAX);
        for members in [MEMBERS_MAX + 1, 200_000] {
            assert_eq!(Members::parse_limited(&object(members)).unwrap_err(), JsonError::TooManyMembers);
            assert_eq!(Members::parse(&object(members)).unwrap().iter().count(), members);
        }
        let broken = object(20_000).replace("}", ",}");
        assert!(
            matches!(Members::parse_limited(&broken), Err(JsonError::Syntax { .. })),
            "a text that is not JSON is reported as such"
        );
    }

    #[test]
    fn says_what_it_got_instead_of_an_object() {
        assert_eq!(Members::parse("[1]").unwrap_err(), JsonError::NotAnObject(JsonKind::Array));
        assert_eq!(Members::parse(" 5 ").unwrap_err(), JsonError::NotAnObject(JsonKind::Number));
        assert!(matches!(Members::parse("{\"a\":1"), Err(JsonError::Syntax { .. })));
    }
}
