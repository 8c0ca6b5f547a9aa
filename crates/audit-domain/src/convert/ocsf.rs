//! OCSF events of the classes Entity Management (3004) and API Activity (6003).

use super::table::{How, Id, Mark, OUTCOMES, Table, row};

pub(super) const TABLE: Table = Table {
    record: "an OCSF event",
    documents: "an OCSF event of class 3004 or 6003, or an array of them",
    lists: &[],
    ignored: &[],
    stands_alone: true,
    marks: &[Mark { member: "class_uid", values: CLASSES, accepted: "3004 (Entity Management) or 6003 (API Activity)" }],
    needs: &[&["class_uid"], &["time", "time_dt"]],
    id: Id { own: Some("metadata/uid"), parts: &["metadata/product/name", "metadata/uid"] },
    rows: &[
        // The profile Date/Time, which is more precise.
        row("time_dt", "timestamp", How::DateTime),
        row("time", "timestamp", How::Millis),
        row("activity_id", "action", How::Codes(ACTIVITIES)),
        row("api/operation", "action", How::Text),
        row("activity_name", "action", How::Text),
        row("entity/type", "table_name", How::Text),
        row("resources/0/type", "table_name", How::Text),
        row("entity/uid", "object_id", How::Text),
        row("entity/name", "object_id", How::Text),
        row("resources/0/uid", "object_id", How::Text),
        row("resources/0/name", "object_id", How::Text),
        row("actor/user", "user", How::Identity { ids: &["uid", "uid_alt", "name", "email_addr"], names: &["name", "email_addr"] }),
        row("src_endpoint/ip", "remote_addr", How::Text),
        row("http_request/url/url_string", "url", How::Text),
        row("http_request/url/path", "url", How::Text),
        row("message", "description", How::Text),
        row("status_id", "outcome", How::Codes(&[(1, "success"), (2, "failure")])),
        row("status", "outcome", OUTCOMES),
        row("metadata/correlation_uid", "correlation_id", How::Text),
        row("api/request/uid", "correlation_id", How::Text),
        row("metadata/product/name", "source", How::Text),
    ],
};

/// The classes that are accepted.
pub(super) const CLASSES: &[&str] = &["3004", "6003"];

/// The activities that both classes have.
const ACTIVITIES: &[(i64, &str)] = &[(1, "CREATE"), (2, "READ"), (3, "UPDATE"), (4, "DELETE")];
