//! The SQL of each family of queries, literally, and how SQLite goes about it: by which index, and whether it has to sort.

use std::sync::{Arc, Mutex};

use audit_domain::{ChannelId, EventSort, Interval, NewEvent, Reading, SortField, SortKey, Walk, WalkOrder, WalkPoint};
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
    /// A thousand events in two channels, never analysed: what a plan must not depend on.
    fn new() -> Db {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/a.db", dir.path().display());
        let store = Store::open(&StoreConfig::new(&url)).unwrap();
        let events = (0..1000).map(|n| {
            let text = format!(r#"{{"user":{n},"action":"A{}","object_id":{n},"url":"/{n}","content_type":{}}}"#, n % 5, n % 20);
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

    /// Statements on `events` since the last call, without names of columns that are only read, and their plans.
    fn plans(&mut self) -> Vec<(String, String)> {
        let ran = std::mem::take(&mut *self.ran.lock().unwrap());
        let on_events = ran.iter().filter(|sql| sql.contains("FROM `events`"));
        let sql = on_events.map(|sql| sql.split(" -- binds").next().unwrap_or(sql).replace('`', "").replace("events.", ""));
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
        let sort = EventSort::by(sort.iter().map(|(field, descending)| SortKey { field: *field, descending: *descending }).collect());
        let query = ListQuery { channels: channel, filter, sort, page: PageNumber::Number(1), size: 2 };
        list(&mut self.conn, &query).unwrap();
        self.plans()
    }

    fn walk(&mut self, order: WalkOrder, descending: bool, channels: Vec<i64>, filter: EventFilter) -> Vec<(String, String)> {
        let after = Some(WalkPoint { timestamp: 1, channel_id: 1, position: 200 });
        let walk_of = Walk { order, descending, channels: Some(channels), filter };
        walk(&mut self.conn, &WalkQuery { walk: walk_of, after, size: 2, counted: false }).unwrap();
        self.plans()
    }
}

#[test]
fn probe() {
    let mut db = Db::new();
    let one = || ChannelGrant::Only([ChannelId::DEFAULT].into());
    let d = EventFilter::default;
    let t = || Some("7".to_owned());
    let iv = || Interval { start: 1, end: 5 };
    let fs: Vec<(&str, EventFilter)> = vec![
        ("none", d()),
        ("uuid", EventFilter { uuid: Some(Uuid::nil()), ..d() }),
        ("ct", EventFilter { content_type: Some(7), ..d() }),
        ("tn", EventFilter { table_name: t(), ..d() }),
        ("oid", EventFilter { object_id: Some("7".into()), ..d() }),
        ("user", EventFilter { user: t(), ..d() }),
        ("action", EventFilter { action: Some("A1".into()), ..d() }),
        ("url", EventFilter { url: Some("/7".into()), ..d() }),
        ("remote", EventFilter { remote_addr: t(), ..d() }),
        ("ts", EventFilter { timestamp: Interval { start: 1, end: i64::MAX - 1 }, ..d() }),
        ("rec", EventFilter { recorded_at: Interval { start: 1, end: i64::MAX - 1 }, ..d() }),
        ("pos", EventFilter { position: iv(), ..d() }),
        ("ct+oid", EventFilter { content_type: Some(7), object_id: Some("7".into()), ..d() }),
        ("ct+ts", EventFilter { content_type: Some(7), timestamp: Interval { start: 1, end: i64::MAX - 1 }, ..d() }),
        ("action+user", EventFilter { action: Some("A2".into()), user: t(), ..d() }),
    ];
    for (name, f) in &fs {
        println!("# list {name}");
        for (sql, plan) in db.list(one(), f.clone(), &[]) { println!("  {sql}\n      {plan}"); }
    }
    for (name, f) in [&fs[0], &fs[2]] {
        for field in [SortField::Timestamp, SortField::Uuid, SortField::Position, SortField::ContentType, SortField::ObjectId, SortField::User] {
            println!("# sort {name} {field:?}");
            for (sql, plan) in db.list(one(), f.clone(), &[(field, false)]) { println!("  {sql}\n      {plan}"); }
        }
    }
    println!("# several");
    for (sql, plan) in db.list(ChannelGrant::All, d(), &[]) { println!("  {sql}\n      {plan}"); }
    for (name, f) in [&fs[0], &fs[2], &fs[9], &fs[11]] {
        for order in [WalkOrder::Timestamp, WalkOrder::Position] {
            println!("# walk {name} {order:?}");
            for (sql, plan) in db.walk(order, true, vec![1], f.clone()) { println!("  {sql}\n      {plan}"); }
        }
    }
    println!("# walk several");
    for (sql, plan) in db.walk(WalkOrder::Timestamp, false, vec![0, 1], d()) { println!("  {sql}\n      {plan}"); }
    for by in [GroupBy::TableName, GroupBy::ContentType, GroupBy::User, GroupBy::Action, GroupBy::Hour] {
        println!("# summary {by:?}");
        summary(&mut db.conn, &one(), &d(), by).unwrap();
        for (sql, plan) in db.plans() { println!("  {sql}\n      {plan}"); }
    }
}
