//! A server of the test's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

use super::keeper::{Keeper, PATIENCE};

/// The role of the tests, a superuser.
pub(super) const SUPERUSER: &str = "audit_super";

/// Where its data is, in its directory.
const DATA: &str = "data";

/// Durability stays on: the program refuses a server without.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "''"),
    ("max_connections", "300"),
    ("shared_buffers", "'64MB'"),
    ("max_wal_size", "'512MB'"),
    ("wal_level", "replica"),
    ("max_wal_senders", "4"),
    ("lc_messages", "'C'"),
    ("log_min_messages", "warning"),
];

/// A server that listens on a socket in a directory of its own, and ends with it.
pub(crate) struct Server {
    keeper: Keeper,
}

impl Server {
    pub(crate) fn start() -> Server {
        Server::with(&[])
    }

    /// The one of this test process, made when it is first asked for.
    pub(crate) fn shared() -> &'static Server {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Server::start)
    }

    /// With more settings, in the words of `postgresql.conf`.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Server {
        let server = Server { keeper: Keeper::start() };
        let options = ["--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", DATA];
        server.keeper.run(&binary("initdb"), &options);
        let mut text = String::new();
        for (name, value) in SETTINGS.iter().chain(settings) {
            text += &format!("{name} = {value}\n");
        }
        std::fs::write(server.sockets().join(DATA).join("postgresql.auto.conf"), text).unwrap();
        server.start_again();
        server
    }

    /// Starts it after a stop, on the same data.
    #[track_caller]
    pub(crate) fn start_again(&self) {
        let sockets = self.sockets().display().to_string();
        self.keeper.serve(&binary("postgres"), &["-D", DATA, "-k", &sockets], &self.url("postgres"));
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        self.keeper.log()
    }

    /// Ends it at once, as a crash of the machine would: without finishing anything.
    pub(crate) fn stop_immediate(&self) {
        self.keeper.stop();
    }

    /// Ends it and starts it again, which recovers what was committed.
    pub(crate) fn restart_immediate(&self) {
        self.stop_immediate();
        self.start_again();
    }

    /// The URL of a database, as the tests' superuser.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, database)
    }

    /// The URL of a database, as a role.
    pub(crate) fn url_as(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@/{database}?host={}", encoded(self.sockets()))
    }

    pub(crate) fn client(&self, database: &str) -> Client {
        Client::connect(&self.url(database), NoTls).unwrap()
    }

    /// Makes a database with nothing in it.
    pub(crate) fn create(&self, database: &str) {
        self.client("postgres").batch_execute(&format!("CREATE DATABASE {database}")).unwrap();
    }

    /// The directory of its socket.
    pub(super) fn sockets(&self) -> &Path {
        self.keeper.directory()
    }

    /// Changes a setting that takes no restart, for whatever is asked from now on.
    pub(crate) fn set(&self, name: &str, value: &str) {
        // A new connection has from the postmaster when that read the file, after which it told its children.
        let read = || self.client("postgres").query_one("SELECT pg_conf_load_time()::text", &[]).unwrap().get::<_, String>(0);
        let mut client = self.client("postgres");
        client.batch_execute(&format!("ALTER SYSTEM SET {name} = {value}")).unwrap();
        let (before, end) = (read(), Instant::now() + PATIENCE);
        client.batch_execute("SELECT pg_reload_conf()").unwrap();
        while read() == before {
            assert!(Instant::now() < end, "the settings are not read: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        // Whether a commit waits for a standby is what the checkpointer last heard, and it hears before it makes a checkpoint.
        client.batch_execute("CHECKPOINT").unwrap();
    }

    /// A standby that streams from this server and names itself so.
    pub(crate) fn standby(&self, name: &str) -> Standby {
        let standby = Server { keeper: Keeper::start() };
        let from = format!("host={} user={SUPERUSER} application_name={name}", self.sockets().display());
        let options = ["--no-sync", "--checkpoint=fast", "--write-recovery-conf", "-d", &from, "-D", DATA];
        standby.keeper.run(&binary("pg_basebackup"), &options);
        standby.start_again();
        Standby(standby)
    }
}

/// A copy that follows a server.
pub(crate) struct Standby(Server);

impl Standby {
    pub(crate) fn stop(&self) {
        self.0.stop_immediate();
    }

    pub(crate) fn start(&self) {
        self.0.start_again();
    }

    pub(crate) fn client(&self, database: &str) -> Client {
        self.0.client(database)
    }

    pub(crate) fn url(&self, database: &str) -> String {
        self.0.url(database)
    }
}

/// As a value in a URL.
pub(super) fn encoded(path: &Path) -> String {
    path.display().to_string().replace('%', "%25").replace('/', "%2F")
}

/// A program of PostgreSQL, all of them of one installation: where `pg_config` says, in the PATH, or where Debian keeps them. A
/// directory that has only some is passed over: Debian's `pg_basebackup` in the PATH is a script that picks a version of its own.
fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let configured = Command::new("pg_config").arg("--bindir").output().ok();
        let configured = configured.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
        let mut debian: Vec<PathBuf> =
            std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        debian.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = configured.into_iter().chain(std::env::split_paths(&path));
        let mut places = places.chain(debian.into_iter().rev().map(|path| path.join("bin")));
        let has_all = |folder: &PathBuf| ["initdb", "postgres", "pg_basebackup"].iter().all(|name| folder.join(name).exists());
        places.find(has_all).unwrap_or_else(|| {
            panic!(
                "these tests need the programs of a PostgreSQL server, which are not here: install them (Debian: apt-get install \
                 postgresql), or name a server in AUDIT_TEST_POSTGRES_URL, as a superuser"
            )
        })
    });
    folder.join(name)
}
