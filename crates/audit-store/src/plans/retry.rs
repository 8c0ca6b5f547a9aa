//! A request that is sent again takes few statements, whatever its contents, because the log is
//! locked meanwhile.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit_domain::{ChannelId, Clock, NewEvent, ParseMode, PreparedEntry, limits};

use super::recorded::recording;
use crate::append::{ClockWatch, Lookup, Pace, commit};
use crate::connection::{DbConnection, Purpose};
use crate::test_postgres::Database;
use crate::url::DatabaseUrl;
use crate::{AppendError, AppendRequest, NotStored, Receipt, Store, StoreConfig, dialect};

type Outcome = Result<Vec<Receipt>, AppendError>;

/// An event of a channel, with more members.
fn event(number: u128, channel: i64, members: &str) -> PreparedEntry {
    let uuid = audit_domain::uuid::Uuid::from_u128(number);
    let json = format!(r#"{{"uuid":"{uuid}","channel_id":{channel}{members}}}"#);
    NewEvent::parse(&json, ParseMode::LENIENT).unwrap().prepare(ChannelId::DEFAULT).unwrap()
}

/// A log with entries, and the statements that ran after they were appended.
struct Log {
    conn: DbConnection,
    watch: ClockWatch,
    first: Vec<Receipt>,
    ran: Arc<Mutex<Vec<String>>>,
}

impl Log {
    fn with(url: &str, entries: &[PreparedEntry]) -> Log {
        Store::open(StoreConfig::new(url)).unwrap().close();
        let mut conn = dialect::open(&DatabaseUrl::parse(url).unwrap(), Purpose::Write).unwrap();
        let watch = ClockWatch::new(Clock::system(), Duration::MAX);
        let request = AppendRequest::of_entries(entries.to_vec());
        let first =
            commit(&mut conn, &[&request], Lookup::GivenUuids, &watch, None, &mut Pace::default()).unwrap().remove(0).unwrap();
        assert!(first.iter().all(|receipt| !receipt.duplicate));
        let ran = recording(&mut conn);
        Log { conn, watch, first, ran }
    }

    /// Appends requests in one batch. Returns the outcomes and the number of statements.
    fn append(&mut self, requests: Vec<Vec<PreparedEntry>>) -> (Vec<Outcome>, usize) {
        self.ran.lock().unwrap().clear();
        let requests: Vec<_> = requests.into_iter().map(AppendRequest::of_entries).collect();
        let outcomes = commit(
            &mut self.conn,
            &requests.iter().collect::<Vec<_>>(),
            Lookup::GivenUuids,
            &self.watch,
            None,
            &mut Pace::default(),
        )
        .unwrap();
        (outcomes, self.ran.lock().unwrap().len())
    }

    fn duplicate(&self, index: usize) -> Receipt {
        Receipt { duplicate: true, ..self.first[index] }
    }
}

fn on_both_databases(test: impl Fn(&str)) {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::empty();
    test(&format!("sqlite://{}/a.db", directory.path().display()));
    test(&database.url());
}

fn conflicts(outcome: &Outcome) -> usize {
    match outcome {
        Err(AppendError::NotStored(NotStored::Conflict(conflicts))) => conflicts.len(),
        other => panic!("{other:?}"),
    }
}

/// One statement reads at most 32 records.
#[test]
fn a_retry_of_thousands_is_a_few_statements() {
    on_both_databases(|url| {
        let entries: Vec<_> = (1..=2_000).map(|number| event(number, 1, "")).collect();
        let mut log = Log::with(url, &entries);
        for copies in [1, 3] {
            let (outcomes, statements) = log.append(vec![entries.clone(); copies]);
            let expected: Vec<_> = (0..2_000).map(|index| log.duplicate(index)).collect();
            assert!(outcomes.into_iter().all(|outcome| outcome.unwrap() == expected));
            assert!((63..85).contains(&statements), "{statements} statements for {copies}");
        }
    });
}

#[test]
fn many_mentions_of_a_stored_uuid_are_few_statements() {
    on_both_databases(|url| {
        let large = format!(r#","url":"/{}""#, "x".repeat(limits::EVENT_BYTES_MAX - 1_000));
        let mut log = Log::with(url, &[event(1, 1, &large), event(2, 1, r#","user":1"#)]);

        let (outcomes, statements) = log.append(vec![vec![event(2, 1, r#","user":1"#); 5_000]; 2]);
        let expected = vec![log.duplicate(1); 5_000];
        assert!(outcomes.into_iter().all(|outcome| outcome.unwrap() == expected));
        assert!(statements < 15, "{statements} statements for duplicates");

        let (outcomes, statements) = log.append(vec![vec![event(1, 1, ""); 5_000]; 2]);
        assert_eq!(outcomes.iter().map(conflicts).collect::<Vec<_>>(), [5_000; 2]);
        assert!(statements < 15, "{statements} statements for conflicts");

        let (outcomes, statements) = log.append((0..1_000).map(|_| vec![event(1, 1, ""), event(2, 1, "")]).collect());
        assert!(outcomes.iter().all(|outcome| conflicts(outcome) == 2));
        assert!(statements < 15, "{statements} statements for many requests");
    });
}

/// 60 MiB in three logs, which the batch asks for in turn and which are more than it holds.
#[test]
fn large_entries_of_several_logs_are_read_once_each() {
    on_both_databases(|url| {
        let members = format!(r#","url":"/{}""#, "x".repeat(limits::EVENT_BYTES_MAX - 1_000));
        let places = || (0..60).map(|number: u128| (number + 1, 1 + (number % 3) as i64));
        let large: Vec<_> = places().map(|(number, channel)| event(number, channel, &members)).collect();
        let mut log = Log::with(url, &large);
        drop(large);
        // Each uuid once, and then 20 times, all uuids in turn.
        for mentions in [1, 20] {
            let tiny: Vec<_> = (0..mentions).flat_map(|_| places()).map(|(number, channel)| event(number, channel, "")).collect();
            let (outcomes, statements) = log.append(vec![tiny]);
            assert_eq!(conflicts(&outcomes[0]), 60 * mentions);
            let reads = log.ran.lock().unwrap().iter().filter(|sql| sql.contains("seals") && sql.contains("SELECT")).count();
            assert!((3..30).contains(&reads) && statements < reads + 20, "{reads} reads, {statements} statements for {mentions}");
        }
    });
}
