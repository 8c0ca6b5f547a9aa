//! The SQL of each family of queries, literally, and how each database goes about it: by which index, and whether it has to sort.

mod action_logs;
mod contract;
mod events;
mod million;
mod recorded;
mod retry;

use std::sync::{Arc, Mutex};

use audit_domain::{ChannelId, NewActionLog, NewEvent, Reading, Sort, SortKey, Walk, WalkOrder, WalkPoint};

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
    /// A thousand entries of each stream in two channels. Plans depend on the statistics of the migrations, not on these.
    fn new() -> Db {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/a.db", dir.path().display());
        let store = Store::open(&StoreConfig::new(&url)).unwrap();
        let channel = |n: i64| ChannelId::new(n % 2).unwrap();
        let events = (0..1000).map(|n| {
            let m = n % 50;
            let subject = format!(r#""action":"{m}","object_id":{m},"table_name":"{m}","content_type":{m}"#);
            let text = format!(r#"{{{subject},"user":{{"pk":{m},"username":"{m}"}},"remote_addr":"{m}","url":"{m}"}}"#);
            NewEvent::parse(&text, Reading::NATIVE).unwrap().prepare(channel(n)).unwrap()
        });
        let logs = (0..1000).map(|n| {
            let m = n % 50;
            let text = format!(r#"{{"level":{m},"logger_name":"{m}","app_name":"{m}","message":"{n}"}}"#);
            NewActionLog::parse(&text, Reading::NATIVE).unwrap().prepare(channel(n)).unwrap()
        });
        store.append(AppendRequest::import(events.chain(logs).collect())).unwrap().wait().unwrap();
        store.close();
        let mut conn = dialect::open(&DatabaseUrl::parse(&url).unwrap(), Purpose::Read).unwrap();
        let ran = recorded::recording(&mut conn);
        Db { conn, ran, dir }
    }

    /// Statements on a table since the last call, without names of columns that are only read, and their plans.
    fn plans_on(&mut self, table: &str) -> Vec<(String, String)> {
        let ran = std::mem::take(&mut *self.ran.lock().unwrap());
        let (from, prefix) = (format!("FROM `{table}`"), format!("{table}."));
        let on_table = ran.iter().filter(|sql| sql.contains(&from));
        let sql = on_table.map(|sql| sql.split(" -- binds").next().unwrap_or(sql).replace('`', "").replace(&prefix, ""));
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

    fn list<T: Table>(
        &mut self,
        channels: ChannelGrant,
        filter: T::Filter,
        sort: &[(T::SortField, bool)],
    ) -> Vec<(String, String)> {
        let keys = sort.iter().map(|(field, descending)| SortKey { field: *field, descending: *descending });
        let query = ListQuery { channels, filter, sort: Sort::by(keys.collect()), page: PageNumber::Number(1), size: 2 };
        list::<T>(&mut self.conn, &query).unwrap();
        self.plans_on(T::NAME)
    }

    fn walk<T: Table>(
        &mut self,
        order: WalkOrder,
        descending: bool,
        channels: Vec<i64>,
        filter: T::Filter,
    ) -> Vec<(String, String)> {
        let after = Some(WalkPoint { timestamp: 1, channel_id: 1, position: 200 });
        let walk_of = Walk { order, descending, channels: Some(channels), filter };
        walk::<T>(&mut self.conn, &WalkQuery { walk: walk_of, after, size: 2, counted: false }).unwrap();
        self.plans_on(T::NAME)
    }
}

fn one() -> ChannelGrant {
    ChannelGrant::Only([ChannelId::DEFAULT].into())
}

/// The plans of the statements, by which index each goes.
fn ways(plans: &[(String, String)]) -> Vec<&str> {
    plans.iter().map(|(_, plan)| plan.as_str()).collect()
}
