//! Writes an event in the form of the published page.

use audit_store::domain::{Event, ObjectId, ObjectWriter, User, id_number, slot};

/// Writes the keys of the published page, sorted by name.
pub(super) fn write(event: &Event, out: &mut String) {
    let subject = event.subject();
    let value = |number| event.entry.slots.value(number);
    let mut object = ObjectWriter::new(out);
    object
        .text("content", value(slot::CONTENT))
        .integer("content_type", subject.content_type)
        .text("headers", value(slot::HEADERS))
        .integer("object_id", subject.object_id.as_ref().and_then(ObjectId::number))
        .text("post_data", value(slot::POST_DATA))
        .text("query_params", value(slot::QUERY_PARAMS))
        .text("remote_addr", value(slot::REMOTE_ADDR))
        .string("timestamp", &event.entry.timestamp.to_string())
        .text("url", value(slot::URL));
    match event.user() {
        Some(user) => object.nested("user", |out| write_user(&user, out)),
        None => object.raw("user", "null"),
    };
    object.string("uuid", &event.entry.uuid.to_string());
    object.end();
}

/// The 28 keys of a user on the published page, sorted by name.
pub(super) const USER_KEYS: [&str; 28] = [
    "attributes",
    "attributes_kwargs",
    "avatar",
    "call_allowed",
    "date_joined",
    "date_of_birth",
    "email",
    "email_allowed",
    "first_name",
    "gender",
    "groups",
    "id",
    "is_active",
    "is_anonymized",
    "is_staff",
    "is_superuser",
    "language_code",
    "last_login",
    "last_name",
    "localized_attributes",
    "localized_attributes_kwargs",
    "modified_date",
    "phone",
    "pk",
    "sms_allowed",
    "user_permissions",
    "user_type",
    "username",
];

/// Writes exactly these keys. A key that the snapshot does not have is null. `pk` is an integer or
/// null.
fn write_user(user: &User, out: &mut String) {
    let snapshot = user.pick(&USER_KEYS);
    // A user that is a bare id has this id as its `pk`.
    let bare = snapshot.is_none().then(|| user.json().as_str());
    let mut object = ObjectWriter::new(out);
    for (key, value) in USER_KEYS.into_iter().zip(snapshot.unwrap_or([None; USER_KEYS.len()])) {
        match key {
            "pk" => object.integer(key, value.or(bare).and_then(id_number)),
            _ => object.raw(key, value.unwrap_or("null")),
        };
    }
    object.end();
}
