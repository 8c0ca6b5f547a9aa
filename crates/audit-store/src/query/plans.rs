//! The SQL of each family of queries, literally, and how SQLite goes about it: by which index, and whether it has to sort.

use std::sync::{Arc, Mutex};

use audit_domain::{
    ChannelId, EventFilter, EventSort, Interval, NewEvent, Reading, SortField, SortKey, Walk, WalkOrder, WalkPoint,
};
use diesel::connection::{Connection, InstrumentationEvent};

use super::*;
use crate::connection::Purpose;
use crate::url::DatabaseUrl;
use crate::{AppendRequest, Store, StoreConfig, dialect};

/// A database, and the statements that were run on it.
struct Db {
    conn: DbConnection,
    ran: Arc<Mutex<Vec<String>>>,
    dir: tempfile::TempDir,
}

impl Db {
    /// A thousand events in two channels. Plans depend on the statistics of the migration, not on these.
    fn new() -> Db {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/a.db", dir.path().display());
        let store = Store::open(&StoreConfig::new(&url)).unwrap();
        let events = (0..1000).map(|n| {
            let m = n % 50;
            let subject = format!(r#""action":"{m}","object_id":{m},"table_name":"{m}","content_type":{m}"#);
            let text = format!(r#"{{{subject},"user":{{"pk":{m},"username":"{m}"}},"remote_addr":"{m}","url":"{m}"}}"#);
            NewEvent::parse(&text, Reading::NATIVE).unwrap().prepare(ChannelId::new(n % 2).unwrap()).unwrap()
        });
        store.append(AppendRequest::import(events.collect())).unwrap().wait().unwrap();
        store.close();
        let mut conn = dialect::open(&DatabaseUrl::parse(&url).unwrap(), Purpose::Read).unwrap();
        let ran = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&ran);
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                log.lock().unwrap().push(query.to_string());
            }
        });
        Db { conn, ran, dir }
    }

    /// Statements on `events` since the last call, and their plans.
    fn plans(&mut self) -> Vec<(String, String)> {
        self.plans_on("events")
    }

    /// Statements on a table since the last call, without names of columns that are only read, and their plans.
    fn plans_on(&mut self, table: &str) -> Vec<(String, String)> {
        let ran = std::mem::take(&mut *self.ran.lock().unwrap());
        let from = format!("FROM `{table}`");
        let on_table = ran.iter().filter(|sql| sql.contains(&from));
        let sql = on_table.map(|sql| sql.split(" -- binds").next().unwrap_or(sql).replace('`', "").replace("events.", ""));
        let raw = rusqlite::Connection::open(self.dir.path().join("a.db")).unwrap();
        let explained = |sql: String| {
            let mut statement = raw.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            // Nothing is bound: a plan that depended on values would not be one.
            let mut rows = statement.raw_query();
            let mut plan = Vec::new();
            while let Some(row) = rows.next().unwrap() {
                plan.push(row.get::<_, String>(3).unwrap());
            }
            (sql, plan.join("; "))
        };
        sql.map(explained).collect()
    }

    fn list(&mut self, channel: ChannelGrant, filter: EventFilter, sort: &[(SortField, bool)]) -> Vec<(String, String)> {
        let sort =
            EventSort::by(sort.iter().map(|(field, descending)| SortKey { field: *field, descending: *descending }).collect());
        let query = ListQuery { channels: channel, filter, sort, page: PageNumber::Number(1), size: 2 };
        list::<Events>(&mut self.conn, &query).unwrap();
        self.plans()
    }

    fn walk(&mut self, order: WalkOrder, descending: bool, channels: Vec<i64>, filter: EventFilter) -> Vec<(String, String)> {
        let after = Some(WalkPoint { timestamp: 1, channel_id: 1, position: 200 });
        let walk_of = Walk { order, descending, channels: Some(channels), filter };
        walk::<Events>(&mut self.conn, &WalkQuery { walk: walk_of, after, size: 2, counted: false }).unwrap();
        self.plans()
    }
}

const PAGE_BY_POSITION: &str = "WHERE ((channel_id = ?) AND (position IN (?, ?)))";
const BY_POSITION: &str = "SEARCH events USING INDEX sqlite_autoindex_events_1 (channel_id=? AND position=?)";
const NEWEST_FIRST: &str = "ORDER BY timestamp DESC, position DESC LIMIT ? OFFSET ?";

