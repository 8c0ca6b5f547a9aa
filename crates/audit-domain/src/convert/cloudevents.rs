//! CloudEvents 1.0 in the JSON format: structured mode (one object) and batches (an array).

use super::table::{How, Id, Mark, Table, row};

pub(super) const TABLE: Table = Table {
    record: "a CloudEvent",
    documents: "a CloudEvent, or an array of them",
    lists: &[],
    ignored: &[],
    stands_alone: true,
    marks: &[Mark { member: "specversion", values: &["1.0"], accepted: "1.0" }],
    needs: &[&["specversion"], &["id"], &["source"], &["type"]],
    // An id is unique among the events of its source.
    id: Id { own: Some("id"), parts: &["source", "id"] },
    rows: &[
        row("time", "timestamp", How::DateTime),
        row("type", "action", How::Text),
        row("subject", "object_id", How::Text),
        // The extension Auth Context.
        row("authid", "user", How::Text),
        row("data", "content", How::Any),
        // The extensions Correlation and Distributed Tracing.
        row("correlationid", "correlation_id", How::Text),
        row("traceparent", "correlation_id", How::TraceId),
        row("source", "source", How::Text),
    ],
};
