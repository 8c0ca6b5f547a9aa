//! What every test needs: a scratch database, events from JSON, and the invariants of a log.

mod erase;
mod kind;
mod raw;

pub(crate) use erase::{erase, openings_after};
pub(crate) use kind::{ActionLogs, CursorQuery, Events, Kind, ListQuery, Row};
pub(crate) use raw::{Lock, Raw, blob, is_partitioned, of_database, on_postgres};

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use audit_store::domain::{ChannelGrant, ChannelId, CursorOrder, Entry, Event, MaskingPolicy, ParseMode};
use audit_store::{AppendRequest, Prepared, Receipt, Store, StoreConfig};
use tempfile::TempDir;

use crate::postgres_server::{Database, Template, migrate_partitioned};

/// A database of its own, which goes away with it.
pub(crate) enum TestDatabase {
    File(TempDir),
    Server(Database),
}

impl TestDatabase {
    /// With nothing in it, not even tables.
    pub(crate) fn empty() -> TestDatabase {
        if on_postgres() { TestDatabase::Server(Database::empty()) } else { TestDatabase::File(tempfile::tempdir().unwrap()) }
    }

    /// With the schema. On a server, it is copied from one that was made once.
    fn migrated() -> TestDatabase {
        static TEMPLATE: OnceLock<Template> = OnceLock::new();
        if !on_postgres() {
            return TestDatabase::empty();
        }
        let template = TEMPLATE.get_or_init(|| {
            Template::new(|url| {
                if is_partitioned() {
                    migrate_partitioned(url, Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres")));
                }
                drop(Store::open(StoreConfig::new(url)).unwrap());
            })
        });
        TestDatabase::Server(template.copy())
    }

    pub(crate) fn config(&self) -> StoreConfig {
        let url = match self {
            TestDatabase::File(_) => format!("sqlite://{}", self.path().display()),
            TestDatabase::Server(database) => database.url(),
        };
        // Values come back as they were sent, whatever they are.
        StoreConfig::new(url).masking(MaskingPolicy::none())
    }

    /// Of a file.
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            TestDatabase::File(directory) => directory.path().join("audit.db"),
            TestDatabase::Server(_) => panic!("a server has no file"),
        }
    }

    /// A connection that is not the store's.
    pub(crate) fn raw(&self) -> Raw {
        match self {
            TestDatabase::File(_) => Raw::file(&self.path()),
            TestDatabase::Server(database) => Raw::server(&database.url()),
        }
    }
}

/// A store in a database of its own, which goes away with it.
pub(crate) struct Scratch {
    pub(crate) store: Store,
    pub(crate) place: TestDatabase,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch::with(|_| {})
    }

    pub(crate) fn with(configure: impl FnOnce(&mut StoreConfig)) -> Scratch {
        let place = TestDatabase::migrated();
        let mut config = place.config();
        configure(&mut config);
        let store = Store::open(&config).unwrap();
        Scratch { store, place }
    }

    /// A second store on the same database: another process, as far as the database can tell.
    pub(crate) fn open_again(&self) -> Store {
        Store::open(self.place.config()).unwrap()
    }

    /// A connection that is not the store's, with the settings of a SQL prompt.
    pub(crate) fn raw(&self) -> Raw {
        self.place.raw()
    }

    /// Keeps every append from its commit until it is dropped.
    pub(crate) fn lock(&self) -> Lock {
        Lock::take(self.raw())
    }

    /// Appends as a local import and waits.
    pub(crate) fn append(&self, events: Vec<Prepared>) -> Vec<Receipt> {
        append(&self.store, events)
    }

    pub(crate) fn append_json(&self, json: &str) -> Receipt {
        self.append_json_of::<Events>(json)
    }

    pub(crate) fn append_json_of<K: Kind>(&self, json: &str) -> Receipt {
        self.append(vec![K::parse(json, ParseMode::LENIENT).unwrap()])[0]
    }

    pub(crate) fn get(&self, receipt: &Receipt) -> Event {
        self.get_of::<Events>(receipt)
    }

    /// The record of a receipt.
    pub(crate) fn get_of<K: Kind>(&self, receipt: &Receipt) -> K::Stored {
        K::get(&self.store, &only(receipt.channel_id.get()), receipt.channel_id, receipt.uuid).unwrap()
    }

    /// Appends one record with these members and reads it back.
    pub(crate) fn append_one<K: Kind>(&self, members: &str) -> (Receipt, K::Stored) {
        let receipt = self.append(vec![K::entry(members)])[0];
        (receipt, self.get_of::<K>(&receipt))
    }
}

