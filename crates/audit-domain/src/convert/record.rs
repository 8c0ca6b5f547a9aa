//! The records of a document, one after the other.

use std::rc::Rc;

use super::error::{ConvertError, ConvertFault};
use super::path;
use super::table::{Mark, Table};
use crate::json::{JsonError, JsonKind, JsonString, JsonText, ObjectWriter, RawMember, checked, raw_members};
use crate::limits::EVENTS_PER_REQUEST_MAX;

/// Characters of a refused value that a message shows.
const SHOWN_CHARS_MAX: usize = 40;

/// One record in its document.
#[derive(Debug)]
pub(super) struct Record<'a> {
    /// The record as received.
    pub(super) text: &'a str,
    /// Its members, in order of arrival.
    pub(super) members: Vec<RawMember<'a>>,
    /// What stands around the lists that it is in, from the outside.
    pub(super) around: &'a [Around],
    index: usize,
    pointer: &'a str,
}

/// The name of what is around the outermost list.
const DOCUMENT: &str = "document";

/// An object that has a list of records, or of lists.
#[derive(Debug, Clone)]
pub(super) struct Around {
    /// The name of the list that the object is in, or [`DOCUMENT`].
    pub(super) name: &'static str,
    /// The other members, as an object; empty if there are none. All lists inside share it.
    pub(super) object: Rc<str>,
    pointer: String,
}

impl Record<'_> {
    /// The value of a field by its path.
    pub(super) fn find(&self, field: &str) -> Option<&str> {
        let (object, path) = self.split(field)?;
        path::find(object, path)
    }

    /// The index of the member that a field without a `/` names: the last one of this name.
    pub(super) fn member(&self, field: &str) -> Option<usize> {
        self.members.iter().rposition(|member| member.is(field))
    }

    /// An error at a field; an empty field is the record.
    pub(super) fn error(&self, field: &str, fault: ConvertFault) -> ConvertError {
        let (name, _) = field.split_once('/').unwrap_or((field, ""));
        let pointer = match (self.around.iter().find(|around| around.name == name), self.split(field)) {
            _ if field.is_empty() => self.pointer.to_owned(),
            (_, None) => format!("{}/{}", self.pointer, path::escaped(field)),
            (Some(around), Some((object, rest))) => format!("{}{}", around.pointer, path::pointer(object, rest)),
            (None, Some((value, rest))) => format!("{}/{}{}", self.pointer, path::escaped(name), path::pointer(value, rest)),
        };
        ConvertError { index: Some(self.index), pointer, fault }
    }

    /// The value that the first name of a path leads to, and the rest of the path.
    fn split<'f>(&self, field: &'f str) -> Option<(&str, &'f str)> {
        let (name, rest) = field.split_once('/').unwrap_or((field, ""));
        match self.around.iter().find(|around| around.name == name) {
            Some(around) => Some((&*around.object, rest)),
            None => Some((self.members[self.member(name)?].value, rest)),
        }
    }
}

/// Calls back for each record of a document, in order.
///
/// # Errors
///
/// [`ConvertError`]: the document does not have the shape of the format, or an error of `take`.
pub(super) fn each_record(
    table: &Table,
    text: &str,
    take: &mut dyn FnMut(&Record<'_>) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    let text = checked(text).map_err(|error| at("", error.into()))?;
    let mut walk = Walk { table, index: 0, take };
    match JsonKind::from_text(text) {
        JsonKind::Object => walk.document(text, ""),
        JsonKind::Array => {
            for (index, element) in Walk::elements(text, "")?.into_iter().enumerate() {
                walk.document(element, &format!("/{index}"))?;
            }
            Ok(())
        }
        got => Err(at("", ConvertFault::NotADocument { accepted: table.documents, got })),
    }
}

struct Walk<'t> {
    table: &'t Table,
    /// The number of the next record.
    index: usize,
    take: &'t mut dyn FnMut(&Record<'_>) -> Result<(), ConvertError>,
}

