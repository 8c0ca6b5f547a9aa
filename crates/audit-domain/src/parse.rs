//! Reads a record from the members of a JSON object, in the same way for events and action logs.

use uuid::Uuid;

use crate::error::{Fault, FieldError, InputError};
use crate::json::{JsonKind, JsonString, JsonText, Member, Members, ObjectWriter};
use crate::limits::{EVENT_BYTES_ADDED_MAX, EVENT_BYTES_MAX, NAME_CHARS_MAX, NESTING_ADDED_MAX, NESTING_MAX};
use crate::timestamp::Timestamp;
use crate::unrecognized::{Foreign, Unrecognized};

/// How strictly the parser reads an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseMode {
    /// Whether the parser drops members that only the server sets, instead of refusing them.
    pub drops_read_only: bool,
    /// Whether the last of several members with the same name counts, instead of being refused.
    pub last_repeated_counts: bool,
    /// Whether the parser refuses an object without any known member and the records of other
    /// systems, instead of keeping their members as unknown ones.
    pub refuses_unrecognized: bool,
    /// Whether a value that a member outside of the published pages cannot have is kept as an
    /// unknown member, instead of being refused. Clients of the published pages and files may have
    /// members of their own under these names.
    pub keeps_faulty_added: bool,
    /// Whether the parser takes what an export has and a client cannot say: `masked`, and the names of
    /// entries that only the log itself makes ([`crate::RESERVED`]).
    pub takes_exported: bool,
}

/// The member that says what was masked.
const MASKED: &str = "masked";

impl ParseMode {
    /// The mode of the native API with `lenient=true`: an object without any known member is a record
    /// too, and so is the record of another system, whose `outcome` may be an object.
    pub const LENIENT: ParseMode = ParseMode {
        drops_read_only: false,
        last_repeated_counts: false,
        refuses_unrecognized: false,
        keeps_faulty_added: true,
        takes_exported: false,
    };
    /// The mode of the native API.
    pub const NATIVE: ParseMode = ParseMode { refuses_unrecognized: true, keeps_faulty_added: false, ..ParseMode::LENIENT };
    /// The mode of the published APIs, which read an object as Django does.
    pub const PUBLISHED: ParseMode = ParseMode { last_repeated_counts: true, ..ParseMode::LENIENT };
    /// The mode for importing an export.
    pub const IMPORT: ParseMode = ParseMode { drops_read_only: true, takes_exported: true, ..ParseMode::LENIENT };

    /// Checks the limits and splits a record into its members. An exported record may be larger
    /// than the record that the client sent.
    pub(crate) fn members(self, text: &str) -> Result<Members<'_>, InputError> {
        let (bytes_added, levels_added) = if self.drops_read_only { (EVENT_BYTES_ADDED_MAX, NESTING_ADDED_MAX) } else { (0, 0) };
        if text.len() > EVENT_BYTES_MAX + bytes_added {
            return Err(InputError::TooLarge { bytes: text.len() });
        }
        Ok(Members::parse_limited_within(text, NESTING_MAX + levels_added)?)
    }
}

/// A record that is built from its members, one by one.
pub(crate) trait FromMembers: Default {
    /// The members that a client may give.
    const KNOWN: &'static [&'static str];
    /// Those of [`FromMembers::KNOWN`] that the published pages do not have.
    const ADDED: &'static [&'static str];
    /// The members that only the server sets.
    const READ_ONLY: &'static [&'static str];
    /// The requirements of a record, as a sentence for messages.
    const NEEDS: &'static str;

    /// Sets a known member. `None` stands for a null member.
    fn set(&mut self, name: &str, value: Option<JsonText>) -> Result<(), Fault>;

    /// The place for unknown members.
    fn extra(&mut self) -> &mut Option<JsonText>;

    /// The system whose record an object looks like, and what to do with it.
    fn looks_like(_members: &Members<'_>) -> Option<Foreign> {
        None
    }
}

/// Known names that records of other systems have as well.
const FOREIGN_TOO: [&str; 3] = ["uuid", "action", "outcome"];

