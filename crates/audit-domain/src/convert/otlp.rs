//! OpenTelemetry logs as OTLP/JSON. A log record becomes an event; its resource and its scope are
//! kept with each of them.
//!
//! The attributes are those of OpenTelemetry's semantic conventions. `event.outcome` is of the
//! Elastic Common Schema: the conventions have no name for an outcome.

use super::table::{How, Id, OUTCOMES, Table, row};

pub(super) const TABLE: Table = Table {
    record: "an OTLP log record",
    documents: "an object with resourceLogs, or an array of them",
    lists: &["resourceLogs", "scopeLogs", "logRecords"],
    ignored: &[],
    stands_alone: false,
    marks: &[],
    needs: &[&["body", "attributes", "eventName"]],
    id: Id { own: Some("attributes/log.record.uid"), parts: &[SERVICE, "attributes/log.record.uid"] },
    rows: &[
        row("timeUnixNano", "timestamp", How::Nanos),
        row("observedTimeUnixNano", "timestamp", How::Nanos),
        row("eventName", "action", How::Text),
        row("attributes/event.name", "action", How::Text),
        row("attributes", "user", How::Identity { ids: &["user.id", "enduser.id"], names: &["user.name", "user.email"] }),
        row("attributes/client.address", "remote_addr", How::Text),
        row("attributes/url.full", "url", How::Text),
        row("attributes/url.path", "url", How::Text),
        row("body/stringValue", "description", How::Text),
        row("attributes/event.outcome", "outcome", OUTCOMES),
        row("traceId", "correlation_id", How::Text),
        row(SERVICE, "source", How::Text),
    ],
};

const SERVICE: &str = "resourceLogs/resource/attributes/service.name";
