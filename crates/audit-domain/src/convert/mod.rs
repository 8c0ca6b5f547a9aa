//! Converts audit records of other systems into native events.
//!
//! Each format is a table ([`table`]) from its fields to native members: `cloudtrail` is the
//! shortest to read. [`record`] finds the records of a document, [`value`] converts one value, and
//! [`build`] makes the event. What no native member says stays in `extra`, byte for byte. The
//! result is JSON text, which the parser of native events reads like any other.
//!
//! `docs/convert.md` has the tables for people. A test keeps them equal.

mod build;
mod cloudevents;
mod cloudtrail;
mod error;
mod k8s_audit;
mod known;
mod ocsf;
mod otlp;
mod path;
mod record;
mod table;
#[cfg(test)]
mod tests;
mod value;

pub use error::{ConvertError, ConvertFault};
pub use known::{Known, recognize};

use crate::json::JsonText;
use crate::limits::{EVENT_BYTES_MAX, REQUEST_BYTES_MAX};
use table::Table;

/// A format of audit records that [`convert`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// CloudEvents 1.0, as JSON.
    CloudEvents,
    /// Records of AWS CloudTrail.
    CloudTrail,
    /// Audit events of Kubernetes, `audit.k8s.io/v1`.
    K8sAudit,
    /// Logs of OpenTelemetry, as OTLP/JSON.
    Otlp,
    /// OCSF events of the classes 3004 (Entity Management) and 6003 (API Activity).
    Ocsf,
}

impl Format {
    /// All formats, in the order of their names.
    pub const ALL: [Format; 5] = [Format::CloudEvents, Format::CloudTrail, Format::K8sAudit, Format::Ocsf, Format::Otlp];

    /// The name of the format, as clients give it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::CloudEvents => "cloudevents",
            Format::CloudTrail => "cloudtrail",
            Format::K8sAudit => "k8s-audit",
            Format::Otlp => "otlp",
            Format::Ocsf => "ocsf",
        }
    }

    /// Finds a format by its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    fn table(self) -> &'static Table {
        match self {
            Format::CloudEvents => &cloudevents::TABLE,
            Format::CloudTrail => &cloudtrail::TABLE,
            Format::K8sAudit => &k8s_audit::TABLE,
            Format::Otlp => &otlp::TABLE,
            Format::Ocsf => &ocsf::TABLE,
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Times by which the events of a document may be larger than it. What stands around its records is
/// kept with each of them, and must not become gigabytes.
const GROWTH_MAX: usize = 8;

/// Converts one JSON document into native events, in the order of its records: a line of NDJSON or
/// a whole file, with one record or many. The same document gives the same uuids each time, so that
/// it can be sent again. The values keep their spacing: an event may have line ends inside.
///
/// # Errors
///
/// [`ConvertError`]: the first fault, with the number of its record and its place. A document has
/// at most [`EVENTS_PER_REQUEST_MAX`](crate::limits::EVENTS_PER_REQUEST_MAX) records, an event at
/// most [`EVENT_BYTES_MAX`] bytes, and all events together at most [`REQUEST_BYTES_MAX`] bytes, and
/// eight times the bytes of the document and 1 MiB.
pub fn convert(format: Format, text: &str) -> Result<Vec<JsonText>, ConvertError> {
    let mut builder = build::Builder::new(format);
    let (mut events, mut bytes) = (Vec::new(), 0);
    let max = REQUEST_BYTES_MAX.min(text.len().saturating_mul(GROWTH_MAX) + EVENT_BYTES_MAX);
    record::each_record(format.table(), text, &mut |record| {
        let event = builder.event(record)?;
        bytes += event.as_str().len();
        if bytes > max {
            let fault = ConvertFault::TooLargeInAll { max };
            return Err(ConvertError { index: None, pointer: String::new(), fault });
        }
        events.push(event);
        Ok(())
    })?;
    Ok(events)
}
