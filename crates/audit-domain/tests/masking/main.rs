//! Masking, through the public interface: the tables of names and values, the real records, rules,
//! and what holds for any record.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;
mod names;
mod planted;
mod properties;
mod real_data;
mod records;
mod rules;
mod values;

use audit_domain::{JsonText, MaskingPolicy, NewActionLog, NewEvent, ParseMode};

/// An event in the native shape.
fn event(json: &str) -> NewEvent {
    NewEvent::parse(json, ParseMode::NATIVE).unwrap()
}

/// Masks post data, and returns its new text and slot 11.
fn masked_by(policy: &MaskingPolicy, post_data: &str) -> (String, Option<String>) {
    let mut event = NewEvent::new().post_data(JsonText::parse(post_data).unwrap());
    let slot = event.mask(policy);
    (event.post_data.unwrap().to_string(), slot.map(|slot| slot.to_string()))
}

fn masked(post_data: &str) -> (String, Option<String>) {
    masked_by(&MaskingPolicy::standard(), post_data)
}

/// Masks a message of an action log.
fn masked_message(text: &str) -> String {
    let mut log = NewActionLog::new(20, text).unwrap();
    let slot = log.mask(&MaskingPolicy::standard());
    let message = log.message.decoded().unwrap().to_text();
    assert_eq!(slot.is_some(), message != text, "{text}");
    message
}

/// The lines of a table in `tests/vectors/masking`, without comments.
fn table(name: &str) -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/masking").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}
