//! Builds the native event of a record.

use std::collections::HashMap;

use uuid::Uuid;

use super::Format;
use super::error::{ConvertError, ConvertFault};
use super::record::Record;
use super::table::Row;
use super::value::converted;
use crate::error::Fault;
use crate::json::{JsonKind, JsonString, JsonText, ObjectWriter, is_integer};
use crate::limits::{EVENT_BYTES_MAX, NAME_CHARS_MAX};
use crate::parse::parse_uuid;

/// The native members that a table may fill, in the order in which they are written.
pub(super) const MEMBERS: [&str; 14] = [
    "timestamp",
    "action",
    "table_name",
    "object_id",
    "user",
    "impersonator",
    "remote_addr",
    "url",
    "description",
    "post_data",
    "content",
    "outcome",
    "correlation_id",
    "source",
];

/// Members that are names, of at most [`NAME_CHARS_MAX`] characters.
const NAMES: [&str; 2] = ["action", "outcome"];

/// Builds the events of one document.
#[derive(Debug)]
pub(super) struct Builder {
    format: Format,
    /// How often the document had each record that has no id.
    seen: HashMap<Uuid, u64>,
}

impl Builder {
    pub(super) fn new(format: Format) -> Builder {
        Builder { format, seen: HashMap::new() }
    }

    /// Builds the event of the next record.
    pub(super) fn event(&mut self, record: &Record<'_>) -> Result<JsonText, ConvertError> {
        let table = self.format.table();
        let mut is_said = vec![false; record.members.len()];
        let mut event = String::new();
        let mut object = ObjectWriter::new(&mut event);
        let uuid = self.uuid(record, &mut is_said).to_string();
        object.string("uuid", &uuid);
        for member in MEMBERS {
            for row in table.rows.iter().filter(|row| row.member == member) {
                let Some((json, is_all)) = value(record, row)? else { continue };
                object.raw(member, &json);
                if is_all && let Some(index) = record.member(row.field) {
                    is_said[index] = true;
                }
                break;
            }
        }
        if let Some(extra) = extra(record, &is_said) {
            object.raw("extra", &extra);
        }
        object.end();
        if event.len() > EVENT_BYTES_MAX {
            return Err(record.error("", ConvertFault::TooLarge { bytes: event.len() }));
        }
        JsonText::parse(&event).map_err(|error| record.error("", error.into()))
    }

    /// The uuid of an event: the id of the record if it is a UUID, otherwise one that is derived
    /// from the id. A record without an id gets one of its text, and of how often the document had
    /// this text before. In all cases, a document that is sent again gets the same uuids.
    fn uuid(&mut self, record: &Record<'_>, is_said: &mut [bool]) -> Uuid {
        let id = &self.format.table().id;
        let own = id.own.and_then(|field| Some((field, id_text(record.find(field)?)?)));
        if let Some((field, text)) = own
            && let Some(uuid) = text.as_str().and_then(parse_uuid).filter(|uuid| !uuid.is_nil())
        {
            if text.as_str() == Some(uuid.to_string().as_str())
                && let Some(index) = record.member(field)
            {
                is_said[index] = true;
            }
            return uuid;
        }
        let parts: Vec<Option<JsonString>> = id.parts.iter().map(|field| record.find(field).and_then(id_text)).collect();
        if let Some(Some(_)) = parts.last() {
            let parts = parts.iter().map(|part| part.as_ref().map_or(&b""[..], JsonString::as_bytes));
            return derived(self.format, b"id", parts);
        }
        let around = record.around.iter().map(|around| around.shared.object.as_bytes());
        let uuid = derived(self.format, b"text", around.chain([record.text.as_bytes()]));
        let before = self.seen.entry(uuid).or_insert(0);
        let uuid = if *before == 0 { uuid } else { Uuid::new_v5(&uuid, &before.to_be_bytes()) };
        *before += 1;
        uuid
    }
}

/// A uuid of the parts of an identity. Each part is preceded by its length, so that no two lists of
/// parts are the same bytes.
fn derived<'a>(format: Format, kind: &'a [u8], parts: impl Iterator<Item = &'a [u8]>) -> Uuid {
    let mut name = Vec::new();
    for part in [format.name().as_bytes(), kind].into_iter().chain(parts) {
        name.extend_from_slice(&(part.len() as u64).to_be_bytes());
        name.extend_from_slice(part);
    }
    let namespace = Uuid::new_v5(&Uuid::NAMESPACE_OID, b"audit-domain convert");
    Uuid::new_v5(&namespace, &name)
}

/// The characters of an id: a string that is not empty, or an integer.
fn id_text(json: &str) -> Option<JsonString> {
    let text = if is_integer(json) { JsonString::from(json) } else { JsonString::decode(json)? };
    (!text.as_bytes().is_empty()).then_some(text)
}

/// The value that a row gives, and whether nothing of its field is left to keep.
fn value(record: &Record<'_>, row: &Row) -> Result<Option<(String, bool)>, ConvertError> {
    let is_there = |name: &str| record.find(name).is_some_and(|value| JsonKind::from_text(value) != JsonKind::Null);
    if !row.only_with.is_none_or(is_there) {
        return Ok(None);
    }
    let Some(value) = record.find(row.field) else { return Ok(None) };
    let at_field = |fault| record.error(row.field, ConvertFault::Value { member: row.member, fault });
    let Some(converted) = converted(&row.how, value, record.cache(row.field)).map_err(at_field)? else { return Ok(None) };
    if NAMES.contains(&row.member) {
        let chars = JsonString::decode(&converted.json).map_or(0, |text| text.chars_len());
        if chars > NAME_CHARS_MAX {
            return Err(at_field(Fault::TooLong { max: NAME_CHARS_MAX, chars }));
        }
    }
    Ok(Some((converted.json, converted.is_all && !row.field.contains('/'))))
}

/// The members that no native member says, and what stands around the record, as one object.
fn extra(record: &Record<'_>, is_said: &[bool]) -> Option<String> {
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    for (member, _) in record.members.iter().zip(is_said).filter(|(_, is_said)| !**is_said) {
        object.raw_key(member.key, member.value);
    }
    for around in record.around.iter().filter(|around| !around.shared.object.is_empty()) {
        object.raw(around.name, &around.shared.object);
    }
    object.end();
    (out != "{}").then_some(out)
}
