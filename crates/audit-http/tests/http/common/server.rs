//! The server as it runs in production, on a free port and a database of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::Duration;

use audit_http::store::domain::{ActionLog, ChannelGrant, MaskingPolicy, NewToken, Role};
use audit_http::store::{Store, StoreConfig};
use audit_http::{Server, ServerConfig};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{Answer, Ask, Client};
use crate::postgres_server::{Database, Template, migrate_partitioned};

/// A running server. End each test with [`TestServer::stop`], which sees to it that it ends well.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) store: Store,
    /// The key of an administrator of all channels.
    pub(crate) admin: String,
    running: Option<(oneshot::Sender<()>, JoinHandle<std::io::Result<()>>)>,
    // Dropped behind the store.
    place: TestDatabase,
}

/// A database of its own.
pub(crate) enum TestDatabase {
    File(TempDir),
    Server(Database),
}

impl TestDatabase {
    /// With the schema or without.
    pub(crate) fn new() -> TestDatabase {
        static TEMPLATE: OnceLock<Template> = OnceLock::new();
        if !on_postgres() {
            return TestDatabase::File(tempfile::tempdir().unwrap());
        }
        let template = TEMPLATE.get_or_init(|| Template::new(|url| drop(TestDatabase::made(url))));
        TestDatabase::Server(template.copy())
    }

    /// The store of an empty database on a server.
    pub(crate) fn made(url: &str) -> Store {
        if env!("CARGO_CRATE_NAME").contains("_partitioned_") {
            migrate_partitioned(url, Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../audit-store/migrations/postgres")));
        }
        Store::open(byte_for_byte(url)).unwrap()
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(self.config()).unwrap()
    }

    pub(crate) fn config(&self) -> StoreConfig {
        let url = match self {
            TestDatabase::File(directory) => format!("sqlite://{}/audit.db", directory.path().display()),
            TestDatabase::Server(database) => database.url(),
        };
        byte_for_byte(&url)
    }
}

/// A store that masks nothing, so that values come back as they were sent, whatever they are. The
/// tests of masking set a policy.
pub(crate) fn byte_for_byte(url: &str) -> StoreConfig {
    StoreConfig::new(url).masking(MaskingPolicy::none())
}

/// Whether these tests run on PostgreSQL: the name of the binary decides.
pub(crate) fn on_postgres() -> bool {
    env!("CARGO_CRATE_NAME").ends_with("_postgres")
}

impl TestServer {
    pub(crate) fn start() -> TestServer {
        TestServer::with(|_| {})
    }

    pub(crate) fn with(configure: impl FnOnce(&mut ServerConfig)) -> TestServer {
        TestServer::over(TestDatabase::new(), configure)
    }

    pub(crate) fn over(place: TestDatabase, configure: impl FnOnce(&mut ServerConfig)) -> TestServer {
        let store = place.open();
        TestServer::with_store(place, store, configure)
    }

    /// Over a store that was opened otherwise.
    pub(crate) fn with_store(place: TestDatabase, store: Store, configure: impl FnOnce(&mut ServerConfig)) -> TestServer {
        let mut config = ServerConfig {
            listen: "127.0.0.1:0".to_owned(),
            workers: Some(2),
            shutdown_timeout: Duration::from_secs(20),
            ..ServerConfig::default()
        };
        configure(&mut config);
        let server = Server::bind(store.clone(), config).unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(server.run(async {
                drop(stopped.await);
            }))
        });
        let admin = make_token(&store, Role::Admin, "*");
        TestServer { address, store, admin, running: Some((stop, thread)), place }
    }

    /// A key with a role in channels written as `*` or `1,2`.
    pub(crate) fn token(&self, role: Role, channels: &str) -> String {
        make_token(&self.store, role, channels)
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Asks on a connection of its own.
    pub(crate) fn ask(&self, ask: &Ask) -> Answer {
        self.connect().ask(ask)
    }

    pub(crate) fn get(&self, key: &str, target: &str) -> Answer {
        self.ask(&Ask::get(target).key(key))
    }

    pub(crate) fn post(&self, key: &str, target: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.ask(&Ask::post(target, body).key(key))
    }

    /// Appends through the native API and returns the receipt.
    pub(crate) fn append(&self, event: &str) -> Value {
        self.post(&self.admin, "/api/v1/events", event).expect(201)
    }

    /// Appends events in their order.
    pub(crate) fn append_all(&self, events: &[String]) {
        let answer = self.ask(&Ask::post_lines("/api/v1/events", events.join("\n")).key(&self.admin));
        assert_eq!(answer.expect(201)["accepted"], events.len());
    }

    /// How many events each channel has, and every event and every action log of every channel in the native shape.
    pub(crate) fn everything(&self) -> (Vec<(i64, i64)>, Vec<String>) {
        let heads = self.store.channels(ChannelGrant::All).events().states().unwrap();
        let heads: Vec<(i64, i64)> = heads.into_iter().map(|head| (head.channel_id, head.size)).collect();
        let events = heads.iter().flat_map(|(channel, _)| super::fixture::all_events(&self.store, *channel));
        let shown = |log: ActionLog| {
            let mut out = String::new();
            log.write_json(&mut out);
            out
        };
        let logs = super::fixture::all_action_logs(&self.store).into_iter().map(shown);
        (heads.clone(), events.map(|event| event.to_json()).chain(logs).collect())
    }

    /// How another store of its database is opened.
    pub(crate) fn store_config(&self) -> StoreConfig {
        self.place.config()
    }

    /// Runs SQL as somebody above the guards: the owner of the tables, or who has the file.
    pub(crate) fn sql(&self, sql: &str) {
        match &self.place {
            TestDatabase::File(_) => self.file_session().execute_batch(sql).unwrap(),
            TestDatabase::Server(database) => database.client().batch_execute(sql).unwrap(),
        }
    }

    /// A connection to the file of the database.
    pub(crate) fn file_session(&self) -> rusqlite::Connection {
        let TestDatabase::File(directory) = &self.place else { panic!("the database is not a file") };
        rusqlite::Connection::open(directory.path().join("audit.db")).unwrap()
    }

    /// A session above the guards, where there are sessions.
    pub(crate) fn session(&self) -> Option<postgres::Client> {
        match &self.place {
            TestDatabase::File(_) => None,
            TestDatabase::Server(database) => Some(database.client()),
        }
    }

    /// Tells the server to stop, as SIGTERM would.
    pub(crate) fn begin_to_stop(&mut self) -> JoinHandle<std::io::Result<()>> {
        let (stop, thread) = self.running.take().unwrap();
        stop.send(()).unwrap();
        thread
    }

    /// Waits for it to end by itself.
    pub(crate) fn ended(mut self) -> std::io::Result<()> {
        let (stop, thread) = self.running.take().unwrap();
        let end = thread.join().unwrap();
        drop(stop);
        end
    }

    /// Stops it and waits for its end.
    pub(crate) fn stop(mut self) {
        self.begin_to_stop().join().unwrap().unwrap();
    }
}

/// A test that fails in the middle must not hang.
impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some((stop, _)) = self.running.take() {
            drop(stop);
        }
    }
}

fn make_token(store: &Store, role: Role, channels: &str) -> String {
    let token = NewToken { name: role.name().to_owned(), role, channels: channels.parse().unwrap(), expires_at: None };
    store.create_token(token).unwrap().1.reveal().to_owned()
}
