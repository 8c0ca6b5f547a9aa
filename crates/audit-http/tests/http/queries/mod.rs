//! Queries that take long, answers that are large, and clients that ask for too much of both: whoever does something else goes on.

mod crowd;
mod held;
mod pages;
mod summaries;
mod time;

use audit_http::store::domain::{ChannelId, NewActionLog, NewEvent, ParseMode};
use audit_http::store::{AppendRequest, Store};

const MIB: usize = 1024 * 1024;

/// Appends so many events, each with this body around a text of so many bytes.
fn append_events(store: &Store, count: usize, event: &str) {
    let events: Vec<_> = (0..count)
        .map(|_| store.prepare(NewEvent::parse(event, ParseMode::NATIVE).unwrap(), ChannelId::DEFAULT).unwrap())
        .collect();
    for events in events.chunks(16) {
        store.append(AppendRequest::import(events.to_vec())).unwrap().wait().unwrap();
    }
}

/// Appends what takes a search for "not not" a while: each record has the words, and has to be looked at.
fn append_searched(store: &Store, count: usize) {
    let log = format!(r#"{{"level":20,"message":"{}"}}"#, "not it ".repeat(3000));
    for _ in 0..count / 200 {
        let logs = (0..200).map(|_| {
            let log = NewActionLog::parse(&log, ParseMode::NATIVE).unwrap();
            store.prepare_action_log(log, ChannelId::DEFAULT).unwrap()
        });
        store.append(AppendRequest::import(logs.collect())).unwrap().wait().unwrap();
    }
}
