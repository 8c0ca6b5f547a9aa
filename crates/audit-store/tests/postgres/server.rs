//! A server of the test's own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use tempfile::TempDir;

use super::keeper::{Keeper, hand_over, run, unprivileged};

/// How long a server may take to start or to stop, on a slow machine under load.
const PATIENCE: Duration = Duration::from_secs(60);

/// The role of the tests, a superuser.
const SUPERUSER: &str = "audit_super";

/// Durability stays on: the program refuses a server without.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "''"),
    ("unix_socket_permissions", "0777"),
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
    data: PathBuf,
    sockets: PathBuf,
    // Dropped in this order: what runs ends before its directory goes.
    keeper: Keeper,
    _directory: TempDir,
}

impl Server {
    pub(crate) fn start() -> Server {
        Server::with(&[])
    }

    /// With more settings, in the words of `postgresql.conf`.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Server {
        let (directory, data) = place();
        let mut initdb = Command::new(binary("initdb"));
        initdb.args(["--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]).arg(&data);
        run(unprivileged(&mut initdb));
        let mut text = String::new();
        for (name, value) in SETTINGS.iter().chain(settings) {
            text += &format!("{name} = {value}\n");
        }
        std::fs::write(data.join("postgresql.auto.conf"), text).unwrap();
        Server::run(directory, data)
    }

    fn run(directory: TempDir, data: PathBuf) -> Server {
        let keeper = Keeper::of(directory.path());
        let sockets = directory.path().to_owned();
        let server = Server { data, sockets, keeper, _directory: directory };
        server.start_again();
        server
    }

    /// Starts it after a stop, on the same data.
    pub(crate) fn start_again(&self) {
        self.spawn();
        let end = Instant::now() + PATIENCE;
        while let Err(error) = Client::connect(&self.url("postgres"), NoTls) {
            assert!(Instant::now() < end, "the server does not start: {error}: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn spawn(&self) {
        let log = File::options().create(true).append(true).open(self.sockets.join("log")).unwrap();
        let mut postgres = Command::new(binary("postgres"));
        postgres.arg("-D").arg(&self.data).arg("-k").arg(&self.sockets);
        postgres.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = unprivileged(&mut postgres).spawn().unwrap();
        // Waited for elsewhere: a server that is stopped must not stay as a zombie that looks alive.
        std::thread::spawn(move || child.wait_with_output());
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.sockets.join("log")).unwrap_or_default()
    }

    /// Ends it at once, as a crash of the machine would: without finishing anything.
    pub(crate) fn stop_immediate(&self) {
        self.signal("QUIT");
    }

    /// Ends it and starts it again, which recovers what was committed.
    pub(crate) fn restart_immediate(&self) {
        self.stop_immediate();
        self.start_again();
    }

    fn signal(&self, name: &str) {
        let file = self.data.join("postmaster.pid");
        let Ok(text) = std::fs::read_to_string(&file) else { return };
        let number = text.lines().next().unwrap().to_owned();
        run(Command::new("sh").args(["-c", &format!("kill -{name} {number}")]));
        let end = Instant::now() + PATIENCE;
        while Path::new("/proc").join(&number).exists() {
            assert!(Instant::now() < end, "the server does not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        // A server that ended at once leaves the file behind.
        std::fs::remove_file(&file).unwrap_or_default();
    }

    /// The URL of a database, as the tests' superuser.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, database)
    }

    /// The URL of a database, as a role.
    pub(crate) fn url_as(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@/{database}?host={}", encoded(&self.sockets))
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
        &self.sockets
    }

    /// Changes a setting that takes no restart.
    pub(crate) fn set(&self, name: &str, value: &str) {
        let mut client = self.client("postgres");
        client.batch_execute(&format!("ALTER SYSTEM SET {name} = {value}")).unwrap();
        client.batch_execute("SELECT pg_reload_conf()").unwrap();
        let (wanted, end) = (value.trim_matches('\''), Instant::now() + PATIENCE);
        // The postmaster tells its children; whoever connects once it has read the file has it.
        let shown = || self.client("postgres").query_one(&format!("SHOW {name}"), &[]).unwrap().get::<_, String>(0);
        while shown() != wanted {
            assert!(Instant::now() < end, "{name} is not {wanted}");
            std::thread::sleep(Duration::from_millis(20));
        }
        // The children that were there already have been told by now, and look at the next chance.
        std::thread::sleep(Duration::from_millis(100));
    }

    /// A standby that streams from this server and names itself so.
    pub(crate) fn standby(&self, name: &str) -> Standby {
        let (directory, data) = place();
        let mut backup = Command::new(binary("pg_basebackup"));
        let from = format!("host={} user={SUPERUSER} application_name={name}", self.sockets.display());
        backup.args(["--no-sync", "--checkpoint=fast", "--write-recovery-conf", "-D"]).arg(&data).args(["-d", &from]);
        run(unprivileged(&mut backup));
        Standby(Server::run(directory, data))
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

/// A directory for a server, short enough for the path of a socket, and where its data goes.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::Builder::new().prefix("audit-pg-").tempdir_in("/tmp").unwrap();
    hand_over(directory.path());
    let data = directory.path().join("data");
    (directory, data)
}

fn encoded(path: &Path) -> String {
    path.display().to_string().replace('%', "%25").replace('/', "%2F")
}

/// A program of PostgreSQL: Debian keeps them out of the PATH.
pub(super) fn binary(name: &str) -> PathBuf {
    let mut places: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path()).collect();
    places.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    let debian = places.into_iter().rev().map(|path| path.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).chain(debian).map(|folder| folder.join(name)).find(|file| file.exists());
    found.unwrap_or_else(|| {
        panic!(
            "these tests need PostgreSQL, of which `{name}` is not here: install it (Debian: apt-get install postgresql), or name a \
             server in AUDIT_TEST_POSTGRES_URL, as a superuser"
        )
    })
}
