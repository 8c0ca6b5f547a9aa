//! The action of an event: what the user did.

use crate::error::Fault;
use crate::json::{JsonKind, JsonText};
use crate::parse::name;

/// The name of an action: `CREATE`, `UPDATE`, `DELETE`, `READ` or any other of up to
/// [`NAME_CHARS_MAX`](crate::limits::NAME_CHARS_MAX) characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action(JsonText);

impl Action {
    /// Makes an action from its name.
    ///
    /// # Errors
    ///
    /// [`Fault::TooLong`] for a name of more than
    /// [`NAME_CHARS_MAX`](crate::limits::NAME_CHARS_MAX) characters.
    pub fn new(name: &str) -> Result<Action, Fault> {
        Action::from_json(JsonText::string(name))
    }

    /// `CREATE`: the user created the object.
    #[must_use]
    pub fn create() -> Action {
        Action(JsonText::from_trusted("\"CREATE\""))
    }

    /// `UPDATE`: the user changed the object.
    #[must_use]
    pub fn update() -> Action {
        Action(JsonText::from_trusted("\"UPDATE\""))
    }

    /// `DELETE`: the user deleted the object.
    #[must_use]
    pub fn delete() -> Action {
        Action(JsonText::from_trusted("\"DELETE\""))
    }

    /// `READ`: the user looked at the object.
    #[must_use]
    pub fn read() -> Action {
        Action(JsonText::from_trusted("\"READ\""))
    }

    pub(crate) fn from_json(json: JsonText) -> Result<Action, Fault> {
        Ok(Action(name(json)?))
    }

    /// Derives the action from a content: `UPDATE` if it has `old_data` and `new_data`, `CREATE` if
    /// it has only `new_data`, `DELETE` if it has only `old_data`. A null side counts as absent.
    /// Returns `None` if the content has neither side.
    #[must_use]
    pub fn derive(content: &JsonText) -> Option<Action> {
        let [old, new] = content.pick(&["old_data", "new_data"])?;
        let has = |side: Option<&str>| side.is_some_and(|value| JsonKind::from_text(value) != JsonKind::Null);
        match (has(old), has(new)) {
            (true, true) => Some(Action::update()),
            (false, true) => Some(Action::create()),
            (true, false) => Some(Action::delete()),
            (false, false) => None,
        }
    }

    /// The name as a JSON string, spelled as received.
    #[must_use]
    pub fn json(&self) -> &JsonText {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derives_from_the_sides_that_are_there() {
        let derive = |text: &str| Action::derive(&JsonText::parse(text).unwrap());
        assert_eq!(derive(r#"{"old_data":{},"new_data":{}}"#), Some(Action::update()));
        assert_eq!(derive(r#"{"old_data":null,"new_data":{}}"#), Some(Action::create()));
        assert_eq!(derive(r#"{"old\u005fdata":0}"#), Some(Action::delete()));
        assert_eq!(derive(r#"{"new_data":1,"new_data":null}"#), None);
        assert_eq!(derive(r#"["new_data"]"#), None);
    }

    #[test]
    fn counts_characters_not_bytes() {
        assert!(Action::new(&"é".repeat(100)).is_ok());
        assert_eq!(Action::new(&"é".repeat(101)), Err(Fault::TooLong { max: 100, chars: 101 }));
    }
}
