//! The difference between two states of an object, as the published APIs show it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::json::{EncodeError, JsonString, JsonText, Members};

/// `old_data` and `new_data` of one change. For an update, only the top-level fields that differ: a
/// field that is only in `old_data` was removed, a field that is only in `new_data` was added.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    old: Option<Value>,
    new: Option<Value>,
}

impl Change {
    /// Describes the creation of an object.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]: `new` cannot be encoded as JSON.
    pub fn created<T: Serialize>(new: &T) -> Result<Change, EncodeError> {
        Ok(Change { old: None, new: Some(value(new)?) })
    }

    /// Describes the deletion of an object.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]: `old` cannot be encoded as JSON.
    pub fn deleted<T: Serialize>(old: &T) -> Result<Change, EncodeError> {
        Ok(Change { old: Some(value(old)?), new: None })
    }

    /// Computes the difference between two states. Returns `None` if they are equal. A state that
    /// is not an object is kept whole.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]: one of the states cannot be encoded as JSON.
    pub fn between<T: Serialize, U: Serialize>(old: &T, new: &U) -> Result<Option<Change>, EncodeError> {
        let (old, new) = (value(old)?, value(new)?);
        Ok((old != new).then(|| Change::of_values(old, new)))
    }

    /// Computes the difference between two states, which may be equal: both sides are then empty.
    pub(crate) fn from_states<T: Serialize, U: Serialize>(old: &T, new: &U) -> Result<Change, EncodeError> {
        Ok(Change::of_values(value(old)?, value(new)?))
    }

    fn of_values(old: Value, new: Value) -> Change {
        let (old, new) = match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                let only = |one: &Map<String, Value>, other: &Map<String, Value>| {
                    one.iter().filter(|(key, value)| other.get(*key) != Some(*value)).map(|(k, v)| (k.clone(), v.clone())).collect()
                };
                (Value::Object(only(&old, &new)), Value::Object(only(&new, &old)))
            }
            whole => whole,
        };
        Change { old: Some(old), new: Some(new) }
    }

    /// Encodes the content of an event: `{"old_data":…,"new_data":…}`, null for an absent side.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]: a side is nested deeper than [`crate::limits::NESTING_MAX`].
    pub fn to_content(&self) -> Result<JsonText, EncodeError> {
        #[derive(Serialize)]
        struct Content<'a> {
            old_data: &'a Option<Value>,
            new_data: &'a Option<Value>,
        }
        JsonText::encode(&Content { old_data: &self.old, new_data: &self.new })
    }
}

fn value<T: Serialize>(state: &T) -> Result<Value, EncodeError> {
    serde_json::to_value(state).map_err(EncodeError)
}

/// Lists the names of the changed fields of a content: the members that only one of `old_data` and
/// `new_data` has, and those with different values. For a created or deleted object, all of its
/// fields. A side that is not an object has no fields.
#[must_use]
pub fn changed_fields(content: &JsonText) -> BTreeSet<JsonString> {
    let Some([old, new]) = content.pick(&["old_data", "new_data"]) else { return BTreeSet::new() };
    let (old, new) = (fields(old), fields(new));
    let differs = |name: &&JsonString| match (old.get(*name), new.get(*name)) {
        (Some(old), Some(new)) => !is_same(old, new),
        _ => true,
    };
    old.keys().chain(new.keys()).filter(differs).cloned().collect()
}

/// The members of a side. Of several members with the same name, the last one counts.
fn fields(side: Option<&str>) -> BTreeMap<JsonString, JsonText> {
    let Some(members) = side.and_then(|side| Members::parse(side).ok()) else { return BTreeMap::new() };
    members.into_iter().filter_map(|member| Some((JsonString::decode(member.key)?, member.value))).collect()
}

/// Compares strings by their characters, and all other values by their text.
fn is_same(one: &JsonText, other: &JsonText) -> bool {
    one == other || one.decoded().is_some_and(|text| other.decoded() == Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_is_changed_where_the_sides_differ() {
        let changed = |content: &str| -> Vec<String> {
            let fields = changed_fields(&JsonText::parse(content).unwrap());
            fields.iter().map(|name| name.as_str().unwrap_or("?").to_owned()).collect()
        };
        assert_eq!(
            changed(
                r#"{"old_data":{"same":"\u0061","kind":1,"gone":2,"deep":{"a":1}},"new_data":{"same":"a","kind":1.0,"new":null,"deep":{"a":1}}}"#
            ),
            ["gone", "kind", "new"]
        );
        assert_eq!(changed(r#"{"new_data":{"b":1,"a":1,"\ud800":1,"a":2},"old_data":null}"#), ["a", "b", "?"]);
        assert_eq!(changed(r#"{"old_data":{"a":1}}"#), ["a"]);
        for nothing in [r#"{"old_data":[1],"new_data":7}"#, "{}", "[1]", r#"{"a":1}"#, r#""old_data""#] {
            assert_eq!(changed(nothing), [""; 0], "{nothing}");
        }
    }

    #[test]
    fn keeps_only_the_fields_that_differ() {
        let old = json!({"same": 1, "gone": 2, "changed": {"a": 1}});
        let new = json!({"same": 1, "added": null, "changed": {"a": 2}});
        let change = Change::between(&old, &new).unwrap().unwrap();
        assert_eq!(
            change.to_content().unwrap().as_str(),
            r#"{"old_data":{"changed":{"a":1},"gone":2},"new_data":{"added":null,"changed":{"a":2}}}"#
        );
        assert_eq!(Change::between(&old, &old).unwrap(), None);
        assert_eq!(Change::created(&1).unwrap().to_content().unwrap().as_str(), r#"{"old_data":null,"new_data":1}"#);
    }
}
