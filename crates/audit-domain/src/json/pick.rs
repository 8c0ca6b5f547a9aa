//! Finds a few members of an object by name, in one pass over all of them and without copying any.
//!
//! An object of a megabyte may have a hundred thousand members. A list of them
//! ([`Members`](super::Members)) takes an allocation or two for each, and a lookup takes a pass
//! over the list. So the code that shows a page of such objects asks for its members here.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{JsonKind, JsonString, JsonText};

impl JsonText {
    /// Finds the members with these names, each as received. Of several members with the same name,
    /// the last one counts, as in [`Members::last`](super::Members::last). Returns `None` if the
    /// value is not an object.
    #[must_use]
    pub fn pick<const N: usize>(&self, names: &[&str; N]) -> Option<[Option<&str>; N]> {
        pick(self.as_str(), names)
    }
}

/// Finds members of a well-formed value, as [`JsonText::pick`] does, as slices of its text.
pub(crate) fn pick<'a, const N: usize>(value: &'a str, names: &[&str; N]) -> Option<[Option<&'a str>; N]> {
    let mut found = [None; N];
    pick_into(value, names, &mut found)?;
    Some(found)
}

/// The pass itself. It is not generic, so that it is compiled once.
fn pick_into<'a>(value: &'a str, names: &[&str], found: &mut [Option<&'a str>]) -> Option<()> {
    if JsonKind::from_text(value) != JsonKind::Object {
        return None;
    }
    serde_json::Deserializer::from_str(value).deserialize_map(Pick { names, found }).ok()
}

struct Pick<'n, 'f, 'de> {
    names: &'n [&'n str],
    found: &'f mut [Option<&'de str>],
}

impl Pick<'_, '_, '_> {
    /// The index of the name that a key spells, with or without escapes.
    fn position(&self, key: &str) -> Option<usize> {
        let spelled = key.get(1..key.len().saturating_sub(1))?;
        if spelled.contains('\\') {
            let name = JsonString::decode(key)?;
            return self.names.iter().position(|wanted| wanted.as_bytes() == name.as_bytes());
        }
        self.names.iter().position(|wanted| *wanted == spelled)
    }
}

impl<'de> Visitor<'de> for Pick<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<&'de RawValue>()? {
            let value: &'de RawValue = map.next_value()?;
            if let Some(found) = self.position(key.get()).and_then(|at| self.found.get_mut(at)) {
                *found = Some(value.get());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Members;

    fn text(json: &str) -> JsonText {
        JsonText::parse(json).unwrap()
    }

    #[test]
    fn picks_the_last_member_of_a_name_however_it_is_spelled() {
        let json = text(r#"{"pk" : 1,"x":[{"pk":9}],"p\u006b":[ 2 ],"name":"\u00e9","pk\u0000":3}"#);
        assert_eq!(json.pick(&["name", "pk", "gone"]), Some([Some(r#""\u00e9""#), Some("[ 2 ]"), None]));
        assert_eq!(text("{}").pick(&["pk"]), Some([None]));
        for other in ["[1]", "\"pk\"", "5", "null"] {
            assert_eq!(text(other).pick(&["pk"]), None, "{other}");
        }
    }

    #[test]
    fn finds_what_a_list_of_the_members_finds() {
        for json in [r#"{"a":1,"":2,"a":3}"#, r#"{"\ud800":1,"a\"":2,"é":3}"#, r#"{ "\\" : 1 , "a" : {"a":2} }"#] {
            let (json, members) = (text(json), Members::parse(json).unwrap());
            for name in ["a", "", "a\"", "é", "\\", "b"] {
                let [picked] = json.pick(&[name]).unwrap();
                assert_eq!(picked, members.last(name).map(JsonText::as_str), "{name:?} in {json}");
            }
        }
    }
}
