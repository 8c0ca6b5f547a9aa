//! The user of an event: a snapshot from that moment, or only an id.

use crate::error::Fault;
use crate::json::{JsonKind, JsonString, JsonText, ObjectWriter, is_integer};
use crate::object::{ObjectId, canonical_integer};

/// A user as received: an object (its `pk` is the id, its `username` the name), or only the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User(JsonText);

impl User {
    /// Makes a user of an id (an integer or a text) and a name: `{"pk":7,"username":"zoe"}`. An id
    /// that is an integer is one in the log too, however it was given.
    #[must_use]
    pub fn new(id: impl Into<ObjectId>, name: &str) -> User {
        let mut json = String::new();
        let mut object = ObjectWriter::new(&mut json);
        object.raw("pk", id.into().shown()).string("username", name);
        object.end();
        User(JsonText::from_trusted(json))
    }

    /// Takes a user with any members, or only an id.
    ///
    /// # Errors
    ///
    /// [`Fault::NotAUser`]: the value is not an object, an integer or a string.
    pub fn from_json(json: JsonText) -> Result<User, Fault> {
        match json.kind() {
            JsonKind::Object | JsonKind::String => Ok(User(json)),
            JsonKind::Number if json.is_integer() => Ok(User(json)),
            other => Err(Fault::NotAUser(other)),
        }
    }

    /// The value as received.
    #[must_use]
    pub fn json(&self) -> &JsonText {
        &self.0
    }

    /// Finds members of the snapshot by name, each as received. Returns `None` for a bare id. See
    /// [`JsonText::pick`].
    #[must_use]
    pub fn pick<const N: usize>(&self, names: &[&str; N]) -> Option<[Option<&str>; N]> {
        self.0.pick(names)
    }

    /// The id: the `pk`, or the bare value.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        self.identity().id.map(|id| id.to_text())
    }

    /// The name: the `username`.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.identity().name.map(|name| name.to_text())
    }

    /// Finds the id, the name and the e-mail address in one pass.
    #[must_use]
    pub fn identity(&self) -> Identity {
        match self.pick(&["pk", "username", "email"]) {
            Some([pk, name, email]) => Identity {
                id: pk.and_then(id_text),
                name: name.and_then(JsonString::decode),
                email: email.and_then(JsonString::decode),
            },
            None => Identity { id: id_text(self.0.as_str()), name: None, email: None },
        }
    }
}

impl From<User> for JsonText {
    fn from(user: User) -> JsonText {
        user.0
    }
}

/// The parts that identify a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// The `pk`, or the bare value: the text of a string, the digits of an integer. A `pk` of
    /// another type is not an id.
    pub id: Option<JsonString>,
    /// The `username`, if it is a string.
    pub name: Option<JsonString>,
    /// The `email`, if it is a string.
    pub email: Option<JsonString>,
}

impl Identity {
    /// The id as a number, if it is a canonical integer.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.id.as_ref().and_then(JsonString::as_str).and_then(canonical_integer)
    }
}

/// The number of an id, as from [`Identity::number`]: the `pk` of a snapshot, or the bare value.
#[must_use]
pub fn id_number(json: &str) -> Option<i64> {
    id_text(json).as_ref().and_then(JsonString::as_str).and_then(canonical_integer)
}

fn id_text(json: &str) -> Option<JsonString> {
    if is_integer(json) { Some(JsonString::from(json)) } else { JsonString::decode(json) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(json: &str) -> (Option<String>, Option<i64>, Option<String>) {
        let identity = User::from_json(JsonText::parse(json).unwrap()).unwrap().identity();
        let text = |d: &Option<JsonString>| d.as_ref().and_then(JsonString::as_str).map(str::to_owned);
        (text(&identity.id), identity.number(), text(&identity.name))
    }

    #[test]
    fn finds_id_and_name() {
        assert_eq!(identity("12"), (Some("12".into()), Some(12), None));
        assert_eq!(identity("\"u-1\""), (Some("u-1".into()), None, None));
        assert_eq!(identity(r#"{"pk":1,"pk":"7","username":"zoë"}"#), (Some("7".into()), Some(7), Some("zoë".into())));
        assert_eq!(identity(r#"{"pk":null,"username":5}"#), (None, None, None));
        assert_eq!(identity("18446744073709551616"), (Some("18446744073709551616".into()), None, None));
    }

    #[test]
    fn a_new_user_is_an_object_and_an_integer_stays_one() {
        let text = |user: User| user.json().as_str().to_owned();
        assert_eq!(text(User::new(7, "zo\"ë")), r#"{"pk":7,"username":"zo\"ë"}"#);
        assert_eq!(User::new("7", "zoe"), User::new(7, "zoe"));
        assert_eq!(text(User::new("u-1", "zoe")), r#"{"pk":"u-1","username":"zoe"}"#);
        let user = User::new(-7, "zoe");
        assert_eq!((user.id().as_deref(), user.name().as_deref()), (Some("-7"), Some("zoe")));
    }

    #[test]
    fn refuses_what_is_no_user() {
        for bad in ["1.5", "true", "[1]"] {
            let json = JsonText::parse(bad).unwrap();
            assert_eq!(User::from_json(json.clone()), Err(Fault::NotAUser(json.kind())));
        }
    }
}
