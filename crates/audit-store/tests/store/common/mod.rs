//! What every test needs: a scratch database, events from JSON, and the invariants of a log.

use std::path::PathBuf;

use audit_store::domain::{ChannelGrant, ChannelId, Event, EventFilter, NewEvent, PreparedEntry, Reading, Stream, Walk, WalkOrder};
use audit_store::{AppendRequest, Receipt, Store, StoreConfig, WalkQuery};
use tempfile::TempDir;

/// A store in a directory of its own, which goes away with it.
pub(crate) struct Scratch {
    pub(crate) store: Store,
    dir: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&config_in(&dir)).unwrap();
        Scratch { store, dir }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("audit.db")
    }

    /// A second store on the same file: another process, as far as the database can tell.
    pub(crate) fn open_again(&self) -> Store {
        Store::open(&config_in(&self.dir)).unwrap()
    }

    /// A connection that is not the store's, with the pragmas of a SQL prompt.
    pub(crate) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }

    /// Appends as a local import and waits.
    pub(crate) fn append(&self, events: Vec<PreparedEntry>) -> Vec<Receipt> {
        append(&self.store, events)
    }

    pub(crate) fn append_json(&self, json: &str) -> Receipt {
        self.append(vec![event(json)])[0]
    }

    pub(crate) fn get(&self, receipt: &Receipt) -> Event {
        self.store.get(&only(receipt.channel_id.get()), receipt.channel_id, receipt.uuid).unwrap().unwrap()
    }
}

pub(crate) fn config_in(dir: &TempDir) -> StoreConfig {
    StoreConfig::new(format!("sqlite://{}/audit.db", dir.path().display()))
}

pub(crate) fn append(store: &Store, events: Vec<PreparedEntry>) -> Vec<Receipt> {
    store.append(AppendRequest::import(events)).unwrap().wait().unwrap()
}

/// An event in the native shape, for the channel it names, else the default one.
pub(crate) fn event(json: &str) -> PreparedEntry {
    let event = NewEvent::parse(json, Reading::NATIVE).unwrap();
    let channel = event.channel_id.unwrap_or(ChannelId::DEFAULT);
    event.prepare(channel).unwrap()
}

/// The uuid of a number.
pub(crate) fn uuid(number: u128) -> audit_store::domain::uuid::Uuid {
    audit_store::domain::uuid::Uuid::from_u128(number)
}

pub(crate) fn only(channel: i64) -> ChannelGrant {
    ChannelGrant::Only([ChannelId::new(channel).unwrap()].into())
}

/// Every event of a channel, by position.
pub(crate) fn log_of(store: &Store, channel: i64) -> Vec<Event> {
    let walk =
        Walk { order: WalkOrder::Position, descending: false, channels: Some(vec![channel]), filter: EventFilter::default() };
    let (mut events, mut after) = (Vec::new(), None);
    loop {
        let page = store.walk(&WalkQuery { walk: walk.clone(), after, size: 500, counted: false }).unwrap();
        events.extend(page.records);
        after = page.next;
        if after.is_none() {
            return events;
        }
    }
}

/// Every event of every channel, after checking what has to hold for each log.
pub(crate) fn checked_logs(store: &Store) -> Vec<Event> {
    let mut all = Vec::new();
    for head in store.logs(Stream::Events, &ChannelGrant::All).unwrap() {
        let events = log_of(store, head.channel_id);
        let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
        assert_eq!(positions, (0..head.size).collect::<Vec<_>>(), "positions have no gaps and end at the head");
        assert!(events.is_sorted_by_key(|event| event.recorded_at), "the order of positions is the order of commits");
        assert_eq!(head.recorded_at, events.last().map(|event| event.recorded_at));
        for event in &events {
            assert_eq!(event.leaf_hash, audit_store::domain::log::leaf_hash(&event.leaf_data()));
        }
        let mut uuids: Vec<_> = events.iter().map(|event| event.uuid).collect();
        uuids.sort_unstable();
        uuids.dedup();
        assert_eq!(uuids.len(), events.len(), "each event once");
        all.extend(events);
    }
    all
}

/// Whether an event is what its receipt says.
pub(crate) fn assert_receipt(event: &Event, receipt: &Receipt) {
    assert_eq!(Receipt { duplicate: receipt.duplicate, ..Receipt::of_duplicate(event) }, *receipt);
}

/// A few pseudo-random numbers, the same ones in every run (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
