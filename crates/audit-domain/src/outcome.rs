//! The outcome of an event: whether the action succeeded.

use crate::error::Fault;
use crate::json::JsonText;
use crate::parse::name;

/// The name of an outcome: `success`, `failure` or any other of up to
/// [`NAME_CHARS_MAX`](crate::limits::NAME_CHARS_MAX) characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome(JsonText);

impl Outcome {
    /// Makes an outcome from its name.
    ///
    /// # Errors
    ///
    /// [`Fault::TooLong`] for a name of more than
    /// [`NAME_CHARS_MAX`](crate::limits::NAME_CHARS_MAX) characters.
    pub fn new(name: &str) -> Result<Outcome, Fault> {
        Outcome::from_json(JsonText::string(name))
    }

    /// `success`: the user did it.
    #[must_use]
    pub fn success() -> Outcome {
        Outcome(JsonText::from_trusted("\"success\""))
    }

    /// `failure`: the user tried, and it was refused or failed.
    #[must_use]
    pub fn failure() -> Outcome {
        Outcome(JsonText::from_trusted("\"failure\""))
    }

    pub(crate) fn from_json(json: JsonText) -> Result<Outcome, Fault> {
        Ok(Outcome(name(json)?))
    }

    /// The name as a JSON string, spelled as received.
    #[must_use]
    pub fn json(&self) -> &JsonText {
        &self.0
    }
}
