//! Real events: see `crates/audit-server/tests/data/README.md` and `tests/golden/README.md`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use audit_http::store::AppendRequest;
use audit_http::store::domain::{ActionLog, ActionLogFilter, ChannelGrant, CursorOrder, Event, EventFilter, NewEvent, ParseMode};
use audit_http::{ServerConfig, store::Store};
use flate2::read::GzDecoder;
use tempfile::TempDir;

use super::TestServer;
use super::server::{TestDatabase, byte_for_byte, on_postgres};
use crate::postgres_server::Template;

/// The lines of the fixture, in order.
pub(crate) fn fixture_lines() -> &'static [String] {
    static LINES: OnceLock<Vec<String>> = OnceLock::new();
    LINES.get_or_init(|| lines(&data("events-dev.ndjson.gz")))
}

/// The lines of the inventory logs, in order.
pub(crate) fn inventory_lines() -> &'static [String] {
    static LINES: OnceLock<Vec<String>> = OnceLock::new();
    LINES.get_or_init(|| lines(&data("inventory-dev.ndjson.gz")))
}

/// A file of the fixtures.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../audit-server/tests/data").join(name)
}

fn lines(path: &Path) -> Vec<String> {
    unpack(path).lines().map(str::to_owned).collect()
}

/// The lines of the action logs' file.
pub(crate) fn action_log_lines() -> Vec<String> {
    lines(&data("action-log-dev.ndjson.gz"))
}

/// The text of the golden answers.
pub(crate) fn golden() -> String {
    unpack(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/doors.json.gz"))
}

fn unpack(path: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// A database that holds the whole fixture, each event in the channel it names. Made once, copied for every test.
pub(crate) enum Fixture {
    File(TempDir),
    Server(Template),
}

impl Fixture {
    pub(crate) fn get() -> &'static Fixture {
        static FIXTURE: OnceLock<Fixture> = OnceLock::new();
        FIXTURE.get_or_init(|| {
            if on_postgres() {
                return Fixture::Server(Template::new(|url| fill(TestDatabase::made(url))));
            }
            let directory = tempfile::tempdir().unwrap();
            fill(Store::open(byte_for_byte(&format!("sqlite://{}/audit.db", directory.path().display()))).unwrap());
            Fixture::File(directory)
        })
    }

    /// A server over a copy.
    pub(crate) fn serve(&self, configure: impl FnOnce(&mut ServerConfig)) -> TestServer {
        TestServer::over(self.copy(), configure)
    }

    pub(crate) fn copy(&self) -> TestDatabase {
        match self {
            Fixture::Server(template) => TestDatabase::Server(template.copy()),
            Fixture::File(directory) => {
                let copy = tempfile::tempdir().unwrap();
                for entry in std::fs::read_dir(directory.path()).unwrap() {
                    let entry = entry.unwrap();
                    std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
                }
                TestDatabase::File(copy)
            }
        }
    }
}

fn fill(store: Store) {
    for lines in fixture_lines().chunks(2000) {
        let events = lines.iter().map(|line| {
            let event = NewEvent::parse(line, ParseMode::NATIVE).unwrap();
            store.channels(event.channel_id.unwrap()).events().prepare(event).unwrap()
        });
        store.append(AppendRequest::new(events)).unwrap().wait().unwrap();
    }
    store.close();
}

/// Every event of a channel, by position.
pub(crate) fn all_events(store: &Store, channel: i64) -> Vec<Event> {
    let log = store.channel(channel).unwrap().events();
    log.by_cursor(EventFilter::default()).order(CursorOrder::Position).iter().map(Result::unwrap).collect()
}

/// Every action log of every channel.
pub(crate) fn all_action_logs(store: &Store) -> Vec<ActionLog> {
    let logs = store.channels(ChannelGrant::All).action_logs();
    logs.by_cursor(ActionLogFilter::default()).order(CursorOrder::Position).iter().map(Result::unwrap).collect()
}
