//! The difference between two states of an object, as the published APIs show it.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::json::JsonText;

/// `old_data` and `new_data` of one change. For an update, only the top-level fields that differ: one that is only in
/// `old_data` was removed, one only in `new_data` was added.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    old: Option<Value>,
    new: Option<Value>,
}

impl Change {
    /// Something came into being.
    ///
    /// # Errors
    /// What `new` reports while it is serialized.
    pub fn created<T: Serialize>(new: &T) -> Result<Change, serde_json::Error> {
        Ok(Change { old: None, new: Some(serde_json::to_value(new)?) })
    }

    /// Something went away.
    ///
    /// # Errors
    /// What `old` reports while it is serialized.
    pub fn deleted<T: Serialize>(old: &T) -> Result<Change, serde_json::Error> {
        Ok(Change { old: Some(serde_json::to_value(old)?), new: None })
    }

    /// What differs between two states; `None` when nothing does. States that are no objects are kept whole.
    ///
    /// # Errors
    /// What either state reports while it is serialized.
    pub fn between<T: Serialize, U: Serialize>(old: &T, new: &U) -> Result<Option<Change>, serde_json::Error> {
        let (old, new) = (serde_json::to_value(old)?, serde_json::to_value(new)?);
        if old == new {
            return Ok(None);
        }
        let (old, new) = match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                let only = |one: &Map<String, Value>, other: &Map<String, Value>| {
                    one.iter().filter(|(key, value)| other.get(*key) != Some(*value)).map(|(k, v)| (k.clone(), v.clone())).collect()
                };
                (Value::Object(only(&old, &new)), Value::Object(only(&new, &old)))
            }
            whole => whole,
        };
        Ok(Some(Change { old: Some(old), new: Some(new) }))
    }

    /// The content of an event: `{"old_data":…,"new_data":…}`, a side that is absent as null.
    ///
    /// # Errors
    /// When a side is nested deeper than [`crate::limits::NESTING_MAX`].
    pub fn to_content(&self) -> Result<JsonText, serde_json::Error> {
        #[derive(Serialize)]
        struct Content<'a> {
            old_data: &'a Option<Value>,
            new_data: &'a Option<Value>,
        }
        JsonText::encode(&Content { old_data: &self.old, new_data: &self.new })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