/// Refuses the record of another system, and an object without any known member, if the mode says
/// so. The record of another system may have members with known names, which mean something else.
pub(crate) fn recognize<R: FromMembers>(members: &Members<'_>, mode: ParseMode) -> Result<(), Unrecognized> {
    let is_known = |member: &Member<'_>| R::KNOWN.iter().chain(R::READ_ONLY).any(|known| *known == member.name);
    if !mode.refuses_unrecognized {
        return Ok(());
    }
    let mut known = members.iter().filter(|member| is_known(member)).map(|member| member.name.as_str()).peekable();
    let has_known = known.peek().is_some();
    match R::looks_like(members) {
        Some(foreign) if foreign.format.is_some() || known.all(|name| FOREIGN_TOO.contains(&name)) => {
            Err(Unrecognized::foreign(&foreign, R::NEEDS))
        }
        _ if has_known => Ok(()),
        _ => Err(Unrecognized::new(members, R::KNOWN, R::NEEDS)),
    }
}

/// Reads all members, and reports every faulty one in order of arrival.
pub(crate) fn read<R: FromMembers>(members: Members<'_>, mode: ParseMode) -> (R, Vec<FieldError>) {
    let mut reader = Reader { mode, record: R::default(), seen: Vec::new(), unknown: Vec::new(), errors: Vec::new() };
    for member in members {
        reader.take(member);
    }
    reader.finish()
}

struct Reader<R> {
    mode: ParseMode,
    record: R,
    seen: Vec<String>,
    unknown: Vec<Unknown>,
    errors: Vec<FieldError>,
}

/// A member for `extra`, or one that may have to go there.
struct Unknown {
    key: String,
    value: JsonText,
    /// The name of a member of [`FromMembers::ADDED`], whose value may fit.
    added: Option<&'static str>,
}

impl<R: FromMembers> Reader<R> {
    fn take(&mut self, member: Member<'_>) {
        let Member { key, name, value } = member;
        let is_masked = name == MASKED && !self.mode.takes_exported;
        let read_only = is_masked || R::READ_ONLY.contains(&name.as_str());
        let is_unknown = !read_only && !R::KNOWN.contains(&name.as_str());
        if is_unknown || is_masked && self.mode.last_repeated_counts {
            self.unknown.push(Unknown { key: key.to_owned(), value, added: None });
            return;
        }
        if self.mode.keeps_faulty_added
            && let Some(added) = R::ADDED.iter().find(|added| **added == name)
        {
            if !self.mode.last_repeated_counts && self.unknown.iter().any(|member| member.added == Some(*added)) {
                return self.errors.push(FieldError::new(name, Fault::Repeated));
            }
            // The last one counts.
            self.unknown.retain(|member| member.added != Some(*added));
            self.unknown.push(Unknown { key: key.to_owned(), value, added: Some(added) });
            return;
        }
        if self.seen.contains(&name) {
            if !self.mode.last_repeated_counts {
                return self.errors.push(FieldError::new(name, Fault::Repeated));
            }
            // The last one counts, with its faults.
            self.errors.retain(|error| error.field != name);
        } else {
            // A name is added once: a client may repeat two members a hundred thousand times, and
            // each member is looked up in this list.
            self.seen.push(name.clone());
        }
        let value = (value.kind() != JsonKind::Null).then_some(value);
        if read_only {
            if value.is_some() && !self.mode.drops_read_only {
                self.errors.push(FieldError::new(name, Fault::ReadOnly));
            }
            return;
        }
        if let Err(fault) = self.record.set(&name, value) {
            self.errors.push(FieldError::new(name, fault));
        }
    }

