//! Writes an event in the form of the published page.

use audit_store::domain::{Event, ObjectId, ObjectWriter, slot};

/// Writes the keys of the published page in its order. An id that is not an integer shows as null,
/// because the type on the page is int.
pub(super) fn write(event: &Event, out: &mut String) {
    let subject = event.subject();
    let value = |number| event.entry.slots.value(number);
    let mut object = ObjectWriter::new(out);
    object
        .string("uuid", &event.entry.uuid.to_string())
        .string("timestamp", &event.entry.timestamp.to_string())
        .text("remote_addr", value(slot::REMOTE_ADDR))
        .text("url", value(slot::URL))
        .text("query_params", value(slot::QUERY_PARAMS))
        .text("post_data", value(slot::POST_DATA))
        .text("headers", value(slot::HEADERS))
        .integer("object_id", subject.object_id.as_ref().and_then(ObjectId::number))
        .text("content", value(slot::CONTENT))
        .integer("user", event.user().and_then(|user| user.identity().number()))
        .integer("content_type", subject.content_type);
    object.end();
}
