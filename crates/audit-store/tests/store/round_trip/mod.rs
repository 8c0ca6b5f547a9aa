//! What goes in comes back byte for byte, and what is stored beside it belongs to it.

mod action_logs;
mod events;
mod json;

use audit_store::AppendRequest;
use audit_store::Prepared;
use audit_store::domain::log::Slots;
use audit_store::domain::{Entry, FilterColumns, JsonText, ParseMode};

use crate::common::{ActionLogs, Events, Kind, Raw, Scratch, assert_receipt, checked_logs_of};

/// A record as it is sent, and the slots it has to become.
#[derive(Debug, Clone)]
struct Sent {
    text: String,
    slots: Vec<(u8, String)>,
}

fn values(slots: &Slots) -> Vec<(u8, String)> {
    slots.iter().map(|slot| (slot.number, slot.value.as_ref().unwrap().to_string())).collect()
}

/// What is stored beside the slots.
trait Columns: Kind {
    /// The filter columns of an entry, read past the store.
    fn stored_columns(conn: &Raw, entry: &Entry) -> FilterColumns;

    /// An entry again, read from its export.
    fn read_back(entry: &Self::Stored) -> Prepared {
        let exported = Self::json(entry);
        let again = Self::parse(&exported, ParseMode::IMPORT).unwrap();
        assert_eq!(
            (again.uuid(), again.channel_id(), again.entry().timestamp()),
            (entry.as_ref().uuid, entry.as_ref().channel_id, entry.as_ref().timestamp),
            "{exported}"
        );
        again
    }
}

/// Everything that must hold of an entry that was appended: itself, what is stored beside it, its leaf, and its export.
fn assert_kept<K: Columns>(scratch: &Scratch, conn: &Raw, sent: &[(u8, String)], entry: Prepared) {
    let receipt = scratch.append(vec![entry.clone()])[0];
    let stored = scratch.get_of::<K>(&receipt);
    assert_receipt(stored.as_ref(), &receipt);
    assert_eq!(values(&stored.as_ref().slots), sent);
    assert_eq!(stored.as_ref().timestamp, entry.entry().timestamp());
    assert_eq!(&K::stored_columns(conn, stored.as_ref()), entry.entry().filter_columns());
    assert_eq!(&K::filter_columns(&stored), entry.entry().filter_columns());
    assert_eq!(stored.as_ref().leaf_hash, audit_store::domain::log::leaf_hash(&stored.as_ref().leaf_data(K::STREAM)));
    assert_eq!(stored.as_ref().leaf_hash, entry.entry().leaf_hash(0, stored.as_ref().recorded_at));

    let again = K::read_back(&stored);
    assert_eq!(values(again.entry().slots()), sent);
    assert!(again.entry().is_retry_of(stored.as_ref()) && entry.entry().is_retry_of(stored.as_ref()));
    let duplicate = scratch.append(vec![again])[0];
    assert!(duplicate.duplicate);
    assert_receipt(stored.as_ref(), &duplicate);
}

/// The slots of a record that is kept.
fn kept<K: Columns>(text: &str) -> Vec<(u8, String)> {
    let scratch = Scratch::new();
    let entry = K::parse(text, ParseMode::LENIENT).unwrap();
    let slots = values(entry.entry().slots());
    assert_kept::<K>(&scratch, &scratch.raw(), &slots, entry);
    slots
}

fn assert_all_kept<K: Columns>(all: Vec<Sent>) {
    let scratch = Scratch::new();
    let conn = scratch.raw();
    for Sent { text, slots } in all {
        let entry = K::parse(&text, ParseMode::LENIENT).unwrap();
        assert_eq!(values(entry.entry().slots()), slots);
        assert_kept::<K>(&scratch, &conn, &slots, entry);
    }
}

/// A text of exactly so many bytes: `start`, padding, `end`.
fn padded(start: &str, end: &str, bytes: usize) -> String {
    format!("{start}{}{end}", "x".repeat(bytes - start.len() - end.len()))
}

fn assert_carried<K: Columns>(texts: &[&str]) {
    let (from, to) = (Scratch::new(), Scratch::new());
    for text in texts {
        from.append_json_of::<K>(text);
    }
    let records = checked_logs_of::<K>(&from.store);
    let import: Vec<_> = records.iter().map(K::read_back).collect();
    to.store.append(AppendRequest::new(import)).unwrap().wait().unwrap();
    let imported = checked_logs_of::<K>(&to.store);
    assert_eq!(imported.len(), texts.len());
    for (was, is) in records.iter().zip(&imported) {
        assert_eq!(
            (was.as_ref().uuid, was.as_ref().channel_id, was.as_ref().timestamp, was.as_ref().position),
            (is.as_ref().uuid, is.as_ref().channel_id, is.as_ref().timestamp, is.as_ref().position)
        );
        assert_eq!(values(&was.as_ref().slots), values(&is.as_ref().slots));
    }
}

#[test]
fn an_export_carries_the_whole_log_into_an_empty_one() {
    assert_carried::<Events>(&[
        r#"{"channel_id":4,"uuid":"00000000-0000-0000-0000-000000000001","timestamp":"0001-01-01","object_id":7,"user":"\ud800","b":1}"#,
        r#"{"channel_id":4,"content":{"old_data":1e400},"user":{"pk":"1","pk":2}}"#,
        r#"{"channel_id":9,"timestamp":"9999-12-31T23:59:59.999999Z","extra":{"a":null},"object_id":"007"}"#,
    ]);
    assert_carried::<ActionLogs>(&[
        r#"{"channel_id":4,"uuid":"00000000-0000-0000-0000-000000000001","created_at":"0001-01-01","level":0,"message":"","b":1}"#,
        r#"{"channel_id":4,"level":50,"message":"\ud800","logger_name":"","trace":"\u0000","app_name":"\/"}"#,
        r#"{"channel_id":9,"created_at":"9999-12-31T23:59:59.999999Z","extra":{"a":1e400,"a":[]},"level":1,"message":"m"}"#,
    ]);
}

#[test]
fn a_text_that_was_not_well_formed_never_becomes_a_value() {
    for bad in ["\"\u{1}\"", "01", "\"\\ud80\"", "tru", "\u{feff}1", "1}"] {
        assert!(Events::parse(&format!("{{\"content\":{bad}}}"), ParseMode::LENIENT).is_none(), "{bad:?}");
        assert!(
            ActionLogs::parse(&format!("{{\"level\":1,\"message\":\"m\",\"x\":{bad}}}"), ParseMode::LENIENT).is_none(),
            "{bad:?}"
        );
        assert!(JsonText::parse(bad).is_err(), "{bad:?}");
    }
}
