//! AWS CloudTrail: the records of a log file (`{"Records":[…]}`), or one record.

use super::table::{How, Id, OUTCOMES, Table, row};

pub(super) const TABLE: Table = Table {
    record: "a CloudTrail record",
    documents: "an object with Records, a CloudTrail record, or an array of them",
    lists: &["Records"],
    ignored: &[],
    stands_alone: true,
    marks: &[],
    // Notifications of S3 have Records too, and no eventID.
    needs: &[&["eventVersion"], &["eventTime"], &["eventID"]],
    id: Id { own: Some("eventID"), parts: &["eventID"] },
    rows: &[
        row("eventTime", "timestamp", How::DateTime),
        row("eventName", "action", How::Text),
        row("resources/0/type", "table_name", How::Text),
        row("resources/0/ARN", "object_id", How::Text),
        row("userIdentity", "user", How::Identity { ids: IDS, names: &["userName"] }),
        row("sourceIPAddress", "remote_addr", How::Text),
        row("requestParameters", "post_data", How::Any),
        row("errorCode", "outcome", How::Present("failure")),
        row("errorMessage", "outcome", How::Present("failure")),
        // A login that fails has no errorCode, and sometimes no errorMessage either: its outcome is
        // a member with the name of the event.
        row("responseElements/ConsoleLogin", "outcome", OUTCOMES),
        row("responseElements/SwitchRole", "outcome", OUTCOMES),
        row("responseElements/CheckMfa", "outcome", OUTCOMES),
        row("serviceEventDetails/CredentialChallenge", "outcome", OUTCOMES),
        row("serviceEventDetails/CredentialVerification", "outcome", OUTCOMES),
        row("serviceEventDetails/UserAuthentication", "outcome", OUTCOMES),
        // A record of CloudTrail Insights has no eventName: it says nothing about an outcome.
        row("eventName", "outcome", How::Present("success")),
        row("requestID", "correlation_id", How::Text),
        row("eventSource", "source", How::Text),
    ],
};

/// A role's session has an arn; a user of another account, of IAM Identity Center or a service has
/// one of the others.
const IDS: &[&str] = &["arn", "principalId", "onBehalfOf/userId", "invokedBy", "accountId"];
