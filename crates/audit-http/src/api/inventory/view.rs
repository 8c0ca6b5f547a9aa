//! Writes events in the form of the inventory API: ids as strings, values byte for byte, and null
//! for a missing value.

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{Event, IdentityText, JsonKind, JsonText, ObjectWriter, push_array, slot};
use audit_store::{GroupKey, Summary};

use crate::blocking::page_buffer;

/// Writes a list. It drops each event as soon as the event is written, so that the page is in
/// memory only once.
pub(super) fn list(events: Vec<Event>) -> String {
    let bytes: usize = events.iter().map(|event| event.entry.slots.bytes() + 512).sum();
    let mut body = page_buffer(64 + bytes);
    let mut object = success(&mut body);
    object.integer("count", i64::try_from(events.len()).ok());
    object.nested("logs", |out| push_array(out, events, |event, out| write(&event, out, |_| {})));
    object.end();
    body
}

/// Writes one log, with the address that lists leave out.
pub(super) fn detail(event: &Event) -> String {
    let mut body = String::with_capacity(1024 + event.entry.slots.bytes());
    let mut object = success(&mut body);
    let address = event.entry.slots.value(slot::REMOTE_ADDR);
    object.nested("log", |out| {
        write(event, out, |log| {
            log.text("ip_address", address);
        });
    });
    object.end();
    body
}

pub(super) fn created(id: Uuid) -> String {
    let mut body = String::new();
    let mut object = success(&mut body);
    object.string("id", &id.to_string());
    object.end();
    body
}

/// Writes the counts by table, by user and by action, in this order, from one snapshot.
pub(super) fn summary(summaries: &[Summary]) -> String {
    let mut body = String::new();
    let mut object = success(&mut body);
    object.integer("total_logs", Some(summaries.first().map_or(0, |summary| summary.total)));
    for (name, summary) in ["by_table", "by_user", "by_action"].into_iter().zip(summaries) {
        object.nested(name, |out| write_groups(summary, out));
    }
    object.end();
    body
}

fn success(body: &mut String) -> ObjectWriter<'_> {
    let mut object = ObjectWriter::new(body);
    object.string("status", "success");
    object
}

/// Writes the groups. Events without a table, user or action count only in the total.
fn write_groups(summary: &Summary, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    for group in &summary.groups {
        if let GroupKey::Text(key) = &group.key {
            object.raw_key(&quoted(key.as_str()), &group.count.to_string());
        }
    }
    object.end();
}

fn write(event: &Event, out: &mut String, more: impl FnOnce(&mut ObjectWriter<'_>)) {
    let subject = event.subject();
    let user = event.entry.slots.value(slot::USER);
    let (user_id, user_name) = user.map_or((None, None), id_and_name);
    // A content that is not an object does not have sides.
    let sides = event.entry.slots.value(slot::CONTENT).and_then(|content| content.pick(&["old_data", "new_data"]));
    let [old, new] = sides.unwrap_or_default();
    let mut object = ObjectWriter::new(out);
    object
        .string("id", &event.entry.uuid.to_string())
        .raw("user_id", user_id.as_deref().unwrap_or("null"))
        .raw("user_name", user_name.unwrap_or("null"))
        .text("action", subject.action.as_ref().map(|action| action.json()))
        .text("table_name", subject.table_name.as_ref())
        .text("record_id", subject.object_id.as_ref().map(|id| id.json()))
        .raw("old_values", old.unwrap_or("null"))
        .raw("new_values", new.unwrap_or("null"))
        .text("description", event.entry.slots.value(slot::DESCRIPTION))
        .string("timestamp", &event.entry.timestamp.to_string());
    more(&mut object);
    object.end();
}

/// Returns the user's id as a JSON string, and the name. The filter `user_id` finds both; they are
/// spelled as the client sent them.
fn id_and_name(user: &JsonText) -> (Option<String>, Option<&str>) {
    let IdentityText { id, name, .. } = IdentityText::of(user);
    (id.map(quoted), name)
}

/// Returns a string as it is, and any other value between quotes. The other values are only
/// integers, and their digits need no escapes.
fn quoted(json: &str) -> String {
    if JsonKind::from_text(json) == JsonKind::String { json.to_owned() } else { JsonText::string(json).to_string() }
}