fn one() -> ChannelGrant {
    ChannelGrant::Only([ChannelId::DEFAULT].into())
}

/// Counts, places and page of a filtered list, newest first, all by one index and without a sort. What the counters know is not
/// counted; of a range of time, its first and its last part of an hour are.
fn assert_by_index(db: &mut Db, filter: EventFilter, counts: usize, condition: &str, index: &str, range: &str) {
    let plans = db.list(one(), filter, &[]);
    let found = format!("SEARCH events USING COVERING INDEX {index} ({range})");
    let count = (format!("SELECT COUNT(*) FROM events WHERE {condition}"), found.clone());
    let places = (format!("SELECT position FROM events WHERE {condition} {NEWEST_FIRST}"), found);
    assert_eq!(plans[..counts], vec![count; counts]);
    assert_eq!(plans[counts], places);
    let page = &plans[counts + 1];
    assert!(page.0.ends_with(PAGE_BY_POSITION) && page.1 == BY_POSITION, "{page:?}");
}

#[test]
fn a_list_newest_first_is_read_off_an_index_whatever_it_is_filtered_by() {
    let mut db = Db::new();
    let any = EventFilter::default;
    let text = || Some("7".to_owned());
    let span = Interval { start: 1, end: i64::MAX - 1 };
    for (column, filter, counts, counts_of_span) in [
        ("content_type", EventFilter { content_type: Some(7), ..any() }, 0, 2),
        ("table_name", EventFilter { table_name: text(), ..any() }, 0, 2),
        ("object_id", EventFilter { object_id: text(), ..any() }, 1, 1),
        ("user_id", EventFilter { user: text(), ..any() }, 0, 1),
        ("action", EventFilter { action: text(), ..any() }, 0, 2),
        ("url", EventFilter { url: text(), ..any() }, 1, 1),
    ] {
        let (index, range) = (format!("events_by_{column}"), format!("channel_id=? AND {column}=?"));
        let condition = format!("((channel_id = ?) AND ({column} = ?))");
        assert_by_index(&mut db, filter.clone(), counts, &condition, &index, &range);
        let condition = format!("(({condition} AND (timestamp >= ?)) AND (timestamp < ?))");
        let range = format!("{range} AND timestamp>? AND timestamp<?");
        assert_by_index(&mut db, EventFilter { timestamp: span, ..filter }, counts_of_span, &condition, &index, &range);
    }
    let condition = "(((channel_id = ?) AND (timestamp >= ?)) AND (timestamp < ?))";
    let range = "channel_id=? AND timestamp>? AND timestamp<?";
    assert_by_index(&mut db, EventFilter { timestamp: span, ..any() }, 2, condition, "events_by_timestamp", range);
}

#[test]
fn a_list_of_everything_counts_nothing_and_reads_one_index() {
    let plans = Db::new().list(one(), EventFilter::default(), &[]);
    let places = format!("SELECT position FROM events WHERE (channel_id = ?) {NEWEST_FIRST}");
    assert_eq!(plans.len(), 2);
    assert_eq!(plans[0], (places, "SEARCH events USING COVERING INDEX events_by_timestamp (channel_id=?)".to_owned()));
    assert!(plans[1].0.ends_with(PAGE_BY_POSITION) && plans[1].1 == BY_POSITION);
}

