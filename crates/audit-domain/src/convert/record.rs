//! The records of a document, one after the other.

use std::rc::Rc;

use super::error::{ConvertError, ConvertFault};
use super::path::{self, Attributes};
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
    cache: Attributes,
    index: usize,
    place: &'a Place<'a>,
}

/// The name of what is around the outermost list.
const DOCUMENT: &str = "document";

/// An object that has a list of records, or of lists.
#[derive(Debug, Clone)]
pub(super) struct Around {
    /// The name of the list that the object is in, or [`DOCUMENT`].
    pub(super) name: &'static str,
    /// All lists inside share it.
    pub(super) shared: Rc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    /// The other members, as an object; empty if there are none.
    pub(super) object: String,
    cache: Attributes,
    pointer: String,
}

/// A place in the document. Its JSON pointer is written only for an error: a document may have a
/// million places.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    Document,
    Member(&'a Place<'a>, &'a str),
    Element(&'a Place<'a>, usize),
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Document => Ok(()),
            Place::Member(object, name) => write!(f, "{object}/{}", path::escaped(name)),
            Place::Element(array, index) => write!(f, "{array}/{index}"),
        }
    }
}

impl Record<'_> {
    /// The value of a field by its path.
    pub(super) fn find(&self, field: &str) -> Option<&str> {
        let (object, path) = self.split(field)?;
        path::find(object, path, self.cache(field))
    }

    /// The cache of the text that a field is in.
    pub(super) fn cache(&self, field: &str) -> &Attributes {
        self.around_of(field).map_or(&self.cache, |around| &around.shared.cache)
    }

    /// What is around the record, if a field is in it.
    fn around_of(&self, field: &str) -> Option<&Around> {
        let name = field.split('/').next()?;
        self.around.iter().find(|around| around.name == name)
    }

    /// The index of the member that a field without a `/` names: the last one of this name.
    pub(super) fn member(&self, field: &str) -> Option<usize> {
        self.members.iter().rposition(|member| member.is(field))
    }

    /// An error at a field; an empty field is the record.
    pub(super) fn error(&self, field: &str, fault: ConvertFault) -> ConvertError {
        let (name, _) = field.split_once('/').unwrap_or((field, ""));
        let pointer = match (self.around_of(field), self.split(field)) {
            _ if field.is_empty() => self.place.to_string(),
            (_, None) => format!("{}/{}", self.place, path::escaped(field)),
            (Some(around), Some((object, rest))) => format!("{}{}", around.shared.pointer, path::pointer(object, rest)),
            (None, Some((value, rest))) => format!("{}/{}{}", self.place, path::escaped(name), path::pointer(value, rest)),
        };
        ConvertError { index: Some(self.index), pointer, fault }
    }

    /// The value that the first name of a path leads to, and the rest of the path.
    fn split<'f>(&self, field: &'f str) -> Option<(&str, &'f str)> {
        let (name, rest) = field.split_once('/').unwrap_or((field, ""));
        match self.around_of(field) {
            Some(around) => Some((&around.shared.object, rest)),
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
    let text = checked(text).map_err(|error| at(&Place::Document, error.into()))?;
    let mut walk = Walk { table, index: 0, take };
    match JsonKind::from_text(text) {
        JsonKind::Object => walk.document(text, &Place::Document),
        JsonKind::Array => {
            for (index, element) in Walk::elements(text, &Place::Document)?.into_iter().enumerate() {
                walk.document(element, &Place::Element(&Place::Document, index))?;
            }
            Ok(())
        }
        got => Err(at(&Place::Document, ConvertFault::NotADocument { accepted: table.documents, got })),
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
    fn document(&mut self, text: &str, place: &Place<'_>) -> Result<(), ConvertError> {
        let members = self.members(text, place, self.table.stands_alone)?;
        let lists = self.table.lists;
        let has_list = lists.first().is_some_and(|list| members.iter().any(|member| member.is(list)));
        if has_list {
            check_marks(self.table.marks, &members).map_err(|(name, fault)| at(&Place::Member(place, name), fault))?;
            return self.list(&members, lists, place, DOCUMENT, &[]);
        }
        if !self.table.stands_alone {
            let fault = ConvertFault::NotADocument { accepted: self.table.documents, got: JsonKind::Object };
            return Err(at(place, fault));
        }
        self.record(text, members, place, &[])
    }

    /// The records of a list, or of the lists in it.
    fn list(
        &mut self,
        members: &[RawMember<'_>],
        lists: &[&'static str],
        outer: &Place<'_>,
        name: &'static str,
        outside: &[Around],
    ) -> Result<(), ConvertError> {
        let [list, inner @ ..] = lists else { return Ok(()) };
        let list = *list;
        let place = Place::Member(outer, list);
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
        let shared = Shared { object, cache: Attributes::default(), pointer: outer.to_string() };
        around.push(Around { name, shared: Rc::new(shared) });
        for (index, element) in Walk::elements(array, &place)?.into_iter().enumerate() {
            let place = Place::Element(&place, index);
            let members = self.members(element, &place, inner.is_empty())?;
            match inner {
                [] => self.record(element, members, &place, &around)?,
                inner => self.list(&members, inner, &place, list, &around)?,
            }
        }
        Ok(())
    }

    fn record(
        &mut self,
        text: &str,
        members: Vec<RawMember<'_>>,
        place: &Place<'_>,
        around: &[Around],
    ) -> Result<(), ConvertError> {
        if self.index == EVENTS_PER_REQUEST_MAX {
            return Err(at(&Place::Document, ConvertFault::TooManyRecords));
        }
        let record = Record { text, members, around, cache: Attributes::default(), index: self.index, place };
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
    fn members<'a>(&self, text: &'a str, place: &Place<'_>, is_record: bool) -> Result<Vec<RawMember<'a>>, ConvertError> {
        raw_members(text).map_err(|error| {
            let fault = match error {
                JsonError::NotAnObject(got) if is_record => ConvertFault::NotADocument { accepted: self.table.record, got },
                other => other.into(),
            };
            ConvertError { index: is_record.then_some(self.index), ..at(place, fault) }
        })
    }

    fn elements<'a>(array: &'a str, place: &Place<'_>) -> Result<Vec<&'a str>, ConvertError> {
        let elements = JsonText::elements(array, EVENTS_PER_REQUEST_MAX).map_err(|error| at(place, error.into()))?;
        if elements.len() > EVENTS_PER_REQUEST_MAX {
            return Err(at(place, ConvertFault::TooManyRecords));
        }
        Ok(elements)
    }
}

/// An error of the document, at a place outside its records.
fn at(place: &Place<'_>, fault: ConvertFault) -> ConvertError {
    ConvertError { index: None, pointer: place.to_string(), fault }
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
