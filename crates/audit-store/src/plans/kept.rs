//! The statements that a connection keeps prepared: those that are the same for all filters, and no
//! others. Otherwise a key that uses every combination of filters would fill the memory of every
//! connection.

use std::sync::{Arc, Mutex};

use audit_domain::{ChannelGrant, ChannelId, EventFilter, EventValues, NewEvent, ParseMode, Sort, SortField, SortKey};
use diesel::connection::{Connection, InstrumentationEvent};

use crate::connection::{DbConnection, Purpose};
use crate::postings::Cache;
use crate::query::*;
use crate::test_postgres::Database;
use crate::url::DatabaseUrl;
use crate::{Store, StoreConfig, dialect};

/// A connection and the statements that it has kept since the last check.
struct Keeping {
    conn: DbConnection,
    kept: Arc<Mutex<Vec<String>>>,
}

impl Keeping {
    fn new(url: &str) -> Keeping {
        let store = Store::open(StoreConfig::new(url)).unwrap();
        let events = (0..100).map(|n| {
            let json = format!(r#"{{"content_type":{},"action":"a","url":"/{n}"}}"#, n % 3);
            NewEvent::parse(&json, ParseMode::LENIENT).unwrap()
        });
        store.channels(ChannelId::DEFAULT).events().append_all(events).unwrap();
        store.index().unwrap();
        store.close();
        let mut conn = dialect::open(&DatabaseUrl::parse(url).unwrap(), Purpose::Read).unwrap();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&kept);
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::CacheQuery { sql, .. } = event {
                log.lock().unwrap().push(sql.to_owned());
            }
        });
        Keeping { conn, kept }
    }

    /// The number of statements that the connection keeps for a list of events.
    fn list(&mut self, filter: EventFilter, sort: &[SortField], size: i64) -> usize {
        let keys = sort.iter().map(|field| SortKey { field: *field, descending: false }).collect();
        let channels = ChannelGrant::Only([1, size].into_iter().filter_map(ChannelId::new).collect());
        let page =
            list::<Events>(&mut self.conn, &Cache::default(), &channels, &filter, &Sort::by(keys), (1.into(), size)).unwrap();
        assert!(!page.records.is_empty());
        std::mem::take(&mut *self.kept.lock().unwrap()).len()
    }
}

fn assert_kept(url: &str, of_a_list: usize) {
    let mut conn = Keeping::new(url);
    let any = EventFilter::default;
    assert_eq!(conn.list(EventFilter { content_type: Some(1), ..any() }, &[], 50), of_a_list);
    // The statements read one log and its newest entries.
    assert_eq!(conn.list(any(), &[], 1), 2);
    for size in [1, 7, 64] {
        assert_eq!(conn.list(any(), &[], size), 0);
        assert_eq!(conn.list(EventFilter { action: Some("a".to_owned()), ..any() }, &[], size), 0);
        let two = EventFilter { url: Some("/7".to_owned()), content_type: Some(1), ..any() };
        assert_eq!(conn.list(two, &[], size), 0);
        let values = EventValues { url: (0..size).map(|n| format!("/{n}")).collect(), ..EventValues::default() };
        assert_eq!(conn.list(EventFilter { one_of: values.clone(), ..any() }, &[], size), 0);
        assert_eq!(conn.list(EventFilter { none_of: values, ..any() }, &[], size), 0);
    }
    // The entries that the index finds are read by position.
    assert_eq!(conn.list(EventFilter { content_type: Some(1), ..any() }, &[SortField::User], 2), 1);
    assert_eq!(conn.list(EventFilter { content_type: Some(2), ..any() }, &[SortField::Uuid, SortField::User], 2), 0);
    // A query that no index answers is a scan.
    let uuid = Some(Events::at(&mut conn.conn, 1, &[0]).unwrap().remove(0).entry.uuid);
    assert_eq!(conn.list(EventFilter { uuid, ..any() }, &[SortField::ObjectId], 2), 0);
}

#[test]
fn sqlite_keeps_only_statements_that_are_equal_for_all_queries() {
    let directory = tempfile::tempdir().unwrap();
    // The logs; the segments, their first points, blocks with the type, and points; the rows after
    // the index; and the page.
    assert_kept(&format!("sqlite://{}/a.db", directory.path().display()), 7);
}

#[test]
fn postgresql_keeps_only_statements_equal_for_all_queries() {
    let database = Database::empty();
    // And the sizes of the page.
    assert_kept(&database.url(), 8);
}