#[test]
fn of_several_conditions_the_most_selective_leads_the_way() {
    let mut db = Db::new();
    let any = EventFilter::default;
    let text = || Some("7".to_owned());
    let (object, typed) = (|| EventFilter { object_id: text(), ..any() }, || EventFilter { content_type: Some(7), ..any() });
    let user = || EventFilter { user: text(), ..any() };
    for (filter, column) in [
        (EventFilter { content_type: Some(7), ..object() }, "object_id"),
        (EventFilter { table_name: text(), ..object() }, "object_id"),
        (EventFilter { action: text(), content_type: Some(7), user: text(), url: text(), ..object() }, "object_id"),
        (EventFilter { action: text(), ..user() }, "user_id"),
        (EventFilter { content_type: Some(7), ..user() }, "user_id"),
        (EventFilter { action: text(), ..typed() }, "content_type"),
        (EventFilter { url: text(), ..typed() }, "url"),
    ] {
        let way = format!("SEARCH events USING INDEX events_by_{column} (channel_id=? AND {column}=?)");
        assert_eq!(ways(&db.list(one(), filter.clone(), &[]))[..2], [way.as_str(); 2], "{filter:?}");
        // In another order, what few rows are left is sorted: better than walking the channel in that order.
        for field in [SortField::Uuid, SortField::Position] {
            let way = format!("{way}; USE TEMP B-TREE FOR ORDER BY");
            assert_eq!(ways(&db.list(one(), filter.clone(), &[(field, true)]))[1], way, "{field:?} {filter:?}");
        }
    }
}

#[test]
fn a_summary_of_a_channel_is_read_off_the_counters() {
    let mut db = Db::new();
    let keys = "SEARCH counters USING PRIMARY KEY (channel_id=? AND stream=? AND dimension=?)";
    for by in [GroupBy::TableName, GroupBy::ContentType, GroupBy::User, GroupBy::Person, GroupBy::Action] {
        summaries(&mut db.conn, &one(), &EventFilter::default(), &[by]).unwrap();
        assert_eq!(ways(&db.plans_on("counters")), [keys]);
        summaries(&mut db.conn, &one(), &EventFilter::default(), &[by]).unwrap();
        assert!(db.plans().is_empty(), "{by:?}");
    }
    let hours = "SEARCH counters_by_hour USING PRIMARY KEY (channel_id=? AND stream=? AND dimension=? AND key=?)";
    for by in [GroupBy::Hour, GroupBy::Day] {
        summaries(&mut db.conn, &one(), &EventFilter { table_name: Some("7".to_owned()), ..EventFilter::default() }, &[by])
            .unwrap();
        assert_eq!(ways(&db.plans_on("counters_by_hour")), [hours]);
    }
    // What is filtered by something that is not counted is read off the index of that.
    let filter = EventFilter { url: Some("7".to_owned()), ..EventFilter::default() };
    summaries(&mut db.conn, &one(), &filter, &[GroupBy::Action]).unwrap();
    let count = "SEARCH events USING COVERING INDEX events_by_url (channel_id=? AND url=?)";
    let groups = "SEARCH events USING INDEX events_by_url (channel_id=? AND url=?); USE TEMP B-TREE FOR GROUP BY";
    assert_eq!(ways(&db.plans()), [count, groups]);
}

#[test]
fn a_page_far_behind_the_first_starts_where_the_counters_say() {
    let mut db = Db::new();
    let query = ListQuery {
        channels: one(),
        filter: EventFilter::default(),
        sort: EventSort::default(),
        page: PageNumber::Number(200),
        size: 2,
    };
    list::<Events>(&mut db.conn, &query).unwrap();
    let places = format!("SELECT position FROM events WHERE ((channel_id = ?) AND (timestamp < ?)) {NEWEST_FIRST}");
    let way = "SEARCH events USING COVERING INDEX events_by_timestamp (channel_id=? AND timestamp<?)";
    assert_eq!(db.plans()[0], (places, way.to_owned()));
}

/// The plans of the statements, by which index each goes.
fn ways(plans: &[(String, String)]) -> Vec<&str> {
    plans.iter().map(|(_, plan)| plan.as_str()).collect()
}

#[test]
fn the_other_filters_have_these_plans() {
    let mut db = Db::new();
    let any = EventFilter::default;
    let plans = db.list(one(), EventFilter { uuid: Some(Uuid::nil()), ..any() }, &[]);
    assert_eq!(ways(&plans), ["SEARCH events USING COVERING INDEX sqlite_autoindex_events_2 (channel_id=? AND uuid=?)"]);
    let plans = db.list(one(), EventFilter { position: Interval { start: 1, end: 3 }, ..any() }, &[]);
    let range = "SEARCH events USING COVERING INDEX sqlite_autoindex_events_1 (channel_id=? AND position>? AND position<?)";
    assert_eq!(ways(&plans)[0], range);
    // Known: these two walk the whole channel, newest first. Neither is a filter of a published API's list.
    let channel = "SEARCH events USING INDEX events_by_timestamp (channel_id=?)";
    for filter in [
        EventFilter { remote_addr: Some("7".to_owned()), ..any() },
        EventFilter { recorded_at: Interval { start: 1, end: i64::MAX - 1 }, ..any() },
    ] {
        assert_eq!(ways(&db.list(one(), filter, &[])), [channel, channel, BY_POSITION]);
    }
}