impl Walk<'_> {
    /// An object that has the lists, or is a record.
    fn document(&mut self, text: &str, pointer: &str) -> Result<(), ConvertError> {
        let members = self.members(text, pointer, self.table.stands_alone)?;
        let lists = self.table.lists;
        let has_list = lists.first().is_some_and(|list| members.iter().any(|member| member.is(list)));
        if has_list {
            check_marks(self.table.marks, &members).map_err(|(name, fault)| at(&format!("{pointer}/{name}"), fault))?;
            return self.list(&members, lists, pointer, DOCUMENT, &[]);
        }
        if !self.table.stands_alone {
            let fault = ConvertFault::NotADocument { accepted: self.table.documents, got: JsonKind::Object };
            return Err(at(pointer, fault));
        }
        self.record(text, members, pointer, &[])
    }

    /// The records of a list, or of the lists in it.
    fn list(
        &mut self,
        members: &[RawMember<'_>],
        lists: &[&'static str],
        pointer: &str,
        name: &'static str,
        outside: &[Around],
    ) -> Result<(), ConvertError> {
        let [list, inner @ ..] = lists else { return Ok(()) };
        let list = *list;
        let place = format!("{pointer}/{list}");
        let array = match members.iter().rev().find(|member| member.is(list)) {
            None => return Ok(()),
            Some(member) => match JsonKind::from_text(member.value) {
                JsonKind::Array => member.value,
                JsonKind::Null => return Ok(()),
                other => return Err(at(&place, ConvertFault::NotAnArray(other))),
            },
        };
        let mut around = outside.to_vec();
        let ignored = self.table.ignored;
        let object = others(members, |member| member.is(list) || ignored.iter().any(|name| member.is(name)));
        around.push(Around { name, object: object.into(), pointer: pointer.to_owned() });
        for (index, element) in Walk::elements(array, &place)?.into_iter().enumerate() {
            let place = format!("{place}/{index}");
            let members = self.members(element, &place, inner.is_empty())?;
            match inner {
                [] => self.record(element, members, &place, &around)?,
                inner => self.list(&members, inner, &place, list, &around)?,
            }
        }
        Ok(())
    }

    fn record(&mut self, text: &str, members: Vec<RawMember<'_>>, pointer: &str, around: &[Around]) -> Result<(), ConvertError> {
        if self.index == EVENTS_PER_REQUEST_MAX {
            return Err(at("", ConvertFault::TooManyRecords));
        }
        let record = Record { text, members, around, index: self.index, pointer };
        check_marks(self.table.marks, &record.members).map_err(|(name, fault)| record.error(name, fault))?;
        let has = |name: &&str| record.find(name).is_some_and(|value| JsonKind::from_text(value) != JsonKind::Null);
        if let Some(&needed) = self.table.needs.iter().find(|group| !group.iter().any(has)) {
            return Err(record.error("", ConvertFault::Lacks { record: self.table.record, needed }));
        }
        (self.take)(&record)?;
        self.index += 1;
        Ok(())
    }

    /// The members of an object that is a record, or has records inside.
    fn members<'a>(&self, text: &'a str, pointer: &str, is_record: bool) -> Result<Vec<RawMember<'a>>, ConvertError> {
        raw_members(text).map_err(|error| {
            let fault = match error {
                JsonError::NotAnObject(got) if is_record => ConvertFault::NotADocument { accepted: self.table.record, got },
                other => other.into(),
            };
            ConvertError { index: is_record.then_some(self.index), ..at(pointer, fault) }
        })
    }

    fn elements<'a>(array: &'a str, pointer: &str) -> Result<Vec<&'a str>, ConvertError> {
        let elements = JsonText::elements(array, EVENTS_PER_REQUEST_MAX).map_err(|error| at(pointer, error.into()))?;
        if elements.len() > EVENTS_PER_REQUEST_MAX {
            return Err(at(pointer, ConvertFault::TooManyRecords));
        }
        Ok(elements)
    }
}

/// An error of the document, at a place outside its records.
fn at(pointer: &str, fault: ConvertFault) -> ConvertError {
    ConvertError { index: None, pointer: pointer.to_owned(), fault }
}

/// The members that are not left out, as an object; empty if there are none.
fn others(members: &[RawMember<'_>], is_left_out: impl Fn(&RawMember<'_>) -> bool) -> String {
    let kept: Vec<&RawMember<'_>> = members.iter().filter(|member| !is_left_out(member)).collect();
    let mut out = String::new();
    if !kept.is_empty() {
        let mut object = ObjectWriter::new(&mut out);
        for member in kept {
            object.raw_key(member.key, member.value);
        }
        object.end();
    }
    out
}

/// Checks the members that have only a few accepted values.
fn check_marks(marks: &[Mark], members: &[RawMember<'_>]) -> Result<(), (&'static str, ConvertFault)> {
    for mark in marks {
        let Some(member) = members.iter().rev().find(|member| member.is(mark.member)) else { continue };
        let text = JsonString::decode(member.value).map_or_else(|| member.value.to_owned(), |text| text.to_text());
        if !mark.values.contains(&text.as_str()) {
            let got = text.chars().take(SHOWN_CHARS_MAX).collect();
            return Err((mark.member, ConvertFault::NotAccepted { accepted: mark.accepted, got }));
        }
    }
    Ok(())
}