    fn finish(mut self) -> (R, Vec<FieldError>) {
        let record = &mut self.record;
        let fits = |member: &Unknown, record: &mut R| {
            let value = (member.value.kind() != JsonKind::Null).then(|| member.value.clone());
            member.added.is_some_and(|name| record.set(name, value).is_ok())
        };
        self.unknown.retain(|member| !fits(member, record));
        if self.unknown.is_empty() {
            return (self.record, self.errors);
        }
        // What a published API makes of its own members may have an `extra` already.
        let (added, unknown): (Vec<Unknown>, Vec<Unknown>) = match record.extra() {
            Some(_) => self.unknown.into_iter().partition(|member| member.added.is_some()),
            None => (self.unknown, Vec::new()),
        };
        self.errors.extend(unknown.iter().map(|member| beside_extra(&member.key)));
        if !added.is_empty() {
            let extra = record.extra();
            *extra = Some(extra_slot(extra.as_ref(), &added));
        }
        (self.record, self.errors)
    }
}

/// The error of an unknown member, by its key as received, in a record that has `extra` as well.
fn beside_extra(key: &str) -> FieldError {
    let name = JsonString::decode(key).map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
    FieldError::new(name.unwrap_or_default(), Fault::BesideExtra)
}

/// Formats unknown members in order of arrival, after those of an object: `{` + key as received +
/// `:` + value, joined by `,` + `}`.
fn extra_slot(before: Option<&JsonText>, unknown: &[Unknown]) -> JsonText {
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    for member in before.and_then(|object| Members::parse(object.as_str()).ok()).into_iter().flatten() {
        object.raw_key(member.key, member.value.as_str());
    }
    for member in unknown {
        object.raw_key(&member.key, member.value.as_str());
    }
    object.end();
    JsonText::from_trusted(out)
}

/// Parses the uuid of a record.
pub(crate) fn uuid(json: &JsonText) -> Result<Uuid, Fault> {
    let text = json.decoded().ok_or(Fault::NotAUuid)?;
    let uuid = text.as_str().and_then(parse_uuid).ok_or(Fault::NotAUuid)?;
    if uuid.is_nil() { Err(Fault::NilUuid) } else { Ok(uuid) }
}

/// Parses a UUID in hyphenated or plain form, in either case. Braces and `urn:` are not accepted.
#[must_use]
pub fn parse_uuid(text: &str) -> Option<Uuid> {
    if text.len() != 36 && text.len() != 32 {
        return None;
    }
    Uuid::try_parse(text).ok()
}

pub(crate) fn timestamp(json: &JsonText) -> Result<Timestamp, Fault> {
    Timestamp::from_json(json)
}

pub(crate) fn integer(json: &JsonText) -> Result<i64, Fault> {
    let number = if json.is_integer() { json.as_str().parse().ok() } else { None };
    number.ok_or(Fault::NotAnInteger(json.kind()))
}

pub(crate) fn string(json: JsonText) -> Result<JsonText, Fault> {
    if json.kind() == JsonKind::String { Ok(json) } else { Err(Fault::NotAString(json.kind())) }
}

/// Checks a name to group by: a string of at most [`NAME_CHARS_MAX`] characters.
pub(crate) fn name(json: JsonText) -> Result<JsonText, Fault> {
    let chars = json.decoded().as_ref().map(JsonString::chars_len).ok_or(Fault::NotAString(json.kind()))?;
    if chars > NAME_CHARS_MAX { Err(Fault::TooLong { max: NAME_CHARS_MAX, chars }) } else { Ok(json) }
}

/// Checks what an export says was masked: the policy, and pointers.
pub(crate) fn masked(json: JsonText) -> Result<JsonText, Fault> {
    let fault = Fault::NotAnObject(json.kind());
    let Some([Some(policy), Some(pointers)]) = json.pick(&["policy", "pointers"]) else { return Err(fault) };
    let is_text = |text: &&str| JsonKind::from_text(text) == JsonKind::String;
    let listed = JsonText::elements(pointers, EVENT_BYTES_MAX).map_err(|_| Fault::NotAnObject(json.kind()))?;
    if is_text(&policy) && listed.iter().all(is_text) { Ok(json) } else { Err(fault) }
}

pub(crate) fn object(json: JsonText) -> Result<JsonText, Fault> {
    if json.kind() == JsonKind::Object { Ok(json) } else { Err(Fault::NotAnObject(json.kind())) }
}
