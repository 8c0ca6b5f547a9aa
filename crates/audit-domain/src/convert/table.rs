//! What a format is: a table from its fields to native members, and how its records are found.

/// One format.
#[derive(Debug)]
pub(super) struct Table {
    /// The name of one record, with its article, for messages.
    pub(super) record: &'static str,
    /// The documents that are accepted, for messages.
    pub(super) documents: &'static str,
    /// The lists around the records, from the outside.
    pub(super) lists: &'static [&'static str],
    /// Members around a list that say nothing about its records.
    pub(super) ignored: &'static [&'static str],
    /// Whether a record may stand alone, without the lists.
    pub(super) stands_alone: bool,
    /// Members that have only a few accepted values.
    pub(super) marks: &'static [Mark],
    /// What a record needs: of each group, at least one member.
    pub(super) needs: &'static [&'static [&'static str]],
    /// What the uuid is made of.
    pub(super) id: Id,
    /// The fields. Of several rows for a native member, the first with a value counts.
    pub(super) rows: &'static [Row],
}

/// A member of a record, or of the object around its list, that has only a few accepted values.
#[derive(Debug)]
pub(super) struct Mark {
    /// The name of the member. It may be absent.
    pub(super) member: &'static str,
    /// The accepted values: the text of a string, or a number as it is written.
    pub(super) values: &'static [&'static str],
    /// The accepted values, for messages.
    pub(super) accepted: &'static str,
}

/// What the uuid of an event is made of. A record without an id gets a uuid of its whole text.
#[derive(Debug)]
pub(super) struct Id {
    /// The field that is the uuid itself, if it is a UUID.
    pub(super) own: Option<&'static str>,
    /// Otherwise, the fields from which a uuid is derived. The last one is the id; the others only
    /// distinguish equal ids.
    pub(super) parts: &'static [&'static str],
}

/// One row: a field of the format, and the native member that it becomes.
#[derive(Debug)]
pub(super) struct Row {
    /// The path of the field: names joined by `/`; in an array, an index, or the `key` of an
    /// attribute of OTLP.
    pub(super) field: &'static str,
    /// The native member.
    pub(super) member: &'static str,
    /// How the value is converted.
    pub(super) how: How,
    /// A member that the record must have for this row to count.
    pub(super) only_with: Option<&'static str>,
}

/// How the value of a field becomes the value of a native member.
#[derive(Debug)]
pub(super) enum How {
    /// A string, as it is.
    Text,
    /// Any JSON, as it is.
    Any,
    /// A date-time in a form that the native API accepts, as it is.
    DateTime,
    /// An integer: milliseconds since 1970.
    Millis,
    /// An integer or a string of one: nanoseconds since 1970; 0 counts as absent.
    Nanos,
    /// A string: the second of a pair if it is the first one, otherwise as it is.
    Names(&'static [(&'static str, &'static str)]),
    /// An integer: the second of a pair if it is the first one, otherwise no value.
    Codes(&'static [(i64, &'static str)]),
    /// This text, if there is a value.
    Present(&'static str),
    /// An HTTP status: `failure` from 400 on, otherwise `success`.
    HttpStatus,
    /// Strings of an object, joined by `/`. Without the needed one, the value counts as
    /// absent.
    Joined {
        /// The paths of the strings.
        parts: &'static [&'static str],
        /// The part that is needed.
        needed: &'static str,
    },
    /// A user: the object with `pk` and `username`, or, of an array, only these two.
    Identity {
        /// The fields that can be the id; the first with a value counts.
        ids: &'static [&'static str],
        /// The fields that can be the name.
        names: &'static [&'static str],
    },
    /// The trace id of a `traceparent` (W3C Trace Context).
    TraceId,
}

/// A row that always counts.
pub(super) const fn row(field: &'static str, member: &'static str, how: How) -> Row {
    Row { field, member, how, only_with: None }
}

impl Row {
    /// Lets the row count only in a record that has a member.
    pub(super) const fn only_with(self, member: &'static str) -> Row {
        Row { only_with: Some(member), ..self }
    }
}

/// Names of outcomes that the formats spell in their own way.
pub(super) const OUTCOMES: How = How::Names(&[("Success", "success"), ("Failure", "failure")]);
