//! The user of an event: a snapshot from that moment, or only an id.

use crate::error::Fault;
use crate::json::{JsonKind, JsonString, JsonText, ObjectWriter, is_integer};
use crate::object::{ObjectId, canonical_integer};

/// A user as received: an object (its `pk` is the id, or its `id` if it has no `pk`; its `username`
/// is the name), or only the id.
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

    /// The id: the `pk`, the `id` of an object without a `pk`, or the bare value.
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
        let IdentityText { id, name, email } = IdentityText::of(&self.0);
        Identity { id: id.and_then(id_text), name: name.and_then(JsonString::decode), email: email.and_then(JsonString::decode) }
    }
}

impl From<User> for JsonText {
    fn from(user: User) -> JsonText {
        user.0
    }
}

/// The parts that identify a user, as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IdentityText<'a> {
    /// The id, an integer or a string. See [`Identity::id`].
    pub id: Option<&'a str>,
    /// The `username`, a string.
    pub name: Option<&'a str>,
    /// The `email`, a string.
    pub email: Option<&'a str>,
}

impl<'a> IdentityText<'a> {
    /// Finds the parts in the value of a user.
    #[must_use]
    pub fn of(user: &'a JsonText) -> IdentityText<'a> {
        let is_string = |json: &&str| JsonKind::from_text(json) == JsonKind::String;
        let is_id = |json: &&str| is_string(json) || is_integer(json);
        match user.pick(&["pk", "id", "username", "email"]) {
            // A `pk` that cannot be an id is not replaced: it says that the user has another one.
            Some([pk, id, name, email]) => IdentityText {
                id: pk.filter(|pk| *pk != "null").or(id).filter(is_id),
                name: name.filter(is_string),
                email: email.filter(is_string),
            },
            None => IdentityText { id: Some(user.as_str()).filter(is_id), ..IdentityText::default() },
        }
    }
}

/// The parts that identify a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// The `pk`, or the bare value: the text of a string, the digits of an integer. If there is no
    /// `pk`, or it is null, the `id`. A `pk` or an `id` of another type is not an id.
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
        assert_eq!(identity(r#"{"id":5}"#), (Some("5".into()), Some(5), None));
        assert_eq!(
            identity(r#"{"id":9,"\u0069d":"5","pk":null,"username":"zoe"}"#),
            (Some("5".into()), Some(5), Some("zoe".into()))
        );
        assert_eq!(identity(r#"{"id":5,"pk":7}"#), (Some("7".into()), Some(7), None));
        assert_eq!(identity(r#"{"pk":{"a":7},"id":5}"#), (None, None, None));
        assert_eq!(identity(r#"{"id":[5],"user":{"id":6}}"#), (None, None, None));
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
