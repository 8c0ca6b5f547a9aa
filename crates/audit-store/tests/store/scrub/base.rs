//! A signed database of 10,000 real entries, and copies of it that may be changed.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime};

use audit_store::domain::log::VerifierKey;
use audit_store::domain::{ChannelGrant, ChannelId, Clock, MaskingPolicy, NewActionLog, NewEvent, ParseMode};
use audit_store::{Signing, Store, StoreConfig};
use flate2::read::GzDecoder;
use tempfile::TempDir;

use crate::common::{Raw, is_partitioned, on_postgres};
use crate::postgres_server::{Database, Template, migrate_partitioned};

/// Entries of all logs.
pub(super) const ENTRIES: usize = 10_000;

/// The first database, and what verifies it.
pub(super) struct Base {
    place: Place,
    pub(super) keys: Vec<VerifierKey>,
    _files: TempDir,
}

enum Place {
    File(TempDir),
    Server(Template),
}

/// A copy.
pub(super) enum Copy {
    File(TempDir),
    Server(Database),
}

/// The real lines of a file that are short: the others would only take longer.
fn lines(name: &str, count: usize) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../audit-server/tests/data").join(name);
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let short: Vec<&str> = text.lines().filter(|line| line.len() < 1_500).collect();
    let all = short.iter().cycle().take(count).map(|line| without_uuid(line));
    all.collect()
}

/// The lines repeat, and a uuid does not.
fn without_uuid(line: &str) -> String {
    let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
    members.remove("uuid");
    members.remove("channel_id");
    serde_json::to_string(&members).unwrap()
}

fn fill(url: &str, files: &Path) -> Vec<VerifierKey> {
    let signing = Signing::new(files.join("signing.key"), files.join("checkpoints")).log_name("audit.example.com/scrub");
    // All of them are recorded long ago.
    let clock = Clock::from_fn(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let store = Store::open(StoreConfig::new(url).masking(MaskingPolicy::none()).signing(signing).clock(clock)).unwrap();
    let events: Vec<NewEvent> =
        lines("events-dev.ndjson.gz", 7_000).iter().map(|line| NewEvent::parse(line, ParseMode::LENIENT).unwrap()).collect();
    for (channel, events) in [(1, &events[..6_200]), (7, &events[6_200..])] {
        let log = store.channel(channel).unwrap().events();
        for batch in events.chunks(500) {
            log.append_all(batch.iter().cloned()).unwrap();
        }
    }
    let logs = store.channels(ChannelId::new(7).unwrap()).action_logs();
    let messages: Vec<NewActionLog> = lines("action-log-dev.ndjson.gz", 3_000)
        .iter()
        .map(|line| NewActionLog::parse(line, ParseMode::LENIENT).unwrap())
        .collect();
    for batch in messages.chunks(500) {
        logs.append_all(batch.iter().cloned()).unwrap();
    }
    drop(logs);
    store.index().unwrap();
    store.sign().unwrap();
    let keys = [store.verifier_keys(&ChannelGrant::All).unwrap(), store.root_verifier_keys().unwrap()].concat();
    assert!(store.close_database(Duration::from_secs(10)));
    keys
}

impl Base {
    pub(super) fn new() -> Base {
        let files = tempfile::tempdir().unwrap();
        if !on_postgres() {
            let directory = tempfile::tempdir().unwrap();
            let keys = fill(&format!("sqlite://{}", directory.path().join("audit.db").display()), files.path());
            let raw = Raw::file(&directory.path().join("audit.db"));
            for trigger in raw.strings("SELECT name FROM sqlite_schema WHERE type = 'trigger'") {
                raw.execute(&format!("DROP TRIGGER {trigger}"));
            }
            // One file is all that is copied.
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)");
            return Base { place: Place::File(directory), keys, _files: files };
        }
        let mut keys = Vec::new();
        let template = Template::new(|url| {
            if is_partitioned() {
                migrate_partitioned(url, Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres")));
            }
            keys = fill(url, files.path());
        });
        Base { place: Place::Server(template), keys, _files: files }
    }

    pub(super) fn copy(&self) -> Copy {
        match &self.place {
            Place::Server(template) => Copy::Server(template.copy()),
            Place::File(from) => {
                let to = tempfile::tempdir().unwrap();
                std::fs::copy(from.path().join("audit.db"), to.path().join("audit.db")).unwrap();
                Copy::File(to)
            }
        }
    }
}

impl Copy {
    pub(super) fn config(&self) -> StoreConfig {
        StoreConfig::new(match self {
            Copy::File(directory) => format!("sqlite://{}", directory.path().join("audit.db").display()),
            Copy::Server(database) => database.url(),
        })
    }

    pub(super) fn raw(&self) -> Raw {
        match self {
            Copy::File(directory) => {
                let raw = Raw::file(&directory.path().join("audit.db"));
                raw.execute("PRAGMA synchronous = OFF; PRAGMA ignore_check_constraints = ON");
                raw
            }
            Copy::Server(database) => Raw::server(&database.url()),
        }
    }
}
