//! The real events of `tests/data`, and what it means that one comes back byte for byte.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use audit_http::store::domain::Timestamp;
use serde_json::value::RawValue;

/// The packed NDJSON file.
pub(crate) fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/events-dev.ndjson.gz")
}

/// Its lines.
pub(crate) const EVENTS: usize = 11_256;

pub(crate) fn unpack(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// One event: the JSON text of each member that is not null, by name.
pub(crate) type Members<'a> = BTreeMap<&'a str, &'a str>;

pub(crate) fn members(line: &str) -> Members<'_> {
    let members: BTreeMap<&str, &RawValue> = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    members.into_iter().map(|(name, value)| (name, value.get())).filter(|(_, value)| *value != "null").collect()
}

/// What the log adds. The action is one that it derived; the source has none.
const ADDED: [&str; 5] = ["position", "recorded_at", "producer_id", "leaf_hash", "action"];

/// Every member of the source is there with the same bytes, timestamps as the same instant, and nothing else is.
#[track_caller]
pub(crate) fn assert_came_back(source: &Members<'_>, stored: &Members<'_>) {
    for (name, value) in source {
        let back = stored.get(name).copied();
        if *name == "timestamp" {
            assert_eq!(back.map(instant), Some(instant(value)), "{name}");
        } else {
            assert_eq!(back, Some(*value), "{name}");
        }
    }
    let others = stored.keys().filter(|name| !source.contains_key(*name) && !ADDED.contains(name));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&&str>::new());
}

pub(crate) fn instant(json: &str) -> Timestamp {
    Timestamp::parse(json.trim_matches('"')).unwrap()
}

/// The events of an export, by channel and uuid.
pub(crate) fn by_uuid(export: &str) -> BTreeMap<(&str, &str), Members<'_>> {
    export
        .lines()
        .map(|line| {
            let event = members(line);
            ((event["channel_id"], event["uuid"]), event)
        })
        .collect()
}

/// Positions count from 0 without a gap in each channel, one after the other.
#[track_caller]
pub(crate) fn assert_gapless(export: &str) {
    let mut next: BTreeMap<&str, usize> = BTreeMap::new();
    for line in export.lines() {
        let event = members(line);
        let position = next.entry(event["channel_id"]).or_default();
        assert_eq!(event["position"], position.to_string(), "channel {}", event["channel_id"]);
        *position += 1;
    }
}
