//! A page that is too large is not read. PostgreSQL sends a result whole, so its size must be
//! checked before the query.

use audit_domain::{ChannelGrant, ChannelId, EventFilter, NewEvent, ParseMode, Sort, limits};

use super::recorded::recording;
use crate::connection::Purpose;
use crate::error::StoreError;
use crate::postings::Cache;
use crate::query::*;
use crate::test_postgres::Database;
use crate::url::DatabaseUrl;
use crate::{Store, StoreConfig, dialect};

#[test]
fn a_page_that_is_too_large_is_not_read_from_postgresql() {
    let database = Database::empty();
    let store = Store::open(StoreConfig::new(database.url())).unwrap();
    let count = limits::PAGE_SIZE_THAT_FITS + 4;
    let json = format!(r#"{{"content":"{}"}}"#, "m".repeat(limits::PAGE_BYTES_MAX / (count - 1)));
    let event = NewEvent::parse(&json, ParseMode::LENIENT).unwrap();
    for _ in 0..count {
        store.channels(ChannelId::DEFAULT).events().append(event.clone()).unwrap();
    }
    store.close();
    let mut conn = dialect::open(&DatabaseUrl::parse(&database.url()).unwrap(), Purpose::Read).unwrap();
    let ran = recording(&mut conn);
    let mut list = |size| {
        let channels = ChannelGrant::Only([ChannelId::DEFAULT].into());
        let (sort, page) = (Sort::by(Vec::new()), PageNumber::Number(1));
        let page =
            crate::query::list::<Events>(&mut conn, &Cache::default(), &channels, &EventFilter::default(), &sort, (page, size));
        let ran = std::mem::take(&mut *ran.lock().unwrap());
        (page.map(|page| page.records.len()), ran.iter().filter(|sql| sql.contains(r#""events"."content","#)).count())
    };
    let (page, reads) = list(count as i64);
    assert!(matches!(page, Err(StoreError::PageTooLarge { .. })), "{page:?}");
    assert_eq!(reads, 0);
    let (page, reads) = list(count as i64 - 2);
    assert_eq!((page.unwrap(), reads), (count - 2, 1));
}
