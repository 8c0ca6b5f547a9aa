//! Reads end on both databases, and their connections can be used again.

use std::sync::mpsc;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::*;
use crate::connection::DbConnection;
use crate::test_postgres::Database;
use crate::{Store, StoreConfig, dialect};

/// Runs a test on SQLite and on PostgreSQL, with a store that runs one read at a time.
fn on_each_database(configure: impl Fn(StoreConfig) -> StoreConfig, test: impl Fn(&Store)) {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::empty();
    for url in [format!("sqlite://{}/audit.db", directory.path().display()), database.url()] {
        let store = Store::open(configure(StoreConfig::new(url).readers(1))).unwrap();
        test(&store);
        store.close();
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn number(conn: &mut DbConnection, sql: &str) -> Result<i64, StoreError> {
    Ok(diesel::sql_query(sql).get_result::<Number>(conn)?.number)
}

/// A statement that never ends by itself.
fn endless(conn: &mut DbConnection) -> Result<i64, StoreError> {
    number(conn, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 2 FROM n) SELECT CAST(COUNT(*) AS BIGINT) AS number FROM n")
}

fn assert_goes_on(store: &Store) {
    assert_eq!(store.read(|conn| number(conn, "SELECT CAST(7 AS BIGINT) AS number")).unwrap(), 7);
    assert_eq!(store.read(|conn| dialect::snapshot(conn, |conn| number(conn, "SELECT CAST(7 AS BIGINT) AS number"))).unwrap(), 7);
}

#[test]
fn a_read_ends_after_its_time_and_its_connection_goes_on() {
    let limited = |config: StoreConfig| config.query_timeout(Duration::from_millis(1500));
    on_each_database(limited, |store| {
        for _ in 0..2 {
            assert!(matches!(store.read(endless), Err(StoreError::QueryTimeout { seconds: 1 })));
            assert!(matches!(store.read(|conn| dialect::snapshot(conn, endless)), Err(StoreError::QueryTimeout { seconds: 1 })));
            assert_goes_on(store);
        }
    });
}

#[test]
fn the_time_is_that_of_the_whole_read_and_not_of_a_statement() {
    let limited = |config: StoreConfig| config.query_timeout(Duration::from_secs(2));
    on_each_database(limited, |store| {
        let start = Instant::now();
        let read = store.read(|conn| {
            dialect::snapshot(conn, |conn| {
                std::thread::sleep(Duration::from_millis(1800));
                dialect::go_on(conn)?;
                endless(conn)
            })
        });
        assert!(matches!(read, Err(StoreError::QueryTimeout { .. })), "{read:?}");
        assert!(start.elapsed() < Duration::from_millis(3700), "{:?}", start.elapsed());
        assert_goes_on(store);
    });
}

#[test]
fn a_read_that_is_cancelled_ends_and_no_other() {
    on_each_database(
        |config| config,
        |store| {
            let cancel = Cancel::new();
            let (started, has_started) = mpsc::channel();
            std::thread::scope(|scope| {
                let read = scope.spawn(|| {
                    cancel.scope(|| {
                        store.read(|conn| {
                            number(conn, "SELECT CAST(1 AS BIGINT) AS number")?;
                            started.send(()).unwrap();
                            endless(conn)
                        })
                    })
                });
                has_started.recv().unwrap();
                store.cancel(&cancel);
                assert!(matches!(read.join().unwrap(), Err(StoreError::Cancelled)));
            });
            assert!(matches!(cancel.scope(|| store.tokens()), Err(StoreError::Cancelled)));
            assert_goes_on(store);
        },
    );
}

/// A statement that takes about a second.
fn counted(conn: &mut DbConnection) -> Result<i64, StoreError> {
    number(
        conn,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) \
         SELECT CAST(COUNT(*) AS BIGINT) AS number FROM n",
    )
}

/// The connection, and with it the process of a server, works for another read by then.
#[test]
fn to_cancel_a_read_that_has_ended_ends_no_other() {
    on_each_database(
        |config| config,
        |store| {
            let cancel = Cancel::new();
            cancel.scope(|| assert_goes_on(store));
            let (started, has_started) = mpsc::channel();
            std::thread::scope(|scope| {
                let other = scope.spawn(|| {
                    store.read(|conn| {
                        started.send(()).unwrap();
                        counted(conn)
                    })
                });
                has_started.recv().unwrap();
                store.cancel(&cancel);
                assert_eq!(other.join().unwrap().unwrap(), 2_000_000);
            });
        },
    );
}

/// All clients of a pooler share a session, so each transaction sets its own time.
#[test]
fn behind_a_pooler_a_read_ends_after_its_time() {
    let limited = |config: StoreConfig| config.query_timeout(Duration::from_secs(1)).transaction_pooler(true);
    on_each_database(limited, |store| {
        assert!(matches!(store.read(|conn| dialect::snapshot(conn, endless)), Err(StoreError::QueryTimeout { seconds: 1 })));
        assert_goes_on(store);
    });
}

#[test]
fn a_process_of_the_same_number_on_another_server_goes_on() {
    let database = Database::empty();
    let url = crate::url::DatabaseUrl::parse(&database.url()).unwrap();
    let open = || dialect::open(&url, crate::connection::Purpose::PointRead).unwrap();
    let (mut working, mut asking) = (open(), open());
    let process = dialect::limit_session(&mut working, &url, None).unwrap().unwrap();
    let elsewhere = ServerProcess { server_started_at: process.server_started_at + 1, ..process };
    let has_ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            let long = number(&mut working, "SELECT COUNT(*) AS number FROM generate_series(1, 5000000)");
            has_ended.store(true, Ordering::Relaxed);
            (long, endless(&mut working))
        });
        while !work.is_finished() {
            let asked = if has_ended.load(Ordering::Relaxed) { process } else { elsewhere };
            dialect::cancel(&mut asking, asked).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        let (asked_elsewhere, asked_here) = work.join().unwrap();
        assert_eq!(asked_elsewhere.unwrap(), 5_000_000);
        assert!(asked_here.unwrap_err().to_string().contains("canceling statement due to user request"));
    });
}

#[test]
fn without_a_time_a_read_takes_as_long_as_it_takes() {
    on_each_database(
        |config| config,
        |store| {
            let left = store.read(|conn| {
                dialect::snapshot(conn, |conn| {
                    dialect::go_on(conn)?;
                    conn.batch_execute("SELECT 1")?;
                    Ok::<_, StoreError>(time_left())
                })
            });
            assert_eq!(left.unwrap(), None);
        },
    );
}

#[test]
fn limits_end_with_their_scope_and_a_panic_inside_it() {
    let cancel = Cancel::new();
    cancel.ask();
    let inside = std::panic::catch_unwind(|| {
        cancel.scope(|| {
            let _running = Running::start(Some(Duration::ZERO));
            assert!(matches!(check(), Err(StoreError::Cancelled)));
            assert!(!without(is_over));
            assert!(is_over());
            panic!("in the middle of a read");
        })
    });
    assert!(inside.is_err());
    assert!(!is_over() && check().is_ok() && time_left().is_none());
}

#[test]
fn a_read_inside_another_has_no_more_time_than_that() {
    let _outer = Running::start(Some(Duration::from_secs(5)));
    for inner in [None, Some(Duration::from_secs(3600))] {
        let _inner = Running::start(inner);
        assert!(time_left().unwrap() <= Duration::from_secs(5));
    }
    let _inner = Running::start(Some(Duration::ZERO));
    assert!(matches!(check(), Err(StoreError::QueryTimeout { seconds: 0 })));
}