/// A store that prepares records, and has none.
pub(crate) fn preparer() -> &'static Store {
    static PREPARER: OnceLock<(TempDir, Store)> = OnceLock::new();
    let made = PREPARER.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/audit.db", dir.path().display());
        let store = Store::open(StoreConfig::new(url).masking(MaskingPolicy::none())).unwrap();
        (dir, store)
    });
    &made.1
}

pub(crate) fn append(store: &Store, events: Vec<Prepared>) -> Vec<Receipt> {
    store.append(AppendRequest::new(events)).unwrap().wait().unwrap()
}

/// An event in the native shape, for the channel it names, else the default one.
pub(crate) fn event(json: &str) -> Prepared {
    Events::parse(json, ParseMode::LENIENT).unwrap()
}

/// The uuid of a number, in the order of numbers. That of 0 is not the nil uuid, which is refused.
pub(crate) fn uuid(number: u128) -> audit_store::domain::uuid::Uuid {
    audit_store::domain::uuid::Uuid::from_u128((1 << 64) + number)
}

pub(crate) fn only(channel: i64) -> ChannelGrant {
    ChannelGrant::Only([ChannelId::new(channel).unwrap()].into())
}

/// The channels of a walk.
pub(crate) fn grant(channels: &Option<Vec<i64>>) -> ChannelGrant {
    match channels {
        None => ChannelGrant::All,
        Some(ids) => ChannelGrant::Only(ids.iter().map(|id| ChannelId::new(*id).unwrap()).collect()),
    }
}

/// Every record of a channel, by position.
pub(crate) fn log_of<K: Kind>(store: &Store, channel: i64) -> Vec<K::Stored> {
    let log = store.channel(channel).unwrap().log::<K>();
    log.by_cursor(K::Filter::default()).order(CursorOrder::Position).iter().map(Result::unwrap).collect()
}

/// Every event of every channel, after checking what has to hold for each log of either stream.
pub(crate) fn checked_logs(store: &Store) -> Vec<Event> {
    checked_logs_of::<ActionLogs>(store);
    checked_logs_of::<Events>(store)
}

/// Every record of every channel, after checking what has to hold for each log.
pub(crate) fn checked_logs_of<K: Kind>(store: &Store) -> Vec<K::Stored> {
    let mut all = Vec::new();
    for head in store.channels(ChannelGrant::All).log::<K>().states().unwrap() {
        let records = log_of::<K>(store, head.channel_id);
        let positions: Vec<i64> = records.iter().map(|record| record.as_ref().position).collect();
        assert_eq!(positions, (0..head.size).collect::<Vec<_>>(), "positions have no gaps and end at the head");
        assert!(records.is_sorted_by_key(|record| record.as_ref().recorded_at), "the order of positions is the order of commits");
        assert_eq!(head.recorded_at, records.last().map(|record| record.as_ref().recorded_at));
        for record in &records {
            assert_eq!(record.as_ref().leaf_hash, audit_store::domain::log::leaf_hash(&record.as_ref().leaf_data(K::STREAM)));
        }
        let mut uuids: Vec<_> = records.iter().map(|record| record.as_ref().uuid).collect();
        uuids.sort_unstable();
        uuids.dedup();
        assert_eq!(uuids.len(), records.len(), "each record once");
        all.extend(records);
    }
    all
}

/// Whether an entry is what its receipt says.
pub(crate) fn assert_receipt(entry: &Entry, receipt: &Receipt) {
    assert_eq!(Receipt { duplicate: receipt.duplicate, ..Receipt::of_duplicate(entry) }, *receipt);
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
