//! Reads JSON documents that people hand in as evidence. Nothing is repaired or ignored: a member
//! that is missing, repeated, unknown or in another form is named, with what is accepted.

use crate::json::{JsonError, JsonKind, JsonText, RawMember, checked, raw_members};

use super::node::NodeHash;

/// Bytes of the largest proof, or line of a bundle, that is read. The slots of the largest entry take less
/// than half of it, also where each of their characters is escaped.
pub const DOCUMENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Hashes of the longest inclusion proof or left frontier: the height of the largest tree.
pub(super) const PATH_MAX: usize = 64;

/// Characters of a value that a message shows.
const SHOWN_CHARS_MAX: usize = 40;

/// The reason why a text is not the document that it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is too large.
    #[error("a document or a line of it has at most {DOCUMENT_BYTES_MAX} bytes (got {0})")]
    TooLarge(usize),
    /// It is a line after the last one of a bundle.
    #[error("nothing follows the line with `entries`, which is the last one of a bundle")]
    AfterEnd,
    /// It is not text.
    #[error("a document is UTF-8")]
    NotUtf8,
    /// It is not JSON, or not an object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member has a fault.
    #[error("`{member}` {fault}")]
    Member {
        /// The member, such as `slots[2].salt`.
        member: String,
        /// The fault.
        fault: MemberFault,
    },
}

/// The fault of a member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberFault {
    /// It has to be there.
    #[error("is missing")]
    Missing,
    /// It is there twice.
    #[error("is given twice")]
    Repeated,
    /// No such member is read here.
    #[error("is unknown: the members are {0}")]
    Unknown(String),
    /// It has another form.
    #[error("must be {expected} (got {got})")]
    Form {
        /// What is accepted.
        expected: String,
        /// The beginning of the value.
        got: String,
    },
}

/// An object whose members are known by name, each of them once.
#[derive(Debug)]
pub(super) struct Object<'a> {
    /// The members that lead to it, with a dot at the end; empty for a document.
    path: String,
    members: Vec<RawMember<'a>>,
}

impl<'a> Object<'a> {
    /// Reads a document with these members.
    pub(super) fn parse(text: &'a str, names: &[&str]) -> Result<Object<'a>, DocumentError> {
        let text = checked_document(text)?;
        Object::of_members(String::new(), raw_members(text)?, names)
    }

    fn nested(path: &str, value: &'a str, names: &[&str]) -> Result<Object<'a>, DocumentError> {
        let members = raw_members(value).map_err(|_| form(path, "an object with few members", value))?;
        Object::of_members(format!("{path}."), members, names)
    }

    fn of_members(path: String, members: Vec<RawMember<'a>>, names: &[&str]) -> Result<Object<'a>, DocumentError> {
        for member in &members {
            if !names.iter().any(|name| member.is(name)) {
                let unknown = shown(member.key.trim_matches('"'));
                return Err(fault(format!("{path}{unknown}"), MemberFault::Unknown(names.join(", "))));
            }
        }
        for name in names {
            if members.iter().filter(|member| member.is(name)).count() > 1 {
                return Err(fault(format!("{path}{name}"), MemberFault::Repeated));
            }
        }
        Ok(Object { path, members })
    }

    fn member(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    /// The error of a member with another form.
    pub(super) fn form(&self, name: &str, expected: &str) -> DocumentError {
        form(&self.member(name), expected, self.find(name).unwrap_or_default())
    }

    fn find(&self, name: &str) -> Option<&'a str> {
        self.members.iter().find(|member| member.is(name)).map(|member| member.value)
    }

    /// Whether the member is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn get(&self, name: &str) -> Result<&'a str, DocumentError> {
        self.find(name).ok_or_else(|| fault(self.member(name), MemberFault::Missing))
    }

    pub(super) fn string(&self, name: &str) -> Result<String, DocumentError> {
        let value = self.get(name)?;
        serde_json::from_str(value).map_err(|_| self.form(name, "a string"))
    }

    pub(super) fn number(&self, name: &str) -> Result<u64, DocumentError> {
        let value = self.get(name)?;
        value.parse().map_err(|_| self.form(name, "an integer from 0 to 18446744073709551615"))
    }

    pub(super) fn boolean(&self, name: &str) -> Result<bool, DocumentError> {
        let value = self.get(name)?;
        value.parse().map_err(|_| self.form(name, "true or false"))
    }

    /// Bytes in lowercase hex, of which there have to be exactly so many.
    pub(super) fn hex<const N: usize>(&self, name: &str) -> Result<[u8; N], DocumentError> {
        let bytes = decode_hex(self.get(name)?).and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| self.form(name, &hex_digits::<N>()))
    }

    /// Bytes in lowercase hex, at most so many.
    pub(super) fn bytes(&self, name: &str, max: usize) -> Result<Vec<u8>, DocumentError> {
        let bytes = decode_hex(self.get(name)?).filter(|bytes| bytes.len() <= max);
        bytes.ok_or_else(|| self.form(name, &format!("at most {max} bytes in lowercase hex")))
    }

    /// A list of hashes in lowercase hex.
    pub(super) fn hashes(&self, name: &str, max: usize) -> Result<Vec<NodeHash>, DocumentError> {
        let hash = |(member, value): (String, &str)| {
            let hash = decode_hex(value).and_then(|bytes| bytes.try_into().ok());
            hash.map(NodeHash).ok_or_else(|| form(&member, &hex_digits::<32>(), value))
        };
        self.elements(name, max)?.into_iter().map(hash).collect()
    }

    /// A list of objects, each with the members that `names` says for it.
    pub(super) fn objects(
        &self,
        name: &str,
        max: usize,
        names: impl Fn(&str) -> &'static [&'static str],
    ) -> Result<Vec<Object<'a>>, DocumentError> {
        let elements = self.elements(name, max)?.into_iter();
        elements.map(|(member, value)| Object::nested(&member, value, names(value))).collect()
    }

    /// An object, or `None` if the member is null or absent.
    pub(super) fn object(&self, name: &str, names: &[&str]) -> Result<Option<Object<'a>>, DocumentError> {
        let value = self.find(name).filter(|value| *value != "null");
        value.map(|value| Object::nested(&self.member(name), value, names)).transpose()
    }

    fn elements(&self, name: &str, max: usize) -> Result<Vec<(String, &'a str)>, DocumentError> {
        let value = self.get(name)?;
        let refused = || self.form(name, &format!("an array of at most {max} elements"));
        if JsonKind::from_text(value) != JsonKind::Array {
            return Err(refused());
        }
        let elements = JsonText::elements(value, max).ok().filter(|elements| elements.len() <= max).ok_or_else(refused)?;
        let member = |index: usize| format!("{}[{index}]", self.member(name));
        Ok(elements.into_iter().enumerate().map(|(index, value)| (member(index), value)).collect())
    }
}

