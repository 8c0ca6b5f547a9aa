//! Writes an action log in the form of the published page.

use audit_store::domain::{ActionLog, ObjectWriter, action_log_slot};

/// Writes the keys of the published page in its order.
pub(super) fn write(log: &ActionLog, out: &mut String) {
    let subject = log.subject();
    let mut object = ObjectWriter::new(out);
    object
        .integer("id", Some(log.id()))
        .integer("level", subject.as_ref().map(|subject| subject.level))
        .text("logger_name", subject.as_ref().and_then(|subject| subject.logger_name.as_ref()))
        .text("message", log.entry.slots.value(action_log_slot::MESSAGE))
        .text("app_name", subject.as_ref().and_then(|subject| subject.app_name.as_ref()))
        .text("trace", log.entry.slots.value(action_log_slot::TRACE))
        .string("created_at", &log.entry.timestamp.to_string());
    object.end();
}
