//! How the inventory API shows events: ids as strings, values byte for byte, null where there is none.

use audit_store::domain::uuid::Uuid;
use audit_store::domain::{Event, JsonKind, JsonText, Members, ObjectWriter, push_array, slot};
use audit_store::{GroupKey, Summary};

pub(super) fn list(events: &[Event]) -> String {
    let bytes: usize = events.iter().map(|event| event.slots.bytes() + 512).sum();
    let mut body = String::with_capacity(64 + bytes);
    let mut object = success(&mut body);
    object.integer("count", i64::try_from(events.len()).ok());
    object.nested("logs", |out| push_array(out, events, |event, out| write(event, out, |_| {})));
    object.end();
    body
}

/// One log, with the address that lists leave out.
pub(super) fn detail(event: &Event) -> String {
    let mut body = String::with_capacity(1024 + event.slots.bytes());
    let mut object = success(&mut body);
    let address = event.slots.value(slot::REMOTE_ADDR);
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

/// Counts by table, user and action, in this order, of one snapshot.
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

/// Events without a table, user or action count in the total only.
fn write_groups(summary: &Summary, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    for group in &summary.groups {
        if let GroupKey::Text(key) = &group.key {
            object.raw_key(&quoted(key), &group.count.to_string());
        }
    }
    object.end();
}

fn write(event: &Event, out: &mut String, more: impl FnOnce(&mut ObjectWriter<'_>)) {
    let subject = event.subject();
    let (user_id, user_name) = user(event);
    // A content that is no object has no sides.
    let sides = event.slots.value(slot::CONTENT).and_then(|content| Members::parse(content.as_str()).ok());
    let side = |name: &str| sides.as_ref().and_then(|sides| sides.last(name));
    let mut object = ObjectWriter::new(out);
    object
        .string("id", &event.uuid.to_string())
        .raw("user_id", user_id.as_deref().unwrap_or("null"))
        .text("user_name", user_name.as_ref())
        .text("action", subject.action.as_ref().map(|action| action.json()))
        .text("table_name", subject.table_name.as_ref())
        .text("record_id", subject.object_id.as_ref().map(|id| id.json()))
        .text("old_values", side("old_data"))
        .text("new_values", side("new_data"))
        .text("description", event.slots.value(slot::DESCRIPTION))
        .string("timestamp", &event.timestamp.to_string());
    more(&mut object);
    object.end();
}

/// The user's id as a JSON string, and the name: what the filter `user_id` finds, spelled as it was sent.
fn user(event: &Event) -> (Option<String>, Option<JsonText>) {
    let Some(user) = event.user() else { return (None, None) };
    let (id, name) = match user.snapshot() {
        Some(snapshot) => (snapshot.last("pk").cloned(), snapshot.last("username").cloned()),
        None => (Some(user.json().clone()), None),
    };
    let id = id.filter(|id| id.kind() == JsonKind::String || id.is_integer());
    (id.as_ref().map(quoted), name.filter(|name| name.kind() == JsonKind::String))
}

/// A string as it is, anything else between quotes: only integers come here, whose digits need no escapes.
fn quoted(json: &JsonText) -> String {
    if json.kind() == JsonKind::String { json.to_string() } else { JsonText::string(json.as_str()).to_string() }
}
