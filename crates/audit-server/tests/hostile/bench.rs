//! Runs a scenario and judges what the honest client saw.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::attack::Attack;
use crate::common::http::Client;
use crate::common::program;
use crate::common::server::{KEY, Server};
use crate::honest::Honest;
use crate::measure::Samples;
use crate::postgres_server::Database;

/// How long the honest client works alone.
const ALONE: Duration = Duration::from_secs(4);

/// How long the server has to recover.
const RECOVERY: Duration = Duration::from_secs(2);

/// How long is looked whether it did.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// What the p99 may always be.
const P99: Duration = Duration::from_millis(250);

/// How many times the p99 without the attack it may be.
const P99_TIMES: u32 = 5;

const RESIDENT_BYTES_MAX: u64 = 300 * 1024 * 1024;

/// What a hostile client does.
pub(crate) trait Scenario: Sync {
    /// How long.
    const SECONDS: u64 = 6;

    /// What has to be in the database first, and other settings. With the administrator's key.
    fn prepare(&self, _admin: &mut Client) {}

    /// Attacks until [`Attack::is_over`].
    fn attack(&self, attack: &Attack);

    /// Looks whether there was an attack at all, and whether it got the answers it should.
    fn check(&self, _attack: &Attack) {}
}

/// Fills a log before the attack.
#[track_caller]
pub(crate) fn append(admin: &mut Client, path: &str, lines: &str) {
    let answer = admin.post(path, "application/x-ndjson", lines).unwrap();
    assert_eq!(answer.status, 201, "{} {}", answer.status, answer.body.chars().take(500).collect::<String>());
}

/// The databases.
#[derive(Debug, Clone, Copy)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

/// Two scenarios at once would disturb each other's times.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A rule that is broken is broken each time; something else that was busy on this machine is not there each time.
const ATTEMPTS: usize = 3;

/// Runs a scenario, and if the rule does not hold, again.
#[track_caller]
pub(crate) fn run<S: Scenario>(on: On, scenario: &S) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut broken = Vec::new();
    while broken.len() < ATTEMPTS {
        match attempt(on, scenario) {
            Ok(()) => return,
            Err(how) => broken.push(how),
        }
    }
    panic!("in {ATTEMPTS} attempts:\n{}", broken.join("\nagain:\n"));
}

/// A server, and what has to live as long as it.
struct ServerUnderTest {
    server: Server,
    _directory: TempDir,
    _database: Option<Database>,
}

fn start(on: On) -> ServerUnderTest {
    let directory = tempfile::tempdir().unwrap();
    let mut command = program(directory.path());
    command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0");
    let database = match on {
        On::Sqlite => None,
        On::Postgres => Some(Database::empty()),
    };
    if let Some(database) = &database {
        command.env("AUDIT_DATABASE_URL", database.url());
    }
    ServerUnderTest { server: Server::run(&mut command), _directory: directory, _database: database }
}

fn token(admin: &mut Client, name: &str, role: &str, channel: i64) -> String {
    let token = format!(r#"{{"name":"{name}","role":"{role}","channels":[{channel}]}}"#);
    let answer = admin.post("/api/v1/tokens", "application/json", &token).unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["key"].as_str().unwrap().to_owned()
}

/// What broke the rule, if anything did.
fn attempt<S: Scenario>(on: On, scenario: &S) -> Result<(), String> {
    let place = start(on);
    let address = place.server.address;
    let mut admin = Client::connect(address, KEY).unwrap();
    let honest = Honest::new(address, token(&mut admin, "honest", "writer", 1), token(&mut admin, "honest", "reader", 1));
    let attack = Attack::new(address, token(&mut admin, "hostile", "writer", 2), token(&mut admin, "hostile", "reader", 3));
    scenario.prepare(&mut admin);

    // Until caches are warm.
    honest.work(until(Duration::from_secs(1)));
    let alone = honest.work(until(ALONE));
    let during = std::thread::scope(|scope| {
        let hostile = scope.spawn(|| scenario.attack(&attack));
        let during = honest.work(until(Duration::from_secs(S::SECONDS)));
        attack.end();
        hostile.join().unwrap();
        during
    });
    std::thread::sleep(RECOVERY);
    let after = honest.work(until(AFTERWARDS));
    let peak = place.server.peak_bytes();
    println!(
        "{on:?}\n  alone  {alone}\n  during {during}\n  after  {after}\n  hostile {:?}, {} broken connections, peak {} MiB",
        attack.statuses(),
        attack.failures().len(),
        peak / 1024 / 1024
    );
    scenario.check(&attack);
    let broken = judge(&alone, &during, &after, peak);
    place.server.stop();
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}

fn until(time: Duration) -> impl Fn() -> bool + Sync {
    let end = Instant::now() + time;
    move || Instant::now() >= end
}

fn judge(alone: &Samples, during: &Samples, after: &Samples, peak: u64) -> String {
    let mut broken = String::new();
    let mut say = |what: String| writeln!(broken, "{what}").unwrap();
    // Each kind by itself: slow appends must not hide among quick lists.
    for kind in alone.kinds() {
        let unloaded = alone.of_kind(kind).p99();
        let most = P99.max(unloaded.saturating_mul(P99_TIMES));
        for (when, samples) in [("during the attack", during), ("two seconds after the attack", after)] {
            let p99 = samples.of_kind(kind).p99();
            if p99 > most {
                say(format!("the p99 of {kind} is {p99:?} {when}, at most {most:?} ({unloaded:?} alone): {samples}"));
            }
        }
    }
    for (when, samples) in [("alone", alone), ("during the attack", during), ("after the attack", after)] {
        let wrong = samples.wrong();
        if let Some(first) = wrong.first() {
            say(format!("{} wrong answers {when}, the first: {first:?}", wrong.len()));
        }
    }
    if peak > RESIDENT_BYTES_MAX {
        say(format!("{peak} bytes of memory, at most {RESIDENT_BYTES_MAX}"));
    }
    broken
}
