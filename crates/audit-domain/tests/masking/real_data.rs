//! The real records of the server's test data: each value that is masked in them, so that a wrong
//! one is noticed.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use audit_domain::{JsonText, MaskingPolicy, NewActionLog, NewEvent, ParseMode};
use flate2::read::GzDecoder;

fn lines(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../audit-server/tests/data").join(name);
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The pointers of slot 11.
fn pointers(slot: &JsonText) -> Vec<String> {
    let slot: serde_json::Value = serde_json::from_str(slot.as_str()).unwrap();
    slot["pointers"].as_array().unwrap().iter().map(|pointer| pointer.as_str().unwrap().to_owned()).collect()
}

fn add(hits: &mut BTreeMap<String, usize>, group: &str, slot: Option<JsonText>) {
    for pointer in slot.iter().flat_map(pointers) {
        *hits.entry(format!("{group} {pointer}")).or_default() += 1;
    }
}

fn compare(hits: &BTreeMap<String, usize>, expected: &[(&str, usize)]) {
    let hits: Vec<(&str, usize)> = hits.iter().map(|(hit, count)| (hit.as_str(), *count)).collect();
    assert_eq!(hits, expected);
}

#[test]
fn secrets_of_real_events_are_masked_and_nothing_else() {
    let mut hits = BTreeMap::new();
    for line in lines("events-dev.ndjson.gz") {
        let mut event = NewEvent::parse(&line, ParseMode::NATIVE).unwrap();
        let channel = event.channel_id.map_or(0, |channel| channel.get());
        add(&mut hits, &channel.to_string(), event.mask(&MaskingPolicy::standard()));
    }
    compare(
        &hits,
        &[
            // An example of a command line, in the notes of a package.
            ("1 /content/new_data/notes/3", 1),
            // A presigned URL: it holds the right to download the file.
            ("2 /content/new_data/package_version/package_files/0/download_url", 1),
            ("2 /post_data/package/package_version/package_files/0/download_url", 1),
            ("4 /content/new_data/credentials/sessionToken", 5),
        ],
    );
}

#[test]
fn secrets_of_real_action_logs_are_masked_and_nothing_else() {
    let mut hits = BTreeMap::new();
    for line in lines("action-log-dev.ndjson.gz") {
        let mut log = NewActionLog::parse(&line, ParseMode::NATIVE).unwrap();
        let logger = log.logger_name.as_ref().and_then(JsonText::decoded).map_or(String::new(), |name| name.to_text());
        let slot = log.mask(&MaskingPolicy::standard());
        add(&mut hits, &logger, slot);
    }
    compare(
        &hits,
        &[
            // `WHERE "django_session"."session_key" = '…'`, which logs the session of a user.
            ("django.db.backends /message", 140),
            // `'CSRF_COOKIE': '…'` among the variables of a request.
            ("django.template /trace", 70),
        ],
    );
}

#[test]
fn a_command_line_in_real_inventory_logs_is_masked() {
    let mut hits = BTreeMap::new();
    for line in lines("inventory-dev.ndjson.gz") {
        let row = JsonText::parse(&line).unwrap();
        let mut event = NewEvent::new().content(row);
        add(&mut hits, "inventory", event.mask(&MaskingPolicy::standard()));
    }
    compare(&hits, &[("inventory /content/new_values/notes/3", 1)]);
}