#[test]
fn the_other_orders_have_these_plans() {
    let mut db = Db::new();
    for (field, way) in [
        (SortField::Timestamp, "SEARCH events USING COVERING INDEX events_by_timestamp (channel_id=?)"),
        (SortField::Position, "SEARCH events USING COVERING INDEX sqlite_autoindex_events_1 (channel_id=?)"),
        (SortField::Uuid, "SEARCH events USING INDEX sqlite_autoindex_events_2 (channel_id=?)"),
    ] {
        for descending in [false, true] {
            let plans = db.list(one(), EventFilter::default(), &[(field, descending)]);
            assert_eq!(ways(&plans), [way, BY_POSITION], "{field:?}");
        }
    }
    // Known: numbers before texts before null is no order of an index, so these sort the places of what matches.
    for (field, keys) in [
        (SortField::ContentType, "(content_type IS NULL) ASC, content_type DESC"),
        (SortField::ObjectId, "(object_num IS NULL) ASC, object_num DESC, (object_id IS NULL) ASC, object_id DESC"),
        (SortField::User, "(user_num IS NULL) ASC, user_num DESC, (user_id IS NULL) ASC, user_id DESC"),
    ] {
        let plans = db.list(one(), EventFilter { url: Some("7".to_owned()), ..EventFilter::default() }, &[(field, true)]);
        let condition = "((channel_id = ?) AND (url = ?))";
        let sql = format!("SELECT position FROM events WHERE {condition} ORDER BY {keys}, position DESC LIMIT ? OFFSET ?");
        assert_eq!(plans[1].0, sql);
        let way = "SEARCH events USING INDEX events_by_url (channel_id=? AND url=?); USE TEMP B-TREE FOR ORDER BY";
        assert_eq!(plans[1].1, way);
    }
}

#[test]
fn a_walk_starts_behind_its_cursor_and_never_sorts() {
    let mut db = Db::new();
    let any = EventFilter::default;
    let user = || EventFilter { user: Some("7".to_owned()), ..any() };
    let condition = "WHERE (((channel_id = ?) AND (timestamp <= ?)) AND ((timestamp < ?) OR (position < ?)))";
    let plans = db.walk(WalkOrder::Timestamp, true, vec![1], any());
    assert!(plans[0].0.ends_with(&format!("{condition} ORDER BY timestamp DESC, position DESC LIMIT ?")), "{}", plans[0].0);
    assert_eq!(ways(&plans), ["SEARCH events USING INDEX events_by_timestamp (channel_id=? AND timestamp<?)"]);
    let plans = db.walk(WalkOrder::Timestamp, true, vec![1], user());
    assert_eq!(ways(&plans), ["SEARCH events USING INDEX events_by_user_id (channel_id=? AND user_id=? AND timestamp<?)"]);
    let plans = db.walk(WalkOrder::Position, false, vec![1], any());
    assert!(plans[0].0.ends_with("WHERE ((channel_id = ?) AND (position > ?)) ORDER BY position ASC LIMIT ?"), "{}", plans[0].0);
    assert_eq!(ways(&plans), ["SEARCH events USING INDEX sqlite_autoindex_events_1 (channel_id=? AND position>?)"]);
    // Merged channels: places first, by index alone, then the events of the page.
    let plans = db.walk(WalkOrder::Timestamp, false, vec![0, 1], any());
    let place = "SEARCH events USING COVERING INDEX events_by_timestamp (channel_id=? AND timestamp>?)";
    assert_eq!(ways(&plans)[..2], [place, place]);
    assert!(plans[0].0.starts_with("SELECT timestamp, position FROM events WHERE ((channel_id = ?) AND (timestamp > ?))"));
    assert!(ways(&plans)[2..].iter().all(|way| *way == BY_POSITION));
}
