//! Databases of tests, each of its own.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

use super::Server;

/// Names a server to test with, instead of a private one, as a superuser: the tests make databases and roles.
const VARIABLE: &str = "AUDIT_TEST_POSTGRES_URL";

/// What every name begins with, so that nobody takes them for something else.
const PREFIX: &str = "audit_test_";

/// Where databases are made.
#[derive(Clone)]
struct Host {
    /// Its database, if it names one, is where others are made from.
    url: String,
    /// What goes away with the process takes its databases along.
    is_private: bool,
}

impl Host {
    fn private(server: &Server) -> Host {
        Host { url: server.url("postgres"), is_private: true }
    }

    /// The one that is named, else the private one.
    fn shared() -> Host {
        static GIVEN: OnceLock<Option<(Host, Mutex<Client>)>> = OnceLock::new();
        let given = GIVEN.get_or_init(|| {
            let url = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())?;
            let host = Host { url, is_private: false };
            let alive = host.announce();
            Some((host, Mutex::new(alive)))
        });
        given.as_ref().map_or_else(|| Host::private(Server::shared()), |(host, _)| host.clone())
    }

    /// A connection that says, as long as the process lives, that its databases are in use, after those of processes that are gone
    /// were removed. The number of a process would not say it: the server may be shared by machines and by containers, in each of
    /// which other processes live.
    fn announce(&self) -> Client {
        let mut alive = self.client();
        alive.batch_execute(&format!("SET application_name = {}", process_name())).unwrap();
        let stale = "SELECT datname::text FROM pg_database WHERE starts_with(datname, $1) AND NOT EXISTS \
                     (SELECT FROM pg_stat_activity WHERE application_name = regexp_replace(pg_database.datname::text, '_[0-9]+$', ''))";
        for row in alive.query(stale, &[&PREFIX]).unwrap() {
            let name: String = row.get(0);
            // Another process may have been first, or another role owns it.
            alive.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap_or_default();
        }
        alive
    }

    fn url(&self, database: &str) -> String {
        let (server, _, query) = self.parts();
        format!("{server}/{database}{query}")
    }

    /// As a role without a password.
    fn url_as(&self, role: &str, database: &str) -> String {
        let (server, _, query) = self.parts();
        let (scheme, rest) = server.split_once("://").unwrap();
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        format!("{scheme}://{role}@{host}/{database}{query}")
    }

    /// What stands before the name of a database, the name, and what stands behind it.
    fn parts(&self) -> (&str, &str, &str) {
        let (place, query) = self.url.split_at(self.url.find('?').unwrap_or(self.url.len()));
        let (server, database) = place.rsplit_once('/').filter(|(server, _)| server.contains("://")).unwrap_or((place, ""));
        (server, if database.is_empty() { "postgres" } else { database }, query)
    }

    fn connect(&self) -> Result<Client, postgres::Error> {
        Client::connect(&self.url(self.parts().1), NoTls)
    }

    fn client(&self) -> Client {
        self.connect().unwrap_or_else(|error| panic!("no connection to the server of the tests: {error:?}"))
    }
}

/// Makes a role without any right that may log in, unless it is there. Roles belong to all databases of a server, and stay on one
/// that is not private.
pub(crate) fn create_role(name: &str) {
    let made =
        format!("DO $$ BEGIN CREATE ROLE {name} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$");
    Host::shared().client().batch_execute(&made).unwrap();
}

/// The number alone would be that of another process on another machine.
fn process_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let random = RandomState::new().build_hasher().finish();
        format!("{PREFIX}{}_{random:016x}", std::process::id())
    })
}

fn unused_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}_{}", process_name(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A database that is dropped with this.
pub(crate) struct Database {
    name: String,
    host: Host,
}

impl Database {
    /// With nothing in it.
    pub(crate) fn empty() -> Database {
        Database::made(Host::shared())
    }

    /// On this server, with nothing in it.
    pub(crate) fn on(server: &Server) -> Database {
        Database::made(Host::private(server))
    }

    fn made(host: Host) -> Database {
        let name = unused_name();
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
        host.client().batch_execute(&sql).unwrap();
        Database { name, host }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn url(&self) -> String {
        self.host.url(&self.name)
    }

    /// As a role without a password.
    pub(crate) fn url_as(&self, role: &str) -> String {
        self.host.url_as(role, &self.name)
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
        if !self.host.is_private
            && let Ok(mut client) = self.host.connect()
        {
            client.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).unwrap_or_default();
        }
    }
}

/// A database to make others from. In a `static` it is never dropped: on a server that is not private it stays behind when the
/// process ends, and the next process that tests there removes it.
pub(crate) struct Template(Database);

impl Template {
    /// Made once; `fill` gets its URL and leaves no connection to it open.
    pub(crate) fn new(fill: impl FnOnce(&str)) -> Template {
        let database = Database::empty();
        fill(&database.url());
        Template(database)
    }

    /// A database with the same in it.
    pub(crate) fn copy(&self) -> Database {
        let (name, host) = (unused_name(), self.0.host.clone());
        let end = Instant::now() + Duration::from_secs(30);
        let sql = format!("CREATE DATABASE {name} TEMPLATE {}", self.0.name);
        while let Err(error) = host.client().batch_execute(&sql) {
            let busy = error.as_db_error().is_some_and(|error| error.message().contains("being accessed by other users"));
            assert!(busy && Instant::now() < end, "{error}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Database { name, host }
    }
}
