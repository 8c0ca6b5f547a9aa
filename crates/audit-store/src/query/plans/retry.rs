//! A request that is sent again: few statements, whatever it holds, since the log is locked meanwhile.

use audit_domain::{ChannelId, Clock, NewEvent, PreparedEntry, Reading};

use super::recorded::recording;
use crate::append::{ClockWatch, Lookup, commit};
use crate::connection::Purpose;
use crate::test_postgres::Database;
use crate::url::DatabaseUrl;
use crate::{AppendRequest, Store, StoreConfig, dialect};

fn statements_of_a_retry(url: &str, events: u128) -> usize {
    Store::open(&StoreConfig::new(url)).unwrap().close();
    let mut conn = dialect::open(&DatabaseUrl::parse(url).unwrap(), Purpose::Write).unwrap();
    let ran = recording(&mut conn);
    let watch = ClockWatch::new(Clock::system(), std::time::Duration::MAX);
    let prepared = |number: u128| -> PreparedEntry {
        let uuid = audit_domain::uuid::Uuid::from_u128(number);
        NewEvent::parse(&format!(r#"{{"uuid":"{uuid}"}}"#), Reading::NATIVE).unwrap().prepare(ChannelId::DEFAULT).unwrap()
    };
    let request = AppendRequest::import((0..events).map(prepared).collect());
    let mut before = 0;
    for duplicate in [false, true] {
        before = ran.lock().unwrap().len();
        let outcome = commit(&mut conn, &[&request], Lookup::GivenUuids, &watch).unwrap().remove(0).unwrap();
        assert!(outcome.iter().all(|receipt| receipt.duplicate == duplicate));
    }
    ran.lock().unwrap().len() - before
}

#[test]
fn a_retry_of_thousands_is_a_few_statements() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::empty();
    for url in [format!("sqlite://{}/a.db", directory.path().display()), database.url()] {
        let statements = statements_of_a_retry(&url, 2_000);
        assert!(statements < 25, "{statements} statements");
    }
}
