//! A stored entry that is not what was appended: the log tells the operator where it is, the answer tells the client, and nobody gets
//! the entry.

use audit_store::StoreError;

/// Logs a changed entry with its place, and gives what the client is told. `None` for every other failure.
pub(crate) fn report(error: &StoreError) -> Option<&'static str> {
    let StoreError::Changed { stream, channel_id, position, .. } = error else { return None };
    tracing::error!(%error, stream = stream.name(), channel_id, position, "an entry was changed in the database");
    Some("The entry was changed in the database after it was appended; the server's log says where.")
}
