//! Databases of tests, each of its own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

use super::Server;

/// Names a server to test with, instead of a private one, as a superuser: the tests make databases and roles.
const VARIABLE: &str = "AUDIT_TEST_POSTGRES_URL";

/// What every name begins with, so that nobody takes them for something else.
const PREFIX: &str = "audit_test_";

/// Where databases are made.
enum Host {
    Private(Box<Server>),
    /// A URL in which the database can be replaced: what stands before its name, and what behind it.
    Given(String, String),
}

impl Host {
    /// One for each test process, made when it is first asked for.
    fn shared() -> &'static Host {
        static HOST: OnceLock<Host> = OnceLock::new();
        HOST.get_or_init(|| match std::env::var(VARIABLE) {
            Ok(url) if !url.is_empty() => {
                let (place, query) = url.split_once('?').unwrap_or((&url, ""));
                let (server, _) = place.rsplit_once('/').filter(|(server, _)| server.contains("//")).unwrap_or((place, ""));
                let query = if query.is_empty() { String::new() } else { format!("?{query}") };
                Host::Given(server.to_owned(), query)
            }
            _ => Host::Private(Box::new(Server::start())),
        })
    }

    fn url(&self, database: &str) -> String {
        match self {
            Host::Private(server) => server.url(database),
            Host::Given(server, query) => format!("{server}/{database}{query}"),
        }
    }

    /// As a role without a password.
    fn url_as(&self, role: &str, database: &str) -> String {
        match self {
            Host::Private(server) => server.url_as(role, database),
            Host::Given(server, query) => {
                let (scheme, rest) = server.split_once("://").unwrap();
                let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                format!("{scheme}://{role}@{host}/{database}{query}")
            }
        }
    }

    fn execute(&self, sql: &str) -> Result<(), postgres::Error> {
        Client::connect(&self.url("postgres"), NoTls)?.batch_execute(sql)
    }
}

/// Makes a role without any right that may log in, unless it is there. Roles belong to all databases of a server.
pub(crate) fn create_role(name: &str) {
    let made =
        format!("DO $$ BEGIN CREATE ROLE {name} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$");
    Host::shared().execute(&made).unwrap();
}

fn unused_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("{PREFIX}{}_{}_{:x}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed), now & 0xff_ffff)
}

/// A database that is dropped with this.
pub(crate) struct Database {
    name: String,
}

impl Database {
    /// With nothing in it.
    pub(crate) fn empty() -> Database {
        let name = unused_name();
        Host::shared()
            .execute(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"))
            .unwrap();
        Database { name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn url(&self) -> String {
        Host::shared().url(&self.name)
    }

    /// As a role without a password.
    pub(crate) fn url_as(&self, role: &str) -> String {
        Host::shared().url_as(role, &self.name)
    }

    /// The role of the tests.
    pub(crate) fn role(&self) -> String {
        self.client().query_one("SELECT current_user::text", &[]).unwrap().get(0)
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.url(), NoTls).unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A private server goes away with all its databases.
        if matches!(Host::shared(), Host::Given(..)) {
            Host::shared().execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).unwrap_or_default();
        }
    }
}

/// A database to make others from. On a server that is not private, it stays behind when the process ends: the next process that
/// makes one removes those of processes that are gone.
pub(crate) struct Template(Database);

impl Template {
    /// Made once; `fill` gets its URL and leaves no connection to it open.
    pub(crate) fn new(fill: impl FnOnce(&str)) -> Template {
        if matches!(Host::shared(), Host::Given(..)) {
            remove_stale();
        }
        let database = Database::empty();
        fill(&database.url());
        Template(database)
    }

    /// A database with the same in it.
    pub(crate) fn copy(&self) -> Database {
        let name = unused_name();
        let end = Instant::now() + Duration::from_secs(30);
        let sql = format!("CREATE DATABASE {name} TEMPLATE {}", self.0.name);
        while let Err(error) = Host::shared().execute(&sql) {
            let busy = error.as_db_error().is_some_and(|error| error.message().contains("being accessed by other users"));
            assert!(busy && Instant::now() < end, "{error}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Database { name }
    }
}

/// Databases of test processes that are gone.
fn remove_stale() {
    let mut client = Client::connect(&Host::shared().url("postgres"), NoTls).unwrap();
    let rows = client.query("SELECT datname::text FROM pg_database WHERE starts_with(datname, $1)", &[&PREFIX]).unwrap();
    for name in rows.iter().map(|row| row.get::<_, String>(0)) {
        let process = name.trim_start_matches(PREFIX).split('_').next().unwrap_or_default().to_owned();
        if !std::path::Path::new("/proc").join(process).exists() {
            client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap_or_default();
        }
    }
}