/// Checks the size and the syntax of a text, and cuts the blanks around it.
fn checked_document(text: &str) -> Result<&str, DocumentError> {
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(DocumentError::TooLarge(text.len()));
    }
    Ok(checked(text)?)
}

/// Decodes a JSON string of lowercase hex digits.
fn decode_hex(value: &str) -> Option<Vec<u8>> {
    let digits = value.strip_prefix('"')?.strip_suffix('"')?;
    let is_lowercase = digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if is_lowercase { hex::decode(digits).ok() } else { None }
}

fn hex_digits<const N: usize>() -> String {
    format!("a string of {} lowercase hex digits", 2 * N)
}

fn fault(member: String, fault: MemberFault) -> DocumentError {
    DocumentError::Member { member, fault }
}

fn form(member: &str, expected: &str, got: &str) -> DocumentError {
    fault(member.to_owned(), MemberFault::Form { expected: expected.to_owned(), got: shown(got) })
}

fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<T>(result: Result<T, DocumentError>) -> String {
        result.err().unwrap().to_string()
    }

    #[test]
    fn each_fault_names_the_member_and_what_is_accepted() {
        let names = ["a", "b"];
        let read = |text| Object::parse(text, &names);
        assert_eq!(said(read(r#"{"a":1,"c":2}"#)), "`c` is unknown: the members are a, b");
        assert_eq!(said(read(r#"{"a":1,"\u0061":1}"#)), "`a` is given twice");
        let object = read(r#"{"a":{"b":[{"a":-1},{"a":"FF"}]}}"#).unwrap();
        assert_eq!(said(object.string("b")), "`b` is missing");
        assert_eq!(said(object.string("a")), "`a` must be a string (got {\"b\":[{\"a\":-1},{\"a\":\"FF\"}]})");
        let inner = object.object("a", &names).unwrap().unwrap();
        assert_eq!(said(inner.hashes("b", 2)), "`a.b[0]` must be a string of 64 lowercase hex digits (got {\"a\":-1})");
        assert_eq!(said(inner.hashes("b", 1)), "`a.b` must be an array of at most 1 elements (got [{\"a\":-1},{\"a\":\"FF\"}])");
        let list = inner.objects("b", 2, |_| &["a"]).unwrap();
        assert_eq!(said(list[0].number("a")), "`a.b[0].a` must be an integer from 0 to 18446744073709551615 (got -1)");
        assert_eq!(said(list[1].hex::<1>("a")), "`a.b[1].a` must be a string of 2 lowercase hex digits (got \"FF\")");
        assert_eq!(said(list[1].bytes("a", 9)), "`a.b[1].a` must be at most 9 bytes in lowercase hex (got \"FF\")");
        assert_eq!(said(list[1].boolean("a")), "`a.b[1].a` must be true or false (got \"FF\")");
        assert_eq!(said(list[1].object("a", &names)), "`a.b[1].a` must be an object with few members (got \"FF\")");
    }

    #[test]
    fn numbers_and_sizes_have_bounds() {
        let number = |text: &str| Object::parse(text, &["a"]).unwrap().number("a");
        assert_eq!((number(r#"{"a":0}"#), number(r#"{"a":18446744073709551615}"#)), (Ok(0), Ok(u64::MAX)));
        for other in [r#"{"a":18446744073709551616}"#, r#"{"a":1.0}"#, r#"{"a":1e3}"#, r#"{"a":"1"}"#, r#"{"a":null}"#] {
            assert!(number(other).is_err(), "{other}");
        }
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(DOCUMENT_BYTES_MAX));
        assert_eq!(Object::parse(&large, &["a"]).err(), Some(DocumentError::TooLarge(large.len())));
        let long = said(
            Object::parse(&format!("{{\"a\":{}}}", "é".repeat(0) + "\"" + &"é".repeat(99) + "\""), &["a"]).unwrap().number("a"),
        );
        assert!(long.len() < 200 && long.ends_with("…)"), "{long}");
        assert!(matches!(Object::parse(&"[".repeat(9_999), &["a"]), Err(DocumentError::Json(JsonError::TooDeep))));
    }
}
