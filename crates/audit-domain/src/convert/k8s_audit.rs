//! Kubernetes audit events, `audit.k8s.io/v1`: an `EventList`, as the webhook backend sends it, or
//! one `Event`, as a line of the log backend.
//!
//! The API server writes an event for each stage of a request, with the same `auditID`. So the uuid
//! is derived from the `auditID` and the stage, and the `auditID` is the correlation id that joins
//! them.

use super::table::{How, Id, Mark, Table, row};

pub(super) const TABLE: Table = Table {
    record: "a Kubernetes audit event",
    documents: "an EventList or an Event of audit.k8s.io/v1, or an array of them",
    lists: &["items"],
    ignored: &["kind", "apiVersion", "metadata"],
    stands_alone: true,
    marks: &[
        Mark { member: "apiVersion", values: &["audit.k8s.io/v1"], accepted: "audit.k8s.io/v1" },
        Mark { member: "kind", values: &["Event", "EventList"], accepted: "Event or EventList" },
    ],
    needs: &[&["auditID"], &["stage"]],
    id: Id { own: None, parts: &["stage", "auditID"] },
    rows: &[
        row("stageTimestamp", "timestamp", How::DateTime),
        row("requestReceivedTimestamp", "timestamp", How::DateTime),
        row("verb", "action", How::Names(VERBS)),
        row("objectRef", "table_name", How::Joined { parts: &["resource", "subresource"], needed: "resource" }),
        row("objectRef", "object_id", How::Joined { parts: &["namespace", "name"], needed: "name" }),
        row("impersonatedUser", "user", USER),
        row("user", "user", USER),
        // Who really acts.
        row("user", "impersonator", USER).only_with("impersonatedUser"),
        row("sourceIPs/0", "remote_addr", How::Text),
        row("requestURI", "url", How::Text),
        row("requestObject", "post_data", How::Any),
        row("responseStatus/code", "outcome", How::HttpStatus),
        row("auditID", "correlation_id", How::Text),
    ],
};

const USER: How = How::Identity { ids: &["uid", "username"], names: &["username"] };

const VERBS: &[(&str, &str)] = &[
    ("create", "CREATE"),
    ("update", "UPDATE"),
    ("patch", "UPDATE"),
    ("delete", "DELETE"),
    ("deletecollection", "DELETE"),
    ("get", "READ"),
    ("list", "READ"),
    ("watch", "READ"),
];
