//! Queries that take long, answers that are large, and clients that ask for too much of both: a client that does something else goes on.

mod crowd;
mod held;
mod pages;
mod summaries;
mod time;

use audit_http::store::Store;
use audit_http::store::domain::{ChannelId, NewActionLog, NewEvent, ParseMode};

const MIB: usize = 1024 * 1024;

/// Appends so many events, each with this body around a text of so many bytes.
fn append_events(store: &Store, count: usize, event: &str) {
    let log = store.channels(ChannelId::DEFAULT).events();
    let events = vec![NewEvent::parse(event, ParseMode::NATIVE).unwrap(); count];
    for events in events.chunks(16) {
        log.append_all(events.to_vec()).unwrap();
    }
}

/// Appends what takes a search for "not not" a while: each record has the words, and has to be looked at.
fn append_searched(store: &Store, count: usize) {
    let log = format!(r#"{{"level":20,"message":"{}"}}"#, "not it ".repeat(3000));
    for _ in 0..count / 200 {
        let logs = (0..200).map(|_| NewActionLog::parse(&log, ParseMode::NATIVE).unwrap());
        store.channels(ChannelId::DEFAULT).action_logs().append_all(logs).unwrap();
    }
}
